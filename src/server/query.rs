//! The query of a request for porta's own API.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::{Api, Refusal};

/// A query of which every parameter is known and can be read.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Api;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let unreadable = |error: axum::extract::rejection::QueryRejection| Refusal::Invalid {
            field: None,
            message: error.body_text(),
        };
        Ok(Self(query.map_err(unreadable)?.0))
    }
}

/// A number that a parameter takes.
///
/// # Errors
/// [`Refusal::Invalid`] with the parameter and its bounds, for another.
pub fn within(field: &'static str, number: u32, range: &RangeInclusive<u32>) -> Result<u32, Refusal> {
    if range.contains(&number) {
        return Ok(number);
    }
    let message = format!("it takes a whole number from {} to {}", range.start(), range.end());
    Err(Refusal::Invalid { field: Some(field), message })
}
