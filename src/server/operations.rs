//! What watches the server calls, and what its administrator asks of its past.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Query, State as Extract};
use axum::http::header::{CONTENT_TYPE, FORWARDED, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::auth::{self, Admin};
use super::error::{Api, Refusal};
use super::metrics::exposition::{self, Snapshot};
use super::metrics::keeper;
use crate::clock;
use crate::domain::latency::Latency;
use crate::domain::metrics::{RoutePeriod, ServerPeriod};
use crate::domain::unit::UtcMillis;

/// Hours of the past that can be asked for: two years.
const HOURS_MAX: u32 = 2 * 365 * 24;
/// How long `/metrics` waits for what it has to look up in the database.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /health`: the process is alive and answers.
pub async fn health() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], "{\"status\":\"ok\"}")
}

/// `GET /ready`: whether updates are taken, and if not, why, since when and what to do. 503 where they are not.
pub async fn ready(Extract(state): Extract<Arc<State>>) -> Response {
    let fault = state.store.condition().map(|condition| {
        json!({
            "fault": condition.fault.name(),
            "since": condition.since,
            "message": condition.fault.description(),
            "next_step": condition.fault.next_step(),
        })
    });
    let (status, word) = match fault {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let clock_stepped_back = state.clock_step();
    (status, Json(json!({ "status": word, "fault": fault, "clock_stepped_back": clock_stepped_back })))
        .into_response()
}

/// `GET /metrics`, in the text format that Prometheus reads.
pub async fn metrics(_: Watcher, Extract(state): Extract<Arc<State>>) -> Result<Response, Api> {
    // What the database cannot say now is left out, so that the rest is seen.
    let statistics = tokio::time::timeout(LOOK_TIMEOUT, state.store.statistics()).await;
    let active_agents = state.store.active_agents(state.bridge.active_since(clock::utc()));
    let active_agents = tokio::time::timeout(LOOK_TIMEOUT, active_agents).await;
    keeper::catch_up(&state);
    let clock_behind_ms = state.clock_step().map_or(0, |step| step.at.0 - clock::utc().0);
    let snapshot = Snapshot {
        names: state.metrics.names().to_vec(),
        totals: state.metrics.totals(),
        connections: state.bounds.connections - state.connections.available_permits(),
        requests_in_flight: state.bounds.requests - state.requests.available_permits(),
        queue: state.store.queue_length(),
        statistics: statistics.ok().and_then(Result::ok),
        active_agents: active_agents.ok().and_then(Result::ok),
        commands_running: state.bridge.running(),
        condition: state.store.condition(),
        clock_behind: Duration::from_millis(u64::try_from(clock_behind_ms).unwrap_or(0)),
        started_at: state.started_at,
    };
    let text = exposition::text(snapshot).map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response())
}

/// The address that a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who may read the metrics: this machine itself, and whoever has an admin token. What a proxy on this machine passes on
/// is not this machine's.
pub struct Watcher;

impl FromRequestParts<Arc<State>> for Watcher {
    type Rejection = Api;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let is_local = parts.extensions.get::<Peer>().is_some_and(|Peer(address)| is_loopback(*address));
        if !is_local || is_passed_on(&parts.headers) {
            auth::require_token(state, auth::bearer(&parts.headers)).await?;
        }
        Ok(Self)
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn is_passed_on(headers: &HeaderMap) -> bool {
    let of_proxies = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    headers.contains_key(FORWARDED)
        || headers.contains_key(VIA)
        || of_proxies.iter().any(|name| headers.contains_key(*name))
}

/// The parameters of `GET /api/admin/requests`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    #[serde(default = "one_day")]
    hours: u32,
}

fn one_day() -> u32 {
    24
}

/// What came of requests, in one line.
#[derive(Serialize)]
struct Line {
    method: String,
    route: String,
    traffic: &'static str,
    total: u64,
    status: Value,
    gone: u64,
    avg_latency_ms: Option<f64>,
    p50_latency_ms: Option<f64>,
    p95_latency_ms: Option<f64>,
    p99_latency_ms: Option<f64>,
    max_latency_ms: Option<f64>,
}

/// `GET /api/admin/requests?hours=24`: what is remembered of requests by route and traffic, of the writer, and of what
/// went wrong. Up to the last ten seconds are not in it.
pub async fn requests(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    since: Result<Query<Since>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Api> {
    let hours = since.ok().map(|Query(since)| since.hours).filter(|hours| (1..=HOURS_MAX).contains(hours));
    let hours = hours.ok_or_else(|| Refusal::Invalid {
        field: Some("hours"),
        message: format!("it takes a whole number from 1 to {HOURS_MAX}, and nothing else is taken"),
    })?;
    let now = clock::utc();
    let since = UtcMillis(now.0.saturating_sub(i64::from(hours) * 3_600_000));
    let past = state.store.summary(since).await?;
    let routes: Vec<_> = past.routes.iter().map(line).collect();
    Ok(Json(json!({
        "since": since,
        "routes": routes,
        "server": summary(&past.server),
        "incidents": past.incidents,
    })))
}

fn line(period: &RoutePeriod) -> Line {
    let RoutePeriod { route: name, traffic, requests } = period;
    let (method, route) = name.split_once(' ').unwrap_or(("", name));
    let [s1, s2, s3, s4, s5] = requests.answered;
    let latency = &requests.latency;
    Line {
        method: method.into(),
        route: route.into(),
        traffic: traffic.name(),
        total: requests.count(),
        status: json!({ "1xx": s1, "2xx": s2, "3xx": s3, "4xx": s4, "5xx": s5 }),
        gone: requests.gone,
        avg_latency_ms: latency.mean_ms(),
        p50_latency_ms: latency.percentile_ms(50.0),
        p95_latency_ms: latency.percentile_ms(95.0),
        p99_latency_ms: latency.percentile_ms(99.0),
        max_latency_ms: latency.max_ms(),
    }
}

fn summary(server: &ServerPeriod) -> Value {
    let ServerPeriod { live_requests, live_requests_per_minute_max, active_agents_max, writing, usage } =
        server;
    let percentiles = |latency: &Latency| {
        json!({
            "p50": latency.percentile_ms(50.0),
            "p95": latency.percentile_ms(95.0),
            "p99": latency.percentile_ms(99.0),
            "max": latency.max_ms(),
        })
    };
    json!({
        "live_requests": live_requests,
        "live_requests_per_minute_max": live_requests_per_minute_max,
        "active_agents_max": active_agents_max,
        "writer_utilisation": writing.utilisation(),
        "batches": writing.batches,
        "updates": writing.updates,
        "batch_updates_max": writing.batch_updates_max,
        "commit_ms": percentiles(&writing.commit),
        "queue_wait_ms": percentiles(&writing.queue_wait),
        "busy_waits": writing.busy_waits,
        "busy_waited_ms": writing.busy_waited.as_millis() as u64,
        "lock_errors": writing.lock_errors,
        "checkpoints": writing.checkpoints,
        "checkpoint_lag_frames_max": writing.checkpoint_lag_max,
        "wal_frames_max": writing.wal_frames_max,
        "cpu_ms": usage.cpu.as_millis() as u64,
        "memory_bytes_max": usage.memory_bytes_max,
    })
}
