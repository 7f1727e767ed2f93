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

/// How far a run is. It goes on from one to the next, and leaves some out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StressTestPhase)]
pub enum Phase {
    /// Another process makes it, and nothing is known but that it goes on.
    Elsewhere,
    /// Its process is being started.
    Starting,
    /// Its load has begun.
    Begun,
    /// There are figures of it.
    Running,
    /// Somebody wants its end.
    Ending,
    /// All is sent; the last answers are waited for.
    Finishing,
    /// All is answered; its rows are accounted for.
    Counting,
}

/// The state of a run in one second.
#[derive(Clone, Debug)]
pub struct Live {
    /// The run with its figures so far; how it has ended, once it has.
    pub run: RunOverview,
    /// Whole seconds since its load has begun.
    pub second: u64,
    /// How far it is.
    pub phase: Phase,
    /// The same in figures; `None` before the first second.
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
    /// What it does.
    phase: Phase,
    /// How far it is; `null` before the first second.
    progress: Option<&'l Progress>,
    /// The points that were in no event before.
    series: &'l [Moment],
}

impl Live {
    /// A run that has its place, and nothing else yet.
    pub fn ordered(run: RunOverview) -> Self {
        // That is known of a run that nobody has begun with.
        let (total_requests, successful_requests, failed_requests) = (Some(0), Some(0), Some(0));
        let run = RunOverview { total_requests, successful_requests, failed_requests, ..run };
        Self::of_row(run, 0, Phase::Starting)
    }

    /// A run of another process, of which nothing more is known than its row; or one that has ended.
    pub fn elsewhere(run: RunOverview) -> Self {
        let second = (clock::utc().0 - run.started_at.0) / 1000;
        Self::of_row(run, u64::try_from(second).unwrap_or(0), Phase::Elsewhere)
    }

    fn of_row(run: RunOverview, second: u64, phase: Phase) -> Self {
        let (ended, series, frames) = (run.ended(), Vec::new(), VecDeque::new());
        let mut live = Self { run, second, phase, progress: None, series, ended, frames };
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
        next.phase = self.phase.max(Phase::Begun);
        next.add_frame(0);
        next
    }

    /// The run a second later.
    #[must_use]
    pub fn after(&self, event: ProgressEvent) -> Self {
        let all_is_sent = event.progress.remaining <= 0.0;
        let second = event.progress.elapsed as u64;
        self.with(event, second, if all_is_sent { Phase::Finishing } else { Phase::Running })
    }

    /// The run once all that was sent is answered, be that at its end or before.
    #[must_use]
    pub fn sent(&self, event: ProgressEvent) -> Self {
        // In the second that has begun.
        self.with(event, self.second + 1, Phase::Counting)
    }

    /// The run once somebody wants its end. Its next event says so: one of this second would take the place of its figures.
    #[must_use]
    pub fn ending(&self) -> Self {
        let mut next = self.clone();
        if self.ended.is_none() {
            next.phase = self.phase.max(Phase::Ending);
        }
        next
    }

    fn with(&self, event: ProgressEvent, second: u64, phase: Phase) -> Self {
        let ProgressEvent { progress, series } = event;
        let mut next = self.clone();
        next.second = second;
        next.phase = self.phase.max(phase);
        let run = &mut next.run;
        run.total_requests = Some(progress.total);
        run.successful_requests = Some(progress.success);
        run.failed_requests = Some(progress.failed);
        run.actual_rps = Some(progress.rps_mean);
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
        let Self { run, second, phase, progress, .. } = self;
        let data = LiveSecond { run, second: *second, phase: *phase, progress: progress.as_ref(), series };
        // Numbers and texts: there is nothing in it that could not be written.
        serde_json::to_string(&data).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::id::RunId;
    use crate::domain::run::{Claim, Plan, Rate};
    use crate::domain::summary::Summary;
    use crate::domain::unit::UtcMillis;

    fn ordered() -> Live {
        let plan = Plan {
            workers: 1,
            rate: Rate::PerSecond(1),
            duration: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(1),
            warm_up: Duration::ZERO,
        };
        let claim = Claim { plan, channel: None, started_at: UtcMillis(0), owner: String::new() };
        Live::ordered(claim.overview(RunId(1)))
    }

    /// What is said in this second, with the point of the one before.
    fn event(second: u64, total: u64) -> ProgressEvent {
        let day = Duration::from_secs(24 * 3600);
        let progress = Progress::new(&Summary::new(day), day, Duration::from_secs(second), 1.0);
        let moment = Moment {
            second: second.saturating_sub(1),
            total,
            failed: 0,
            rps: 1.0,
            p50_latency_ms: None,
            p95_latency_ms: None,
            p99_latency_ms: None,
        };
        ProgressEvent { progress: Progress { total, ..progress }, series: vec![moment] }
    }

    fn seconds_after(live: &Live, seen: Option<u64>) -> Vec<u64> {
        live.frames_after(seen).map(|frame| frame.second).collect()
    }

    #[test]
    fn so_much_is_kept_and_not_more() {
        let mut live = ordered().begun();
        for second in 1..SERIES_MAX as u64 {
            live = live.after(event(second, second));
        }
        let at_bound = live.after(event(SERIES_MAX as u64, 7));
        assert_eq!((at_bound.series.len(), at_bound.series[0].second), (SERIES_MAX, 0));
        let beyond = at_bound.after(event(SERIES_MAX as u64 + 1, 7));
        assert_eq!((beyond.series.len(), beyond.series[0].second), (SERIES_MAX, 1));

        let newest = SERIES_MAX as u64 + 1;
        let oldest = newest - FRAMES_MAX as u64 + 1;
        assert_eq!(seconds_after(&beyond, Some(0)), (oldest..=newest).collect::<Vec<_>>(), "what is left");
        assert_eq!(seconds_after(&beyond, Some(oldest)).len(), FRAMES_MAX - 1);
        assert_eq!(seconds_after(&beyond, Some(newest)), [0; 0]);
        assert_eq!(seconds_after(&beyond, Some(newest + 100)), [0; 0], "who is ahead waits");
        assert_eq!(seconds_after(&beyond, None), [newest], "who has seen nothing gets what is newest");
        let shared = |live: &Live| live.frames_after(Some(newest - 2)).next().map(Arc::as_ptr);
        assert_eq!(shared(&at_bound), shared(&beyond), "frames are written once");
    }

    #[test]
    fn of_one_second_the_last_word_counts_and_the_end_of_the_sending_is_a_second_of_its_own() {
        let live = ordered();
        assert_eq!(seconds_after(&live, None), [0]);
        let live = live.begun();
        assert!(live.frames_after(None).all(|frame| frame.data.contains("running")));
        assert_eq!(live.frames.len(), 1);
        let live = live.after(event(1, 5)).after(event(1, 6));
        assert_eq!(seconds_after(&live, Some(0)), [1]);
        assert!(live.frames_after(Some(0)).all(|frame| frame.data.contains("\"total_requests\":6")));
        let ending = live.ending();
        assert_eq!((ending.phase, seconds_after(&ending, Some(1)).len()), (Phase::Ending, 0));
        let sent = ending.sent(event(1, 9));
        assert_eq!((sent.phase, seconds_after(&sent, Some(1))), (Phase::Counting, vec![2]));
        assert!(sent.frames_after(None).all(|frame| frame.data.contains("\"phase\":\"counting\"")));
        let over = sent.given_up(RunStatus::Failed, "why");
        assert_eq!(over.ending().phase, Phase::Counting);
        assert_eq!(over.run.total_requests, Some(9));
    }
}
