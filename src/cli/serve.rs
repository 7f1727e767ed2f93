//! `porta serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::bridge::Bridge;
use super::{number_within, positive_duration};
use crate::domain::unit;

/// Arguments of `porta serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Address to listen on; port 0 picks a free one, and the first line of the output names it
    #[arg(long, env = "PORTA_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8000", value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Threads that answer requests, 1 to 256
    #[arg(long, env = "WORKERS", value_name = "N", default_value_t = 4, value_parser = server_workers, allow_negative_numbers = true)]
    pub workers: u32,
    /// End a request that takes longer with 503
    #[arg(long, env = "WORKER_TIMEOUT", value_name = "DURATION", default_value = "120s", value_parser = positive_duration)]
    pub worker_timeout: Duration,
    /// How long accepted requests may take after a stop was asked for
    #[arg(long, env = "PORTA_SHUTDOWN_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = unit::parse_duration)]
    pub shutdown_timeout: Duration,
    /// File with the thresholds of the criteria [default: criteria.toml beside the database where there is one, else the built-in ones]
    #[arg(long, env = "PORTA_CRITERIA", value_name = "FILE")]
    pub criteria: Option<PathBuf>,
    /// Refuse a database with an old schema instead of migrating it
    #[arg(long, env = "PORTA_NO_MIGRATE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub no_migrate: bool,
    /// One worker, web/ read again at every request, a verbose log
    #[arg(long, env = "DEBUG", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub debug: bool,
    /// Stop when the process that started this one ends
    #[arg(long)]
    pub with_parent: bool,
    /// How much of everything there can be at a time.
    #[command(flatten)]
    pub limits: Limits,
    /// What agents may do.
    #[command(flatten)]
    pub bridge: Bridge,
    /// What administrators may start.
    #[command(flatten)]
    pub stress_tests: StressTestLimits,
}

/// Limits of the stress tests that are started by the admin pages and the admin API.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Stress tests that administrators start; porta stress has limits of its own")]
pub struct StressTestLimits {
    /// Connections of a stress test, 1 to 1000
    #[arg(long, env = "STRESS_TEST_MAX_WORKERS", value_name = "N", default_value_t = 100, value_parser = super::stress::workers, allow_negative_numbers = true)]
    pub stress_test_max_workers: u32,
    /// Requests a second of a stress test, 1 to 100000
    #[arg(long, env = "STRESS_TEST_MAX_RPS", value_name = "N", default_value_t = 10_000, value_parser = many, allow_negative_numbers = true)]
    pub stress_test_max_rps: u32,
    /// How long a stress test may send, 1s to 24h
    #[arg(long, env = "STRESS_TEST_MAX_DURATION", value_name = "DURATION", default_value = "600s", value_parser = super::stress::run_duration, allow_negative_numbers = true)]
    pub stress_test_max_duration: Duration,
}

/// Limits of `porta serve`. What is beyond one is refused at once.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits; what is beyond one is refused at once")]
pub struct Limits {
    /// Open connections; the next is answered with 503 and closed, 1 to 100000
    #[arg(long, env = "PORTA_MAX_CONNECTIONS", value_name = "N", default_value_t = 8192, value_parser = many, allow_negative_numbers = true)]
    pub max_connections: u32,
    /// Requests in flight; the next is answered with 503, 1 to 100000
    #[arg(long, env = "PORTA_MAX_REQUESTS", value_name = "N", default_value_t = 1024, value_parser = many, allow_negative_numbers = true)]
    pub max_requests: u32,
    /// Updates that wait for the database; the next is answered with 503, 1 to 100000
    #[arg(long, env = "PORTA_MAX_QUEUE", value_name = "N", default_value_t = 4096, value_parser = many, allow_negative_numbers = true)]
    pub max_queue: u32,
    /// Bulk updates in flight; the next is answered with 503, 1 to 100000
    #[arg(long, env = "PORTA_MAX_BULK_UPDATES", value_name = "N", default_value_t = 8, value_parser = many, allow_negative_numbers = true)]
    pub max_bulk_updates: u32,
    /// Head of a request; a longer one is answered with 431, 8KiB to 1MiB
    #[arg(long, env = "PORTA_MAX_HEAD", value_name = "SIZE", default_value = "16KiB", value_parser = head_size)]
    pub max_head: usize,
    /// Body of a request; a longer one is answered with 413, 1KiB to 1GiB
    #[arg(long, env = "PORTA_MAX_BODY", value_name = "SIZE", default_value = "64KiB", value_parser = body_size)]
    pub max_body: usize,
    /// Body of a bulk update; a longer one is answered with 413, 1KiB to 1GiB
    #[arg(long, env = "PORTA_MAX_BULK_BODY", value_name = "SIZE", default_value = "8MiB", value_parser = body_size)]
    pub max_bulk_body: usize,
    /// Answers over 64 KiB that their clients have not taken yet, together; the next is answered with 503, 32MiB to 64GiB
    #[arg(long, env = "PORTA_MAX_UNSENT", value_name = "SIZE", default_value = "256MiB", value_parser = unsent_size)]
    pub max_unsent: usize,
    /// Time for the head of a request to arrive, and of an idle connection
    #[arg(long, env = "PORTA_HEAD_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub head_timeout: Duration,
    /// Time for a body to arrive; a later one is answered with 408
    #[arg(long, env = "PORTA_BODY_TIMEOUT", value_name = "DURATION", default_value = "20s", value_parser = positive_duration)]
    pub body_timeout: Duration,
    /// Time for which a client may take nothing of its answer
    #[arg(long, env = "PORTA_SEND_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub send_timeout: Duration,
}

pub fn server_workers(text: &str) -> Result<u32, String> {
    number_within(text, 1..=256)
}

fn many(text: &str) -> Result<u32, String> {
    number_within(text, 1..=100_000)
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "write ADDRESS:PORT, for example 127.0.0.1:8000 or 0.0.0.0:8000".into())
}

fn head_size(text: &str) -> Result<usize, String> {
    size_within(text, 8 * 1024..=1024 * 1024)
}

fn body_size(text: &str) -> Result<usize, String> {
    size_within(text, 1024..=1024 * 1024 * 1024)
}

fn unsent_size(text: &str) -> Result<usize, String> {
    size_within(text, 32 * 1024 * 1024..=64 * 1024 * 1024 * 1024)
}

pub(super) fn size_within(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let size = usize::try_from(unit::parse_bytes(text)?).unwrap_or(usize::MAX);
    if range.contains(&size) {
        Ok(size)
    } else {
        Err(format!("it takes {} to {} bytes", range.start(), range.end()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        serve: Serve,
    }

    #[test]
    fn limits_of_stress_tests_are_checked_at_their_bounds() {
        for (name, least, most, wrong) in [
            ("workers", "1", "1000", ["0", "1001"]),
            ("rps", "1", "100000", ["0", "100001"]),
            ("duration", "1s", "24h", ["999ms", "86401"]),
        ] {
            let parsed = |value: &str| {
                let argument = format!("--stress-test-max-{name}={value}");
                Command::try_parse_from(["serve", &argument]).map(|command| command.serve.stress_tests)
            };
            assert!(parsed(least).is_ok() && parsed(most).is_ok(), "{name}");
            assert!(wrong.into_iter().all(|value| parsed(value).is_err()), "{name}");
        }
    }

    #[test]
    fn sizes_are_checked_at_their_bounds() {
        for (text, ok) in [("8KiB", true), ("8191", false), ("1MiB", true), ("1048577", false), ("x", false)]
        {
            assert_eq!(head_size(text).is_ok(), ok, "{text}");
        }
    }
}
