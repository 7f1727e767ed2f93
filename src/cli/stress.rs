//! `porta stress`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::serve::server_workers;
use super::{duration_within, number_within};
use crate::domain::id::ChannelId;
use crate::domain::run::{DURATION_MAX, DURATION_MIN, RPS, Rate, TIMEOUT_MAX, WORKERS};
use crate::domain::unit;

/// Sizes that a database can be filled to.
const GENERATED_BYTES: std::ops::RangeInclusive<u64> = 1_000_000..=1_000_000_000_000;

/// Arguments of `porta stress`.
#[derive(Args, Debug)]
#[command(after_help = "\
With none of --url, --channel and --api-key, porta starts a private server with an empty database on the same disk, \
measures that, and throws it away. The report is stored in --db either way.")]
pub struct Stress {
    /// Server to measure [default: http://127.0.0.1:8000 when --channel or --api-key is given, else a private server]
    #[arg(long, env = "PORTA_URL", value_name = "URL")]
    pub url: Option<String>,
    /// Channel that the API key belongs to, for the report
    #[arg(long, value_name = "ID")]
    pub channel: Option<ChannelId>,
    /// Write API key; set PORTA_API_KEY instead, since an argument shows in the list of processes
    #[arg(long, env = "PORTA_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Connections, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = workers, allow_negative_numbers = true)]
    pub workers: u32,
    /// Requests a second, 1 to 100000, or `max`: each worker sends as soon as it has its answer
    #[arg(long, value_name = "N", default_value = "100", value_parser = rate, allow_negative_numbers = true)]
    pub rps: Rate,
    /// How long to send, 1s to 24h
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = run_duration, allow_negative_numbers = true)]
    pub duration: Duration,
    /// How long to wait for an answer, up to 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = timeout, allow_negative_numbers = true)]
    pub timeout: Duration,
    /// Instead of a run: fill --db with synthetic channels until it has this size
    #[arg(long, value_name = "SIZE", value_parser = generated_bytes, conflicts_with_all = ["channel", "keep_rows"])]
    pub generate_data: Option<u64>,
    /// Do not ask before synthetic data goes beside real channels
    #[arg(long, short, requires = "generate_data")]
    pub yes: bool,
    /// Instead of one run: the same load on private servers with each of these --workers, in turn, to find the best setting
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = server_workers,
          conflicts_with_all = ["channel", "keep_rows", "generate_data"])]
    pub tune_workers: Vec<u32>,
    /// Keep the rows that the run has written to a channel of --db, which are deleted after it otherwise
    #[arg(long)]
    pub keep_rows: bool,
    /// Also write the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the report for people, or one JSON event a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: StressFormat,
    /// Show nothing while it runs
    #[arg(long, short)]
    pub quiet: bool,
}

/// The output of `porta stress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StressFormat {
    /// For people.
    Text,
    /// One JSON event a line: start, progress every second, report.
    Json,
}

fn generated_bytes(text: &str) -> Result<u64, String> {
    let bytes = unit::parse_bytes(text)?;
    if GENERATED_BYTES.contains(&bytes) { Ok(bytes) } else { Err("it takes 1MB to 1000GB".into()) }
}

fn workers(text: &str) -> Result<u32, String> {
    number_within(text, WORKERS)
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    number_within(text, RPS).map(Rate::PerSecond).map_err(|error| format!("{error}, or `max`"))
}

fn run_duration(text: &str) -> Result<Duration, String> {
    duration_within(text, DURATION_MIN..=DURATION_MAX)
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, Duration::from_millis(1)..=TIMEOUT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_at_their_bounds() {
        for (text, ok) in
            [("1", true), ("1000", true), ("0", false), ("1001", false), ("-1", false), ("x", false)]
        {
            assert_eq!(workers(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("1", true), ("100000", true), ("max", true), ("0", false), ("100001", false)] {
            assert_eq!(rate(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("1s", true), ("24h", true), ("0", false), ("999ms", false), ("86401", false)] {
            assert_eq!(run_duration(text).is_ok(), ok, "{text}");
        }
    }
}
