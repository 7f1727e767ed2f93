//! What was asked of this server? `/admin/requests`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::dashboard::p95_max_ms;
use super::{asked_or_default, traffic, words};
use crate::clock;
use crate::domain::metrics::Traffic;
use crate::domain::traffic::{Slot, Span};
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::fresh::Fresh;
use crate::server::requests::RequestHistory;
use crate::server::session::AdminPage;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How far back can be looked: its name in the address, how far, and the slots of the chart.
const RANGES: [(&str, i64, i64); 3] =
    [("1h", HOUR_MS, MINUTE_MS), ("24h", 24 * HOUR_MS, 15 * MINUTE_MS), ("7d", 168 * HOUR_MS, 2 * HOUR_MS)];

/// How long it is shown before it is read again: it is stored every ten seconds, and a week of it is thousands of distributions.
const KEPT: Duration = Duration::from_secs(5);

/// What was asked of late, by range, found out once for all who look.
pub struct Asked([Fresh<Arc<Found>>; RANGES.len()]);

/// What was asked in a while: in one, and over time.
struct Found {
    history: RequestHistory,
    span: Span,
    slots: Vec<Slot>,
}

impl Asked {
    /// Nothing yet.
    pub fn new() -> Self {
        Self([const { Fresh::new(KEPT) }; RANGES.len()])
    }

    async fn of(&self, state: &State, place: usize) -> Result<Arc<Found>, Refusal> {
        let (_, reach_ms, slot_ms) = RANGES[place];
        let read = async || {
            let span = Span::back(clock::utc(), reach_ms, slot_ms);
            let (summary, slots) = state.store.summary_over_time(span).await?;
            Ok(Arc::new(Found { history: RequestHistory::new(span.from, summary), span, slots }))
        };
        self.0[place].get(read).await
    }
}

/// What the address asks for.
#[derive(Default, Deserialize)]
pub struct Wanted {
    range: Option<String>,
}

/// `GET /admin/requests?range=24h`.
pub async fn requests(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let range = asked_or_default(wanted).range;
    let place = RANGES.iter().position(|(name, ..)| Some(*name) == range.as_deref()).unwrap_or(0);
    let found = state.asked.of(&state, place).await?;
    let Found { history, span, slots } = &*found;
    let words = words(&state, &headers)?;
    let judged = state.judging.judge(&state.store).await.ok();
    let limit = judged.as_ref().and_then(p95_max_ms);
    let data = context! {
        range => RANGES[place].0,
        ranges => RANGES.map(|(name, ..)| name).to_vec(),
        charts => has_requests(slots).then(|| traffic::charts(&words, *span, slots, limit)),
        live => routes(history, Traffic::Live),
        stress => routes(history, Traffic::Stress),
        server => Value::from(Serde(&history.server)),
        incidents => Value::from(Serde(&history.incidents)),
    };
    super::render(&state, &headers, Some(&session), "requests.html", data)
}

fn has_requests(slots: &[Slot]) -> bool {
    slots.iter().any(|slot| slot.live.requests + slot.stress.requests > 0)
}

/// Those that were asked for most first.
fn routes(history: &RequestHistory, traffic: Traffic) -> Value {
    let mut routes: Vec<_> = history.routes.iter().filter(|line| line.traffic == traffic).collect();
    routes.sort_by_key(|line| std::cmp::Reverse(line.total));
    Value::from(Serde(&routes))
}
