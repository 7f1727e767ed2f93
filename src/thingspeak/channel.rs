//! Channels, as ThingSpeak's routes for their owner read and show them.

use serde::Serialize;

use super::parameters::{self, Name};
use crate::domain::channel::{Change, Channel};
use crate::domain::secret::{Secret, SecretHash};
use crate::domain::unit::UtcMillis;
use crate::domain::update::{FIELD_NAMES, UpdateError};
use crate::domain::zone::Zone;

/// Channels on one page of the list of public ones.
pub const PER_PAGE: u32 = 15;

/// What the owner wants a channel to be: the parameters of a request.
#[derive(Debug, Default)]
pub struct ChannelForm {
    /// The token, if a parameter holds it.
    pub token: Option<SecretHash>,
    /// The settings. What porta has no setting for, such as tags, is ignored.
    pub change: Change,
}

impl ChannelForm {
    /// Reads a query, or the body of a form.
    pub fn read_form(&mut self, encoded: &[u8]) {
        for (name, value) in form_urlencoded::parse(encoded) {
            self.set(&name, value.into_owned());
        }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`UpdateError`] when it is none, or a value in it is neither a text nor a number.
    pub fn read_json(&mut self, body: &[u8]) -> Result<(), UpdateError> {
        for (Name(name), value) in parameters::members(body)? {
            if is_setting(&name) {
                let text = parameters::text(&name, value)?.unwrap_or_default();
                self.set(&name, text.into_owned());
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) {
        let change = &mut self.change;
        match name {
            name if parameters::is_key(name) => self.token = Some(SecretHash::of(value.trim())),
            "name" => change.name = Some(value),
            "description" => change.description = Some(value),
            "latitude" => change.latitude = Some(Some(value)),
            "longitude" => change.longitude = Some(Some(value)),
            "elevation" => change.elevation = Some(Some(value)),
            "metadata" => change.metadata = Some(Some(value)),
            "public_flag" => change.public = Some(value.eq_ignore_ascii_case("true") || value == "1"),
            _ => {
                if let Some(index) = FIELD_NAMES.iter().position(|field| *field == name) {
                    change.set_label(index, value);
                }
            }
        }
    }
}

/// Whether a parameter of this name is read, so that others may hold whatever they like.
fn is_setting(name: &str) -> bool {
    const SETTINGS: [&str; 7] =
        ["name", "description", "latitude", "longitude", "elevation", "metadata", "public_flag"];
    parameters::is_key(name) || SETTINGS.contains(&name) || FIELD_NAMES.contains(&name)
}

/// A channel in a list.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    id: i64,
    name: &'a str,
    description: &'a str,
    latitude: Option<&'a str>,
    longitude: Option<&'a str>,
    created_at: String,
    elevation: Option<&'a str>,
    last_entry_id: Option<i64>,
}

impl<'a> Listed<'a> {
    /// As anybody may see a public one.
    pub fn new(channel: &'a Channel) -> Self {
        let settings = &channel.settings;
        Self {
            id: channel.id.0,
            name: &settings.name,
            description: &settings.description,
            latitude: settings.latitude.as_deref(),
            longitude: settings.longitude.as_deref(),
            created_at: utc(channel.created_at),
            elevation: settings.elevation.as_deref(),
            last_entry_id: Some(channel.last_entry_id).filter(|id| *id > 0),
        }
    }
}

/// A channel as its owner sees it.
#[derive(Debug, Serialize)]
pub struct Owned<'a> {
    #[serde(flatten)]
    listed: Listed<'a>,
    metadata: Option<&'a str>,
    public_flag: bool,
    api_keys: Vec<ShownKey<'a>>,
}

/// A key that is shown, the one time when it is created.
#[derive(Debug, Serialize)]
struct ShownKey<'a> {
    api_key: &'a str,
    write_flag: bool,
}

impl<'a> Owned<'a> {
    /// With the keys it was created with, write and read; without any later, since only their hashes are kept.
    pub fn new(channel: &'a Channel, keys: Option<(&'a Secret, &'a Secret)>) -> Self {
        let shown = |key: &'a Secret, write_flag| ShownKey { api_key: key.reveal(), write_flag };
        Self {
            listed: Listed::new(channel),
            metadata: channel.settings.metadata.as_deref(),
            public_flag: channel.settings.public,
            api_keys: keys.map_or(Vec::new(), |(write, read)| vec![shown(write, true), shown(read, false)]),
        }
    }
}

/// A page of public channels.
#[derive(Debug, Serialize)]
pub struct Page<'a> {
    pagination: Pagination,
    channels: Vec<Listed<'a>>,
}

#[derive(Debug, Serialize)]
struct Pagination {
    current_page: u32,
    per_page: u32,
    total_entries: u64,
}

impl<'a> Page<'a> {
    /// The page `current_page`, from 1, of `total_entries` channels.
    pub fn new(current_page: u32, total_entries: u64, channels: &'a [Channel]) -> Self {
        Self {
            pagination: Pagination { current_page, per_page: PER_PAGE, total_entries },
            channels: channels.iter().map(Listed::new).collect(),
        }
    }
}

fn utc(at: UtcMillis) -> String {
    let mut text = String::new();
    Zone::Utc.write_rfc3339(at, &mut text);
    text
}
