//! Entries: the write path.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};
use tokio::sync::oneshot;

use super::answers::Home;
use super::{Sqlite, expiry, metrics};
use crate::clock;
use crate::domain::entry::Stored;
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::update::Update;
use crate::store::{EntryStore, Look, Result, StoreError, Updates};

/// Write keys that are remembered as good.
const WRITE_KEYS_MAX: usize = 100_000;

/// An update on its way to the writer.
pub struct Append {
    write_key: SecretHash,
    update: Update,
    home: Home,
    queued_at: Instant,
    answer: oneshot::Sender<Result<Stored>>,
}

impl Append {
    /// The runtime thread that waits.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Since when it waits.
    pub fn queued_at(&self) -> Instant {
        self.queued_at
    }

    /// Tells whoever waits. Nobody does when the client has gone; the row stands all the same.
    pub fn answer(self, result: Result<Stored>) {
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
    async fn append(&self, write_key: SecretHash, update: Update) -> Result<Stored> {
        if !self.write_keys.contains(&write_key) {
            let found = self.read(move |connection| Ok(channel_of(connection, &write_key)?)).await?;
            found.ok_or_else(unknown_key)?;
            self.write_keys.insert(write_key);
        }
        let (answer, answered) = oneshot::channel();
        self.writer.append(Append {
            write_key,
            update,
            home: Home::of_this_thread(),
            queued_at: clock::instant(),
            answer,
        })?;
        let result = answered.await.map_err(|_| StoreError::Closed)?;
        if matches!(result, Err(StoreError::NotFound(_))) {
            self.write_keys.remove(&write_key);
        }
        result
    }

    async fn append_all(
        &self,
        channel: ChannelId,
        write_key: Option<SecretHash>,
        updates: Updates,
    ) -> Result<u64> {
        self.write(move |transaction| {
            if let Some(key) = write_key
                && channel_of(transaction, &key)? != Some(channel)
            {
                return Err(unknown_key());
            }
            let now = clock::utc();
            let mut series = Series::find(transaction, channel)?
                .ok_or_else(|| StoreError::NotFound(format!("channel {channel}")))?;
            if write_key.is_some() && series.is_too_soon(now) {
                return Err(StoreError::TooSoon);
            }
            let last_update_at_ms = series.last_update_at_ms;
            let mut insert = Insert::prepare(transaction)?;
            let mut stored = 0;
            for update in updates {
                insert.execute(&mut series, &update.map_err(StoreError::Rejected)?, now)?;
                stored += 1;
            }
            if write_key.is_none() {
                // What its owner brings in is no device's update.
                series.last_update_at_ms = last_update_at_ms;
            }
            series.save(transaction)?;
            Ok(stored)
        })
        .await
    }

    async fn count_entries(&self, channel: ChannelId) -> Result<u64> {
        self.readers
            .read(Look::Long, move |connection| {
                let count = connection
                    .prepare_cached(
                        "SELECT count(*) FROM entries WHERE series_id = (SELECT id FROM series WHERE channel_id = ?1)",
                    )?
                    .query_row([channel.0], |row| row.get(0))?;
                Ok(count)
            })
            .await
    }

    async fn expire(&self, now: UtcMillis) -> Result<bool> {
        self.write(
            move |transaction| Ok(expiry::expire(transaction, now)? | metrics::thin(transaction, now)?),
        )
        .await
    }
}

fn unknown_key() -> StoreError {
    StoreError::NotFound("a channel for this write key".into())
}

fn channel_of(connection: &Connection, key: &SecretHash) -> rusqlite::Result<Option<ChannelId>> {
    let found = connection
        .prepare_cached("SELECT channel_id, hash FROM api_keys WHERE hash = ?1 AND kind = 'write'")?
        .query_row([key.0], |row| Ok((ChannelId(row.get(0)?), SecretHash(row.get(1)?))))
        .optional()?;
    Ok(found.filter(|(_, stored)| stored == key).map(|(channel, _)| channel))
}

/// Where a channel's entries go, and how far they have come. Read and written inside the transaction that stores them:
/// no other process can have moved it, and a rollback takes it back.
struct Series {
    channel: ChannelId,
    id: i64,
    last_entry_id: i64,
    update_interval_ms: Option<i64>,
    last_update_at_ms: Option<i64>,
}

impl Series {
    fn find(transaction: &Transaction<'_>, channel: ChannelId) -> rusqlite::Result<Option<Self>> {
        transaction
            .prepare_cached(
                "SELECT series.id, last_entry_id, update_interval_ms, last_update_at_ms
                 FROM channels JOIN series ON series.channel_id = channels.id WHERE channels.id = ?1",
            )?
            .query_row([channel.0], |row| {
                Ok(Self {
                    channel,
                    id: row.get(0)?,
                    last_entry_id: row.get(1)?,
                    update_interval_ms: row.get(2)?,
                    last_update_at_ms: row.get(3)?,
                })
            })
            .optional()
    }

    /// Whether the channel limits its updates and has had one not long ago. A clock that was set back does not count.
    fn is_too_soon(&self, now: UtcMillis) -> bool {
        match (self.update_interval_ms, self.last_update_at_ms) {
            (Some(interval), Some(last)) => (0..interval).contains(&now.0.saturating_sub(last)),
            _ => false,
        }
    }

    fn save(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction
            .prepare_cached("UPDATE channels SET last_entry_id = ?2, last_update_at_ms = ?3 WHERE id = ?1")?
            .execute(params![self.channel.0, self.last_entry_id, self.last_update_at_ms])?;
        Ok(())
    }
}

/// The statement that stores an entry.
struct Insert<'t>(CachedStatement<'t>);

impl<'t> Insert<'t> {
    fn prepare(transaction: &'t Transaction<'_>) -> rusqlite::Result<Self> {
        let statement = transaction.prepare_cached(
            "INSERT INTO entries (series_id, created_at_ms, entry_id,
               field1, field2, field3, field4, field5, field6, field7, field8,
               latitude, longitude, elevation, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        Ok(Self(statement))
    }

    /// Stores the next entry of a series.
    fn execute(&mut self, series: &mut Series, update: &Update, now: UtcMillis) -> rusqlite::Result<Stored> {
        let id = series.last_entry_id + 1;
        let created_at = update.created_at().unwrap_or(now);
        let [f1, f2, f3, f4, f5, f6, f7, f8] = &*update.values;
        let [latitude, longitude, elevation, status] = update.texts();
        self.0.execute(params![
            series.id,
            created_at.0,
            id,
            f1,
            f2,
            f3,
            f4,
            f5,
            f6,
            f7,
            f8,
            latitude,
            longitude,
            elevation,
            status
        ])?;
        series.last_entry_id = id;
        series.last_update_at_ms = Some(now.0);
        Ok(Stored { channel: series.channel, id: EntryId(id), created_at })
    }
}

/// Inserts a batch and returns what to answer to each of its updates once the transaction is committed.
pub fn insert(transaction: &Transaction<'_>, batch: &[Append]) -> Result<Vec<Result<Stored>>> {
    let now = clock::utc();
    let mut opened: HashMap<SecretHash, Option<usize>> = HashMap::new();
    let mut all: Vec<Series> = Vec::new();
    let mut results = Vec::with_capacity(batch.len());
    let mut insert = Insert::prepare(transaction)?;
    for append in batch {
        if append.answer.is_closed() {
            // The client has gone, or was told that it took too long.
            results.push(Err(StoreError::Closed));
            continue;
        }
        let place = match opened.entry(append.write_key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(open(transaction, &append.write_key, &mut all)?),
        };
        results.push(match place.map(|place| &mut all[place]) {
            None => Err(unknown_key()),
            Some(series) if series.is_too_soon(now) => Err(StoreError::TooSoon),
            Some(series) => Ok(insert.execute(series, &append.update, now)?),
        });
    }
    for series in all {
        series.save(transaction)?;
    }
    Ok(results)
}

/// The place in `all` of the series that a key writes to. A channel with several keys has one place.
fn open(
    transaction: &Transaction<'_>,
    write_key: &SecretHash,
    all: &mut Vec<Series>,
) -> rusqlite::Result<Option<usize>> {
    let Some(channel) = channel_of(transaction, write_key)? else { return Ok(None) };
    if let Some(place) = all.iter().position(|series| series.channel == channel) {
        return Ok(Some(place));
    }
    let found = Series::find(transaction, channel)?;
    Ok(found.map(|series| {
        all.push(series);
        all.len() - 1
    }))
}
