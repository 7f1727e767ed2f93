//! One update of a channel, as a device sent it.

use super::channel::FIELDS;

/// Bytes of one field value.
pub const VALUE_BYTES_MAX: usize = 255;

/// What an update stores: up to eight values, verbatim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// `values[0]` is `field1`; `None` where the device sent nothing.
    pub values: Box<[Option<String>; FIELDS]>,
}

/// Why an update cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A value over [`VALUE_BYTES_MAX`].
    #[error("field{field} has {bytes} bytes, at most {VALUE_BYTES_MAX} are stored")]
    ValueTooLong {
        /// 1 to 8.
        field: usize,
        /// Its length.
        bytes: usize,
    },
    /// No `field1` to `field8` among the parameters.
    #[error("the update has none of field1 to field8")]
    Empty,
}

/// Index of a parameter that names a field: `field1`..`field8`, or `1`..`8` for short.
fn field_index(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("field").unwrap_or(name);
    match digits.as_bytes() {
        [digit @ b'1'..=b'8'] => Some(usize::from(digit - b'1')),
        _ => None,
    }
}

impl Update {
    /// Takes one request parameter. Returns whether it named a field; of a field sent twice the last value stands.
    ///
    /// # Errors
    /// When the value is longer than [`VALUE_BYTES_MAX`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, UpdateError> {
        let Some(index) = field_index(name) else { return Ok(false) };
        if value.len() > VALUE_BYTES_MAX {
            return Err(UpdateError::ValueTooLong { field: index + 1, bytes: value.len() });
        }
        self.values[index] = Some(value.to_owned());
        Ok(true)
    }

    /// The update, if it has anything to store.
    ///
    /// # Errors
    /// [`UpdateError::Empty`] when no field was set.
    pub fn complete(self) -> Result<Self, UpdateError> {
        if self.values.iter().all(Option::is_none) { Err(UpdateError::Empty) } else { Ok(self) }
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
    fn other_parameters_are_not_fields() {
        let mut update = Update::default();
        for name in
            ["field0", "field9", "field10", "field", "0", "9", "Field1", "api_key", "status", "fieldfield1"]
        {
            assert_eq!(update.set(name, "1"), Ok(false), "{name}");
        }
        assert_eq!(update.complete(), Err(UpdateError::Empty));
    }

    #[test]
    fn a_value_is_at_most_255_bytes() {
        let mut update = Update::default();
        assert_eq!(update.set("field2", &"x".repeat(255)), Ok(true));
        assert_eq!(
            update.set("field2", &"x".repeat(256)),
            Err(UpdateError::ValueTooLong { field: 2, bytes: 256 })
        );
    }
}
