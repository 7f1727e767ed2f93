//! A run while it goes on, as everybody sees it who watches.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::domain::latency::round;
use crate::domain::progress::{Moment, Progress, ProgressEvent};
use crate::domain::run::{RunOverview, RunStatus};

/// Points of the series that are kept, the newest: an hour of them.
const SERIES_MAX: usize = 3600;
/// Seconds that somebody finds who comes back after a lost connection.
const FRAMES_MAX: usize = 600;

/// The state of a run in one second.
#[derive(Clone, Debug)]
pub struct Live {
    /// The run with its figures so far; how it has ended, once it has.
    pub run: RunOverview,
    /// Whole seconds since its load has begun.
    pub second: u64,
    /// How far it is; `None` before the first second.
    pub progress: Option<Progress>,
    /// The newest hour of its series.
    pub series: Vec<Moment>,
    /// What has become of it; `None` while it goes on.
    pub ended: Option<RunStatus>,
    frames: VecDeque<Arc<Frame>>,
}

/// What an event says, written once for all who listen.
#[derive(Debug)]
pub struct Frame {
    /// As [`Live::second`].
    pub second: u64,
    /// JSON.
    pub data: String,
}

/// The run as it is asked for, and what has come with this second.
#[derive(Serialize, ToSchema)]
#[schema(as = StressTestSecond)]
pub struct LiveSecond<'l> {
    #[serde(flatten)]
    run: &'l RunOverview,
    /// Whole seconds since its load has begun.
    second: u64,
    /// How far it is; `null` before the first second.
    progress: Option<&'l Progress>,
    /// The points that were in no event before.
    series: &'l [Moment],
}

impl Live {
    /// A run of which nothing more is known than its row, in a second of its.
    pub fn new(run: RunOverview, second: u64) -> Self {
        let ended = run.ended();
        let mut live =
            Self { run, second, progress: None, series: Vec::new(), ended, frames: VecDeque::new() };
        // Of one that has ended there is only the end to tell.
        if ended.is_none() {
            live.add_frame(0);
        }
        live
    }

    /// The run once its generator has begun.
    #[must_use]
    pub fn begun(&self) -> Self {
        let mut next = self.clone();
        next.run.status = "running".into();
        next.run.started_at = clock::utc();
        next.add_frame(0);
        next
    }

    /// The run a second later.
    #[must_use]
    pub fn after(&self, event: ProgressEvent) -> Self {
        let ProgressEvent { progress, series } = event;
        let mut next = self.clone();
        next.second = progress.elapsed as u64;
        let run = &mut next.run;
        (run.total_requests, run.successful_requests, run.failed_requests) =
            (progress.total, progress.success, progress.failed);
        run.actual_rps = progress.rps_mean;
        run.efficiency = run.target_rps.map(|target| round(progress.rps_mean / f64::from(target) * 100.0));
        let latency = &progress.overall_latency_ms;
        (run.avg_latency_ms, run.min_latency_ms, run.max_latency_ms) =
            (latency.avg_latency_ms, latency.min_latency_ms, latency.max_latency_ms);
        (run.p50_latency_ms, run.p95_latency_ms, run.p99_latency_ms) =
            (latency.p50_latency_ms, latency.p95_latency_ms, latency.p99_latency_ms);
        run.cv_latency = latency.cv_latency;
        next.progress = Some(progress);
        let new = series.len();
        next.series.extend(series);
        let too_many = next.series.len().saturating_sub(SERIES_MAX);
        next.series.drain(..too_many);
        next.add_frame(new);
        next
    }

    /// The run at its end, as its row says.
    #[must_use]
    pub fn ended(&self, run: RunOverview) -> Self {
        let mut next = self.clone();
        next.ended = Some(run.ended().unwrap_or(RunStatus::Failed));
        next.run = run;
        next
    }

    /// The same where the row cannot be written.
    #[must_use]
    pub fn given_up(&self, status: RunStatus, reason: &str) -> Self {
        let mut run = self.run.clone();
        run.status = status.as_str().into();
        run.completed_at = Some(clock::utc());
        run.error_message = Some(reason.into());
        self.ended(run)
    }

    /// What was said after that second, the oldest first; what is older than ten minutes is not there any more. For
    /// `None`, what was said last.
    pub fn frames_after(&self, second: Option<u64>) -> impl Iterator<Item = &Arc<Frame>> {
        let first = match second {
            Some(second) => self.frames.partition_point(|frame| frame.second <= second),
            None => self.frames.len().saturating_sub(1),
        };
        self.frames.iter().skip(first)
    }

    /// The run as its last event says it.
    pub fn last_words(&self) -> String {
        self.data(0)
    }

    fn add_frame(&mut self, new_moments: usize) {
        let frame = Frame { second: self.second, data: self.data(new_moments) };
        // Of one second the last word counts.
        self.frames.pop_back_if(|last| last.second >= frame.second);
        self.frames.push_back(Arc::new(frame));
        if self.frames.len() > FRAMES_MAX {
            self.frames.pop_front();
        }
    }

    fn data(&self, new_moments: usize) -> String {
        let series = &self.series[self.series.len().saturating_sub(new_moments)..];
        let data =
            LiveSecond { run: &self.run, second: self.second, progress: self.progress.as_ref(), series };
        // Numbers and texts: there is nothing in it that could not be written.
        serde_json::to_string(&data).unwrap_or_default()
    }
}
