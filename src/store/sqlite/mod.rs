//! SQLite: one thread writes, a few connections read.

mod accounts;
mod agents;
mod answers;
mod at_rest;
pub mod backup;
mod beside;
mod channels;
pub mod check_state;
mod companion;
mod connection;
mod contents;
pub mod criteria;
mod entries;
mod expiry;
mod fingerprint;
mod jobs;
mod lock;
mod metrics;
pub mod migrate;
mod observation;
mod operations;
mod partial;
mod readers;
pub mod restore;
mod rows;
mod runs;
mod sessions;
mod tokens;
mod traffic;
mod view;
mod vitals;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, MAIN_DB, Transaction};

use self::entries::WriteKeys;
use self::lock::DatabaseLock;
use self::readers::Readers;
use self::view::ReadTransaction;
use self::vitals::Vitals;
use self::writer::Writer;
use super::{Look, MetricsStore, Reading, Result, Statistics, Store, StoreError};
use crate::domain::fault::{Condition, Fault};
use crate::domain::metrics::{History, Record, Summary, Writing};
use crate::domain::observation::ServerStart;
use crate::domain::traffic::{Slot, Span};
use crate::domain::unit::UtcMillis;

/// Updates that can wait for the writer, unless told otherwise.
pub const QUEUE_CAPACITY: usize = 4096;

/// A database of the present schema, open for reading and writing.
pub struct Sqlite {
    writer: Writer,
    readers: Readers,
    write_keys: WriteKeys,
    vitals: Arc<Vitals>,
    /// Tells other processes that the database is in use.
    _lock: DatabaseLock,
}

impl Sqlite {
    /// Opens an existing database of exactly the present schema. [`migrate::prepare`] makes one.
    ///
    /// # Errors
    /// When there is no such file, it is not porta's, its schema is another, or SQLite cannot open it.
    pub fn open(path: &Path, queue_capacity: usize) -> std::result::Result<Self, migrate::OpenError> {
        connection::require_file(path)?;
        let lock = DatabaseLock::shared(path)?;
        let connection = connection::open_existing(path)?;
        migrate::require_current(&connection)?;
        // SQLite opens what may not be written all the same, for reading.
        if connection.is_readonly(MAIN_DB)? {
            return Err(migrate::OpenError::ReadOnly);
        }
        connection::configure(&connection)?;
        let vitals = Vitals::new(path).map_err(|error| migrate::OpenError::Io(error.to_string()))?;
        let vitals = Arc::new(vitals);
        Ok(Self {
            writer: Writer::start(connection, queue_capacity, Arc::clone(&vitals))?,
            readers: Readers::start(Arc::clone(&vitals))
                .map_err(|error| migrate::OpenError::Io(error.to_string()))?,
            write_keys: WriteKeys::default(),
            vitals,
            _lock: lock,
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

    /// Runs `work` in the transaction of whatever is to be written next.
    async fn join<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.join(work).await
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
        let vitals = Arc::clone(&self.vitals);
        self.read(move |connection| {
            let (channels, updates) = connection
                .prepare_cached("SELECT count(*), CAST(total(last_entry_id) AS INTEGER) FROM channels")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let database_bytes = std::fs::metadata(vitals.path()).map_or(0, |metadata| metadata.len());
            Ok(Statistics { channels, updates, database_bytes, wal_bytes: vitals.write_ahead_log_bytes() })
        })
        .await
    }

    async fn lend(&self, look: Look, reading: Reading) -> Result<()> {
        self.readers.read(look, move |connection| reading(&ReadTransaction::begin(connection)?)).await
    }

    fn condition(&self) -> Option<Condition> {
        self.vitals.condition()
    }

    async fn check(&self) {
        if self.vitals.is_faulty() || !self.vitals.is_in_place() {
            // What comes of it is noted where it happens.
            let _ = self.writer.execute(probe).await;
        }
    }

    async fn size(&self) -> Result<u64> {
        self.read(|connection| {
            let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
            Ok(value("page_count")?.saturating_mul(value("page_size")?))
        })
        .await
    }

    fn is_shared(&self) -> bool {
        lock::has_others(self.vitals.path())
    }

    fn queue_length(&self) -> usize {
        self.writer.queue_length()
    }

    async fn close(&self) -> Result<()> {
        self.readers.stop().await;
        self.writer.stop().await
    }
}

#[async_trait]
impl MetricsStore for Sqlite {
    async fn record(&self, record: Arc<Record>) -> Result<()> {
        let recorded = self.join(move |transaction| Ok(metrics::record(transaction, &record)?)).await;
        // What could not be written by itself would fail again.
        if let Err(StoreError::Other(error)) = &recorded {
            tracing::warn!(error, "metrics were not stored");
            return Ok(());
        }
        recorded
    }

    async fn summary(&self, since: UtcMillis) -> Result<Summary> {
        self.readers.read(Look::Long, move |connection| Ok(traffic::summary(connection, since)?)).await
    }

    async fn history(&self, since: UtcMillis) -> Result<History> {
        self.readers.read(Look::Long, move |connection| Ok(metrics::history(connection, since)?)).await
    }

    async fn traffic(&self, span: Span) -> Result<Vec<Slot>> {
        self.readers.read(Look::Long, move |connection| Ok(traffic::slots(connection, span)?)).await
    }

    async fn summary_over_time(&self, span: Span) -> Result<(Summary, Vec<Slot>)> {
        let read = move |connection: &Connection| Ok(traffic::summary_and_slots(connection, span)?);
        self.readers.read(Look::Long, read).await
    }

    fn take_writing(&self) -> Writing {
        self.vitals.take_writing()
    }

    async fn note_start(&self, start: ServerStart) -> Result<()> {
        self.join(move |transaction| Ok(observation::note_start(transaction, &start)?)).await
    }
}

/// Writes what is there already, so that a page is written.
fn probe(transaction: &Transaction<'_>) -> Result<()> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    transaction.pragma_update(None, "user_version", version)?;
    Ok(())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return Self::Busy,
            Some(ErrorCode::DiskFull) => Fault::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Fault::ReadOnly,
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Fault::Io,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Corrupt,
            _ => return Self::Other(error.to_string()),
        };
        Self::Fault { fault, detail: error.to_string() }
    }
}
