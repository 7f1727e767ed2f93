//! What forms change: new channels, settings, and the end of entries and channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{Value, context};

use super::super::render;
use super::fresh_keys::Made;
use super::{Shown, address, channel_page, find, id, list_page};
use crate::domain::channel::{Change, FIELDS, KeyKind, SettingError, Settings};
use crate::domain::id::ChannelId;
use crate::domain::unit;
use crate::entropy;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::path::Path;
use crate::server::session::{AdminPage, Form, Session};
use crate::store::StoreError;

/// What a form has sent: what is absent is empty.
type Input = BTreeMap<String, String>;

/// `POST /admin/channels`: a new channel. The answer leads to its keys.
pub async fn create(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(input): Form<Input>,
) -> Result<Response, Refusal> {
    let wrong = async |wrong: SettingError| -> Result<Response, Refusal> {
        let page = list_page(&state, &headers, &session, 1, written(&input, &wrong)).await?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let name = input.get("name").map_or("", |name| name.trim());
    let mut change = labels(&input);
    change.description = input.get("description").map(|text| text.trim().to_owned());
    let settings = match Settings::new(name.into()).changed(change) {
        Ok(settings) => settings,
        Err(error) => return wrong(error).await,
    };
    let new = entropy::new_channel(None, settings).map_err(Refusal::Internal)?;
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
    let channel = match state.store.create_channel(new).await {
        Err(StoreError::Setting(error)) => return wrong(error).await,
        created => created?,
    };
    let keys = vec![(KeyKind::Write, write_key), (KeyKind::Read, read_key)];
    let made = Made { is_new_channel: true, keys };
    Ok(state.see_other(&state.fresh_keys.keep(&session, channel.id, made)))
}

/// `POST /admin/channels/{channel}/settings`.
pub async fn change(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    arrival: Arrival,
    Form(input): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    let changed = match settings(&input) {
        Ok(change) => state.store.change_channel(id, change).await,
        Err(wrong) => Err(wrong.into()),
    };
    match changed {
        Ok(_) => Ok(state.see_other(&format!("/admin/channels/{id}#settings"))),
        Err(StoreError::Setting(wrong)) => {
            let (shown, server) = (Shown::default(), address(&state, &arrival));
            let page =
                channel_page(&state, &headers, &session, id, &shown, (&server, written(&input, &wrong)))
                    .await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// What the form of the settings says. What it does not have stays.
fn settings(input: &Input) -> Result<Change, SettingError> {
    let text = |name: &str| input.get(name).map(|text| text.trim().to_owned());
    let retention_ms = match text("retention").as_deref() {
        None => None,
        Some("") => Some(None),
        Some(text) => {
            let wrong = |message| SettingError { field: "retention_ms", message };
            let retention = unit::parse_duration(text).map_err(wrong)?;
            Some(Some(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX)))
        }
    };
    Ok(Change {
        name: text("name"),
        description: text("description"),
        // A box that is not ticked is not sent.
        public: Some(input.contains_key("public")),
        timezone: text("timezone"),
        retention_ms,
        ..labels(input)
    })
}

fn labels(input: &Input) -> Change {
    let mut change = Change::default();
    for index in 0..FIELDS {
        if let Some(label) = input.get(&format!("field{}", index + 1)) {
            change.set_label(index, label.trim().to_owned());
        }
    }
    change
}

/// What somebody has written into a form, and what of it cannot be.
fn written(input: &Input, wrong: &SettingError) -> Value {
    let text = |name: &str| input.get(name).map(String::as_str).unwrap_or_default();
    let labels = (0..FIELDS).map(|index| text(&format!("field{}", index + 1)).to_owned());
    let field = if wrong.field.starts_with("field") { "labels" } else { wrong.field };
    context! {
        name => text("name"),
        description => text("description"),
        public => input.contains_key("public"),
        timezone => text("timezone"),
        retention => text("retention"),
        labels => labels.collect::<Vec<_>>(),
        wrong => field,
        wrong_field => wrong.field,
    }
}

/// `GET /admin/channels/{channel}/clear`: what will be lost.
pub async fn may_clear(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    ask(&state, &headers, &session, id(&channel)?, "clear").await
}

/// `GET /admin/channels/{channel}/delete`: what will be lost.
pub async fn may_delete(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    ask(&state, &headers, &session, id(&channel)?, "delete").await
}

async fn ask(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    id: ChannelId,
    what: &str,
) -> Result<Html<String>, Refusal> {
    let channel = find(state, id).await?;
    let data = context! {
        id => id.0,
        name => channel.settings.name.as_str(),
        what,
        entries => state.store.count_entries(id).await?,
        keys => state.store.keys(id).await?.len(),
    };
    render(state, headers, Some(session), "channel_confirm.html", data)
}

/// `POST /admin/channels/{channel}/clear`.
pub async fn clear(
    AdminPage(_): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    Form(_): Form<Input>,
) -> Result<Response, Refusal> {
    let id = id(&channel)?;
    state.store.clear_channel(id).await?;
    Ok(state.see_other(&format!("/admin/channels/{id}")))
}

/// `POST /admin/channels/{channel}/delete`.
pub async fn delete(
    AdminPage(_): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    Form(_): Form<Input>,
) -> Result<Response, Refusal> {
    state.store.delete_channel(id(&channel)?).await?;
    Ok(state.see_other("/admin/channels"))
}
