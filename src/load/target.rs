//! What a run sends its requests to, and what it sends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderValue;

use crate::clock;

/// Where updates go, resolved once before the run.
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// What `/update` lies below, as `http://HOST:PORT` and a path.
    pub base_url: String,
    /// What the `Host` header says.
    pub host: HeaderValue,
    /// The path of `/update` at the target.
    pub update_path: Uri,
    /// Marks each request as one of a stress test, and of which: its `X-Porta-Run`.
    pub run: HeaderValue,
    /// The head of each form body: `api_key=…`.
    form_head: String,
}

/// Why a URL cannot be a target. The text follows "cannot load URL: ".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no absolute URL.
    #[error("it is not a URL: write http://HOST:PORT")]
    NotAUrl,
    /// It is not http.
    #[error("this version loads http targets only; for https name the server behind the TLS proxy")]
    Scheme,
    /// A query or a user in the URL.
    #[error("only http://HOST:PORT and a path can be given")]
    Unused,
    /// No address for the host.
    #[error("{host} has no address: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// Characters that no key has.
    #[error("the API key must be 1 to 64 printable ASCII characters")]
    Key,
}

impl Target {
    /// Resolves `url`, under which `/update` takes updates with `api_key`.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub async fn resolve(url: &str, api_key: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::NotAUrl)?;
        let authority = uri.authority().ok_or(TargetError::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(TargetError::Scheme),
            None => return Err(TargetError::NotAUrl),
        }
        // A port that is no port would count as none.
        if authority.port_u16().is_none() && !authority.as_str().ends_with(authority.host()) {
            return Err(TargetError::NotAUrl);
        }
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(TargetError::Unused);
        }
        if !(1..=64).contains(&api_key.len()) || !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Key);
        }
        let address = resolve(authority.host(), authority.port_u16().unwrap_or(80)).await?;
        let base = uri.path().trim_end_matches('/');
        let base = base.strip_suffix("/update").unwrap_or(base);
        Ok(Self {
            address,
            base_url: format!("http://{authority}{base}"),
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| TargetError::NotAUrl)?,
            update_path: format!("{base}/update").parse().map_err(|_| TargetError::NotAUrl)?,
            run: HeaderValue::from(clock::utc().0),
            form_head: format!(
                "api_key={}",
                form_urlencoded::byte_serialize(api_key.as_bytes()).collect::<String>()
            ),
        })
    }

    /// The body of an update: random values from 0.0 to 100.0 in all eight fields.
    pub fn update_body(&self, random: &mut fastrand::Rng) -> Bytes {
        let mut body = Vec::with_capacity(self.form_head.len() + 8 * "&field1=100.0".len());
        body.extend_from_slice(self.form_head.as_bytes());
        for field in b'1'..=b'8' {
            let tenths = random.u16(0..=1000);
            body.extend_from_slice(b"&field");
            body.extend_from_slice(&[field, b'=']);
            push_number(&mut body, tenths / 10);
            body.extend_from_slice(&[b'.', b'0' + (tenths % 10) as u8]);
        }
        body.into()
    }
}

/// Appends a number up to 100 in decimal digits.
fn push_number(body: &mut Vec<u8>, number: u16) {
    let digits = [number / 100, number / 10 % 10, number % 10];
    let first = digits[..2].iter().position(|digit| *digit > 0).unwrap_or(2);
    body.extend(digits[first..].iter().map(|digit| b'0' + *digit as u8));
}

/// An address first, then `localhost`, then the resolver: a static executable has none in an empty root.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, TargetError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    let unresolved = |reason: String| TargetError::Unresolved { host: host.into(), reason };
    let mut addresses =
        tokio::net::lookup_host((host, port)).await.map_err(|error| unresolved(error.to_string()))?;
    addresses.next().ok_or_else(|| unresolved("the resolver knows none".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn urls_become_targets() {
        for (url, address, path) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000", "/update"),
            ("http://localhost", "127.0.0.1:80", "/update"),
            ("http://[::1]:81/porta/", "[::1]:81", "/porta/update"),
            ("http://127.0.0.1:82/update", "127.0.0.1:82", "/update"),
        ] {
            let target = Target::resolve(url, "KEY").await.expect(url);
            assert_eq!((target.address.to_string().as_str(), target.update_path.path()), (address, path));
        }
    }

    #[tokio::test]
    async fn what_is_no_target_is_refused() {
        for (url, key, error) in [
            ("", "K", TargetError::NotAUrl),
            ("127.0.0.1:8000", "K", TargetError::NotAUrl),
            ("/update", "K", TargetError::NotAUrl),
            ("http://127.0.0.1:80000", "K", TargetError::NotAUrl),
            ("http://127.0.0.1:", "K", TargetError::NotAUrl),
            ("https://127.0.0.1", "K", TargetError::Scheme),
            ("http://127.0.0.1/?a=b", "K", TargetError::Unused),
            ("http://me@127.0.0.1/", "K", TargetError::Unused),
            ("http://127.0.0.1", "", TargetError::Key),
            ("http://127.0.0.1", "a\nb", TargetError::Key),
        ] {
            assert_eq!(Target::resolve(url, key).await.err(), Some(error), "{url}");
        }
    }

    #[tokio::test]
    async fn all_eight_fields_have_values_from_0_to_100() {
        let target = Target::resolve("http://127.0.0.1", "A&B").await.expect("a target");
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            let body = target.update_body(&mut random);
            let body = std::str::from_utf8(&body).expect("text");
            let mut parts = body.split('&');
            assert_eq!(parts.next(), Some("api_key=A%26B"));
            for field in 1..=8 {
                let value = parts.next().and_then(|part| part.strip_prefix(&format!("field{field}=")));
                let value: f64 = value.expect("the field").parse().expect("a number");
                assert!((0.0..=100.0).contains(&value));
            }
            assert_eq!(parts.next(), None);
        }
    }
}
