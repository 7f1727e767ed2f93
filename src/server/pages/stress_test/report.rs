//! What happened in a run: the answer first, the evidence under it, the next step last.

use std::sync::Arc;

use axum::http::HeaderMap;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::seconds::Seconds;
use super::{Outcome, Page, Row, charts};
use crate::domain::latency::{Bucket, Latency, is_enough_for};
use crate::domain::progress::Moment;
use crate::domain::report::{LatencyFigures, Report};
use crate::domain::run::{RunOverview, RunStatus};
use crate::domain::validity::Verdict;
use crate::server::State;
use crate::server::pages::words::Words;
use crate::server::pages::{format, render, words};
use crate::server::session::Session;
use crate::store::StoreError;

/// Runs of a trend.
const TREND_RUNS: u32 = 40;

/// The report of a run that has ended, or why there is none.
pub async fn show(state: &Arc<State>, headers: &HeaderMap, session: &Session, run: RunOverview) -> Page {
    let id = run.id;
    let report = match state.store.run(id).await {
        Ok(report) => report,
        Err(StoreError::NotFound(_)) => {
            let data = context! { run => Serde(Row::new(run)) };
            return render(state, headers, Some(session), "report_missing.html", data);
        }
        Err(error) => return Err(error.into()),
    };
    let similar = state.store.similar_runs(id, TREND_RUNS).await?;
    let data = data(&words(state, headers)?, run, report, &similar);
    render(state, headers, Some(session), "report.html", data)
}

/// What the template shows of a report.
pub fn data(words: &Words, run: RunOverview, mut report: Report, similar: &[RunOverview]) -> Value {
    let slowest = report.slowest_second().map(|point| {
        context! { second => point.second, p95_latency_ms => point.p95_latency_ms }
    });
    let cause = report.cause_of_slowest_second();
    let latency = Latency::from_base64(&report.histogram);
    let buckets = latency.map(|latency| latency.buckets()).unwrap_or_default();
    // What is shown as charts and tables of its own: a template need not be given thousands of points.
    let series: Vec<_> = std::mem::take(&mut report.series).iter().map(Moment::from).collect();
    let server = std::mem::take(&mut report.server);
    report.histogram = String::new();
    for checked in &mut report.assertions {
        let shown = std::mem::take(&mut checked.shown);
        let said = words.translated(&shown);
        checked.shown = said.unwrap_or_else(|| format::in_language(words.language(), shown));
    }
    let target = report.config.mean_rps().filter(|_| report.config.has_constant_load());
    let previous =
        similar.iter().rev().find(|other| other.started_at < run.started_at).map(|other| other.id.0);
    let errors = report.results.errors.iter().map(|(failure, count)| (failure.describe(), *count));
    let errors: Vec<_> = errors.collect();
    context! {
        outcome => Serde(Outcome::of(&run)),
        error_message => run.error_message,
        is_valid => report.validity.verdict == Verdict::Valid,
        is_failed => report.status == RunStatus::Failed,
        is_cancelled => report.status == RunStatus::Cancelled,
        failure => report.failure_reason(),
        unaccounted => report.unaccounted(),
        success_percent => report.results.success_percent(),
        // n arrivals span n−1 intervals, so that a short run at full rate comes out a little above 100 %.
        efficiency => report.results.efficiency.map(|percent| percent.min(100.0)),
        latencies => Serde(latencies(&report)),
        seconds => Serde(Seconds::of(&series, &server)),
        errors => Serde(errors),
        buckets => Serde(rows(&buckets)),
        has_server => !server.is_empty(),
        slowest,
        cause,
        previous,
        similar => Serde(similar),
        latency_chart => charts::latency(words, &series),
        rps_chart => charts::rps(words, &series, target, Some(report.results.duration)),
        distribution_chart => charts::distribution(words, &[(String::new(), buckets)]),
        server_chart => charts::writer(words, &server),
        trend_chart => charts::trend(words, similar),
        report => Serde(report),
    }
}

/// A line of the latency table.
#[derive(Serialize)]
struct LatencyRow {
    /// The key of its name, or the name of a percentile.
    name: &'static str,
    due: Option<f64>,
    sent: Option<f64>,
    /// Whether there are enough requests for it.
    enough: bool,
}

fn latencies(report: &Report) -> Vec<LatencyRow> {
    let results = &report.results;
    let row = |name, percent, of: fn(&LatencyFigures) -> Option<f64>| LatencyRow {
        name,
        due: of(&results.latency),
        sent: of(&results.service_latency_ms),
        enough: is_enough_for(results.total, percent),
    };
    vec![
        row("average", 0.0, |latency| latency.avg_latency_ms),
        row("p50", 50.0, |latency| latency.p50_latency_ms),
        row("p95", 95.0, |latency| latency.p95_latency_ms),
        row("p99", 99.0, |latency| latency.p99_latency_ms),
        row("p99.9", 99.9, |latency| latency.p999_latency_ms),
        row("max", 0.0, |latency| latency.max_latency_ms),
    ]
}

/// A bucket as the table beneath the chart has it.
#[derive(Serialize)]
pub struct BucketRow {
    up_to: String,
    count: u64,
    percent: f64,
}

/// The buckets of a distribution with their shares.
pub fn rows(buckets: &[Bucket]) -> Vec<BucketRow> {
    let total = buckets.iter().map(|bucket| bucket.count).sum::<u64>().max(1) as f64;
    let row = |bucket: &Bucket| BucketRow {
        up_to: charts::trimmed(bucket.up_to_ms),
        count: bucket.count,
        percent: bucket.count as f64 / total * 100.0,
    };
    buckets.iter().map(row).collect()
}
