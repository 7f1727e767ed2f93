//! The admin API for the criteria, as JSON: the same that `porta criteria` prints.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use serde::Deserialize;
use utoipa::IntoParams;

use super::State;
use super::auth::Admin;
use super::error::{Api, Refusal};
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
pub async fn check(_: Admin, Extract(state): Extract<Arc<State>>) -> Result<Json<Check>, Api> {
    let judged = state.judging.judge(&state.store).await?;
    Ok(Json(judged.check.clone()))
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
    newest: Result<Query<Newest>, QueryRejection>,
) -> Result<Json<Vec<StoredCheck>>, Api> {
    let limit = newest.ok().map(|Query(newest)| newest.limit);
    let limit = limit.filter(|limit| (1..=CHECKS_MAX).contains(limit)).ok_or_else(|| Refusal::Invalid {
        field: Some("limit"),
        message: format!("it takes a whole number from 1 to {CHECKS_MAX}, and nothing else is taken"),
    })?;
    Ok(Json(state.store.checks(limit).await?))
}
