//! The cookies of a browser: which session it has, which form it was given to log in with, and whether it has logged in
//! before. All hold random tokens, of which the server keeps digests at most.
//!
//! Over TLS the names begin with `__Host-`: a browser takes such a cookie only from this very host and over TLS, so that
//! neither a neighbour under the same domain nor somebody on the line can foist one on it. Below a root path they end with it:
//! several servers behind one proxy share a host, and such cookies have no path of their own.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::domain::secret::{Secret, SecretHash, TOKEN_DIGITS, TOKEN_MARK};
use crate::domain::session::BROWSER_KNOWN;
use crate::server::State;
use crate::server::forwarded::Arrival;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The session, until the browser is closed.
    Session,
    /// What a login form belongs to, as long.
    Form,
    /// By which a browser is known that has logged in before.
    Browser,
}

impl Kind {
    /// `root` is a root path as [`crate::server::root`] has it, in which there is no `+`.
    fn name(self, is_https: bool, root: &str) -> String {
        let prefix = if is_https { "__Host-" } else { "" };
        let name = match self {
            Self::Session => "porta",
            Self::Form => "porta-form",
            Self::Browser => "porta-browser",
        };
        format!("{prefix}{name}{}", root.replace('/', "+"))
    }

    fn max_age(self) -> Option<Duration> {
        match self {
            Self::Session | Self::Form => None,
            Self::Browser => Some(Duration::seconds(i64::try_from(BROWSER_KNOWN.as_secs()).unwrap_or(0))),
        }
    }
}

/// The token that a browser presents, in the clear. It is kept no longer than its request.
pub struct Presented(String);

impl Presented {
    /// What the server knows it by.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// What a form or a script of the same browser has to bring along: no other page can read it. It follows from the token,
    /// and the token from neither this nor its digest.
    pub fn csrf(&self) -> String {
        csrf(&self.0)
    }
}

/// The same of a token that a browser is about to get.
pub fn csrf_of(token: &Secret) -> String {
    csrf(token.reveal())
}

fn csrf(token: &str) -> String {
    SecretHash::of(&format!("csrf {token}")).0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cookie of a kind that came along: the first that can be a token, since others on the host may set some of any name.
pub fn presented(headers: &HeaderMap, kind: Kind, arrival: &Arrival, state: &State) -> Option<Presented> {
    token(headers, &kind.name(arrival.is_https, &state.root_path))
}

fn token(headers: &HeaderMap, name: &str) -> Option<Presented> {
    named(headers, name).find(|value| is_token(value)).map(Presented)
}

/// The values of all cookies of a name. What others on the host have set beside them may be no text.
pub fn named<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = String> + 'h {
    let lines = headers.get_all(COOKIE).into_iter();
    let cookies =
        lines.flat_map(|line| Cookie::split_parse(String::from_utf8_lossy(line.as_bytes()))).flatten();
    cookies.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_MARK).is_some_and(|digits| {
        digits.len() == TOKEN_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Gives a browser a cookie.
pub fn set(kind: Kind, token: &Secret, arrival: &Arrival, state: &State) -> (HeaderName, HeaderValue) {
    let mut cookie = built(kind, token.reveal(), arrival, state).build();
    cookie.set_max_age(kind.max_age());
    header(&cookie)
}

/// Takes a cookie away from a browser.
pub fn removed(kind: Kind, arrival: &Arrival, state: &State) -> (HeaderName, HeaderValue) {
    header(&built(kind, "", arrival, state).max_age(Duration::ZERO).build())
}

fn built<'c>(kind: Kind, value: &'c str, arrival: &Arrival, state: &'c State) -> cookie::CookieBuilder<'c> {
    let root = if state.root_path.is_empty() { "/" } else { &state.root_path };
    // `__Host-` asks for it.
    let path = if arrival.is_https { "/" } else { root };
    Cookie::build((kind.name(arrival.is_https, &state.root_path), value))
        .path(path)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(arrival.is_https)
}

fn header(cookie: &Cookie<'_>) -> (HeaderName, HeaderValue) {
    // Names, tokens and root paths are ASCII.
    let value = HeaderValue::from_str(&cookie.to_string());
    (SET_COOKIE, value.unwrap_or(HeaderValue::from_static("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cookies: &[&str], is_https: bool) -> Option<SecretHash> {
        let mut headers = HeaderMap::new();
        for line in cookies {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
        }
        token(&headers, &Kind::Session.name(is_https, "")).map(|token| token.hash())
    }

    #[test]
    fn a_token_is_found_among_other_cookies_and_only_by_its_own_name() {
        let token = Secret::token([7; 32]);
        let text = token.reveal();
        for (cookie, is_https, found) in [
            (format!("porta={text}"), false, true),
            (format!("a=b; porta={text}; porta-form={text}"), false, true),
            (format!("__Host-porta={text}"), true, true),
            (format!("porta={text}"), true, false),
            (format!("__Host-porta={text}"), false, false),
            (format!("porta-form={text}"), false, false),
            (format!("Porta={text}"), false, false),
            (format!("porta={}", &text[1..]), false, false),
            (format!("porta={text}0"), false, false),
            (format!("theirs=größe; porta={text}"), false, true),
            (format!("porta=é; porta=x; porta={text}"), false, true),
            ("porta=".into(), false, false),
            (format!("porta=porta_{}", "g".repeat(64)), false, false),
        ] {
            assert_eq!(of(&[&cookie], is_https).is_some(), found, "{cookie} {is_https}");
        }
        assert_eq!(of(&["a=b", &format!("porta={text}")], false), Some(token.hash()));
    }

    #[test]
    fn servers_below_different_paths_have_different_cookies() {
        let names = [false, true].map(|is_https| {
            ["", "/a", "/b", "/a/b", "/a-form", "/a.b"].map(|root| Kind::Session.name(is_https, root))
        });
        assert_eq!(names[0][..2], ["porta", "porta+a"]);
        assert_eq!(names[1][2..4], ["__Host-porta+b", "__Host-porta+a+b"]);
        let distinct: std::collections::BTreeSet<_> = names.as_flattened().iter().collect();
        assert_eq!(distinct.len(), names.as_flattened().len(), "{names:?}");
        assert_ne!(Kind::Session.name(false, "/form"), Kind::Form.name(false, ""));
    }

    #[test]
    fn what_forms_bring_along_follows_from_the_token_and_is_not_its_digest() {
        let (token, other) = (Secret::token([7; 32]), Secret::token([8; 32]));
        assert_eq!(csrf_of(&token), Presented(token.reveal().into()).csrf());
        assert_ne!(csrf_of(&token), csrf_of(&other));
        assert_ne!(SecretHash::of(&csrf_of(&token)), token.hash());
        assert_eq!(csrf_of(&token).len(), 64);
    }
}
