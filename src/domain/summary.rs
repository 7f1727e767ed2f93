//! What a run came to: tallies of single seconds, merged into a summary.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::acknowledged::Acknowledged;
use super::latency::Latency;

/// Points of the series a report keeps; longer runs get wider points.
pub const SERIES_POINTS_MAX: u64 = 3600;
/// Seconds that the trailing window of the live display covers at least.
const WINDOW_SECONDS_MIN: usize = 5;
/// Seconds that the trailing window can reach back for enough samples.
const WINDOW_SECONDS_MAX: usize = 60;
/// Samples that the trailing window reaches back for: enough for a p99.
const WINDOW_SAMPLES: u64 = 1000;

/// Why a request failed. An update succeeds with HTTP 200 and an integer from 1, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nothing listens there.
    Refused,
    /// The connection could not be opened for another reason.
    Connect,
    /// The connection was reset or closed before the response was complete.
    Reset,
    /// No complete response within the time limit.
    Timeout,
    /// The response was not HTTP.
    Protocol,
    /// An HTTP status other than 200.
    Status,
    /// HTTP 200 whose body is not an entry id.
    Body,
    /// Due, but never sent: all workers were busy until the run ended.
    NotSent,
}

impl Failure {
    /// Whether the target may have stored the row although the generator counts a failure. An HTTP status is a clear
    /// answer below 500 only: a server that gives up on a request may have stored its row.
    fn may_be_stored(self, status: Option<u16>) -> bool {
        match self {
            Self::Refused | Self::Connect | Self::NotSent => false,
            Self::Reset | Self::Timeout | Self::Protocol | Self::Body => true,
            Self::Status => status.is_some_and(|status| status >= 500),
        }
    }

    /// What happened, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Connect => "cannot connect",
            Self::Reset => "connection lost before the response",
            Self::Timeout => "no response in time",
            Self::Protocol => "the response was not HTTP",
            Self::Status => "an HTTP status other than 200",
            Self::Body => "HTTP 200 without an entry id",
            Self::NotSent => "due, but all workers were busy to the end",
        }
    }
}

/// How one request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// From the time it was due to its end.
    pub from_due: Duration,
    /// From the time it was sent to its end; `None` when it never was.
    pub from_sent: Option<Duration>,
    /// HTTP status; `None` when no response came.
    pub status: Option<u16>,
    /// `None` when it succeeded.
    pub failure: Option<Failure>,
}

/// Counts and distributions over some time, in about 600 kB.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Latency from when a request was due.
    pub from_due: Latency,
    /// Latency from when it was sent.
    pub from_sent: Latency,
    /// How late the generator sent a request although a worker was free.
    pub send_lag: Latency,
    /// Requests that succeeded.
    pub succeeded: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Failed requests whose row may be stored all the same.
    pub unknown: u64,
    /// Responses by HTTP status.
    pub status_codes: BTreeMap<u16, u64>,
    /// Failures by kind.
    pub errors: BTreeMap<Failure, u64>,
}

impl Tally {
    /// Adds a request that came to its end.
    pub fn record(&mut self, outcome: Outcome) {
        self.from_due.record(outcome.from_due);
        if let Some(from_sent) = outcome.from_sent {
            self.from_sent.record(from_sent);
        }
        if let Some(status) = outcome.status {
            *self.status_codes.entry(status).or_default() += 1;
        }
        match outcome.failure {
            None => self.succeeded += 1,
            Some(failure) => {
                self.failed += 1;
                self.unknown += u64::from(failure.may_be_stored(outcome.status));
                *self.errors.entry(failure).or_default() += 1;
            }
        }
    }

    /// Requests that came to their end.
    pub fn total(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.from_due.merge(&other.from_due);
        self.from_sent.merge(&other.from_sent);
        self.send_lag.merge(&other.send_lag);
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.unknown += other.unknown;
        for (status, count) in &other.status_codes {
            *self.status_codes.entry(*status).or_default() += count;
        }
        for (failure, count) in &other.errors {
            *self.errors.entry(*failure).or_default() += count;
        }
    }
}

/// One point of the series over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// Seconds from the start of the run to the start of this point.
    pub second: u64,
    /// Requests that ended in it.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Requests a second.
    pub rps: f64,
    /// From the due time; `null` when nothing ended in it.
    pub p50_latency_ms: Option<f64>,
    /// From the due time; `null` when nothing ended in it.
    pub p95_latency_ms: Option<f64>,
    /// From the due time; `null` when nothing ended in it.
    pub p99_latency_ms: Option<f64>,
}

/// A whole run, merged second by second. Its size does not depend on the run's length.
#[derive(Debug)]
pub struct Summary {
    /// Everything so far.
    pub overall: Tally,
    /// The series so far.
    pub series: Vec<SeriesPoint>,
    /// The entry ids that the target has given.
    pub acknowledged: Acknowledged,
    /// From the start to the last completion.
    pub last_completion: Duration,
    /// CPU time that the generator's threads used while they were sending.
    pub generator_cpu: Duration,
    /// How long they were sending, added up over the threads.
    pub generator_time: Duration,
    point_seconds: u64,
    point: Tally,
    recent: VecDeque<Latency>,
    seconds: u64,
}

impl Summary {
    /// An empty summary for a run that is planned to last `planned`.
    pub fn new(planned: Duration) -> Self {
        Self {
            overall: Tally::default(),
            series: Vec::new(),
            acknowledged: Acknowledged::default(),
            last_completion: Duration::ZERO,
            generator_cpu: Duration::ZERO,
            generator_time: Duration::ZERO,
            point_seconds: planned.as_secs().div_ceil(SERIES_POINTS_MAX).max(1),
            point: Tally::default(),
            recent: VecDeque::new(),
            seconds: 0,
        }
    }

    /// Adds the next second of the run.
    pub fn push_second(&mut self, second: &Tally) {
        self.overall.merge(second);
        self.point.merge(second);
        self.seconds += 1;
        if self.seconds.is_multiple_of(self.point_seconds) {
            self.close_point(Duration::from_secs(self.point_seconds));
        }
        let mut recent = if self.recent.len() == WINDOW_SECONDS_MAX {
            self.recent.pop_front().unwrap_or_else(Latency::coarse)
        } else {
            Latency::coarse()
        };
        recent.clear();
        recent.merge(&second.from_due);
        self.recent.push_back(recent);
    }

    /// Adds the last, possibly shorter second, which lasted `length`, and closes the series.
    pub fn finish(&mut self, last: &Tally, length: Duration) {
        self.overall.merge(last);
        self.point.merge(last);
        if self.point.total() > 0 {
            let begun = Duration::from_secs(self.seconds % self.point_seconds);
            self.close_point(begun + length);
        }
    }

    fn close_point(&mut self, length: Duration) {
        let point = &mut self.point;
        self.series.push(SeriesPoint {
            second: self.series.len() as u64 * self.point_seconds,
            total: point.total(),
            failed: point.failed,
            rps: super::latency::round(point.total() as f64 / length.as_secs_f64().max(0.001)),
            p50_latency_ms: point.from_due.percentile_ms(50.0),
            p95_latency_ms: point.from_due.percentile_ms(95.0),
            p99_latency_ms: point.from_due.percentile_ms(99.0),
        });
        *point = Tally::default();
    }

    /// The newest seconds, as many as a p99 needs, at least 5 and at most 60; and how many they are.
    pub fn trailing_window(&self) -> (Latency, usize) {
        let mut window = Latency::coarse();
        let mut seconds = 0;
        for second in self.recent.iter().rev() {
            if seconds >= WINDOW_SECONDS_MIN && window.count() >= WINDOW_SAMPLES {
                break;
            }
            window.merge(second);
            seconds += 1;
        }
        (window, seconds)
    }

    /// Requests a second: all that ended, by the time to the last completion; 0 when none did.
    pub fn actual_rps(&self) -> f64 {
        let seconds = self.last_completion.as_secs_f64();
        if seconds > 0.0 { self.overall.total() as f64 / seconds } else { 0.0 }
    }

    /// CPU that the generator used while it was sending, in percent of its cores.
    pub fn generator_cpu_percent(&self) -> f64 {
        let available = self.generator_time.as_secs_f64();
        if available > 0.0 { self.generator_cpu.as_secs_f64() / available * 100.0 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latencies_ms: &[u64], failure: Option<Failure>) -> Tally {
        let mut tally = Tally::default();
        for ms in latencies_ms {
            let latency = Duration::from_millis(*ms);
            let status = failure.is_none().then_some(200);
            tally.record(Outcome { from_due: latency, from_sent: Some(latency), status, failure });
        }
        tally
    }

    #[test]
    fn seconds_add_up() {
        let mut summary = Summary::new(Duration::from_secs(2));
        summary.push_second(&tally(&[1, 2, 3], None));
        summary.push_second(&tally(&[5], Some(Failure::Timeout)));
        summary.finish(&tally(&[7], Some(Failure::Refused)), Duration::from_millis(500));
        assert_eq!((summary.overall.succeeded, summary.overall.failed, summary.overall.unknown), (3, 2, 1));
        let seconds: Vec<_> =
            summary.series.iter().map(|point| (point.second, point.total, point.rps)).collect();
        assert_eq!(seconds, [(0, 3, 3.0), (1, 1, 1.0), (2, 1, 2.0)]);
        assert_eq!(summary.overall.status_codes, BTreeMap::from([(200, 3)]));
    }

    #[test]
    fn the_series_of_a_long_run_has_wider_points() {
        let mut summary = Summary::new(Duration::from_secs(2 * SERIES_POINTS_MAX));
        for _ in 0..5 {
            summary.push_second(&tally(&[1], None));
        }
        summary.finish(&tally(&[1], None), Duration::from_millis(500));
        let points: Vec<_> = summary.series.iter().map(|point| (point.second, point.total)).collect();
        assert_eq!(points, [(0, 2), (2, 2), (4, 2)]);
        for seconds in [1, SERIES_POINTS_MAX, SERIES_POINTS_MAX + 1, 86_400] {
            let width = Summary::new(Duration::from_secs(seconds)).point_seconds;
            assert!(seconds.div_ceil(width) <= SERIES_POINTS_MAX, "{seconds}");
        }
    }

    #[test]
    fn the_window_reaches_back_for_enough_samples() {
        let mut summary = Summary::new(Duration::from_secs(100));
        for _ in 0..100 {
            summary.push_second(&tally(&[1; 50], None));
        }
        let (window, seconds) = summary.trailing_window();
        assert_eq!((window.count(), seconds), (1000, 20));
        for _ in 0..5 {
            summary.push_second(&tally(&[1; 1000], None));
        }
        assert_eq!(summary.trailing_window().1, 5);
    }
}
