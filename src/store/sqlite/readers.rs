//! A few connections that only read, lent to blocking threads. In WAL mode they never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection;
use super::migrate::OpenError;
use crate::store::{Look, Result, StoreError};

/// Read connections of a process.
const READERS: usize = 4;
/// Of these, at once in use for long looks.
const LONG_LOOKS_MAX: usize = 2;
/// SQLite's virtual machine looks up after so many instructions whether somebody still waits for it: some 0.1 ms.
const INSTRUCTIONS_BETWEEN_CHECKS: i32 = 10_000;

pub struct Readers {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// Ends the reading when whoever waits for it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        let shared = Shared { path: path.to_owned(), idle: Mutex::new(Vec::with_capacity(READERS)) };
        Self {
            shared: Arc::new(shared),
            permits: Arc::new(Semaphore::new(READERS)),
            long: Arc::new(Semaphore::new(LONG_LOOKS_MAX)),
        }
    }

    /// Runs `work` with a connection once one is free.
    pub async fn read<T, F>(&self, look: Look, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let long = match look {
            Look::Short => None,
            Look::Long => Some(acquire(&self.long).await?),
        };
        let permit = acquire(&self.permits).await?;
        let shared = Arc::clone(&self.shared);
        let gone = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(Arc::clone(&gone));
        let reading = tokio::task::spawn_blocking(move || {
            let mut connection = shared.take()?;
            connection
                .progress_handler(INSTRUCTIONS_BETWEEN_CHECKS, Some(move || gone.load(Ordering::Relaxed)))?;
            let result = work(&connection);
            shared.give_back(connection);
            drop((permit, long));
            result
        });
        reading.await.map_err(|error| StoreError::Other(format!("a read was ended: {error}")))?
    }

    /// Refuses further reads and closes what is idle.
    pub fn close(&self) {
        self.permits.close();
        self.long.close();
        self.shared.idle().clear();
    }
}

async fn acquire(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    Arc::clone(permits).acquire_owned().await.map_err(|_| StoreError::Closed)
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        let failed = |error: OpenError| StoreError::Other(error.to_string());
        let connection = connection::open_existing(&self.path).map_err(failed)?;
        connection::configure(&connection).map_err(failed)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        self.idle().push(connection);
    }
}
