//! Stress tests: starting one, and what all have come to.

mod charts;
mod compare;
mod live;
mod report;
mod seconds;

use std::sync::Arc;

use axum::extract::{RawQuery, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

pub use self::compare::compare;
pub use self::live::{Fragments, follow};
use super::render;
use crate::domain::grade::Level;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{RunOverview, RunStatus, Scenario};
use crate::domain::run_order::{RunColumn, RunOrder};
use crate::domain::validity::Verdict;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::path::Path;
use crate::server::session::{AdminPage, Form, Session};
use crate::server::stress_test::{self, Limits, StartRequest, Stopping};

/// Runs of one page of the history.
const PAGE_RUNS: u32 = 25;
/// Channels to choose from in the form; where there are more, it takes a number.
const CHANNELS_MAX: u32 = 100;
/// Characters of a channel's name in the form, which has them all on one page.
const NAME_CHARACTERS_MAX: usize = 80;
/// Pages that can be asked for: more than a database has.
const PAGES_MAX: u64 = 1_000_000;
/// Where the pages are, below the root path.
const PLACE: &str = "/admin/stress-test";

type Page = Result<Html<String>, Refusal>;

/// What the form has, as it was typed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Input {
    /// The number of a channel, or nothing for one that is made for the run.
    channel: String,
    /// The name of a preset, or nothing.
    scenario: String,
    workers: String,
    rps: String,
    /// Seconds.
    duration: String,
}

impl Input {
    /// What is asked for; nothing where nothing was typed.
    fn request(&self) -> Result<StartRequest, Refusal> {
        fn number<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<Option<T>, Refusal> {
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            let wrong = |_| Refusal::OutOfLimits {
                field,
                message: "this is not a number that can be used here".into(),
            };
            text.parse().map(Some).map_err(wrong)
        }
        let values = [("workers", &self.workers), ("rps", &self.rps), ("duration", &self.duration)];
        if let Some((field, _)) =
            values.iter().find(|(_, text)| self.scenario.is_empty() && text.trim().is_empty())
        {
            return Err(Refusal::OutOfLimits {
                field,
                message: "without a load from above it takes a number".into(),
            });
        }
        let channel_id = number("channel_id", &self.channel)?;
        Ok(StartRequest {
            channel_id,
            scratch: channel_id.is_none(),
            workers: number("workers", &self.workers)?,
            rps: number("rps", &self.rps)?,
            duration: number("duration", &self.duration)?,
            scenario: Some(self.scenario.clone()).filter(|name| !name.is_empty()),
        })
    }

    /// As a link has filled it in, or the first preset.
    fn of_query(query: &Query) -> Self {
        let of = |name| query.value(name).unwrap_or_default();
        let scenario = query.value("scenario").unwrap_or_else(|| Scenario::Baseline.as_str().into());
        Self {
            channel: of("channel"),
            scenario,
            workers: of("workers"),
            rps: of("rps"),
            duration: of("duration"),
        }
    }
}

/// What stands behind the `?` of an address.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn value(&self, name: &str) -> Option<String> {
        self.values(name).next().map(str::to_owned)
    }

    fn run(&self, name: &str) -> Option<RunId> {
        self.values(name).next()?.parse().ok()
    }
}

/// `GET /admin/stress-test?sort=-p95&page=2`.
pub async fn index(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Page {
    let query = Query::of(query.as_deref());
    let said = Said { deleted: query.run("deleted"), ..Said::default() };
    show_index(&state, &headers, &session, &query, Input::of_query(&query), said).await
}

/// `POST /admin/stress-test`.
pub async fn start(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(input): Form<Input>,
) -> Result<Response, Refusal> {
    let started = match input.request() {
        Ok(request) => stress_test::start(&state, request, &session.email).await,
        Err(refusal) => Err(refusal),
    };
    let (status, said) = match started {
        Ok(id) => return Ok(state.see_other(&format!("{PLACE}/{id}"))),
        Err(Refusal::OutOfLimits { field, message }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Said::wrong(field, message))
        }
        Err(Refusal::NotFound(message)) => (StatusCode::NOT_FOUND, Said::wrong("channel_id", message)),
        Err(Refusal::RunGoingOn { run, message }) => {
            (StatusCode::CONFLICT, Said { conflict: Some(run), message, ..Said::default() })
        }
        Err(other) => return Err(other),
    };
    let page = show_index(&state, &headers, &session, &Query(Vec::new()), input, said).await?;
    Ok((status, page).into_response())
}

/// What has come of what was done before.
#[derive(Clone, Default, Serialize)]
struct Said {
    /// The run that was deleted.
    deleted: Option<RunId>,
    /// The run that another cannot be started beside.
    conflict: Option<RunId>,
    /// Where in the form something is wrong.
    field: Option<&'static str>,
    /// Why.
    message: String,
}

impl Said {
    fn wrong(field: &'static str, message: String) -> Self {
        Self { field: Some(field), message, ..Self::default() }
    }
}

/// A preset, and whether this server lets it be.
#[derive(Serialize)]
struct Preset {
    name: &'static str,
    workers: u32,
    rps: u32,
    duration: u64,
    fits: bool,
}

async fn show_index(
    state: &Arc<State>,
    headers: &HeaderMap,
    session: &Session,
    query: &Query,
    input: Input,
    said: Said,
) -> Page {
    let going_on = state.store.run_going_on().await?.map(|run| stress_test::with_live_figures(state, run));
    let index = Index {
        input,
        said,
        limits: state.stress_tests.limits(),
        channels: state.store.channel_names(CHANNELS_MAX + 1).await?,
        // How it has ended may not have been written yet.
        going_on: going_on.filter(|run| run.ended().is_none()).map(|run| run.id),
        history: history(state, query).await?,
    };
    render(state, headers, Some(session), "stress_test.html", index.data())
}

/// The page of the history that is asked for, or the last.
async fn history(state: &State, query: &Query) -> Result<History, Refusal> {
    let order = query.value("sort").and_then(|name| RunOrder::named(&name)).unwrap_or_default();
    let mut page = query.value("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, PAGES_MAX);
    let runs_of = |page: u64| state.store.runs_in_order(order, (page - 1) * u64::from(PAGE_RUNS), PAGE_RUNS);
    let (mut runs, mut total) = runs_of(page).await?;
    let last = total.div_ceil(u64::from(PAGE_RUNS)).max(1);
    if page > last {
        page = last;
        (runs, total) = runs_of(page).await?;
    }
    let runs = runs.into_iter().map(|run| Row::new(stress_test::with_live_figures(state, run))).collect();
    Ok(History { order, page, runs, total })
}

/// What the page shows.
struct Index {
    input: Input,
    said: Said,
    limits: Limits,
    /// [`CHANNELS_MAX`], or one more where there are more.
    channels: Vec<(ChannelId, String)>,
    going_on: Option<RunId>,
    history: History,
}

/// A page of the history.
struct History {
    order: RunOrder,
    /// From 1.
    page: u64,
    runs: Vec<Row>,
    /// On all pages.
    total: u64,
}

impl Index {
    fn data(self) -> Value {
        let Self { input, said, limits, channels, going_on, history } = self;
        let presets = Scenario::ALL.map(|scenario| {
            let (workers, rps, duration) = scenario.load();
            let fits = workers <= limits.workers && rps <= limits.rps && duration <= limits.duration;
            Preset { name: scenario.as_str(), workers, rps, duration: duration.as_secs(), fits }
        });
        let channel = |(id, name): &(ChannelId, String)| {
            let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
            context! { id => id.0, name }
        };
        let limits = context! {
            workers => limits.workers, rps => limits.rps, duration => limits.duration.as_secs()
        };
        context! {
            input => Serde(input),
            said => Serde(said),
            going_on => going_on.map(|id| id.0),
            has_many_channels => channels.len() > CHANNELS_MAX as usize,
            channels => channels.iter().map(channel).collect::<Value>(),
            presets => Serde(presets),
            limits,
            ..history.data()
        }
    }
}

impl History {
    fn data(self) -> Value {
        let Self { order, page, runs, total } = self;
        let columns = RunColumn::ALL.map(|column| (column.as_str(), heading(column, order)));
        let address = |page: u64| format!("?sort={}&page={page}", order.name());
        context! {
            runs => Serde(runs),
            total,
            columns => Value::from_pairs(columns),
            newer => (page > 1).then(|| address(page - 1)),
            older => (page * u64::from(PAGE_RUNS) < total).then(|| address(page + 1)),
        }
    }
}

/// A column's link to the order by it, which turns around where that is the order already.
fn heading(column: RunColumn, order: RunOrder) -> Value {
    let is_current = column == order.column;
    let next = RunOrder { column, descending: !is_current || !order.descending };
    let sorted = is_current.then_some(if order.descending { "descending" } else { "ascending" });
    context! { address => format!("?sort={}", next.name()), sorted }
}

/// A run in a list.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    run: RunOverview,
    outcome: Outcome,
}

impl Row {
    fn new(run: RunOverview) -> Self {
        let outcome = Outcome::of(&run);
        Self { run, outcome }
    }
}

/// What has become of a run in a word.
#[derive(Serialize)]
struct Outcome {
    /// `good`, `warning`, `bad` or `quiet`.
    state: &'static str,
    /// The key of the word.
    word: &'static str,
}

impl Outcome {
    fn of(run: &RunOverview) -> Self {
        let is = |level: Level| run.grade.as_deref() == Some(level.as_str());
        let is_valid = run.validity.as_deref() == Some(Verdict::Valid.as_str());
        let (state, word) = match run.ended() {
            None => ("quiet", "going_on"),
            Some(RunStatus::Failed) => ("bad", "failed"),
            // Nothing was measured that could be valid or not.
            Some(RunStatus::Cancelled) if run.validity.is_none() => ("quiet", "cancelled"),
            Some(_) if !is_valid => ("warning", "not_valid"),
            Some(RunStatus::Cancelled) => ("quiet", "cancelled"),
            Some(RunStatus::Completed) if is(Level::Excellent) => ("good", "excellent"),
            Some(RunStatus::Completed) if is(Level::Acceptable) => ("warning", "acceptable"),
            Some(RunStatus::Completed) => ("bad", "problem"),
        };
        Self { state, word }
    }
}

/// `GET /admin/stress-test/{run}`: live while it goes on, its report after that.
pub async fn show(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Page {
    let run = stress_test::found(&state, stress_test::run_id(&run)?).await?;
    if run.ended().is_some() {
        return report::show(&state, &headers, &session, run).await;
    }
    live::show(&state, &headers, &session, run)
}

/// A form without anything to fill in.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /admin/stress-test/{run}/cancel`. That a run has ended meanwhile is no mistake.
pub async fn cancel(
    _: AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Refusal> {
    let id = stress_test::run_id(&run)?;
    let (Stopping::HasBegun | Stopping::HasEnded(_)) = stress_test::end(&state, id).await?;
    Ok(state.see_other(&format!("{PLACE}/{id}")))
}

/// `GET /admin/stress-test/{run}/delete`: asks.
pub async fn ask_to_delete(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Page {
    let run = stress_test::found(&state, stress_test::run_id(&run)?).await?;
    let data = context! { run => Serde(Row::new(run)) };
    render(&state, &headers, Some(&session), "stress_test_delete.html", data)
}

/// `POST /admin/stress-test/{run}/delete`.
pub async fn delete(
    _: AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Refusal> {
    let id = stress_test::run_id(&run)?;
    stress_test::remove(&state, id).await?;
    Ok(state.see_other(&format!("{PLACE}?deleted={id}")))
}

#[cfg(test)]
mod tests;
