//! One update of a channel, as a device sent it.

use super::channel::FIELDS;
use super::unit::UtcMillis;

/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 255;

/// Names of the fields, in their order.
pub const FIELD_NAMES: [&str; FIELDS] =
    ["field1", "field2", "field3", "field4", "field5", "field6", "field7", "field8"];

/// Names of what an update stores besides, in the order of [`Update::texts`].
pub const TEXT_NAMES: [&str; 4] = ["latitude", "longitude", "elevation", "status"];

/// What an update stores: up to eight values, verbatim, and what comes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// `values[0]` is `field1`; `None` where the device sent nothing.
    pub values: Box<[Option<String>; FIELDS]>,
    /// Few devices send any of it.
    pub details: Option<Box<Details>>,
}

/// Where and when an update was made, and what its device says of itself. Texts are verbatim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Degrees.
    pub latitude: Option<String>,
    /// Degrees.
    pub longitude: Option<String>,
    /// Metres.
    pub elevation: Option<String>,
    /// A message.
    pub status: Option<String>,
    /// The device's own time; `None` takes the time of arrival.
    pub created_at: Option<UtcMillis>,
}

/// Why an update cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A value over [`VALUE_BYTES_MAX`].
    #[error("{name} has {bytes} bytes, at most {VALUE_BYTES_MAX} are stored")]
    ValueTooLong {
        /// `field1`, `status`, …
        name: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A time or a zone that cannot be read; the text says what to write.
    #[error("{0}")]
    Time(String),
    /// A parameter that is neither text nor a number.
    #[error("{0} is neither a text nor a number")]
    NotAValue(String),
    /// The body is not what its content type says.
    #[error("the body cannot be read: {0}")]
    Syntax(String),
    /// No `field1` to `field8` among the parameters, nor a position or a status.
    #[error("the update has none of field1 to field8, and neither a position nor a status")]
    Empty,
}

/// The place of a field that is named `field1`..`field8`, or `1`..`8` for short; from 0.
pub fn field_index(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("field").unwrap_or(name);
    match digits.as_bytes() {
        [digit @ b'1'..=b'8'] => Some(usize::from(digit - b'1')),
        _ => None,
    }
}

/// Whether an update stores a parameter of this name.
pub fn is_stored(name: &str) -> bool {
    field_index(name).is_some()
        || matches!(name, "lat" | "latitude" | "long" | "longitude" | "elevation" | "status")
}

impl Update {
    /// Takes one request parameter. Returns whether it is one that is stored; of one sent twice the last value stands.
    ///
    /// # Errors
    /// When the value is longer than [`VALUE_BYTES_MAX`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, UpdateError> {
        let (name, place) = if let Some(index) = field_index(name) {
            (FIELD_NAMES[index], &mut self.values[index])
        } else {
            match name {
                "lat" | "latitude" => ("latitude", &mut self.details_mut().latitude),
                "long" | "longitude" => ("longitude", &mut self.details_mut().longitude),
                "elevation" => ("elevation", &mut self.details_mut().elevation),
                "status" => ("status", &mut self.details_mut().status),
                _ => return Ok(false),
            }
        };
        if value.len() > VALUE_BYTES_MAX {
            return Err(UpdateError::ValueTooLong { name, bytes: value.len() });
        }
        *place = Some(value.to_owned());
        Ok(true)
    }

    /// Gives the update a time of its own.
    pub fn set_created_at(&mut self, at: UtcMillis) {
        self.details_mut().created_at = Some(at);
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The time it was given, if it was.
    pub fn created_at(&self) -> Option<UtcMillis> {
        self.details.as_ref().and_then(|details| details.created_at)
    }

    /// Latitude, longitude, elevation and status.
    pub fn texts(&self) -> [Option<&str>; 4] {
        self.details.as_ref().map_or([None; 4], |details| {
            [&details.latitude, &details.longitude, &details.elevation, &details.status]
                .map(|text| text.as_deref())
        })
    }

    /// The update, if it has anything to store.
    ///
    /// # Errors
    /// [`UpdateError::Empty`] when it has no field, position or status.
    pub fn complete(self) -> Result<Self, UpdateError> {
        let something = self.values.iter().any(Option::is_some) || self.texts().iter().any(Option::is_some);
        if something { Ok(self) } else { Err(UpdateError::Empty) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_verbatim_under_both_names() {
        let mut update = Update::default();
        assert_eq!(update.set("field1", " 1,50 "), Ok(true));
        assert_eq!(update.set("8", ""), Ok(true));
        assert_eq!(update.set("field1", "2"), Ok(true));
        assert_eq!(update.values[0].as_deref(), Some("2"));
        assert_eq!(update.values[7].as_deref(), Some(""));
        assert!(update.complete().is_ok());
    }

    #[test]
    fn a_position_or_a_status_is_something_to_store() {
        let mut update = Update::default();
        assert_eq!(update.set("lat", "40.44"), Ok(true));
        assert_eq!(update.set("longitude", "-79.9965"), Ok(true));
        assert_eq!(update.set("status", "on"), Ok(true));
        assert_eq!(update.texts(), [Some("40.44"), Some("-79.9965"), None, Some("on")]);
        assert!(update.complete().is_ok());
        let mut only_a_time = Update::default();
        only_a_time.set_created_at(UtcMillis(1));
        assert_eq!(only_a_time.complete(), Err(UpdateError::Empty));
    }

    #[test]
    fn other_parameters_are_not_stored() {
        let mut update = Update::default();
        for name in
            ["field0", "field9", "field10", "field", "0", "9", "Field1", "api_key", "tweet", "fieldfield1"]
        {
            assert_eq!(update.set(name, "1"), Ok(false), "{name}");
            assert!(!is_stored(name), "{name}");
        }
        for name in ["field1", "8", "lat", "latitude", "long", "longitude", "elevation", "status"] {
            assert_eq!(Update::default().set(name, "1"), Ok(is_stored(name)), "{name}");
        }
        assert_eq!(update.complete(), Err(UpdateError::Empty));
    }

    #[test]
    fn a_value_is_at_most_255_bytes() {
        let mut update = Update::default();
        assert_eq!(update.set("field2", &"x".repeat(255)), Ok(true));
        for (name, full) in [("2", "field2"), ("status", "status"), ("lat", "latitude")] {
            let error = UpdateError::ValueTooLong { name: full, bytes: 256 };
            assert_eq!(update.set(name, &"x".repeat(256)), Err(error));
        }
    }
}
