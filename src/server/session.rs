//! Who has logged in with a browser.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::State;
use super::auth;
use super::error::Refusal;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// See how the server is, at `/`.
    Viewer,
}

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
