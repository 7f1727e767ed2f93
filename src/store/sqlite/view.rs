//! A read transaction, as whoever reads sees it.

use std::fmt;
use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Rows, params};

use super::channels::{self, COLUMNS};
use super::{accounts, sessions};
use crate::domain::account::{Credentials, Email};
use crate::domain::channel::{Channel, ChannelState, FIELDS, KeyKind, ListedChannel};
use crate::domain::entry::{Order, Row, Selection, Which};
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::session::SessionState;
use crate::domain::unit::UtcMillis;
use crate::domain::update::{FIELD_NAMES, TEXT_NAMES};
use crate::store::{Result, View};

/// A connection inside a read transaction, which ends with it.
pub struct ReadTransaction<'c>(&'c Connection);

impl Drop for ReadTransaction<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("ROLLBACK").and_then(|mut rollback| rollback.execute([]));
        if let Err(error) = ended {
            tracing::warn!(%error, "a read transaction did not end; its connection will say so");
        }
    }
}

impl<'c> ReadTransaction<'c> {
    /// rusqlite's own transaction would have its `BEGIN` and `ROLLBACK` compiled again each time.
    pub fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }

    fn series(&self, channel: ChannelId) -> rusqlite::Result<Option<i64>> {
        self.0
            .prepare_cached("SELECT id FROM series WHERE channel_id = ?1")?
            .query_row([channel.0], |row| row.get(0))
            .optional()
    }

    /// Time and id of the oldest of the newest so many entries between two times.
    fn oldest_of_newest(
        &self,
        series: i64,
        selection: &Selection,
        newest: u32,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let mut statement = self.0.prepare_cached(
            "SELECT created_at_ms, entry_id FROM entries WHERE series_id = ?1 AND created_at_ms BETWEEN ?2 AND ?3
             ORDER BY created_at_ms DESC, entry_id DESC LIMIT ?4",
        )?;
        let mut rows = statement.query(params![series, selection.from.0, selection.to.0, newest])?;
        let mut oldest = None;
        while let Some(row) = rows.next()? {
            oldest = Some((row.get(0)?, row.get(1)?));
        }
        Ok(oldest)
    }
}

impl View for ReadTransaction<'_> {
    fn channel(&self, id: ChannelId) -> Result<Option<Channel>> {
        let sql = format!("SELECT {COLUMNS} FROM channels WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id.0], channels::from_row).optional()?)
    }

    fn channel_state(&self, id: ChannelId) -> Result<Option<ChannelState>> {
        let state = self
            .0
            .prepare_cached(
                "SELECT public, retention_ms, last_entry_id, updated_at_ms FROM channels WHERE id = ?1",
            )?
            .query_row([id.0], |row| {
                Ok(ChannelState {
                    public: row.get(0)?,
                    retention_ms: row.get(1)?,
                    last_entry_id: row.get(2)?,
                    updated_at: UtcMillis(row.get(3)?),
                })
            })
            .optional()?;
        Ok(state)
    }

    fn channels(&self, skip: u64, limit: u32) -> Result<(Vec<ListedChannel>, u64)> {
        let mut count = self.0.prepare_cached("SELECT count(*) FROM channels")?;
        let total = count.query_row([], |row| row.get(0))?;
        let sql = "SELECT id, name, public, last_entry_id FROM channels ORDER BY id LIMIT ?1 OFFSET ?2";
        let mut statement = self.0.prepare_cached(sql)?;
        let listed = statement.query_map(params![limit, skip], |row| {
            Ok(ListedChannel {
                id: ChannelId(row.get(0)?),
                name: row.get(1)?,
                public: row.get(2)?,
                last_entry_id: row.get(3)?,
            })
        })?;
        Ok((listed.collect::<rusqlite::Result<_>>()?, total))
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

    fn session(&self, session: &SecretHash) -> Result<Option<SessionState>> {
        sessions::find(self.0, session)
    }

    fn credentials(
        &self,
        email: &Email,
        browser: Option<&SecretHash>,
        now: UtcMillis,
    ) -> Result<Option<Credentials>> {
        sessions::credentials(self.0, email, browser, now)
    }

    fn has_admin(&self) -> Result<bool> {
        Ok(accounts::has_admin(self.0)?)
    }

    fn is_set_up_link(&self, link: &SecretHash, now: UtcMillis) -> Result<bool> {
        Ok(accounts::is_set_up_link(self.0, link, now)?)
    }

    fn entries(
        &self,
        channel: ChannelId,
        selection: &Selection,
        visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let Some(series) = self.series(channel)? else { return Ok(()) };
        let columns = Columns::of(selection);
        let limit = selection.newest.map_or(-1, i64::from);
        let Selection { from, to, first_id, last_id, newest, order, .. } = selection;
        if selection.bounds_ids() {
            // A few ids in a long channel: found by their index, and then put in order.
            let direction = direction(*order);
            let sql = format!(
                "SELECT * FROM (
                   SELECT {columns} FROM entries INDEXED BY entries_by_id
                   WHERE series_id = ?1 AND entry_id BETWEEN ?4 AND ?5 AND created_at_ms BETWEEN ?2 AND ?3
                   ORDER BY entry_id DESC LIMIT ?6
                 ) ORDER BY created_at_ms {direction}, entry_id {direction}"
            );
            let mut statement = self.0.prepare_cached(&sql)?;
            let rows = statement.query(params![series, from.0, to.0, first_id.0, last_id.0, limit])?;
            return Ok(show(rows, &columns, visit)?);
        }
        let (from, first) = match (order, newest, selection.after) {
            (Order::NewestFirst, ..) | (Order::OldestFirst, None, None) => (from.0, i64::MIN),
            (Order::OldestFirst, None, Some((created_at, id))) => (created_at.0, id.0.saturating_add(1)),
            (Order::OldestFirst, Some(newest), _) => {
                match self.oldest_of_newest(series, selection, *newest)? {
                    Some(oldest) => oldest,
                    None => return Ok(()),
                }
            }
        };
        let direction = direction(*order);
        let sql = format!(
            "SELECT {columns} FROM entries
             WHERE series_id = ?1 AND (created_at_ms, entry_id) >= (?2, ?3) AND created_at_ms <= ?4
             ORDER BY created_at_ms {direction}, entry_id {direction} LIMIT ?5"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query(params![series, from, first, to.0, limit])?;
        Ok(show(rows, &columns, visit)?)
    }

    fn entry(&self, channel: ChannelId, which: Which, visit: &mut dyn FnMut(&Row<'_>)) -> Result<()> {
        let Some(series) = self.series(channel)? else { return Ok(()) };
        let mut show = |row: &Row<'_>| {
            visit(row);
            ControlFlow::Break(())
        };
        let (condition, first, last) = match which {
            Which::Id(id) => (String::new(), id.0, id.0),
            Which::Last => (String::new(), 1, i64::MAX),
            Which::LastWith { field, first_id } => {
                (format!("AND {} IS NOT NULL", FIELD_NAMES[field]), first_id.0, i64::MAX)
            }
        };
        let columns = Columns::of(&Selection::ALL);
        let sql = format!(
            "SELECT {columns} FROM entries INDEXED BY entries_by_id
             WHERE series_id = ?1 AND entry_id BETWEEN ?2 AND ?3 {condition} ORDER BY entry_id DESC LIMIT 1"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query(params![series, first, last])?;
        Ok(self::show(rows, &columns, &mut show)?)
    }

    fn newest(&self, channel: ChannelId, selection: &Selection) -> Result<Option<UtcMillis>> {
        let Some(series) = self.series(channel)? else { return Ok(None) };
        if selection.bounds_ids() {
            let Selection { from, to, first_id, last_id, .. } = selection;
            let newest: Option<i64> = self
                .0
                .prepare_cached(
                    "SELECT max(created_at_ms) FROM entries INDEXED BY entries_by_id
                     WHERE series_id = ?1 AND entry_id BETWEEN ?4 AND ?5 AND created_at_ms BETWEEN ?2 AND ?3",
                )?
                .query_row(params![series, from.0, to.0, first_id.0, last_id.0], |row| row.get(0))?;
            return Ok(newest.map(UtcMillis));
        }
        let newest = self.oldest_of_newest(series, selection, 1)?;
        Ok(newest.map(|(created_at, _)| UtcMillis(created_at)))
    }
}

fn direction(order: Order) -> &'static str {
    match order {
        Order::OldestFirst => "ASC",
        Order::NewestFirst => "DESC",
    }
}

/// The columns of an entry that are read, in the order in which [`row`] takes them.
struct Columns {
    fields: [bool; FIELDS],
    texts: bool,
}

impl Columns {
    fn of(selection: &Selection) -> Self {
        Self { fields: selection.fields, texts: selection.texts }
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("created_at_ms, entry_id")?;
        for (name, _) in FIELD_NAMES.iter().zip(self.fields).filter(|(_, read)| *read) {
            write!(f, ", {name}")?;
        }
        TEXT_NAMES.iter().filter(|_| self.texts).try_for_each(|name| write!(f, ", {name}"))
    }
}

fn show(
    mut rows: Rows<'_>,
    columns: &Columns,
    visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    while let Some(sql_row) = rows.next()? {
        if visit(&row(sql_row, columns)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn row<'a>(row: &'a SqlRow<'_>, columns: &Columns) -> rusqlite::Result<Row<'a>> {
    let created_at = UtcMillis(row.get_ref(0)?.as_i64()?);
    let id = Some(EntryId(row.get_ref(1)?.as_i64()?));
    let mut shown = Row { created_at, id, values: [None; FIELDS], texts: [None; 4] };
    let fields = shown.values.iter_mut().zip(columns.fields).filter(|(_, read)| *read);
    let fields = fields.map(|(value, _)| value);
    let texts = shown.texts.iter_mut().filter(|_| columns.texts);
    for (column, value) in fields.chain(texts).enumerate() {
        *value = row.get_ref(2 + column)?.as_str_or_null()?;
    }
    Ok(shown)
}
