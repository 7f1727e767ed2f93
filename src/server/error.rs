//! The only place where errors become HTTP.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::update::UpdateError;
use crate::store::StoreError;

/// Seconds after which a refused client may try again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub enum Refusal {
    /// No such route or thing.
    NotFound(String),
    /// The body cannot be read as what it should be.
    Body(StatusCode, String),
    /// The update cannot be stored as it is.
    Update(UpdateError),
    /// No channel for the API key. Devices know the body `0`.
    Key,
    /// Too much at once. Devices know the body `0`.
    Overloaded,
    /// Longer than the worker timeout.
    Slow,
    /// Our fault.
    Internal(String),
}

impl From<UpdateError> for Refusal {
    fn from(error: UpdateError) -> Self {
        Self::Update(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(format!("{what} not found")),
            StoreError::Busy | StoreError::Full | StoreError::Closed => Self::Overloaded,
            StoreError::Other(reason) => Self::Internal(reason),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(message) => error(StatusCode::NOT_FOUND, "error_not_found", &message),
            Self::Body(status, message) => error(status, "error_body", &message),
            Self::Update(reason) => error(StatusCode::BAD_REQUEST, "error_update", &reason.to_string()),
            Self::Key => (StatusCode::BAD_REQUEST, "0").into_response(),
            Self::Overloaded => overloaded(),
            Self::Slow => {
                let message = "the request took longer than the server allows";
                (retry_after(), error(StatusCode::SERVICE_UNAVAILABLE, "error_timeout", message))
                    .into_response()
            }
            Self::Internal(reason) => {
                tracing::error!(%reason, "a request failed");
                let message = "the server could not do this; its log says why";
                error(StatusCode::INTERNAL_SERVER_ERROR, "error_internal", message)
            }
        }
    }
}

fn overloaded() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, retry_after(), "0").into_response()
}

fn retry_after() -> [(axum::http::HeaderName, String); 1] {
    [(RETRY_AFTER, RETRY_AFTER_SECONDS.to_string())]
}

/// ThingSpeak's shape of an error, in which the status is a string.
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let details = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "status": status.as_str(),
        "error": { "error_code": code, "message": message, "details": details },
    });
    (status, Json(body)).into_response()
}
