//! The admin API for the criteria, as JSON: the same that `porta criteria` prints.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::State;
use super::auth::Admin;
use super::error::Api;
use super::query::{Query, within};
use crate::domain::criteria::check::Check;
use crate::domain::observation::StoredCheck;

/// Checks in one answer.
const CHECKS_MAX: u32 = 10_000;
/// The same, unless told otherwise.
const CHECKS_DEFAULT: u32 = 100;

/// Whether it is time to move: a check, as of a few seconds ago at most. It is not stored.
#[utoipa::path(
    get, path = "/api/admin/criteria", tag = "criteria",
    responses((status = 200, body = Check))
)]
pub async fn check(_: Admin, Extract(state): Extract<Arc<State>>) -> Result<Response, Api> {
    let judged = state.judging.judge(&state.store).await?;
    Ok(Json(&judged.check).into_response())
}

/// Which checks are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Newest {
    /// The newest, 1 to 10000.
    #[param(minimum = 1, maximum = 10000, default = 100)]
    #[serde(default = "checks_default")]
    limit: u32,
}

fn checks_default() -> u32 {
    CHECKS_DEFAULT
}

/// The checks that were stored, newest first.
#[utoipa::path(
    get, path = "/api/admin/criteria/history", tag = "criteria",
    params(Newest), responses((status = 200, body = Vec<StoredCheck>))
)]
pub async fn history(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(newest): Query<Newest>,
) -> Result<Json<Vec<StoredCheck>>, Api> {
    let limit = within("limit", newest.limit, &(1..=CHECKS_MAX))?;
    Ok(Json(state.store.checks(limit).await?))
}
