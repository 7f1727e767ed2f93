//! Stress tests for scripts, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::start::{StartRequest, start};
use crate::domain::id::RunId;
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::server::State;
use crate::server::admin::read_json;
use crate::server::auth::Admin;
use crate::server::error::{Api, Refusal};
use crate::store::StoreError;

/// Runs of one page of the history.
const HISTORY_MAX: u32 = 100;
/// The same, unless told otherwise.
const HISTORY_DEFAULT: u32 = 50;

type Answer<T> = Result<T, Api>;

/// `POST /api/admin/stress-test/start`.
pub async fn start_run(_: Admin, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Response> {
    let wanted: StartRequest = read_json(&state, request).await?;
    let id = start(&state, wanted, "the admin API").await?;
    let place = format!("/api/admin/stress-test/{id}");
    let message = format!("run {id} has begun; GET {place} says how it goes, and so does GET {place}/events");
    let body = json!({ "test_id": id, "status": "started", "message": message });
    Ok((StatusCode::ACCEPTED, [(LOCATION, place)], Json(body)).into_response())
}

/// `GET /api/admin/stress-test/{run}`: while it goes on, with its figures so far.
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

/// `POST /api/admin/stress-test/{run}/cancel`.
pub async fn cancel(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<Response> {
    let id = run_id(&run)?;
    end(&state, id).await?;
    let message = format!("run {id} sends nothing more; it ends once its rows are accounted for");
    let body = json!({ "test_id": id, "status": "cancelling", "message": message });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// Lets a run end before its time.
///
/// # Errors
/// 409 for one that has ended, or was not started here.
pub async fn end(state: &State, id: RunId) -> Result<(), Refusal> {
    let run = found(state, id).await?;
    if run.ended().is_some() {
        return Err(Refusal::Conflict(format!("run {id} has ended: it is {}", run.status)));
    }
    let started_here = state.stress_tests.run(id);
    let elsewhere = || {
        let message = "was not started by this server: it is ended with Ctrl+C where it was started";
        Refusal::Conflict(format!("run {id} {message}"))
    };
    started_here.ok_or_else(elsewhere)?.cancel();
    Ok(())
}

/// The parameters of the history.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    limit: Option<u32>,
    before: Option<RunId>,
}

/// `GET /api/admin/stress-test/history/list?limit=50&before=ID`: the newest first.
pub async fn history(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answer<Json<Vec<RunOverview>>> {
    let wrong = || Refusal::Invalid {
        field: None,
        message: format!("it takes limit, from 1 to {HISTORY_MAX}, and before, the number of a run"),
    };
    let Query(Page { limit, before }) = page.map_err(|_| wrong())?;
    let limit = limit.unwrap_or(HISTORY_DEFAULT);
    if !(1..=HISTORY_MAX).contains(&limit) {
        return Err(wrong().into());
    }
    let runs = state.store.runs(before, limit).await?;
    Ok(Json(runs.into_iter().map(|run| with_live_figures(&state, run)).collect()))
}

/// `GET /api/admin/stress-test/{run}/report`.
pub async fn report(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
) -> Answer<Json<Report>> {
    Ok(Json(state.store.run(run_id(&run)?).await?))
}

/// `DELETE /api/admin/stress-test/{run}`.
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
