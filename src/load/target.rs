//! Where a run's requests go.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

use super::stream::Tls;
use super::traffic::Traffic;

/// What is measured, resolved once before the run.
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// How, where it is not plain TCP.
    pub(super) tls: Option<Tls>,
    /// What is sent there.
    pub traffic: Traffic,
}

/// A URL that can be loaded.
#[derive(Clone, Debug)]
pub struct Destination {
    /// As it was given.
    uri: Uri,
    authority: Authority,
    https: bool,
}

/// Why there can be no run against a URL. The text follows "cannot load URL: ".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no absolute URL.
    #[error("it is not a URL: write http://HOST:PORT")]
    NotAUrl,
    /// It is neither http nor https.
    #[error("it is neither http nor https")]
    Scheme,
    /// A user in the URL, or a query where there can be none.
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
    /// Characters that no header has.
    #[error("the bridge token must be printable ASCII characters")]
    Token,
    /// There can be no TLS connection.
    #[error("no TLS: {0}")]
    Tls(String),
}

impl Destination {
    /// Reads a URL.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        // What follows a # is not for the server.
        let url = url.split('#').next().unwrap_or(url);
        let uri: Uri = url.parse().map_err(|_| TargetError::NotAUrl)?;
        let authority = uri.authority().cloned().ok_or(TargetError::NotAUrl)?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(TargetError::Scheme),
            None => return Err(TargetError::NotAUrl),
        };
        // A port that is no port would count as none.
        if authority.port_u16().is_none() && !authority.as_str().ends_with(authority.host()) {
            return Err(TargetError::NotAUrl);
        }
        if authority.as_str().contains('@') {
            return Err(TargetError::Unused);
        }
        Ok(Self { uri, authority, https })
    }

    /// What the `Host` header says.
    pub(super) fn host_header(&self) -> Result<HeaderValue, TargetError> {
        HeaderValue::from_str(self.authority.as_str()).map_err(|_| TargetError::NotAUrl)
    }

    /// The path, without a slash at its end, below which `suffix` lies; it may be named itself, too.
    pub(super) fn base_path(&self, suffix: &str) -> Result<&str, TargetError> {
        if self.uri.query().is_some() {
            return Err(TargetError::Unused);
        }
        let base = self.uri.path().trim_end_matches('/');
        Ok(base.strip_suffix(suffix).unwrap_or(base))
    }

    /// Path and query, as they were given.
    pub(super) fn path_and_query(&self) -> Result<Uri, TargetError> {
        let whole = self.uri.path_and_query().map_or("/", |whole| whole.as_str());
        whole.parse().map_err(|_| TargetError::NotAUrl)
    }

    /// The URL with another path and without the query, which may hold a key.
    pub(super) fn with_path(&self, path: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority)
    }

    /// The path, as it was given.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Resolves the host.
    ///
    /// # Errors
    /// As [`TargetError`].
    pub async fn resolve(&self, traffic: Traffic) -> Result<Target, TargetError> {
        let (address, tls) = self.reach().await?;
        Ok(Target { address, tls, traffic })
    }

    /// The address to connect to, and how where it is not plain TCP.
    pub(super) async fn reach(&self) -> Result<(SocketAddr, Option<Tls>), TargetError> {
        let host = self.authority.host();
        let port = self.authority.port_u16().unwrap_or(if self.https { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let tls = self.https.then(|| Tls::new(bare).map_err(TargetError::Tls)).transpose()?;
        Ok((address(host, bare, port).await?, tls))
    }
}

/// An address first, then `localhost`, then the resolver: a static executable has none in an empty root.
async fn address(host: &str, bare: &str, port: u16) -> Result<SocketAddr, TargetError> {
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
        for (url, address, shown) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000", "http://127.0.0.1:8000/update"),
            ("http://localhost", "127.0.0.1:80", "http://localhost/update"),
            ("http://[::1]:81/porta/", "[::1]:81", "http://[::1]:81/porta/update"),
            ("http://127.0.0.1:82/update#top", "127.0.0.1:82", "http://127.0.0.1:82/update"),
            ("https://127.0.0.1", "127.0.0.1:443", "https://127.0.0.1/update"),
        ] {
            let destination = Destination::parse(url).expect(url);
            let traffic = Traffic::updates(&destination, "KEY").expect(url);
            assert_eq!(traffic.base_url.clone() + "/update", shown);
            // Certificates are the machine's, which may have none.
            if let Ok(target) = destination.resolve(traffic).await {
                assert_eq!(target.address.to_string(), address);
            }
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for (url, error) in [
            ("", TargetError::NotAUrl),
            ("127.0.0.1:8000", TargetError::NotAUrl),
            ("/update", TargetError::NotAUrl),
            ("http://127.0.0.1:80000", TargetError::NotAUrl),
            ("http://127.0.0.1:", TargetError::NotAUrl),
            ("ftp://127.0.0.1", TargetError::Scheme),
            ("http://me@127.0.0.1/", TargetError::Unused),
        ] {
            assert_eq!(Destination::parse(url).err(), Some(error), "{url}");
        }
    }
}
