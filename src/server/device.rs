//! What devices call.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State as Extract};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;

use super::State;
use super::error::Refusal;
use crate::domain::secret::SecretHash;
use crate::domain::update::Update;
use crate::store::StoreError;

const FORM: &str = "application/x-www-form-urlencoded";

/// `GET` or `POST /update`: stores one entry and answers with its id, as text, once it is committed. Parameters come
/// from the query and from a form body; the body's win.
pub async fn update(Extract(state): Extract<Arc<State>>, request: Request) -> Result<String, Refusal> {
    let mut update = Update::default();
    let mut key = None;
    read_parameters(request.uri().query().unwrap_or_default().as_bytes(), &mut update, &mut key)?;
    if request.headers().get(CONTENT_TYPE).is_some_and(is_form) {
        let body = Bytes::from_request(request, &()).await;
        let body = body.map_err(|rejection| Refusal::Body(rejection.status(), rejection.body_text()))?;
        read_parameters(&body, &mut update, &mut key)?;
    }
    let key = key.ok_or(Refusal::Key)?;
    let update = update.complete()?;
    match state.store.append(key, update).await {
        Ok(entry_id) => Ok(entry_id.to_string()),
        Err(StoreError::NotFound(_)) => Err(Refusal::Key),
        Err(error) => Err(error.into()),
    }
}

fn is_form(content_type: &HeaderValue) -> bool {
    let media_type = content_type.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(FORM)
}

fn read_parameters(encoded: &[u8], update: &mut Update, key: &mut Option<SecretHash>) -> Result<(), Refusal> {
    for (name, value) in form_urlencoded::parse(encoded) {
        match &*name {
            "api_key" | "key" | "apikey" => *key = Some(SecretHash::of(&value)),
            name => {
                update.set(name, &value)?;
            }
        }
    }
    Ok(())
}
