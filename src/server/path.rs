//! What the path of a request names.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::error::Refusal;
use super::routes;

/// The parts of a path that its route leaves open, in their order. What is no text names nothing: it is refused as what is not
/// there, in the shape of the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        #[expect(clippy::disallowed_types, reason = "this is what stands before it")]
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        let path = parts.uri.path();
        let unknown = |_| routes::refused(path, Refusal::NotFound(format!("nothing answers {path}")));
        found.map(|axum_path| Self(axum_path.0)).map_err(unknown)
    }
}
