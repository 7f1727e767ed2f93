//! What servers were asked over time.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::domain::traffic::{Asked, Slot, Span};
use crate::domain::unit::UtcMillis;

/// Routes whose answers take as long as an agent's command.
const RUN_COMMANDS: [&str; 2] = ["POST /run_bash", "POST /agent/pipeline"];

/// The slots in which a server was there, the oldest first. Distributions are merged from their bytes.
pub fn slots(connection: &Connection, span: Span) -> rusqlite::Result<Vec<Slot>> {
    let mut slots = servers(connection, span)?;
    let mut statement = connection.prepare_cached(
        "SELECT starts_at_ms, route, traffic, status_1xx + status_2xx + status_3xx + status_4xx + status_5xx + gone,
           status_5xx, latency
         FROM request_metrics WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query(params![span.from.0, span.to.0])?;
    while let Some(row) = rows.next()? {
        let start = span.start_of(UtcMillis(row.get(0)?));
        // Requests without a server cannot be: somebody has deleted its row.
        let Some(slot) = slots.get_mut(&start.0) else { continue };
        let Asked { requests, server_errors, latency } =
            if row.get_ref(2)?.as_str()? == "stress" { &mut slot.stress } else { &mut slot.live };
        *requests = requests.saturating_add(row.get(3)?);
        *server_errors = server_errors.saturating_add(row.get(4)?);
        if !RUN_COMMANDS.contains(&row.get_ref(1)?.as_str()?) {
            // One that somebody else has written over counts as empty.
            latency.merge_coarse_bytes(row.get_ref(5)?.as_blob()?);
        }
    }
    Ok(slots.into_values().collect())
}

/// Empty slots by their start: those in which a server was there, as long as its periods are.
fn servers(connection: &Connection, span: Span) -> rusqlite::Result<BTreeMap<i64, Slot>> {
    let mut slots: BTreeMap<i64, Slot> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT starts_at_ms, period_ms FROM server_metrics
         WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query(params![span.from.0, span.to.0])?;
    while let Some(row) = rows.next()? {
        let (starts_at, period_ms) = (UtcMillis(row.get(0)?), row.get::<_, i64>(1)?);
        let start = span.start_of(starts_at);
        let ends_at = starts_at.0.saturating_add(period_ms).min(span.to.0);
        let seconds = (ends_at - starts_at.0).max(0) as f64 / 1000.0;
        slots.entry(start.0).or_insert_with(|| Slot::new(start, 0.0)).seconds += seconds;
    }
    Ok(slots)
}
