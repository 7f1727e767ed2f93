//! Every argument: the source of the parser, the help, the man pages and the completions.

mod admin;
mod bridge;
mod migrate;
mod serve;

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::admin::{Admin, Channel, ChannelSettings, Key, Token};
pub use self::bridge::{Bridge, CommandLimits, Exec};
pub use self::migrate::{Import, Migrate, MigrateWhat};
pub use self::serve::{Limits, Serve};
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{DURATION_MAX, DURATION_MIN, RPS, Rate, TIMEOUT_MAX, WORKERS};
use crate::domain::unit;
use crate::exit::Failure;

/// Environment files, first one first: a variable that is set already stays as it is.
const ENVIRONMENT_FILES: [&str; 2] = [".env", SYSTEM_ENVIRONMENT_FILE];
const SYSTEM_ENVIRONMENT_FILE: &str = "/etc/porta/porta.env";

const EXIT_CODES: &str = "\
Exit codes:
  0    done; a poor grade is an answer, too
  1    failed
  2    wrong usage
  5    stress: the run is not valid, so that it has no grade
  130  interrupted; stress keeps what it has measured, unless a second signal came

A setting comes from its flag, else its variable in the environment, else .env in the working
directory, else /etc/porta/porta.env, else it is the default.";

/// How much load can this box take, is that still enough, and what to do when it is not.
#[derive(Debug, Parser)]
#[command(name = "porta", version, after_help = EXIT_CODES, max_term_width = 100, subcommand_required = true)]
pub struct Cli {
    /// Settings of every subcommand.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings of every subcommand.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings of every subcommand")]
pub struct Settings {
    /// Database file
    #[arg(long, global = true, env = "PORTA_DB", value_name = "FILE", default_value = "porta.db")]
    pub db: PathBuf,
    /// What to log on standard error
    #[arg(long, global = true, env = "PORTA_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// How to log
    #[arg(long, global = true, env = "PORTA_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// From which severity on a message is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What may need attention.
    Warn,
    /// What happens.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer devices
    Serve(Box<Serve>),
    /// Measure how much load a server takes
    Stress(Stress),
    /// Show what was measured
    Report(Report),
    /// Bring the database up to date, back it up, restore it; bring channels in and out
    Migrate(Migrate),
    /// Manage channels, their keys and admin tokens in the database
    #[command(subcommand)]
    Admin(Admin),
    /// Write completions and man pages
    #[command(subcommand)]
    Generate(Generate),
}

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

/// Arguments of `porta report`.
#[derive(Args, Debug)]
pub struct Report {
    /// Which report; the latest run's when none is named.
    #[command(subcommand)]
    pub which: Option<WhichReport>,
    /// How to print it
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// The reports.
#[derive(Debug, Subcommand)]
pub enum WhichReport {
    /// List runs, newest first
    List {
        /// Runs to list, 1 to 1000
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = listed_runs, allow_negative_numbers = true)]
        limit: u32,
    },
    /// Show one run
    Show {
        /// Number of the run
        id: RunId,
    },
}

/// How a result is printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputFormat {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// The formats of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Subcommands of `porta generate`.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write a man page for every subcommand
    Man {
        /// Folder to write to
        folder: PathBuf,
    },
}

/// Loads `.env` and `/etc/porta/porta.env` into the environment; what is set already stays.
///
/// # Errors
/// For a file that is there and cannot be understood.
pub fn load_environment_files() -> Result<(), Failure> {
    for file in ENVIRONMENT_FILES {
        match dotenvy::from_path(Path::new(file)) {
            Ok(()) => {}
            Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => {}
            // The system's file may be for the server's user only, and is then none for others.
            Err(dotenvy::Error::Io(error))
                if error.kind() == ErrorKind::PermissionDenied && file == SYSTEM_ENVIRONMENT_FILE => {}
            // The offending line may hold a secret, so that only its place is named.
            Err(dotenvy::Error::LineParse(_, at)) => {
                return Err(Failure::usage(format!(
                    "cannot read {file}: a line is not NAME=value (at character {at} of it)"
                )));
            }
            Err(error) => return Err(Failure::usage(format!("cannot read {file}: {error}"))),
        }
    }
    Ok(())
}

fn workers(text: &str) -> Result<u32, String> {
    number_within(text, WORKERS)
}

fn listed_runs(text: &str) -> Result<u32, String> {
    number_within(text, 1..=1000)
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    number_within(text, RPS).map(Rate::PerSecond).map_err(|error| format!("{error}, or `max`"))
}

fn number_within(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("it takes a whole number from {} to {}", range.start(), range.end())),
    }
}

fn run_duration(text: &str) -> Result<Duration, String> {
    duration_within(text, DURATION_MIN..=DURATION_MAX)
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, Duration::from_millis(1)..=TIMEOUT_MAX)
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    duration_within(text, Duration::from_millis(1)..=Duration::from_secs(100 * 365 * 86_400))
}

fn duration_within(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = unit::parse_duration(text)?;
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("it takes {} to {}", unit::duration(*range.start()), unit::duration(*range.end())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

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
