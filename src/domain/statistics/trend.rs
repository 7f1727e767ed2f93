//! Trends that a few odd values do not bend: the Theil-Sen slope with its interval, and the Mann-Kendall test.
//!
//! The slope is the median of the slopes between all pairs of points; its interval lies between two of them in order,
//! which Kendall's variance chooses: Sen, *Estimates of the regression coefficient based on Kendall's tau*, Journal of the
//! American Statistical Association 63 (1968). It is distribution-free, as long as the values do not hang together. Days
//! often do: a rank correlation between neighbours r makes the variance larger by (1+r)/(1−r), as for a mean. Hamed and Rao,
//! *A modified Mann-Kendall trend test for autocorrelated data*, Journal of Hydrology 204 (1998), correct in this way.

use super::distribution::normal_two_sided;

/// Points that a slope needs: of fewer, no interval of 95 % excludes anything.
pub const POINTS_MIN: usize = 8;
/// Points that are looked at; the latest, since all pairs are compared.
pub const POINTS_MAX: usize = 400;
/// The 97.5th percentile of the normal distribution: an interval of 95 %.
const Z_95: f64 = 1.959_964;
/// A correlation of neighbours beyond this is the trend itself.
const CORRELATION_MAX: f64 = 0.9;

/// A slope with its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The median slope.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The middle of the points, in time and value: lines of all slopes of the interval go through it.
    pub centre: (f64, f64),
}

/// The slope through points of time and value; `None` of fewer than [`POINTS_MIN`], or when all are at one time.
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    let mut points: Vec<(f64, f64)> =
        points.iter().copied().filter(|(t, y)| t.is_finite() && y.is_finite()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let points = &points[points.len().saturating_sub(POINTS_MAX)..];
    if points.len() < POINTS_MIN {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (index, later) in points.iter().enumerate() {
        let before = points[..index].iter().filter(|earlier| later.0 > earlier.0);
        slopes.extend(before.map(|earlier| (later.1 - earlier.1) / (later.0 - earlier.0)));
    }
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let median = median_of_ordered(&slopes);
    let left: Vec<f64> = points.iter().map(|(t, y)| y - median * t).collect();
    let time = median_of(points.iter().map(|(t, _)| *t).collect());
    let centre = (time, median_of(left.clone()) + median * time);
    let n = points.len() as f64;
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * inflation(&left);
    // The slopes at (N − C)/2 and (N + C)/2 of N in order, widened to whole ranks.
    let rank = Z_95 * variance.sqrt();
    let count = slopes.len() as f64;
    let below = ((count - rank) / 2.0).floor() - 1.0;
    let above = ((count + rank) / 2.0).ceil();
    let low = if below < 0.0 { f64::NEG_INFINITY } else { slopes[below as usize] };
    let high = slopes.get(above as usize).copied().unwrap_or(f64::INFINITY);
    Some(Slope { median, low, high, centre })
}

/// By how much the variance grows because neighbours resemble each other; 1 when they do not.
fn inflation(left: &[f64]) -> f64 {
    let ranks = ranks(left);
    let n = ranks.len() as f64;
    let mean = ranks.iter().sum::<f64>() / n;
    let squares: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let neighbours: f64 = ranks.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    // Of n values, the correlation comes out lower than it is by about (1 + 4r)/n: Kendall 1954.
    let found = neighbours / squares;
    let corrected = (found + (1.0 + 4.0 * found) / n).clamp(0.0, CORRELATION_MAX);
    // One that chance explains as well is none.
    if found * n.sqrt() < 1.0 { 1.0 } else { (1.0 + corrected) / (1.0 - corrected) }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|at| values[**at] == values[order[start]]).count();
        let middle = start as f64 + (same as f64 - 1.0) / 2.0;
        order[start..start + same].iter().for_each(|at| ranks[*at] = middle);
        start += same;
    }
    ranks
}

/// Whether a series rises or falls, by Mann (*Nonparametric tests against trend*, Econometrica 13, 1945) and Kendall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tendency {
    /// Pairs that rise minus pairs that fall.
    pub score: i64,
    /// How probable a score this far from 0 is without a trend, on either side; by the normal approximation with
    /// correction for ties and continuity, which is within 0.003 from ten values on.
    pub p: f64,
}

/// Tests a series for a trend.
pub fn tendency(series: &[f64]) -> Tendency {
    let mut score = 0i64;
    for (index, later) in series.iter().enumerate() {
        for earlier in &series[..index] {
            score += i64::from(later > earlier) - i64::from(later < earlier);
        }
    }
    let n = series.len() as f64;
    let mut ordered = series.to_vec();
    ordered.sort_by(f64::total_cmp);
    let ties: f64 = ordered
        .chunk_by(|a, b| a == b)
        .map(|same| same.len() as f64)
        .map(|same| same * (same - 1.0) * (2.0 * same + 5.0))
        .sum();
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0;
    let distance = (score.unsigned_abs().saturating_sub(1)) as f64;
    let p = if variance > 0.0 { normal_two_sided(distance / variance.sqrt()) } else { 1.0 };
    Tendency { score, p }
}

/// The median of values in any order; 0 of none.
pub fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    median_of_ordered(&values)
}

fn median_of_ordered(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(upper), 0) => f64::midpoint(values[middle - 1], *upper),
        (Some(value), _) => *value,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests;
