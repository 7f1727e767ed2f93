//! Which of several settings serves a load best, from repeats that were made in turn.

use serde::Serialize;

use super::run::Rate;
use super::statistics::compare::{Difference, Finding, repeats};

/// Repeats of each setting: the fewest that can show a difference to be real.
pub const REPEATS: u32 = super::statistics::compare::REPEATS_MIN as u32;
/// Settings that are compared.
pub const SETTINGS_MAX: usize = 8;
/// What a server has unless told otherwise.
pub const WORKERS_DEFAULT: u32 = 4;
/// Percent of requests that may fail before a setting comes behind those with fewer failures.
const FAILED_PERCENT_MAX: f64 = 1.0;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Figure {
    /// The p95 from the due time, in milliseconds: less is better. For a given rate.
    #[serde(rename = "p95_latency_ms")]
    P95,
    /// Requests a second: more is better. For as many as there can be.
    #[serde(rename = "actual_rps")]
    Rps,
}

impl Figure {
    /// What tells settings apart under a load.
    pub fn of(rate: Rate) -> Self {
        match rate {
            Rate::PerSecond(_) | Rate::Ramp(_) | Rate::Requests(_) => Self::P95,
            Rate::Max => Self::Rps,
        }
    }

    /// So that less is better.
    fn cost(self, value: f64) -> f64 {
        match self {
            Self::P95 => value,
            Self::Rps => -value,
        }
    }
}

/// One repeat of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Repeat {
    /// From the due time.
    pub p95_latency_ms: f64,
    /// Requests a second.
    pub actual_rps: f64,
    /// Requests.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Whether the generator was the limit, not the server.
    pub generator_limited: bool,
}

/// A setting and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// `--workers` of the server.
    pub workers: u32,
    /// Median.
    pub p95_latency_ms: f64,
    /// Median.
    pub actual_rps: f64,
    /// In all repeats.
    pub failed: u64,
    /// From the best setting to this one, in the figure's unit; `null` for the best.
    pub difference: Option<Difference>,
    /// In the order in which they were made.
    pub repeats: Vec<Repeat>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuning {
    /// What was compared.
    pub figure: Figure,
    /// The best first.
    pub settings: Vec<Setting>,
    /// The setting to use.
    pub recommended: u32,
    /// Why.
    pub reason: String,
    /// Repeats in which the generator was the limit.
    pub generator_limited: usize,
}

/// Ranks settings, of which each has been repeated as often as the others. `None` without any repeat.
///
/// The best is the one with the best median, and it is recommended only against those that are really worse: among settings
/// that repeats do not tell apart, the default stays, or else the one with the fewest threads.
pub fn rank(figure: Figure, measured: Vec<(u32, Vec<Repeat>)>) -> Option<Tuning> {
    let mut settings: Vec<Setting> = measured
        .into_iter()
        .filter(|(_, repeats)| !repeats.is_empty())
        .map(|(workers, repeats)| Setting {
            workers,
            p95_latency_ms: median(repeats.iter().map(|repeat| repeat.p95_latency_ms)),
            actual_rps: median(repeats.iter().map(|repeat| repeat.actual_rps)),
            failed: repeats.iter().map(|repeat| repeat.failed).sum(),
            difference: None,
            repeats,
        })
        .collect();
    let value = |setting: &Setting| match figure {
        Figure::P95 => setting.p95_latency_ms,
        Figure::Rps => setting.actual_rps,
    };
    settings.sort_by(|a, b| {
        let cost = |setting: &Setting| figure.cost(value(setting));
        fails(a).cmp(&fails(b)).then(cost(a).total_cmp(&cost(b)))
    });
    let best = figures(figure, settings.first()?);
    for setting in settings.iter_mut().skip(1) {
        setting.difference = repeats(&best, &figures(figure, setting));
    }
    let fails_best = fails(&settings[0]);
    let equal: Vec<u32> = settings
        .iter()
        .filter(|setting| fails(setting) == fails_best && !is_really_different(setting))
        .map(|setting| setting.workers)
        .collect();
    let recommended = if equal.contains(&WORKERS_DEFAULT) {
        WORKERS_DEFAULT
    } else {
        equal.iter().copied().min().unwrap_or(settings[0].workers)
    };
    let generator_limited = settings
        .iter()
        .flat_map(|setting| &setting.repeats)
        .filter(|repeat| repeat.generator_limited)
        .count();
    let reason = reason(&settings, &equal, recommended);
    Some(Tuning { figure, settings, recommended, reason, generator_limited })
}

fn is_really_different(setting: &Setting) -> bool {
    setting.difference.is_some_and(|difference| difference.finding == Finding::Real)
}

fn reason(settings: &[Setting], equal: &[u32], recommended: u32) -> String {
    let best = settings[0].workers;
    match equal.len() {
        1 if settings.len() == 1 => "nothing was compared with it".into(),
        1 => "it is really better than all others".into(),
        all if all == settings.len() && recommended == WORKERS_DEFAULT => {
            "no difference is real, and it is the default".into()
        }
        all if all == settings.len() => "no difference is real, and it has the fewest threads".into(),
        _ if recommended == best => "it is the best, and really better than some".into(),
        _ if recommended == WORKERS_DEFAULT => {
            format!("it is the default, and {best} is not really better")
        }
        _ => format!("it has fewer threads, and {best} is not really better"),
    }
}

fn fails(setting: &Setting) -> bool {
    let total: u64 = setting.repeats.iter().map(|repeat| repeat.total).sum();
    setting.failed as f64 > total as f64 * FAILED_PERCENT_MAX / 100.0
}

fn figures(figure: Figure, setting: &Setting) -> Vec<f64> {
    let value = |repeat: &Repeat| match figure {
        Figure::P95 => repeat.p95_latency_ms,
        Figure::Rps => repeat.actual_rps,
    };
    setting.repeats.iter().map(value).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(workers: u32, p95s: [f64; 5]) -> (u32, Vec<Repeat>) {
        let repeat = |p95: f64| Repeat {
            p95_latency_ms: p95,
            actual_rps: 1000.0 / p95,
            total: 1000,
            failed: 0,
            generator_limited: false,
        };
        (workers, p95s.map(repeat).to_vec())
    }

    fn order(tuning: &Tuning) -> Vec<u32> {
        tuning.settings.iter().map(|setting| setting.workers).collect()
    }

    #[test]
    fn the_best_is_recommended_when_it_is_really_better() {
        let measured = || {
            vec![
                setting(1, [5.0, 5.1, 5.2, 5.3, 5.4]),
                setting(2, [1.0, 1.1, 1.2, 1.3, 1.4]),
                setting(4, [2.0, 2.1, 2.2, 2.3, 2.4]),
            ]
        };
        for figure in [Figure::P95, Figure::Rps] {
            let tuning = rank(figure, measured()).expect("settings");
            assert_eq!((order(&tuning), tuning.recommended), (vec![2, 4, 1], 2));
            assert_eq!(tuning.reason, "it is really better than all others");
        }
        let tuning = rank(Figure::P95, measured()).expect("settings");
        let difference = tuning.settings[1].difference.expect("a difference");
        assert!((difference.change - 1.0).abs() < 1e-9, "{difference:?}");
    }

    #[test]
    fn what_repeats_do_not_tell_apart_stays_at_the_default_or_the_fewest() {
        let noise = [1.0, 1.5, 0.9, 1.3, 1.2];
        let tuning = |settings| rank(Figure::P95, settings).expect("settings");
        let same =
            tuning(vec![setting(2, noise), setting(4, noise.map(|p95| p95 + 0.05)), setting(8, noise)]);
        assert_eq!(
            (same.recommended, same.reason.as_str()),
            (4, "no difference is real, and it is the default")
        );
        let without =
            tuning(vec![setting(8, noise.map(|p95| p95 - 0.05)), setting(2, noise), setting(1, [9.0; 5])]);
        assert_eq!(order(&without), [8, 2, 1]);
        assert_eq!(
            (without.recommended, without.reason.as_str()),
            (2, "it has fewer threads, and 8 is not really better")
        );
    }

    #[test]
    fn a_setting_that_fails_comes_last() {
        let mut failing = setting(1, [0.1; 5]);
        failing.1.iter_mut().for_each(|repeat| repeat.failed = 100);
        let tuning = rank(Figure::P95, vec![failing, setting(2, [5.0; 5])]).expect("settings");
        assert_eq!((order(&tuning), tuning.recommended), (vec![2, 1], 2));
        assert_eq!(rank(Figure::P95, vec![(1, Vec::new())]), None);
    }
}
