//! Which language a reader is spoken to in: the one they chose, or the first of their browser's that porta speaks.

use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, SET_COOKIE};
use axum::response::IntoResponse;
use cookie::{Cookie, SameSite};
use serde::Deserialize;

use crate::server::State;
use crate::server::accounts::cookies;
use crate::server::error::Refusal;
use crate::server::session::{self, Sent};

/// Languages that pages speak; the first is the default.
pub const LANGUAGES: [&str; 2] = ["en", "ru"];
/// Where the choice is kept.
const COOKIE_NAME: &str = "porta_language";
/// How long the choice is kept: a year.
const COOKIE_AGE: cookie::time::Duration = cookie::time::Duration::days(365);
/// Characters of a path that a reader can be sent back to.
const PATH_CHARACTERS_MAX: usize = 512;

/// The language of whoever sends these headers.
pub fn of(headers: &HeaderMap) -> &'static str {
    chosen(headers).unwrap_or_else(|| accepted(headers))
}

fn spoken(name: &str) -> Option<&'static str> {
    LANGUAGES.into_iter().find(|spoken| spoken.eq_ignore_ascii_case(name))
}

fn chosen(headers: &HeaderMap) -> Option<&'static str> {
    cookies::named(headers, COOKIE_NAME).find_map(|value| spoken(&value))
}

/// The language of `Accept-Language` that the reader likes best among those that porta speaks.
fn accepted(headers: &HeaderMap) -> &'static str {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = (0.0, LANGUAGES[0]);
    for range in accepted.split(',') {
        let (range, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let primary = range.trim().split('-').next().unwrap_or_default();
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        let weight = weight.unwrap_or(0.0);
        // Of two that are liked as much the first counts.
        if let Some(language) = spoken(primary).filter(|_| weight > best.0) {
            best = (weight, language);
        }
    }
    best.1
}

/// What the language switch sends.
#[derive(Deserialize)]
pub struct Choice {
    #[serde(default)]
    language: String,
    #[serde(default, rename = "return")]
    back: String,
}

/// `POST /language`: speaks another language from now on, and leads back to the page. Whoever has not logged in may choose,
/// too.
pub async fn choose(
    Extract(state): Extract<Arc<State>>,
    request: Request,
) -> Result<impl IntoResponse, Refusal> {
    let (mut parts, body) = request.into_parts();
    session::find_reader(&mut parts, &state).await;
    let Choice { language, back } = Sent::read(&parts, body, &state).await?.parse()?;
    let language = spoken(&language).ok_or_else(|| Refusal::Invalid {
        field: Some("language"),
        message: format!("pages speak {}", LANGUAGES.join(" and ")),
    })?;
    let path = if state.root_path.is_empty() { "/" } else { &state.root_path };
    // `Lax`: a link from elsewhere leads to a page in the reader's language, too.
    let cookie = Cookie::build((COOKIE_NAME, language))
        .path(path)
        .max_age(COOKIE_AGE)
        .same_site(SameSite::Lax)
        .http_only(true)
        .build();
    let back = if is_local(&back) { back.as_str() } else { "/" };
    Ok(([(SET_COOKIE, cookie.to_string())], state.see_other(back)))
}

/// Whether a path leads to a page of this server and nowhere else, whatever a browser makes of it.
pub fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    // A browser takes `//host` and `/\host` for another host, and drops tabs and line ends from what it reads.
    bytes.next() == Some(b'/')
        && path.len() <= PATH_CHARACTERS_MAX
        && !matches!(path.as_bytes().get(1), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_language_that_the_reader_likes_best_is_taken() {
        for (accepted, spoken) in [
            ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
            ("en", "en"),
            ("de, RU;q=0.5", "ru"),
            ("ru;q=0.3, en;q=0.7", "en"),
            ("ru;q=0, de", "en"),
            ("rue", "en"),
            ("de", "en"),
            ("", "en"),
            ("é", "en"),
            ("ru;q=many", "en"),
        ] {
            let value = HeaderValue::from_bytes(accepted.as_bytes()).expect("a header");
            assert_eq!(of(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)])), spoken, "{accepted}");
        }
    }

    #[test]
    fn what_was_chosen_comes_before_what_the_browser_says() {
        let of = |cookie: &'static str| {
            let headers = [(ACCEPT_LANGUAGE, "en"), (COOKIE, cookie)];
            of(&HeaderMap::from_iter(headers.map(|(name, value)| (name, HeaderValue::from_static(value)))))
        };
        assert_eq!(of("a=b; porta_language=ru"), "ru");
        assert_eq!(of("porta_language=de"), "en");
        assert_eq!(of("other=ru"), "en");
        assert_eq!(of("porta_language=de; porta_language=ru"), "ru");
    }

    #[test]
    fn a_reader_is_sent_to_this_server_only() {
        for path in ["/", "/admin", "/admin/stress-test?sort=p95", "/admin/stress-test/12"] {
            assert!(is_local(path), "{path}");
        }
        for path in [
            "",
            "admin",
            "//host",
            "/\\host",
            "/\t/host",
            "/a\r\nb",
            "/a b",
            "https://host",
            "javascript:1",
            "/é",
            "/a\\b",
        ] {
            assert!(!is_local(path), "{path}");
        }
        assert!(!is_local(&format!("/{}", "a".repeat(PATH_CHARACTERS_MAX))));
    }

    proptest! {
        #[test]
        fn no_local_path_can_break_a_header_or_name_a_host(path in "[/\\\\a\\r\\n\\t:@?#%]{0,8}") {
            prop_assert!(!is_local(&path) || (path.starts_with('/') && !path.starts_with("//")));
        }
    }
}
