//! Entries: the write path, and the space that retention gives back.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use tokio::sync::oneshot;

use super::Sqlite;
use super::answers::Home;
use crate::clock;
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::update::Update;
use crate::store::{EntryStore, Result, StoreError};

/// Write keys that are remembered as good.
const WRITE_KEYS_MAX: usize = 100_000;
/// Entries that one call of [`EntryStore::expire`] deletes.
const EXPIRE_ENTRIES_MAX: usize = 2000;
/// Pages that one call of [`EntryStore::expire`] gives back.
const VACUUM_PAGES_MAX: u32 = 256;

/// An update on its way to the writer.
pub struct Append {
    write_key: SecretHash,
    update: Update,
    home: Home,
    answer: oneshot::Sender<Result<EntryId>>,
}

impl Append {
    /// The runtime thread that waits.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Tells whoever waits. Nobody does when the client has gone; the row stands all the same.
    pub fn answer(self, result: Result<EntryId>) {
        let _ = self.answer.send(result);
    }
}

/// Write keys that opened a channel not long ago, so that a wrong key costs the writer nothing. Only a filter: the
/// writer looks the key up again in the transaction that stores the row, so that a revoked key is refused at once.
#[derive(Default)]
pub struct WriteKeys(RwLock<HashSet<SecretHash>>);

impl WriteKeys {
    fn contains(&self, key: &SecretHash) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn insert(&self, key: SecretHash) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= WRITE_KEYS_MAX {
            keys.clear();
        }
        keys.insert(key);
    }

    fn remove(&self, key: &SecretHash) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[async_trait]
impl EntryStore for Sqlite {
    async fn append(&self, write_key: SecretHash, update: Update) -> Result<EntryId> {
        if !self.write_keys.contains(&write_key) {
            let found = self.read(move |connection| Ok(channel_of(connection, &write_key)?)).await?;
            found.ok_or_else(unknown_key)?;
            self.write_keys.insert(write_key);
        }
        let (answer, answered) = oneshot::channel();
        self.writer.append(Append { write_key, update, home: Home::of_this_thread(), answer })?;
        let result = answered.await.map_err(|_| StoreError::Closed)?;
        if matches!(result, Err(StoreError::NotFound(_))) {
            self.write_keys.remove(&write_key);
        }
        result
    }

    async fn count_entries(&self, channel: ChannelId) -> Result<u64> {
        self.read(move |connection| {
            let count = connection
                .prepare_cached("SELECT count(*) FROM entries WHERE channel_id = ?1")?
                .query_row([channel.0], |row| row.get(0))?;
            Ok(count)
        })
        .await
    }

    async fn expire(&self, now: UtcMillis) -> Result<bool> {
        self.write(move |transaction| {
            let deleted = delete_expired(transaction, now)?;
            let more_pages = give_pages_back(transaction)?;
            Ok(deleted > 0 || more_pages)
        })
        .await
    }
}

fn unknown_key() -> StoreError {
    StoreError::NotFound("a channel for this write key".into())
}

fn channel_of(connection: &rusqlite::Connection, key: &SecretHash) -> rusqlite::Result<Option<ChannelId>> {
    connection
        .prepare_cached("SELECT channel_id FROM api_keys WHERE hash = ?1 AND kind = 'write'")?
        .query_row([key.0], |row| row.get(0).map(ChannelId))
        .optional()
}

/// Inserts a batch and returns what to answer to each of its updates once the transaction is committed.
///
/// Ids come from the channel's counter, which is read and written inside this transaction: no other process can have
/// moved it, and a rollback takes it back.
pub fn insert(transaction: &Transaction<'_>, batch: &[Append]) -> Result<Vec<Result<EntryId>>> {
    let created_at = clock::utc();
    let mut channels: HashMap<SecretHash, Option<ChannelId>> = HashMap::new();
    let mut counters: HashMap<ChannelId, i64> = HashMap::new();
    let mut results = Vec::with_capacity(batch.len());
    let mut statement = transaction.prepare_cached(
        "INSERT INTO entries (channel_id, entry_id, created_at_ms, field1, field2, field3, field4, field5, field6, field7, field8)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for append in batch {
        if append.answer.is_closed() {
            // The client has gone, or was told that it took too long.
            results.push(Err(StoreError::Closed));
            continue;
        }
        let channel = match channels.entry(append.write_key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(channel_of(transaction, &append.write_key)?),
        };
        let Some(channel) = channel else {
            results.push(Err(unknown_key()));
            continue;
        };
        let counter = match counters.entry(channel) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(last_entry_id(transaction, channel)?),
        };
        *counter += 1;
        let [f1, f2, f3, f4, f5, f6, f7, f8] = &*append.update.values;
        statement.execute(params![channel.0, *counter, created_at.0, f1, f2, f3, f4, f5, f6, f7, f8])?;
        results.push(Ok(EntryId(*counter)));
    }
    let mut statement = transaction.prepare_cached("UPDATE channels SET last_entry_id = ?2 WHERE id = ?1")?;
    for (channel, counter) in counters {
        statement.execute([channel.0, counter])?;
    }
    Ok(results)
}

fn last_entry_id(transaction: &Transaction<'_>, channel: ChannelId) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("SELECT last_entry_id FROM channels WHERE id = ?1")?
        .query_row([channel.0], |row| row.get(0))
}

/// Deletes from the oldest entry on, as long as they have expired: entries are stored in the order of their creation,
/// so that nothing has to be searched.
fn delete_expired(transaction: &Transaction<'_>, now: UtcMillis) -> Result<usize> {
    let with_retention = transaction
        .prepare_cached("SELECT id, retention_ms FROM channels WHERE retention_ms IS NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    let mut statement = transaction.prepare_cached(
        "WITH oldest AS (
           SELECT entry_id, created_at_ms FROM entries WHERE channel_id = ?1 ORDER BY entry_id LIMIT ?3
         )
         DELETE FROM entries WHERE channel_id = ?1 AND entry_id <= (SELECT max(entry_id) FROM oldest)
           AND entry_id < coalesce((SELECT min(entry_id) FROM oldest WHERE created_at_ms >= ?2), 9223372036854775807)",
    )?;
    let mut deleted = 0;
    for (channel, retention_ms) in with_retention {
        let oldest_kept = now.0.saturating_sub(retention_ms);
        deleted += statement.execute(params![channel, oldest_kept, EXPIRE_ENTRIES_MAX - deleted])?;
        if deleted >= EXPIRE_ENTRIES_MAX {
            break;
        }
    }
    Ok(deleted)
}

/// Returns whether it freed some and there are more. A database that another program has vacuumed may not be able to.
fn give_pages_back(transaction: &Transaction<'_>) -> Result<bool> {
    let free = || transaction.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
    let before = free()?;
    // The pragma frees one page each time it is stepped.
    let mut statement = transaction.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = free()?;
    Ok(0 < after && after < before)
}
