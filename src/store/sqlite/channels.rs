//! Channels and their keys.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};

use super::Sqlite;
use crate::clock;
use crate::domain::channel::{ApiKey, Change, Channel, KeyKind, NewChannel, Settings};
use crate::domain::id::{ChannelId, KeyId, RunId};
use crate::domain::secret::Secret;
use crate::domain::unit::UtcMillis;
use crate::store::{ChannelStore, Result, StoreError};

/// Keys of one channel.
const KEYS_MAX: i64 = 100;
/// What [`from_row`] reads, in its order.
pub const COLUMNS: &str = "id, last_entry_id, created_at_ms, updated_at_ms, name, description, public, timezone, \
     latitude, longitude, elevation, metadata, retention_ms, update_interval_ms, \
     field1, field2, field3, field4, field5, field6, field7, field8";
const KEY_COLUMNS: &str = "id, channel_id, kind, prefix, created_at_ms, run_id";

#[async_trait]
impl ChannelStore for Sqlite {
    async fn create_channel(&self, channel: NewChannel) -> Result<Channel> {
        channel.check()?;
        self.write(move |transaction| create(transaction, &channel)).await
    }

    async fn channels(&self) -> Result<Vec<Channel>> {
        self.read(|connection| {
            let channels = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM channels ORDER BY id"))?
                .query_map([], from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(channels)
        })
        .await
    }

    async fn channels_page(&self, offset: u64, limit: u32) -> Result<(Vec<Channel>, u64)> {
        self.read(move |connection| {
            let total = connection
                .prepare_cached("SELECT count(*) FROM channels")?
                .query_row([], |row| row.get(0))?;
            let channels = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM channels ORDER BY id LIMIT ?1 OFFSET ?2"))?
                .query_map(params![limit, i64::try_from(offset).unwrap_or(i64::MAX)], from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((channels, total))
        })
        .await
    }

    async fn channel_names(&self, limit: u32) -> Result<Vec<(ChannelId, String)>> {
        self.read(move |connection| {
            let names = connection
                .prepare_cached("SELECT id, name FROM channels ORDER BY id LIMIT ?1")?
                .query_map([limit], |row| Ok((ChannelId(row.get(0)?), row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(names)
        })
        .await
    }

    async fn change_channel(&self, id: ChannelId, change: Change) -> Result<Channel> {
        self.write(move |transaction| {
            let channel = find(transaction, id)?;
            save(transaction, id, &channel.settings.changed(change)?, clock::utc().0)
        })
        .await
    }

    async fn delete_channel(&self, id: ChannelId) -> Result<Channel> {
        self.write(move |transaction| {
            let channel = find(transaction, id)?;
            transaction.execute("DELETE FROM channels WHERE id = ?1", [id.0])?;
            Ok(channel)
        })
        .await
    }

    async fn clear_channel(&self, id: ChannelId) -> Result<Channel> {
        self.write(move |transaction| {
            transaction.execute("UPDATE series SET channel_id = NULL WHERE channel_id = ?1", [id.0])?;
            transaction.execute(
                "UPDATE channels SET last_entry_id = 0, updated_at_ms = max(updated_at_ms + 1, ?2) WHERE id = ?1",
                [id.0, clock::utc().0],
            )?;
            let channel = find(transaction, id)?;
            transaction.execute("INSERT INTO series (channel_id) VALUES (?1)", [id.0])?;
            Ok(channel)
        })
        .await
    }

    async fn keys(&self, channel: ChannelId) -> Result<Vec<ApiKey>> {
        self.read(move |connection| {
            let keys = connection
                .prepare_cached(&format!(
                    "SELECT {KEY_COLUMNS} FROM api_keys WHERE channel_id = ?1 ORDER BY id"
                ))?
                .query_map([channel.0], key_from_row)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            if keys.is_empty() {
                connection
                    .query_row("SELECT id FROM channels WHERE id = ?1", [channel.0], |_| Ok(()))
                    .optional()?
                    .ok_or_else(|| unknown(channel))?;
            }
            Ok(keys)
        })
        .await
    }

    async fn create_key(&self, channel: ChannelId, kind: KeyKind, key: Secret) -> Result<ApiKey> {
        self.write(move |transaction| {
            find(transaction, channel)?;
            insert_key(transaction, channel, kind, &key)
        })
        .await
    }

    async fn rotate_key(&self, channel: ChannelId, id: KeyId, key: Secret) -> Result<ApiKey> {
        self.write(move |transaction| {
            let ended = delete_key(transaction, channel, id)?;
            if let Some(run) = ended.run_id {
                // What comes in its place would stay when the run ends.
                return Err(StoreError::Conflict(format!(
                    "key {id} of channel {channel} is run {run}'s, and ends with it: there is nothing to replace"
                )));
            }
            insert_key(transaction, channel, ended.kind, &key)
        })
        .await
    }

    async fn revoke_key(&self, channel: ChannelId, id: KeyId) -> Result<ApiKey> {
        self.write(move |transaction| delete_key(transaction, channel, id)).await
    }
}

/// Creates a channel whose settings were checked.
pub fn create(transaction: &Transaction<'_>, channel: &NewChannel) -> Result<Channel> {
    let now = clock::utc().0;
    transaction
        .execute(
            "INSERT INTO channels (id, name, created_at_ms, updated_at_ms) VALUES (?1, '', ?2, 0)",
            params![channel.id.map(|id| id.0), now],
        )
        .map_err(conflict("there is a channel of this number already"))?;
    let id = ChannelId(transaction.last_insert_rowid());
    transaction.execute("INSERT INTO series (channel_id) VALUES (?1)", [id.0])?;
    insert_key(transaction, id, KeyKind::Write, &channel.write_key)?;
    insert_key(transaction, id, KeyKind::Read, &channel.read_key)?;
    save(transaction, id, &channel.settings, now)
}

fn unknown(channel: ChannelId) -> StoreError {
    StoreError::NotFound(format!("channel {channel}"))
}

/// Turns what a unique index says into words.
fn conflict(what: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Conflict(what.into()),
        _ => error.into(),
    }
}

fn find(transaction: &Transaction<'_>, id: ChannelId) -> Result<Channel> {
    transaction
        .query_row(&format!("SELECT {COLUMNS} FROM channels WHERE id = ?1"), [id.0], from_row)
        .optional()?
        .ok_or_else(|| unknown(id))
}

fn save(transaction: &Transaction<'_>, id: ChannelId, settings: &Settings, now: i64) -> Result<Channel> {
    let labels = settings.labels.each();
    transaction.execute(
        "UPDATE channels SET updated_at_ms = max(updated_at_ms + 1, :now), name = :name, description = :description, public = :public,
           timezone = :timezone, latitude = :latitude, longitude = :longitude, elevation = :elevation,
           metadata = :metadata, retention_ms = :retention_ms, update_interval_ms = :update_interval_ms,
           field1 = :field1, field2 = :field2, field3 = :field3, field4 = :field4,
           field5 = :field5, field6 = :field6, field7 = :field7, field8 = :field8
         WHERE id = :id",
        named_params! {
            ":id": id.0, ":now": now, ":name": settings.name, ":description": settings.description,
            ":public": settings.public, ":timezone": settings.timezone, ":latitude": settings.latitude,
            ":longitude": settings.longitude, ":elevation": settings.elevation, ":metadata": settings.metadata,
            ":retention_ms": settings.retention_ms, ":update_interval_ms": settings.update_interval_ms,
            ":field1": labels[0], ":field2": labels[1], ":field3": labels[2], ":field4": labels[3],
            ":field5": labels[4], ":field6": labels[5], ":field7": labels[6], ":field8": labels[7],
        },
    )?;
    find(transaction, id)
}

/// Reads a row of [`COLUMNS`].
pub fn from_row(row: &Row<'_>) -> rusqlite::Result<Channel> {
    let mut labels = [const { None }; 8];
    for (index, label) in labels.iter_mut().enumerate() {
        *label = row.get(14 + index)?;
    }
    Ok(Channel {
        id: ChannelId(row.get(0)?),
        last_entry_id: row.get(1)?,
        created_at: UtcMillis(row.get(2)?),
        updated_at: UtcMillis(row.get(3)?),
        settings: Settings {
            name: row.get(4)?,
            description: row.get(5)?,
            public: row.get(6)?,
            timezone: row.get(7)?,
            latitude: row.get(8)?,
            longitude: row.get(9)?,
            elevation: row.get(10)?,
            metadata: row.get(11)?,
            retention_ms: row.get(12)?,
            update_interval_ms: row.get(13)?,
            labels: labels.into(),
        },
    })
}

fn insert_key(
    transaction: &Transaction<'_>,
    channel: ChannelId,
    kind: KeyKind,
    key: &Secret,
) -> Result<ApiKey> {
    let count = "SELECT count(*) FROM api_keys WHERE channel_id = ?1 AND run_id IS NULL";
    let keys: i64 = transaction.query_row(count, [channel.0], |row| row.get(0))?;
    if keys >= KEYS_MAX {
        return Err(StoreError::Conflict(format!(
            "channel {channel} has {KEYS_MAX} keys, the most there can be"
        )));
    }
    add_key(transaction, channel, kind, key, None)
}

/// Adds a key that ends with a run. There is one run at a time, so that it does not count among those that can be.
pub fn insert_key_of_run(
    transaction: &Transaction<'_>,
    channel: ChannelId,
    key: &Secret,
    run: RunId,
) -> Result<ApiKey> {
    find(transaction, channel)?;
    add_key(transaction, channel, KeyKind::Write, key, Some(run))
}

fn add_key(
    transaction: &Transaction<'_>,
    channel: ChannelId,
    kind: KeyKind,
    key: &Secret,
    run: Option<RunId>,
) -> Result<ApiKey> {
    transaction
        .query_row(
            &format!(
                "INSERT INTO api_keys (channel_id, kind, prefix, hash, created_at_ms, run_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING {KEY_COLUMNS}"
            ),
            params![channel.0, kind.as_str(), key.prefix(), key.hash().0, clock::utc().0, run.map(|id| id.0)],
            key_from_row,
        )
        .map_err(conflict("a channel has this key already"))
}

fn delete_key(transaction: &Transaction<'_>, channel: ChannelId, id: KeyId) -> Result<ApiKey> {
    transaction
        .query_row(
            &format!("DELETE FROM api_keys WHERE id = ?1 AND channel_id = ?2 RETURNING {KEY_COLUMNS}"),
            [id.0, channel.0],
            key_from_row,
        )
        .optional()?
        .ok_or_else(|| StoreError::NotFound(format!("key {id} of channel {channel}")))
}

fn key_from_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: KeyId(row.get(0)?),
        channel_id: ChannelId(row.get(1)?),
        kind: kind(row, 2)?,
        prefix: row.get(3)?,
        created_at: UtcMillis(row.get(4)?),
        run_id: row.get::<_, Option<i64>>(5)?.map(RunId),
    })
}

/// Reads what a key opens; a constraint of the schema allows two words.
pub fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<KeyKind> {
    let word = row.get_ref(column)?.as_str()?;
    Ok(if word == KeyKind::Write.as_str() { KeyKind::Write } else { KeyKind::Read })
}
