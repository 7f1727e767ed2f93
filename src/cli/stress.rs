//! `porta stress`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::serve::server_workers;
use super::{duration_within, number_within};
use crate::domain::assertion::Assertion;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{
    AGENT_RPS, DURATION_MAX, DURATION_MIN, Plan, REQUESTS, RPS, Ramp, Rate, Scenario, TIMEOUT_MAX,
    WARM_UP_MAX, WORKERS,
};
use crate::domain::unit;

/// Sizes that a database can be filled to.
const GENERATED_BYTES: std::ops::RangeInclusive<u64> = 1_000_000..=1_000_000_000_000;

const FAIL_ON: &str = "\
What has to hold, such as 'p95<200ms' or 'success>99%'; exit code 4 if it does not. Can be given several times

A metric (avg, min, max, p50, p95, p99, p999, stdev in us, ms or s; cv, efficiency in %; success, failed as a number or in %; \
total, rps), then <, <=, > or >=, then a number with its unit. What has no value, or too few requests for it, does not hold.";

const AFTER_HELP: &str = "\
With none of --url, --channel and --api-key, porta starts a private server with an empty database on the same disk, \
measures that, and throws it away. The report is stored in --db either way.";

/// What says something about one run against one target, and nothing about several on private servers. The URL and the key
/// are not among it: their variables may be set for other runs.
const OF_ONE_RUN: [&str; 7] =
    ["channel", "keep_rows", "agents", "custom", "fail_on", "dry_run", "generate_data"];
/// What says something about a load.
const OF_A_RUN: [&str; 15] = [
    "channel",
    "keep_rows",
    "agents",
    "custom",
    "fail_on",
    "dry_run",
    "tune_workers",
    "scenario",
    "workers",
    "rps",
    "ramp",
    "requests",
    "duration",
    "warm_up",
    "output",
];

/// Arguments of `porta stress`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Stress {
    /// Server to measure [default: http://127.0.0.1:8000 when --channel or --api-key is given, else a private server]
    #[arg(long, env = "PORTA_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// Channel that the API key belongs to, for the report
    #[arg(long, value_name = "ID")]
    pub channel: Option<ChannelId>,
    /// Write API key; set PORTA_API_KEY instead, since an argument shows in the list of processes
    #[arg(long, env = "PORTA_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub api_key: Option<String>,
    /// A load with a name; what is given beside it counts more: baseline (10 workers, 100 rps, 60 s), medium (25, 500, 120 s), high (50, 1000, 60 s), max (100, 5000, 60 s), soak (10, 100, 4 h)
    #[arg(long, value_name = "NAME", value_parser = scenario_names(), hide_possible_values = true)]
    pub scenario: Option<Scenario>,
    /// Connections, 1 to 1000 [default: 10]
    #[arg(long, value_name = "N", value_parser = workers, allow_negative_numbers = true)]
    pub workers: Option<u32>,
    /// Requests a second, 1 to 100000, or `max`: each worker sends as soon as it has its answer [default: 100]
    #[arg(long, value_name = "N", value_parser = rate, allow_negative_numbers = true)]
    pub rps: Option<Rate>,
    /// Requests a second at the start and at the end, changing in a straight line: 100..5000
    #[arg(long, value_name = "FROM..TO", value_parser = ramp, conflicts_with = "rps", allow_negative_numbers = true)]
    pub ramp: Option<Ramp>,
    /// So many requests, spread evenly over --duration
    #[arg(long, value_name = "N", value_parser = requests, conflicts_with_all = ["rps", "ramp"], allow_negative_numbers = true)]
    pub requests: Option<u64>,
    /// How long to send, 1s to 24h [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = run_duration, allow_negative_numbers = true)]
    pub duration: Option<Duration>,
    /// Send for so long before it, at the rate that it begins with, without measuring; up to 1h
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = warm_up, allow_negative_numbers = true)]
    pub warm_up: Duration,
    /// How long to wait for an answer, up to 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = timeout, allow_negative_numbers = true)]
    pub timeout: Duration,
    /// What has to hold, such as 'p95<200ms' or 'success>99%'; exit code 4 if it does not. Can be given several times
    #[arg(long, value_name = "CONDITION", long_help = FAIL_ON)]
    pub fail_on: Vec<Assertion>,
    /// Be so many agents, 1 to 1000, which tell that they are there and run commands, each 10 times a second unless told otherwise; elsewhere than at a private server PORTA_TOKEN is the bridge's token
    #[arg(long, value_name = "N", value_parser = workers, conflicts_with_all = ["workers", "scenario"], allow_negative_numbers = true)]
    pub agents: Option<u32>,
    /// Show what would be sent, and send nothing
    #[arg(long, conflicts_with_all = ["output", "quiet"])]
    pub dry_run: bool,
    /// Instead of a run: fill --db with synthetic channels until it has this size
    #[arg(long, value_name = "SIZE", value_parser = generated_bytes, conflicts_with_all = OF_A_RUN)]
    pub generate_data: Option<u64>,
    /// Do not ask before synthetic data goes beside real channels
    #[arg(long, short, requires = "generate_data")]
    pub yes: bool,
    /// Instead of one run: the same load on private servers with each of these --workers, in turn, to find the best setting
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = server_workers, conflicts_with_all = OF_ONE_RUN)]
    pub tune_workers: Vec<u32>,
    /// Keep the rows that the run has written to a channel of --db, which are deleted after it otherwise
    #[arg(long, conflicts_with_all = ["agents", "custom"])]
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
    /// Make a run that a server has begun, and end it when standard input says so or ends
    #[arg(long, hide = true, value_name = "RUN")]
    pub for_server: Option<RunId>,
    /// A request of one's own.
    #[command(flatten)]
    pub custom: Custom,
}

/// A request of the operator's own.
#[derive(Args, Debug)]
#[command(next_help_heading = "Any other server: with one of these, requests go to --url itself")]
#[group(id = "custom", multiple = true, requires = "url", conflicts_with_all = ["agents", "channel"])]
pub struct Custom {
    /// HTTP method [default: GET, with a body POST]
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Header to send, several times for several; @FILE reads them from a file, one a line, since an argument shows in the list of processes
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// Body to send; @FILE reads it from a file
    #[arg(long, value_name = "TEXT", conflicts_with = "template")]
    pub body: Option<String>,
    /// Body with places that are filled in anew for each request; @FILE reads it from a file. There are {{number 1..6}}, {{number 0.0..100.0}}, {{counter}}, {{counter 1000}}, {{choice red|green|blue}} and {{uuid}}
    #[arg(long, value_name = "TEXT")]
    pub template: Option<String>,
    /// HTTP status that is a success, several times or with commas for several [default: 200 to 299]
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status, allow_negative_numbers = true)]
    pub expect_status: Vec<u16>,
}

impl Custom {
    /// Whether one is given.
    pub fn is_given(&self) -> bool {
        self.method.is_some()
            || !self.header.is_empty()
            || self.body.is_some()
            || self.template.is_some()
            || !self.expect_status.is_empty()
    }
}

/// The target when a key or a channel is given without a URL.
const URL_DEFAULT: &str = "http://127.0.0.1:8000";

impl Stress {
    /// Whether the target is a server of the run's own.
    pub fn wants_private_server(&self) -> bool {
        self.url.is_none() && self.channel.is_none() && self.api_key.is_none()
    }

    /// The target that is not.
    pub fn url_or_default(&self) -> &str {
        self.url.as_deref().unwrap_or(URL_DEFAULT)
    }

    /// How fast, how long and with how many connections.
    ///
    /// # Errors
    /// A text that says what cannot be.
    pub fn plan(&self) -> Result<Plan, String> {
        let (workers, rps, duration) = self.scenario.unwrap_or(Scenario::Baseline).load();
        let rps = match self.agents {
            Some(agents) => (agents * AGENT_RPS).min(*RPS.end()),
            None => rps,
        };
        let rate = self.rps.or(self.ramp.map(Rate::Ramp)).or(self.requests.map(Rate::Requests));
        let plan = Plan {
            workers: self.agents.or(self.workers).unwrap_or(workers),
            rate: rate.unwrap_or(Rate::PerSecond(rps)),
            duration: self.duration.unwrap_or(duration),
            timeout: self.timeout,
            warm_up: self.warm_up,
        };
        plan.check().map(|()| plan)
    }
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

pub(super) fn workers(text: &str) -> Result<u32, String> {
    number_within(text, WORKERS)
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    number_within(text, RPS).map(Rate::PerSecond).map_err(|error| format!("{error}, or `max`"))
}

fn ramp(text: &str) -> Result<Ramp, String> {
    let within = |text: &str| number_within(text.trim(), RPS).ok();
    let ends = text.split_once("..").and_then(|(from, to)| within(from).zip(within(to)));
    let (from, to) = ends.ok_or_else(|| {
        format!("it takes two rates from {} to {}, as in 100..5000", RPS.start(), RPS.end())
    })?;
    Ok(Ramp { from, to })
}

fn requests(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if REQUESTS.contains(&number) => Ok(number),
        _ => Err(format!("it takes a whole number from {} to {}", REQUESTS.start(), REQUESTS.end())),
    }
}

fn scenario_names() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str)).map(|name| {
        // The parser lets these names pass only.
        Scenario::named(&name).unwrap_or(Scenario::Baseline)
    })
}

fn status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status) if (100..=599).contains(&status) => Ok(status),
        _ => Err("it takes an HTTP status from 100 to 599".into()),
    }
}

fn warm_up(text: &str) -> Result<Duration, String> {
    duration_within(text, Duration::ZERO..=WARM_UP_MAX)
}

pub(super) fn run_duration(text: &str) -> Result<Duration, String> {
    duration_within(text, DURATION_MIN..=DURATION_MAX)
}

fn timeout(text: &str) -> Result<Duration, String> {
    duration_within(text, Duration::from_millis(1)..=TIMEOUT_MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

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
        for (text, ok) in [
            ("1..100000", true),
            ("5000..100", true),
            ("7..7", true),
            ("0..5", false),
            ("1..100001", false),
            ("5", false),
            ("..", false),
        ] {
            assert_eq!(ramp(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("1", true), ("8640000000", true), ("0", false), ("8640000001", false)] {
            assert_eq!(requests(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("100", true), ("599", true), ("99", false), ("600", false), ("ok", false)] {
            assert_eq!(status(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("0", true), ("1h", true), ("3601", false)] {
            assert_eq!(warm_up(text).is_ok(), ok, "{text}");
        }
        for (text, ok) in [("1s", true), ("24h", true), ("0", false), ("999ms", false), ("86401", false)] {
            assert_eq!(run_duration(text).is_ok(), ok, "{text}");
        }
    }

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        stress: Stress,
    }

    fn parse(arguments: &str) -> Result<Stress, clap::error::ErrorKind> {
        let arguments = std::iter::once("stress").chain(arguments.split_whitespace());
        Command::try_parse_from(arguments).map(|command| command.stress).map_err(|error| error.kind())
    }

    #[test]
    fn what_is_given_counts_more_than_the_scenario_and_the_scenario_more_than_defaults() {
        let second = Duration::from_secs(1);
        for (arguments, workers, rate, duration) in [
            ("", 10, Rate::PerSecond(100), 60 * second),
            ("--scenario high", 50, Rate::PerSecond(1000), 60 * second),
            ("--scenario high --rps 7", 50, Rate::PerSecond(7), 60 * second),
            ("--scenario medium --requests 9 --duration 3s", 25, Rate::Requests(9), 3 * second),
            (
                "--scenario soak --workers 3 --ramp 1..2",
                3,
                Rate::Ramp(Ramp { from: 1, to: 2 }),
                14_400 * second,
            ),
            ("--agents 5 --duration 10s", 5, Rate::PerSecond(50), 10 * second),
            ("--agents 5 --rps max", 5, Rate::Max, 60 * second),
        ] {
            let plan = parse(arguments).expect(arguments).plan().expect(arguments);
            assert_eq!((plan.workers, plan.rate, plan.duration), (workers, rate, duration), "{arguments}");
        }
        let stress = parse("--requests 8640000000 --duration 1s").expect("arguments");
        assert!(stress.plan().is_err());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        use clap::error::ErrorKind::{ArgumentConflict, InvalidValue, MissingRequiredArgument};
        for (arguments, kind) in [
            ("--rps 5 --ramp 1..2", ArgumentConflict),
            ("--rps max --requests 5", ArgumentConflict),
            ("--requests 5 --ramp 1..2", ArgumentConflict),
            ("--agents 5 --workers 5", ArgumentConflict),
            ("--agents 5 --scenario high", ArgumentConflict),
            ("--agents 5 --url http://h --method GET", ArgumentConflict),
            ("--url http://h --body x --template y", ArgumentConflict),
            ("--url http://h --channel 1 --method GET", ArgumentConflict),
            ("--dry-run --quiet", ArgumentConflict),
            ("--tune-workers 1,2 --dry-run", ArgumentConflict),
            ("--tune-workers 1,2 --agents 5", ArgumentConflict),
            ("--tune-workers 1,2 --fail-on p95<1s", ArgumentConflict),
            ("--tune-workers 1,2 --generate-data 1MB", ArgumentConflict),
            ("--tune-workers 1,2 --url http://h --method GET", ArgumentConflict),
            ("--generate-data 1MB --dry-run", ArgumentConflict),
            ("--generate-data 1MB --agents 5", ArgumentConflict),
            ("--generate-data 1MB --scenario high", ArgumentConflict),
            ("--generate-data 1MB --fail-on p95<1s", ArgumentConflict),
            ("--generate-data 1MB --output x", ArgumentConflict),
            ("--agents 5 --keep-rows", ArgumentConflict),
            ("--method GET", MissingRequiredArgument),
            ("--scenario huge", InvalidValue),
        ] {
            assert_eq!(parse(arguments).err(), Some(kind), "{arguments}");
        }
        for arguments in [
            "--tune-workers 1,2 --scenario high --warm-up 1s --output x",
            "--generate-data 1MB --yes --quiet",
        ] {
            assert!(parse(arguments).is_ok(), "{arguments}");
        }
        let stress =
            parse("--url http://h --expect-status 200,404 --expect-status 500 --header a:b").expect("it");
        assert_eq!(
            (stress.custom.expect_status.as_slice(), stress.custom.is_given()),
            (&[200, 404, 500][..], true)
        );
    }
}
