//! Whether the run had too few workers to bring the load that was asked for.
//!
//! A worker has one request under way at a time. By Little's law, `rps × service time` of them are under way on average at
//! the rate that was asked for, so that fewer workers cannot bring it: one worker whose requests take 50 ms brings 20
//! a second, and the server was never asked for more. Efficiency and the latency from the due time then are about the
//! number of workers, not about the server.
//!
//! But the same is seen when the server is the limit: all workers wait for it. What tells them apart is whether a
//! request takes as long as it does *because* others are under way. So the run had too few workers only if
//!
//! 1. the rate was not reached, and the workers were waiting for answers nearly all the time;
//! 2. even at the *median* service time the workers could not have brought it. A server that froze for a while has a
//!    short median: its workers were plenty, and what was late is the server's;
//! 3. the service time did not come from the load. With one worker no other request was ever under way. With several, a
//!    server that takes one after the other needs at least twice as long when all are busy as for the first, so
//!    that a median near the *minimum* says that they did not stand in each other's way;
//! 4. it did not grow over the run, and answers came: a server that slows down, or fails, is to blame itself.
//!
//! Where the service time varies by itself (a network, a lottery), 3 says nothing and the server is blamed; more workers
//! would show it, and a remark says so.

use super::report::Results;
use super::run_config::RunConfig;
use super::summary::{Failure, Summary};
use super::unit;

/// The share of the target rate from which on it counts as reached.
const REACHED: f64 = 0.95;
/// The share of the time that workers wait for answers when they are the limit. The rest is the generator's own work.
const BUSY_MIN: f64 = 0.75;
/// The median service time, as a multiple of the shortest, up to which requests did not stand in each other's way.
const MEDIAN_BY_MIN_MAX: f64 = 1.5;
/// Growth of the median service time, from the first to the last quarter of the run, up to which it is constant.
const GROWTH_MAX: f64 = 1.5;
/// Points of a series that has quarters.
const POINTS_MIN: usize = 8;
/// The share of the sent requests that may fail without the server being to blame.
const FAILED_MAX: f64 = 0.05;

/// What was measured of the workers in an open run.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    /// Workers of the run.
    pub workers: u32,
    /// Requests a second that were asked for.
    pub target_rps: f64,
    /// Requests that were sent.
    pub sent: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Seconds to the last completion.
    pub seconds: f64,
    /// Mean service time (from the send time) in milliseconds.
    pub mean_ms: f64,
    /// Its median.
    pub median_ms: f64,
    /// Its minimum.
    pub min_ms: f64,
    /// Its median in each second of the run.
    pub medians_ms: Vec<f64>,
}

/// What the workers say about the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Workers {
    /// Enough, or not what mattered.
    Enough,
    /// All were busy, and it cannot be told whether more of them would have brought more.
    Perhaps(String),
    /// Too few: the reason, and what to do.
    TooFew(String),
}

/// Judges the workers of a run; without a target rate, or an answer, they were enough.
pub fn workers(summary: &Summary, config: &RunConfig, results: &Results) -> Workers {
    Concurrency::of(summary, config, results).map_or(Workers::Enough, |concurrency| concurrency.judge())
}

impl Concurrency {
    fn of(summary: &Summary, config: &RunConfig, results: &Results) -> Option<Self> {
        let service = &results.service_latency_ms;
        let not_sent = results.errors.get(&Failure::NotSent).copied().unwrap_or(0);
        Some(Self {
            workers: config.workers,
            target_rps: config.mean_rps()?,
            sent: summary.overall.from_sent.count(),
            failed: results.failed.saturating_sub(not_sent),
            seconds: summary.last_completion.as_secs_f64(),
            mean_ms: service.avg_latency_ms?,
            median_ms: service.p50_latency_ms?,
            min_ms: service.min_latency_ms?,
            medians_ms: summary.series.iter().filter_map(|point| point.service_p50_latency_ms).collect(),
        })
    }

    /// Judges whether the workers were the limit.
    pub fn judge(&self) -> Workers {
        let carried = f64::from(self.workers) * 1000.0 / self.median_ms;
        if self.was_reached() || self.busy() < BUSY_MIN || carried >= REACHED * self.target_rps {
            return Workers::Enough;
        }
        if self.failed as f64 > FAILED_MAX * self.sent as f64 || self.growth() > GROWTH_MAX {
            return Workers::Enough;
        }
        let workers = if self.workers == 1 { "1 worker".into() } else { format!("{} workers", self.workers) };
        let arithmetic =
            format!("{workers} × {} can carry {} rps", unit::millis(Some(self.median_ms)), rps(carried));
        let needed = (self.target_rps * self.median_ms / 1000.0).ceil();
        if self.workers > 1 && self.median_ms > MEDIAN_BY_MIN_MAX * self.min_ms {
            return Workers::Perhaps(format!(
                "All workers were busy: {arithmetic}. The server is taken for the limit, since requests took longer than \
                 the fastest ({}); more workers would show it.",
                unit::millis(Some(self.min_ms))
            ));
        }
        Workers::TooFew(format!(
            "the workers were the limit: {arithmetic}, and {} rps were asked for. The server was never asked for more. \
             Give the run {needed:.0} workers or more, or ask for fewer requests a second.",
            rps(self.target_rps)
        ))
    }

    fn was_reached(&self) -> bool {
        self.sent as f64 >= REACHED * self.target_rps * self.seconds
    }

    /// The share of their time that workers waited for answers.
    fn busy(&self) -> f64 {
        self.mean_ms * self.sent as f64 / (f64::from(self.workers) * self.seconds * 1000.0)
    }

    /// The last quarter's median service time by the first's; 1 where the run is too short for quarters.
    fn growth(&self) -> f64 {
        let quarter = self.medians_ms.len() / 4;
        if self.medians_ms.len() < POINTS_MIN {
            return 1.0;
        }
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        mean(&self.medians_ms[self.medians_ms.len() - quarter..]) / mean(&self.medians_ms[..quarter])
    }
}

/// A rate as people name it.
fn rps(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One worker, a target that takes 50 ms, and 1000 requests a second for a minute.
    fn one_worker() -> Concurrency {
        Concurrency {
            workers: 1,
            target_rps: 1000.0,
            sent: 1198,
            failed: 0,
            seconds: 60.0,
            mean_ms: 50.1,
            median_ms: 50.1,
            min_ms: 50.0,
            medians_ms: vec![50.1; 60],
        }
    }

    fn is_too_few(concurrency: &Concurrency) -> bool {
        matches!(concurrency.judge(), Workers::TooFew(_))
    }

    #[test]
    fn one_worker_cannot_carry_more_than_one_request_at_a_time() {
        let Workers::TooFew(reason) = one_worker().judge() else { panic!("enough") };
        assert!(
            reason.contains("1 worker × 50.1 ms can carry 20 rps, and 1000 rps were asked for"),
            "{reason}"
        );
        assert!(reason.contains("51 workers or more"), "{reason}");
    }

    #[test]
    fn ten_workers_that_do_not_stand_in_each_others_way() {
        let ten = Concurrency { workers: 10, sent: 11_980, ..one_worker() };
        assert!(is_too_few(&ten));
    }

    #[test]
    fn a_server_that_serves_one_after_the_other_is_the_limit() {
        // 5 ms each, so 200 a second; each of the ten waits for the nine before it.
        let serial = Concurrency { workers: 10, sent: 11_980, min_ms: 5.0, ..one_worker() };
        assert!(matches!(serial.judge(), Workers::Perhaps(_)), "{:?}", serial.judge());
        let two = Concurrency { workers: 2, sent: 2_396, min_ms: 25.0, ..one_worker() };
        assert!(!is_too_few(&two));
    }

    #[test]
    fn a_server_that_froze_is_the_limit() {
        // 0.8 ms each could carry 1250 a second; after a stop of 2 s the backlog keeps the worker busy to the end.
        let frozen = Concurrency { sent: 56_000, mean_ms: 1.05, median_ms: 0.8, min_ms: 0.7, ..one_worker() };
        assert_eq!(frozen.judge(), Workers::Enough);
    }

    #[test]
    fn a_server_that_slows_down_or_fails_is_the_limit() {
        let slower = Concurrency { medians_ms: (30..90).map(f64::from).collect(), ..one_worker() };
        assert_eq!(slower.judge(), Workers::Enough);
        let failing = Concurrency { failed: 600, ..one_worker() };
        assert_eq!(failing.judge(), Workers::Enough);
    }

    #[test]
    fn a_rate_that_was_reached_had_workers_enough() {
        let reached = Concurrency { workers: 60, sent: 59_990, ..one_worker() };
        assert_eq!(reached.judge(), Workers::Enough);
        // Neither reached nor busy: the generator itself was late, which its lag says.
        let late = Concurrency { workers: 60, sent: 40_000, ..one_worker() };
        assert_eq!(late.judge(), Workers::Enough);
    }
}
