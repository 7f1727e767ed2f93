//! The only place where errors become HTTP.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::channel::SettingError;
use crate::domain::update::UpdateError;
use crate::store::StoreError;
use crate::thingspeak::bulk::BulkError;
use crate::thingspeak::query::QueryError;

/// Seconds after which a refused client may try again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Why a request is not answered as it wished. As a response it has ThingSpeak's shape; [`Api`] gives it porta's own.
#[derive(Debug)]
pub enum Refusal {
    /// No such route or thing.
    NotFound(String),
    /// The body cannot be read as what it should be.
    Body(StatusCode, String),
    /// A parameter or a value cannot be as it is.
    Invalid {
        /// Which, where it is one.
        field: Option<&'static str>,
        /// Why, and what can be.
        message: String,
    },
    /// It contradicts what is there.
    Conflict(String),
    /// A key or token that this route needs is missing or wrong. It does not say which, nor whether there is a channel.
    Unauthorized,
    /// No channel for the API key of an update. Devices know the body `0`.
    Key,
    /// An update too soon after the last. Devices know the body `0`, with status 200.
    TooSoon,
    /// The same for many updates at once.
    TooMany,
    /// A channel's entries, without a key that opens it.
    EntriesDenied,
    /// A single entry, without a key that opens its channel; or there is none. The two look the same.
    NoEntry,
    /// Too much at once. Devices know the body `0`.
    Overloaded,
    /// Longer than the worker timeout.
    Slow,
    /// Our fault.
    Internal(String),
}

impl From<UpdateError> for Refusal {
    fn from(error: UpdateError) -> Self {
        Self::Invalid { field: None, message: error.to_string() }
    }
}

impl From<BulkError> for Refusal {
    fn from(error: BulkError) -> Self {
        Self::Invalid { field: None, message: error.to_string() }
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::Invalid { field: Some(error.name), message: error.message }
    }
}

impl From<SettingError> for Refusal {
    fn from(error: SettingError) -> Self {
        Self::Invalid { field: Some(error.field), message: error.message }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(format!("{what} not found")),
            StoreError::Conflict(message) => Self::Conflict(message),
            StoreError::Setting(error) => error.into(),
            StoreError::Rejected(message) => Self::Invalid { field: None, message },
            StoreError::TooSoon => Self::TooSoon,
            StoreError::Busy | StoreError::Full | StoreError::Closed => Self::Overloaded,
            StoreError::Other(reason) => Self::Internal(reason),
        }
    }
}

/// What an error says, whatever its shape.
struct Words {
    status: StatusCode,
    /// ThingSpeak's codes begin with `error_`.
    code: &'static str,
    message: String,
    field: Option<&'static str>,
}

impl Refusal {
    fn words(self) -> Words {
        let (status, code, message, field) = match self {
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "resource_not_found", message, None),
            Self::Body(status, message) => (status, "body", message, None),
            Self::Invalid { field, message } => (StatusCode::BAD_REQUEST, "bad_request", message, field),
            Self::Conflict(message) => (StatusCode::CONFLICT, "conflict", message, None),
            Self::Unauthorized | Self::Key | Self::EntriesDenied | Self::NoEntry => {
                let message = "a key or token that opens this is missing or wrong";
                (StatusCode::UNAUTHORIZED, "auth_required", message.into(), None)
            }
            Self::TooSoon | Self::TooMany => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", StoreError::TooSoon.to_string(), None)
            }
            Self::Overloaded => {
                let message = "there is too much to do at the moment; try again later";
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", message.into(), None)
            }
            Self::Slow => {
                let message = "the request took longer than the server allows";
                (StatusCode::SERVICE_UNAVAILABLE, "timeout", message.into(), None)
            }
            Self::Internal(reason) => {
                tracing::error!(%reason, "a request failed");
                let message = "the server could not do this; its log says why";
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", message.into(), None)
            }
        };
        Words { status, code, message, field }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Key => (StatusCode::BAD_REQUEST, "0").into_response(),
            Self::TooSoon => (StatusCode::OK, "0").into_response(),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, retry_after(), "0").into_response(),
            Self::EntriesDenied => (StatusCode::BAD_REQUEST, "-1").into_response(),
            Self::NoEntry => (StatusCode::OK, [(CONTENT_TYPE, "application/json")], "\"-1\"").into_response(),
            other => {
                let Words { status, code, message, field } = other.words();
                let message = match field {
                    Some(field) => format!("{field}: {message}"),
                    None => message,
                };
                let details = status.canonical_reason().unwrap_or_default();
                // In ThingSpeak's errors the status is a string.
                let error =
                    json!({ "error_code": format!("error_{code}"), "message": message, "details": details });
                let body = json!({ "status": status.as_str(), "error": error });
                with_retry(status, (status, Json(body)).into_response())
            }
        }
    }
}

/// A refusal of porta's own API: `{"error": {"code", "message", "field"?}}`.
#[derive(Debug)]
pub struct Api(Refusal);

impl<E: Into<Refusal>> From<E> for Api {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Api {
    fn into_response(self) -> Response {
        let Words { status, code, message, field } = self.0.words();
        let mut error = json!({ "code": code, "message": message });
        if let Some(field) = field {
            error["field"] = field.into();
        }
        with_retry(status, (status, Json(json!({ "error": error }))).into_response())
    }
}

fn with_retry(status: StatusCode, response: Response) -> Response {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        (retry_after(), response).into_response()
    } else {
        response
    }
}

fn retry_after() -> [(HeaderName, String); 1] {
    [(RETRY_AFTER, RETRY_AFTER_SECONDS.to_string())]
}
