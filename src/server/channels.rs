//! ThingSpeak's routes for the owner of channels. The owner's key is an admin token.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::body::{self, Kind, suffix};
use super::error::Refusal;
use super::path::Path;
use super::{State, auth};
use crate::domain::channel::Settings;
use crate::domain::id::ChannelId;
use crate::domain::secret::SecretHash;
use crate::entropy;
use crate::store::{Look, look};
use crate::thingspeak::channel::{ChannelForm, Owned, PER_PAGE, Page};
use crate::thingspeak::query::Query;

/// The name of a channel that is created without one.
const UNNAMED: &str = "Channel";

/// `GET /channels.json`.
pub async fn list(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    authorised(&state, request).await?;
    let channels = state.store.channels().await?;
    let shown: Vec<_> = channels.iter().map(|channel| Owned::new(channel, None)).collect();
    Ok(Json(shown).into_response())
}

/// `POST /channels.json`.
pub async fn create(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let form = authorised(&state, request).await?;
    let settings = Settings::new(UNNAMED.into()).changed(form.change)?;
    let new = entropy::new_channel(None, settings).map_err(Refusal::Internal)?;
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
    let channel = state.store.create_channel(new).await?;
    Ok(Json(Owned::new(&channel, Some((&write_key, &read_key)))).into_response())
}

/// `PUT /channels/{channel}.json`.
pub async fn change(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let form = authorised(&state, request).await?;
    let channel = state.store.change_channel(id(&channel)?, form.change).await?;
    Ok(Json(Owned::new(&channel, None)).into_response())
}

/// `DELETE /channels/{channel}.json`: answers with what was deleted.
pub async fn delete(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    authorised(&state, request).await?;
    let channel = state.store.delete_channel(id(&channel)?).await?;
    Ok(Json(Owned::new(&channel, None)).into_response())
}

/// `DELETE /channels/{channel}/feeds.json`.
pub async fn clear(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    authorised(&state, request).await?;
    state.store.clear_channel(id(&channel)?).await?;
    Ok(Json([(); 0]).into_response())
}

/// `GET /channels/public.json`.
pub async fn public(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let page = query.page.unwrap_or(1).max(1);
    let skip = u64::from(page - 1) * u64::from(PER_PAGE);
    let (channels, total) =
        look(&*state.store, Look::Short, move |view| view.public_channels(skip, PER_PAGE)).await?;
    Ok(Json(Page::new(page, total, &channels)).into_response())
}

fn id(channel: &str) -> Result<ChannelId, Refusal> {
    suffix(channel).0.parse().map_err(|_| Refusal::NotFound(format!("channel {channel} not found")))
}

/// Reads what the request says, and refuses it without a valid token: in a header, in the query or in the body.
async fn authorised(state: &State, request: Request) -> Result<ChannelForm, Refusal> {
    let (head, request_body) = request.into_parts();
    let mut form = ChannelForm::default();
    form.read_form(head.uri.query().unwrap_or_default().as_bytes());
    let kind = body::kind(&head);
    if kind != Kind::Other {
        let given = body::read(request_body, &state.bounds).await?;
        match kind {
            Kind::Json if !given.is_empty() => form.read_json(&given)?,
            _ => form.read_form(&given),
        }
    }
    auth::require_token(state, token(&head.headers).or(form.token)).await?;
    Ok(form)
}

fn token(headers: &HeaderMap) -> Option<SecretHash> {
    auth::bearer(headers).or_else(|| auth::key_in_headers(headers))
}
