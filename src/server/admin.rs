//! The admin API for channels and their keys, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::auth::Admin;
use super::error::{Api, Refusal};
use super::{State, body};
use crate::domain::channel::{ApiKey, Change, Channel, KeyKind, Settings};
use crate::domain::id::{ChannelId, KeyId};
use crate::domain::secret::Secret;
use crate::entropy;
use crate::store::{Look, look};
use crate::transfer::Exporter;

/// Pages of an export that wait for a slow reader.
const EXPORT_PAGES_MAX: usize = 2;

type Answer<T> = Result<T, Api>;

/// `GET /api/admin/channels`.
pub async fn channels(_: Admin, Extract(state): Extract<Arc<State>>) -> Answer<Json<Vec<Channel>>> {
    Ok(Json(state.store.channels().await?))
}

/// `POST /api/admin/channels`: the settings, and optionally the `id` that the channel is to have. The keys are shown in
/// the answer, and never again.
pub async fn create(_: Admin, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Response> {
    let mut settings: serde_json::Map<String, serde_json::Value> = read_json(&state, request).await?;
    let id = settings.remove("id").map(parsed::<ChannelId>).transpose()?;
    let mut change: Change = parsed(settings.into())?;
    let settings = Settings::new(change.name.take().unwrap_or_default()).changed(change)?;
    let new = entropy::new_channel(id, settings).map_err(Refusal::Internal)?;
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
    let channel = state.store.create_channel(new).await?;
    let mut shown = serde_json::to_value(channel).map_err(|error| Refusal::Internal(error.to_string()))?;
    shown["write_api_key"] = write_key.reveal().into();
    shown["read_api_key"] = read_key.reveal().into();
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `GET /api/admin/channels/{channel}`.
pub async fn channel(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<Json<Channel>> {
    let id = channel_id(&channel)?;
    let found = look(&*state.store, Look::Short, move |view| view.channel(id)).await?;
    Ok(Json(found.ok_or_else(|| Refusal::NotFound(format!("channel {id} not found")))?))
}

/// `PATCH /api/admin/channels/{channel}`: what is absent stays, `null` takes away.
pub async fn change(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Answer<Json<Channel>> {
    let change = read_json(&state, request).await?;
    Ok(Json(state.store.change_channel(channel_id(&channel)?, change).await?))
}

/// `DELETE /api/admin/channels/{channel}`.
pub async fn delete(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<StatusCode> {
    state.store.delete_channel(channel_id(&channel)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/admin/channels/{channel}/entries`.
pub async fn clear(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<StatusCode> {
    state.store.clear_channel(channel_id(&channel)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/admin/channels/{channel}/entries.csv`: the whole channel, page by page, as fast as it is read. An export
/// that fails midway ends without the last chunk, so that its reader notices.
pub async fn export(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<Response> {
    let id = channel_id(&channel)?;
    let found = look(&*state.store, Look::Short, move |view| view.channel(id)).await?;
    found.ok_or_else(|| Refusal::NotFound(format!("channel {id} not found")))?;
    let (mut sender, pages) =
        http_body_util::channel::Channel::<Bytes, std::io::Error>::new(EXPORT_PAGES_MAX);
    tokio::spawn(async move {
        let mut exporter = Exporter::new(&*state.store, id);
        loop {
            match exporter.next().await {
                Ok(Some(page)) => {
                    // The reader may have gone.
                    if sender.send_data(page.into()).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, channel = %id, "an export was not finished");
                    sender.abort(std::io::Error::other(error));
                    break;
                }
            }
        }
    });
    let name = format!("attachment; filename=\"channel-{id}.csv\"");
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::new(pages)).into_response())
}

/// `GET /api/admin/channels/{channel}/keys`.
pub async fn keys(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<Json<Vec<ApiKey>>> {
    Ok(Json(state.store.keys(channel_id(&channel)?).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    kind: KeyKind,
    /// One that devices have already; a fresh one otherwise.
    key: Option<String>,
}

/// `POST /api/admin/channels/{channel}/keys`: the key is shown in the answer, and never again.
pub async fn create_key(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Answer<Response> {
    let NewKey { kind, key } = read_json(&state, request).await?;
    let key = match key {
        Some(text) => {
            Secret::foreign_key(&text).map_err(|message| Refusal::Invalid { field: Some("key"), message })?
        }
        None => entropy::api_key().map_err(Refusal::Internal)?,
    };
    let created = state.store.create_key(channel_id(&channel)?, kind, key.clone()).await?;
    Ok(shown_once(&created, &key))
}

/// `POST /api/admin/channels/{channel}/keys/{key}/rotate`: a new key of the same kind, and the old one ends.
pub async fn rotate_key(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
) -> Answer<Response> {
    let fresh = entropy::api_key().map_err(Refusal::Internal)?;
    let created = state.store.rotate_key(channel_id(&channel)?, key_id(&key)?, fresh.clone()).await?;
    Ok(shown_once(&created, &fresh))
}

/// `DELETE /api/admin/channels/{channel}/keys/{key}`.
pub async fn revoke_key(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
) -> Answer<StatusCode> {
    state.store.revoke_key(channel_id(&channel)?, key_id(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown_once(created: &ApiKey, key: &Secret) -> Response {
    let shown = json!({
        "id": created.id, "channel_id": created.channel_id, "kind": created.kind, "prefix": created.prefix,
        "created_at": created.created_at, "key": key.reveal(),
    });
    (StatusCode::CREATED, Json(shown)).into_response()
}

fn channel_id(text: &str) -> Result<ChannelId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(format!("channel {text} not found")))
}

fn key_id(text: &str) -> Result<KeyId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(format!("key {text} not found")))
}

pub(super) async fn read_json<T: DeserializeOwned>(state: &State, request: Request) -> Result<T, Refusal> {
    let given = body::read(request.into_body(), &state.bounds).await?;
    serde_json::from_slice(&given).map_err(|error| unreadable(&error))
}

fn parsed<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    Refusal::Invalid { field: None, message: format!("the body cannot be read: {error}") }
}
