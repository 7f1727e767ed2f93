//! The one writer: a thread that owns the write connection and commits in groups.
//!
//! Updates wait in a bounded queue. The writer takes what has gathered, up to [`BATCH_MAX`], stores it in one
//! transaction, and answers only after the commit. While a commit is in flight the next batch gathers, so that batches
//! form by themselves and nobody waits for a batch to fill.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::answers::deliver;
use super::connection;
use super::entries::{self, Append};
use crate::store::{Result, StoreError};

/// Updates in one transaction.
const BATCH_MAX: usize = 1024;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

enum Job {
    Append(Append),
    Execute(Work),
    Stop,
}

/// A handle to the writer's thread.
pub struct Writer {
    queue: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. `queue_capacity` jobs can wait for it.
    pub fn start(connection: Connection, queue_capacity: usize) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(queue_capacity);
        let thread =
            std::thread::Builder::new().name("writer".into()).spawn(move || run(connection, jobs))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Queues an update; its answer comes after the commit.
    pub fn append(&self, append: Append) -> Result<()> {
        self.queue.try_send(Job::Append(append)).map_err(refusal)
    }

    /// Runs `work` in a transaction of its own and commits it unless it failed.
    pub async fn execute<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // Whoever asked may be gone, and ask again: then it must not be done twice.
            if !answer.is_closed() {
                let _ = answer.send(in_transaction(connection, work));
            }
        });
        self.queue.try_send(Job::Execute(work)).map_err(refusal)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Commits what is queued, checkpoints, closes the connection and waits for all that.
    pub async fn stop(&self) -> Result<()> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        // An error means that the thread is gone already.
        let _ = self.queue.send(Job::Stop).await;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(())) => Ok(()),
            _ => Err(StoreError::Other("the writer's thread ended with a panic".into())),
        }
    }
}

fn refusal(error: mpsc::error::TrySendError<Job>) -> StoreError {
    match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Full,
        mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
    }
}

/// Ends the process when the writer panics: a server that can never store again should not look alive.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                "the writer has failed; nothing acknowledged is lost, and a restart goes on from there"
            );
            std::process::abort();
        }
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let _guard = AbortOnPanic;
    let mut taken = Vec::with_capacity(BATCH_MAX);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut stopping = false;
    // After `close` the queue takes nothing more, and what it holds is still received.
    while jobs.blocking_recv_many(&mut taken, BATCH_MAX) > 0 {
        let mut others = Vec::new();
        for job in taken.drain(..) {
            match job {
                Job::Append(append) => batch.push(append),
                Job::Execute(work) => others.push(work),
                Job::Stop => stopping = true,
            }
        }
        if !batch.is_empty() {
            store(&mut connection, &mut batch);
        }
        others.into_iter().for_each(|work| work(&mut connection));
        if stopping {
            jobs.close();
        }
    }
    if let Err(error) = checkpoint(&connection) {
        tracing::warn!(%error, "the last checkpoint failed; the next start does it again");
    }
    let waits = connection::busy_waits();
    if waits > 0 {
        tracing::info!(waits, "this process has waited for another one's transactions");
    }
}

/// Stores a batch in one transaction, and then answers each of its updates.
fn store(connection: &mut Connection, batch: &mut Vec<Append>) {
    match in_transaction(connection, |transaction| entries::insert(transaction, batch)) {
        Ok(results) => deliver(batch.drain(..).zip(results)),
        Err(error) => {
            tracing::error!(%error, updates = batch.len(), "a batch of updates was not stored");
            let same = || match &error {
                StoreError::Busy => StoreError::Busy,
                other => StoreError::Other(other.to_string()),
            };
            deliver(batch.drain(..).map(|append| (append, Err(same()))));
        }
    }
}

/// Moves what it can of the write-ahead log into the database file, without waiting for readers. When this was the last
/// connection, closing it does the rest and removes the log.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
