//! A few connections that only read, lent to blocking threads. In WAL mode they never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::migrate::OpenError;
use crate::store::{Result, StoreError};

/// Read connections of a process.
const READERS: usize = 4;

pub struct Readers {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        let shared = Shared { path: path.to_owned(), idle: Mutex::new(Vec::with_capacity(READERS)) };
        Self { shared: Arc::new(shared), permits: Arc::new(Semaphore::new(READERS)) }
    }

    /// Runs `work` with a connection once one is free.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || {
            let connection = shared.take()?;
            let result = work(&connection);
            shared.give_back(connection);
            drop(permit);
            result
        });
        reading.await.map_err(|error| StoreError::Other(format!("a read was ended: {error}")))?
    }

    /// Refuses further reads and closes what is idle.
    pub fn close(&self) {
        self.permits.close();
        self.shared.idle().clear();
    }
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
