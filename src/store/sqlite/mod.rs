//! SQLite: one thread writes, a few connections read.

mod accounts;
mod answers;
mod channels;
mod connection;
mod entries;
mod expiry;
pub mod migrate;
mod readers;
mod runs;
mod view;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::{Connection, Transaction};

use self::entries::WriteKeys;
use self::readers::Readers;
use self::view::ReadTransaction;
use self::writer::Writer;
use super::{Look, Reading, Result, Statistics, Store, StoreError};

/// Updates that can wait for the writer, unless told otherwise.
pub const QUEUE_CAPACITY: usize = 4096;

/// A database of the present schema, open for reading and writing.
pub struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    write_keys: WriteKeys,
}

impl Sqlite {
    /// Opens an existing database of exactly the present schema. [`migrate::prepare`] makes one.
    ///
    /// # Errors
    /// When there is no such file, it is not porta's, its schema is another, or SQLite cannot open it.
    pub fn open(path: &Path, queue_capacity: usize) -> std::result::Result<Self, migrate::OpenError> {
        let connection = connection::open_existing(path)?;
        migrate::require_current(&connection)?;
        connection::configure(&connection)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Writer::start(connection, queue_capacity)
                .map_err(|error| migrate::OpenError::Io(error.to_string()))?,
            readers: Readers::start(path).map_err(|error| migrate::OpenError::Io(error.to_string()))?,
            write_keys: WriteKeys::default(),
        })
    }

    /// Runs `work` in a transaction of its own on the writer's thread.
    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.execute(work).await
    }

    /// Runs `work` on a reader's thread, with a connection of its own.
    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.read(Look::Short, work).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn statistics(&self) -> Result<Statistics> {
        let path = self.path.clone();
        self.read(move |connection| {
            let (channels, updates) = connection
                .prepare_cached("SELECT count(*), coalesce(sum(last_entry_id), 0) FROM channels")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let database_bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            Ok(Statistics { channels, updates, database_bytes })
        })
        .await
    }

    async fn lend(&self, look: Look, reading: Reading) -> Result<()> {
        self.readers.read(look, move |connection| reading(&ReadTransaction::begin(connection)?)).await
    }

    async fn close(&self) -> Result<()> {
        self.readers.stop().await;
        self.writer.stop().await
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Other(error.to_string()),
        }
    }
}
