//! What goes into the same transaction as the updates it is taken with, in a savepoint of its own: whatever is wrong with
//! it must not cost an update.

use rusqlite::Transaction;
use tokio::sync::oneshot;

use super::writer::same;
use crate::domain::fault::Fault;
use crate::store::{Result, StoreError};

/// Work in somebody else's transaction.
pub trait Companion: Send {
    /// Does it. It is done again when the transaction before has failed.
    fn work(&mut self, transaction: &Transaction<'_>) -> Result<()>;

    /// Answers with what came of it, if that is `committed`.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Joining<T, F> {
    work: F,
    result: Result<T>,
    answer: oneshot::Sender<Result<T>>,
}

/// What does `work` and sends `answer` what that returned.
pub fn new<T, F>(work: F, answer: oneshot::Sender<Result<T>>) -> Box<dyn Companion>
where
    T: Send + 'static,
    F: FnMut(&Transaction<'_>) -> Result<T> + Send + 'static,
{
    Box::new(Joining { work, result: Err(StoreError::Closed), answer })
}

impl<T, F> Companion for Joining<T, F>
where
    T: Send,
    F: FnMut(&Transaction<'_>) -> Result<T> + Send,
{
    fn work(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        // Whoever asked may be gone, and ask again: then it must not be done twice.
        if self.answer.is_closed() {
            return Ok(());
        }
        self.result = (self.work)(transaction);
        self.result.as_ref().map(|_| ()).map_err(same)
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        // Whoever asked may be gone.
        let _ = self.answer.send(committed.and(self.result));
    }
}

/// Lets a companion work inside a transaction that goes on without it when that fails.
///
/// # Errors
/// Where the database is damaged, or SQLite has given up the whole transaction for it.
pub fn run(transaction: &Transaction<'_>, companion: &mut dyn Companion) -> Result<()> {
    transaction.prepare_cached("SAVEPOINT companion")?.execute([])?;
    let worked = companion.work(transaction);
    if transaction.is_autocommit() {
        return worked.and(Err(StoreError::Other("a transaction ended too early".into())));
    }
    if worked.is_err() {
        transaction.prepare_cached("ROLLBACK TO companion")?.execute([])?;
    }
    transaction.prepare_cached("RELEASE companion")?.execute([])?;
    match worked {
        Err(error @ StoreError::Fault { fault: Fault::Corrupt, .. }) => Err(error),
        _ => Ok(()),
    }
}
