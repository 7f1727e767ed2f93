//! API keys and bearer tokens. A secret can be shown once and hashed; it cannot be serialised, and its `Debug` is
//! redacted, so that it does not reach a log by accident.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// Letters and digits of an API key, as ThingSpeak's libraries expect them.
const KEY_ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Characters of an API key: 36^16, about 82 bits.
pub const KEY_LENGTH: usize = 16;
/// Characters of a key that lists show.
const KEY_PREFIX: usize = 4;
/// Characters of any key, one that was brought along from elsewhere included.
pub const KEY_LENGTHS: RangeInclusive<usize> = 8..=64;
/// What an admin token starts with, so that secret scanners and people recognise it.
pub const TOKEN_MARK: &str = "porta_";
/// Hexadecimal digits that follow it.
pub const TOKEN_DIGITS: usize = 64;
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
        if KEY_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
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

    /// The token of the agent bridge, which the operator has chosen.
    ///
    /// # Errors
    /// Unless it has 22 to 512 printable ASCII characters without a space and the variety of 128 random bits; the text says
    /// what is wrong and how to make one.
    pub fn bridge_token(text: &str) -> Result<Self, String> {
        check_bridge_token(text).map_err(|why| format!("{why}; `openssl rand -hex 32` makes a good one"))?;
        Ok(Self { text: text.to_owned(), prefix_length: 0 })
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

/// What a guesser tries first.
const WELL_KNOWN: [&str; 12] = [
    "changeme", "password", "passwort", "secret", "token", "default", "example", "porta", "admin", "letmein",
    "qwerty", "test",
];
/// Bits that a bridge token has at least.
const BRIDGE_TOKEN_BITS: f64 = 128.0;
/// Characters of a bridge token.
const BRIDGE_TOKEN_LENGTHS: RangeInclusive<usize> = 22..=512;
/// Different characters of one. Random bits hardly ever have fewer, even as decimal digits.
const DISTINCT_MIN: usize = 8;

/// No measure of a text tells how it was made. This refuses what cannot have 128 bits, and what no random source writes.
fn check_bridge_token(text: &str) -> Result<(), String> {
    if !BRIDGE_TOKEN_LENGTHS.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a bridge token has 22 to 512 printable ASCII characters and no space".into());
    }
    let mut rest = text.to_ascii_lowercase();
    let is_one_case = rest == text || text.to_ascii_uppercase() == text;
    for word in WELL_KNOWN {
        rest = rest.replace(word, "");
    }
    let bits_each = alphabet_size(&rest, is_one_case).log2();
    if rest.len() as f64 * bits_each < BRIDGE_TOKEN_BITS {
        return Err("a bridge token has at least 128 random bits, and this one cannot have so many".into());
    }
    let bytes = rest.as_bytes();
    let distinct: std::collections::BTreeSet<_> = bytes.iter().collect();
    let neighbours = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    if distinct.len() < DISTINCT_MIN || neighbours * 2 > bytes.len() {
        return Err("this bridge token repeats or counts, so that it can be guessed".into());
    }
    Ok(())
}

/// How many characters the smallest usual alphabet has that a text in lower case is written in.
fn alphabet_size(text: &str, is_one_case: bool) -> f64 {
    let all = |is_in: fn(&u8) -> bool| text.bytes().all(|byte| is_in(&byte));
    let letters = if is_one_case { 26.0 } else { 52.0 };
    if all(u8::is_ascii_digit) {
        10.0
    } else if all(u8::is_ascii_hexdigit) {
        16.0
    } else if all(u8::is_ascii_alphabetic) {
        letters
    } else if all(u8::is_ascii_alphanumeric) {
        letters + 10.0
    } else {
        letters + 12.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_token_that_can_be_guessed_is_refused() {
        for good in [
            "5a1f0c9be2d34786a0b1c2f3e4958677",
            "kJ8sQ2nV0xYb7LmR4tWzPg",
            "3F2504E0-4F89-41D3-9A0C-0305E82C3301",
            &format!("porta_{}", "5a1f0c9be2d34786a0b1c2f3e4958677".repeat(2)),
        ] {
            assert!(Secret::bridge_token(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "changeme",
            "secret-token-for-the-bridge",
            "passwordpasswordpasswordpasswordpassword",
            "5a1f0c9be2d34786a0b1c2f3e495867",
            "kJ8sQ2nV0xYb7LmR4tWz",
            &"a".repeat(64),
            &"abc123".repeat(12),
            &"0123456789abcdef".repeat(4),
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "12345678901234567890123456789012345678901234567890",
            "with a space 5a1f0c9be2d34786a0b1c2f3e4958677",
            &"x5".repeat(300),
        ] {
            assert!(Secret::bridge_token(bad).is_err(), "{bad}");
        }
    }

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
