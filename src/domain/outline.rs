//! The outline of a field over time: few points that show what many values do.

use super::unit::UtcMillis;

/// Points of an outline.
pub const POINTS_MAX: usize = 180;

/// What the values of a short time are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The beginning of the time, or the moment of a single value.
    pub at: UtcMillis,
    /// Arithmetic mean.
    pub mean: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// How many.
    pub count: u64,
}

/// Takes values in any order. Memory is that of [`POINTS_MAX`] points.
#[derive(Clone, Debug)]
pub struct Outline {
    from: UtcMillis,
    step_ms: i64,
    points: Vec<Option<Sum>>,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    at: UtcMillis,
    sum: f64,
    low: f64,
    high: f64,
    count: u64,
}

impl Outline {
    /// Of the values between two times.
    pub fn new(from: UtcMillis, to: UtcMillis) -> Self {
        let length = to.0.saturating_sub(from.0).max(0);
        let step_ms = length / POINTS_MAX as i64 + 1;
        Self { from, step_ms, points: vec![None; POINTS_MAX] }
    }

    /// Takes a value. What is outside of the time, or no finite number, counts for nothing.
    pub fn push(&mut self, at: UtcMillis, value: f64) {
        let place = usize::try_from(at.0.saturating_sub(self.from.0).div_euclid(self.step_ms));
        let Some(point) = place.ok().and_then(|place| self.points.get_mut(place)) else { return };
        if !value.is_finite() {
            return;
        }
        let sum = point.get_or_insert(Sum { at, sum: 0.0, low: value, high: value, count: 0 });
        sum.at = sum.at.min(at);
        sum.sum += value;
        sum.low = sum.low.min(value);
        sum.high = sum.high.max(value);
        sum.count += 1;
    }

    /// The points, the oldest first, and `None` where one or several have no value.
    pub fn points(&self) -> Vec<(UtcMillis, Option<Point>)> {
        let starts = (0..).map(|place: i64| UtcMillis(self.from.0.saturating_add(place * self.step_ms)));
        let point = |(start, sum): (UtcMillis, &Option<Sum>)| match sum {
            None => (start, None),
            Some(Sum { at, sum, low, high, count }) => {
                let at = if *count == 1 { *at } else { start };
                // A sum of the largest numbers is none, but what it is made of is.
                let mean = (sum / *count as f64).clamp(*low, *high);
                (at, Some(Point { at, mean, low: *low, high: *high, count: *count }))
            }
        };
        starts.zip(&self.points).map(point).collect()
    }
}

/// A distance so many times the usual one is a silence.
const SILENCE_FACTOR: i64 = 3;

/// Moments within silences: where points, the oldest first, are much further apart than is usual among them.
pub fn silences(points: &[&Point]) -> impl Iterator<Item = UtcMillis> {
    let pairs = || points.windows(2).map(|pair| (pair[0].at.0, pair[1].at.0));
    let mut distances: Vec<i64> = pairs().map(|(one, next)| next.saturating_sub(one)).collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(i64::MAX);
    let least = usual.saturating_mul(SILENCE_FACTOR);
    pairs()
        .filter(move |(one, next)| next.saturating_sub(*one) > least)
        .map(|(one, next)| UtcMillis(one + (next - one) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_gathered_by_their_time() {
        let mut outline = Outline::new(UtcMillis(0), UtcMillis(18_000));
        for (at, value) in [(0, 1.0), (50, 3.0), (17_999, 7.0), (-1, 9.0), (18_500, 9.0), (30, f64::NAN)] {
            outline.push(UtcMillis(at), value);
        }
        let known: Vec<_> = outline.points().into_iter().filter_map(|(_, point)| point).collect();
        assert_eq!(known.len(), 2);
        assert_eq!((known[0].mean, known[0].low, known[0].high, known[0].count), (2.0, 1.0, 3.0, 2));
        assert_eq!((known[1].at, known[1].mean), (UtcMillis(17_999), 7.0));
    }

    #[test]
    fn a_silence_is_longer_than_usual() {
        let at = |at| Point { at: UtcMillis(at), mean: 0.0, low: 0.0, high: 0.0, count: 1 };
        let found = |times: &[i64]| -> Vec<i64> {
            let points: Vec<Point> = times.iter().copied().map(at).collect();
            silences(&points.iter().collect::<Vec<_>>()).map(|at| at.0).collect()
        };
        assert_eq!(found(&[0, 10, 20, 120, 130, 150]), [70]);
        for times in [&[][..], &[5], &[0, 1_000_000], &[0, 10, 30, 40]] {
            assert!(found(times).is_empty(), "{times:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_mean_lies_between(
            values in prop::collection::vec((any::<i64>(), any::<f64>()), 0..50), from: i64, to: i64
        ) {
            let mut outline = Outline::new(UtcMillis(from), UtcMillis(to));
            values.iter().for_each(|(at, value)| outline.push(UtcMillis(*at), *value));
            let points = outline.points();
            prop_assert_eq!(points.len(), POINTS_MAX);
            for point in points.into_iter().filter_map(|(_, point)| point) {
                prop_assert!(point.low <= point.mean && point.mean <= point.high);
            }
        }
    }
}
