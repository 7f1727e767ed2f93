//! Is my server well? `/admin`, and `/` for those who may only look.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::criteria::{self, Told};
use super::language::LANGUAGES;
use super::words::Words;
use super::{traffic, words, words_in};
use crate::clock;
use crate::domain::criteria::check::{Check, When};
use crate::domain::fault::Condition;
use crate::domain::latency::Latency;
use crate::domain::run::RunOverview;
use crate::domain::traffic::{Slot, Span};
use crate::domain::unit::UtcMillis;
use crate::judgement::Judgement;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::fresh::Fresh;
use crate::server::session::{AdminPage, Page, Role, Session};
use crate::store::Statistics;

const MINUTE_MS: i64 = 60_000;
/// How far back the chart goes.
const CHART_MS: i64 = 6 * 60 * MINUTE_MS;
/// The slots of the chart.
const SLOT_MS: i64 = 5 * MINUTE_MS;
/// What counts as now.
const NOW_MS: i64 = 5 * MINUTE_MS;
/// How long traffic is shown before it is read again: it is stored every ten seconds.
const TRAFFIC_KEPT: Duration = Duration::from_secs(5);

/// What dashboards show of late, found out and drawn once for all who look.
pub struct Recent {
    slots: Fresh<Arc<Vec<Slot>>>,
    /// In the order of [`LANGUAGES`].
    charts: [Fresh<Option<Value>>; LANGUAGES.len()],
}

impl Recent {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            slots: Fresh::new(TRAFFIC_KEPT),
            charts: [const { Fresh::new(TRAFFIC_KEPT) }; LANGUAGES.len()],
        }
    }

    async fn slots(&self, state: &State) -> Result<Arc<Vec<Slot>>, Refusal> {
        let read = async || {
            let span = Span::back(clock::utc(), CHART_MS, SLOT_MS);
            Ok(Arc::new(state.store.traffic(span).await?))
        };
        self.slots.get(read).await
    }

    /// Charts of the slots; `None` without any.
    async fn charts(&self, state: &State, words: &Words) -> Result<Option<Value>, Refusal> {
        let place = LANGUAGES.iter().position(|language| *language == words.language()).unwrap_or(0);
        let draw = async || {
            let slots = self.slots(state).await?;
            Ok((!slots.is_empty()).then(|| traffic::charts(words, &slots)))
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
        let place = format!("{}/admin", state.root_path);
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response());
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
    let told = Told::new(words_in(state, LANGUAGES[0])?, words(state, headers)?);
    let found = match look(state, told.words()).await {
        Ok(found) => Some(found),
        Err(Refusal::Unavailable(_)) if condition.is_some() => None,
        Err(refusal) => return Err(refusal),
    };
    let condition = condition.map(|condition| fault(state, headers, &condition)).transpose()?;
    let step = state.clock_step().map(|step| {
        context! { at => Value::from(Serde(step.at)), seconds => step.by_ms as f64 / 1000.0 }
    });
    let found = found.map(|found| found.shown(state, &told));
    let data = context! { condition, step, found };
    super::render(state, headers, Some(session), "dashboard.html", data)
}

/// What is wrong with the database, and what to do about it.
pub fn fault(state: &State, headers: &HeaderMap, condition: &Condition) -> Result<Value, Refusal> {
    let told = Told::new(words_in(state, LANGUAGES[0])?, words(state, headers)?);
    Ok(context! {
        what => told.say(condition.fault.description()),
        next_step => told.say(condition.fault.next_step()),
        since => Value::from(Serde(condition.since)),
        detail => condition.detail.as_str(),
    })
}

/// What a dashboard shows.
struct Found {
    statistics: Statistics,
    slots: Arc<Vec<Slot>>,
    charts: Option<Value>,
    run: Option<RunOverview>,
    judged: Arc<Judgement>,
}

async fn look(state: &State, words: &Words) -> Result<Found, Refusal> {
    Ok(Found {
        judged: state.judging.judge(&state.store).await?,
        statistics: state.store.statistics().await?,
        slots: state.recent.slots(state).await?,
        charts: state.recent.charts(state, words).await?,
        run: state.store.runs(None, 1).await?.pop(),
    })
}

impl Found {
    fn shown(&self, state: &State, told: &Told) -> Value {
        let now = clock::utc();
        let (rps, latency) = crate::domain::traffic::now(&self.slots, UtcMillis(now.0 - NOW_MS))
            .map_or((None, Latency::coarse()), |(rps, latency)| (Some(rps), latency));
        let up = clock::instant().saturating_duration_since(state.started);
        let check = &self.judged.check;
        let Statistics { channels, updates, database_bytes, wal_bytes } = self.statistics;
        context! {
            up_seconds => up.as_secs(),
            channels,
            updates,
            database_bytes,
            wal_bytes,
            rps,
            p95 => latency.percentile_ms(95.0),
            run => self.run.as_ref().map(|run| Value::from(Serde(run))),
            wrong => (!check.was_made()).then_some(check.reason.as_str()),
            check => check.was_made().then(|| checked(told, check)),
            charts => self.charts.as_ref(),
        }
    }
}

/// The verdict, the criteria, and what needs attention.
fn checked(told: &Told, check: &Check) -> Value {
    let raised = check.flags.iter().filter(|flag| flag.raised == Some(true));
    let open = check.findings.iter().filter(|finding| !finding.accepted);
    let step = check.plan.iter().find(|step| step.when != When::Later);
    context! {
        verdict => check.verdict.name(),
        reason => told.say(&check.reason),
        checked_at => Value::from(Serde(check.checked_at)),
        criteria => check.criteria.iter().map(|criterion| criteria::criterion(told, criterion)).collect::<Vec<_>>(),
        flags => raised.map(|flag| criteria::flag(told, flag)).collect::<Vec<_>>(),
        findings => open.map(|finding| criteria::finding(told, finding)).collect::<Vec<_>>(),
        step => step.map(|step| criteria::step(told, check, step)),
    }
}

#[cfg(test)]
mod tests;
