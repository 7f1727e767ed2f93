//! A run while it runs.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

use super::latency::{Latency, round};
use super::report::LatencyFigures;
use super::summary::{SeriesPoint, Summary};

/// Points of the sparklines, and seconds that somebody can be late who gathers the points.
const SPARKLINE_POINTS: usize = 40;

/// What the live display shows, once a second. Latencies are milliseconds from the due time over the newest
/// `window_seconds`; `null` where there are too few samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunProgress)]
pub struct Progress {
    /// Seconds since the start.
    pub elapsed: f64,
    /// Seconds to the planned end, 0 after it.
    pub remaining: f64,
    /// Requests that ended.
    pub total: u64,
    /// HTTP 200 with an entry id.
    pub success: u64,
    /// All others.
    pub failed: u64,
    /// Requests a second that ended since this was shown before.
    pub rps_now: f64,
    /// Requests a second since the start.
    pub rps_mean: f64,
    /// Seconds that the latencies are of.
    pub window_seconds: u64,
    /// Median.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile.
    pub p95_latency_ms: Option<f64>,
    /// 99th percentile.
    pub p99_latency_ms: Option<f64>,
    /// Largest.
    pub max_latency_ms: Option<f64>,
    /// From the due time, over the whole run so far.
    pub overall_latency_ms: LatencyFigures,
    /// The newest points of the series.
    #[serde(skip)]
    pub recent: Vec<Moment>,
}

/// One point of the series while the run goes on. Latencies are milliseconds from the due time, `None` when nothing ended
/// in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// Seconds from the start of the run to the start of this point.
    pub second: u64,
    /// Requests that ended in it.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Requests a second.
    pub rps: f64,
    /// Median.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile.
    pub p95_latency_ms: Option<f64>,
    /// 99th percentile.
    pub p99_latency_ms: Option<f64>,
}

impl From<&SeriesPoint> for Moment {
    fn from(point: &SeriesPoint) -> Self {
        Self {
            second: point.second,
            total: point.total,
            failed: point.failed,
            rps: point.rps,
            p50_latency_ms: point.p50_latency_ms,
            p95_latency_ms: point.p95_latency_ms,
            p99_latency_ms: point.p99_latency_ms,
        }
    }
}

/// What `porta stress --format json` prints once a second and when all is sent, and a server reads that has started the run.
#[derive(Debug, Deserialize)]
pub struct ProgressEvent {
    /// How far it is.
    pub progress: Progress,
    /// The points of the series that were not in the events before.
    pub series: Vec<Moment>,
}

impl Progress {
    /// The state of a run of `planned` length after `elapsed`, of late at `rps_now` requests a second.
    pub fn new(summary: &Summary, planned: Duration, elapsed: Duration, rps_now: f64) -> Self {
        let (window, window_seconds) = summary.trailing_window();
        let shown = |latency: &Latency, percent| {
            latency.is_enough_for(percent).then(|| latency.percentile_ms(percent)).flatten()
        };
        let total = summary.overall.total();
        let first = summary.series.len().saturating_sub(SPARKLINE_POINTS);
        Self {
            elapsed: round(elapsed.as_secs_f64()),
            remaining: round(planned.saturating_sub(elapsed).as_secs_f64()),
            total,
            success: summary.overall.succeeded,
            failed: summary.overall.failed,
            rps_now: round(rps_now),
            rps_mean: round(total as f64 / elapsed.as_secs_f64().max(0.001)),
            window_seconds: window_seconds as u64,
            p50_latency_ms: shown(&window, 50.0),
            p95_latency_ms: shown(&window, 95.0),
            p99_latency_ms: shown(&window, 99.0),
            max_latency_ms: window.max_ms(),
            overall_latency_ms: (&summary.overall.from_due).into(),
            recent: summary.series[first..].iter().map(Moment::from).collect(),
        }
    }

    /// The state of a run that has sent all it will, and was answered.
    pub fn at_end(summary: &Summary) -> Self {
        let rps_now = summary.series.last().map_or(0.0, |point| point.rps);
        Self::new(summary, summary.last_completion, summary.last_completion, rps_now)
    }
}
