//! Whether a browser sends a request on behalf of one of porta's own pages, or of somebody else's.

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, Method};

use super::error::Refusal;
use super::forwarded::Arrival;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request of this method may change something.
pub fn is_unsafe(method: &Method) -> bool {
    !(method == Method::GET || method == Method::HEAD || method == Method::OPTIONS || method == Method::TRACE)
}

/// Refuses what a page of another origin has a browser send. No page can keep a browser from saying where a request
/// comes from, and all browsers say so in one of two headers; what says nothing is no browser, and has no one's cookies
/// but its own.
///
/// # Errors
/// [`Refusal::Forbidden`], with what to do when a proxy is the reason.
pub fn require_own(headers: &HeaderMap, arrival: &Arrival) -> Result<(), Refusal> {
    if !headers.get_all(FETCH_SITE).iter().all(|site| site == "same-origin") {
        return Err(Refusal::Forbidden("this was sent by a page that is not porta's".into()));
    }
    if headers
        .get_all(ORIGIN)
        .iter()
        .all(|origin| origin.to_str().is_ok_and(|origin| is_own(origin, arrival)))
    {
        return Ok(());
    }
    Err(Refusal::Forbidden(
        "this was sent by a page of another address than this server knows itself by; a proxy in between has to pass \
         on the header Host, or X-Forwarded-Host and be named with --trusted-proxy"
            .into(),
    ))
}

/// Whether a page's origin is the one that this request was sent to. Behind a proxy that is not trusted the scheme cannot be
/// told.
fn is_own(origin: &str, arrival: &Arrival) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" if !arrival.is_https => ":80",
        "https" => ":443",
        _ => return false,
    };
    let named = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    arrival.host.as_deref().is_some_and(|host| !host.is_empty() && named(host) == named(authority))
}

/// Whether a browser follows a link on a page of somebody else's: it has no cookies with it then that are for this site
/// only.
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| site == "cross-site" || site == "same-site")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn is_let_in(host: &str, is_https: bool, headers: &[(HeaderName, &'static str)]) -> bool {
        let arrival = Arrival { client: None, is_https, host: Some(host.into()) };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        require_own(&map, &arrival).is_ok()
    }

    #[test]
    fn an_origin_is_compared_by_scheme_name_and_port() {
        for (host, is_https, origin, ok) in [
            ("porta.example", false, "http://porta.example", true),
            ("Porta.Example", false, "http://porta.example", true),
            ("porta.example:80", false, "http://porta.example", true),
            ("porta.example:8000", false, "http://porta.example:8000", true),
            ("[::1]:8000", false, "http://[::1]:8000", true),
            ("porta.example", false, "https://porta.example", true),
            ("porta.example", true, "https://porta.example", true),
            ("porta.example:443", true, "https://porta.example", true),
            ("porta.example", true, "http://porta.example", false),
            ("porta.example:8000", false, "http://porta.example", false),
            ("porta.example:80", false, "https://porta.example", false),
            ("porta.example", false, "http://porta.example.evil.example", false),
            ("porta.example", false, "http://evil.example", false),
            ("porta.example", false, "http://sub.porta.example", false),
            ("porta.example", false, "http://porta.example@evil.example", false),
            ("porta.example", false, "http://porta.example/", false),
            ("porta.example", false, "null", false),
            ("porta.example", false, "", false),
            ("porta.example", false, "ftp://porta.example", false),
            ("porta.example", false, "chrome-extension://porta.example", false),
            ("", false, "http://", false),
        ] {
            assert_eq!(is_let_in(host, is_https, &[(ORIGIN, origin)]), ok, "{host} {is_https} {origin}");
        }
    }

    #[test]
    fn the_two_headers_must_both_be_content() {
        let own = (ORIGIN, "http://porta.example");
        for (site, ok) in
            [("same-origin", true), ("same-site", false), ("cross-site", false), ("none", false)]
        {
            assert_eq!(is_let_in("porta.example", false, &[(FETCH_SITE, site)]), ok, "{site}");
            assert_eq!(is_let_in("porta.example", false, &[own.clone(), (FETCH_SITE, site)]), ok, "{site}");
        }
        assert!(is_let_in("porta.example", false, &[]), "no browser");
        assert!(!is_let_in("porta.example", false, &[own.clone(), (ORIGIN, "null")]));
        assert!(!is_let_in(
            "porta.example",
            false,
            &[(FETCH_SITE, "same-origin"), (FETCH_SITE, "cross-site")]
        ));
        let evil = (ORIGIN, "http://evil.example");
        assert!(!is_let_in("porta.example", false, &[evil, (FETCH_SITE, "same-origin")]));
    }

    #[test]
    fn without_a_host_no_page_is_porta_s() {
        let arrival = Arrival { client: None, is_https: false, host: None };
        let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://porta.example"))]);
        assert!(require_own(&headers, &arrival).is_err());
    }

    #[test]
    fn only_reading_methods_are_safe() {
        for (method, expected) in
            [("GET", false), ("HEAD", false), ("POST", true), ("DELETE", true), ("BREW", true)]
        {
            assert_eq!(is_unsafe(&method.parse().expect("a method")), expected, "{method}");
        }
    }
}
