//! Keys of a channel: made, put in the place of others, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use minijinja::context;

use super::super::render;
use super::fresh_keys::Made;
use super::{find, id, listed_key};
use crate::domain::channel::{ApiKey, KeyKind};
use crate::domain::id::KeyId;
use crate::domain::secret::Secret;
use crate::entropy;
use crate::server::State;
use crate::server::error::Refusal;
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
    Ok(made(&state, &session, &created, fresh))
}

/// `POST /admin/channels/{channel}/keys/{key}/rotate`.
pub async fn rotate_key(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
    Form(_): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    let fresh = entropy::api_key().map_err(Refusal::Internal)?;
    let created = state.store.rotate_key(id, key_id(&key)?, fresh.clone()).await?;
    Ok(made(&state, &session, &created, fresh))
}

/// `POST /admin/channels/{channel}/keys/{key}/revoke`.
pub async fn revoke_key(
    AdminPage(_): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
    Form(_): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    state.store.revoke_key(id, key_id(&key)?).await?;
    Ok(state.see_other(&format!("/admin/channels/{id}#keys")))
}

/// Leads to the page that shows a key.
fn made(state: &State, session: &Session, created: &ApiKey, key: Secret) -> Response {
    let made = Made { is_new_channel: false, keys: vec![(created.kind, key)] };
    state.see_other(&state.fresh_keys.keep(session, created.channel_id, made))
}
