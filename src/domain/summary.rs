//! What a run came to: tallies of single seconds, merged into a summary.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Why a request failed. An update succeeds with HTTP 200 and an integer from 1, nothing else; what other requests succeed
/// with, their target says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RequestFailure)]
pub enum Failure {
    /// Nothing listens there.
    Refused,
    /// The connection could not be opened for another reason.
    Connect,
    /// The connection was reset or closed before the response was complete.
    Reset,
    /// No complete response within the time limit.
    Timeout,
    /// No TLS connection came about.
    Tls,
    /// The response was not HTTP.
    Protocol,
    /// An HTTP status below 400 other than the expected.
    Status,
    /// An HTTP status from 400 to 499.
    #[serde(rename = "status_4xx")]
    Status4xx,
    /// An HTTP status from 500 on.
    #[serde(rename = "status_5xx")]
    Status5xx,
    /// The expected status with another body than the expected: for an update, one that is not an entry id.
    Body,
    /// Due, but never sent: all workers were busy until the run ended.
    NotSent,
}

impl Failure {
    /// The failure that an unexpected HTTP status is.
    pub fn of_status(status: u16) -> Self {
        match status {
            400..=499 => Self::Status4xx,
            500.. => Self::Status5xx,
            _ => Self::Status,
        }
    }

    /// Whether the target may have stored the row although the generator counts a failure. An HTTP status is a clear
    /// answer below 500 only: a server that gives up on a request may have stored its row.
    fn may_be_stored(self) -> bool {
        match self {
            Self::Refused | Self::Connect | Self::Tls | Self::NotSent | Self::Status | Self::Status4xx => {
                false
            }
            Self::Reset | Self::Timeout | Self::Protocol | Self::Body | Self::Status5xx => true,
        }
    }

    /// What happened, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Connect => "cannot connect",
            Self::Reset => "connection lost before the response",
            Self::Timeout => "no response in time",
            Self::Tls => "no TLS connection: is its certificate one that this machine trusts?",
            Self::Protocol => "the response was not HTTP",
            Self::Status => "an HTTP status other than the expected",
            Self::Status4xx => "an HTTP status from 400 to 499",
            Self::Status5xx => "an HTTP status from 500 on",
            Self::Body => "the response did not say what it should",
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

/// What the requests of the warm-up came to. They are no part of what was measured, but their rows are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarmUp {
    /// Requests that came to an end.
    pub total: u64,
    /// Those that succeeded.
    pub success: u64,
    /// Failed requests whose row may be stored all the same.
    pub unknown: u64,
}

impl WarmUp {
    /// Adds a request that came to its end.
    pub fn record(&mut self, failure: Option<Failure>) {
        self.total += 1;
        self.success += u64::from(failure.is_none());
        self.unknown += u64::from(failure.is_some_and(Failure::may_be_stored));
    }
}

/// The connections of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// All that were opened.
    pub opened: u64,
    /// Those that took the place of one that was lost, or that the target had closed.
    pub reopened: u64,
}

/// What came of the requests to one endpoint, in about 30 kB.
#[derive(Clone, Debug)]
pub struct EndpointTally {
    /// Requests that came to their end.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// From when they were due, with two significant digits.
    pub from_due: Latency,
}

impl Default for EndpointTally {
    fn default() -> Self {
        Self { total: 0, failed: 0, from_due: Latency::coarse() }
    }
}

/// Counts and distributions over some time, in about 600 kB, and 30 kB for each endpoint where there are several.
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
    /// By endpoint, where there are several: where there is one, all is its.
    pub endpoints: Vec<EndpointTally>,
    /// Beside all that.
    pub warm_up: WarmUp,
    /// Those of the warm-up, too.
    pub connections: Connections,
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
                self.unknown += u64::from(failure.may_be_stored());
                *self.errors.entry(failure).or_default() += 1;
            }
        }
    }

    /// Adds a request that was recorded to its endpoint's figures, where there are several endpoints.
    pub fn record_endpoint(&mut self, endpoint: usize, outcome: Outcome) {
        self.have_endpoints(endpoint + 1);
        let tally = &mut self.endpoints[endpoint];
        tally.total += 1;
        tally.failed += u64::from(outcome.failure.is_some());
        tally.from_due.record(outcome.from_due);
    }

    fn have_endpoints(&mut self, count: usize) {
        if self.endpoints.len() < count {
            self.endpoints.resize_with(count, EndpointTally::default);
        }
    }

    /// Requests that came to their end.
    pub fn total(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Removes everything and keeps the memory.
    pub fn clear(&mut self) {
        let Self { from_due, from_sent, send_lag, succeeded, failed, unknown, .. } = self;
        [from_due, from_sent, send_lag].into_iter().for_each(Latency::clear);
        [succeeded, failed, unknown].into_iter().for_each(|count| *count = 0);
        let Self { status_codes, errors, endpoints, warm_up, connections, .. } = self;
        status_codes.clear();
        errors.clear();
        endpoints.clear();
        (*warm_up, *connections) = Default::default();
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
        self.have_endpoints(other.endpoints.len());
        for (mine, theirs) in self.endpoints.iter_mut().zip(&other.endpoints) {
            mine.total += theirs.total;
            mine.failed += theirs.failed;
            mine.from_due.merge(&theirs.from_due);
        }
        self.warm_up.total += other.warm_up.total;
        self.warm_up.success += other.warm_up.success;
        self.warm_up.unknown += other.warm_up.unknown;
        self.connections.opened += other.connections.opened;
        self.connections.reopened += other.connections.reopened;
    }
}

/// One point of the series over time: a second, or as many as a long run needs for each, or as many as went by before the
/// generator got to look again. It reaches to where the next one begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesPoint {
    /// Seconds from the start of the run to the start of this point.
    pub second: u64,
    /// Requests that ended in it.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Requests a second, by the time that it really covers.
    pub rps: f64,
    /// Mean from the due time; `null` when nothing ended in it, and in reports of older versions.
    #[serde(default)]
    pub avg_latency_ms: Option<f64>,
    /// From the due time; `null` when nothing ended in it.
    pub p50_latency_ms: Option<f64>,
    /// From the due time; `null` when nothing ended in it.
    pub p95_latency_ms: Option<f64>,
    /// From the due time; `null` when nothing ended in it.
    pub p99_latency_ms: Option<f64>,
    /// Median from the send time; `null` as the mean is.
    #[serde(default)]
    pub service_p50_latency_ms: Option<f64>,
}

/// What is gathered for the next point of the series.
#[derive(Debug, Default)]
struct Point {
    total: u64,
    failed: u64,
    from_due: Latency,
    from_sent: Latency,
    /// Seconds from the start of the run to the start of this point.
    begins: u64,
    /// How long it has lasted so far.
    length: Duration,
}

impl Point {
    fn merge(&mut self, second: &Tally, length: Duration) {
        self.length += length;
        self.total += second.total();
        self.failed += second.failed;
        self.from_due.merge(&second.from_due);
        self.from_sent.merge(&second.from_sent);
    }
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
    point: Point,
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
            point: Point::default(),
            recent: VecDeque::new(),
            seconds: 0,
        }
    }

    /// Adds the next second of the run.
    pub fn push_second(&mut self, second: &Tally) {
        self.push(second, 1, Duration::from_secs(1));
    }

    /// Adds what the next `seconds` of the run have brought, which cannot be told apart any more. `length` is the time that
    /// it was gathered in: a little more or less than those seconds.
    pub fn push(&mut self, tally: &Tally, seconds: u64, length: Duration) {
        self.overall.merge(tally);
        self.point.merge(tally, length);
        self.seconds += seconds;
        if self.seconds / self.point_seconds > self.point.begins / self.point_seconds {
            self.close_point();
        }
        let mut recent = Latency::coarse();
        recent.merge(&tally.from_due);
        self.recent.push_back(recent);
        // The others are empty and newer, so that whoever counts back to the samples counts them, too.
        let others = (seconds as usize).saturating_sub(1).min(WINDOW_SECONDS_MAX - 1);
        self.recent.extend((0..others).map(|_| Latency::coarse()));
        self.recent.drain(..self.recent.len().saturating_sub(WINDOW_SECONDS_MAX));
        let (_, needed) = self.trailing_window();
        self.recent.drain(..self.recent.len() - needed);
    }

    /// Adds the last, possibly shorter second, which lasted `length`, and closes the series.
    pub fn finish(&mut self, last: &Tally, length: Duration) {
        self.overall.merge(last);
        self.point.merge(last, length);
        if self.point.total > 0 {
            self.close_point();
        }
    }

    fn close_point(&mut self) {
        let point = &mut self.point;
        self.series.push(SeriesPoint {
            second: point.begins,
            total: point.total,
            failed: point.failed,
            rps: super::latency::round(point.total as f64 / point.length.as_secs_f64().max(0.001)),
            avg_latency_ms: point.from_due.mean_ms(),
            p50_latency_ms: point.from_due.percentile_ms(50.0),
            p95_latency_ms: point.from_due.percentile_ms(95.0),
            p99_latency_ms: point.from_due.percentile_ms(99.0),
            service_p50_latency_ms: point.from_sent.percentile_ms(50.0),
        });
        (point.total, point.failed, point.begins, point.length) = (0, 0, self.seconds, Duration::ZERO);
        point.from_due.clear();
        point.from_sent.clear();
    }

    /// Whole seconds that were added.
    pub fn seconds(&self) -> u64 {
        self.seconds
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
mod tests;
