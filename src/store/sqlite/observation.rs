//! What an installation is judged by, read in one transaction.

mod traffic;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::beside;
use super::metrics::incidents;
use super::runs::{OVERVIEW_COLUMNS, overview, report, report_unless_damaged};
use crate::disk::Disk;
use crate::domain::id::RunId;
use crate::domain::observation::{AGENT_WINDOW, Channels, DatabaseFile, Observation, ServerStart, Wanted};
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::domain::unit::UtcMillis;
use crate::store::Result;

/// Runs that are read for the history of p95 and CV.
const RUNS_MAX: u32 = 200;

/// Reads all of it. `journal_mode` is asked of the connection when it is `None`.
pub fn observe(
    connection: &Connection,
    db: &Path,
    journal_mode: Option<&str>,
    servers: Option<u32>,
    wanted: Wanted,
) -> Result<Observation> {
    let transaction = connection.unchecked_transaction()?;
    let (live, days, hours) = traffic::read(&transaction, wanted)?;
    let runs = runs(&transaction)?;
    let Counting { run, unsteady_run, damaged_runs } = counting(&transaction, &runs, wanted)?;
    let server = server_start(&transaction)?;
    let agent_window = server.as_ref().map_or(AGENT_WINDOW, |server| server.agent_window);
    Ok(Observation {
        at: wanted.at,
        since: wanted.since,
        active_agents: active_agents(&transaction, wanted.at, agent_window)?,
        live,
        incidents: incidents(&transaction)?,
        run,
        unsteady_run,
        damaged_runs,
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
        newest_metrics: traffic::newest(&transaction)?,
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

fn runs(connection: &Connection) -> rusqlite::Result<Vec<RunOverview>> {
    connection
        .prepare(&format!(
            "SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs WHERE results_json IS NOT NULL ORDER BY id DESC LIMIT ?1"
        ))?
        .query_map([RUNS_MAX], overview)?
        .collect()
}

/// The runs that count.
#[derive(Default)]
struct Counting {
    run: Option<Report>,
    unsteady_run: Option<Report>,
    damaged_runs: Vec<RunId>,
}

/// The run that was asked for, be it what it may, else the newest one that is valid, complete, not too old, and can be read; and
/// what is newer.
fn counting(connection: &Connection, runs: &[RunOverview], wanted: Wanted) -> Result<Counting> {
    let mut counting = Counting::default();
    if let Some(id) = wanted.run {
        counting.run = Some(report(connection, id)?);
        return Ok(counting);
    }
    for run in runs.iter().filter(|run| run.started_at >= wanted.runs_since) {
        let is_first_unsteady = run.is_unsteady() && counting.unsteady_run.is_none();
        if !run.is_evidence() && !is_first_unsteady {
            continue;
        }
        match report_unless_damaged(connection, run.id)? {
            None => counting.damaged_runs.push(run.id),
            Some(report) if run.is_evidence() => {
                counting.run = Some(report);
                break;
            }
            Some(report) => counting.unsteady_run = Some(report),
        }
    }
    Ok(counting)
}

fn file(connection: &Connection, db: &Path, journal_mode: Option<&str>) -> Result<DatabaseFile> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    let page_bytes = number("page_size")?;
    let journal_mode = match journal_mode {
        Some(mode) => mode.to_owned(),
        None => connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
    };
    Ok(DatabaseFile {
        path: std::path::absolute(db).unwrap_or_else(|_| db.to_owned()),
        bytes: number("page_count")?.saturating_mul(page_bytes),
        free_bytes: number("freelist_count")?.saturating_mul(page_bytes),
        journal_mode,
        disk_free_bytes: Disk::of(beside::folder(db)).map(|disk| disk.free_bytes),
    })
}

fn channels(connection: &Connection) -> rusqlite::Result<Channels> {
    let (count, without_retention, updates) = connection
        .prepare(
            "SELECT count(*), coalesce(sum(retention_ms IS NULL), 0), CAST(total(last_entry_id) AS INTEGER) FROM channels",
        )?
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
