//! Passwords of accounts: which can be chosen, and what is kept of them. The rules follow NIST SP 800-63B: length counts, and
//! what is guessed early is refused, as far as a short list goes; which kinds of characters there are does not matter.

mod guessable;

use std::fmt;
use std::sync::LazyLock;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};

use super::account::Email;

/// Characters of a password, at least.
pub const PASSWORD_CHARACTERS_MIN: usize = 10;
/// Bytes of a password, at most: argon2 takes the same time for all.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Memory in KiB, passes and lanes of argon2id: the first choice of OWASP's Password Storage Cheat Sheet for a server
/// with little memory.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Random bytes that make equal passwords look different.
pub const SALT_BYTES: usize = 16;

/// A password in the clear. It cannot be serialised, and its `Debug` is redacted.
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Fewer than [`PASSWORD_CHARACTERS_MIN`] characters.
    #[error("a password has at least {PASSWORD_CHARACTERS_MIN} characters")]
    TooShort,
    /// More than [`PASSWORD_BYTES_MAX`] bytes.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// A line end, a tab or the like, which no form can send.
    #[error("a password has no control characters")]
    Control,
    /// A few characters over and over, one after the other, or words that are tried first.
    #[error(
        "this password is among the first that are tried; a few words that do not belong together are better"
    )]
    Guessable,
}

impl PasswordFault {
    /// By which translations name it.
    pub fn id(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Control => "control",
            Self::Guessable => "guessable",
        }
    }
}

impl Password {
    /// A password that somebody chooses for their account.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn chosen(text: &str, email: &Email) -> Result<Self, PasswordFault> {
        if text.chars().count() < PASSWORD_CHARACTERS_MIN {
            Err(PasswordFault::TooShort)
        } else if text.len() > PASSWORD_BYTES_MAX {
            Err(PasswordFault::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(PasswordFault::Control)
        } else if guessable::is_guessable(text, email) {
            Err(PasswordFault::Guessable)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// A password as somebody presents it; `None` for one that nobody can have.
    pub fn presented(text: &str) -> Option<Self> {
        (text.len() <= PASSWORD_BYTES_MAX).then(|| Self(text.to_owned()))
    }

    /// What the database keeps: argon2id with 19 MiB and two passes, which take some 20 ms of a core.
    ///
    /// # Errors
    /// When there is no memory for it, in argon2's words.
    pub fn hash(&self, salt: [u8; SALT_BYTES]) -> Result<PasswordHash, String> {
        let hashed = hasher()?.hash_password_with_salt(self.0.as_bytes(), &salt);
        hashed.map(|hash| PasswordHash(hash.to_string())).map_err(|error| error.to_string())
    }
}

fn hasher() -> Result<Argon2<'static>, String> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// What is kept of a password, as a PHC string with the parameters it was made with.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The hash of a password that nobody knows: 32 bytes of zeros.
static NOBODYS: LazyLock<PasswordHash> = LazyLock::new(|| {
    let (salt, digest) = ("A".repeat(22), "A".repeat(43));
    PasswordHash(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"))
});

impl PasswordHash {
    /// One as the database keeps it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// That of no account. To look whether a password is right takes as long as for one that there is.
    pub fn nobodys() -> Self {
        NOBODYS.clone()
    }

    /// As the database keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made of this password. It takes as long as to make one.
    pub fn is_of(&self, password: &Password) -> bool {
        let (Ok(hasher), Ok(hash)) = (hasher(), phc::PasswordHash::new(&self.0)) else { return false };
        hasher.verify_password(password.0.as_bytes(), &hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, PasswordFault> {
        Password::chosen(text, &"greta.lind@hothouse.example".parse().expect("an address"))
    }

    #[test]
    fn a_password_is_long_enough_and_short_enough() {
        assert!(chosen("kettle-moon").is_ok());
        assert!(chosen("соловей у воды").is_ok());
        assert_eq!(chosen("kettle-mo").err(), Some(PasswordFault::TooShort));
        assert_eq!(chosen("юлаёжзщэъ").err(), Some(PasswordFault::TooShort), "characters count, not bytes");
        let longest = "kettle moon ".repeat(22)[..PASSWORD_BYTES_MAX].to_owned();
        assert!(chosen(&longest).is_ok());
        assert_eq!(chosen(&(longest.clone() + "x")).err(), Some(PasswordFault::TooLong));
        assert!(Password::presented(&longest).is_some() && Password::presented(&(longest + "x")).is_none());
        assert_eq!(chosen("kettle\nmoon").err(), Some(PasswordFault::Control));
    }

    #[test]
    fn what_is_guessed_early_is_refused() {
        assert_eq!(chosen("Greta-Hothouse1").err(), Some(PasswordFault::Guessable));
        assert!(chosen("greta sings at noon").is_ok());
    }

    #[test]
    fn a_hash_is_of_its_password_only() {
        let password = chosen("kettle-moon").expect("a password");
        let hash = password.hash([7; SALT_BYTES]).expect("a hash");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is_of(&password));
        for other in ["kettle-moon ", "kettle-mooN", ""] {
            assert!(!hash.is_of(&Password::presented(other).expect("a password")), "{other}");
        }
        assert_ne!(password.hash([8; SALT_BYTES]).expect("a hash"), hash);
        for broken in
            ["", "$argon2id$", "kettle-moon", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(!PasswordHash::stored(broken.into()).is_of(&password), "{broken}");
        }
    }

    #[test]
    fn nobodys_hash_takes_as_long_as_another() {
        let nobodys = PasswordHash::nobodys();
        let hash = phc::PasswordHash::new(nobodys.as_str()).expect("a hash");
        let real = chosen("kettle-moon").expect("a password").hash([7; SALT_BYTES]).expect("a hash");
        let real = phc::PasswordHash::new(real.as_str()).expect("a hash");
        assert_eq!(
            (hash.algorithm, hash.version, &hash.params),
            (real.algorithm, real.version, &real.params)
        );
        let lengths = |hash: &phc::PasswordHash| {
            (hash.salt.as_ref().map(|salt| salt.len()), hash.hash.as_ref().map(phc::Output::len))
        };
        assert_eq!(lengths(&hash), lengths(&real));
        assert!(!nobodys.is_of(&chosen("kettle-moon").expect("a password")));
    }

    #[test]
    fn debug_does_not_reveal() {
        let password = chosen("kettle-moon").expect("a password");
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert_eq!(format!("{:?}", PasswordHash::nobodys()), "PasswordHash(…)");
    }
}
