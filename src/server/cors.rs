//! Scripts of any web page may call the device routes, as they may ThingSpeak.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// Whether a path is of the device API.
pub fn is_for_devices(path: &str) -> bool {
    path.starts_with("/update") || path.starts_with("/channels")
}

/// Whether a browser asks before it lets a script send something.
pub fn is_preflight(method: &Method, path: &str) -> bool {
    method == Method::OPTIONS && is_for_devices(path)
}

/// Lets any page read an answer.
pub fn allow_any_origin(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Yes.
pub fn preflight() -> Response {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, OPTIONS, DELETE, PATCH"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "origin, content-type, X-Requested-With, X-THINGSPEAKAPIKEY, THINGSPEAKAPIKEY, Authorization",
        ),
        (ACCESS_CONTROL_MAX_AGE, "1800"),
    ];
    (allowed, StatusCode::OK).into_response()
}
