//! A few threads that only read, each with a connection of its own. In WAL mode they never wait for the writer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use super::connection;
use super::migrate::OpenError;
use super::vitals::Vitals;
use crate::domain::fault::Fault;
use crate::store::{Look, Result, StoreError};

/// Threads that read.
const READERS: usize = 4;
/// Of these, how many take long looks, too.
const LONG_LOOKS_MAX: usize = 2;
/// Short looks that can wait.
const SHORT_QUEUE_CAPACITY: usize = 16_384;
/// Long looks that can wait.
const LONG_QUEUE_CAPACITY: usize = 1024;
/// SQLite's virtual machine looks up after so many instructions whether somebody still waits for it: some 0.1 ms.
const INSTRUCTIONS_BETWEEN_CHECKS: i32 = 10_000;

/// Is given a connection, or why there is none.
type Job = Box<dyn FnOnce(Result<&mut Connection>) + Send>;

pub struct Readers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    vitals: Arc<Vitals>,
    queues: Mutex<Queues>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queues {
    short: VecDeque<Job>,
    long: VecDeque<Job>,
    closed: bool,
}

/// Ends the reading when whoever waits for it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Readers {
    /// Starts the threads. Each opens its connection when it is first needed.
    pub fn start(vitals: Arc<Vitals>) -> std::io::Result<Self> {
        let queues = Mutex::new(Queues::default());
        let shared = Arc::new(Shared { vitals, queues, arrived: Condvar::new() });
        let start = |number| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("reader".into())
                .spawn(move || shared.run(number < LONG_LOOKS_MAX))
        };
        let threads = (0..READERS).map(start).collect::<std::io::Result<_>>()?;
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Runs `work` on a thread with a connection once one is free.
    pub async fn read<T, F>(&self, look: Look, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let gone = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(Arc::clone(&gone));
        let (answer, answered) = oneshot::channel();
        let vitals = Arc::clone(&self.shared.vitals);
        let job: Job = Box::new(move |connection| {
            if gone.load(Ordering::Relaxed) {
                return;
            }
            let result = connection.and_then(|connection| {
                let is_gone = move || gone.load(Ordering::Relaxed);
                connection.progress_handler(INSTRUCTIONS_BETWEEN_CHECKS, Some(is_gone))?;
                work(connection)
            });
            // What cannot be read may be well again, or only this reader's trouble; what is damaged is everybody's.
            // Where another file has taken the place, it is for the writer to find: it copies what was acknowledged first.
            if let Err(StoreError::Fault { fault: Fault::Corrupt, detail }) = &result
                && vitals.is_in_place()
            {
                vitals.fail(Fault::Corrupt, detail);
            }
            // Whoever asked may be gone.
            let _ = answer.send(result);
        });
        self.shared.put(look, job)?;
        answered.await.map_err(|_| StoreError::Other("a read ended without a result".into()))?
    }

    /// Refuses further reads, finishes what is queued, closes the connections, and waits for all that.
    pub async fn stop(&self) {
        self.shared.queues().closed = true;
        self.shared.arrived.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| _ = thread.join()));
        // Only a runtime that is ending does not run it.
        let _ = joined.await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.queues().closed = true;
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, look: Look, job: Job) -> Result<()> {
        let mut queues = self.queues();
        if queues.closed {
            return Err(StoreError::Closed);
        }
        match look {
            Look::Short if queues.short.len() >= SHORT_QUEUE_CAPACITY => return Err(StoreError::Full),
            Look::Long if queues.long.len() >= LONG_QUEUE_CAPACITY => return Err(StoreError::Full),
            Look::Short => {
                queues.short.push_back(job);
                self.arrived.notify_one();
            }
            Look::Long => {
                queues.long.push_back(job);
                // Not every thread takes it.
                self.arrived.notify_all();
            }
        }
        Ok(())
    }

    /// The next job; `None` when there will be no more. Short ones first.
    fn take(&self, long_too: bool) -> Option<Job> {
        let mut queues = self.queues();
        loop {
            let job = queues.short.pop_front();
            let job = job.or_else(|| if long_too { queues.long.pop_front() } else { None });
            if job.is_some() || queues.closed {
                return job;
            }
            queues = self.arrived.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, long_too: bool) {
        let mut connection = None;
        while let Some(job) = self.take(long_too) {
            let opened = match &mut connection {
                Some(opened) => Ok(opened),
                None => self.open().map(|opened| connection.insert(opened)),
            };
            // A panic is logged where it happens, and costs its own read only.
            let _ = catch_unwind(AssertUnwindSafe(|| job(opened)));
        }
    }

    fn open(&self) -> Result<Connection> {
        let failed = |error: OpenError| match error {
            OpenError::Sqlite(error) => self.vitals.refine(error.into()),
            other => StoreError::Fault { fault: Fault::Io, detail: other.to_string() },
        };
        // A connection to another file would read this one's log into it.
        if !self.vitals.is_in_place() {
            return Err(StoreError::Fault {
                fault: Fault::Replaced,
                detail: "it is not read any more".into(),
            });
        }
        let connection = connection::open_existing(self.vitals.path()).map_err(failed)?;
        // What is to become of the log is the writer's affair.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection::configure(&connection).map_err(failed)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}
