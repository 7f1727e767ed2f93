//! A read transaction, as whoever reads sees it.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Rows, params};

use super::channels::{self, COLUMNS};
use crate::domain::channel::{Channel, KeyKind};
use crate::domain::entry::{Row, Selection, Which};
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::store::{Result, View};

/// The columns of [`row`], without and with position and status.
const FIELDS: &str =
    "created_at_ms, entry_id, field1, field2, field3, field4, field5, field6, field7, field8";
const TEXTS: &str = "latitude, longitude, elevation, status";

/// A connection inside a read transaction.
pub struct ReadTransaction<'c>(pub &'c Connection);

impl ReadTransaction<'_> {
    fn series(&self, channel: ChannelId) -> rusqlite::Result<Option<i64>> {
        self.0
            .prepare_cached("SELECT id FROM series WHERE channel_id = ?1")?
            .query_row([channel.0], |row| row.get(0))
            .optional()
    }

    /// Time and id of the oldest entry to show, when only the newest so many are wanted. Walks the ids and times only.
    fn oldest_of_newest(
        &self,
        series: i64,
        selection: &Selection,
        newest: u32,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let ids = id_bounds(selection);
        let sql = format!(
            "SELECT created_at_ms, entry_id FROM entries
             WHERE series_id = ?1 AND created_at_ms BETWEEN ?2 AND ?3 {ids}
             ORDER BY created_at_ms DESC, entry_id DESC LIMIT ?6"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let Selection { from, to, first_id, last_id, .. } = selection;
        let mut rows = statement.query(params![series, from.0, to.0, first_id.0, last_id.0, newest])?;
        let mut oldest = None;
        while let Some(row) = rows.next()? {
            oldest = Some((row.get(0)?, row.get(1)?));
        }
        Ok(oldest)
    }
}

/// Left out where they bound nothing: each costs something for every row.
fn id_bounds(selection: &Selection) -> &'static str {
    if selection.bounds_ids() { "AND entry_id BETWEEN ?4 AND ?5" } else { "AND ?4 <= ?5" }
}

impl View for ReadTransaction<'_> {
    fn channel(&self, id: ChannelId) -> Result<Option<Channel>> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id.0], channels::from_row).optional()?)
    }

    fn public_channels(&self, skip: u64, limit: u32) -> Result<(Vec<Channel>, u64)> {
        let total = self
            .0
            .prepare_cached("SELECT count(*) FROM channels WHERE public = 1")?
            .query_row([], |row| row.get(0))?;
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE public = 1 ORDER BY id LIMIT ?1 OFFSET ?2");
        let channels = self
            .0
            .prepare_cached(&sql)?
            .query_map(params![limit, skip], channels::from_row)?
            .collect::<rusqlite::Result<_>>()?;
        Ok((channels, total))
    }

    fn key(&self, key: &SecretHash) -> Result<Option<(ChannelId, KeyKind)>> {
        let opened = self
            .0
            .prepare_cached("SELECT channel_id, kind, hash FROM api_keys WHERE hash = ?1")?
            .query_row([key.0], |row| {
                Ok((ChannelId(row.get(0)?), channels::kind(row, 1)?, SecretHash(row.get(2)?)))
            })
            .optional()?;
        Ok(opened.filter(|(_, _, stored)| stored == key).map(|(channel, kind, _)| (channel, kind)))
    }

    fn is_token(&self, token: &SecretHash) -> Result<bool> {
        let found = self
            .0
            .prepare_cached("SELECT hash FROM tokens WHERE hash = ?1 AND revoked_at_ms IS NULL")?
            .query_row([token.0], |row| row.get(0).map(SecretHash))
            .optional()?;
        Ok(found.is_some_and(|stored| stored == *token))
    }

    fn entries(
        &self,
        channel: ChannelId,
        selection: &Selection,
        visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let Some(series) = self.series(channel)? else { return Ok(()) };
        let (from, first) = match (selection.newest, selection.after) {
            (None, None) => (selection.from.0, i64::MIN),
            (None, Some((created_at, id))) => (created_at.0, id.0.saturating_add(1)),
            (Some(newest), _) => match self.oldest_of_newest(series, selection, newest)? {
                Some(oldest) => oldest,
                None => return Ok(()),
            },
        };
        let (ids, texts) = (id_bounds(selection), selection.texts);
        let columns = if texts { format!("{FIELDS}, {TEXTS}") } else { FIELDS.to_owned() };
        let sql = format!(
            "SELECT {columns} FROM entries
             WHERE series_id = ?1 AND (created_at_ms, entry_id) >= (?2, ?6) AND created_at_ms <= ?3 {ids}
             ORDER BY created_at_ms, entry_id"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let Selection { to, first_id, last_id, .. } = selection;
        let rows = statement.query(params![series, from, to.0, first_id.0, last_id.0, first])?;
        Ok(show(rows, texts, visit)?)
    }

    fn entry(&self, channel: ChannelId, which: Which, visit: &mut dyn FnMut(&Row<'_>)) -> Result<()> {
        let Some(series) = self.series(channel)? else { return Ok(()) };
        let mut show = |row: &Row<'_>| {
            visit(row);
            ControlFlow::Break(())
        };
        let (condition, id) = match which {
            Which::Id(id) => ("AND entry_id = ?2".to_owned(), id.0),
            Which::Last => ("AND entry_id <= ?2".to_owned(), i64::MAX),
            Which::LastWith(field) => {
                (format!("AND entry_id <= ?2 AND field{} IS NOT NULL", field + 1), i64::MAX)
            }
        };
        let sql = format!(
            "SELECT {FIELDS}, {TEXTS} FROM entries INDEXED BY entries_by_id
             WHERE series_id = ?1 {condition} ORDER BY entry_id DESC LIMIT 1"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query(params![series, id])?;
        Ok(self::show(rows, true, &mut show)?)
    }

    fn newest(&self, channel: ChannelId, selection: &Selection) -> Result<Option<UtcMillis>> {
        let Some(series) = self.series(channel)? else { return Ok(None) };
        let newest = self.oldest_of_newest(series, selection, 1)?;
        Ok(newest.map(|(created_at, _)| UtcMillis(created_at)))
    }
}

fn show(
    mut rows: Rows<'_>,
    texts: bool,
    visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    while let Some(sql_row) = rows.next()? {
        if visit(&row(sql_row, texts)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn row<'a>(row: &'a SqlRow<'_>, texts: bool) -> rusqlite::Result<Row<'a>> {
    let text =
        |column: usize| -> rusqlite::Result<Option<&'a str>> { Ok(row.get_ref(column)?.as_str_or_null()?) };
    let mut shown = Row {
        created_at: UtcMillis(row.get(0)?),
        id: Some(EntryId(row.get(1)?)),
        values: [None; 8],
        texts: [None; 4],
    };
    for (index, value) in shown.values.iter_mut().enumerate() {
        *value = text(2 + index)?;
    }
    if texts {
        for (index, value) in shown.texts.iter_mut().enumerate() {
            *value = text(2 + shown.values.len() + index)?;
        }
    }
    Ok(shown)
}
