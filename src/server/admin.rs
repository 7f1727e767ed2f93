//! The admin API for channels and their keys, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::RefBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::auth::Admin;
use super::error::{Api, Refusal};
use super::path::Path;
use super::query::{Query, within};
use super::{State, body};
use crate::domain::channel::{ApiKey, Change, Channel, KeyKind, Settings};
use crate::domain::id::{ChannelId, KeyId};
use crate::domain::secret::Secret;
use crate::entropy;
use crate::store::{Look, look};
use crate::transfer::Exporter;

/// Pages of an export that wait for a slow reader.
const EXPORT_PAGES_MAX: usize = 2;

/// Channels in one answer: each may have 16 KiB of metadata.
const CHANNELS_MAX: u32 = 1000;

type Answer<T> = Result<T, Api>;

/// What a new channel is to be: the settings of a [`Change`], of which the name has no default, and a number.
struct NewChannel;

impl PartialSchema for NewChannel {
    fn schema() -> RefOr<Schema> {
        let mut schema = Change::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some("What a new channel is to be. All but the name has a default.".into());
            object.required.push("name".into());
            let id = RefBuilder::new()
                .ref_location_from_schema_name(ChannelId::name())
                .description(Some("The number it is to have, where devices know it under one already."));
            object.properties.insert("id".into(), id.into());
        }
        schema
    }
}

impl ToSchema for NewChannel {}

/// A channel, and what opens it.
#[derive(Serialize, ToSchema)]
struct CreatedChannel {
    #[serde(flatten)]
    channel: Channel,
    /// Opens it for writing.
    write_api_key: String,
    /// Opens it for reading.
    read_api_key: String,
}

/// A key, and the whole of it.
#[derive(Serialize, ToSchema)]
struct CreatedKey {
    #[serde(flatten)]
    created: ApiKey,
    /// The key itself.
    key: String,
}

/// Which channels are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Channels in the answer, 1 to 1000.
    #[serde(default = "channels_default")]
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: u32,
    /// All but the first so many.
    #[serde(default)]
    offset: u64,
}

fn channels_default() -> u32 {
    CHANNELS_MAX
}

/// Channels, by number.
#[utoipa::path(
    get, path = "/api/admin/channels", tag = "channels",
    params(Page), responses((status = 200, body = Vec<Channel>))
)]
pub async fn channels(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(page): Query<Page>,
) -> Answer<Json<Vec<Channel>>> {
    let limit = within("limit", page.limit, &(1..=CHANNELS_MAX))?;
    Ok(Json(state.store.channels_page(page.offset, limit).await?.0))
}

/// Creates a channel. Its keys are shown in the answer, and never again.
#[utoipa::path(
    post, path = "/api/admin/channels", tag = "channels",
    request_body = NewChannel, responses((status = 201, body = CreatedChannel))
)]
pub async fn create(_: Admin, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Response> {
    let mut settings: serde_json::Map<String, serde_json::Value> = read_json(&state, request).await?;
    let id = settings.remove("id").map(parsed::<ChannelId>).transpose()?;
    let mut change: Change = parsed(settings.into())?;
    let settings = Settings::new(change.name.take().unwrap_or_default()).changed(change)?;
    let new = entropy::new_channel(id, settings).map_err(Refusal::Internal)?;
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
    let channel = state.store.create_channel(new).await?;
    let shown = CreatedChannel {
        channel,
        write_api_key: write_key.reveal().to_owned(),
        read_api_key: read_key.reveal().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// A channel.
#[utoipa::path(
    get, path = "/api/admin/channels/{channel}", tag = "channels",
    params(("channel" = ChannelId, Path)), responses((status = 200, body = Channel))
)]
pub async fn channel(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<Json<Channel>> {
    let id = channel_id(&channel)?;
    let found = look(&*state.store, Look::Short, move |view| view.channel(id)).await?;
    Ok(Json(found.ok_or_else(|| Refusal::NotFound(format!("channel {id} not found")))?))
}

/// Changes settings of a channel: what is absent stays, `null` takes away.
#[utoipa::path(
    patch, path = "/api/admin/channels/{channel}", tag = "channels",
    params(("channel" = ChannelId, Path)), request_body = Change, responses((status = 200, body = Channel))
)]
pub async fn change(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Answer<Json<Channel>> {
    let change = read_json(&state, request).await?;
    Ok(Json(state.store.change_channel(channel_id(&channel)?, change).await?))
}

/// Deletes a channel, its keys and its entries.
#[utoipa::path(
    delete, path = "/api/admin/channels/{channel}", tag = "channels",
    params(("channel" = ChannelId, Path)), responses((status = 204))
)]
pub async fn delete(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<StatusCode> {
    state.store.delete_channel(channel_id(&channel)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the entries of a channel; the next one has the id 1 again.
#[utoipa::path(
    delete, path = "/api/admin/channels/{channel}/entries", tag = "channels",
    params(("channel" = ChannelId, Path)), responses((status = 204))
)]
pub async fn clear(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<StatusCode> {
    state.store.clear_channel(channel_id(&channel)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The whole channel as CSV, page by page, as fast as it is read. An export that fails midway ends without the last chunk,
/// so that its reader notices.
#[utoipa::path(
    get, path = "/api/admin/channels/{channel}/entries.csv", tag = "channels",
    params(("channel" = ChannelId, Path)), responses((status = 200, body = String, content_type = "text/csv"))
)]
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

/// The keys of a channel, by their first characters.
#[utoipa::path(
    get, path = "/api/admin/channels/{channel}/keys", tag = "channels",
    params(("channel" = ChannelId, Path)), responses((status = 200, body = Vec<ApiKey>))
)]
pub async fn keys(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
) -> Answer<Json<Vec<ApiKey>>> {
    Ok(Json(state.store.keys(channel_id(&channel)?).await?))
}

/// What a new key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What it opens.
    kind: KeyKind,
    /// One that devices have already; a fresh one otherwise.
    key: Option<String>,
}

/// Adds a key. It is shown in the answer, and never again.
#[utoipa::path(
    post, path = "/api/admin/channels/{channel}/keys", tag = "channels",
    params(("channel" = ChannelId, Path)), request_body = NewKey, responses((status = 201, body = CreatedKey))
)]
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
    Ok(shown_once(created, &key))
}

/// Puts a new key of the same kind in the place of one, which ends.
#[utoipa::path(
    post, path = "/api/admin/channels/{channel}/keys/{key}/rotate", tag = "channels",
    params(("channel" = ChannelId, Path), ("key" = KeyId, Path)), responses((status = 201, body = CreatedKey))
)]
pub async fn rotate_key(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
) -> Answer<Response> {
    let fresh = entropy::api_key().map_err(Refusal::Internal)?;
    let created = state.store.rotate_key(channel_id(&channel)?, key_id(&key)?, fresh.clone()).await?;
    Ok(shown_once(created, &fresh))
}

/// Ends a key.
#[utoipa::path(
    delete, path = "/api/admin/channels/{channel}/keys/{key}", tag = "channels",
    params(("channel" = ChannelId, Path), ("key" = KeyId, Path)), responses((status = 204))
)]
pub async fn revoke_key(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path((channel, key)): Path<(String, String)>,
) -> Answer<StatusCode> {
    state.store.revoke_key(channel_id(&channel)?, key_id(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown_once(created: ApiKey, key: &Secret) -> Response {
    let shown = CreatedKey { created, key: key.reveal().to_owned() };
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
