//! Logging in, and out.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Extract};
use axum::http::header::{LOCATION, REFRESH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::Tokens;
use super::cookies::{self, Kind, Presented};
use super::throttle::Attempt;
use crate::clock;
use crate::domain::account::{Credentials, Email};
use crate::domain::id::AccountId;
use crate::domain::password::{Password, PasswordHash};
use crate::domain::secret::SecretHash;
use crate::entropy;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::pages::{self, language};
use crate::server::session::{self, Form, LoggedIn, Sent};
use crate::server::{State, origin};
use crate::store::{Look, StoreError, look};

/// What the page's address may say.
#[derive(Default, Deserialize)]
struct Wanted {
    /// Where to go afterwards.
    #[serde(default)]
    next: String,
}

/// What the form sends.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Why somebody was not let in, as the page says it.
enum Rejected {
    /// The form was not this browser's, or not any more.
    OldForm,
    /// One of the two; it does not say which.
    Wrong,
    /// It has failed too often, and may try again after so long.
    Wait(Duration),
}

/// `GET /login`.
pub async fn login_page(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let wanted: Wanted =
        parts.uri.query().and_then(|query| serde_urlencoded::from_str(query).ok()).unwrap_or_default();
    if session::current(&mut parts, &state).await?.is_some() {
        return Ok(sent_on(&state, &wanted.next));
    }
    let mut page = form(&parts, &state, &wanted.next, "", None).await?;
    if origin::is_from_elsewhere(&parts.headers) {
        // A link on somebody else's page has led here, so that the session's cookie was not sent. From here it is.
        page.headers_mut().insert(REFRESH, HeaderValue::from_static("0"));
    }
    Ok(page)
}

/// `POST /login`.
pub async fn log_in(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let sent = Sent::read(&parts, body, &state).await?;
    let fields: Fields = sent.parse()?;
    let arrival = Arrival::of(&parts, &state);
    let belongs = cookies::presented(&parts.headers, Kind::Form, &arrival);
    if !belongs.is_some_and(|token| sent.has(&token.csrf())) {
        return form(&parts, &state, &fields.next, &fields.email, Some(Rejected::OldForm)).await;
    }
    let browser = cookies::presented(&parts.headers, Kind::Browser, &arrival);
    match proven(&state, &fields, browser.as_ref(), &arrival).await? {
        Err(rejected) => form(&parts, &state, &fields.next, &fields.email, Some(rejected)).await,
        Ok((account, password)) => {
            let before = cookies::presented(&parts.headers, Kind::Session, &arrival);
            let tokens = Tokens::fresh()?;
            let login = tokens.login(account, password, before.as_ref(), browser.as_ref());
            match state.store.log_in(login).await {
                // The account was deleted, or its password changed, in this very moment.
                Err(StoreError::NotFound(_)) => {
                    return form(&parts, &state, &fields.next, &fields.email, Some(Rejected::Wrong)).await;
                }
                result => result?,
            }
            tracing::info!(account = account.0, client = arrival.shown_client(), "logged in");
            Ok(with_headers(sent_on(&state, &fields.next), tokens.cookies(&arrival, &state)))
        }
    }
}

/// Whether the password is the account's. It takes as long where there is no such account.
async fn proven(
    state: &State,
    fields: &Fields,
    browser: Option<&Presented>,
    arrival: &Arrival,
) -> Result<Result<(AccountId, PasswordHash), Rejected>, Refusal> {
    let email: Option<Email> = fields.email.parse().ok();
    let account = SecretHash::of(email.as_ref().map_or(fields.email.as_str(), Email::as_str));
    let browser = browser.map(Presented::hash);
    let now = clock::utc();
    let found = match email {
        None => None,
        Some(email) => {
            look(&*state.store, Look::Short, move |view| view.credentials(&email, browser.as_ref(), now))
                .await?
        }
    };
    let known_browser = browser.filter(|_| found.as_ref().is_some_and(|found| found.knows_browser));
    let attempt = Attempt { client: arrival.client, account, known_browser };
    let is_right = is_right(state, &attempt, found.as_ref(), &fields.password).await?;
    let name = || found.as_ref().map_or_else(|| "unknown".into(), |found| found.account.to_string());
    match is_right {
        Err(wait) => {
            tracing::warn!(
                account = name(),
                client = arrival.shown_client(),
                ?wait,
                "a login was held up: too many have failed"
            );
            Ok(Err(Rejected::Wait(wait)))
        }
        Ok(false) => {
            tracing::warn!(account = name(), client = arrival.shown_client(), "a login has failed");
            Ok(Err(Rejected::Wrong))
        }
        Ok(true) => {
            Ok(found.map(|Credentials { account, password, .. }| (account, password)).ok_or(Rejected::Wrong))
        }
    }
}

/// Whether a password is right, or how long to wait before that is looked at.
///
/// # Errors
/// When there are too many logins at once.
pub async fn is_right(
    state: &State,
    attempt: &Attempt,
    found: Option<&Credentials>,
    password: &str,
) -> Result<Result<bool, Duration>, Refusal> {
    let accounts = &state.accounts;
    let turn = accounts.hashing.turn().await?;
    if let Err(wait) = accounts.throttle.begin(attempt, clock::instant()) {
        return Ok(Err(wait));
    }
    let Some(password) = Password::presented(password) else { return Ok(Ok(false)) };
    let hash = found.map_or_else(PasswordHash::nobodys, |found| found.password.clone());
    let is_right = turn.verify(hash, password).await?;
    if is_right {
        accounts.throttle.succeeded(attempt);
    }
    Ok(Ok(is_right))
}

/// The page with the form, and the cookie that it belongs to.
async fn form(
    parts: &Parts,
    state: &State,
    next: &str,
    email: &str,
    rejected: Option<Rejected>,
) -> Result<Response, Refusal> {
    let arrival = Arrival::of(parts, state);
    let presented = cookies::presented(&parts.headers, Kind::Form, &arrival);
    let (csrf, cookie) = match presented {
        Some(token) => (token.csrf(), None),
        None => {
            let token = entropy::token().map_err(Refusal::Internal)?;
            (cookies::csrf_of(&token), Some(cookies::set(Kind::Form, &token, &arrival, state)))
        }
    };
    let has_accounts = look(&*state.store, Look::Short, |view| view.has_accounts()).await?;
    let (status, reason, wait) = match rejected {
        None => (StatusCode::OK, "", None),
        Some(Rejected::OldForm) => (StatusCode::FORBIDDEN, "old_form", None),
        Some(Rejected::Wrong) => (StatusCode::FORBIDDEN, "wrong", None),
        Some(Rejected::Wait(wait)) => (StatusCode::TOO_MANY_REQUESTS, "wait", Some(wait)),
    };
    let seconds = wait.map(seconds);
    let next = if language::is_local(next) { next } else { "" };
    let data = context! { csrf, next, email, reason, seconds, has_accounts };
    let mut page = (status, pages::render(state, &parts.headers, None, "login.html", data)?).into_response();
    if let Some(seconds) = seconds {
        page.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(with_headers(page, cookie))
}

/// Whole seconds that are no less: who comes back then is not too early.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Leads somebody who has logged in to the page they wanted.
fn sent_on(state: &State, next: &str) -> Response {
    let next = if language::is_local(next) { next } else { "/" };
    see_other(&format!("{}{next}", state.root_path))
}

/// A redirect that is to be followed with `GET`. The path has been looked at before.
pub fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// Adds headers, of which there may be several of one name.
pub fn with_headers(
    mut response: Response,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
) -> Response {
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
    response
}

/// What a form without fields of its own sends.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /logout`.
pub async fn log_out(
    LoggedIn { account, hash, .. }: LoggedIn,
    arrival: Arrival,
    Extract(state): Extract<Arc<State>>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Refusal> {
    state.store.end_session(hash).await?;
    tracing::info!(account = account.0, client = arrival.shown_client(), "logged out");
    let left = see_other(&format!("{}/login", state.root_path));
    Ok(with_headers(left, [cookies::removed(Kind::Session, &arrival, &state)]))
}
