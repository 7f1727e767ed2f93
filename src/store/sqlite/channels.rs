//! Channels and their keys.

use async_trait::async_trait;
use rusqlite::{Row, Transaction, params};

use super::Sqlite;
use crate::clock;
use crate::domain::channel::{Channel, KeyKind, NewChannel};
use crate::domain::id::ChannelId;
use crate::domain::secret::Secret;
use crate::domain::unit::UtcMillis;
use crate::store::{ChannelStore, Result};

#[async_trait]
impl ChannelStore for Sqlite {
    async fn create_channel(&self, channel: NewChannel) -> Result<Channel> {
        self.write(move |transaction| {
            let retention_ms =
                channel.retention.map(|retention| i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
            let created = transaction.query_row(
                "INSERT INTO channels (name, retention_ms, created_at_ms) VALUES (?1, ?2, ?3)
                 RETURNING id, name, last_entry_id, retention_ms, created_at_ms",
                params![channel.name, retention_ms, clock::utc().0],
                from_row,
            )?;
            insert_key(transaction, created.id, KeyKind::Write, &channel.write_key)?;
            insert_key(transaction, created.id, KeyKind::Read, &channel.read_key)?;
            Ok(created)
        })
        .await
    }

    async fn channels(&self) -> Result<Vec<Channel>> {
        self.read(|connection| {
            let channels = connection
                .prepare_cached(
                    "SELECT id, name, last_entry_id, retention_ms, created_at_ms FROM channels ORDER BY id",
                )?
                .query_map([], from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(channels)
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Channel> {
    Ok(Channel {
        id: ChannelId(row.get(0)?),
        name: row.get(1)?,
        last_entry_id: row.get(2)?,
        retention_ms: row.get(3)?,
        created_at: UtcMillis(row.get(4)?),
    })
}

fn insert_key(transaction: &Transaction<'_>, channel: ChannelId, kind: KeyKind, key: &Secret) -> Result<()> {
    transaction.execute(
        "INSERT INTO api_keys (channel_id, kind, prefix, hash, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![channel.0, kind.as_str(), key.prefix(), key.hash().0, clock::utc().0],
    )?;
    Ok(())
}
