//! Stress-test runs.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, named_params};

use super::Sqlite;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::domain::unit::UtcMillis;
use crate::store::{Result, RunStore, StoreError};

#[async_trait]
impl RunStore for Sqlite {
    async fn save_run(&self, mut report: Report, error: Option<String>) -> Result<Report> {
        self.write(move |transaction| {
            let (results, latency) = (&report.results, &report.results.latency);
            let completed_at_ms = report.timestamp.0.saturating_add((results.duration * 1000.0) as i64);
            let id = transaction.query_row(
                "INSERT INTO stress_test_runs (channel_id, workers, target_rps, duration, total_requests,
                   successful_requests, failed_requests, actual_rps, efficiency, avg_latency_ms, min_latency_ms,
                   max_latency_ms, p50_latency_ms, p95_latency_ms, p99_latency_ms, cv_latency, grade, validity, status,
                   started_at_ms, completed_at_ms, error_message)
                 VALUES (:channel_id, :workers, :target_rps, :duration, :total, :success, :failed, :actual_rps,
                   :efficiency, :avg, :min, :max, :p50, :p95, :p99, :cv, :grade, :validity, :status, :started_at_ms,
                   :completed_at_ms, :error)
                 RETURNING id",
                named_params! {
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
                },
                |row| row.get(0).map(RunId),
            )?;
            report.run_id = Some(id);
            let json = serde_json::to_string(&report).map_err(|error| StoreError::Other(error.to_string()))?;
            transaction.execute("UPDATE stress_test_runs SET results_json = ?2 WHERE id = ?1", (id.0, json))?;
            Ok(report)
        })
        .await
    }

    async fn run(&self, id: RunId) -> Result<Report> {
        self.read(move |connection| {
            let json: Option<Option<String>> = connection
                .prepare_cached("SELECT results_json FROM stress_test_runs WHERE id = ?1")?
                .query_row([id.0], |row| row.get(0))
                .optional()?;
            let json = json.flatten().ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
            parse(id, &json)
        })
        .await
    }

    async fn latest_run(&self) -> Result<Option<Report>> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, results_json FROM stress_test_runs WHERE results_json IS NOT NULL
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row([], |row| Ok((RunId(row.get(0)?), row.get::<_, String>(1)?)))
                .optional()?
                .map(|(id, json)| parse(id, &json))
                .transpose()
        })
        .await
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunOverview>> {
        self.read(move |connection| {
            let runs = connection
                .prepare_cached(
                    "SELECT id, channel_id, workers, target_rps, duration, total_requests, successful_requests,
                       failed_requests, actual_rps, efficiency, avg_latency_ms, min_latency_ms, max_latency_ms,
                       p50_latency_ms, p95_latency_ms, p99_latency_ms, cv_latency, grade, validity, status,
                       started_at_ms, completed_at_ms, error_message
                     FROM stress_test_runs ORDER BY id DESC LIMIT ?1",
                )?
                .query_map([limit], overview)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(runs)
        })
        .await
    }
}

fn parse(id: RunId, json: &str) -> Result<Report> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::Other(format!("the report of run {id} is damaged: {error}")))
}

fn overview(row: &Row<'_>) -> rusqlite::Result<RunOverview> {
    Ok(RunOverview {
        id: RunId(row.get("id")?),
        channel_id: row.get::<_, Option<i64>>("channel_id")?.map(ChannelId),
        workers: row.get("workers")?,
        target_rps: row.get("target_rps")?,
        duration: row.get("duration")?,
        total_requests: row.get("total_requests")?,
        successful_requests: row.get("successful_requests")?,
        failed_requests: row.get("failed_requests")?,
        actual_rps: row.get("actual_rps")?,
        efficiency: row.get("efficiency")?,
        avg_latency_ms: row.get("avg_latency_ms")?,
        min_latency_ms: row.get("min_latency_ms")?,
        max_latency_ms: row.get("max_latency_ms")?,
        p50_latency_ms: row.get("p50_latency_ms")?,
        p95_latency_ms: row.get("p95_latency_ms")?,
        p99_latency_ms: row.get("p99_latency_ms")?,
        cv_latency: row.get("cv_latency")?,
        grade: row.get("grade")?,
        validity: row.get("validity")?,
        status: row.get("status")?,
        started_at: UtcMillis(row.get("started_at_ms")?),
        completed_at: row.get::<_, Option<i64>>("completed_at_ms")?.map(UtcMillis),
        error_message: row.get("error_message")?,
    })
}
