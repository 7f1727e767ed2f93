//! The one writer: a thread that owns the write connection and commits in groups.
//!
//! Updates wait in a bounded queue. The writer takes what has gathered, up to [`BATCH_MAX`], stores it in one
//! transaction, and answers only after the commit. While a commit is in flight the next batch gathers, so that batches
//! form by themselves and nobody waits for a batch to fill.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::answers::deliver;
use super::backup;
use super::companion::{self, Companion};
use super::connection;
use super::entries::{self, Append};
use super::migrate::OpenError;
use super::vitals::Vitals;
use crate::clock;
use crate::domain::entry::Stored;
use crate::domain::fault::Fault;
use crate::store::{Result, StoreError};

/// Updates in one transaction.
const BATCH_MAX: usize = 1024;
/// Frames in the write-ahead log after which they are moved to the database file, and again after as many more when a
/// reader has kept some from being moved.
const CHECKPOINT_FRAMES: u64 = 1000;

type Work = Box<dyn FnOnce(&mut Committer) + Send>;

enum Job {
    Append(Append),
    Join(Box<dyn Companion>),
    Execute(Work),
    Stop,
}

/// A handle to the writer's thread.
pub struct Writer {
    queue: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    vitals: Arc<Vitals>,
}

impl Writer {
    /// Starts the thread. `queue_capacity` jobs can wait for it.
    pub fn start(
        connection: Connection,
        queue_capacity: usize,
        vitals: Arc<Vitals>,
    ) -> std::result::Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(queue_capacity);
        let committer = Committer::new(connection, Arc::clone(&vitals))?;
        let thread = std::thread::Builder::new().name("writer".into());
        let thread = thread.spawn(move || run(committer, jobs));
        let thread = thread.map_err(|error| OpenError::Io(error.to_string()))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), vitals })
    }

    /// Queues an update; its answer comes after the commit.
    pub fn append(&self, append: Append) -> Result<()> {
        self.put(Job::Append(append))
    }

    /// Runs `work` along with what else is to be written, in the same transaction, and returns once that is committed. It
    /// may run again when the transaction fails for another's sake.
    pub async fn join<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.put(Job::Join(companion::new(work, answer)))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` in a transaction of its own and commits it unless it failed.
    pub async fn execute<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |committer| {
            // Whoever asked may be gone, and ask again: then it must not be done twice.
            if !answer.is_closed() {
                let _ = answer.send(committer.transact(work));
            }
        });
        self.put(Job::Execute(work))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Jobs that wait.
    pub fn queue_length(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    fn put(&self, job: Job) -> Result<()> {
        if let Some(fault) = self.vitals.final_fault() {
            return Err(finished(fault));
        }
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Full,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
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

/// After a fault that only a restart ends nothing is written.
fn finished(fault: Fault) -> StoreError {
    StoreError::Fault { fault, detail: "nothing is written any more".into() }
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

fn run(mut committer: Committer, mut jobs: mpsc::Receiver<Job>) {
    let _guard = AbortOnPanic;
    let mut taken = Vec::with_capacity(BATCH_MAX);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut companions = Vec::new();
    let mut stopping = false;
    // After `close` the queue takes nothing more, and what it holds is still received.
    while jobs.blocking_recv_many(&mut taken, BATCH_MAX) > 0 {
        let mut others = Vec::new();
        for job in taken.drain(..) {
            match job {
                Job::Append(append) => batch.push(append),
                Job::Join(companion) => companions.push(companion),
                Job::Execute(work) => others.push(work),
                Job::Stop => stopping = true,
            }
        }
        if !batch.is_empty() || !companions.is_empty() {
            committer.store(&mut batch, &mut companions);
        }
        for work in others {
            work(&mut committer);
            committer.checkpoint_when_due();
        }
        if stopping {
            jobs.close();
        }
    }
    match committer.vitals.final_fault() {
        None => committer.checkpoint(),
        Some(_) => committer.leave_the_files_alone(),
    }
}

/// The write connection, and what is known of its transactions.
struct Committer {
    connection: Connection,
    vitals: Arc<Vitals>,
    /// Frames in the write-ahead log after the last commit.
    wal_frames: Arc<AtomicU64>,
    /// How many of them the last checkpoint had to leave there.
    left_frames: u64,
    /// Commits that have written something.
    commits: Arc<AtomicU64>,
    /// At how many the next checkpoint is due.
    checkpoint_at: u64,
}

impl Committer {
    fn new(mut connection: Connection, vitals: Arc<Vitals>) -> rusqlite::Result<Self> {
        let wal_frames = Arc::new(AtomicU64::new(0));
        let commits = Arc::new(AtomicU64::new(0));
        let (frames, committed) = (Arc::clone(&wal_frames), Arc::clone(&commits));
        // In the place of SQLite's own checkpoints, which do not say what they could not do.
        connection.wal_hook(Some(move |_: &mut _, count| {
            frames.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            committed.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { connection, vitals, wal_frames, commits, left_frames: 0, checkpoint_at: CHECKPOINT_FRAMES })
    }

    /// Stores a batch and what goes with it in one transaction, and then answers.
    fn store(&mut self, batch: &mut Vec<Append>, companions: &mut Vec<Box<dyn Companion>>) {
        let begun = clock::instant();
        let inserted = self.transact(|transaction| {
            let results = entries::insert(transaction, batch)?;
            companions.iter_mut().try_for_each(|companion| companion::run(transaction, &mut **companion))?;
            Ok(results)
        });
        let stored =
            inserted.as_ref().map_or(0, |results| results.iter().filter(|result| result.is_ok()).count());
        let stored = stored as u64;
        self.vitals.end(|writing| {
            writing.batches += u64::from(stored > 0);
            writing.updates += stored;
            writing.batch_updates_max = writing.batch_updates_max.max(stored);
            for append in batch.iter() {
                writing.queue_wait.record(begun.saturating_duration_since(append.queued_at()));
            }
        });
        match inserted {
            Ok(results) => {
                deliver(batch.drain(..).zip(results));
                companions.drain(..).for_each(|companion| companion.answer(Ok(())));
            }
            // One channel whose rows contradict its counter must not stop the others.
            Err(StoreError::Other(_)) if batch.len() + companions.len() > 1 => {
                let results: Vec<_> = batch.iter().map(|append| self.store_alone(append)).collect();
                deliver(batch.drain(..).zip(results));
                for mut companion in companions.drain(..) {
                    let committed = self.transact(|transaction| companion::run(transaction, &mut *companion));
                    companion.answer(committed);
                }
            }
            Err(error) => {
                deliver(batch.drain(..).map(|append| (append, Err(same(&error)))));
                companions.drain(..).for_each(|companion| companion.answer(Err(same(&error))));
            }
        }
        self.checkpoint_when_due();
    }

    fn store_alone(&mut self, append: &Append) -> Result<Stored> {
        let results =
            self.transact(|transaction| entries::insert(transaction, std::slice::from_ref(append)))?;
        results.into_iter().next().unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `work` in a transaction, and commits it unless it failed. What is not where it belongs afterwards is not
    /// acknowledged.
    fn transact<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        if let Some(fault) = self.vitals.final_fault() {
            return Err(finished(fault));
        }
        connection::be_patient(!self.vitals.is_faulty());
        let begun = self.vitals.begin();
        let commits = self.commits.load(Ordering::Relaxed);
        let mut commit = None;
        let result = self.try_to(work, &mut commit).map_err(|error| self.vitals.refine(error));
        let result = if self.vitals.is_in_place() { result } else { Err(self.replaced()) };
        self.vitals.note(&result, self.commits.load(Ordering::Relaxed) != commits);
        let (frames, left) = (self.wal_frames.load(Ordering::Relaxed), self.left_frames);
        self.vitals.end(|writing| {
            writing.busy += begun.elapsed();
            writing.wal_frames_max = writing.wal_frames_max.max(frames);
            writing.checkpoint_lag_max = writing.checkpoint_lag_max.max(left);
            writing.lock_errors += u64::from(matches!(result, Err(StoreError::Busy)));
            if let Some(took) = commit {
                writing.commit.record(took);
            }
        });
        result
    }

    fn try_to<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
        commit: &mut Option<Duration>,
    ) -> Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        let begun = clock::instant();
        transaction.commit()?;
        *commit = Some(begun.elapsed());
        Ok(value)
    }

    /// The path leads to other files than those that were opened, which are gone once they are closed: copies what is in them.
    fn replaced(&self) -> StoreError {
        let copied = backup::rescue(&self.connection, self.vitals.path(), self.vitals.original());
        let saved = match copied {
            Ok(copy) => format!("everything that was acknowledged is in {}", copy.display()),
            Err(error) => format!("and what was acknowledged could not be copied to another file: {error}"),
        };
        let detail = format!("{} or its -wal is another file now; {saved}", self.vitals.path().display());
        StoreError::Fault { fault: Fault::Replaced, detail }
    }

    /// To close the last connection moves the log into the database and deletes it, by its name: that may be the log of
    /// another database by now, or what a damaged one can be mended with.
    fn leave_the_files_alone(&self) {
        if let Err(error) = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::warn!(%error, "the write-ahead log may be deleted");
        }
    }

    fn checkpoint_when_due(&mut self) {
        if self.wal_frames.load(Ordering::Relaxed) >= self.checkpoint_at {
            self.checkpoint();
        }
    }

    /// Moves what it can of the write-ahead log into the database file, without waiting for readers. Once all of it was
    /// moved the log is used from its start again. When this was the last connection, closing it does the rest and
    /// removes the log.
    fn checkpoint(&mut self) {
        let begun = self.vitals.begin();
        let row = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        let (frames, moved) = match row {
            // Another process is at it.
            Ok((true, _, _)) => (self.wal_frames.load(Ordering::Relaxed), 0),
            // -1 where there is no log.
            Ok((false, frames, moved)) => (frames.max(0).cast_unsigned(), moved.max(0).cast_unsigned()),
            Err(error) => {
                // The log keeps what was not moved, so that nothing is lost: the next commit shows what is wrong.
                tracing::warn!(%error, "a checkpoint failed; the write-ahead log grows until one succeeds");
                (self.wal_frames.load(Ordering::Relaxed), 0)
            }
        };
        let left = frames.saturating_sub(moved);
        self.left_frames = left;
        self.checkpoint_at = if left == 0 { CHECKPOINT_FRAMES } else { frames + CHECKPOINT_FRAMES };
        self.vitals.end(|writing| {
            let took = begun.elapsed();
            writing.busy += took;
            writing.checkpoints += 1;
            writing.checkpointing += took;
            writing.wal_frames_max = writing.wal_frames_max.max(frames);
            writing.checkpoint_lag_max = writing.checkpoint_lag_max.max(left);
        });
    }
}

/// An error for each of those that it hit.
pub fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Fault { fault, detail } => StoreError::Fault { fault: *fault, detail: detail.clone() },
        other => StoreError::Other(other.to_string()),
    }
}
