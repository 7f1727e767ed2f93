//! Answers on their way back from the writer: a batch at a time for each runtime thread.
//!
//! To wake a task from the writer's thread costs a lock and a system call. So the writer wakes one task on each runtime
//! thread and batch, and that one wakes its neighbours, which costs next to nothing.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::entries::Append;
use crate::domain::entry::Stored;
use crate::store::Result;

/// Batches that can wait for a runtime thread. Beyond that the writer wakes the waiters itself.
const BATCHES_MAX: usize = 64;

/// What to answer to an update.
pub type Answer = (Append, Result<Stored>);

static HOMES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HOME: RefCell<Option<Home>> = const { RefCell::new(None) };
}

/// Where the answers of one runtime thread go.
#[derive(Clone)]
pub struct Home {
    number: usize,
    batches: mpsc::Sender<Vec<Answer>>,
}

impl Home {
    /// The home of the calling thread, which runs a runtime.
    pub fn of_this_thread() -> Self {
        HOME.with_borrow_mut(|home| match home {
            Some(home) if !home.batches.is_closed() => home.clone(),
            // The first time, or the first after another runtime on this thread has ended.
            _ => home.insert(Self::open()).clone(),
        })
    }

    fn open() -> Self {
        let (batches, arriving) = mpsc::channel(BATCHES_MAX);
        tokio::spawn(receive(arriving));
        Self { number: HOMES.fetch_add(1, Ordering::Relaxed), batches }
    }
}

async fn receive(mut batches: mpsc::Receiver<Vec<Answer>>) {
    while let Some(batch) = batches.recv().await {
        tell(batch);
    }
}

fn tell(batch: Vec<Answer>) {
    batch.into_iter().for_each(|(append, result)| append.answer(result));
}

/// Sends each answer home.
pub fn deliver(answers: impl Iterator<Item = Answer>) {
    let mut by_home: Vec<(Home, Vec<Answer>)> = Vec::new();
    for answer in answers {
        let home = answer.0.home();
        match by_home.iter_mut().find(|(known, _)| known.number == home.number) {
            Some((_, batch)) => batch.push(answer),
            None => by_home.push((home.clone(), vec![answer])),
        }
    }
    for (home, batch) in by_home {
        if let Err(undelivered) = home.batches.try_send(batch) {
            tell(undelivered.into_inner());
        }
    }
}
