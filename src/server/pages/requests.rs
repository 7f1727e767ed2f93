//! What was asked of this server? `/admin/requests`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::{asked_or_default, traffic, words};
use crate::clock;
use crate::domain::latency::Latency;
use crate::domain::metrics::{RoutePeriod, ServerPeriod, Summary, Traffic};
use crate::domain::traffic::{Slot, Span};
use crate::domain::unit::UtcMillis;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::session::AdminPage;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How far back can be looked: its name in the address, how far, and the slots of the chart.
const RANGES: [(&str, i64, i64); 3] =
    [("1h", HOUR_MS, MINUTE_MS), ("24h", 24 * HOUR_MS, 15 * MINUTE_MS), ("7d", 168 * HOUR_MS, 2 * HOUR_MS)];

/// What the address asks for.
#[derive(Default, Deserialize)]
pub struct Asked {
    range: Option<String>,
}

/// `GET /admin/requests?range=24h`.
pub async fn requests(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let asked = asked_or_default(asked);
    let wanted = asked.range.as_deref();
    let range = RANGES.iter().find(|(name, ..)| Some(*name) == wanted).unwrap_or(&RANGES[0]);
    let (name, reach_ms, slot_ms) = *range;
    let now = clock::utc();
    let span = Span::back(now, reach_ms, slot_ms);
    let slots = state.store.traffic(span).await?;
    let summary = state.store.summary(UtcMillis(now.0 - reach_ms)).await?;
    let words = words(&state, &headers)?;
    let data = context! {
        range => name,
        ranges => RANGES.map(|(name, ..)| name).to_vec(),
        charts => has_requests(&slots).then(|| traffic::charts(&words, &slots)),
        ..shown(&summary, &slots)
    };
    super::render(&state, &headers, Some(&session), "requests.html", data)
}

fn has_requests(slots: &[Slot]) -> bool {
    slots.iter().any(|slot| slot.live.requests + slot.stress.requests > 0)
}

fn shown(summary: &Summary, slots: &[Slot]) -> Value {
    let of = |traffic: Traffic| -> Vec<Value> {
        let mut routes: Vec<_> = summary.routes.iter().filter(|period| period.traffic == traffic).collect();
        routes.sort_by_key(|period| std::cmp::Reverse(period.requests.count()));
        routes.into_iter().map(route).collect()
    };
    let seconds: f64 = slots.iter().map(|slot| slot.seconds).sum();
    context! {
        live => of(Traffic::Live),
        stress => of(Traffic::Stress),
        server => server(&summary.server, seconds),
        incidents => summary.incidents.iter().map(|incident| Value::from(Serde(incident))).collect::<Vec<_>>(),
    }
}

fn route(period: &RoutePeriod) -> Value {
    let requests = &period.requests;
    let [.., client_errors, server_errors] = requests.answered;
    let latency = &requests.latency;
    context! {
        route => period.route.as_str(),
        count => requests.count(),
        client_errors,
        server_errors,
        gone => requests.gone,
        p50 => latency.percentile_ms(50.0),
        p95 => latency.percentile_ms(95.0),
        p99 => latency.percentile_ms(99.0),
        max => latency.max_ms(),
    }
}

/// The server's own figures. `seconds` is how long servers were there.
fn server(server: &ServerPeriod, seconds: f64) -> Value {
    let ServerPeriod { writing, usage, .. } = server;
    let percentiles = |latency: &Latency| {
        context! {
            p50 => latency.percentile_ms(50.0),
            p95 => latency.percentile_ms(95.0),
            p99 => latency.percentile_ms(99.0),
            max => latency.max_ms(),
        }
    };
    context! {
        writer_percent => writing.utilisation().map(|share| share * 100.0),
        commit => percentiles(&writing.commit),
        queue_wait => percentiles(&writing.queue_wait),
        busy_waits => writing.busy_waits,
        busy_waited_ms => writing.busy_waited.as_secs_f64() * 1000.0,
        lock_errors => writing.lock_errors,
        checkpoints => writing.checkpoints,
        checkpoint_lag => writing.checkpoint_lag_max,
        wal_frames => writing.wal_frames_max,
        batches => writing.batches,
        updates_per_batch => (writing.batches > 0).then(|| writing.updates as f64 / writing.batches as f64),
        cpu_percent => (seconds > 0.0).then(|| usage.cpu.as_secs_f64() / seconds * 100.0),
        memory_bytes => usage.memory_bytes_max,
    }
}
