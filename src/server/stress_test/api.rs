//! Stress tests for scripts, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::start::{StartRequest, start};
use crate::domain::id::RunId;
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::server::State;
use crate::server::admin::read_json;
use crate::server::auth::Admin;
use crate::server::error::{Api, Refusal};
use crate::server::openapi::ErrorBody;
use crate::server::path::Path;
use crate::server::query::{Query, within};
use crate::store::StoreError;

/// Runs of one page of the history.
const HISTORY_MAX: u32 = 100;
/// The same, unless told otherwise.
const HISTORY_DEFAULT: u32 = 50;

type Answer<T> = Result<T, Api>;

/// What becomes of a run that was asked for.
#[derive(Serialize, ToSchema)]
struct RunBegun {
    /// Its number.
    test_id: RunId,
    /// What becomes of it.
    status: Begun,
    /// The same for people, with where to look.
    message: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RunBegunStatus)]
enum Begun {
    Started,
    Cancelling,
}

/// Starts a run, one at a time.
#[utoipa::path(
    post, path = "/api/admin/stress-test/start", tag = "stress tests",
    request_body = StartRequest,
    responses(
        (
            status = 202, description = "It has its place, and begins", body = RunBegun,
            headers(("Location" = String, description = "Where it is seen"))
        ),
        (status = 400, description = "The body cannot be read, or has something in it that is not known", body = ErrorBody),
        (status = 404, description = "There is no such channel", body = ErrorBody),
        (status = 409, description = "Another run is going on; the message says which", body = ErrorBody),
        (status = 422, description = "A value is out of its limits: `field` and the message say which", body = ErrorBody)
    )
)]
pub async fn start_run(_: Admin, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Response> {
    let wanted: StartRequest = read_json(&state, request).await?;
    let id = start(&state, wanted, "the admin API").await?;
    let place = format!("{}/api/admin/stress-test/{id}", state.root_path);
    let message = format!("run {id} has begun; GET {place} says how it goes, and so does GET {place}/events");
    let body = RunBegun { test_id: id, status: Begun::Started, message };
    Ok((StatusCode::ACCEPTED, [(LOCATION, place)], Json(body)).into_response())
}

/// A run; while it goes on, with its figures so far.
#[utoipa::path(
    get, path = "/api/admin/stress-test/{run}", tag = "stress tests",
    params(("run" = RunId, Path)),
    responses(
        (status = 200, body = RunOverview),
        (status = 404, description = "There is no such run", body = ErrorBody)
    )
)]
pub async fn show(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<Json<RunOverview>> {
    Ok(Json(found(&state, run_id(&run)?).await?))
}

/// A run as it is now.
pub async fn found(state: &State, id: RunId) -> Result<RunOverview, Refusal> {
    let row = state.store.run_overview(id).await?;
    let row = row.ok_or_else(|| Refusal::NotFound(format!("run {id} not found")))?;
    Ok(with_live_figures(state, row))
}

/// What is known here of a run that has not ended, or whose end could not be written.
pub fn with_live_figures(state: &State, row: RunOverview) -> RunOverview {
    let going_on = row.ended().is_none().then(|| state.stress_tests.live(row.id)).flatten();
    going_on.map_or(row, |live| live.borrow().run.clone())
}

/// Ends a run before its time. What it has measured so far is kept.
#[utoipa::path(
    post, path = "/api/admin/stress-test/{run}/cancel", tag = "stress tests",
    params(("run" = RunId, Path)),
    responses(
        (status = 202, description = "It sends nothing more, and ends", body = RunBegun),
        (status = 404, description = "There is no such run", body = ErrorBody),
        (status = 409, description = "It has ended, or was not started by this server", body = ErrorBody)
    )
)]
pub async fn cancel(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<Response> {
    let id = run_id(&run)?;
    if let Stopping::HasEnded(run) = end(&state, id).await? {
        return Err(Refusal::Conflict(format!("run {id} has ended: it is {}", run.status)).into());
    }
    let message = format!("run {id} sends nothing more; it ends once its rows are accounted for");
    let body = RunBegun { test_id: id, status: Begun::Cancelling, message };
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// What has come of wanting a run's end.
#[must_use]
pub enum Stopping {
    /// It ends.
    HasBegun,
    /// It had ended already.
    HasEnded(Box<RunOverview>),
}

/// Lets a run end before its time.
///
/// # Errors
/// 409 for one that goes on and was not started here.
pub async fn end(state: &State, id: RunId) -> Result<Stopping, Refusal> {
    let run = found(state, id).await?;
    if run.ended().is_some() {
        return Ok(Stopping::HasEnded(Box::new(run)));
    }
    let started_here = state.stress_tests.run(id);
    let elsewhere = || {
        Refusal::Conflict(format!(
            "run {id} was not started by this server: it is ended where it was started"
        ))
    };
    started_here.ok_or_else(elsewhere)?.cancel();
    Ok(Stopping::HasBegun)
}

/// The parameters of the history.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Runs in the answer, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Those before this one.
    before: Option<RunId>,
}

/// Runs, the newest first.
#[utoipa::path(
    get, path = "/api/admin/stress-test/history/list", tag = "stress tests",
    params(Page),
    responses(
        (status = 200, body = Vec<RunOverview>),
        (status = 400, description = "A parameter cannot be read, or is out of its limits", body = ErrorBody)
    )
)]
pub async fn history(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(Page { limit, before }): Query<Page>,
) -> Answer<Json<Vec<RunOverview>>> {
    let limit = within("limit", limit.unwrap_or(HISTORY_DEFAULT), &(1..=HISTORY_MAX))?;
    let runs = state.store.runs(before, limit).await?;
    Ok(Json(runs.into_iter().map(|run| with_live_figures(&state, run)).collect()))
}

/// The report of a run, as `porta report --format json` prints it.
#[utoipa::path(
    get, path = "/api/admin/stress-test/{run}/report", tag = "stress tests",
    params(("run" = RunId, Path)),
    responses(
        (status = 200, body = Report),
        (status = 404, description = "There is no such run, or it has no report", body = ErrorBody)
    )
)]
pub async fn report(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<Json<Report>> {
    Ok(Json(state.store.run(run_id(&run)?).await?))
}

/// Deletes a run that has ended, with its report.
#[utoipa::path(
    delete, path = "/api/admin/stress-test/{run}", tag = "stress tests",
    params(("run" = RunId, Path)),
    responses(
        (status = 204),
        (status = 400, description = "It is going on", body = ErrorBody),
        (status = 404, description = "There is no such run", body = ErrorBody)
    )
)]
pub async fn delete(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<StatusCode> {
    remove(&state, run_id(&run)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a run with its report.
///
/// # Errors
/// 400 while it is going on.
pub async fn remove(state: &State, id: RunId) -> Result<(), Refusal> {
    state.store.delete_run(id).await.map_err(|error| match error {
        StoreError::Conflict(message) => Refusal::Invalid { field: None, message },
        other => other.into(),
    })
}

/// The number of a run in a path.
pub fn run_id(text: &str) -> Result<RunId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(format!("run {text} not found")))
}
