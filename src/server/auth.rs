//! Who may: API keys of channels, admin tokens, and the bridge's token.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{Api, Plain, Refusal};
use super::forwarded::Arrival;
use super::{State, session};
use crate::clock;
use crate::domain::id::ChannelId;
use crate::domain::secret::SecretHash;
use crate::store::{Look, StoreError, View, look};

/// What the name of a header with an API key has in it. Header names are in lower case here.
const KEY_HEADER: &str = "thingspeakapikey";

/// The API key in a header, if there is one.
pub fn key_in_headers(headers: &HeaderMap) -> Option<SecretHash> {
    // Most names are shorter, and need not be searched.
    let is_key = |name: &str| name.len() >= KEY_HEADER.len() && name.contains(KEY_HEADER);
    let with_key = headers.iter().find(|(name, _)| is_key(name.as_str()));
    with_key.and_then(|(_, value)| hash(value))
}

/// The token of `Authorization: Bearer …`, if there is one.
pub fn bearer(headers: &HeaderMap) -> Option<SecretHash> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretHash::of(token.trim()))
}

fn hash(value: &HeaderValue) -> Option<SecretHash> {
    value.to_str().ok().map(|text| SecretHash::of(text.trim()))
}

/// Whether a reader may see a channel: a public one is open to all, a private one to its own keys, those for writing
/// too, and to administrators.
pub fn may_read(
    view: &dyn View,
    id: ChannelId,
    public: bool,
    presented: Option<SecretHash>,
) -> Result<bool, StoreError> {
    Ok(public
        || match presented {
            None => false,
            Some(key) => view.key(&key)?.is_some_and(|(opened, _)| opened == id) || view.is_token(&key)?,
        })
}

/// Refuses whoever does not present a valid admin token.
pub async fn require_token(state: &State, presented: Option<SecretHash>) -> Result<(), Refusal> {
    let token = presented.ok_or(Refusal::Unauthorized)?;
    let valid = look(&*state.store, Look::Short, move |view| view.is_token(&token)).await?;
    if valid { Ok(()) } else { Err(Refusal::Unauthorized) }
}

/// An administrator: a program by its bearer token, or a page's script by the session that it belongs to.
pub struct Admin;

impl FromRequestParts<Arc<State>> for Admin {
    type Rejection = Api;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        // A proxy may ask for a password of its own, in the same header by another scheme.
        if let Some(token) = bearer(&parts.headers) {
            require_token(state, Some(token)).await?;
            return Ok(Self);
        }
        let found = session::current(parts, state).await?.ok_or(Refusal::Unauthorized)?;
        session::require_admin(&found.session)?;
        session::require_own_script(parts, state, &found.session)?;
        Ok(Self)
    }
}

/// The header with the bridge's token. The token of `Authorization: Bearer …` is as good.
const BRIDGE_HEADER: HeaderName = HeaderName::from_static("x-porta-token");

/// An agent, by the bridge's token.
pub struct Agent;

impl FromRequestParts<Arc<State>> for Agent {
    type Rejection = Plain;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        let presented = match parts.headers.get(BRIDGE_HEADER) {
            // One that is no text is none that opens anything.
            Some(value) => Some(SecretHash::of(value.to_str().unwrap_or_default().trim())),
            None => bearer(&parts.headers),
        };
        let admitted = state.bridge.admit(presented);
        if matches!(admitted, Err(Refusal::TokenInvalid))
            && let Some(since) = state.bridge.count_wrong_token(clock::instant())
        {
            let client = Arrival::of(parts, state).shown_client();
            tracing::warn!(client, since, "a wrong bridge token was presented");
        }
        admitted?;
        Ok(Self)
    }
}
