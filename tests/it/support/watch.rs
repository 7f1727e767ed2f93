//! What can be seen of a server from outside.

use std::time::Duration;

use porta::clock;

use super::Server;
use super::wire::{exchange, get};

/// After so long what should have come about will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// The value of a series of `/metrics`, its labels included; 0 where there is none.
pub fn metric(server: &Server, series: &str) -> f64 {
    let metrics = exchange(server, &get("/metrics"));
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

/// How often the server has answered with an error of this cause.
pub fn errors(server: &Server, cause: &str) -> f64 {
    metric(server, &format!("porta_incidents_total{{kind=\"server_error\",cause=\"{cause}\"}}"))
}

/// Looks again and again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = clock::instant();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::yield_now();
    }
}

/// Waits until nobody is connected but the one who looks.
pub fn until_deserted(server: &Server) {
    until("no request in flight", || metric(server, "porta_requests_in_flight") == 0.0);
    until("no other connection", || metric(server, "porta_connections") == 1.0);
}
