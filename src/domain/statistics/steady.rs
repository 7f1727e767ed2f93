//! Whether a series has come to rest: MSER truncation.
//!
//! The rule of White, Cobb and Spratt (*A comparison of five steady-state truncation heuristics for simulation*, Winter
//! Simulation Conference 2000) cuts off the beginning whose removal makes the mean of the rest most certain: it
//! minimises variance / length of what is kept. If more than half would go, the series has not come to rest within
//! its length. MSER-5 averages five observations into one before; a point here is a second of a run, which holds more
//! of them already.
//!
//! Two things are known of the rule, and answered here. A short rest can be quiet by chance, so that at least a quarter is
//! kept. And a few extreme points near the end would make it cut off all before them, so that points beyond the outer
//! fences (Tukey: three interquartile ranges from the quartiles) count as the fence: a stall now and then belongs to
//! the steady state of a server that has stalls.

use serde::{Deserialize, Serialize};

/// Points of a series from which on it is judged. With less, chance alone makes one in ten look restless.
pub const POINTS_MIN: usize = 20;
/// The share of a series that is kept at least.
const KEPT_MIN: f64 = 0.25;
/// Interquartile ranges from the quartiles to the fences.
const FENCE_RANGES: f64 = 3.0;

/// What became of a series over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Course {
    /// At rest from this point on; 0 when it was from the beginning.
    Steady {
        /// Points before it.
        from: usize,
    },
    /// Not at rest within its length.
    Moving {
        /// The median of the first quarter.
        early: f64,
        /// The median of the last quarter.
        late: f64,
    },
}

/// Judges a series of finite figures; `None` when it is shorter than [`POINTS_MIN`].
pub fn course(series: &[f64]) -> Option<Course> {
    if series.len() < POINTS_MIN {
        return None;
    }
    let from = truncation(&within_fences(series));
    if 2 * from <= series.len() {
        return Some(Course::Steady { from });
    }
    let quarter = series.len() / 4;
    let (early, late) = (median(&series[..quarter]), median(&series[series.len() - quarter..]));
    Some(Course::Moving { early, late })
}

/// The number of points to cut off: the d that minimises Σ(x−x̄)²/(n−d)² over the n−d kept ones.
fn truncation(series: &[f64]) -> usize {
    let kept_min = (series.len() as f64 * KEPT_MIN).ceil() as usize;
    // Deviations from a value of the series keep the squares small.
    let origin = series.last().copied().unwrap_or(0.0);
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (index, value) in series.iter().enumerate().rev() {
        let deviation = value - origin;
        sum += deviation;
        squares += deviation * deviation;
        let kept = series.len() - index;
        if kept >= kept_min.max(1) {
            let length = kept as f64;
            let uncertainty = (squares - sum * sum / length).max(0.0) / (length * length);
            if uncertainty <= best.0 {
                best = (uncertainty, index);
            }
        }
    }
    best.1
}

fn within_fences(series: &[f64]) -> Vec<f64> {
    let mut ordered = series.to_vec();
    ordered.sort_by(f64::total_cmp);
    let (lower, upper) = (ordered[ordered.len() / 4], ordered[ordered.len() * 3 / 4]);
    let reach = FENCE_RANGES * (upper - lower);
    series.iter().map(|value| value.max(lower - reach).min(upper + reach)).collect()
}

fn median(series: &[f64]) -> f64 {
    let mut ordered = series.to_vec();
    ordered.sort_by(f64::total_cmp);
    ordered[ordered.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Points that wander around `mean`, each half of the way to the one before: the noise of a machine comes in
    /// phases.
    fn noise(random: &mut fastrand::Rng, mean: impl Fn(usize) -> f64) -> Vec<f64> {
        // Twelve uniform values less six are as good as normal.
        let mut normal = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mut wander = normal();
        (0..60)
            .map(|second| {
                wander = 0.5 * wander + 0.75f64.sqrt() * normal();
                mean(second) + wander
            })
            .collect()
    }

    fn moving(mean: impl Fn(usize) -> f64 + Copy) -> usize {
        let mut random = fastrand::Rng::with_seed(5);
        let all = (0..2000).map(|_| course(&noise(&mut random, mean)).expect("long enough"));
        all.filter(|course| matches!(course, Course::Moving { .. })).count()
    }

    /// Of 2000 series of a minute each; a unit is the standard deviation of the noise. The seed is fixed, and so are the
    /// counts: they say how far the verdict can be trusted.
    #[test]
    fn how_often_it_errs_is_known() {
        let stall = |second| if (48..51).contains(&second) { 150.0 } else { 100.0 };
        let false_alarms = [moving(|_| 100.0), moving(stall)];
        assert_eq!(false_alarms, [47, 0], "at rest, and with a stall");
        let growth = |second| 100.0 + second as f64 / 4.0;
        let step = |second| if second < 42 { 100.0 } else { 105.0 };
        let misses = [2000 - moving(growth), 2000 - moving(step)];
        assert_eq!(misses, [89, 33], "of a growth by 15, and of a step by 5");
    }

    #[test]
    fn short_series_are_not_judged() {
        assert_eq!(course(&[1.0; POINTS_MIN - 1]), None);
        assert_eq!(course(&[1.0; POINTS_MIN]), Some(Course::Steady { from: 0 }));
    }

    proptest! {
        #[test]
        fn what_is_constant_is_steady_from_the_beginning(value in -1e9..1e9f64, length in POINTS_MIN..500) {
            prop_assert_eq!(course(&vec![value; length]), Some(Course::Steady { from: 0 }));
        }

        #[test]
        fn a_warm_up_is_cut_off_at_its_end(
            length in 40usize..300, share in 0.05..0.45f64, height in 1.0..1000.0f64, ripple in 0.0..0.02f64
        ) {
            let knee = (length as f64 * share) as usize;
            let value = |index: usize| {
                let warm_up = if index < knee { 1.0 + height * (1.0 - index as f64 / knee as f64) } else { 1.0 };
                warm_up + if index.is_multiple_of(2) { ripple } else { 0.0 }
            };
            let series: Vec<_> = (0..length).map(value).collect();
            let Some(Course::Steady { from }) = course(&series) else { panic!("{series:?}") };
            prop_assert!(from <= knee && knee - from <= 2 + knee / 10, "{} is not near {}", from, knee);
        }

        #[test]
        fn what_grows_or_falls_is_moving(step in 0.001..100.0f64, length in POINTS_MIN..300) {
            let grown: Vec<_> = (0..length).map(|index| 1.0 + step * index as f64).collect();
            let Some(Course::Moving { early, late }) = course(&grown) else { panic!("steady") };
            prop_assert!(early < late);
            let fallen: Vec<_> = grown.into_iter().rev().collect();
            let Some(Course::Moving { early, late }) = course(&fallen) else { panic!("steady") };
            prop_assert!(early > late);
        }

        #[test]
        fn scale_and_origin_do_not_matter(
            series in prop::collection::vec(0i32..100, 20..100), shift in -1000i32..1000, scale in 1i32..50
        ) {
            let of = |value: i32| f64::from(value * scale + shift);
            let plain: Vec<_> = series.iter().map(|value| f64::from(*value)).collect();
            let moved: Vec<_> = series.iter().map(|value| of(*value)).collect();
            let steady = |series: &[f64]| matches!(course(series), Some(Course::Steady { .. }));
            prop_assert_eq!(steady(&plain), steady(&moved));
        }
    }
}
