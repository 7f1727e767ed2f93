//! Parameters: the members of a JSON object, whose values stay as they are written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::update::UpdateError;

/// The members of a JSON object, in their order.
#[derive(Debug)]
pub struct Parameters<'a>(pub Vec<(Name<'a>, &'a RawValue)>);

/// A name, borrowed from the input where that has no escapes in it.
#[derive(Debug, serde::Deserialize)]
pub struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Parameters<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Parameters<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as {\"field1\": 21.5}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(4));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Parameters(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Whether a parameter of this name holds a key.
pub fn is_key(name: &str) -> bool {
    matches!(name, "api_key" | "key" | "apikey")
}

/// The members of the object that a body holds.
///
/// # Errors
/// [`UpdateError::Syntax`].
pub fn members(body: &[u8]) -> Result<Vec<(Name<'_>, &RawValue)>, UpdateError> {
    let read = serde_json::from_slice::<Parameters<'_>>(body);
    read.map(|parameters| parameters.0).map_err(|error| UpdateError::Syntax(error.to_string()))
}

/// A text, or a number as it is written; `None` for `null`.
///
/// # Errors
/// [`UpdateError::NotAValue`] for a list or an object.
pub fn text<'a>(name: &str, value: &'a RawValue) -> Result<Option<Cow<'a, str>>, UpdateError> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => {
            let text: Name<'_> =
                serde_json::from_str(json).map_err(|error| UpdateError::Syntax(error.to_string()))?;
            Ok(Some(text.0))
        }
        Some(b'n') => Ok(None),
        Some(b'{' | b'[') | None => Err(UpdateError::NotAValue(name.chars().take(64).collect())),
        Some(_) => Ok(Some(Cow::Borrowed(json))),
    }
}
