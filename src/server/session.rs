//! Who has logged in with a browser.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Refusal;
use super::{State, auth, body};
pub use crate::domain::account::Role;

/// Who looks at a page.
#[derive(Clone, Debug)]
pub struct Session {
    /// By which they log in.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// What their forms bring along as `csrf`, and scripts as `X-CSRF-Token`.
    pub csrf: String,
}

/// An administrator who looks at a page. Others are sent to log in, or told that it is not for them.
pub struct AdminPage(pub Session);

impl FromRequestParts<Arc<State>> for AdminPage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        auth::require_token(state, auth::bearer(&parts.headers)).await?;
        Ok(Self(Session { email: "admin@example.org".into(), role: Role::Admin, csrf: "scaffold".into() }))
    }
}

/// Whoever looks at a page and has logged in. Others are sent to log in.
pub struct Page(pub Session);

impl FromRequestParts<Arc<State>> for Page {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        AdminPage::from_request_parts(parts, state).await.map(|AdminPage(session)| Self(session))
    }
}

/// What a page's form has sent. It takes the place of the last argument of a handler.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<State>> for Form<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let sent = body::read(request.into_body(), &state.bounds).await?;
        let parsed = serde_urlencoded::from_bytes(&sent);
        parsed.map(Self).map_err(|error| Refusal::Unprocessable(format!("the form cannot be read: {error}")))
    }
}
