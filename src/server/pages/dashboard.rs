//! Is my server well? `/admin`, and `/` for those who may only look.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::criteria;
use super::language::LANGUAGES;
use super::words::Words;
use super::{traffic, words};
use crate::clock;
use crate::domain::criteria::check::{Check, When};
use crate::domain::criteria::measure::Measure;
use crate::domain::fault::Condition;
use crate::domain::run::RunOverview;
use crate::domain::traffic::{Slot, Span, together};
use crate::judgement::Judgement;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::fresh::Fresh;
use crate::server::session::{AdminPage, Page, Role, Session};
use crate::server::stress_test::with_live_figures;
use crate::store::Statistics;

const MINUTE_MS: i64 = 60_000;
/// How far back the chart goes.
const CHART_MS: i64 = 6 * 60 * MINUTE_MS;
/// The slots of the chart.
const SLOT_MS: i64 = 5 * MINUTE_MS;
/// How long traffic is shown before it is read again: it is stored every ten seconds.
const TRAFFIC_KEPT: Duration = Duration::from_secs(5);

/// What dashboards show of late, found out and drawn once for all who look.
pub struct Recent {
    /// Of the last minutes.
    now: Fresh<Arc<Vec<Slot>>>,
    /// In the order of [`LANGUAGES`].
    charts: [Fresh<Option<Value>>; LANGUAGES.len()],
}

impl Recent {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { now: Fresh::new(TRAFFIC_KEPT), charts: [const { Fresh::new(TRAFFIC_KEPT) }; LANGUAGES.len()] }
    }

    async fn now(&self, state: &State) -> Result<Arc<Vec<Slot>>, Refusal> {
        let read = async || Ok(Arc::new(state.store.traffic(Span::recent(clock::utc())).await?));
        self.now.get(read).await
    }

    /// Charts of the last hours; `None` when no server was there.
    async fn charts(
        &self,
        state: &State,
        words: &Words,
        p95_max_ms: Option<f64>,
    ) -> Result<Option<Value>, Refusal> {
        let place = LANGUAGES.iter().position(|language| *language == words.language()).unwrap_or(0);
        let draw = async || {
            let span = Span::back(clock::utc(), CHART_MS, SLOT_MS);
            let slots = state.store.traffic(span).await?;
            Ok((!slots.is_empty()).then(|| traffic::charts(words, span, &slots, p95_max_ms)))
        };
        self.charts[place].get(draw).await
    }
}

/// `GET /`: an administrator belongs to `/admin`.
pub async fn home(
    Page(session): Page,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if session.role == Role::Admin {
        return Ok(state.see_other("/admin"));
    }
    Ok(page(&state, &headers, &session).await?.into_response())
}

/// `GET /admin`.
pub async fn dashboard(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    page(&state, &headers, &session).await
}

async fn page(state: &State, headers: &HeaderMap, session: &Session) -> Result<Html<String>, Refusal> {
    let condition = state.store.condition();
    // Of a database that cannot be read, that is what there is to say.
    let words = words(state, headers)?;
    let found = match look(state, &words).await {
        Ok(found) => Some(found),
        Err(Refusal::Unavailable(_)) if condition.is_some() => None,
        Err(refusal) => return Err(refusal),
    };
    let condition = condition.as_ref().map(fault);
    let step = state.clock_step().map(|step| {
        context! { at => Value::from(Serde(step.at)), seconds => step.by_ms as f64 / 1000.0 }
    });
    let found = found.map(|found| found.shown(state, &words));
    let data = context! { condition, step, found };
    super::render(state, headers, Some(session), "dashboard.html", data)
}

/// What is wrong with the database, and what to do about it.
pub fn fault(condition: &Condition) -> Value {
    context! {
        what => condition.fault.description(),
        next_step => condition.fault.next_step(),
        since => Value::from(Serde(condition.since)),
        detail => condition.detail.as_str(),
    }
}

/// What a dashboard shows.
struct Found {
    statistics: Statistics,
    /// Of the last minutes.
    now: Arc<Vec<Slot>>,
    charts: Option<Value>,
    run: Option<RunOverview>,
    judged: Arc<Judgement>,
}

async fn look(state: &State, words: &Words) -> Result<Found, Refusal> {
    let judged = state.judging.judge(&state.store).await?;
    Ok(Found {
        statistics: state.store.statistics().await?,
        now: state.recent.now(state).await?,
        charts: state.recent.charts(state, words, p95_max_ms(&judged)).await?,
        run: state.store.runs(None, 1).await?.pop().map(|run| with_live_figures(state, run)),
        judged,
    })
}

/// The threshold of p95 that a check was made with.
pub fn p95_max_ms(judged: &Arc<Judgement>) -> Option<f64> {
    let p95 = judged.check.criteria.iter().find(|criterion| criterion.id == Measure::P95);
    p95.map(|criterion| criterion.threshold)
}

impl Found {
    fn shown(&self, state: &State, words: &Words) -> Value {
        let now = together(&self.now);
        let up = clock::instant().saturating_duration_since(state.started);
        let check = &self.judged.check;
        let Statistics { channels, updates, database_bytes, wal_bytes } = self.statistics;
        context! {
            db => criteria::db(&self.judged),
            up_seconds => up.as_secs(),
            channels,
            updates,
            database_bytes,
            wal_bytes,
            rps => now.as_ref().map(|(rps, _)| *rps),
            p95 => now.and_then(|(_, latency)| latency.sound_percentile_ms(95.0)),
            run => self.run.as_ref().map(|run| Value::from(Serde(run))),
            wrong => (!check.was_made()).then_some(check.reason.as_str()),
            check => check.was_made().then(|| checked(words, check)),
            charts => self.charts.as_ref(),
        }
    }
}

/// The verdict, the criteria, and what needs attention.
fn checked(words: &Words, check: &Check) -> Value {
    let raised = check.flags.iter().filter(|flag| flag.raised == Some(true));
    let open = check.findings.iter().filter(|finding| !finding.accepted);
    let step = check.plan.iter().find(|step| step.when != When::Later);
    context! {
        verdict => check.verdict.name(),
        reason => check.reason.as_str(),
        criteria => check.criteria.iter().map(|criterion| criteria::criterion(words, criterion)).collect::<Vec<_>>(),
        flags => raised.map(criteria::flag).collect::<Vec<_>>(),
        findings => open.map(criteria::finding).collect::<Vec<_>>(),
        step => step.map(|step| criteria::step(check, step)),
    }
}

#[cfg(test)]
mod tests;
