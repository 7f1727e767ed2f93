//! Stress-test runs.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};

use super::{Sqlite, channels};
use crate::clock;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::report::Report;
use crate::domain::run::{Claim, Place, RunAccess, RunOverview, RunStatus, TIMEOUT_MAX, WARM_UP_MAX};
use crate::domain::run_order::{RunColumn, RunOrder};
use crate::domain::unit::UtcMillis;
use crate::store::{Result, RunStore, StoreError, WhyGone};

/// How long a run may go on beyond its planned duration: the warm-up, the last answers, and two hours for its rows.
const BEYOND_PLAN_MS_MAX: i64 = (WARM_UP_MAX.as_millis() + TIMEOUT_MAX.as_millis()) as i64 + 2 * 3600 * 1000;

/// What holds for a run that has not ended.
const GOING_ON: &str = "status IN ('pending', 'running')";

#[async_trait]
impl RunStore for Sqlite {
    async fn begin_run(&self, claim: Claim, why_gone: WhyGone) -> Result<Place> {
        self.write(move |transaction| take_place(transaction, &claim, "running", why_gone)).await
    }

    async fn order_run(&self, claim: Claim, access: RunAccess, why_gone: WhyGone) -> Result<Place> {
        if let RunAccess::Scratch(channel) = &access {
            channel.check()?;
        }
        self.write(move |transaction| {
            let place = take_place(transaction, &claim, "pending", why_gone)?;
            if let Place::Taken(run) = place {
                give_access(transaction, run, claim.channel, &access)?;
            }
            Ok(place)
        })
        .await
    }

    async fn adopt_run(&self, id: RunId, owner: String) -> Result<()> {
        self.write(move |transaction| {
            let changed = transaction.execute(
                "UPDATE stress_test_runs SET status = 'running', owner = ?2, started_at_ms = ?3
                 WHERE id = ?1 AND status = 'pending'",
                params![id.0, owner, clock::utc().0],
            )?;
            if changed == 0 { Err(StoreError::NotFound(format!("a pending run {id}"))) } else { Ok(()) }
        })
        .await
    }

    async fn end_run(&self, id: RunId, mut report: Report, error: Option<String>) -> Result<Report> {
        self.write(move |transaction| {
            report.run_id = Some(id);
            let (results, latency) = (&report.results, &report.results.latency);
            let completed_at_ms = report.timestamp.0.saturating_add((results.duration * 1000.0) as i64);
            let json = serde_json::to_string(&report).map_err(|error| StoreError::Other(error.to_string()))?;
            let changed = transaction.execute(
                "UPDATE stress_test_runs SET owner = NULL, channel_id = :channel_id, workers = :workers,
                   target_rps = :target_rps, duration = :duration, total_requests = :total,
                   successful_requests = :success, failed_requests = :failed, actual_rps = :actual_rps,
                   efficiency = :efficiency, avg_latency_ms = :avg, min_latency_ms = :min, max_latency_ms = :max,
                   p50_latency_ms = :p50, p95_latency_ms = :p95, p99_latency_ms = :p99, cv_latency = :cv, grade = :grade,
                   validity = :validity, status = :status, started_at_ms = :started_at_ms,
                   completed_at_ms = :completed_at_ms, error_message = :error, results_json = :json
                 WHERE id = :id",
                named_params! {
                    ":id": id.0,
                    ":channel_id": report.config.channel_id.map(|id| id.0),
                    ":workers": report.config.workers,
                    ":target_rps": report.config.target_rps,
                    ":duration": report.config.duration,
                    ":total": results.total as i64,
                    ":success": results.success as i64,
                    ":failed": results.failed as i64,
                    ":actual_rps": results.actual_rps,
                    ":efficiency": results.efficiency,
                    ":avg": latency.avg_latency_ms,
                    ":min": latency.min_latency_ms,
                    ":max": latency.max_latency_ms,
                    ":p50": latency.p50_latency_ms,
                    ":p95": latency.p95_latency_ms,
                    ":p99": latency.p99_latency_ms,
                    ":cv": latency.cv_latency,
                    ":grade": report.grade.as_ref().map(|grade| grade.level.as_str()),
                    ":validity": report.validity.verdict.as_str(),
                    ":status": report.status.as_str(),
                    ":started_at_ms": report.timestamp.0,
                    ":completed_at_ms": completed_at_ms,
                    ":error": error,
                    ":json": json,
                },
            )?;
            if changed == 0 { Err(unknown(id)) } else { Ok(report) }
        })
        .await
    }

    async fn give_up_run(&self, id: RunId, status: RunStatus, reason: String) -> Result<()> {
        self.write(move |transaction| {
            transaction.execute(
                &format!(
                    "UPDATE stress_test_runs SET owner = NULL, status = ?2, completed_at_ms = ?3, error_message = ?4
                     WHERE id = ?1 AND {GOING_ON}"
                ),
                params![id.0, status.as_str(), clock::utc().0, reason],
            )?;
            Ok(())
        })
        .await
    }

    async fn withdraw_run(&self, id: RunId) -> Result<()> {
        self.write(move |transaction| {
            transaction
                .execute(&format!("DELETE FROM stress_test_runs WHERE id = ?1 AND {GOING_ON}"), [id.0])?;
            Ok(())
        })
        .await
    }

    async fn fail_abandoned_runs(&self, now: UtcMillis, why_gone: WhyGone) -> Result<usize> {
        self.join(move |transaction| Ok(fail_abandoned(transaction, now, why_gone)?)).await
    }

    async fn run(&self, id: RunId) -> Result<Report> {
        self.read(move |connection| report(connection, id)).await
    }

    async fn latest_run(&self) -> Result<Option<Report>> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, results_json FROM stress_test_runs WHERE results_json IS NOT NULL
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row([], |row| Ok((RunId(row.get(0)?), bytes(row, 1)?.unwrap_or_default())))
                .optional()?
                .map(|(id, json)| parse(id, &json))
                .transpose()
        })
        .await
    }

    async fn runs(&self, before: Option<RunId>, limit: u32) -> Result<Vec<RunOverview>> {
        self.read(move |connection| {
            let runs = connection
                .prepare_cached(&format!(
                    "SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs WHERE id < ?1 ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(params![before.map_or(i64::MAX, |id| id.0), limit], overview)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(runs)
        })
        .await
    }

    async fn runs_in_order(
        &self,
        order: RunOrder,
        offset: u64,
        limit: u32,
    ) -> Result<(Vec<RunOverview>, u64)> {
        self.read(move |connection| {
            let total: i64 = connection
                .prepare_cached("SELECT count(*) FROM stress_test_runs")?
                .query_row([], |row| row.get(0))?;
            let direction = if order.descending { "DESC" } else { "ASC" };
            let by = format!("{} {direction} NULLS LAST, id DESC", column(order.column));
            let runs = connection
                .prepare_cached(&format!(
                    "SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs ORDER BY {by} LIMIT ?1 OFFSET ?2"
                ))?
                .query_map(params![limit, i64::try_from(offset).unwrap_or(i64::MAX)], overview)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((runs, u64::try_from(total).unwrap_or(0)))
        })
        .await
    }

    async fn run_going_on(&self) -> Result<Option<RunOverview>> {
        self.read(|connection| {
            let sql = format!("SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs WHERE {GOING_ON}");
            Ok(connection.prepare_cached(&sql)?.query_row([], overview).optional()?)
        })
        .await
    }

    async fn similar_runs(&self, id: RunId, limit: u32) -> Result<Vec<RunOverview>> {
        self.read(move |connection| {
            let mut runs = connection
                .prepare_cached(&format!(
                    "SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs
                     WHERE (config_hash, machine_hash) =
                           (SELECT config_hash, machine_hash FROM stress_test_runs WHERE id = ?1)
                       AND status = 'completed'
                     ORDER BY started_at_ms DESC LIMIT ?2"
                ))?
                .query_map(params![id.0, limit], overview)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            runs.reverse();
            Ok(runs)
        })
        .await
    }

    async fn run_overview(&self, id: RunId) -> Result<Option<RunOverview>> {
        self.read(move |connection| Ok(find(connection, id)?)).await
    }

    async fn delete_run(&self, id: RunId) -> Result<()> {
        self.write(move |transaction| {
            let run = find(transaction, id)?.ok_or_else(|| unknown(id))?;
            if run.ended().is_none() {
                return Err(StoreError::Conflict(format!("run {id} is going on")));
            }
            transaction.execute("DELETE FROM stress_test_runs WHERE id = ?1", [id.0])?;
            Ok(())
        })
        .await
    }
}

fn column(column: RunColumn) -> &'static str {
    match column {
        RunColumn::Id => "id",
        RunColumn::TargetRps => "target_rps",
        RunColumn::Duration => "duration",
        RunColumn::Total => "total_requests",
        RunColumn::Failed => "failed_requests",
        RunColumn::Rps => "actual_rps",
        RunColumn::P95 => "p95_latency_ms",
        RunColumn::P99 => "p99_latency_ms",
    }
}

fn unknown(id: RunId) -> StoreError {
    StoreError::NotFound(format!("run {id}"))
}

fn find(connection: &Connection, id: RunId) -> rusqlite::Result<Option<RunOverview>> {
    connection
        .prepare_cached(&format!("SELECT {OVERVIEW_COLUMNS} FROM stress_test_runs WHERE id = ?1"))?
        .query_row([id.0], overview)
        .optional()
}

/// Enters a run, unless another is going on.
fn take_place(
    transaction: &Transaction<'_>,
    claim: &Claim,
    status: &str,
    why_gone: WhyGone,
) -> Result<Place> {
    fail_abandoned(transaction, claim.started_at, why_gone)?;
    let occupied = transaction
        .prepare_cached(&format!("SELECT id, owner, started_at_ms FROM stress_test_runs WHERE {GOING_ON}"))?
        .query_row([], |row| {
            let (by, owner) = (RunId(row.get(0)?), row.get::<_, Option<String>>(1)?);
            let owner = owner.unwrap_or_default();
            Ok(Place::Occupied { by, owner, since: UtcMillis(row.get(2)?) })
        })
        .optional()?;
    if let Some(occupied) = occupied {
        return Ok(occupied);
    }
    transaction.execute(
        "INSERT INTO stress_test_runs (channel_id, workers, target_rps, duration, status, started_at_ms, owner)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            claim.channel.map(|id| id.0),
            claim.plan.workers,
            claim.plan.target_rps(),
            claim.plan.duration.as_secs_f64(),
            status,
            claim.started_at.0,
            claim.owner,
        ],
    )?;
    Ok(Place::Taken(RunId(transaction.last_insert_rowid())))
}

/// Makes what opens the target of a run. A trigger of the schema takes it away when the run ends.
fn give_access(
    transaction: &Transaction<'_>,
    run: RunId,
    channel: Option<ChannelId>,
    access: &RunAccess,
) -> Result<()> {
    match access {
        RunAccess::Key(key) => {
            let channel = channel.ok_or_else(|| StoreError::Other("no channel is named".into()))?;
            channels::insert_key_of_run(transaction, channel, key, run)?;
        }
        RunAccess::Scratch(new) => {
            let made = channels::create(transaction, new)?;
            transaction.execute("UPDATE channels SET run_id = ?2 WHERE id = ?1", [made.id.0, run.0])?;
        }
    }
    Ok(())
}

/// Marks what nobody will end any more.
fn fail_abandoned(
    transaction: &Transaction<'_>,
    now: UtcMillis,
    why_gone: WhyGone,
) -> rusqlite::Result<usize> {
    let going_on = transaction
        .prepare_cached(&format!(
            "SELECT id, owner, started_at_ms, duration FROM stress_test_runs WHERE {GOING_ON}"
        ))?
        .query_map([], |row| {
            let planned_ms = (row.get::<_, f64>(3)? * 1000.0) as i64;
            let end = row.get::<_, i64>(2)?.saturating_add(planned_ms).saturating_add(BEYOND_PLAN_MS_MAX);
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default(), now.0 > end))
        })?
        .collect::<rusqlite::Result<Vec<(i64, String, bool)>>>()?;
    let mut fail = transaction.prepare_cached(
        "UPDATE stress_test_runs SET owner = NULL, status = 'failed', completed_at_ms = ?2, error_message = ?3
         WHERE id = ?1",
    )?;
    let gone = going_on.iter().filter_map(|(id, owner, overdue)| Some((id, why_gone(owner, *overdue)?)));
    gone.map(|(id, why)| fail.execute(params![id, now.0, why])).sum()
}

/// The report of a run.
pub fn report(connection: &Connection, id: RunId) -> Result<Report> {
    parse(id, &stored_report(connection, id)?)
}

/// As [`report`], and `None` for one that is damaged.
pub fn report_unless_damaged(connection: &Connection, id: RunId) -> Result<Option<Report>> {
    Ok(parse(id, &stored_report(connection, id)?).ok())
}

fn stored_report(connection: &Connection, id: RunId) -> Result<Vec<u8>> {
    let found = connection
        .prepare_cached("SELECT results_json, status, error_message FROM stress_test_runs WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((bytes(row, 0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        })
        .optional()?;
    match found {
        Some((Some(json), _, _)) => Ok(json),
        Some((None, status, reason)) => {
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            Err(StoreError::NotFound(format!("a report of run {id} ({status}{reason})")))
        }
        None => Err(unknown(id)),
    }
}

/// A text's bytes: one that is damaged need not be UTF-8.
fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<u8>>> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.map(<[u8]>::to_vec))
}

/// A report belongs to the run whose row it stands in, whatever it says.
fn parse(id: RunId, json: &[u8]) -> Result<Report> {
    serde_json::from_slice(json)
        .map(|report| Report { run_id: Some(id), ..report })
        .map_err(|error| StoreError::Other(format!("the report of run {id} is damaged: {error}")))
}

/// The columns that [`overview`] reads.
pub const OVERVIEW_COLUMNS: &str = "id, channel_id, workers, target_rps, duration, total_requests, successful_requests,
  failed_requests, actual_rps, efficiency, avg_latency_ms, min_latency_ms, max_latency_ms, p50_latency_ms, p95_latency_ms,
  p99_latency_ms, cv_latency, grade, validity, status, started_at_ms, completed_at_ms, error_message";

/// A run as lists show it, of [`OVERVIEW_COLUMNS`].
pub fn overview(row: &Row<'_>) -> rusqlite::Result<RunOverview> {
    let validity: Option<String> = row.get("validity")?;
    // These have zeros until there is a report.
    let is_reported = validity.is_some();
    let count = |name| -> rusqlite::Result<Option<u64>> { Ok(is_reported.then_some(row.get(name)?)) };
    Ok(RunOverview {
        id: RunId(row.get("id")?),
        channel_id: row.get::<_, Option<i64>>("channel_id")?.map(ChannelId),
        workers: row.get("workers")?,
        target_rps: row.get("target_rps")?,
        duration: row.get("duration")?,
        total_requests: count("total_requests")?,
        successful_requests: count("successful_requests")?,
        failed_requests: count("failed_requests")?,
        actual_rps: is_reported.then_some(row.get("actual_rps")?),
        efficiency: row.get("efficiency")?,
        avg_latency_ms: row.get("avg_latency_ms")?,
        min_latency_ms: row.get("min_latency_ms")?,
        max_latency_ms: row.get("max_latency_ms")?,
        p50_latency_ms: row.get("p50_latency_ms")?,
        p95_latency_ms: row.get("p95_latency_ms")?,
        p99_latency_ms: row.get("p99_latency_ms")?,
        cv_latency: row.get("cv_latency")?,
        grade: row.get("grade")?,
        validity,
        status: row.get("status")?,
        started_at: UtcMillis(row.get("started_at_ms")?),
        completed_at: row.get::<_, Option<i64>>("completed_at_ms")?.map(UtcMillis),
        error_message: row.get("error_message")?,
    })
}
