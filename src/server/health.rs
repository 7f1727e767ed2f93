//! What watches the server calls.

use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

/// `GET /health`: the process is alive and answers.
pub async fn health() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], "{\"status\":\"ok\"}")
}
