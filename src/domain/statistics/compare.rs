//! Whether a difference is real: repeats of two settings, made in turn, compared without assuming a distribution.

use serde::{Deserialize, Serialize};

use super::distribution::normal_two_sided;

/// How sure an interval is, and the reverse of how often a difference is called real although there is none.
pub const CONFIDENCE: f64 = 0.95;
/// Repeats of each side that can show a difference to be real.
pub const REPEATS_MIN: usize = 5;
/// Repeats of both sides together up to which probabilities are counted out instead of approximated.
const EXACT_MAX: usize = 40;

/// What can be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Repeats show it.
    Real,
    /// The data show it, and they are of one run each, or of too few repeats: what else was different between these runs
    /// is in it, too.
    Indicative,
    /// Zero is among the values that the difference can have.
    NotShown,
}

/// A difference between two sides, in the unit of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The figure before.
    pub before: f64,
    /// The figure after.
    pub after: f64,
    /// By how much it grew; negative when it fell.
    pub change: f64,
    /// The smallest change that goes with the data.
    pub low: f64,
    /// The largest change that goes with the data.
    pub high: f64,
    /// What can be said of it.
    pub finding: Finding,
}

impl Difference {
    /// `shown` is what to call a difference whose interval leaves out zero.
    pub(super) fn new(before: f64, after: f64, change: f64, interval: (f64, f64), shown: Finding) -> Self {
        let (low, high) = interval;
        let finding = if low > 0.0 || high < 0.0 { shown } else { Finding::NotShown };
        Self { before, after, change, low, high, finding }
    }

    /// `value` of this difference in percent of the figure before; `None` when that is zero.
    pub fn percent(&self, value: f64) -> Option<f64> {
        (self.before != 0.0).then(|| value / self.before.abs() * 100.0)
    }
}

/// Compares repeats of two settings by one figure of each. They should be made in turn (A B A B …), so that a machine that
/// changes meanwhile changes both. `before` and `after` of the result are the medians.
///
/// The change is Hodges and Lehmann's estimate: the median of all differences between one of each side. Its interval
/// is made of those differences by order (Moses; Hollander and Wolfe, *Nonparametric Statistical Methods*, 4.3), and a
/// change is real if the Mann-Whitney test says so, too, counted out where repeats are few, ties included. With
/// less than [`REPEATS_MIN`] of a side, a difference is indicative at best.
///
/// `None` when a side is empty or a figure is not finite.
pub fn repeats(before: &[f64], after: &[f64]) -> Option<Difference> {
    let figures = || before.iter().chain(after);
    if before.is_empty() || after.is_empty() || !figures().all(|figure| figure.is_finite()) {
        return None;
    }
    let mut differences: Vec<f64> =
        after.iter().flat_map(|after| before.iter().map(move |before| after - before)).collect();
    differences.sort_by(f64::total_cmp);
    let outside = beyond_the_interval(before.len(), after.len());
    let interval = (differences[outside], differences[differences.len() - 1 - outside]);
    let change = median(&differences);
    let enough = before.len().min(after.len()) >= REPEATS_MIN;
    let shown = if enough { Finding::Real } else { Finding::Indicative };
    let mut difference =
        Difference::new(median(&sorted(before)), median(&sorted(after)), change, interval, shown);
    if enough && mann_whitney(before, after) > 1.0 - CONFIDENCE {
        difference.finding = Finding::NotShown;
    }
    Some(difference)
}

/// How probable sides at least as far apart as these are if it makes no difference which side a figure is on.
pub fn mann_whitney(before: &[f64], after: &[f64]) -> f64 {
    let (n, m) = (before.len(), after.len());
    let together = sorted(&[before, after].concat());
    let ranks: Vec<usize> = together.iter().map(|figure| doubled_rank(&together, *figure)).collect();
    let sum: usize = after.iter().map(|figure| doubled_rank(&together, *figure)).sum();
    let expected = (m * (n + m + 1)) as f64;
    let distance = (sum as f64 - expected).abs();
    if n + m <= EXACT_MAX {
        let ways = rank_sums(&ranks, m);
        let all: f64 = ways.iter().sum();
        let as_far = |sum: usize| (sum as f64 - expected).abs() >= distance - 1e-9;
        let far: f64 = ways.iter().enumerate().filter(|(sum, _)| as_far(*sum)).map(|(_, ways)| ways).sum();
        return (far / all).min(1.0);
    }
    // Ranks are doubled, and so are distance and standard deviation. Those of ties vary less.
    let mean = (n + m + 1) as f64;
    let spread: f64 = ranks.iter().map(|rank| (*rank as f64 - mean).powi(2)).sum();
    let all = (n + m) as f64;
    let variance = (n * m) as f64 * spread / (all * (all - 1.0));
    if variance > 0.0 { normal_two_sided((distance - 1.0).max(0.0) / variance.sqrt()) } else { 1.0 }
}

/// How many of the ordered differences lie outside the interval, on each side.
fn beyond_the_interval(n: usize, m: usize) -> usize {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if n + m > EXACT_MAX {
        let spread = (n as f64 * m as f64 * (n + m + 1) as f64 / 12.0).sqrt();
        let middle = (n * m) as f64 / 2.0;
        return ((middle - 1.96 * spread).floor().max(0.0) as usize).min(n * m / 2);
    }
    let ranks: Vec<usize> = (1..=n + m).map(|rank| 2 * rank).collect();
    let ways = rank_sums(&ranks, m);
    let all: f64 = ways.iter().sum();
    let lowest = m * (m + 1);
    // Doubled ranks have even sums: one of U each.
    let mut so_far = 0.0;
    let fit = ways[lowest..].iter().step_by(2).take_while(|ways| {
        so_far += **ways / all;
        so_far <= tail
    });
    // P(U ≤ k−1) ≤ tail puts the k-th difference at the border, and k−1 of them outside.
    fit.count().saturating_sub(1)
}

/// For each sum, in how many ways `chosen` of the ranks come to it.
fn rank_sums(ranks: &[usize], chosen: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; total + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for count in (1..=chosen).rev() {
            for sum in *rank..=total {
                ways[count][sum] += ways[count - 1][sum - rank];
            }
        }
    }
    ways.swap_remove(chosen)
}

/// Twice the mean rank of all that equal `figure`: a whole number.
fn doubled_rank(sorted: &[f64], figure: f64) -> usize {
    let below = sorted.partition_point(|other| *other < figure);
    let up_to = sorted.partition_point(|other| *other <= figure);
    below + up_to + 1
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures
}

/// Of ordered figures, of which there is one at least.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_from_the_tables() {
        let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]);
        assert!((mann_whitney(&low, &high) - 2.0 / 252.0).abs() < 1e-12);
        assert!((mann_whitney(&low, &low) - 1.0).abs() < 1e-12);
        // n = m = 5: P(U ≤ 2) = 4/252 is the last below 2.5 %, so that the third difference is the border.
        assert_eq!(beyond_the_interval(5, 5), 2);
        assert_eq!(beyond_the_interval(10, 10), 23);
        assert_eq!(beyond_the_interval(3, 3), 0);
    }

    #[test]
    fn the_approximation_joins_the_exact_count() {
        let before: Vec<f64> = (0..20).map(f64::from).collect();
        let after: Vec<f64> = (0..20).map(|index| f64::from(index) + 4.5).collect();
        let exact = mann_whitney(&before, &after);
        let more = [&after[..], &[14.0]].concat();
        assert!((mann_whitney(&before, &more) - exact).abs() < 0.01, "{exact}");
        assert!(beyond_the_interval(20, 20).abs_diff(beyond_the_interval(20, 21)) < 15);
    }

    #[test]
    fn five_repeats_show_what_four_indicate() {
        let before = [10.0, 10.2, 9.9, 10.1, 10.3];
        let after = [8.0, 8.1, 7.9, 8.3, 8.2];
        let difference = repeats(&before, &after).expect("figures");
        assert_eq!(difference.finding, Finding::Real);
        assert!((difference.change + 2.0).abs() < 0.11, "{difference:?}");
        assert!(difference.low <= difference.change && difference.change <= difference.high);
        assert!((difference.percent(difference.change).expect("not zero") + 20.0).abs() < 1.0);
        assert_eq!(repeats(&before[..4], &after[..4]).expect("figures").finding, Finding::Indicative);
        assert_eq!(repeats(&before, &before).expect("figures").finding, Finding::NotShown);
        assert_eq!(repeats(&[], &after), None);
        assert_eq!(repeats(&[f64::NAN], &after), None);
    }

    /// Of 2000 pairs of five repeats each that differ by chance only, and of 2000 that differ by twice their own scatter.
    /// The seed is fixed, and so are the counts.
    #[test]
    fn how_often_it_errs_is_known() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut figures = |mean: f64| -> Vec<f64> {
            // Twelve uniform values less six are as good as normal, with a standard deviation of 1.
            (0..5).map(|_| (0..12).map(|_| random.f64()).sum::<f64>() - 6.0 + mean).collect()
        };
        let mut real = |change: f64| {
            let pairs =
                (0..2000).map(|_| repeats(&figures(100.0), &figures(100.0 + change)).expect("figures"));
            pairs.filter(|difference| difference.finding == Finding::Real).count()
        };
        assert_eq!([real(0.0), real(2.0)], [65, 1343], "by mistake, and rightly");
    }

    proptest! {
        #[test]
        fn sides_that_are_swapped_turn_the_sign(
            before in prop::collection::vec(0.0..1e6f64, 1..12), after in prop::collection::vec(0.0..1e6f64, 1..12)
        ) {
            let (one, other) = (repeats(&before, &after).unwrap(), repeats(&after, &before).unwrap());
            prop_assert!((one.change + other.change).abs() < 1e-6);
            prop_assert!((one.low + other.high).abs() < 1e-6);
            prop_assert_eq!(one.finding, other.finding);
        }

        #[test]
        fn a_side_does_not_differ_from_itself(side in prop::collection::vec(0.0..1e6f64, 1..30)) {
            let difference = repeats(&side, &side).unwrap();
            prop_assert_eq!((difference.change, difference.finding), (0.0, Finding::NotShown));
        }

        #[test]
        fn any_figures_compare(before in prop::collection::vec(any::<f64>(), 0..50), after in prop::collection::vec(any::<f64>(), 0..50)) {
            let _ = repeats(&before, &after);
        }
    }
}
