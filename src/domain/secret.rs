//! API keys and bearer tokens. A secret can be shown once and hashed; it cannot be serialised, and its `Debug` is
//! redacted, so that it does not reach a log by accident.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// Letters and digits of an API key, as ThingSpeak's libraries expect them.
const KEY_ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Characters of an API key: 36^16, about 82 bits.
const KEY_LENGTH: usize = 16;
/// Characters of a key that lists show.
const KEY_PREFIX: usize = 4;
/// Characters of a key that was brought along from elsewhere.
const FOREIGN_KEY_LENGTH: std::ops::RangeInclusive<usize> = 8..=64;
/// What an admin token starts with, so that secret scanners and people recognise it.
const TOKEN_MARK: &str = "porta_";
/// Characters of a token that lists show.
const TOKEN_PREFIX: usize = TOKEN_MARK.len() + 6;

/// A key or token in the clear. Compared only through [`Secret::hash`].
#[derive(Clone)]
pub struct Secret {
    text: String,
    prefix_length: usize,
}

/// SHA-256 of a secret: what the database keeps. The secrets are random with at least 82 bits, so that a fast hash is
/// enough. Digests are compared in constant time; looking one up in an index tells nobody anything through timing, since
/// nobody can choose a secret by the beginning of its digest.
#[derive(Clone, Copy, Debug, Eq)]
pub struct SecretHash(
    /// The 32 bytes of the digest.
    pub [u8; 32],
);

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for SecretHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Secret {
    /// A ThingSpeak-style API key of 16 characters `[A-Z0-9]` from 128 random bits.
    pub fn api_key(random: u128) -> Self {
        let mut rest = random;
        let text = (0..KEY_LENGTH)
            .map(|_| {
                let letter = KEY_ALPHABET[(rest % 36) as usize];
                rest /= 36;
                char::from(letter)
            })
            .collect();
        Self { text, prefix_length: KEY_PREFIX }
    }

    /// A key that devices have already, brought along from another server.
    ///
    /// # Errors
    /// Unless it has 8 to 64 printable ASCII characters without a space; the text says so.
    pub fn foreign_key(text: &str) -> Result<Self, String> {
        if FOREIGN_KEY_LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self { text: text.to_owned(), prefix_length: KEY_PREFIX })
        } else {
            Err("a key has 8 to 64 printable ASCII characters and no space".into())
        }
    }

    /// An admin bearer token: `porta_` and 64 hexadecimal digits from 256 random bits.
    pub fn token(random: [u8; 32]) -> Self {
        let mut text = String::from(TOKEN_MARK);
        text.extend(random.iter().map(|byte| format!("{byte:02x}")));
        Self { text, prefix_length: TOKEN_PREFIX }
    }

    /// The secret in the clear, for the one time it is shown or sent.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The first characters, by which lists name the secret.
    pub fn prefix(&self) -> &str {
        &self.text[..self.prefix_length]
    }

    /// The digest that the database keeps.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl SecretHash {
    /// The digest of a secret as a client presented it.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_has_sixteen_capitals_or_digits() {
        for random in [0, 1, u128::MAX, 0x1234_5678_9abc_def0_1234_5678_9abc_def0] {
            let key = Secret::api_key(random);
            assert_eq!(key.reveal().len(), 16);
            assert!(key.reveal().bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        }
    }

    #[test]
    fn different_randomness_gives_different_secrets() {
        assert_ne!(Secret::api_key(1).hash(), Secret::api_key(2).hash());
        assert_ne!(Secret::token([1; 32]).hash(), Secret::token([2; 32]).hash());
    }

    #[test]
    fn a_key_from_elsewhere_is_taken_as_it_is() {
        assert_eq!(Secret::foreign_key("ab-CD_12").expect("a key").reveal(), "ab-CD_12");
        for bad in ["", "short12", "with space", "línea1234", &"x".repeat(65)] {
            assert!(Secret::foreign_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_reveal() {
        let key = Secret::api_key(42);
        assert!(!format!("{key:?}").contains(key.reveal()));
    }
}
