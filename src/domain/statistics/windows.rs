//! Comparing one run with one run, by how its figures varied within it.
//!
//! Requests that follow each other are alike: a slow second makes a hundred slow requests. So a run of 6000 requests does
//! not know its mean as well as 6000 independent ones would. How well it does is taken from batches of seconds
//! (batch means: Law, *Simulation Modeling and Analysis*, 9.5.3), whose means hardly depend on each other. What
//! differs from run to run, and not within a run, is in none of them: that is why a difference found here is
//! [`Finding::Indicative`].

use super::compare::{CONFIDENCE, Difference, Finding};
use super::distribution::student_critical;

/// Seconds of a run from which on its variation is known.
pub const SECONDS_MIN: usize = 10;
/// Seconds of a batch, where there are enough of them.
const BATCH_SECONDS: usize = 10;
/// Batches at least and at most.
const BATCHES: (usize, usize) = (5, 30);
/// Times that a percentile is drawn anew.
const DRAWS: usize = 2000;
/// Student's critical value with any number of batches, at [`CONFIDENCE`].
const NORMAL_CRITICAL: f64 = 1.96;
/// Where the draws begin: the same runs compare the same every time.
const SEED: u64 = 20_261_121;

/// A mean, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean of the whole run.
    pub mean: f64,
    /// The variance of that mean.
    pub variance: f64,
    /// Degrees of freedom of the variance.
    pub degrees: f64,
}

impl Mean {
    /// The mean of a series, whose variance is that of its batches; `None` below [`SECONDS_MIN`].
    pub fn of(series: &[f64]) -> Option<Self> {
        if series.len() < SECONDS_MIN {
            return None;
        }
        let batches = (series.len() / BATCH_SECONDS).clamp(BATCHES.0, BATCHES.1);
        // Batches differ in length by one second at most.
        let border = |batch: usize| batch * series.len() / batches;
        let means: Vec<f64> =
            (0..batches).map(|batch| mean(&series[border(batch)..border(batch + 1)])).collect();
        let centre = mean(&means);
        let squares: f64 = means.iter().map(|value| (value - centre).powi(2)).sum();
        let degrees = (batches - 1) as f64;
        Some(Self { mean: mean(series), variance: squares / degrees / batches as f64, degrees })
    }

    /// Welch's comparison of two means with different variances.
    pub fn compare(before: Self, after: Self) -> Difference {
        let variance = before.variance + after.variance;
        let share = |side: Self| side.variance * side.variance / side.degrees;
        // Welch and Satterthwaite's degrees of freedom; two means that do not vary at all have none.
        let degrees = variance * variance / (share(before) + share(after));
        let reach = if variance > 0.0 && degrees.is_finite() {
            student_critical(1.0 - CONFIDENCE, degrees) * variance.sqrt()
        } else {
            0.0
        };
        let change = after.mean - before.mean;
        Difference::new(
            before.mean,
            after.mean,
            change,
            (change - reach, change + reach),
            Finding::Indicative,
        )
    }
}

/// A percentile of a run, and what is known of its variation.
pub struct Percentile<'a> {
    /// The share of requests below it, between 0 and 1.
    pub share: f64,
    /// Requests of the run.
    pub count: u64,
    /// The run's distribution: the figure below which a share of the requests lies.
    pub quantile: &'a dyn Fn(f64) -> f64,
    /// The same percentile of each second.
    pub series: &'a [f64],
}

impl Percentile<'_> {
    fn value(&self) -> f64 {
        (self.quantile)(self.share)
    }

    /// Draws the run's percentile anew. Which of its requests is the percentile has a beta distribution, so that drawing
    /// that one figure is the same as drawing all requests from the run's distribution. That is as if they were
    /// independent; by how much the mean of the series varies beyond that, as far as so few batches can tell, is
    /// added. `None` below [`SECONDS_MIN`].
    fn draws(&self, random: &mut fastrand::Rng) -> Option<Vec<f64>> {
        let of_series = Mean::of(self.series)?;
        let count = self.count as f64;
        let (below, above) = ((count * self.share).max(1.0), (count * (1.0 - self.share)).max(1.0));
        let mut draws: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let (left, right) = (gamma(below, random), gamma(above, random));
                (self.quantile)(left / (left + right))
            })
            .collect();
        let doubt = student_critical(1.0 - CONFIDENCE, of_series.degrees) / NORMAL_CRITICAL;
        let beyond = (of_series.variance * doubt * doubt - variance(&draws)).max(0.0).sqrt();
        draws.iter_mut().for_each(|draw| *draw += beyond * normal(random));
        Some(draws)
    }

    /// Compares two runs by the bootstrap. `None` when one of them is too short.
    pub fn compare(before: &Self, after: &Self) -> Option<Difference> {
        // Whichever side is called before, the same numbers are drawn for a run.
        let key = |side: &Self| (side.value(), side.count);
        let turned = key(after) < key(before);
        let (first, second) = if turned { (after, before) } else { (before, after) };
        let mut random = fastrand::Rng::with_seed(SEED);
        let (firsts, seconds) = (first.draws(&mut random)?, second.draws(&mut random)?);
        let sign = if turned { -1.0 } else { 1.0 };
        let mut changes: Vec<f64> =
            firsts.iter().zip(&seconds).map(|(first, second)| sign * (second - first)).collect();
        changes.sort_by(f64::total_cmp);
        let outside = (DRAWS as f64 * (1.0 - CONFIDENCE) / 2.0) as usize;
        let interval = (changes[outside], changes[DRAWS - 1 - outside]);
        let (from, to) = (before.value(), after.value());
        Some(Difference::new(from, to, to - from, interval, Finding::Indicative))
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// A value of the gamma distribution with shape 1 or more. Marsaglia and Tsang, *A simple method for generating gamma
/// variables*, ACM TOMS 26(3), 2000.
fn gamma(shape: f64, random: &mut fastrand::Rng) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - random.f64()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Box and Muller's.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A minute of 50 requests a second, exponential around a level that wanders by `wander` of itself.
    struct Run {
        ordered: Vec<f64>,
        means: Vec<f64>,
        p95: Vec<f64>,
    }

    fn run(random: &mut fastrand::Rng, level: f64, wander: f64) -> Run {
        let mut state = normal(random);
        let seconds: Vec<Vec<f64>> = (0..60)
            .map(|_| {
                state = 0.6 * state + 0.8 * normal(random);
                let level = level * (wander * state).exp();
                let mut second: Vec<f64> = (0..50).map(|_| -level * (1.0 - random.f64()).ln()).collect();
                second.sort_by(f64::total_cmp);
                second
            })
            .collect();
        let mut ordered = seconds.concat();
        ordered.sort_by(f64::total_cmp);
        Run {
            ordered,
            means: seconds.iter().map(|second| mean(second)).collect(),
            p95: seconds.iter().map(|second| second[47]).collect(),
        }
    }

    fn compare(before: &Run, after: &Run) -> [Difference; 2] {
        let quantile = |run: &Run, share: f64| run.ordered[((share * 3000.0) as usize).min(2999)];
        let of_before = |share: f64| quantile(before, share);
        let of_after = |share: f64| quantile(after, share);
        let sides = (
            Percentile { share: 0.95, count: 3000, quantile: &of_before, series: &before.p95 },
            Percentile { share: 0.95, count: 3000, quantile: &of_after, series: &after.p95 },
        );
        let means = [before, after].map(|run| Mean::of(&run.means).expect("a minute"));
        [Mean::compare(means[0], means[1]), Percentile::compare(&sides.0, &sides.1).expect("a minute")]
    }

    /// Of 500 pairs of runs each: mean and p95. The seed is fixed, and so are the counts.
    #[test]
    fn how_often_it_errs_is_known() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut shown = |change: f64, wander: f64| {
            let mut counts = [0; 2];
            for _ in 0..500 {
                let pair = (run(&mut random, 10.0, wander), run(&mut random, 10.0 * change, wander));
                let differences = compare(&pair.0, &pair.1);
                for (count, difference) in counts.iter_mut().zip(differences) {
                    *count += usize::from(difference.finding != Finding::NotShown);
                }
            }
            counts
        };
        assert_eq!(shown(1.0, 0.0), [21, 2], "by mistake, requests that are independent");
        assert_eq!(shown(1.0, 0.2), [41, 31], "by mistake, a level that wanders by a fifth");
        assert_eq!(shown(1.25, 0.2), [379, 324], "rightly, a quarter slower");
    }

    #[test]
    fn short_runs_are_not_compared() {
        assert_eq!(Mean::of(&[1.0; SECONDS_MIN - 1]), None);
        let constant = Mean::of(&[1.0; SECONDS_MIN]).expect("long enough");
        assert_eq!((constant.mean, constant.variance, constant.degrees), (1.0, 0.0, 4.0));
        assert_eq!(Mean::compare(constant, constant).finding, Finding::NotShown);
    }

    #[test]
    fn gamma_has_its_mean_and_variance() {
        let mut random = fastrand::Rng::with_seed(1);
        for shape in [1.0, 5.0, 300.0] {
            let values: Vec<_> = (0..20_000).map(|_| gamma(shape, &mut random)).collect();
            assert!((mean(&values) / shape - 1.0).abs() < 0.03, "{shape}");
            assert!((variance(&values) / shape - 1.0).abs() < 0.06, "{shape}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn sides_that_are_swapped_turn_the_sign(seed: u64, change in 0.5..2.0f64) {
            let mut random = fastrand::Rng::with_seed(seed);
            let (one, other) = (run(&mut random, 1.0, 0.1), run(&mut random, change, 0.1));
            for (there, back) in compare(&one, &other).into_iter().zip(compare(&other, &one)) {
                prop_assert_eq!((there.change, there.low, there.high), (-back.change, -back.high, -back.low));
                prop_assert_eq!(there.finding, back.finding);
            }
        }

        #[test]
        fn a_run_does_not_differ_from_itself(seed: u64, wander in 0.0..1.0f64) {
            let run = run(&mut fastrand::Rng::with_seed(seed), 1.0, wander);
            for difference in compare(&run, &run) {
                prop_assert_eq!((difference.change, difference.finding), (0.0, Finding::NotShown));
            }
        }
    }
}
