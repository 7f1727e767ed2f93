//! A stress-test run: its plan, and how lists show it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{ChannelId, RunId};
use super::schedule::Schedule;
use super::unit::UtcMillis;

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

/// How fast requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// The open model: so many a second, whatever the server does.
    PerSecond(u32),
    /// The closed model: each worker sends as soon as its last request has ended.
    Max,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rps) => write!(f, "{rps} rps"),
            Self::Max => f.write_str("as fast as possible"),
        }
    }
}

/// What a run is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Within [`WORKERS`].
    pub workers: u32,
    /// Within [`RPS`].
    pub rate: Rate,
    /// Within [`DURATION_MIN`] and [`DURATION_MAX`].
    pub duration: Duration,
    /// How long one response is waited for.
    pub timeout: Duration,
}

impl Plan {
    /// The arrivals of the open model; `None` for the closed model.
    pub fn schedule(&self) -> Option<Schedule> {
        match self.rate {
            Rate::PerSecond(rps) => Some(Schedule::constant(rps, self.duration)),
            Rate::Max => None,
        }
    }
}

/// What has become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It went to its planned end.
    Completed,
    /// It was ended early; the figures cover what was done.
    Cancelled,
    /// Not one request was answered, so that nothing was measured.
    Failed,
}

impl RunStatus {
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunOverview {
    /// Its number.
    pub id: RunId,
    /// The channel that was written to, when it is known.
    pub channel_id: Option<ChannelId>,
    /// Connections.
    pub workers: u32,
    /// `None`: as fast as possible.
    pub target_rps: Option<u32>,
    /// Seconds, as planned.
    pub duration: f64,
    /// Requests that came to an end.
    pub total_requests: u64,
    /// HTTP 200 with an entry id.
    pub successful_requests: u64,
    /// All others.
    pub failed_requests: u64,
    /// Requests a second that were reached.
    pub actual_rps: f64,
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
    pub grade: Option<String>,
    /// Whether the figures are about the server; `None` where there are none.
    pub validity: Option<String>,
    /// What became of it.
    pub status: String,
    /// When it started.
    pub started_at: UtcMillis,
    /// When its last request ended.
    pub completed_at: Option<UtcMillis>,
    /// Why it failed.
    pub error_message: Option<String>,
}
