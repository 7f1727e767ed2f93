//! Every argument: the source of the parser, the help, the man pages and the completions.

mod admin;
mod bridge;
mod compare;
mod criteria;
mod migrate;
mod serve;
mod stress;

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::admin::{Admin, Channel, ChannelSettings, Key, PasswordInput, Token, User};
pub use self::bridge::{Bridge, CommandLimits, Exec};
pub use self::compare::{Compare, RunList};
pub use self::criteria::{
    Check, CheckFormat, Config, Criteria, Judged, ListFormat, Notify, asks_for_criteria, asks_for_nagios,
    parse,
};
pub use self::migrate::{Import, Migrate, MigrateWhat};
pub use self::serve::{Limits, Serve, StressTestLimits};
pub use self::stress::{Custom, Stress, StressFormat};
use crate::domain::id::RunId;
use crate::domain::unit;
use crate::exit::Failure;

/// Environment files, first one first: a variable that is set already stays as it is.
const ENVIRONMENT_FILES: [&str; 2] = [".env", SYSTEM_ENVIRONMENT_FILE];
const SYSTEM_ENVIRONMENT_FILE: &str = "/etc/porta/porta.env";

/// The argument of a run that a server has begun.
const FOR_SERVER: &str = "--for-server";

const EXIT_CODES: &str = "\
Exit codes:
  0    done; a poor grade is an answer, too
  1    failed
  2    wrong usage
  4    stress: something that had to hold does not (--fail-on)
  5    stress: the run is not valid, so that it has no grade
       criteria has the codes of monitoring: 0 OK, 1 warning, 2 critical, 3 unknown
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
    Stress(Box<Stress>),
    /// Show what was measured
    Report(Report),
    /// Judge whether this installation is still fine, what to tune, and when to move on
    #[command(subcommand)]
    Criteria(Criteria),
    /// Bring the database up to date, back it up, restore it; bring channels in and out
    Migrate(Migrate),
    /// Manage accounts, channels, their keys and admin tokens in the database
    #[command(subcommand)]
    Admin(Admin),
    /// Write completions and man pages
    #[command(subcommand)]
    Generate(Generate),
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
    /// Say whether two runs, or repeats of them, differ
    Compare(Compare),
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

/// Loads `.env` and `/etc/porta/porta.env` into the environment; what is set already stays. A process that a server has
/// started has all it needs, and nothing of the server's settings and secrets.
///
/// # Errors
/// For a file that is there and cannot be understood.
pub fn load_environment_files() -> Result<(), Failure> {
    if std::env::args_os().any(|argument| argument == FOR_SERVER) {
        return Ok(());
    }
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

fn listed_runs(text: &str) -> Result<u32, String> {
    number_within(text, 1..=1000)
}

fn number_within(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("it takes a whole number from {} to {}", range.start(), range.end())),
    }
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
}
