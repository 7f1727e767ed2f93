//! What is known of an installation, each value with where it comes from and how old it is.
//!
//! A value that is not known is `None`, which is never a pass. Zero agents and zero traffic are values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::measure::Measure;
use crate::domain::id::RunId;
use crate::domain::unit;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = EvidenceSource)]
pub enum Source {
    /// Live traffic of the window, without stress tests.
    Live {
        /// How long that is.
        window_seconds: u64,
    },
    /// A stress test.
    Run {
        /// Its number.
        id: RunId,
    },
    /// The size of the database's file.
    DatabaseFile,
    /// The agents of the database.
    Agents,
    /// What the server counts of itself.
    ServerCounters,
    /// The disk that the database is on.
    Disk,
    /// What the operator has stated: a setting.
    Settings,
}

impl Source {
    /// As a sentence uses it: `last 24h live`, `run 12`.
    pub fn name(&self) -> String {
        match self {
            Self::Live { window_seconds } => {
                format!("last {} live", unit::duration(Duration::from_secs(*window_seconds)))
            }
            Self::Run { id } => format!("run {}", id.0),
            Self::DatabaseFile => "the database file".into(),
            Self::Agents => "the agents table".into(),
            Self::ServerCounters => "the server's counters".into(),
            Self::Disk => "the disk".into(),
            Self::Settings => "the settings".into(),
        }
    }
}

/// A value that was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
    /// Seconds between its newest observation and the check.
    pub age_seconds: u64,
    /// How many observations it rests on; `None` where it is not a statistic, as a file's size.
    #[serde(default)]
    pub samples: Option<u64>,
}

impl<T> Observed<T> {
    /// `run 12, 2h old, 6 000 samples`.
    pub fn text(&self) -> String {
        let mut text = self.source.name();
        if self.age_seconds >= 60 {
            let whole_minutes = Duration::from_secs(self.age_seconds / 60 * 60);
            text += &format!(", {} old", unit::duration(coarse(whole_minutes)));
        }
        if let Some(samples) = self.samples {
            text += &format!(", {} samples", unit::count(samples));
        }
        text
    }
}

/// Nobody needs the minutes of two days.
fn coarse(age: Duration) -> Duration {
    let seconds = age.as_secs();
    let step = match seconds {
        0..7200 => 60,
        7200..172_800 => 3600,
        _ => 86_400,
    };
    Duration::from_secs(seconds / step * step)
}

/// All that a check judges. Worse is always higher, except for [`Disk::free_bytes`] and [`Evidence::capacity_rps`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Active agents at a time, at most, in live traffic of the window.
    pub agents: Option<Observed<u64>>,
    /// 95th percentile of the latency in milliseconds: of the latest valid run, else of live traffic.
    pub p95_ms: Option<Observed<f64>>,
    /// Coefficient of variation of the latency in percent, from where p95 is.
    pub cv_percent: Option<Observed<f64>>,
    /// Bytes of the database's pages: those that are in the write-ahead log still count, its other versions do not.
    pub db_bytes: Option<Observed<u64>>,
    /// Live requests a second, in the busiest minute of the window.
    pub rps: Option<Observed<f64>>,
    /// Transactions that were given up because another process held the database, in the window. Those of stress tests are
    /// left out where they can be told apart.
    pub lock_errors: Option<Observed<u64>>,
    /// Live requests that were answered with a status from 500 in percent of all; its samples are all of them.
    pub server_errors_percent: Option<Observed<f64>>,
    /// p95 over time, of each run or time in which it may have grown.
    pub p95_series: Vec<Series>,
    /// Leading indicators in live traffic. Minutes of stress tests are left out.
    pub leading: Leading,
    /// The same during the run that p95 and CV come from, where the server that it loaded is known.
    pub leading_in_run: Leading,
    /// The disk that the database is on.
    pub disk: Disk,
    /// How the installation is set up.
    pub installation: Installation,
    /// What each measure was, one point a day at most, in any order. Only forecasts need it: evidence that is stored to be
    /// judged again can leave it out.
    pub history: BTreeMap<Measure, Vec<Past>>,
    /// Requests a second that this installation can serve, where that has been measured.
    pub capacity_rps: Option<Observed<f64>>,
    /// Runs that p95 and CV would come from, if their reports were not damaged.
    pub damaged_runs: Vec<RunId>,
}

impl Evidence {
    /// What is to be said of p95 and CV where a run's report is damaged.
    pub(super) fn damage(&self) -> Option<String> {
        let ids: Vec<String> = self.damaged_runs.iter().map(|id| id.0.to_string()).collect();
        match ids.as_slice() {
            [] => None,
            [id] => Some(format!("the report of run {id} is damaged")),
            ids => Some(format!("the reports of runs {} are damaged", ids.join(", "))),
        }
    }
}

/// p95 in equal windows, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Where it comes from.
    pub source: Source,
    /// The length of a window.
    pub window_seconds: f64,
    /// The windows.
    pub windows: Vec<Window>,
}

/// A window of a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Requests a second that were offered.
    pub offered_rps: f64,
    /// 95th percentile of the latency in milliseconds.
    pub p95_ms: f64,
}

/// What moves before the criteria do. Of percentiles and shares, the samples are the observations behind them, of which
/// fewer than 100 confirm nothing; of counts there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Leading {
    /// The share of the time in percent that the writer was at work; of live traffic, for one minute in twenty, and for five
    /// minutes at least. A server that was there for less has none.
    pub writer_utilisation_percent: Option<Observed<f64>>,
    /// 99th percentile of how long updates waited for the writer, milliseconds.
    pub queue_wait_p99_ms: Option<Observed<f64>>,
    /// Times an hour that the writer waited for another process that held the database.
    pub busy_waits_per_hour: Option<Observed<f64>>,
    /// 99th percentile of how long a commit took, milliseconds.
    pub commit_p99_ms: Option<Observed<f64>>,
    /// Frames that a checkpoint had to leave in the write-ahead log, at most.
    pub checkpoint_lag_frames: Option<Observed<u64>>,
}

/// The disk that the database is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Bytes that are free for the database.
    pub free_bytes: Option<Observed<u64>>,
    /// Bytes that the database grows by in a day.
    pub growth_bytes_per_day: Option<Observed<f64>>,
}

/// How the installation is set up. Each of them can be the cause of a finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// The database, as the operator names it.
    pub db: Option<String>,
    /// `wal`, `delete`, … in lower case.
    pub journal_mode: Option<String>,
    /// Channels.
    pub channels: Option<u64>,
    /// Channels whose rows are kept for ever.
    pub channels_without_retention: Option<u64>,
    /// The channel that has the most rows of those that are kept for ever.
    pub largest_without_retention: Option<u64>,
    /// Bytes of the file that hold nothing.
    pub free_page_bytes: Option<u64>,
    /// Threads that answer requests.
    pub workers: Option<u32>,
    /// Logical processors that the server may use.
    pub cores: Option<u32>,
    /// CPU time of the server in percent of one core, for one minute in twenty, and for five minutes at least.
    pub cpu_percent: Option<f64>,
    /// Server processes on the database.
    pub servers: Option<u32>,
    /// Updates that can wait for the writer.
    pub queue_capacity: Option<u64>,
    /// Updates that were refused in the window because the queue was full, not counting those of stress tests.
    pub queue_refusals: Option<u64>,
    /// Updates in a transaction, on average, while the writer was as busy as it is one minute in twenty.
    pub updates_per_batch: Option<f64>,
    /// Seconds that the longest read transaction has been open.
    pub longest_read_seconds: Option<f64>,
}

/// What a measure was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Days before the check.
    pub days_ago: f64,
    /// In the unit of the measure.
    pub value: f64,
}
