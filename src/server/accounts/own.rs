//! The page of one's own account.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::Tokens;
use super::cookies::{self, Kind};
use super::login::{seconds, with_headers};
use super::proof::{Claim, Unproven, chosen_twice, prove};
use crate::domain::account::{Credentials, Email};
use crate::domain::password::PASSWORD_CHARACTERS_MIN;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::session::{Form, LoggedIn, Session};
use crate::server::{State, pages};
use crate::store::StoreError;

/// What the page's address says after the password was changed.
const CHANGED: &str = "changed";

/// What the forms of the page send.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Change {
    /// Another password.
    Password {
        /// The one until now.
        current: String,
        /// The one from now on.
        password: String,
        /// The same once more.
        again: String,
    },
    /// The end of all sessions.
    LogOutEverywhere,
}

/// `GET /account`.
pub async fn account_page(
    found: LoggedIn,
    Extract(state): Extract<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let outcome = uri.query().filter(|query| *query == CHANGED).unwrap_or_default();
    page(&state, &headers, &found.session, StatusCode::OK, outcome, None)
}

fn page(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    status: StatusCode,
    outcome: &str,
    seconds: Option<u64>,
) -> Result<Response, Refusal> {
    let data = context! { outcome, seconds, characters_min => PASSWORD_CHARACTERS_MIN };
    let page = pages::render(state, headers, Some(session), "account.html", data)?;
    Ok((status, page).into_response())
}

/// `POST /account`.
pub async fn change(
    found: LoggedIn,
    arrival: Arrival,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, Refusal> {
    match change {
        Change::LogOutEverywhere => {
            state.store.end_sessions(found.account).await?;
            tracing::info!(
                account = found.account.0,
                client = arrival.shown_client(),
                "logged out everywhere"
            );
            let kinds = [Kind::Session, Kind::Browser];
            Ok(with_headers(
                state.see_other("/login"),
                kinds.map(|kind| cookies::removed(kind, &arrival, &state)),
            ))
        }
        Change::Password { current, password, again } => {
            let chosen = Chosen { current, password, again };
            change_password(&state, &headers, &found, &arrival, chosen).await
        }
    }
}

struct Chosen {
    current: String,
    password: String,
    again: String,
}

/// Sets another password, ends all sessions, and begins a new one in the place of this.
async fn change_password(
    state: &State,
    headers: &HeaderMap,
    found: &LoggedIn,
    arrival: &Arrival,
    Chosen { current, password, again }: Chosen,
) -> Result<Response, Refusal> {
    let refused =
        |reason| page(state, headers, &found.session, StatusCode::UNPROCESSABLE_ENTITY, reason, None);
    let email: Email = found.session.email.parse().map_err(Refusal::Internal)?;
    let new = match chosen_twice(&password, &again, &email) {
        Ok(new) => new,
        Err(reason) => return refused(reason),
    };
    let browser = cookies::presented(headers, Kind::Browser, arrival, state);
    // Whoever has stolen a session is as slow with the password as at the login.
    let claim = Claim { email: email.as_str(), password: &current, browser: browser.as_ref() };
    let Credentials { account, password: before, .. } = match prove(state, &claim, arrival).await? {
        Ok(credentials) => credentials,
        Err(Unproven { wait: Some(wait), .. }) => {
            let seconds = seconds(wait);
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut page = page(state, headers, &found.session, status, "wait", Some(seconds))?;
            page.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(page);
        }
        Err(Unproven { wait: None, .. }) => {
            tracing::warn!(
                account = found.account.0,
                client = arrival.shown_client(),
                "a change of the password was refused"
            );
            return refused("wrong");
        }
    };
    let hash = state.accounts.hashing.turn().await?.hash(new).await?;
    let tokens = Tokens::fresh()?;
    let login = tokens.login(account, before, None, None);
    match state.store.change_password(login, hash).await {
        // It was changed by somebody else in this very moment.
        Err(StoreError::NotFound(_)) => return refused("wrong"),
        result => result?,
    }
    tracing::info!(
        account = account.0,
        client = arrival.shown_client(),
        "the password was changed; other sessions have ended"
    );
    let done = state.see_other(&format!("/account?{CHANGED}"));
    Ok(with_headers(done, tokens.cookies(arrival, state)))
}
