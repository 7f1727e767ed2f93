//! Every URL that porta answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::Refusal;
use super::{BODY_BYTES_MAX, State, assets, device, health, pages};
use crate::clock;

/// The routes and what stands before them.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        // devices
        .route("/update", post(device::update).get(device::update))
        // operators
        .route("/health", get(health::health))
        // pages
        .route("/", get(pages::home))
        .route("/static/{file}", get(assets::asset))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), limit_time))
        .with_state(state)
}

async fn unknown(method: Method, uri: Uri) -> Refusal {
    Refusal::NotFound(format!("nothing answers {method} {}", uri.path()))
}

/// Ends a request that takes longer than the worker timeout. The query is not logged: it may hold a key.
async fn limit_time(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().clone());
    let begun = clock::instant();
    match tokio::time::timeout(state.worker_timeout, next.run(request)).await {
        Ok(response) => {
            let (status, took) = (response.status().as_u16(), begun.elapsed());
            tracing::debug!(%method, path = path.path(), status, ?took, "answered");
            response
        }
        Err(_) => {
            tracing::error!(%method, path = path.path(), timeout = ?state.worker_timeout, "a request took too long");
            Refusal::Slow.into_response()
        }
    }
}
