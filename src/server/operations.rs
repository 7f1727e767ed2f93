//! What watches the server calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State as Extract};
use axum::http::header::{CONTENT_TYPE, FORWARDED, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::State;
use super::auth;
use super::error::{Api, Refusal};
use super::metrics::exposition::{self, Snapshot};
use super::metrics::keeper;
use crate::clock;

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
