//! Whether a run came to rest, so that what it found would be found by a longer one, too.
//!
//! Two series are judged by [`super::statistics::steady`]: the median latency of each second, and the rate of the requests
//! that succeeded. The median, since a second with a stall has a high p95 and mean in a run at rest, too. A
//! movement counts if it is one that somebody would notice: half as much again, and more than the generator itself may
//! be late.
//!
//! A run whose figures are getting worse all the time says little about a longer one, except when it is a problem already:
//! it would be a worse one. At more than a server can do, latency grows for as long as the load lasts, and that is an answer. In
//! the same way a run that is excellent and still getting better stays excellent.

use super::grade::{Figures, Level};
use super::run_config::RunConfig;
use super::statistics::steady::{Course, course};
use super::summary::{SeriesPoint, Summary};
use super::unit;

/// The movement of the median latency that counts, as a factor.
const LATENCY_FACTOR: f64 = 1.5;
/// The movement of the median latency that counts, in milliseconds.
const LATENCY_MS_MIN: f64 = 1.0;
/// The movement of the rate that counts, as a factor.
const RATE_FACTOR: f64 = 1.25;

/// What became of a run over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steadiness {
    /// Too short to tell, or its load changed by intention.
    NotJudged,
    /// At rest from this second on.
    Steady {
        /// 0 when it was from the beginning.
        from_second: u64,
    },
    /// Moving to the end, and the grade stands all the same.
    Moving(String),
    /// Moving to the end, and a longer run could be graded otherwise.
    NotSteady(String),
}

/// One series of a run: what it is, and where a movement begins to count.
struct Watched {
    name: &'static str,
    values: Vec<f64>,
    show: fn(f64) -> String,
    counts: fn(f64, f64) -> bool,
    growth_is_worse: bool,
}

/// Judges a run that is graded by `figures`, unless its load changed by intention.
pub fn of(summary: &Summary, config: &RunConfig, figures: Option<Figures>) -> Steadiness {
    if config.has_constant_load() {
        judge(&summary.series, config.duration, figures.map(|figures| figures.grade().level))
    } else {
        Steadiness::NotJudged
    }
}

/// Judges a run of `duration` seconds at a constant load, which was graded `level`.
pub fn judge(series: &[SeriesPoint], duration: f64, level: Option<Level>) -> Steadiness {
    let width = series.get(1).map_or(1, |point| point.second);
    // After its planned end a run only waits for answers.
    let within: Vec<_> = series
        .iter()
        .filter(|point| (point.second + width) as f64 <= duration && point.p50_latency_ms.is_some())
        .collect();
    let latency = Watched {
        name: "the median latency",
        values: within.iter().filter_map(|point| point.p50_latency_ms).collect(),
        show: |value| unit::millis(Some(value)),
        counts: |one, other| differ(one, other, LATENCY_FACTOR) && (one - other).abs() >= LATENCY_MS_MIN,
        growth_is_worse: true,
    };
    let rate = Watched {
        name: "the rate",
        values: within.iter().map(|point| succeeded_rps(point)).collect(),
        show: |value| format!("{} rps", unit::significant(value)),
        counts: |one, other| differ(one, other, RATE_FACTOR),
        growth_is_worse: false,
    };
    let mut from_second = 0;
    let mut moving = None;
    for watched in [&latency, &rate] {
        match watched.course() {
            None => return Steadiness::NotJudged,
            Some(Course::Steady { from }) => from_second = from_second.max(within[from].second),
            Some(Course::Moving { early, late }) => {
                let worse = (late > early) == watched.growth_is_worse;
                let words = format!(
                    "{} was still moving at the end: {} in the first quarter, {} in the last",
                    watched.name,
                    (watched.show)(early),
                    (watched.show)(late)
                );
                let stands = level == Some(if worse { Level::Problem } else { Level::Excellent });
                if !stands {
                    return Steadiness::NotSteady(format!(
                        "{words}. A longer run would find something else. Run longer, or at a load that the server can keep up with."
                    ));
                }
                moving.get_or_insert(words);
            }
        }
    }
    moving.map_or(Steadiness::Steady { from_second }, |words| Steadiness::Moving(format!("{words}.")))
}

impl Watched {
    /// The course of the series, in which a movement that does not count is none.
    fn course(&self) -> Option<Course> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        Some(match course(&self.values)? {
            Course::Moving { early, late } if !(self.counts)(early, late) => Course::Steady { from: 0 },
            Course::Steady { from }
                if from > 0 && !(self.counts)(mean(&self.values[..from]), mean(&self.values[from..])) =>
            {
                Course::Steady { from: 0 }
            }
            course => course,
        })
    }
}

fn differ(one: f64, other: f64, factor: f64) -> bool {
    one.max(other) >= factor * one.min(other)
}

fn succeeded_rps(point: &SeriesPoint) -> f64 {
    let succeeded = point.total.saturating_sub(point.failed);
    point.rps * succeeded as f64 / point.total.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rps: impl Fn(u64) -> f64, p50_ms: impl Fn(u64) -> f64) -> Vec<SeriesPoint> {
        let point = |second| SeriesPoint {
            second,
            total: 1000,
            failed: 0,
            rps: rps(second),
            avg_latency_ms: Some(p50_ms(second)),
            p50_latency_ms: Some(p50_ms(second)),
            p95_latency_ms: Some(p50_ms(second)),
            p99_latency_ms: Some(p50_ms(second)),
            service_p50_latency_ms: Some(p50_ms(second)),
        };
        (0..60).map(point).collect()
    }

    fn is_not_steady(series: &[SeriesPoint], level: Level) -> bool {
        matches!(judge(series, 60.0, Some(level)), Steadiness::NotSteady(_))
    }

    #[test]
    fn a_run_at_rest_and_one_with_a_warm_up() {
        let rest = series(|_| 100.0, |_| 1.0);
        assert_eq!(judge(&rest, 60.0, None), Steadiness::Steady { from_second: 0 });
        let ripple = |second| 0.1 * (second % 3) as f64;
        let warm_up = series(|_| 100.0, |second| if second < 10 { 30.0 } else { 2.0 } + ripple(second));
        assert_eq!(judge(&warm_up, 60.0, None), Steadiness::Steady { from_second: 10 });
        assert_eq!(judge(&rest[..19], 19.0, None), Steadiness::NotJudged);
    }

    #[test]
    fn latency_that_grows_is_not_steady_unless_it_is_a_problem_already() {
        let growing = series(|_| 100.0, |second| 10.0 + second as f64);
        assert!(is_not_steady(&growing, Level::Excellent) && is_not_steady(&growing, Level::Acceptable));
        let Steadiness::Moving(words) = judge(&growing, 60.0, Some(Level::Problem)) else {
            panic!("not moving")
        };
        assert_eq!(
            words,
            "the median latency was still moving at the end: 17.0 ms in the first quarter, 62.0 ms in the last."
        );
    }

    #[test]
    fn a_rate_that_falls_is_not_steady_and_one_that_rises_may_be_excellent() {
        let falling = series(|second| 2000.0 - 20.0 * second as f64, |_| 1.0);
        assert!(is_not_steady(&falling, Level::Excellent));
        let rising = series(|second| 1000.0 + 20.0 * second as f64, |_| 1.0);
        assert!(!is_not_steady(&rising, Level::Excellent) && is_not_steady(&rising, Level::Acceptable));
    }

    #[test]
    fn what_nobody_would_notice_is_no_movement() {
        let creeping = series(|_| 100.0, |second| 0.4 + 0.01 * second as f64);
        assert_eq!(
            judge(&creeping, 60.0, None),
            Steadiness::Steady { from_second: 0 },
            "within a millisecond"
        );
        let slight = series(|second| 1000.0 + second as f64, |second| 100.0 + 0.5 * second as f64);
        assert_eq!(judge(&slight, 60.0, None), Steadiness::Steady { from_second: 0 }, "within a third");
    }

    #[test]
    fn the_wait_for_the_last_answers_is_not_judged() {
        let mut run = series(|_| 100.0, |_| 1.0);
        run.iter_mut().skip(40).for_each(|point| (point.rps, point.p50_latency_ms) = (1.0, Some(30_000.0)));
        assert_eq!(judge(&run, 40.0, None), Steadiness::Steady { from_second: 0 });
    }
}
