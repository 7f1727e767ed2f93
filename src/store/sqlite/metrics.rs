//! What servers remember of themselves: periods that merge, and incidents that are counted.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::domain::latency::Latency;
use crate::domain::metrics::{
    History, Incident, IncidentKind, Record, Requests, Resolution, RoutePeriod, ServerPeriod, Traffic, Usage,
};
use crate::domain::unit::UtcMillis;

/// Adds to the minute that a record is about.
pub fn record(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    let period = Period { resolution: Resolution::Minute, starts_at: record.minute };
    for route in &record.routes {
        let mut sum = route.clone();
        if let Some(known) = route_at(transaction, period, &route.route, route.traffic)? {
            sum.requests += &known;
        }
        save_route(transaction, period, &sum)?;
    }
    let mut sum = record.server.clone();
    sum.live_requests_per_minute_max = sum.live_requests;
    if let Some(known) = server_at(transaction, period)? {
        sum.add_same_minute(&known);
    }
    save_server(transaction, period, &sum)?;
    record.incidents.iter().try_for_each(|incident| count_incident(transaction, incident))
}

/// Merges what is old into longer periods and deletes what is older still, one period of one route at a time. Returns
/// whether there is more to do.
pub fn thin(transaction: &Transaction<'_>, now: UtcMillis) -> rusqlite::Result<bool> {
    for resolution in [Resolution::Minute, Resolution::Hour, Resolution::Day] {
        let oldest_kept = UtcMillis(now.0.saturating_sub(resolution.kept_ms()));
        // A longer period is made once, when all of it is old.
        let oldest_kept = resolution.next().map_or(oldest_kept, |next| next.start_of(oldest_kept));
        if thin_routes(transaction, resolution, oldest_kept)?
            || thin_server(transaction, resolution, oldest_kept)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All periods that begin at `since` or later, the oldest first.
pub fn history(connection: &Connection, since: UtcMillis) -> rusqlite::Result<History> {
    let routes = connection
        .prepare_cached(
            "SELECT route, traffic, status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, gone, latency,
               period_ms, starts_at_ms
             FROM request_metrics WHERE starts_at_ms >= ?1 ORDER BY starts_at_ms, route, traffic",
        )?
        .query_map([since.0], |row| Ok((period_of(row)?, route_of(row)?)))?
        .map(|row| row.map(|(period, route)| (period.resolution, period.starts_at, route)))
        .collect::<rusqlite::Result<_>>()?;
    let server = connection
        .prepare_cached(&format!(
            "SELECT {SERVER_COLUMNS}, period_ms, starts_at_ms FROM server_metrics WHERE starts_at_ms >= ?1
             ORDER BY starts_at_ms"
        ))?
        .query_map([since.0], |row| Ok((period_of(row)?, server_of(row)?)))?
        .map(|row| row.map(|(period, server)| (period.resolution, period.starts_at, server)))
        .collect::<rusqlite::Result<_>>()?;
    let incidents = incidents(connection)?;
    Ok(History { routes, server, incidents })
}

/// What went wrong, ever.
pub fn incidents(connection: &Connection) -> rusqlite::Result<Vec<Incident>> {
    connection
        .prepare_cached(
            "SELECT kind, cause, count, first_at_ms, last_at_ms FROM incidents ORDER BY kind, cause",
        )?
        .query_map([], |row| {
            let kind = row.get_ref(0)?.as_str()?;
            Ok(Incident {
                kind: IncidentKind::ALL
                    .into_iter()
                    .find(|known| known.name() == kind)
                    .unwrap_or(IncidentKind::Fault),
                cause: row.get::<_, String>(1)?.into(),
                count: row.get(2)?,
                first_at: UtcMillis(row.get(3)?),
                last_at: UtcMillis(row.get(4)?),
            })
        })?
        .collect::<rusqlite::Result<_>>()
}

/// All periods of servers that begin at `since` or later in one, merged from the bytes of their distributions.
pub fn servers(connection: &Connection, since: UtcMillis) -> rusqlite::Result<ServerPeriod> {
    let (mut sum, mut part) = (ServerPeriod::default(), ServerPeriod::default());
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SERVER_COLUMNS} FROM server_metrics
         WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms >= ?1"
    ))?;
    let mut rows = statement.query([since.0])?;
    while let Some(row) = rows.next()? {
        read_counts(row, &mut part)?;
        sum.add_part(&part);
        // One that somebody else has written over counts as empty.
        sum.writing.commit.merge_coarse_bytes(row.get_ref(COMMIT_COLUMN)?.as_blob()?);
        sum.writing.queue_wait.merge_coarse_bytes(row.get_ref(QUEUE_WAIT_COLUMN)?.as_blob()?);
    }
    Ok(sum)
}

#[derive(Clone, Copy)]
struct Period {
    resolution: Resolution,
    starts_at: UtcMillis,
}

/// Merges one route's oldest periods, as far as they lie in one period of the next length.
fn thin_routes(
    transaction: &Transaction<'_>,
    resolution: Resolution,
    oldest_kept: UtcMillis,
) -> rusqlite::Result<bool> {
    let oldest: Option<(i64, String, String)> = transaction
        .prepare_cached(
            "SELECT starts_at_ms, route, traffic FROM request_metrics
             WHERE period_ms = ?1 AND starts_at_ms < ?2 ORDER BY starts_at_ms LIMIT 1",
        )?
        .query_row([resolution.period_ms(), oldest_kept.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((starts_at, route, traffic)) = oldest else { return Ok(false) };
    let (from, until) = span(resolution, UtcMillis(starts_at));
    if let Some(longer) = resolution.next() {
        let parts = transaction
            .prepare_cached(
                "SELECT route, traffic, status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, gone, latency
                 FROM request_metrics
                 WHERE period_ms = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3 AND route = ?4 AND traffic = ?5",
            )?
            .query_map(params![resolution.period_ms(), from, until, route, traffic], route_of)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let period = Period { resolution: longer, starts_at: UtcMillis(from) };
        let mut sum = RoutePeriod {
            route: route.clone(),
            traffic: traffic_of(&traffic),
            requests: Requests::default(),
        };
        if let Some(known) = route_at(transaction, period, &sum.route, sum.traffic)? {
            sum.requests += &known;
        }
        parts.iter().for_each(|part| sum.requests += &part.requests);
        save_route(transaction, period, &sum)?;
    }
    transaction
        .prepare_cached(
            "DELETE FROM request_metrics
             WHERE period_ms = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3 AND route = ?4 AND traffic = ?5",
        )?
        .execute(params![resolution.period_ms(), from, until, route, traffic])?;
    Ok(true)
}

/// The same for the server's own.
fn thin_server(
    transaction: &Transaction<'_>,
    resolution: Resolution,
    oldest_kept: UtcMillis,
) -> rusqlite::Result<bool> {
    let oldest: Option<i64> = transaction
        .prepare_cached(
            "SELECT min(starts_at_ms) FROM server_metrics WHERE period_ms = ?1 AND starts_at_ms < ?2",
        )?
        .query_row([resolution.period_ms(), oldest_kept.0], |row| row.get(0))?;
    let Some(starts_at) = oldest else { return Ok(false) };
    let (from, until) = span(resolution, UtcMillis(starts_at));
    if let Some(longer) = resolution.next() {
        let parts = transaction
            .prepare_cached(&format!(
                "SELECT {SERVER_COLUMNS} FROM server_metrics
                 WHERE period_ms = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3"
            ))?
            .query_map([resolution.period_ms(), from, until], server_of)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let period = Period { resolution: longer, starts_at: UtcMillis(from) };
        let mut sum = server_at(transaction, period)?.unwrap_or_default();
        parts.iter().for_each(|part| sum.add_part(part));
        save_server(transaction, period, &sum)?;
    }
    transaction
        .prepare_cached(
            "DELETE FROM server_metrics WHERE period_ms = ?1 AND starts_at_ms >= ?2 AND starts_at_ms < ?3",
        )?
        .execute([resolution.period_ms(), from, until])?;
    Ok(true)
}

/// The bounds of what is merged with, or deleted with, the period that starts at `starts_at`.
fn span(resolution: Resolution, starts_at: UtcMillis) -> (i64, i64) {
    let together = resolution.next().unwrap_or(resolution);
    let from = together.start_of(starts_at).0;
    (from, from + together.period_ms())
}

fn route_at(
    transaction: &Transaction<'_>,
    period: Period,
    route: &str,
    traffic: Traffic,
) -> rusqlite::Result<Option<Requests>> {
    transaction
        .prepare_cached(
            "SELECT route, traffic, status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, gone, latency
             FROM request_metrics WHERE period_ms = ?1 AND starts_at_ms = ?2 AND route = ?3 AND traffic = ?4",
        )?
        .query_row(params![period.resolution.period_ms(), period.starts_at.0, route, traffic.name()], |row| {
            Ok(route_of(row)?.requests)
        })
        .optional()
}

fn route_of(row: &Row<'_>) -> rusqlite::Result<RoutePeriod> {
    let mut answered = [0; 5];
    for (place, count) in answered.iter_mut().enumerate() {
        *count = row.get(2 + place)?;
    }
    let requests = Requests { answered, gone: row.get(7)?, latency: latency(row, 8)? };
    Ok(RoutePeriod { route: row.get(0)?, traffic: traffic_of(row.get_ref(1)?.as_str()?), requests })
}

fn period_of(row: &Row<'_>) -> rusqlite::Result<Period> {
    let period_ms: i64 = row.get("period_ms")?;
    let known = [Resolution::Minute, Resolution::Hour, Resolution::Day];
    let resolution = known.into_iter().find(|resolution| resolution.period_ms() == period_ms);
    Ok(Period {
        resolution: resolution.unwrap_or(Resolution::Day),
        starts_at: UtcMillis(row.get("starts_at_ms")?),
    })
}

pub fn traffic_of(name: &str) -> Traffic {
    if name == Traffic::Stress.name() { Traffic::Stress } else { Traffic::Live }
}

/// A distribution that somebody else has written over counts as empty.
fn latency(row: &Row<'_>, column: usize) -> rusqlite::Result<Latency> {
    Ok(Latency::from_bytes(row.get_ref(column)?.as_blob()?).unwrap_or_else(Latency::coarse))
}

/// A sum that SQLite has no integer for stays the largest.
fn storable(sum: u64) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

fn save_route(transaction: &Transaction<'_>, period: Period, route: &RoutePeriod) -> rusqlite::Result<()> {
    let Requests { answered, gone, latency } = &route.requests;
    let [s1, s2, s3, s4, s5] = answered.map(storable);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO request_metrics (period_ms, starts_at_ms, route, traffic,
               status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, gone, latency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            period.resolution.period_ms(),
            period.starts_at.0,
            route.route,
            route.traffic.name(),
            s1,
            s2,
            s3,
            s4,
            s5,
            storable(*gone),
            latency.to_bytes()
        ])?;
    Ok(())
}

const SERVER_COLUMNS: &str = "live_requests, live_requests_per_minute_max, observed_us, busy_us, batches, updates,
  batch_updates_max, commit_latency, queue_wait, busy_waits, busy_waited_us, lock_errors, checkpoints, checkpointing_us,
  wal_frames_max, checkpoint_lag_max, cpu_us, memory_bytes_max, active_agents_max";
const COMMIT_COLUMN: usize = 7;
const QUEUE_WAIT_COLUMN: usize = 8;

fn server_at(transaction: &Transaction<'_>, period: Period) -> rusqlite::Result<Option<ServerPeriod>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {SERVER_COLUMNS} FROM server_metrics WHERE period_ms = ?1 AND starts_at_ms = ?2"
        ))?
        .query_row([period.resolution.period_ms(), period.starts_at.0], server_of)
        .optional()
}

fn server_of(row: &Row<'_>) -> rusqlite::Result<ServerPeriod> {
    let mut period = ServerPeriod::default();
    read_counts(row, &mut period)?;
    period.writing.commit = latency(row, COMMIT_COLUMN)?;
    period.writing.queue_wait = latency(row, QUEUE_WAIT_COLUMN)?;
    Ok(period)
}

/// All but the distributions, which stay as they are.
fn read_counts(row: &Row<'_>, period: &mut ServerPeriod) -> rusqlite::Result<()> {
    let time = |column: usize| row.get(column).map(Duration::from_micros);
    period.live_requests = row.get(0)?;
    period.live_requests_per_minute_max = row.get(1)?;
    let writing = &mut period.writing;
    writing.observed = time(2)?;
    writing.busy = time(3)?;
    writing.batches = row.get(4)?;
    writing.updates = row.get(5)?;
    writing.batch_updates_max = row.get(6)?;
    writing.busy_waits = row.get(9)?;
    writing.busy_waited = time(10)?;
    writing.lock_errors = row.get(11)?;
    writing.checkpoints = row.get(12)?;
    writing.checkpointing = time(13)?;
    writing.wal_frames_max = row.get(14)?;
    writing.checkpoint_lag_max = row.get(15)?;
    period.usage = Usage { cpu: time(16)?, memory_bytes_max: row.get(17)? };
    period.active_agents_max = row.get(18)?;
    Ok(())
}

fn save_server(transaction: &Transaction<'_>, period: Period, server: &ServerPeriod) -> rusqlite::Result<()> {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let ServerPeriod { live_requests, live_requests_per_minute_max, active_agents_max, writing, usage } =
        server;
    transaction
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO server_metrics ({SERVER_COLUMNS}, period_ms, starts_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
               ?21)"
        ))?
        .execute(params![
            storable(*live_requests),
            storable(*live_requests_per_minute_max),
            micros(writing.observed),
            micros(writing.busy),
            storable(writing.batches),
            storable(writing.updates),
            storable(writing.batch_updates_max),
            writing.commit.to_bytes(),
            writing.queue_wait.to_bytes(),
            storable(writing.busy_waits),
            micros(writing.busy_waited),
            storable(writing.lock_errors),
            storable(writing.checkpoints),
            micros(writing.checkpointing),
            storable(writing.wal_frames_max),
            storable(writing.checkpoint_lag_max),
            micros(usage.cpu),
            storable(usage.memory_bytes_max),
            storable(*active_agents_max),
            period.resolution.period_ms(),
            period.starts_at.0
        ])?;
    Ok(())
}

fn count_incident(transaction: &Transaction<'_>, incident: &Incident) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO incidents (kind, cause, count, first_at_ms, last_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, cause) DO UPDATE SET count = count + excluded.count,
               first_at_ms = min(first_at_ms, excluded.first_at_ms), last_at_ms = max(last_at_ms, excluded.last_at_ms)",
        )?
        .execute(params![
            incident.kind.name(),
            incident.cause,
            incident.count,
            incident.first_at.0,
            incident.last_at.0
        ])?;
    Ok(())
}
