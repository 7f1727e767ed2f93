//! The page behind the link that the server prints while there is no administrator: it creates one.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::Tokens;
use super::cookies::{self, Kind};
use super::login::with_headers;
use super::proof::chosen_twice;
use crate::clock;
use crate::domain::account::{Email, NewAccount, Role};
use crate::domain::password::PASSWORD_CHARACTERS_MIN;
use crate::domain::secret::SecretHash;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::session::Sent;
use crate::server::{State, pages};
use crate::store::{Look, StoreError, look};

/// What the link says.
#[derive(Default, Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// What the form sends.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

/// `GET /setup?token=…`.
pub async fn set_up_page(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let link: Link =
        parts.uri.query().and_then(|query| serde_urlencoded::from_str(query).ok()).unwrap_or_default();
    if is_good(&state, &link.token).await? {
        form(&parts, &state, &link.token, "", "")
    } else {
        no_link(&parts, &state).await
    }
}

/// `POST /setup`. Whoever has the link's token has not got it from another page, so that it is its own protection.
pub async fn set_up(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let fields: Fields = Sent::read(&parts, body, &state).await?.parse()?;
    if !is_good(&state, &fields.token).await? {
        return no_link(&parts, &state).await;
    }
    let again = |reason: &str| form(&parts, &state, &fields.token, &fields.email, reason);
    let Ok(email) = fields.email.parse::<Email>() else { return again("email") };
    let password = match chosen_twice(&fields.password, &fields.again, &email) {
        Ok(password) => password,
        Err(reason) => return again(reason),
    };
    let password = state.accounts.hashing.turn().await?.hash(password).await?;
    let account = NewAccount { email, role: Role::Admin, password: password.clone() };
    let created = match state.store.set_up(SecretHash::of(&fields.token), account, clock::utc()).await {
        // Somebody was faster.
        Err(StoreError::NotFound(_)) => return no_link(&parts, &state).await,
        // A viewer may have it.
        Err(StoreError::Conflict(_)) => return again("taken"),
        created => created?,
    };
    let arrival = Arrival::of(&parts, &state);
    tracing::info!(
        account = created.id.0,
        client = arrival.shown_client(),
        "an administrator was created by the set-up link"
    );
    let tokens = Tokens::fresh()?;
    let before = cookies::presented(&parts.headers, Kind::Session, &arrival, &state);
    state.store.log_in(tokens.login(created.id, password, before.as_ref(), None)).await?;
    Ok(with_headers(state.see_other("/"), tokens.cookies(&arrival, &state)))
}

async fn is_good(state: &State, token: &str) -> Result<bool, Refusal> {
    let (link, now) = (SecretHash::of(token), clock::utc());
    Ok(look(&*state.store, Look::Short, move |view| view.is_set_up_link(&link, now)).await?)
}

fn form(parts: &Parts, state: &State, token: &str, email: &str, reason: &str) -> Result<Response, Refusal> {
    let data = context! { token, email, reason, characters_min => PASSWORD_CHARACTERS_MIN };
    let status = if reason.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, pages::render(state, &parts.headers, None, "setup.html", data)?).into_response())
}

/// The link was used, is too old, or was never one. What to do depends on whether there is an administrator.
async fn no_link(parts: &Parts, state: &State) -> Result<Response, Refusal> {
    let has_admin = look(&*state.store, Look::Short, |view| view.has_admin()).await?;
    let page = pages::render(state, &parts.headers, None, "setup_over.html", context! { has_admin })?;
    Ok((StatusCode::GONE, page).into_response())
}
