//! What goes away: entries past their channel's retention, what cleared and deleted channels have left, sessions that are
//! over, and free pages.

use rusqlite::{OptionalExtension, Transaction, params};

use super::sessions;
use crate::domain::unit::UtcMillis;

/// Entries that one call deletes.
const ENTRIES_MAX: usize = 2000;
/// Pages that one call gives back.
const VACUUM_PAGES_MAX: u32 = 256;

/// Deletes and gives back a bounded number. Returns whether there is more to do.
pub fn expire(transaction: &Transaction<'_>, now: UtcMillis) -> rusqlite::Result<bool> {
    let left_behind = delete_left_behind(transaction)?;
    let deleted = delete_expired(transaction, now, ENTRIES_MAX - left_behind)?;
    let more_sessions = sessions::expire(transaction, now)?;
    let more_pages = give_pages_back(transaction)?;
    Ok(left_behind + deleted > 0 || more_sessions || more_pages)
}

/// Deletes from a series that has no channel any more, and the series itself once it is empty.
fn delete_left_behind(transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
    let series: Option<i64> = transaction
        .prepare_cached("SELECT id FROM series WHERE channel_id IS NULL LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(series) = series else { return Ok(0) };
    let deleted = delete_older(transaction, series, i64::MAX, ENTRIES_MAX)?;
    if deleted < ENTRIES_MAX {
        transaction.execute("DELETE FROM series WHERE id = ?1", [series])?;
    }
    Ok(deleted)
}

fn delete_expired(transaction: &Transaction<'_>, now: UtcMillis, limit: usize) -> rusqlite::Result<usize> {
    let with_retention = transaction
        .prepare_cached(
            "SELECT series.id, retention_ms FROM channels JOIN series ON series.channel_id = channels.id
             WHERE retention_ms IS NOT NULL",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    let mut deleted = 0;
    for (series, retention_ms) in with_retention {
        if deleted >= limit {
            break;
        }
        deleted += delete_older(transaction, series, now.0.saturating_sub(retention_ms), limit - deleted)?;
    }
    Ok(deleted)
}

/// Deletes the oldest entries of a series, as far as they are from before `oldest_kept`.
fn delete_older(
    transaction: &Transaction<'_>,
    series: i64,
    oldest_kept: i64,
    limit: usize,
) -> rusqlite::Result<usize> {
    // Asked first: a subquery in its place would bound the time only, and entries of one time can be many.
    let newest: Option<(i64, i64)> = transaction
        .prepare_cached(
            "SELECT created_at_ms, entry_id FROM (
               SELECT created_at_ms, entry_id FROM entries WHERE series_id = ?1 AND created_at_ms < ?2
               ORDER BY created_at_ms, entry_id LIMIT ?3
             ) ORDER BY created_at_ms DESC, entry_id DESC LIMIT 1",
        )?
        .query_row(params![series, oldest_kept, limit], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((created_at, id)) = newest else { return Ok(0) };
    transaction
        .prepare_cached("DELETE FROM entries WHERE series_id = ?1 AND (created_at_ms, entry_id) <= (?2, ?3)")?
        .execute(params![series, created_at, id])
}

/// Returns whether it freed some and there are more. A database that another program has vacuumed may not be able to.
fn give_pages_back(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let free = || transaction.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
    let before = free()?;
    // The pragma frees one page each time it is stepped.
    let mut statement = transaction.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = free()?;
    Ok(0 < after && after < before)
}
