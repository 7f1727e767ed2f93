//! What can be set in `criteria.toml`. The defaults are the source's where it has one.

use std::time::Duration;

use super::verdict::FindingId;

/// All thresholds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// `[criteria]`
    pub criteria: Criteria,
    /// `[red]`
    pub red: Red,
    /// `[yellow]`
    pub yellow: Zone,
    /// `[green]`
    pub green: Green,
    /// `[leading]`
    pub leading: LeadingLimits,
    /// `[tuning]`
    pub tuning: Tuning,
    /// `[evidence]`
    pub evidence: EvidenceRules,
    /// `[change]`
    pub change: Change,
}

/// Where each criterion is crossed.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria {
    /// Crossed at this many active agents.
    pub agents: u64,
    /// Crossed above this, milliseconds.
    pub p95_ms: f64,
    /// Crossed above this, percent.
    pub cv_percent: f64,
    /// Crossed above this.
    pub db_bytes: u64,
    /// Crossed above this many requests a second.
    pub rps: f64,
    /// A value is near when it is within this many percent of its threshold.
    pub near_percent: f64,
}

impl Default for Criteria {
    fn default() -> Self {
        Self {
            agents: 5,
            p95_ms: 2000.0,
            cv_percent: 50.0,
            db_bytes: 100_000_000,
            rps: 50.0,
            near_percent: 10.0,
        }
    }
}

/// Where a red flag is raised. Lock errors and latency that grows without bound need no number.
#[derive(Clone, Debug, PartialEq)]
pub struct Red {
    /// Raised above this, milliseconds.
    pub p95_ms: f64,
    /// Raised above this, percent of the requests.
    pub server_errors_percent: f64,
}

impl Default for Red {
    fn default() -> Self {
        Self { p95_ms: 3000.0, server_errors_percent: 5.0 }
    }
}

/// Borders of a zone; the defaults are those above which a yellow flag is raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Milliseconds.
    pub p95_ms: f64,
    /// Percent.
    pub cv_percent: f64,
    /// Active agents.
    pub agents: u64,
    /// Bytes of the database.
    pub db_bytes: u64,
}

impl Default for Zone {
    fn default() -> Self {
        Self { p95_ms: 2000.0, cv_percent: 40.0, agents: 3, db_bytes: 50_000_000 }
    }
}

/// All is well below these borders.
#[derive(Clone, Debug, PartialEq)]
pub struct Green(
    /// The borders.
    pub Zone,
);

impl Default for Green {
    fn default() -> Self {
        Self(Zone { p95_ms: 1000.0, cv_percent: 30.0, agents: 3, db_bytes: 10_000_000 })
    }
}

/// Above these, a leading indicator confirms a crossed criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadingLimits {
    /// Percent of the time, for one minute in twenty, and for five minutes at least.
    pub writer_utilisation_percent: f64,
    /// Milliseconds.
    pub queue_wait_p99_ms: f64,
    /// Times an hour.
    pub busy_waits_per_hour: f64,
    /// Milliseconds.
    pub commit_p99_ms: f64,
}

impl Default for LeadingLimits {
    fn default() -> Self {
        Self {
            writer_utilisation_percent: 70.0,
            queue_wait_p99_ms: 250.0,
            busy_waits_per_hour: 60.0,
            commit_p99_ms: 100.0,
        }
    }
}

/// When there is something to tune.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// More frames than this, left in the write-ahead log by a checkpoint, are a finding.
    pub checkpoint_lag_frames: u64,
    /// A read transaction that is open longer than this is one.
    pub longest_read: Duration,
    /// Fewer days than this until the disk is full are one.
    pub disk_days: f64,
    /// Findings that the operator has decided to live with: they are shown, and count no more.
    pub accepted: Vec<FindingId>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            checkpoint_lag_frames: 10_000,
            longest_read: Duration::from_secs(60),
            disk_days: 30.0,
            accepted: Vec::new(),
        }
    }
}

/// What counts as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceRules {
    /// How much live traffic is looked at.
    pub window: Duration,
    /// A stress test older than this is no evidence.
    pub run_age_max: Duration,
    /// Latencies that p95 and CV need: 200 have ten above their p95.
    pub samples_min: u64,
}

impl Default for EvidenceRules {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(86_400),
            run_age_max: Duration::from_secs(30 * 86_400),
            samples_min: 200,
        }
    }
}

/// When a change counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Equal results in a row.
    pub results: u64,
}

impl Default for Change {
    fn default() -> Self {
        Self { results: 2 }
    }
}
