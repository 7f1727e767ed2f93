//! Whether a database is whole, and what it holds.

use std::collections::HashMap;

use rusqlite::Connection;

use super::backup::BackupError;
use super::{fingerprint, migrate};
use crate::domain::contents::{ChannelContents, Contents};
use crate::domain::id::{ChannelId, EntryId};

/// Problems that are named.
const PROBLEMS_MAX: usize = 20;
/// The first schema in which a channel's entries belong to its series.
const WITH_SERIES: i64 = 4;

/// Looks at everything. The connection has a transaction open, so that all of it is one state.
///
/// # Errors
/// [`BackupError::Damaged`] with what is wrong.
pub fn of(connection: &Connection) -> Result<Contents, BackupError> {
    let schema_version = migrate::require_known(connection).map_err(BackupError::of_file)?;
    require_sound_pages(connection)?;
    let has_series = schema_version >= WITH_SERIES;
    let channels = channels(connection, has_series)?;
    let mut series = stored_entries(connection, has_series)?;
    let mut problems = schema_problems(connection, schema_version)?;
    let mut held = Vec::with_capacity(channels.len());
    for channel in channels {
        let stored = channel.series.and_then(|id| series.remove(&id)).unwrap_or_default();
        problems.extend(channel.problem(&stored));
        let (first_entry_id, last_entry_id) = (stored.first, stored.last);
        let ChannelRow { id, name, .. } = channel;
        held.push(ChannelContents { id, name, entries: stored.count, first_entry_id, last_entry_id });
    }
    problems.extend(left_over(connection, has_series, &series)?);
    if problems.is_empty() {
        Ok(Contents { schema_version, channels: held, fingerprint: fingerprint::of(connection)? })
    } else {
        Err(damaged(problems))
    }
}

fn damaged(mut problems: Vec<String>) -> BackupError {
    if problems.len() > PROBLEMS_MAX {
        problems.truncate(PROBLEMS_MAX);
        problems.push("and more".into());
    }
    BackupError::Damaged(problems)
}

/// What SQLite checks: pages, indexes, constraints, and that what is referred to is there.
fn require_sound_pages(connection: &Connection) -> Result<(), BackupError> {
    let mut problems = connection
        .prepare(&format!("PRAGMA integrity_check({})", PROBLEMS_MAX + 1))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    if problems == ["ok"] {
        problems.clear();
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let missing = statement.query_map([], |row| {
            Ok(format!(
                "a row of {} refers to one of {} that is not there",
                row.get::<_, String>(0)?,
                row.get::<_, String>(2)?
            ))
        })?;
        problems = missing.take(PROBLEMS_MAX + 1).collect::<rusqlite::Result<_>>()?;
    }
    if problems.is_empty() { Ok(()) } else { Err(damaged(problems)) }
}

fn schema_problems(connection: &Connection, version: i64) -> rusqlite::Result<Vec<String>> {
    let (steps, last): (i64, Option<i64>) =
        connection.query_row("SELECT count(*), max(version) FROM schema_migrations", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let agree = steps == version && last == Some(version);
    Ok(if agree {
        Vec::new()
    } else {
        vec![format!("its schema is version {version}, but {steps} steps are noted")]
    })
}

struct ChannelRow {
    id: ChannelId,
    name: String,
    last_entry_id: i64,
    /// Where its entries are.
    series: Option<i64>,
}

impl ChannelRow {
    fn problem(&self, stored: &StoredEntries) -> Option<String> {
        let (id, last) = (self.id, self.last_entry_id);
        match stored.last {
            _ if self.series.is_none() => Some(format!("channel {id} has no series to store entries in")),
            Some(highest) if highest.0 > last => {
                Some(format!("channel {id} has an entry {highest}, but has counted only to {last}"))
            }
            _ => None,
        }
    }
}

fn channels(connection: &Connection, has_series: bool) -> rusqlite::Result<Vec<ChannelRow>> {
    let with_series = "SELECT channels.id, name, last_entry_id, series.id FROM channels
                       LEFT JOIN series ON series.channel_id = channels.id ORDER BY channels.id";
    let without = "SELECT id, name, last_entry_id, id FROM channels ORDER BY id";
    connection
        .prepare(if has_series { with_series } else { without })?
        .query_map([], |row| {
            let (id, name, last_entry_id) = (ChannelId(row.get(0)?), row.get(1)?, row.get(2)?);
            Ok(ChannelRow { id, name, last_entry_id, series: row.get(3)? })
        })?
        .collect()
}

/// Entries of one series.
#[derive(Default)]
struct StoredEntries {
    count: u64,
    first: Option<EntryId>,
    last: Option<EntryId>,
}

/// By series; in older schemas by channel.
fn stored_entries(
    connection: &Connection,
    has_series: bool,
) -> rusqlite::Result<HashMap<i64, StoredEntries>> {
    let series = if has_series { "series_id" } else { "channel_id" };
    let all =
        format!("SELECT {series}, count(*), min(entry_id), max(entry_id) FROM entries GROUP BY {series}");
    connection
        .prepare(&all)?
        .query_map([], |row| {
            let (first, last) = (Some(EntryId(row.get(2)?)), Some(EntryId(row.get(3)?)));
            Ok((row.get(0)?, StoredEntries { count: row.get(1)?, first, last }))
        })?
        .collect()
}

/// Entries that no channel has are on their way out, as long as their series is there; without it nobody would delete them.
fn left_over(
    connection: &Connection,
    has_series: bool,
    series: &HashMap<i64, StoredEntries>,
) -> rusqlite::Result<Vec<String>> {
    let known = if has_series { "SELECT count(*) FROM series WHERE id = ?1" } else { "SELECT 0 WHERE ?1" };
    let mut known = connection.prepare(known)?;
    let mut problems = Vec::new();
    for (id, stored) in series {
        if known.query_row([id], |row| row.get::<_, i64>(0))? == 0 {
            problems.push(format!("{} entries belong to series {id}, which is not there", stored.count));
        }
    }
    Ok(problems)
}
