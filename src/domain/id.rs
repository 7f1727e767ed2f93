//! Identities. Each is a number of its own type, so that one cannot be passed where another is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "i64", try_from = "i64")]
        pub struct $name(
            /// The number, from 1.
            pub i64,
        );

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, Self::Error> {
                if number >= 1 { Ok(Self(number)) } else { Err(format!("`{number}` is not a number from 1")) }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let number = text.parse().ok().and_then(|number: i64| Self::try_from(number).ok());
                number.ok_or_else(|| format!("`{text}` is not a number from 1"))
            }
        }
    };
}

id! {
    /// An account, unique in a database.
    AccountId
}
id! {
    /// A channel, unique in a database.
    ChannelId
}
id! {
    /// An entry of a channel: per channel, from 1, without a gap.
    EntryId
}
id! {
    /// An API key of a channel, unique in a database.
    KeyId
}
id! {
    /// A stored stress-test run, unique in a database.
    RunId
}
id! {
    /// The entries of a channel from one time that it was cleared to the next.
    SeriesId
}
id! {
    /// An admin bearer token, unique in a database.
    TokenId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_from_one() {
        assert_eq!("7".parse(), Ok(RunId(7)));
        for bad in ["0", "-1", "", "x", "1.0", "9223372036854775808"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }
}
