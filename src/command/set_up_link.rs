//! The link that `porta serve` shows while there is no administrator: it creates one.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::json;

use crate::cli::LogFormat;
use crate::clock;
use crate::domain::secret::Secret;
use crate::domain::session::SET_UP_LINK_MAX;
use crate::domain::unit::{self, UtcMillis};
use crate::entropy;
use crate::exit::Failure;
use crate::store::AccountStore;

/// A new link's token, if there is no administrator. It takes the place of any before. A database that cannot be written now is no
/// reason not to serve.
pub async fn offer(store: &impl AccountStore) -> Result<Option<Secret>, Failure> {
    let token = entropy::token().map_err(|error| Failure::new("cannot make a set-up link", error))?;
    let valid_until = UtcMillis(clock::utc().0 + SET_UP_LINK_MAX.as_millis() as i64);
    match store.offer_set_up(token.hash(), valid_until).await {
        Ok(is_offered) => Ok(is_offered.then_some(token)),
        Err(error) => {
            tracing::warn!(%error, "there is no set-up link; porta admin user create makes the first administrator");
            Ok(None)
        }
    }
}

/// Shows the link on standard error, whatever is logged there, in the shape of the log's lines.
pub fn show(token: &Secret, bound: SocketAddr, root_path: &str, format: LogFormat) {
    let origin = format!("http://{}", reachable(bound));
    let link = format!("{origin}{root_path}/setup?token={}", token.reveal());
    let valid = unit::duration(SET_UP_LINK_MAX);
    // How others reach this server, past which proxy or router, is not known here.
    let message = format!(
        "There is no administrator yet. Open this link in a browser within {valid} to create one; from elsewhere or through a \
         proxy, with the address that leads here in the place of {origin}"
    );
    let text = match format {
        LogFormat::Json => {
            let line = json!({
                "timestamp": clock::utc(), "level": "INFO", "fields": { "message": message, "set_up_link": link },
            });
            format!("{line}\n")
        }
        LogFormat::Text => format!("{message}:\n  {link}\n"),
    };
    // Where nobody listens nobody misses it.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// An address that a browser on this machine can open.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, bound.port()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_where_the_server_can_be_reached() {
        for (bound, address) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:8000", "[::1]:8000"),
            ("192.0.2.1:8000", "192.0.2.1:8000"),
        ] {
            assert_eq!(reachable(bound.parse().expect("an address")).to_string(), address);
        }
    }
}
