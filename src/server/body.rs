//! Reading and writing bodies.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::bounds::Bounds;
use super::error::Refusal;
use crate::thingspeak::feed::Format;

/// What a body says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`, or another type that is JSON.
    Json,
    /// Something else, or nothing.
    Other,
}

/// By the content type. A body without one is a form.
pub fn kind(head: &Parts) -> Kind {
    let Some(content_type) = head.headers.get(CONTENT_TYPE) else {
        return if head.method == Method::GET { Kind::Other } else { Kind::Form };
    };
    let content_type = content_type.to_str().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if is("application/x-www-form-urlencoded") {
        Kind::Form
    } else if is("application/json") || media_type.to_ascii_lowercase().ends_with("+json") {
        Kind::Json
    } else {
        Kind::Other
    }
}

/// The whole body, unless it is longer than it may be or takes longer.
pub async fn read(body: Body, bounds: &Bounds) -> Result<Bytes, Refusal> {
    read_at_most(body, bounds.body_bytes, bounds.body_timeout).await
}

/// The same for a bulk update's.
pub async fn read_bulk(body: Body, bounds: &Bounds) -> Result<Bytes, Refusal> {
    read_at_most(body, bounds.bulk_body_bytes, bounds.body_timeout).await
}

async fn read_at_most(body: Body, bytes_max: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    let arrived = tokio::time::timeout(timeout, to_bytes(body, bytes_max))
        .await
        .map_err(|_| Refusal::Body(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".into()))?;
    arrived.map_err(|error| {
        let mut causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
        if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            let message = format!("the body is longer than {bytes_max} bytes");
            Refusal::Body(StatusCode::PAYLOAD_TOO_LARGE, message)
        } else {
            Refusal::Body(StatusCode::BAD_REQUEST, format!("the body did not arrive: {error}"))
        }
    })
}

/// An answer to a device or its reader.
pub fn respond(format: Format, has_callback: bool, body: impl Into<Bytes>) -> Response {
    let content_type = match format {
        Format::Json if has_callback => "application/javascript; charset=utf-8",
        Format::Json => "application/json; charset=utf-8",
        Format::Xml => "application/xml; charset=utf-8",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Text => "text/plain; charset=utf-8",
    };
    ([(CONTENT_TYPE, content_type)], body.into()).into_response()
}

/// The format that the last segment of a path asks for, and the segment without it.
pub fn suffix(segment: &str) -> (&str, Option<Format>) {
    match segment.rsplit_once('.') {
        Some((name, suffix)) => match Format::of_suffix(suffix) {
            Some(format) => (name, Some(format)),
            None => (segment, None),
        },
        None => (segment, None),
    }
}
