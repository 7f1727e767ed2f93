//! Arguments of `porta criteria`, and how wrong ones end: monitoring reads clap's exit code as critical.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser as _, Subcommand, ValueEnum};

use super::{Cli, OutputFormat, duration_within, number_within, positive_duration};
use crate::domain::id::RunId;
use crate::exit::{Exit, Failure};

/// Settings of every subcommand that take a value.
const WITH_VALUE: [&str; 3] = ["--db", "--log-level", "--log-format"];
/// Shortest and longest window of live traffic.
const SINCE_MIN: Duration = Duration::from_secs(60);
const SINCE_MAX: Duration = Duration::from_secs(730 * 86_400);

const EXIT_CODES: &str = "\
Exit codes, as monitoring reads them:
  0  OK
  1  WARNING: something is near or over a threshold, or can be tuned
  2  CRITICAL: a red flag, or a crossed criterion that the database's own figures confirm
  3  UNKNOWN: for want of evidence, a database or sound arguments

The database is opened to read only.";

const OF_A_CHECK: &str = "\
The result is stored by a short write afterwards, and counts for the hook and the ping, unless --no-store is said. \
Checks by different --config files count apart. A check with --run or --since is for a look: it is neither stored \
nor told to anybody. To judge by another window for good, set it in criteria.toml.

A database that cannot be read has a verdict, too: unknown, which is shown in every format, and told as any other. \
What has been told is remembered in a file beside the database, named after it with .check.lock; where there can be \
none, each check tells whoever is to be told. Of wrong arguments nobody is told.";

/// Subcommands of `porta criteria`.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Criteria {
    /// List the criteria, what they mean and their thresholds
    List {
        /// The thresholds.
        #[command(flatten)]
        config: Config,
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Judge this installation: is it still fine, what to tune, is it time to move
    #[command(after_help = format!("{EXIT_CODES}\n\n{OF_A_CHECK}"))]
    Check(Box<Check>),
    /// List the checks that were stored, newest first
    History {
        /// Checks to list, 1 to 10000
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = listed, allow_negative_numbers = true)]
        limit: u32,
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Go through the list of what has to be done before, while and after moving on from SQLite alone
    Checklist {
        /// What is judged.
        #[command(flatten)]
        judged: Judged,
        /// How to print it
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Write criteria.toml with the default thresholds and what they mean
    Init {
        /// File to write, which must not be there [default: criteria.toml beside the database]
        file: Option<PathBuf>,
    },
    /// Run the hook and the ping once, whatever the verdict, and show what came of them
    HookTest {
        /// Whom to tell.
        #[command(flatten)]
        notify: Notify,
    },
    /// Say how often these thresholds would have raised an alarm in the past
    Backtest {
        /// How far back, 1 to 730
        #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = days, allow_negative_numbers = true)]
        days: u32,
        /// The thresholds.
        #[command(flatten)]
        config: Config,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
}

/// Where thresholds come from.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// File with the thresholds [default: criteria.toml beside the database where there is one, else the built-in ones]
    #[arg(long, env = "PORTA_CRITERIA", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What is judged, and by what.
#[derive(Args, Clone, Debug)]
pub struct Judged {
    /// The thresholds.
    #[command(flatten)]
    pub config: Config,
    /// How far back live traffic counts, 1m to 730d [default: as in criteria.toml, else 24h]
    #[arg(long, value_name = "DURATION", value_parser = since, allow_negative_numbers = true)]
    pub since: Option<Duration>,
    /// Stress run that p95 and CV come from [default: the latest valid one that is not older than 30 days]
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
}

/// Whom to tell, and how long that may take.
#[derive(Args, Clone, Debug)]
pub struct Notify {
    /// Command to run by sh when the verdict changes; the variables PORTA_VERDICT, PORTA_PREVIOUS and PORTA_SUMMARY say what it is. What it leaves running is left alone
    #[arg(long, env = "PORTA_HOOK", hide_env_values = true, value_name = "CMD")]
    pub hook: Option<String>,
    /// Address to GET when the verdict changes
    #[arg(long, env = "PORTA_PING", hide_env_values = true, value_name = "URL")]
    pub ping: Option<String>,
    /// How long the hook and the ping may take each; the hook is then killed, with all that it has started
    #[arg(long, env = "PORTA_HOOK_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = positive_duration, allow_negative_numbers = true)]
    pub hook_timeout: Duration,
}

/// Arguments of `porta criteria check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// What is judged.
    #[command(flatten)]
    pub judged: Judged,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: CheckFormat,
    /// Write it to a file instead, which is replaced at once
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print nothing while an OK stays OK
    #[arg(long, short)]
    pub quiet: bool,
    /// Whom to tell.
    #[command(flatten)]
    pub notify: Notify,
    /// Consecutive results before a change of the verdict counts for the hook and the ping, 1 to 100 [default: as in criteria.toml, else 2]
    #[arg(long, value_name = "N", value_parser = damping, allow_negative_numbers = true)]
    pub damping: Option<u32>,
    /// Do not store the result; then nothing tells whether the next one is a change
    #[arg(long)]
    pub no_store: bool,
}

/// How a check is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// One line with performance data, for Nagios, Icinga and others.
    Nagios,
    /// A text file for Prometheus's node exporter.
    Prometheus,
    /// For continuous integration.
    Junit,
    /// For a report.
    Markdown,
}

/// How a list of things to do is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For a report.
    Markdown,
}

/// Reads the arguments of the process. Help, the version and what is wrong are printed, and there is nothing more to do but to end
/// with that code.
///
/// # Errors
/// Wrong arguments of `criteria`, in one line.
pub fn parse() -> Result<ControlFlow<Exit, Cli>, Failure> {
    let error = match Cli::try_parse() {
        Ok(cli) => return Ok(ControlFlow::Continue(cli)),
        Err(error) => error,
    };
    let is_wrong = error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_wrong && asks_for_criteria() {
        return Err(Failure::usage(in_one_line(&error.to_string())));
    }
    // A reader that has gone does not change what was wrong.
    let _ = error.print();
    Ok(ControlFlow::Break(match (error.use_stderr(), asks_for_criteria()) {
        (false, _) => Exit::Done,
        (true, true) => Exit::Unknown,
        (true, false) => Exit::Usage,
    }))
}

/// Whether `criteria` is what the process is to do, be its arguments right or wrong.
pub fn asks_for_criteria() -> bool {
    is_criteria(std::env::args_os().skip(1))
}

fn is_criteria(mut arguments: impl Iterator<Item = OsString>) -> bool {
    while let Some(argument) = arguments.next() {
        if WITH_VALUE.iter().any(|name| argument == *name) {
            arguments.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return argument == "criteria";
        }
    }
    false
}

/// Whether the line that monitoring reads is asked for, be the other arguments right or wrong.
pub fn asks_for_nagios() -> bool {
    is_for_nagios(std::env::args_os().skip(1))
}

fn is_for_nagios(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut is_format = false;
    for argument in arguments {
        if argument == "--format=nagios" || is_format && argument == "nagios" {
            return true;
        }
        is_format = argument == "--format";
    }
    false
}

/// What clap says above its usage, without the word `error`.
fn in_one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let above = message.split("\n\nUsage:").next().unwrap_or_default();
    let above = above.split("\n\nFor more information").next().unwrap_or_default();
    above.replace("\n\n  tip:", "; tip:").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn listed(text: &str) -> Result<u32, String> {
    number_within(text, 1..=10_000)
}

fn days(text: &str) -> Result<u32, String> {
    number_within(text, 1..=730)
}

fn damping(text: &str) -> Result<u32, String> {
    number_within(text, 1..=100)
}

fn since(text: &str) -> Result<Duration, String> {
    duration_within(text, SINCE_MIN..=SINCE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_is_found_behind_the_settings_of_all() {
        for (line, expected) in [
            ("criteria check", true),
            ("--db x.db criteria", true),
            ("--db=x.db --log-level off criteria list --wrong", true),
            ("--db criteria report", false),
            ("report --db criteria", false),
            ("--version", false),
            ("", false),
        ] {
            let arguments = line.split_whitespace().map(OsString::from);
            assert_eq!(is_criteria(arguments), expected, "{line}");
        }
    }

    #[test]
    fn the_line_of_monitoring_is_found_among_wrong_arguments() {
        for (line, expected) in [
            ("criteria check --format nagios --wrong", true),
            ("criteria check --wrong --format=nagios", true),
            ("criteria check --format json nagios", false),
            ("criteria check --output nagios", false),
            ("criteria check --format", false),
        ] {
            assert_eq!(is_for_nagios(line.split(' ').map(OsString::from)), expected, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (line, words) in [
            ("porta criteria check --nonsense", "unexpected argument '--nonsense' found"),
            (
                "porta criteria check --pings",
                "unexpected argument '--pings' found; tip: a similar argument exists",
            ),
            (
                "porta criteria check --since never",
                "invalid value 'never' for '--since <DURATION>': `never` is not",
            ),
            (
                "porta criteria check --format xml",
                "invalid value 'xml' for '--format <FORMAT>' [possible values: table,",
            ),
            ("porta criteria frobnicate", "unrecognized subcommand 'frobnicate'"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).expect_err("wrong arguments");
            let text = in_one_line(&error.to_string());
            assert!(text.starts_with(words) && !text.contains('\n'), "{text}");
        }
    }
}
