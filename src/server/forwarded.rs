//! How a request has reached this server: directly, or through proxies. What a proxy says of it is believed only of proxies
//! that the operator trusts, since anybody can send the same headers.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::State;
use super::operations::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// How a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address it came from, as far as that can be told.
    pub client: Option<IpAddr>,
    /// Whether it came by TLS.
    pub is_https: bool,
    /// The name, and the port if it is not the usual one, under which the client knows this server.
    pub host: Option<String>,
}

impl FromRequestParts<Arc<State>> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, state))
    }
}

impl Arrival {
    /// That of a request.
    pub fn of(parts: &Parts, state: &State) -> Self {
        let peer = parts.extensions.get::<Peer>().map(|Peer(address)| *address);
        Self::told(peer, &parts.headers, &state.trusted_proxies)
    }

    /// The client's address as the log has it.
    pub fn shown_client(&self) -> String {
        self.client.map_or_else(|| "unknown".into(), |client| client.to_string())
    }

    fn told(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> Self {
        let client = peer.map(|peer| peer.ip().to_canonical());
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        if !client.is_some_and(|peer| trusted.contains(&peer)) {
            return Self { client, is_https: false, host };
        }
        Self {
            client: hop(headers, trusted).or(client),
            is_https: last(headers, FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
            host: last(headers, FORWARDED_HOST).map(str::to_owned).or(host),
        }
    }
}

/// The last address of the way that is no trusted proxy's: what stands before it the client itself may have written. Where
/// all are trusted, the first.
fn hop(headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let mut nearest = None;
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    for line in lines.into_iter().rev() {
        for part in line.as_bytes().rsplit(|byte| *byte == b',') {
            // Beyond what is no address nothing can be told. The client may have written anything there.
            let text = str::from_utf8(part.trim_ascii()).ok();
            let Some(address) = text.and_then(address) else { return nearest };
            nearest = Some(address);
            if !trusted.contains(&address) {
                return nearest;
            }
        }
    }
    nearest
}

/// An address, which some proxies write with a port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    plain.or_else(bracketed).or_else(with_port).map(|address| address.to_canonical())
}

/// What the nearest proxy says: it may have added to what others have said.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back()?.as_bytes();
    let value = str::from_utf8(line.rsplit(|byte| *byte == b',').next()?.trim_ascii()).ok();
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: [&str; 2] = ["127.0.0.1", "10.0.0.2"];

    fn arrival(peer: &str, headers: &[(&'static str, &'static str)]) -> Arrival {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = axum::http::HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            map.append(HeaderName::from_static(name), value);
        }
        let trusted = TRUSTED.map(|address| address.parse().expect("an address"));
        Arrival::told(Some(peer.parse().expect("an address")), &map, &trusted)
    }

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        arrival(peer, headers).client.expect("a client").to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let said = [
            ("host", "porta.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
        ];
        let told = arrival("198.51.100.9:5", &said);
        assert_eq!(told.client.expect("a client").to_string(), "198.51.100.9");
        assert_eq!((told.is_https, told.host.as_deref()), (false, Some("porta.example")));
        let told = arrival("127.0.0.1:5", &said);
        assert_eq!(told.client.expect("a client").to_string(), "192.0.2.1");
        assert_eq!((told.is_https, told.host.as_deref()), (true, Some("evil.example")));
    }

    #[test]
    fn the_client_is_the_last_who_is_not_trusted() {
        for (said, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.5, 192.0.2.1", "192.0.2.1"),
            ("203.0.113.5, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
            ("127.0.0.1, 203.0.113.5,10.0.0.2", "203.0.113.5"),
            ("10.0.0.2", "10.0.0.2"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("203.0.113.5, unknown", "127.0.0.1"),
            ("203.0.113.5, unknown, 10.0.0.2", "10.0.0.2"),
            ("é, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, é, 10.0.0.2", "10.0.0.2"),
            ("é", "127.0.0.1"),
            ("", "127.0.0.1"),
            (",", "127.0.0.1"),
        ] {
            let leaked: &'static str = said;
            assert_eq!(client("127.0.0.1:5", &[("x-forwarded-for", leaked)]), expected, "{said}");
        }
        let lines = [("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "192.0.2.1, 10.0.0.2")];
        assert_eq!(client("127.0.0.1:5", &lines), "192.0.2.1");
        assert_eq!(client("[::ffff:127.0.0.1]:5", &[("x-forwarded-for", "192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn of_what_several_proxies_say_the_nearest_is_heard() {
        for (said, is_https) in [
            ("https", true),
            ("HTTPS", true),
            ("http", false),
            ("https, http", false),
            ("http,https", true),
            ("é,https", true),
            ("", false),
        ] {
            assert_eq!(arrival("127.0.0.1:5", &[("x-forwarded-proto", said)]).is_https, is_https, "{said}");
        }
        let hosts = [("host", "inner"), ("x-forwarded-host", "a.example, b.example:8443")];
        assert_eq!(arrival("127.0.0.1:5", &hosts).host.as_deref(), Some("b.example:8443"));
        assert_eq!(
            arrival("127.0.0.1:5", &[("host", "inner"), ("x-forwarded-host", "")]).host.as_deref(),
            Some("inner")
        );
    }
}
