//! What a database holds, so that two of them can be compared.

use std::fmt;

use serde::{Serialize, Serializer};

use super::id::{ChannelId, EntryId};

/// What a database holds in one consistent state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The version of its schema.
    pub schema_version: i64,
    /// All channels, by id.
    pub channels: Vec<ChannelContents>,
    /// The same for two databases that hold the same.
    pub fingerprint: Fingerprint,
}

impl Contents {
    /// Entries of all channels.
    pub fn entries(&self) -> u64 {
        self.channels.iter().map(|channel| channel.entries).sum()
    }
}

/// What a channel holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelContents {
    /// Its number.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Entries that are stored.
    pub entries: u64,
    /// The lowest id among them.
    pub first_entry_id: Option<EntryId>,
    /// The highest id among them.
    pub last_entry_id: Option<EntryId>,
}

/// SHA-256 of everything that a database holds: its schema, and each row of each table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(
    /// The digest.
    pub [u8; 32],
);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_64_hexadecimal_digits() {
        let mut digest = [0; 32];
        digest[0] = 0xab;
        assert_eq!(Fingerprint(digest).to_string(), format!("ab{}", "0".repeat(62)));
    }
}
