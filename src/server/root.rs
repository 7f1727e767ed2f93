//! The path below which a proxy serves this server. Some proxies take it away before they pass a request on, others do not:
//! both are understood.

use axum::http::header::LOCATION;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::State;
use super::routes::ROUTES;

/// Bytes of one.
const BYTES_MAX: usize = 128;

/// A root path as it stands before each path: `/porta`, or nothing for `/`.
///
/// # Errors
/// When it cannot be one, with what can.
pub fn parse(text: &str) -> Result<String, String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    if path.is_empty() {
        return Ok(String::new());
    }
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && !segment.bytes().all(|byte| byte == b'.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let segments = path.strip_prefix('/').filter(|path| path.split('/').all(is_segment));
    let Some(segments) = segments.filter(|_| path.len() <= BYTES_MAX) else {
        return Err("write a path such as /porta, of letters, digits, and -._~".into());
    };
    let first = segments.split('/').next().unwrap_or_default();
    // It could not be told whether a proxy has taken it away.
    if own_segments().any(|own| own == first) {
        return Err(format!("/{first} is a path of porta's own; choose another"));
    }
    Ok(path.to_owned())
}

/// What the paths of the table begin with.
fn own_segments() -> impl Iterator<Item = &'static str> {
    ROUTES
        .iter()
        .filter_map(|route| route.path.split(['/', '[']).nth(1))
        .filter(|segment| !segment.is_empty())
}

impl State {
    /// A redirect to a page of this server, which is followed with `GET`. `path` is as in the table of routes, perhaps with a
    /// query; what somebody else has named was looked at before. One that cannot stand in a header leads to the beginning.
    pub fn see_other(&self, path: &str) -> Response {
        let location = HeaderValue::from_str(&format!("{}{path}", self.root_path));
        let location = location.unwrap_or(HeaderValue::from_static("/"));
        (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
    }
}

/// Takes the root path away from the beginning of an address, if it is there.
pub fn strip(uri: &mut Uri, root: &str) {
    if root.is_empty() {
        return;
    }
    let address = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let Some(rest) =
        address.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    else {
        return;
    };
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    // What was a path stays one.
    if let Ok(rest) = rest.parse() {
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(rest);
        *uri = Uri::from_parts(parts).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_path_is_one_way_to_write_it() {
        for (text, path) in [
            ("/", ""),
            ("", ""),
            ("/porta", "/porta"),
            ("/porta/", "/porta"),
            ("/a/b-c_d.e~f", "/a/b-c_d.e~f"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(path), "{text}");
        }
        let long = format!("/{}", "a".repeat(BYTES_MAX));
        for text in [
            "porta", "//", "//a", "/a//b", "/a//", "/..", "/a/../b", "/.", "/a b", "/é", "/a?b", "/a#b",
            "/a;b", "/a%2fb", "/a\r\nb", "/\\a", "http://a", &long,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in
            ["/admin", "/api", "/update", "/channels/porta", "/static", "/login", "/metrics", "/run_bash"]
        {
            assert!(parse(text).expect_err(text).contains("porta's own"), "{text}");
        }
    }

    #[test]
    fn it_is_taken_away_where_it_stands() {
        for (address, rest) in [
            ("/porta", "/"),
            ("/porta/", "/"),
            ("/porta?a=b", "/?a=b"),
            ("/porta/admin?a=/porta", "/admin?a=/porta"),
            ("/porta/porta/x", "/porta/x"),
            ("/porta//evil", "//evil"),
            ("/portal/x", "/portal/x"),
            ("/admin", "/admin"),
            ("/", "/"),
            ("/x/porta", "/x/porta"),
            ("http://host/porta/admin", "http://host/admin"),
            ("*", "*"),
        ] {
            let mut uri: Uri = address.parse().expect("an address");
            strip(&mut uri, "/porta");
            assert_eq!(uri.to_string(), rest, "{address}");
            let mut uri: Uri = address.parse().expect("an address");
            strip(&mut uri, "");
            assert_eq!(uri, address.parse::<Uri>().expect("an address"));
        }
    }
}
