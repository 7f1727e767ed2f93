//! Logging in, and out.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Extract};
use axum::http::header::{REFRESH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::Tokens;
use super::cookies::{self, Kind};
use super::proof::{Claim, Unproven, prove};
use crate::clock;
use crate::domain::account::Credentials;
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
    /// Whether a form was not taken.
    ended: Option<String>,
}

impl Wanted {
    fn of(parts: &Parts) -> Self {
        parts.uri.query().and_then(|query| serde_urlencoded::from_str(query).ok()).unwrap_or_default()
    }
}

/// What the form sends.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// Why somebody was not let in, as the page says it.
enum Rejected {
    /// What they have sent came after their session.
    Ended,
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
    let Wanted { next, ended } = Wanted::of(&parts);
    let ended = ended.filter(|_| !next.is_empty()).map(|_| Rejected::Ended);
    if session::current(&mut parts, &state).await?.is_some() {
        return Ok(sent_on(&state, &next));
    }
    let mut page = form(&parts, &state, &next, "", ended).await?;
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
    let Wanted { next, .. } = Wanted::of(&parts);
    let again = async |rejected| form(&parts, &state, &next, &fields.email, Some(rejected)).await;
    let arrival = Arrival::of(&parts, &state);
    let presented = |kind| cookies::presented(&parts.headers, kind, &arrival, &state);
    if !presented(Kind::Form).is_some_and(|token| sent.has(&token.csrf())) {
        return again(Rejected::OldForm).await;
    }
    let (session, browser) = (presented(Kind::Session), presented(Kind::Browser));
    let claim = Claim { email: &fields.email, password: &fields.password, browser: browser.as_ref() };
    let Credentials { account, password, .. } = match prove(&state, &claim, &arrival).await? {
        Err(unproven) => return again(rejected(&state, unproven, &arrival)).await,
        Ok(credentials) => credentials,
    };
    let tokens = Tokens::fresh()?;
    let login = tokens.login(account, password, session.as_ref(), browser.as_ref());
    match state.store.log_in(login).await {
        // The account was deleted, or its password changed, in this very moment.
        Err(StoreError::NotFound(_)) => return again(Rejected::Wrong).await,
        result => result?,
    }
    tracing::info!(account = account.0, client = arrival.shown_client(), "logged in");
    Ok(with_headers(sent_on(&state, &next), tokens.cookies(&arrival, &state)))
}

/// Notes why somebody was not let in.
fn rejected(state: &State, Unproven { account, wait }: Unproven, arrival: &Arrival) -> Rejected {
    let account = account.map_or_else(|| "unknown".into(), |account| account.to_string());
    let client = arrival.shown_client();
    let Some(wait) = wait else {
        tracing::warn!(account, client, "a login has failed");
        return Rejected::Wrong;
    };
    // Whoever has to wait may ask as often as they like.
    if let Some(since) = state.accounts.held_up.count(clock::instant()) {
        tracing::warn!(account, client, ?wait, since, "a login was held up: too many have failed");
    }
    Rejected::Wait(wait)
}

/// The path of the page from which somebody who has logged in is led to another. `has_ended` says that a form was not taken
/// because their session is over.
pub fn login_path(next: &str, has_ended: bool) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if next != "/" && language::is_local(next) {
        query.append_pair("next", next);
        if has_ended {
            query.append_pair("ended", "");
        }
    }
    match query.finish() {
        query if query.is_empty() => "/login".into(),
        query => format!("/login?{query}"),
    }
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
    let presented = cookies::presented(&parts.headers, Kind::Form, &arrival, state);
    let (csrf, cookie) = match presented {
        Some(token) => (token.csrf(), None),
        None => {
            let token = entropy::token().map_err(Refusal::Internal)?;
            (cookies::csrf_of(&token), Some(cookies::set(Kind::Form, &token, &arrival, state)))
        }
    };
    let has_admin = look(&*state.store, Look::Short, |view| view.has_admin()).await?;
    let (status, reason, wait) = match rejected {
        None => (StatusCode::OK, "", None),
        Some(Rejected::Ended) => (StatusCode::OK, "ended", None),
        Some(Rejected::OldForm) => (StatusCode::FORBIDDEN, "old_form", None),
        Some(Rejected::Wrong) => (StatusCode::FORBIDDEN, "wrong", None),
        Some(Rejected::Wait(wait)) => (StatusCode::TOO_MANY_REQUESTS, "wait", Some(wait)),
    };
    let seconds = wait.map(seconds);
    let action = login_path(next, false);
    let data = context! { csrf, action, email, reason, seconds, has_admin };
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
    state.see_other(next)
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
    Ok(with_headers(state.see_other("/login"), [cookies::removed(Kind::Session, &arrival, &state)]))
}
