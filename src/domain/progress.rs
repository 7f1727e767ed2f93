//! A run while it runs.

use serde::Serialize;
use std::time::Duration;

use super::latency::{Latency, round};
use super::summary::Summary;

/// Points of the sparklines.
const SPARKLINE_POINTS: usize = 40;

/// What the live display shows, once a second. Latencies are milliseconds from the due time over the newest
/// `window_seconds`; `null` where there are too few samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// The newest points of the series.
    #[serde(skip)]
    pub recent: Vec<Moment>,
}

/// One point of the series, as the live display shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Seconds from the start of the run.
    pub second: u64,
    /// Requests a second.
    pub rps: f64,
    /// 95th percentile; `None` when nothing ended in it.
    pub p95_latency_ms: Option<f64>,
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
            recent: summary.series[first..]
                .iter()
                .map(|point| Moment {
                    second: point.second,
                    rps: point.rps,
                    p95_latency_ms: point.p95_latency_ms,
                })
                .collect(),
        }
    }
}
