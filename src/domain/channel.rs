//! Channels: what devices write to.

use std::time::Duration;

use serde::Serialize;

use super::id::ChannelId;
use super::secret::Secret;
use super::unit::UtcMillis;

/// Fields of a channel, and values of an entry.
pub const FIELDS: usize = 8;
/// Bytes of a channel's or token's name.
pub const NAME_BYTES_MAX: usize = 255;

/// A channel that is about to be created.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// 1 to [`NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// Entries older than this are deleted; `None` keeps all.
    pub retention: Option<Duration>,
    /// Opens the channel for writing.
    pub write_key: Secret,
    /// Opens the channel for reading.
    pub read_key: Secret,
}

/// A channel as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// Unique in the database.
    pub id: ChannelId,
    /// As given.
    pub name: String,
    /// The `entry_id` of the newest entry, 0 while there is none.
    pub last_entry_id: i64,
    /// Milliseconds after which entries are deleted; `None` keeps all.
    pub retention_ms: Option<i64>,
    /// When it was created.
    pub created_at: UtcMillis,
}

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Checks the name of a channel or a token.
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
}
