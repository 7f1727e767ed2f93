//! Keys that were made a moment ago. The answer to a form leads to the page that shows them, so that loading it once more, or in
//! another language, makes no other ones.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use minijinja::{Value, context};
use moka::sync::Cache;

use super::super::render;
use super::{address, find, id};
use crate::domain::channel::KeyKind;
use crate::domain::id::ChannelId;
use crate::domain::secret::Secret;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::path::Path;
use crate::server::session::{AdminPage, Session};

/// How long they can be looked at.
const SHOWN: Duration = Duration::from_secs(300);
/// Channels whose keys can be looked at at a time; of more, some are forgotten.
const CHANNELS_MAX: u64 = 256;

/// Keys, for the session that has made them.
pub struct FreshKeys(Cache<(String, ChannelId), Arc<Made>>);

/// What a form has made.
pub struct Made {
    /// Whether the channel was made along with them.
    pub is_new_channel: bool,
    /// In the order in which they are shown.
    pub keys: Vec<(KeyKind, Secret)>,
}

impl FreshKeys {
    /// None yet.
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(CHANNELS_MAX).time_to_live(SHOWN).build())
    }

    /// Keeps what was made, in the place of what the session has made in that channel before. Returns where it is shown.
    pub fn keep(&self, session: &Session, channel: ChannelId, made: Made) -> String {
        // It stands for the session, and opens nothing.
        self.0.insert((session.csrf.clone(), channel), Arc::new(made));
        format!("/admin/channels/{channel}/new-keys")
    }

    fn of(&self, session: &Session, channel: ChannelId) -> Option<Arc<Made>> {
        self.0.get(&(session.csrf.clone(), channel))
    }
}

/// `GET /admin/channels/{channel}/new-keys`: for some minutes, and for whoever has made them. Then, the channel.
pub async fn new_keys(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    arrival: Arrival,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    let channel = find(&state, id).await?;
    let Some(made) = state.fresh_keys.of(&session, id) else {
        return Ok(state.see_other(&format!("/admin/channels/{id}#keys")));
    };
    let keys = made.keys.iter().map(|(kind, key)| context! { kind => kind.as_str(), key => key.reveal() });
    let data = context! {
        id => id.0,
        name => channel.settings.name.as_str(),
        keys => keys.collect::<Vec<Value>>(),
        is_new => made.is_new_channel,
        server => address(&state, &arrival),
    };
    let page = render(&state, &headers, Some(&session), "channel_keys.html", data)?;
    // Nobody is to keep it.
    Ok(([(CACHE_CONTROL, "no-store")], page).into_response())
}
