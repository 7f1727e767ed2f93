//! What an installation is judged by, read in one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::beside;
use super::metrics::incidents;
use super::runs::{OVERVIEW_COLUMNS, overview};
use crate::domain::latency::Latency;
use crate::domain::metrics::{Resolution, ServerPeriod};
use crate::domain::observation::{
    AGENT_WINDOW, Calm, Channels, DAYS_MAX, DatabaseFile, Live, Observation, ServerStart, Slot, Wanted,
};
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::domain::unit::UtcMillis;
use crate::store::Result;

/// Runs that are read for the history of p95 and CV.
const RUNS_MAX: u32 = 200;
/// Routes whose answers take as long as an agent's command, or as a stress test goes on.
const NOT_OF_THE_SERVER: &str = "('POST /run_bash', 'POST /agent/pipeline')";
const DAY_MS: i64 = 86_400_000;

/// Reads all of it. `journal_mode` is asked of the connection when it is `None`.
pub fn observe(
    connection: &Connection,
    db: &Path,
    journal_mode: Option<&str>,
    servers: Option<u32>,
    wanted: Wanted,
) -> Result<Observation> {
    let transaction = connection.unchecked_transaction()?;
    let (slots, latency) = latencies(&transaction, wanted)?;
    let (live, days, hours) = traffic(&transaction, wanted, slots, latency)?;
    let runs = runs(&transaction)?;
    let server = server_start(&transaction)?;
    let agent_window = server.as_ref().map_or(AGENT_WINDOW, |server| server.agent_window);
    Ok(Observation {
        at: wanted.at,
        since: wanted.since,
        active_agents: active_agents(&transaction, wanted.at, agent_window)?,
        live,
        incidents: incidents(&transaction)?,
        run: run(&transaction, &runs, wanted)?,
        restless_run: restless_run(&transaction, &runs, wanted)?,
        runs,
        file: file(&transaction, db, journal_mode)?,
        channels: channels(&transaction)?,
        server,
        servers,
        hours,
        days,
        checks: super::criteria::newest(&transaction, wanted.checks)?,
        checks_with_red_flag: number(
            &transaction,
            "SELECT count(*) FROM criteria_checks WHERE red_flags > 0",
        )?,
        newest_metrics: newest_metrics(&transaction)?,
        milestones: super::criteria::milestones(&transaction)?,
    })
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    connection.prepare(sql)?.query_row([], |row| row.get(0))
}

fn active_agents(connection: &Connection, at: UtcMillis, window: Duration) -> rusqlite::Result<u64> {
    let since = at.0.saturating_sub(i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
    connection
        .prepare("SELECT count(*) FROM agents WHERE last_live_at_ms >= ?1 AND last_live_at_ms <= ?2")?
        .query_row([since, at.0], |row| row.get(0))
}

/// Latencies of live requests by the start of their hour (within the window) and of their day.
#[derive(Default)]
struct Latencies {
    hours: BTreeMap<i64, Latency>,
    days: BTreeMap<i64, Latency>,
}

fn first_day(wanted: Wanted) -> i64 {
    Resolution::Day.start_of(UtcMillis(wanted.at.0.saturating_sub(DAYS_MAX * DAY_MS))).0
}

/// Distributions row by row, merged by the hour, and these by the day. Returns them, and that of the whole window.
fn latencies(connection: &Connection, wanted: Wanted) -> rusqlite::Result<(Latencies, Latency)> {
    let mut statement = connection.prepare(&format!(
        "SELECT starts_at_ms, latency FROM request_metrics
         WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'live'
           AND route NOT IN {NOT_OF_THE_SERVER}"
    ))?;
    // An hour that the window begins in is two.
    let mut hours: BTreeMap<(i64, bool), Latency> = BTreeMap::new();
    let mut rows = statement.query([first_day(wanted).min(wanted.since.0), wanted.at.0])?;
    while let Some(row) = rows.next()? {
        let starts_at = UtcMillis(row.get(0)?);
        let hour = (Resolution::Hour.start_of(starts_at).0, starts_at >= wanted.since);
        // One that somebody else has written over counts as empty.
        hours.entry(hour).or_insert_with(Latency::coarse).merge_coarse_bytes(row.get_ref(1)?.as_blob()?);
    }
    let (mut slots, mut window) = (Latencies::default(), Latency::coarse());
    for ((hour, is_within), latency) in hours {
        let day = Resolution::Day.start_of(UtcMillis(hour)).0;
        slots.days.entry(day).or_insert_with(Latency::coarse).merge(&latency);
        if is_within {
            window.merge(&latency);
            slots.hours.insert(hour, latency);
        }
    }
    Ok((slots, window))
}

/// The window, its hours, and the days.
fn traffic(
    connection: &Connection,
    wanted: Wanted,
    latencies: Latencies,
    latency: Latency,
) -> rusqlite::Result<(Live, Vec<Slot>, Vec<Slot>)> {
    let mut live = Live { answered: answered(connection, wanted)?, latency, ..Live::default() };
    let (mut hours, mut days) = (BTreeMap::new(), BTreeMap::new());
    let mut statement = connection.prepare(
        "SELECT starts_at_ms, period_ms, live_requests, live_requests_per_minute_max, active_agents_max, lock_errors,
           observed_us, busy_us, batches, updates, busy_waits, checkpoint_lag_max, cpu_us, commit_latency, queue_wait,
           EXISTS (SELECT 1 FROM request_metrics requests WHERE requests.period_ms = server_metrics.period_ms
             AND requests.starts_at_ms = server_metrics.starts_at_ms AND traffic = 'stress') AS stressed
         FROM server_metrics WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2
         ORDER BY starts_at_ms",
    )?;
    // Of the rest only the counts are wanted: two distributions a minute are most of what there is to read.
    let mut period = ServerPeriod::default();
    let mut rows = statement.query([first_day(wanted).min(wanted.since.0), wanted.at.0])?;
    while let Some(row) = rows.next()? {
        let (starts_at, period_ms) = (UtcMillis(row.get(0)?), row.get::<_, i64>(1)?);
        period.live_requests = row.get(2)?;
        period.live_requests_per_minute_max = row.get(3)?;
        period.active_agents_max = row.get(4)?;
        period.writing.lock_errors = row.get(5)?;
        add(&mut days, Resolution::Day, starts_at, &period);
        if starts_at < wanted.since {
            continue;
        }
        add(&mut hours, Resolution::Hour, starts_at, &period);
        let all = live.all.get_or_insert_default();
        all.live_requests = all.live_requests.saturating_add(period.live_requests);
        all.live_requests_per_minute_max =
            all.live_requests_per_minute_max.max(period.live_requests_per_minute_max);
        all.active_agents_max = all.active_agents_max.max(period.active_agents_max);
        all.writing.lock_errors = all.writing.lock_errors.saturating_add(period.writing.lock_errors);
        live.newest = Some(UtcMillis(starts_at.0.saturating_add(period_ms).min(wanted.at.0)));
        if !row.get::<_, bool>("stressed")? {
            add_calm(&mut live, row, period_ms)?;
        }
    }
    Ok((live, with_latencies(days, &latencies.days), with_latencies(hours, &latencies.hours)))
}

/// Adds a period without a stress test.
fn add_calm(live: &mut Live, row: &Row<'_>, period_ms: i64) -> rusqlite::Result<()> {
    let time = |column: &str| row.get(column).map(Duration::from_micros);
    let (observed, busy, cpu) = (time("observed_us")?, time("busy_us")?, time("cpu_us")?);
    let (batches, updates): (u64, u64) = (row.get("batches")?, row.get("updates")?);
    let checkpoint_lag_max = row.get("checkpoint_lag_max")?;
    let all = &mut live.calm_writing;
    all.observed += observed;
    all.busy += busy;
    all.busy_waits += row.get::<_, u64>("busy_waits")?;
    all.checkpoint_lag_max = all.checkpoint_lag_max.max(checkpoint_lag_max);
    all.commit.merge_coarse_bytes(row.get_ref("commit_latency")?.as_blob()?);
    all.queue_wait.merge_coarse_bytes(row.get_ref("queue_wait")?.as_blob()?);
    let length = Duration::from_millis(period_ms.unsigned_abs());
    live.calm.push(Calm {
        length,
        utilisation: (observed > Duration::ZERO).then(|| busy.as_secs_f64() / observed.as_secs_f64()),
        cpu_percent: cpu.as_secs_f64() / length.as_secs_f64() * 100.0,
        updates_per_batch: (batches > 0).then(|| updates as f64 / batches as f64),
        checkpoint_lag_max,
    });
    Ok(())
}

fn add(slots: &mut BTreeMap<i64, Slot>, resolution: Resolution, at: UtcMillis, period: &ServerPeriod) {
    let starts_at = resolution.start_of(at);
    let slot = slots.entry(starts_at.0).or_insert_with(|| Slot { starts_at, ..Slot::default() });
    slot.requests += period.live_requests;
    slot.requests_per_minute_max = slot.requests_per_minute_max.max(period.live_requests_per_minute_max);
    slot.active_agents_max = slot.active_agents_max.max(period.active_agents_max);
}

fn with_latencies(slots: BTreeMap<i64, Slot>, latencies: &BTreeMap<i64, Latency>) -> Vec<Slot> {
    let with = |(starts_at, mut slot): (i64, Slot)| {
        if let Some(latency) = latencies.get(&starts_at).filter(|latency| latency.is_enough_for(95.0)) {
            slot.p95_ms = latency.percentile_ms(95.0);
            slot.cv_percent = latency.cv_percent();
        }
        slot
    };
    slots.into_iter().map(with).collect()
}

/// By the primary key, one resolution after the other.
fn newest_metrics(connection: &Connection) -> rusqlite::Result<Option<UtcMillis>> {
    let newest = |resolution: Resolution| {
        connection
            .prepare_cached("SELECT max(starts_at_ms) FROM server_metrics WHERE period_ms = ?1")?
            .query_row([resolution.period_ms()], |row| row.get::<_, Option<i64>>(0))
    };
    let all = [Resolution::Minute, Resolution::Hour, Resolution::Day].map(newest);
    let all = all.into_iter().collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().max().map(UtcMillis))
}

fn answered(connection: &Connection, wanted: Wanted) -> rusqlite::Result<[u64; 5]> {
    connection
        .prepare(
            "SELECT coalesce(sum(status_1xx), 0), coalesce(sum(status_2xx), 0), coalesce(sum(status_3xx), 0),
               coalesce(sum(status_4xx), 0), coalesce(sum(status_5xx), 0) FROM request_metrics
             WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'live'",
        )?
        .query_row([wanted.since.0, wanted.at.0], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
        })
}

fn runs(connection: &Connection) -> rusqlite::Result<Vec<RunOverview>> {
    connection
        .prepare(&format!(
            "SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs WHERE results_json IS NOT NULL ORDER BY id DESC LIMIT ?1"
        ))?
        .query_map([RUNS_MAX], overview)?
        .collect()
}

/// The run that was asked for, be it what it may, else the newest one that is valid, complete and not too old.
fn run(connection: &Connection, runs: &[RunOverview], wanted: Wanted) -> Result<Option<Report>> {
    let counts = |run: &&RunOverview| run.is_evidence() && run.started_at >= wanted.runs_since;
    match wanted.run.or_else(|| runs.iter().find(counts).map(|run| run.id)) {
        Some(id) => super::runs::report(connection, id).map(Some),
        None => Ok(None),
    }
}

/// The newest run, if it did not come to rest, and no other was asked for.
fn restless_run(connection: &Connection, runs: &[RunOverview], wanted: Wanted) -> Result<Option<Report>> {
    let counts = |run: &&RunOverview| run.is_evidence() || run.is_restless();
    let newest =
        runs.iter().find(counts).filter(|run| wanted.run.is_none() && run.started_at >= wanted.runs_since);
    match newest.filter(|run| run.is_restless()) {
        Some(run) => super::runs::report(connection, run.id).map(Some),
        None => Ok(None),
    }
}

fn file(connection: &Connection, db: &Path, journal_mode: Option<&str>) -> Result<DatabaseFile> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    let page_bytes = number("page_size")?;
    let journal_mode = match journal_mode {
        Some(mode) => mode.to_owned(),
        None => connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
    };
    let disk = rustix::fs::statvfs(beside::folder(db)).ok();
    Ok(DatabaseFile {
        path: std::path::absolute(db).unwrap_or_else(|_| db.to_owned()),
        bytes: number("page_count")? * page_bytes,
        free_bytes: number("freelist_count")? * page_bytes,
        journal_mode,
        disk_free_bytes: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    })
}

fn channels(connection: &Connection) -> rusqlite::Result<Channels> {
    let (count, without_retention, updates) = connection
        .prepare("SELECT count(*), coalesce(sum(retention_ms IS NULL), 0), coalesce(sum(last_entry_id), 0) FROM channels")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let largest_without_retention = connection
        .prepare(
            "SELECT id FROM channels WHERE retention_ms IS NULL ORDER BY last_entry_id DESC, id LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Channels { count, without_retention, largest_without_retention, updates })
}

fn server_start(connection: &Connection) -> rusqlite::Result<Option<ServerStart>> {
    connection
        .prepare("SELECT started_at_ms, workers, cores, queue_capacity, agent_window_ms FROM server_start")?
        .query_row([], |row| {
            Ok(ServerStart {
                started_at: UtcMillis(row.get(0)?),
                workers: row.get(1)?,
                cores: row.get(2)?,
                queue_capacity: row.get(3)?,
                agent_window: Duration::from_millis(row.get(4)?),
            })
        })
        .optional()
}

/// Keeps how a server was started, in place of the one before.
pub fn note_start(connection: &Connection, start: &ServerStart) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO server_start (only, started_at_ms, workers, cores, queue_capacity, agent_window_ms)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            start.started_at.0,
            start.workers,
            start.cores,
            start.queue_capacity,
            i64::try_from(start.agent_window.as_millis()).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}
