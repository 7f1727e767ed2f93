//! What devices send: one update, or many.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::body::{self, Kind};
use super::error::{Cause, Refusal};
use super::path::Path;
use super::{State, auth};
use crate::clock;
use crate::domain::id::ChannelId;
use crate::domain::unit::UtcMillis;
use crate::domain::zone::Zone;
use crate::store::StoreError;
use crate::thingspeak::bulk::{self, Bulk, BulkError};
use crate::thingspeak::feed::{self, Format};
use crate::thingspeak::update::Draft;

/// `GET` or `POST /update`: stores one entry and answers with its id as text, or with the entry as JSON or XML, once it
/// is committed. Parameters come from the query and from a form or JSON body; the body's win.
pub async fn update(Extract(state): Extract<Arc<State>>, request: Request) -> Result<Response, Refusal> {
    let (head, request_body) = request.into_parts();
    let mut draft = Draft::with_key(auth::key_in_headers(&head.headers));
    draft.read_form(head.uri.query().unwrap_or_default().as_bytes())?;
    match body::kind(&head) {
        Kind::Form => draft.read_form(&body::read(request_body, &state.bounds).await?)?,
        Kind::Json => {
            let json = body::read(request_body, &state.bounds).await?;
            if !json.is_empty() {
                draft.read_json(&json)?;
            }
        }
        Kind::Other => {}
    }
    let (key, update) = draft.finish();
    let key = key.ok_or(Refusal::Key)?;
    let update = update?;
    let format = body::suffix(head.uri.path()).1.unwrap_or(Format::Text);
    let shown = (format != Format::Text).then(|| update.clone());
    let stored = match state.store.append(key, update).await {
        Ok(stored) => stored,
        Err(StoreError::NotFound(_)) => return Err(Refusal::Key),
        Err(error) => return Err(error.into()),
    };
    Ok(match shown {
        None => stored.id.to_string().into_response(),
        Some(update) => {
            let record = feed::stored(&stored, &update);
            body::respond(format, false, feed::one(format, &Zone::Utc, "feed", &record, None))
        }
    })
}

/// `POST /channels/{channel}/bulk_update.json`.
pub async fn bulk_json(
    state: Extract<Arc<State>>,
    channel: Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    bulk_update(state, channel, request, bulk::read_json).await
}

/// `POST /channels/{channel}/bulk_update.csv`.
pub async fn bulk_csv(
    state: Extract<Arc<State>>,
    channel: Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    bulk_update(state, channel, request, bulk::read_csv).await
}

/// Stores all updates of a request or none.
async fn bulk_update(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
    read: fn(&[u8], UtcMillis) -> Result<Bulk, BulkError>,
) -> Result<Response, Refusal> {
    // So many large bodies at once are in memory, and no more: the place goes with the updates, which may stay in the
    // writer's queue when the client has gone.
    let place = Arc::clone(&state.bulk_updates).try_acquire_owned();
    let place = place.map_err(|_| Refusal::Unavailable(Cause::word("bulk_updates")))?;
    let channel: ChannelId = channel.parse().map_err(|_| Refusal::Unauthorized)?;
    let (head, request_body) = request.into_parts();
    let given = body::read_bulk(request_body, &state.bounds).await?;
    let in_header = auth::key_in_headers(&head.headers);
    let bulk = tokio::task::spawn_blocking(move || read(&given, clock::utc()).map(|bulk| (bulk, place)));
    let (bulk, place) =
        bulk.await.map_err(|error| Refusal::Internal(format!("a bulk update was not read: {error}")))??;
    let key = in_header.or(bulk.key).ok_or(Refusal::Unauthorized)?;
    let updates = Box::new(bulk.updates.into_iter().map(move |update| {
        let _held = &place;
        Ok(update)
    }));
    match state.store.append_all(channel, Some(key), updates).await {
        // Whether there is such a channel is nobody's business without its key.
        Err(StoreError::NotFound(_)) => Err(Refusal::Unauthorized),
        // Devices that send many at once look at the status.
        Err(StoreError::TooSoon) => Err(Refusal::TooMany),
        Err(error) => Err(error.into()),
        Ok(_) => {
            let json = [(CONTENT_TYPE, "application/json; charset=utf-8")];
            Ok((StatusCode::ACCEPTED, json, "{\"success\":true}").into_response())
        }
    }
}
