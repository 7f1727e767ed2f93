//! A stress-test run: its plan, and how lists show it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::channel::NewChannel;
use super::grade::Level;
use super::id::{ChannelId, RunId};
use super::schedule::Schedule;
use super::secret::Secret;
use super::unit::{self, UtcMillis};
use super::validity::Verdict;

/// Workers of a run: connections that are used at once.
pub const WORKERS: std::ops::RangeInclusive<u32> = 1..=1000;
/// Requests a second of a run.
pub const RPS: std::ops::RangeInclusive<u32> = 1..=100_000;
/// Longest run.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);
/// Shortest run.
pub const DURATION_MIN: Duration = Duration::from_secs(1);
/// Longest wait for one response.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// Requests of a run with a number of them: as many as the highest rate sends in the longest run.
pub const REQUESTS: std::ops::RangeInclusive<u64> = 1..=8_640_000_000;
/// Longest warm-up.
pub const WARM_UP_MAX: Duration = Duration::from_secs(3600);
/// Operations a second of each simulated agent, unless told otherwise: so many that ten seconds of five agents are
/// enough for a p95, and so few that a small machine can start the commands.
pub const AGENT_RPS: u32 = 10;

/// How fast requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// The open model: so many a second, whatever the server does.
    PerSecond(u32),
    /// The open model at a rate that changes in a straight line over the run.
    Ramp(Ramp),
    /// The open model: so many requests, spread evenly over the run.
    Requests(u64),
    /// The closed model: each worker sends as soon as its last request has ended.
    Max,
}

/// Requests a second at the start and at the end of a run, each within [`RPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ramp {
    /// At the start.
    pub from: u32,
    /// At the end.
    pub to: u32,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rps) => write!(f, "{rps} rps"),
            Self::Ramp(Ramp { from, to }) => write!(f, "{from} to {to} rps"),
            Self::Requests(requests) => write!(f, "{} requests", unit::count(*requests)),
            Self::Max => f.write_str("as fast as possible"),
        }
    }
}

/// What a run is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Within [`WORKERS`].
    pub workers: u32,
    /// Within [`RPS`], or [`REQUESTS`] at a rate within it.
    pub rate: Rate,
    /// Within [`DURATION_MIN`] and [`DURATION_MAX`].
    pub duration: Duration,
    /// How long one response is waited for.
    pub timeout: Duration,
    /// Load before the measurement, at the rate that it begins with; at most [`WARM_UP_MAX`], zero for none.
    pub warm_up: Duration,
}

impl Plan {
    /// The arrivals of the open model; `None` for the closed model.
    pub fn schedule(&self) -> Option<Schedule> {
        let schedule = match self.rate {
            Rate::PerSecond(rps) => Schedule::constant(rps, self.duration),
            Rate::Ramp(Ramp { from, to }) => Schedule::ramp(from, to, self.duration),
            Rate::Requests(requests) => Schedule::spread(requests, self.duration),
            Rate::Max => return None,
        };
        Some(schedule.after_warm_up(self.warm_up))
    }

    /// Requests a second over the whole run; `None` for the closed model.
    pub fn mean_rps(&self) -> Option<f64> {
        match self.rate {
            Rate::PerSecond(rps) => Some(rps.into()),
            Rate::Ramp(Ramp { from, to }) => Some((f64::from(from) + f64::from(to)) / 2.0),
            Rate::Requests(requests) => Some(requests as f64 / self.duration.as_secs_f64()),
            Rate::Max => None,
        }
    }

    /// The same in whole requests, as lists show it. Nothing is as slow as zero, which would look as if nothing was to be sent.
    pub fn target_rps(&self) -> Option<u32> {
        self.mean_rps().map(|rps| (rps.round() as u32).max(1))
    }

    /// From the first request to the end of the sending.
    pub fn sending_time(&self) -> Duration {
        self.warm_up + self.duration
    }

    /// Whether what is asked for can be sent.
    ///
    /// # Errors
    /// A text that says what cannot.
    pub fn check(&self) -> Result<(), String> {
        match self.mean_rps() {
            Some(rps) if rps > f64::from(*RPS.end()) => Err(format!(
                "{} in {} are {rps:.0} a second, and {} are the most",
                self.rate,
                unit::duration(self.duration),
                RPS.end()
            )),
            _ => Ok(()),
        }
    }
}

/// A load with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Scenario {
    /// What any small server does.
    Baseline,
    /// A busy day.
    Medium,
    /// A busy day of something larger.
    High,
    /// More than most small servers can do.
    Max,
    /// Little, for long: what grows, leaks or fills up shows.
    Soak,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Baseline, Self::Medium, Self::High, Self::Max, Self::Soak];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == name)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Max => "max",
            Self::Soak => "soak",
        }
    }

    /// Workers, requests a second, and how long.
    pub fn load(self) -> (u32, u32, Duration) {
        let (workers, rps, seconds) = match self {
            Self::Baseline => (10, 100, 60),
            Self::Medium => (25, 500, 120),
            Self::High => (50, 1000, 60),
            Self::Max => (100, 5000, 60),
            Self::Soak => (10, 100, 4 * 3600),
        };
        (workers, rps, Duration::from_secs(seconds))
    }
}

/// What has become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It went to its planned end.
    Completed,
    /// It was ended early; the figures cover what was done.
    Cancelled,
    /// Nothing was measured, or what made the run did not get to its end.
    Failed,
}

impl RunStatus {
    /// The status of this name; `None` for a run that is going on.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Completed, Self::Cancelled, Self::Failed].into_iter().find(|status| status.as_str() == name)
    }

    /// The word in reports and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// A run that is about to begin: what is kept of it while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What it is to do.
    pub plan: Plan,
    /// The channel that is written to, where it is known.
    pub channel: Option<ChannelId>,
    /// When it begins.
    pub started_at: UtcMillis,
    /// The name of the process that makes it.
    pub owner: String,
}

impl Claim {
    /// The run as lists show it before it has begun.
    pub fn overview(&self, id: RunId) -> RunOverview {
        RunOverview {
            id,
            channel_id: self.channel,
            workers: self.plan.workers,
            target_rps: self.plan.target_rps(),
            duration: self.plan.duration.as_secs_f64(),
            total_requests: None,
            successful_requests: None,
            failed_requests: None,
            actual_rps: None,
            efficiency: None,
            avg_latency_ms: None,
            min_latency_ms: None,
            max_latency_ms: None,
            p50_latency_ms: None,
            p95_latency_ms: None,
            p99_latency_ms: None,
            cv_latency: None,
            grade: None,
            validity: None,
            status: "pending".into(),
            started_at: self.started_at,
            completed_at: None,
            error_message: None,
        }
    }
}

/// What opens the target of a run that a server starts. It ends with the run.
#[derive(Clone, Debug)]
pub enum RunAccess {
    /// A write key for the channel of the claim.
    Key(Secret),
    /// A channel of the run's own, whose write key it is.
    Scratch(Box<NewChannel>),
}

/// What has become of a [`Claim`]: there is one run at a time in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The run may begin, under this number.
    Taken(RunId),
    /// Another is going on.
    Occupied {
        /// Its number.
        by: RunId,
        /// The name of the process that makes it.
        owner: String,
        /// When it began.
        since: UtcMillis,
    },
}

/// A run as lists show it, without parsing its report.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunOverview {
    /// Its number.
    pub id: RunId,
    /// The channel that was written to, when it is known.
    pub channel_id: Option<ChannelId>,
    /// Connections.
    pub workers: u32,
    /// The mean where it changes, rounded; `None`: as fast as possible.
    pub target_rps: Option<u32>,
    /// Seconds, as planned.
    pub duration: f64,
    /// Requests that came to an end; like all figures `null` where nobody has said yet, or ever will.
    pub total_requests: Option<u64>,
    /// HTTP 200 with an entry id.
    pub successful_requests: Option<u64>,
    /// All others.
    pub failed_requests: Option<u64>,
    /// Requests a second that were reached.
    pub actual_rps: Option<f64>,
    /// Percent of the target rate.
    pub efficiency: Option<f64>,
    /// Mean latency from the due time.
    pub avg_latency_ms: Option<f64>,
    /// Smallest.
    pub min_latency_ms: Option<f64>,
    /// Largest.
    pub max_latency_ms: Option<f64>,
    /// Median.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile.
    pub p95_latency_ms: Option<f64>,
    /// 99th percentile.
    pub p99_latency_ms: Option<f64>,
    /// Coefficient of variation, percent.
    pub cv_latency: Option<f64>,
    /// `None` for a run that is not valid.
    #[schema(value_type = Option<Level>)]
    pub grade: Option<String>,
    /// Whether the figures are about the server; `None` where there are none.
    #[schema(value_type = Option<Verdict>)]
    pub validity: Option<String>,
    /// What became of it; until then `pending` or `running`.
    #[schema(schema_with = any_status)]
    pub status: String,
    /// When it started.
    pub started_at: UtcMillis,
    /// When its last request ended.
    pub completed_at: Option<UtcMillis>,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// Of a run that goes on, or has ended.
fn any_status() -> Object {
    let ended = [RunStatus::Completed, RunStatus::Cancelled, RunStatus::Failed].map(RunStatus::as_str);
    let words = ["pending", "running"].into_iter().chain(ended);
    let description = "What became of it; until then `pending` or `running`.";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words))
        .build()
}

impl RunOverview {
    /// What became of it; `None` while it is going on.
    pub fn ended(&self) -> Option<RunStatus> {
        RunStatus::named(&self.status)
    }

    /// Whether its figures are about the server, and of a whole run.
    pub fn is_evidence(&self) -> bool {
        self.is(Verdict::Valid)
    }

    /// Whether it went to its end, and its figures were still moving then.
    pub fn is_unsteady(&self) -> bool {
        self.is(Verdict::NotSteady)
    }

    fn is(&self, verdict: Verdict) -> bool {
        self.status == RunStatus::Completed.as_str() && self.validity.as_deref() == Some(verdict.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_requests_has_a_rate_that_can_be_sent() {
        let plan = Plan {
            workers: 1,
            rate: Rate::Requests(1_000_000),
            duration: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            warm_up: Duration::ZERO,
        };
        assert_eq!(plan.check(), Ok(()));
        let plan = Plan { rate: Rate::Requests(1_000_001), ..plan };
        assert_eq!(
            plan.check(),
            Err("1 000 001 requests in 10s are 100000 a second, and 100000 are the most".into())
        );
    }
}
