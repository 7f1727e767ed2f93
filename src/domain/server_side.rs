//! What the server says of itself beside what the generator measures: second by second, and the likely cause of the
//! slowest one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::latency::round;
use super::summary::{SERIES_POINTS_MAX, SeriesPoint};
use super::unit;

/// Share of a second's p95 that something must have taken to be its cause. A stall of some length makes the requests that
/// come within it wait half of it in the mean.
const CAUSE_SHARE_MIN: f64 = 0.5;
/// Percent of its time from which on a writer is the limit.
const SATURATED_PERCENT: f64 = 90.0;

/// Counters of a server at one moment, as `/metrics` has them; seconds since its start. What is called longest is of late:
/// since it was asked before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Time that the writer was looked at.
    pub observed: f64,
    /// Time that it was at work.
    pub busy: f64,
    /// Commits.
    pub commits: f64,
    /// How long they took.
    pub commit_time: f64,
    /// The longest.
    pub longest_commit: f64,
    /// Updates that have waited for the writer.
    pub queue_waits: f64,
    /// How long they did.
    pub queue_wait_time: f64,
    /// The longest.
    pub longest_queue_wait: f64,
    /// Checkpoints.
    pub checkpoints: f64,
    /// How long they took.
    pub checkpoint_time: f64,
    /// How long another process held the database.
    pub busy_wait_time: f64,
    /// Frames in the write-ahead log, at most of late.
    pub wal_frames: f64,
    /// CPU time of the process.
    pub cpu: f64,
}

/// One second of the server. Of wider points what adds up is the sum, and everything else the worst second's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServerSecond {
    /// Seconds from the start of the run to the start of this one.
    pub second: u64,
    /// Percent of the time that the writer was at work.
    pub writer_utilisation_percent: f64,
    /// Mean time that updates waited for their transaction to begin; `null` without any.
    pub queue_wait_ms: Option<f64>,
    /// The longest.
    pub longest_queue_wait_ms: f64,
    /// Mean time of a commit; `null` without any.
    pub commit_ms: Option<f64>,
    /// The longest.
    pub longest_commit_ms: f64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// How long they took together.
    pub checkpoint_ms: f64,
    /// How long another process held the database.
    pub busy_wait_ms: f64,
    /// Frames in the write-ahead log, at most.
    pub wal_frames: u64,
    /// Percent of a core that the server used.
    pub cpu_percent: f64,
}

fn ms(seconds: f64) -> f64 {
    round(seconds.max(0.0) * 1000.0)
}

impl ServerSecond {
    /// What lies between two readings; `None` when the server was started anew, or was not looked at in between.
    pub fn between(second: u64, before: &Reading, after: &Reading) -> Option<Self> {
        let observed = after.observed - before.observed;
        let is_later = after.busy >= before.busy && after.commits >= before.commits;
        if !(is_later && observed > 0.0) {
            return None;
        }
        let mean = |time: f64, count: f64| (count > 0.0).then(|| ms(time / count));
        let busy = (after.busy - before.busy) / observed;
        Some(Self {
            second,
            writer_utilisation_percent: round(busy.clamp(0.0, 1.0) * 100.0),
            queue_wait_ms: mean(
                after.queue_wait_time - before.queue_wait_time,
                after.queue_waits - before.queue_waits,
            ),
            longest_queue_wait_ms: ms(after.longest_queue_wait),
            commit_ms: mean(after.commit_time - before.commit_time, after.commits - before.commits),
            longest_commit_ms: ms(after.longest_commit),
            checkpoints: (after.checkpoints - before.checkpoints).max(0.0) as u64,
            checkpoint_ms: ms(after.checkpoint_time - before.checkpoint_time),
            busy_wait_ms: ms(after.busy_wait_time - before.busy_wait_time),
            wal_frames: after.wal_frames.max(0.0) as u64,
            cpu_percent: round((after.cpu - before.cpu).max(0.0) / observed * 100.0),
        })
    }

    fn add(&mut self, later: &Self) {
        let larger = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).max_by(f64::total_cmp);
        self.writer_utilisation_percent =
            self.writer_utilisation_percent.max(later.writer_utilisation_percent);
        self.queue_wait_ms = larger(self.queue_wait_ms, later.queue_wait_ms);
        self.longest_queue_wait_ms = self.longest_queue_wait_ms.max(later.longest_queue_wait_ms);
        self.commit_ms = larger(self.commit_ms, later.commit_ms);
        self.longest_commit_ms = self.longest_commit_ms.max(later.longest_commit_ms);
        self.checkpoints += later.checkpoints;
        self.checkpoint_ms += later.checkpoint_ms;
        self.busy_wait_ms += later.busy_wait_ms;
        self.wal_frames = self.wal_frames.max(later.wal_frames);
        self.cpu_percent = self.cpu_percent.max(later.cpu_percent);
    }
}

/// A run's seconds of the server, as many points as the run's own series has.
#[derive(Debug)]
pub struct ServerSide {
    point_seconds: u64,
    before: Reading,
    points: Vec<ServerSecond>,
}

impl ServerSide {
    /// Of a run that is planned to last `planned`, before its first second.
    pub fn new(planned: Duration, before: Reading) -> Self {
        let point_seconds = planned.as_secs().div_ceil(SERIES_POINTS_MAX).max(1);
        Self { point_seconds, before, points: Vec::new() }
    }

    /// Adds the reading at the end of a second of the run, or that there was none: then the next one covers that second, too,
    /// since it is where a server stalls that it does not answer.
    pub fn push(&mut self, second: u64, reading: Option<Reading>) {
        let Some(now) = reading else { return };
        let before = std::mem::replace(&mut self.before, now);
        let second = second - second % self.point_seconds;
        let Some(fresh) = ServerSecond::between(second, &before, &now) else { return };
        match self.points.last_mut() {
            Some(last) if last.second == fresh.second => last.add(&fresh),
            _ => self.points.push(fresh),
        }
    }

    /// What there is, the oldest first.
    pub fn into_points(self) -> Vec<ServerSecond> {
        self.points
    }
}

/// Why a point of the run was slow, as far as the server knows: the rest of a sentence that begins with it.
///
/// What holds everybody up comes first: another process, the checkpoint, the disk. A writer that is always at work is a
/// cause by itself. Where none of that explains the p95, the requests were not waiting for the database.
pub fn cause(point: &SeriesPoint, server: &ServerSecond) -> String {
    let enough = point.p95_latency_ms.unwrap_or(0.0) * CAUSE_SHARE_MIN;
    let took = |ms: f64| ms > 0.0 && ms >= enough;
    let shown = |ms: f64| unit::millis(Some(ms));
    let writer = unit::percent(server.writer_utilisation_percent);
    if took(server.busy_wait_ms) {
        format!("because another process held the database for {}", shown(server.busy_wait_ms))
    } else if took(server.checkpoint_ms) {
        let checkpoints = match server.checkpoints {
            2.. => format!("{} checkpoints", server.checkpoints),
            _ => "a checkpoint".into(),
        };
        format!("because {checkpoints} took {} (writer {writer} busy)", shown(server.checkpoint_ms))
    } else if took(server.longest_commit_ms) {
        format!(
            "because the disk took {} for a commit (writer {writer} busy)",
            shown(server.longest_commit_ms)
        )
    } else if server.writer_utilisation_percent >= SATURATED_PERCENT {
        format!("because the writer was the limit ({writer} busy)")
    } else if took(server.longest_queue_wait_ms) {
        let waited = shown(server.longest_queue_wait_ms);
        format!("because updates waited up to {waited} for the writer ({writer} busy)")
    } else {
        format!("not for the database's sake: its writer was {writer} busy, and no update waited long for it")
    }
}

/// The second of the server that belongs to a point of the run.
pub fn beside<'s>(point: &SeriesPoint, server: &'s [ServerSecond]) -> Option<&'s ServerSecond> {
    server.iter().find(|second| second.second == point.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(p95: f64) -> SeriesPoint {
        SeriesPoint {
            second: 18,
            total: 1000,
            failed: 0,
            rps: 1000.0,
            avg_latency_ms: Some(1.0),
            p50_latency_ms: Some(1.0),
            p95_latency_ms: Some(p95),
            p99_latency_ms: Some(p95),
            service_p50_latency_ms: Some(1.0),
        }
    }

    fn idle() -> ServerSecond {
        let before = Reading::default();
        let after = Reading { observed: 1.0, ..before };
        ServerSecond::between(18, &before, &after).expect("a second")
    }

    #[test]
    fn the_cause_is_what_took_about_as_long_as_the_slow_requests() {
        let with = |change: fn(&mut ServerSecond)| {
            let mut second = ServerSecond {
                writer_utilisation_percent: 62.0,
                longest_commit_ms: 4.0,
                longest_queue_wait_ms: 5.0,
                ..idle()
            };
            change(&mut second);
            cause(&point(41.0), &second)
        };
        for (text, expected) in [
            (
                with(|second| (second.checkpoints, second.checkpoint_ms) = (1, 38.0)),
                "because a checkpoint took 38.0 ms (writer 62 % busy)",
            ),
            (
                with(|second| (second.checkpoints, second.checkpoint_ms) = (3, 38.0)),
                "because 3 checkpoints took 38.0 ms (writer 62 % busy)",
            ),
            (
                with(|second| (second.busy_wait_ms, second.checkpoint_ms) = (30.0, 38.0)),
                "because another process held the database for 30.0 ms",
            ),
            (
                with(|second| second.longest_commit_ms = 35.0),
                "because the disk took 35.0 ms for a commit (writer 62 % busy)",
            ),
            (
                with(|second| second.writer_utilisation_percent = 97.0),
                "because the writer was the limit (97 % busy)",
            ),
            (
                with(|second| second.longest_queue_wait_ms = 25.0),
                "because updates waited up to 25.0 ms for the writer (62 % busy)",
            ),
            (
                with(|_| ()),
                "not for the database's sake: its writer was 62 % busy, and no update waited long for it",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_second_is_the_difference_of_two_readings() {
        let before =
            Reading { observed: 10.0, busy: 1.0, commits: 100.0, commit_time: 0.1, ..Reading::default() };
        let after = Reading {
            observed: 11.0,
            busy: 1.25,
            commits: 150.0,
            commit_time: 0.2,
            longest_commit: 0.03,
            checkpoints: 1.0,
            checkpoint_time: 0.038,
            wal_frames: 1000.0,
            ..before
        };
        let second = ServerSecond::between(3, &before, &after).expect("a second");
        assert_eq!((second.second, second.writer_utilisation_percent), (3, 25.0));
        assert_eq!((second.commit_ms, second.longest_commit_ms), (Some(2.0), 30.0));
        assert_eq!((second.checkpoints, second.checkpoint_ms, second.wal_frames), (1, 38.0, 1000));
        assert_eq!(second.queue_wait_ms, None, "nobody has waited");
        assert_eq!(ServerSecond::between(3, &after, &before), None, "another server by now");
        assert_eq!(ServerSecond::between(3, &after, &after), None, "nobody has looked");
    }

    #[test]
    fn a_gap_is_covered_by_what_comes_after_it_and_a_long_run_has_wider_points() {
        let at = |seconds: f64| Reading { observed: seconds, ..Reading::default() };
        let mut side = ServerSide::new(Duration::from_secs(10), at(0.0));
        for second in 0..6 {
            side.push(second, (second != 2).then(|| at(second as f64 + 1.0)));
        }
        let seconds: Vec<_> = side.into_points().iter().map(|point| point.second).collect();
        assert_eq!(seconds, [0, 1, 3, 4, 5]);
        let mut side = ServerSide::new(Duration::from_secs(2 * SERIES_POINTS_MAX), at(0.0));
        for second in 0..5 {
            side.push(second, Some(at(second as f64 + 1.0)));
        }
        let seconds: Vec<_> = side.into_points().iter().map(|point| point.second).collect();
        assert_eq!(seconds, [0, 2, 4]);
    }
}
