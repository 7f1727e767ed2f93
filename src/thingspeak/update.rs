//! `/update`: what a device sends, as a form or as JSON.

use super::parameters::{self, Name};
use crate::domain::secret::SecretHash;
use crate::domain::update::{Update, UpdateError, is_stored};
use crate::domain::zone::Zone;

/// The parameters read so far, in any order; of one sent twice the last stands.
#[derive(Debug, Default)]
pub struct Draft {
    key: Option<SecretHash>,
    update: Update,
    created_at: Option<String>,
    timezone: Option<String>,
}

impl Draft {
    /// Takes a key that came by other means than a parameter. Parameters do not replace it.
    pub fn with_key(key: Option<SecretHash>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Reads a query, or the body of a form. Nothing in it is wrong syntax: stray `%` and raw spaces stand for themselves.
    ///
    /// # Errors
    /// [`UpdateError::ValueTooLong`].
    pub fn read_form(&mut self, encoded: &[u8]) -> Result<(), UpdateError> {
        let given = self.key;
        for (name, value) in form_urlencoded::parse(encoded) {
            self.set(&name, &value)?;
        }
        self.key = given.or(self.key);
        Ok(())
    }

    /// Reads a JSON object of texts and numbers. Numbers are kept as they are written.
    ///
    /// # Errors
    /// [`UpdateError::Syntax`], [`UpdateError::NotAValue`], [`UpdateError::ValueTooLong`].
    pub fn read_json(&mut self, body: &[u8]) -> Result<(), UpdateError> {
        let given = self.key;
        for (Name(name), value) in parameters::members(body)? {
            if is_parameter(&name)
                && let Some(text) = parameters::text(&name, value)?
            {
                self.set(&name, &text)?;
            }
        }
        self.key = given.or(self.key);
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), UpdateError> {
        match name {
            name if parameters::is_key(name) => self.key = Some(SecretHash::of(value.trim())),
            "created_at" => self.created_at = Some(value.to_owned()),
            "timezone" => self.timezone = Some(value.to_owned()),
            // `twitter`, `tweet`, `talkback_key`, `headers` and whatever else a device sends is not stored.
            name => _ = self.update.set(name, value)?,
        }
        Ok(())
    }

    /// The key, if there was one, and the update. Empty times and zones are none.
    ///
    /// # Errors
    /// [`UpdateError::Time`], and [`UpdateError::Empty`] when there is nothing to store.
    pub fn finish(self) -> (Option<SecretHash>, Result<Update, UpdateError>) {
        (self.key, self.update())
    }

    fn update(self) -> Result<Update, UpdateError> {
        let mut update = self.update;
        if let Some(created_at) = self.created_at.filter(|text| !text.trim().is_empty()) {
            let zone = match self.timezone.as_deref() {
                None | Some("") => Zone::Utc,
                Some(name) => Zone::named(name).map_err(UpdateError::Time)?,
            };
            update.set_created_at(zone.parse(&created_at).map_err(UpdateError::Time)?);
        }
        update.complete()
    }
}

/// Whether a parameter of this name is read, so that others may hold whatever they like.
fn is_parameter(name: &str) -> bool {
    parameters::is_key(name) || matches!(name, "created_at" | "timezone") || is_stored(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(encoded: &str) -> (Option<SecretHash>, Result<Update, UpdateError>) {
        let mut draft = Draft::default();
        draft.read_form(encoded.as_bytes()).expect("short values");
        draft.finish()
    }

    fn json(body: &str) -> Result<Update, UpdateError> {
        let mut draft = Draft::default();
        draft.read_json(body.as_bytes())?;
        draft.finish().1
    }

    #[test]
    fn what_the_arduino_library_sends() {
        let (key, update) = form("field1=1.00000&field2=x&status=50% of a day&headers=false");
        let update = update.expect("an update");
        assert_eq!(key, None);
        assert_eq!(update.values[0].as_deref(), Some("1.00000"));
        assert_eq!(update.texts()[3], Some("50% of a day"));
    }

    #[test]
    fn a_key_from_a_header_stands() {
        let header = SecretHash::of("HEADER");
        let mut draft = Draft::with_key(Some(header));
        draft.read_form(b"api_key=QUERY&field1=1").expect("short values");
        draft.read_json(br#"{"api_key": "BODY"}"#).expect("an object");
        assert_eq!(draft.finish().0, Some(header));
        assert_eq!(form("key=A&api_key= B ").0, Some(SecretHash::of("B")));
    }

    #[test]
    fn json_keeps_numbers_as_they_are_written() {
        let update = json(r#"{"field1": 1.50, "field2": "a\"b", "3": true, "field4": null, "tweet": {"x": []}, "long": -79}"#)
            .expect("an update");
        let values: Vec<_> = update.values.iter().map(Option::as_deref).collect();
        assert_eq!(values[..4], [Some("1.50"), Some("a\"b"), Some("true"), None]);
        assert_eq!(update.texts()[1], Some("-79"));
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        for (body, words) in [
            ("{", "EOF"),
            ("[1]", "an object"),
            (r#"{"field1": [1]}"#, "field1 is neither a text nor a number"),
            (r#"{"tweet": "x"}"#, "none of field1 to field8"),
            (r#"{"field1": 1, "created_at": "soon"}"#, "`soon` is not a time"),
            (r#"{"field1": 1, "created_at": "2014-01-01", "timezone": "Mars"}"#, "`Mars` is not a time zone"),
        ] {
            let error = json(body).expect_err(body).to_string();
            assert!(error.contains(words), "{body}: {error}");
        }
    }

    #[test]
    fn a_time_of_its_own_is_in_the_zone_it_names() {
        let at = |update: Update| update.created_at().map(|at| at.to_string());
        let update = form("created_at=2014-12-31 23:59:59&timezone=America/New_York&field1=1").1;
        assert_eq!(at(update.expect("an update")).as_deref(), Some("2015-01-01T04:59:59.000Z"));
        let update = form("created_at=&timezone=Mars&field1=1").1.expect("an empty time is none");
        assert_eq!(at(update), None);
    }
}
