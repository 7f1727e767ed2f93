//! `GET /api/admin/requests`: what is remembered of requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::auth::Admin;
use super::error::Api;
use super::query::{Query, within};
use crate::clock;
use crate::domain::latency::Latency;
use crate::domain::metrics::{Incident, RoutePeriod, ServerPeriod, Summary, Traffic};
use crate::domain::unit::UtcMillis;

/// Hours of the past that can be asked for: two years.
const HOURS_MAX: u32 = 2 * 365 * 24;

/// How far back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// Hours, 1 to 17520.
    #[serde(default = "one_day")]
    #[param(minimum = 1, maximum = 17520, default = 24)]
    hours: u32,
}

fn one_day() -> u32 {
    24
}

/// What the database remembers of a while.
#[derive(Serialize, ToSchema)]
pub struct RequestHistory {
    /// Since when.
    pub since: UtcMillis,
    /// By route and traffic.
    pub routes: Vec<RouteLine>,
    /// All servers on the database together.
    pub server: ServerLine,
    /// What went wrong, ever.
    pub incidents: Vec<Incident>,
}

/// What came of the requests to a route.
#[derive(Serialize, ToSchema)]
pub struct RouteLine {
    /// `GET`.
    pub method: String,
    /// `/channels/{channel}/feeds`.
    pub route: String,
    /// Who sent them.
    pub traffic: Traffic,
    /// Requests.
    pub total: u64,
    /// Answers by their status.
    pub status: StatusClasses,
    /// Requests whose client went away before the answer.
    pub gone: u64,
    /// From the head of a request to the head of its answer; `null` without any.
    pub avg_latency_ms: Option<f64>,
    /// Median.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile.
    pub p95_latency_ms: Option<f64>,
    /// 99th percentile.
    pub p99_latency_ms: Option<f64>,
    /// Longest.
    pub max_latency_ms: Option<f64>,
}

/// Answers by the first digit of their status.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "they are what they are called")]
pub struct StatusClasses {
    #[serde(rename = "1xx")]
    pub informational: u64,
    #[serde(rename = "2xx")]
    pub success: u64,
    #[serde(rename = "3xx")]
    pub redirection: u64,
    #[serde(rename = "4xx")]
    pub client_error: u64,
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

/// Percentiles in milliseconds; `null` without any observation.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "they are what they are called")]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// What servers did.
#[derive(Serialize, ToSchema)]
pub struct ServerLine {
    /// Live requests of devices, readers and agents.
    pub live_requests: u64,
    /// The same in the busiest minute.
    pub live_requests_per_minute_max: u64,
    /// Agents that were active at a time, at most.
    pub active_agents_max: u64,
    /// The share of the time, 0 to 1, that the writer was at work; `null` when it was not looked at.
    pub writer_utilisation: Option<f64>,
    /// Transactions with updates in them.
    pub batches: u64,
    /// Updates in them.
    pub updates: u64,
    /// Updates in the largest of them.
    pub batch_updates_max: u64,
    /// How long commits took.
    pub commit_ms: Percentiles,
    /// How long updates waited for their transaction to begin.
    pub queue_wait_ms: Percentiles,
    /// Times that another process held the database.
    pub busy_waits: u64,
    /// Milliseconds that this took.
    pub busy_waited_ms: u64,
    /// Transactions that were given up because it did not let go.
    pub lock_errors: u64,
    /// Checkpoints that were made, or tried.
    pub checkpoints: u64,
    /// Frames that a checkpoint had to leave in the log, at most.
    pub checkpoint_lag_frames_max: u64,
    /// Frames in the write-ahead log, at most.
    pub wal_frames_max: u64,
    /// Milliseconds in which they were there, of which all else is.
    pub observed_ms: u64,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory in bytes, at most.
    pub memory_bytes_max: u64,
}

/// What is remembered of requests by route and traffic, of the writer, and of what went wrong. Up to the last ten seconds
/// are not in it.
#[utoipa::path(
    get, path = "/api/admin/requests", tag = "requests",
    params(Since), responses((status = 200, body = RequestHistory))
)]
pub async fn requests(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(since): Query<Since>,
) -> Result<Json<RequestHistory>, Api> {
    let hours = within("hours", since.hours, &(1..=HOURS_MAX))?;
    let now = clock::utc();
    let since = UtcMillis(now.0.saturating_sub(i64::from(hours) * 3_600_000));
    Ok(Json(RequestHistory::new(since, state.store.summary(since).await?)))
}

impl RequestHistory {
    /// What is remembered since then.
    pub fn new(since: UtcMillis, summary: Summary) -> Self {
        let Summary { routes, server, incidents } = summary;
        Self { since, routes: routes.iter().map(line).collect(), server: server_line(&server), incidents }
    }
}

fn line(period: &RoutePeriod) -> RouteLine {
    let RoutePeriod { route: name, traffic, requests } = period;
    let (method, route) = name.split_once(' ').unwrap_or(("", name));
    let [informational, success, redirection, client_error, server_error] = requests.answered;
    let latency = &requests.latency;
    RouteLine {
        method: method.into(),
        route: route.into(),
        traffic: *traffic,
        total: requests.count(),
        status: StatusClasses { informational, success, redirection, client_error, server_error },
        gone: requests.gone,
        avg_latency_ms: latency.mean_ms(),
        p50_latency_ms: latency.percentile_ms(50.0),
        p95_latency_ms: latency.percentile_ms(95.0),
        p99_latency_ms: latency.percentile_ms(99.0),
        max_latency_ms: latency.max_ms(),
    }
}

fn server_line(server: &ServerPeriod) -> ServerLine {
    let ServerPeriod { live_requests, live_requests_per_minute_max, active_agents_max, writing, usage } =
        server;
    let percentiles = |latency: &Latency| Percentiles {
        p50: latency.percentile_ms(50.0),
        p95: latency.percentile_ms(95.0),
        p99: latency.percentile_ms(99.0),
        max: latency.max_ms(),
    };
    ServerLine {
        live_requests: *live_requests,
        live_requests_per_minute_max: *live_requests_per_minute_max,
        active_agents_max: *active_agents_max,
        writer_utilisation: writing.utilisation(),
        batches: writing.batches,
        updates: writing.updates,
        batch_updates_max: writing.batch_updates_max,
        commit_ms: percentiles(&writing.commit),
        queue_wait_ms: percentiles(&writing.queue_wait),
        busy_waits: writing.busy_waits,
        busy_waited_ms: u64::try_from(writing.busy_waited.as_millis()).unwrap_or(u64::MAX),
        lock_errors: writing.lock_errors,
        checkpoints: writing.checkpoints,
        checkpoint_lag_frames_max: writing.checkpoint_lag_max,
        wal_frames_max: writing.wal_frames_max,
        observed_ms: u64::try_from(writing.observed.as_millis()).unwrap_or(u64::MAX),
        cpu_ms: u64::try_from(usage.cpu.as_millis()).unwrap_or(u64::MAX),
        memory_bytes_max: usage.memory_bytes_max,
    }
}
