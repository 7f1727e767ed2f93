//! The only place where errors become HTTP.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::channel::SettingError;
use crate::domain::fault::Fault;
use crate::domain::id::RunId;
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
    /// No bridge token came along.
    TokenMissing,
    /// The bridge token is another.
    TokenInvalid,
    /// It is switched off, or not among what is permitted.
    Forbidden(String),
    /// What is asked for can be read, but cannot be.
    Unprocessable(String),
    /// A value can be read, and is not one of those that are permitted.
    OutOfLimits {
        /// Which.
        field: &'static str,
        /// What it takes, and what says so.
        message: String,
    },
    /// One run goes on at a time, and this is another.
    RunGoingOn {
        /// Which.
        run: RunId,
        /// Since when, and whose.
        message: String,
    },
    /// Whoever asks has as much under way as they may.
    Busy(String),
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
    /// Not now: there is too much to do, or the database has a fault. Devices know the body `0`.
    Unavailable(Cause),
    /// Longer than the worker timeout, which was this.
    Slow(Duration),
    /// Nobody has logged in: the page for that is here.
    LogIn(String),
    /// Another method than the path takes.
    Method(String),
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
            StoreError::Busy => Self::Unavailable(Cause::word(Fault::Locked.name())),
            StoreError::Full => Self::Unavailable(Cause::word("queue")),
            StoreError::Closed => Self::Unavailable(Cause::word("closing")),
            StoreError::Fault { fault, detail } => {
                Self::Unavailable(Cause { word: fault.name(), detail: Some(detail) })
            }
            StoreError::Other(reason) => Self::Internal(reason),
        }
    }
}

/// Why an answer is an error of the server, for its log and its metrics. It goes along with the response.
#[derive(Clone, Debug)]
pub struct Cause {
    /// One of a fixed set.
    pub word: &'static str,
    /// More, for the log only.
    pub detail: Option<String>,
}

impl Cause {
    /// A cause that needs no more words.
    pub fn word(word: &'static str) -> Self {
        Self { word, detail: None }
    }
}

/// What a refusal says, for whoever puts it into another shape. It goes along with the response.
#[derive(Clone, Debug)]
pub struct Said(pub String);

/// What an error says, whatever its shape.
struct Words {
    status: StatusCode,
    /// ThingSpeak's codes begin with `error_`.
    code: &'static str,
    message: String,
    field: Option<&'static str>,
    /// The run that is in the way.
    run: Option<RunId>,
    cause: Option<Cause>,
}

impl Refusal {
    fn words(self) -> Words {
        let mut cause = None;
        let run = if let Self::RunGoingOn { run, .. } = &self { Some(*run) } else { None };
        let (status, code, message, field) = match self {
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "resource_not_found", message, None),
            Self::Body(status, message) => (status, "body", message, None),
            Self::Invalid { field, message } => (StatusCode::BAD_REQUEST, "bad_request", message, field),
            Self::Conflict(message) | Self::RunGoingOn { message, .. } => {
                (StatusCode::CONFLICT, "conflict", message, None)
            }
            Self::Unauthorized | Self::LogIn(_) | Self::Key | Self::EntriesDenied | Self::NoEntry => {
                let message = "a key or token that opens this is missing or wrong";
                (StatusCode::UNAUTHORIZED, "auth_required", message.into(), None)
            }
            Self::TokenMissing => {
                (StatusCode::UNAUTHORIZED, "auth_required", "Missing X-PORTA-TOKEN header".into(), None)
            }
            Self::TokenInvalid => (StatusCode::UNAUTHORIZED, "auth_required", "Invalid token".into(), None),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, "forbidden", message, None),
            Self::Unprocessable(message) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message, None)
            }
            Self::OutOfLimits { field, message } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message, Some(field))
            }
            Self::Busy(message) => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message, None),
            Self::TooSoon | Self::TooMany => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", StoreError::TooSoon.to_string(), None)
            }
            Self::Unavailable(why) => {
                let fault = Fault::ALL.into_iter().find(|fault| fault.name() == why.word);
                let message = fault.map(Fault::description).unwrap_or(match why.word {
                    "commands" => "as many commands run as may at a time; try again later",
                    "logins" => "too many log in at the same time; try again in a moment",
                    "event_streams" => "as many event streams are open as can be; try again later",
                    "disk_space" => "there is too little space on the disk for commands",
                    "closing" => "the server is being stopped",
                    _ => "the server cannot take this at the moment; try again later",
                });
                cause = Some(why);
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", message.into(), None)
            }
            Self::Method(message) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message, None),
            Self::Slow(limit) => {
                cause =
                    Some(Cause { word: "timeout", detail: Some(format!("it took longer than {limit:?}")) });
                let message = "the request took longer than the server allows";
                (StatusCode::SERVICE_UNAVAILABLE, "timeout", message.into(), None)
            }
            Self::Internal(reason) => {
                cause = Some(Cause { word: "internal", detail: Some(reason) });
                let message = "the server could not do this; its log says why";
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", message.into(), None)
            }
        };
        Words { status, code, message, field, run, cause }
    }
}

impl Refusal {
    /// Why, in words for whoever has asked.
    pub fn message(self) -> String {
        self.words().message
    }

    /// The same, said of one thing among several.
    pub fn about(self, what: &str) -> Self {
        let said = |message: String| format!("{what}: {message}");
        match self {
            Self::Forbidden(message) => Self::Forbidden(said(message)),
            Self::Unprocessable(message) => Self::Unprocessable(said(message)),
            other => other,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Key => (StatusCode::BAD_REQUEST, "0").into_response(),
            Self::TooSoon => (StatusCode::OK, "0").into_response(),
            Self::Unavailable(why) => {
                let Words { message, cause, .. } = Self::Unavailable(why).words();
                let mut response = (StatusCode::SERVICE_UNAVAILABLE, "0").into_response();
                response.extensions_mut().insert(Said(message));
                with_cause(cause, response)
            }
            Self::LogIn(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
            Self::EntriesDenied => (StatusCode::BAD_REQUEST, "-1").into_response(),
            Self::NoEntry => (StatusCode::OK, [(CONTENT_TYPE, "application/json")], "\"-1\"").into_response(),
            other => {
                let Words { status, code, message, field, cause, .. } = other.words();
                let message = match field {
                    Some(field) => format!("{field}: {message}"),
                    None => message,
                };
                let details = status.canonical_reason().unwrap_or_default();
                // In ThingSpeak's errors the status is a string.
                let error =
                    json!({ "error_code": format!("error_{code}"), "message": &message, "details": details });
                let body = json!({ "status": status.as_str(), "error": error });
                let mut response = (status, Json(body)).into_response();
                response.extensions_mut().insert(Said(message));
                with_cause(cause, response)
            }
        }
    }
}

/// A refusal of porta's own API: `{"error": {"code", "message", "field"?, "test_id"?}}`.
#[derive(Debug)]
pub struct Api(Refusal);

impl<E: Into<Refusal>> From<E> for Api {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Api {
    fn into_response(self) -> Response {
        let Words { status, code, message, field, run, cause } = self.0.words();
        let mut error = json!({ "code": code, "message": message });
        if let Some(field) = field {
            error["field"] = field.into();
        }
        if let Some(run) = run {
            error["test_id"] = run.0.into();
        }
        with_cause(cause, (status, Json(json!({ "error": error }))).into_response())
    }
}

/// A refusal as agents know it: `{"error": message}`.
#[derive(Debug)]
pub struct Plain(Refusal);

impl<E: Into<Refusal>> From<E> for Plain {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let Words { status, message, cause, .. } = self.0.words();
        with_cause(cause, (status, Json(json!({ "error": message }))).into_response())
    }
}

/// An answer that says when to come back, if it is for now only, and why it is one.
fn with_cause(cause: Option<Cause>, mut response: Response) -> Response {
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&response.status()) {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    }
    if let Some(cause) = cause {
        response.extensions_mut().insert(cause);
    }
    response
}
