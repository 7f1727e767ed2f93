//! Keys of a channel: made, put in the place of others, ended. A key is shown once, in the answer to what made it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;

use super::super::render;
use super::{address, find, id, listed_key, shown_once};
use crate::domain::channel::{ApiKey, KeyKind};
use crate::domain::id::{ChannelId, KeyId};
use crate::domain::secret::Secret;
use crate::entropy;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::path::Path;
use crate::server::session::{AdminPage, Form, Session};

type Input = BTreeMap<String, String>;

fn key_id(text: &str) -> Result<KeyId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(format!("key {text} not found")))
}

/// `GET /admin/channels/{channel}/keys/{key}`: what can be done with it, and what that ends.
pub async fn key(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    let (id, key) = (id(&channel)?, key_id(&key)?);
    let channel = find(&state, id).await?;
    let keys = state.store.keys(id).await?;
    let found = keys.iter().find(|found| found.id == key);
    let found = found.ok_or_else(|| Refusal::NotFound(format!("key {key} of channel {id} not found")))?;
    let data = context! { id => id.0, name => channel.settings.name.as_str(), key => listed_key(found) };
    render(&state, &headers, Some(&session), "channel_key.html", data)
}

/// `POST /admin/channels/{channel}/keys`.
pub async fn create_key(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    arrival: Arrival,
    Form(input): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    let kind = match input.get("kind").map(String::as_str) {
        Some("write") => KeyKind::Write,
        Some("read") => KeyKind::Read,
        _ => {
            let message = "a key is for write or for read".into();
            return Err(Refusal::Invalid { field: Some("kind"), message });
        }
    };
    let fresh = entropy::api_key().map_err(Refusal::Internal)?;
    let created = state.store.create_key(id, kind, fresh.clone()).await?;
    fresh_key(&state, &headers, &session, (id, &created, &fresh), &address(&state, &arrival)).await
}

/// `POST /admin/channels/{channel}/keys/{key}/rotate`.
pub async fn rotate_key(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
    headers: HeaderMap,
    arrival: Arrival,
    Form(_): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    let fresh = entropy::api_key().map_err(Refusal::Internal)?;
    let created = state.store.rotate_key(id, key_id(&key)?, fresh.clone()).await?;
    fresh_key(&state, &headers, &session, (id, &created, &fresh), &address(&state, &arrival)).await
}

/// `POST /admin/channels/{channel}/keys/{key}/revoke`.
pub async fn revoke_key(
    AdminPage(_): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
    Form(_): Form<Input>,
) -> Result<impl IntoResponse, Refusal> {
    let id = id(&channel)?;
    state.store.revoke_key(id, key_id(&key)?).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("{}/admin/channels/{id}", state.root_path))]))
}

/// The page that shows a key, this once.
async fn fresh_key(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    (id, created, key): (ChannelId, &ApiKey, &Secret),
    server: &str,
) -> Result<Response, Refusal> {
    let channel = find(state, id).await?;
    let data = context! {
        id => id.0,
        name => channel.settings.name.as_str(),
        keys => vec![context! { kind => created.kind.as_str(), key => key.reveal() }],
        is_new => false,
        server,
    };
    let page = render(state, headers, Some(session), "channel_keys.html", data)?;
    Ok(shown_once(StatusCode::OK, page))
}
