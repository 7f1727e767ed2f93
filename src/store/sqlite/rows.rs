//! The rows of a run, by their ids.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use crate::clock;
use crate::domain::id::{ChannelId, SeriesId};
use crate::domain::rows::Series;
use crate::store::{IdRange, Look, Result, RowStore};

#[async_trait]
impl RowStore for Sqlite {
    async fn series(&self, channel: ChannelId) -> Result<Option<Series>> {
        self.read(move |connection| {
            let series = connection
                .prepare_cached(
                    "SELECT series.id, last_entry_id, retention_ms
                     FROM channels JOIN series ON series.channel_id = channels.id WHERE channels.id = ?1",
                )?
                .query_row([channel.0], |row| {
                    let (last_entry_id, retention_ms) = (row.get(1)?, row.get(2)?);
                    Ok(Series { id: SeriesId(row.get(0)?), last_entry_id, retention_ms })
                })
                .optional()?;
            Ok(series)
        })
        .await
    }

    async fn count_rows(&self, series: SeriesId, ranges: Vec<IdRange>) -> Result<u64> {
        self.readers
            .read(Look::Long, move |connection| {
                let mut count = connection.prepare_cached(
                    "SELECT count(*) FROM entries WHERE series_id = ?1 AND entry_id BETWEEN ?2 AND ?3",
                )?;
                let mut rows = 0;
                for (first, last) in ranges {
                    rows += count
                        .query_row(params![series.0, id(first), id(last)], |row| row.get::<_, u64>(0))?;
                }
                Ok(rows)
            })
            .await
    }

    async fn remove_rows(&self, series: SeriesId, ranges: Vec<IdRange>) -> Result<u64> {
        self.write(move |transaction| {
            let mut delete = transaction
                .prepare_cached("DELETE FROM entries WHERE series_id = ?1 AND entry_id BETWEEN ?2 AND ?3")?;
            let mut rows = 0;
            for (first, last) in ranges {
                rows += delete.execute(params![series.0, id(first), id(last)])? as u64;
            }
            // What servers remember of the channel's feeds holds no more.
            transaction
                .prepare_cached(
                    "UPDATE channels SET updated_at_ms = max(updated_at_ms + 1, ?2)
                     WHERE id = (SELECT channel_id FROM series WHERE id = ?1)",
                )?
                .execute(params![series.0, clock::utc().0])?;
            Ok(rows)
        })
        .await
    }
}

/// No entry has an id beyond.
fn id(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
