//! Who may look, and who may administer: people by their accounts, programs by bearer tokens.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::id::{AccountId, TokenId};
use super::password::PasswordHash;
use super::unit::UtcMillis;

/// Accounts of a database.
pub const ACCOUNTS_MAX: u32 = 1000;
/// Bytes of an e-mail address, as SMTP has it (RFC 5321, 4.5.3.1, and its erratum 1690).
const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of what stands before the `@`.
const LOCAL_PART_BYTES_MAX: usize = 64;
/// Bytes of one of the names between the dots that stand after it.
const LABEL_BYTES_MAX: usize = 63;
/// What may stand before the `@` beside letters and digits. Quoted ones exist on paper only.
const LOCAL_PART_MARKS: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// See how the server is, at `/`.
    Viewer,
}

impl Role {
    /// As it is written and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Admin, Self::Viewer]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "an account is for an `admin` or a `viewer`".into())
    }
}

/// An e-mail address, in lower case: the name that somebody logs in with. Nothing is ever sent to it. It is ASCII without
/// spaces and quotes, so that it can stand in a log, and no two look the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let email = text.trim().to_ascii_lowercase();
        let parts = email.split_once('@').filter(|(local, domain)| is_local_part(local) && is_domain(domain));
        if parts.is_some() && email.len() <= EMAIL_BYTES_MAX {
            Ok(Self(email))
        } else {
            Err("it takes an e-mail address such as ann@example.org".into())
        }
    }
}

fn is_local_part(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || LOCAL_PART_MARKS.contains(&byte))
    };
    text.len() <= LOCAL_PART_BYTES_MAX && text.split('.').all(is_atom)
}

/// `localhost` is one, too.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_label)
}

/// An account as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// By which its owner logs in.
    pub email: Email,
    /// What its owner may do.
    pub role: Role,
    /// When it was created.
    pub created_at: UtcMillis,
    /// When its password was set last.
    pub password_changed_at: UtcMillis,
    /// When its owner logged in last; `None` before the first time.
    pub last_login_at: Option<UtcMillis>,
}

/// An account that is about to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// By which its owner logs in.
    pub email: Email,
    /// What its owner may do.
    pub role: Role,
    /// Of the password that its owner has chosen.
    pub password: PasswordHash,
}

/// What is needed to tell whether somebody may log in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub account: AccountId,
    /// Of the password.
    pub password: PasswordHash,
    /// Whether the browser that asks has logged in with this account before.
    pub knows_browser: bool,
}

/// An admin bearer token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// When it was created.
    pub created_at: UtcMillis,
    /// When it stopped working.
    pub revoked_at: Option<UtcMillis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for (text, email) in [
            ("ann@example.org", "ann@example.org"),
            (" Ann@Example.ORG\n", "ann@example.org"),
            ("a.b+c@x-y.z", "a.b+c@x-y.z"),
            ("root@localhost", "root@localhost"),
            ("a@1.2", "a@1.2"),
        ] {
            assert_eq!(text.parse::<Email>().expect("an address").as_str(), email);
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let (longest, long_label) = (format!("{}@b", "a".repeat(64)), format!("a@{}", "b".repeat(64)));
        assert!(longest.parse::<Email>().is_ok());
        let label = "b".repeat(63);
        let domain = [label.as_str(); 4].join(".");
        let longest_domain = &domain[..EMAIL_BYTES_MAX - 2];
        assert!(format!("a@{longest_domain}").parse::<Email>().is_ok());
        for text in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "a@b@c",
            "a b@c",
            "a\r\nb@c",
            "a\"b@c",
            "<a>@b",
            "a,b@c",
            "a@b,c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@.b",
            "a@b.",
            "a@-b",
            "a@b-",
            "a@b_c",
            "é@b",
            "a@é",
            "a\0@b",
            &format!("{}@b", "a".repeat(65)),
            &long_label,
            &format!("ab@{longest_domain}"),
        ] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in [Role::Admin, Role::Viewer] {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).expect("JSON"), role.as_str());
        }
        assert!("root".parse::<Role>().is_err());
    }
}
