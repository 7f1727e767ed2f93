//! Channels: what devices write to.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::id::{ChannelId, KeyId, RunId};
use super::number;
use super::secret::Secret;
use super::unit::UtcMillis;
use super::zone::Zone;

/// Fields of a channel, and values of an entry.
pub const FIELDS: usize = 8;
/// Bytes of a channel's or token's name, and of a label.
pub const NAME_BYTES_MAX: usize = 255;
/// The highest number that a channel can be given, so that there are always higher ones: what JavaScript can count.
pub const CHANNEL_ID_MAX: i64 = (1 << 53) - 1;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 1024;
/// Bytes of metadata.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;
/// The longest retention and the longest interval between updates, a hundred years.
pub const PERIOD_MS_MAX: i64 = 100 * 365 * 86_400_000;

/// What the owner of a channel decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChannelSettings)]
pub struct Settings {
    /// 1 to [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// At most [`DESCRIPTION_BYTES_MAX`] bytes.
    pub description: String,
    /// Whether it can be read without a key.
    pub public: bool,
    /// The IANA name of the zone in which its times are shown, where a request names none.
    pub timezone: String,
    /// `field1` to `field8`: labels; a field without one does not appear in feeds.
    #[serde(flatten)]
    pub labels: Labels,
    /// Degrees.
    pub latitude: Option<String>,
    /// Degrees.
    pub longitude: Option<String>,
    /// Metres.
    pub elevation: Option<String>,
    /// Anything the owner wants to note; at most [`METADATA_BYTES_MAX`] bytes.
    pub metadata: Option<String>,
    /// Milliseconds after which entries are deleted; `None` keeps all.
    pub retention_ms: Option<i64>,
    /// Milliseconds that must lie between two updates; `None` does not limit.
    pub update_interval_ms: Option<i64>,
}

/// The labels of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[allow(missing_docs, reason = "they are what they are called")]
#[schema(as = FieldLabels)]
pub struct Labels {
    pub field1: Option<String>,
    pub field2: Option<String>,
    pub field3: Option<String>,
    pub field4: Option<String>,
    pub field5: Option<String>,
    pub field6: Option<String>,
    pub field7: Option<String>,
    pub field8: Option<String>,
}

impl Labels {
    /// In their order.
    pub fn each(&self) -> [Option<&str>; FIELDS] {
        let Self { field1, field2, field3, field4, field5, field6, field7, field8 } = self;
        [field1, field2, field3, field4, field5, field6, field7, field8].map(|label| label.as_deref())
    }

    fn each_mut(&mut self) -> [&mut Option<String>; FIELDS] {
        let Self { field1, field2, field3, field4, field5, field6, field7, field8 } = self;
        [field1, field2, field3, field4, field5, field6, field7, field8]
    }
}

impl From<[Option<String>; FIELDS]> for Labels {
    fn from(
        [field1, field2, field3, field4, field5, field6, field7, field8]: [Option<String>; FIELDS],
    ) -> Self {
        Self { field1, field2, field3, field4, field5, field6, field7, field8 }
    }
}

impl Settings {
    /// Private, in UTC, all eight fields labelled, everything kept.
    pub fn new(name: String) -> Self {
        let labels = std::array::from_fn(|index| Some(format!("Field {}", index + 1)));
        Self {
            name,
            description: String::new(),
            public: false,
            timezone: "UTC".into(),
            labels: labels.into(),
            latitude: None,
            longitude: None,
            elevation: None,
            metadata: None,
            retention_ms: None,
            update_interval_ms: None,
        }
    }

    /// The settings with a change made to them.
    ///
    /// # Errors
    /// [`SettingError`] for the first value that cannot be.
    pub fn changed(mut self, change: Change) -> Result<Self, SettingError> {
        set(&mut self.name, change.name);
        set(&mut self.description, change.description);
        set(&mut self.public, change.public);
        set(&mut self.timezone, change.timezone);
        let Change { field1, field2, field3, field4, field5, field6, field7, field8, .. } = change;
        let labels = [field1, field2, field3, field4, field5, field6, field7, field8];
        for (label, change) in self.labels.each_mut().into_iter().zip(labels) {
            set(label, change.map(not_empty));
        }
        set(&mut self.latitude, change.latitude.map(not_empty));
        set(&mut self.longitude, change.longitude.map(not_empty));
        set(&mut self.elevation, change.elevation.map(not_empty));
        set(&mut self.metadata, change.metadata.map(not_empty));
        set(&mut self.retention_ms, change.retention_ms);
        set(&mut self.update_interval_ms, change.update_interval_ms);
        self.check()?;
        Ok(self)
    }

    /// Whether every value can be.
    ///
    /// # Errors
    /// [`SettingError`] for the first that cannot.
    pub fn check(&self) -> Result<(), SettingError> {
        let wrong = |field: &'static str| move |message: String| SettingError { field, message };
        check_name(&self.name).map_err(wrong("name"))?;
        check_length(&self.description, DESCRIPTION_BYTES_MAX).map_err(wrong("description"))?;
        Zone::named(&self.timezone).map_err(wrong("timezone"))?;
        for (label, field) in self.labels.each().into_iter().zip(super::update::FIELD_NAMES) {
            label.map_or(Ok(()), check_name).map_err(wrong(field))?;
        }
        check_degrees(self.latitude.as_deref(), 90.0).map_err(wrong("latitude"))?;
        check_degrees(self.longitude.as_deref(), 180.0).map_err(wrong("longitude"))?;
        check_degrees(self.elevation.as_deref(), 1e6).map_err(wrong("elevation"))?;
        let metadata = self.metadata.as_deref().unwrap_or_default();
        check_length(metadata, METADATA_BYTES_MAX).map_err(wrong("metadata"))?;
        check_period(self.retention_ms).map_err(wrong("retention_ms"))?;
        check_period(self.update_interval_ms).map_err(wrong("update_interval_ms"))
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A change of settings: what is absent stays. A label or a place that is `null` or empty is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "as in Settings")]
#[schema(as = ChannelChange)]
pub struct Change {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub public: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub timezone: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub field1: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field2: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field3: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field4: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field5: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field6: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field7: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub field8: Option<Option<String>>,
    #[serde(default, deserialize_with = "given_number")]
    #[schema(schema_with = number_or_text)]
    pub latitude: Option<Option<String>>,
    #[serde(default, deserialize_with = "given_number")]
    #[schema(schema_with = number_or_text)]
    pub longitude: Option<Option<String>>,
    #[serde(default, deserialize_with = "given_number")]
    #[schema(schema_with = number_or_text)]
    pub elevation: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub metadata: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub retention_ms: Option<Option<i64>>,
    #[serde(default, deserialize_with = "given")]
    pub update_interval_ms: Option<Option<i64>>,
}

/// Tells `null` from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Takes no `null`: there is always one.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// As [`given`]; a number can be written as a text or as a number.
fn given_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number")]
    enum Written {
        Text(String),
        Whole(i64),
        Decimal(f64),
    }
    let written = Option::<Written>::deserialize(deserializer)?;
    Ok(Some(written.map(|written| match written {
        Written::Text(text) => text,
        Written::Whole(number) => number.to_string(),
        Written::Decimal(number) => number.to_string(),
    })))
}

/// What [`given_number`] takes.
fn number_or_text() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .description(Some("A number, or the text of one"))
        .build()
}

impl Change {
    /// Sets the label of a field, from 0.
    pub fn set_label(&mut self, index: usize, label: String) {
        let Self { field1, field2, field3, field4, field5, field6, field7, field8, .. } = self;
        if let Some(place) =
            [field1, field2, field3, field4, field5, field6, field7, field8].into_iter().nth(index)
        {
            *place = Some(Some(label));
        }
    }
}

/// A setting that cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SettingError {
    /// Which.
    pub field: &'static str,
    /// Why, and what can be.
    pub message: String,
}

/// A channel that is about to be created.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// The number it is to have, where devices know it under one already; `None` takes the next.
    pub id: Option<ChannelId>,
    /// What its owner decides.
    pub settings: Settings,
    /// Opens the channel for writing.
    pub write_key: Secret,
    /// Opens the channel for reading.
    pub read_key: Secret,
}

impl NewChannel {
    /// Whether it can be created as it is.
    ///
    /// # Errors
    /// [`SettingError`] for the first value that cannot be.
    pub fn check(&self) -> Result<(), SettingError> {
        if self.id.is_some_and(|id| id.0 > CHANNEL_ID_MAX) {
            let message = format!("write a number up to {CHANNEL_ID_MAX}");
            return Err(SettingError { field: "id", message });
        }
        self.settings.check()
    }
}

/// A channel as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Channel {
    /// Unique in the database.
    pub id: ChannelId,
    /// What its owner has decided.
    #[serde(flatten)]
    pub settings: Settings,
    /// The `entry_id` of the newest entry, 0 while there is none.
    pub last_entry_id: i64,
    /// When it was created.
    pub created_at: UtcMillis,
    /// When its settings last changed, or entries were taken away other than by retention. It always goes up.
    pub updated_at: UtcMillis,
}

/// A channel in a long list: without what makes it large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedChannel {
    /// As [`Channel::id`].
    pub id: ChannelId,
    /// As [`Settings::name`].
    pub name: String,
    /// As [`Settings::public`].
    pub public: bool,
    /// As [`Channel::last_entry_id`].
    pub last_entry_id: i64,
}

/// What of a channel tells whether an answer about it still holds, and whether it needs a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    /// As [`Settings::public`].
    pub public: bool,
    /// As [`Settings::retention_ms`].
    pub retention_ms: Option<i64>,
    /// As [`Channel::last_entry_id`].
    pub last_entry_id: i64,
    /// As [`Channel::updated_at`].
    pub updated_at: UtcMillis,
}

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Writing, and reading its own channel.
    Write,
    /// Reading.
    Read,
}

impl KeyKind {
    /// The word in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// An API key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKey {
    /// Unique in the database.
    pub id: KeyId,
    /// What it belongs to.
    pub channel_id: ChannelId,
    /// What it opens.
    pub kind: KeyKind,
    /// Its first characters.
    pub prefix: String,
    /// When it was created.
    pub created_at: UtcMillis,
    /// The run that a server has made it for, and with which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
}

/// Checks the name of a channel or a token, or the label of a field.
///
/// # Errors
/// When it is empty, too long, or has control characters; the text says which.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("it needs a name".into());
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has at most {NAME_BYTES_MAX} bytes, this one has {}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("a name has no control characters".into());
    }
    Ok(())
}

fn check_length(text: &str, bytes_max: usize) -> Result<(), String> {
    if text.len() > bytes_max {
        return Err(format!("it has at most {bytes_max} bytes, this has {}", text.len()));
    }
    Ok(())
}

fn check_degrees(text: Option<&str>, max: f64) -> Result<(), String> {
    let Some(text) = text else { return Ok(()) };
    let number = number::parse(text).filter(|number| !number.comma && number.value.abs() <= max);
    number.map(|_| ()).ok_or_else(|| format!("write a number from -{max} to {max}"))
}

fn check_period(period_ms: Option<i64>) -> Result<(), String> {
    match period_ms {
        Some(ms) if !(1..=PERIOD_MS_MAX).contains(&ms) => {
            Err(format!("write milliseconds from 1 to {PERIOD_MS_MAX}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_bounds() {
        assert!(check_name("greenhouse").is_ok());
        assert!(check_name(&"x".repeat(NAME_BYTES_MAX)).is_ok());
        for bad in [String::new(), "  ".into(), "a\nb".into(), "x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(check_name(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_change_touches_what_it_names() {
        let change: Change = serde_json::from_str(
            r#"{"public": true, "field2": "Humidity", "field3": null, "field4": "", "retention_ms": 1000}"#,
        )
        .expect("a change");
        let before = Settings::new("a".into());
        let after = before.clone().changed(change).expect("settings");
        let labels = after.labels.each();
        assert_eq!(labels[..5], [Some("Field 1"), Some("Humidity"), None, None, Some("Field 5")]);
        assert_eq!((after.public, after.retention_ms, after.name.as_str()), (true, Some(1000), "a"));
        let back: Change = serde_json::from_str(r#"{"retention_ms": null}"#).expect("a change");
        assert_eq!(after.changed(back).expect("settings").retention_ms, None);
        assert_eq!(before.clone().changed(Change::default()), Ok(before));
        for refused in [r#"{"nam": "x"}"#, r#"{"name": null}"#, r#"{"public": null}"#, r#"{"latitude": []}"#]
        {
            assert!(serde_json::from_str::<Change>(refused).is_err(), "{refused}");
        }
        let place: Change =
            serde_json::from_str(r#"{"latitude": 52.5, "longitude": -13}"#).expect("a change");
        assert_eq!((place.latitude, place.longitude), (Some(Some("52.5".into())), Some(Some("-13".into()))));
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        for (json, field) in [
            (r#"{"name": ""}"#, "name"),
            (r#"{"timezone": "Mars/Olympus"}"#, "timezone"),
            (r#"{"field8": "a\u0000"}"#, "field8"),
            (r#"{"latitude": "90.1"}"#, "latitude"),
            (r#"{"longitude": "east"}"#, "longitude"),
            (r#"{"elevation": "1,5"}"#, "elevation"),
            (r#"{"retention_ms": 0}"#, "retention_ms"),
            (r#"{"update_interval_ms": -1}"#, "update_interval_ms"),
        ] {
            let change = serde_json::from_str(json).expect("a change");
            let error = Settings::new("a".into()).changed(change).expect_err(json);
            assert_eq!(error.field, field);
        }
        let long = Change { description: Some("x".repeat(DESCRIPTION_BYTES_MAX + 1)), ..Change::default() };
        assert_eq!(Settings::new("a".into()).changed(long).expect_err("too long").field, "description");
    }
}
