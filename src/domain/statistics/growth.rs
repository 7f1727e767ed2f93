//! Whether a latency grows without bound: although the load stays the same, and how.
//!
//! A server that is offered more than it can serve has a queue that grows for as long as that lasts. That is a rise with the
//! time at a constant load, found by the Mann-Kendall test, and a large one. Its form is told by the corrected
//! information criterion of Akaike on one scale: the residuals of the exponential fit are taken in the unit of the values, too.
//!
//! A single step from one level to another is a rise in the eyes of Mann and Kendall, and no growth without bound: where it
//! describes the series better by the same criterion, and the series is at rest on both sides of it, it is told apart.
//!
//! How often that is wrong, by simulation (20 windows, noise of 0.3 in the logarithm unless stated): constant, bursty and
//! wavy series are an alarm in at most 0.6 %, at a noise of 1 too; series whose neighbours correlate by 0.5 in 3 % at a
//! noise of 0.5; a fivefold step in 1 % at a noise of 0.1 and in 20 % at 0.3. Tenfold growth is missed in 0.2 %, fivefold
//! at a noise of 0.5 in 26 %, a knee that comes to fiftyfold in 7 %. Exponential growth is called linear in 0.3 % at a
//! noise of 0.1 and in half at 0.3, linear growth exponential in 3 %: whichever, it is red.

use super::trend::{median_of, tendency};

/// Windows that are needed.
pub const WINDOWS_MIN: usize = 10;
/// Windows that are looked at; the latest, since all pairs are compared.
pub const WINDOWS_MAX: usize = 500;
/// The trend is one below this probability.
pub const P_MAX: f64 = 0.01;
/// The last quarter is at least this many times the first.
pub const FACTOR_MIN: f64 = 2.0;
/// The load is constant when 80 % of its windows are within this share of their median,
pub const LOAD_SPREAD_MAX: f64 = 0.25;
/// and its last third is within this share of its first.
pub const LOAD_DRIFT_MAX: f64 = 0.15;
/// Differences of the criterion above this tell forms apart.
pub const AICC_MIN: f64 = 6.0;
/// What rises before or after a step, with less than this probability by chance, is not at rest there.
const REST_P_MIN: f64 = 0.02;

/// How something grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// By about the same in each window, or in no form that can be told: as a constant overload does.
    Linear,
    /// By about the same factor in each.
    Exponential {
        /// Windows in which it doubles.
        doubling_windows: f64,
    },
}

/// What became of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// It grows without bound.
    Unbounded {
        /// The median of the last quarter of the windows, divided by that of the first.
        factor: f64,
        /// The median of the last quarter.
        last: f64,
        /// How probable the trend is by chance.
        p: f64,
        /// How it grows.
        form: Form,
    },
    /// It rose once, from one level to another, and stays there: something happened, which is no growth without bound.
    Stepped {
        /// As for [`Growth::Unbounded`].
        factor: f64,
    },
    /// It does not.
    Bounded,
    /// There are too few windows.
    TooShort,
    /// The load changed, so that latency had a reason to.
    LoadVaries,
}

/// Judges equal windows of load and value, the oldest first.
pub fn growth(load: &[f64], values: &[f64]) -> Growth {
    let n = load.len().min(values.len());
    let from = n.saturating_sub(WINDOWS_MAX);
    let (load, values) = (&load[from..n], &values[from..n]);
    if n < WINDOWS_MIN || values.iter().chain(load).any(|value| !value.is_finite()) {
        return Growth::TooShort;
    }
    if !is_constant(load) {
        return Growth::LoadVaries;
    }
    let trend = tendency(values);
    let (first, last) = ends(values, 4);
    let factor = if first > 0.0 { last / first } else { f64::INFINITY };
    if trend.score <= 0 || trend.p >= P_MAX || last <= 0.0 || factor < FACTOR_MIN {
        return Growth::Bounded;
    }
    let fits = Fits::of(values);
    if fits.is_step(values) {
        return Growth::Stepped { factor };
    }
    Growth::Unbounded { factor, last, p: trend.p, form: fits.form() }
}

/// The medians of the first and the last of `parts`.
fn ends(values: &[f64], parts: usize) -> (f64, f64) {
    let length = values.len().div_ceil(parts);
    (median_of(values[..length].to_vec()), median_of(values[values.len() - length..].to_vec()))
}

fn is_constant(load: &[f64]) -> bool {
    let middle = median_of(load.to_vec());
    let within = load.iter().filter(|value| (*value - middle).abs() <= LOAD_SPREAD_MAX * middle).count();
    let (first, last) = ends(load, 3);
    within * 10 >= load.len() * 8 && last <= first * (1.0 + LOAD_DRIFT_MAX)
}

/// Three descriptions of a series, each with its criterion of Akaike, corrected for few values; the lowest is the best.
struct Fits {
    line: f64,
    exponential: f64,
    step: f64,
    /// The first window of the upper level.
    step_at: usize,
    /// Growth of the logarithm by window.
    rate: f64,
}

impl Fits {
    fn of(values: &[f64]) -> Self {
        let times: Vec<f64> = (0..values.len()).map(|index| index as f64).collect();
        let squares = |fitted: &dyn Fn(f64) -> f64| {
            times.iter().zip(values).map(|(t, y)| (y - fitted(*t)).powi(2)).sum::<f64>()
        };
        let n = values.len() as f64;
        let criterion = |squares: f64, parameters: f64| {
            n * (squares / n).max(f64::MIN_POSITIVE).ln()
                + 2.0 * parameters
                + 2.0 * parameters * (parameters + 1.0) / (n - parameters - 1.0)
        };
        let (step_at, step_squares) = step(values);
        let straight = line(&times, values);
        let (exponential, rate) = if values.iter().all(|value| *value > 0.0) {
            let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
            let curve = polished(&times, values, line(&times, &logarithms));
            (criterion(squares(&|t| (curve.0 + curve.1 * t).exp()), 3.0), curve.1)
        } else {
            (f64::INFINITY, 0.0)
        };
        Self {
            line: criterion(squares(&|t| straight.0 + straight.1 * t), 3.0),
            exponential,
            step: criterion(step_squares, 4.0),
            step_at,
            rate,
        }
    }

    /// Whether it is one step, and at rest before it and after it.
    fn is_step(&self, values: &[f64]) -> bool {
        let (before, after) = values.split_at(self.step_at);
        let is_at_rest =
            [before, after].into_iter().map(tendency).all(|part| part.score <= 0 || part.p >= REST_P_MIN);
        self.line.min(self.exponential) - self.step > AICC_MIN && is_at_rest
    }

    fn form(&self) -> Form {
        if self.line - self.exponential > AICC_MIN && self.rate > 0.0 {
            Form::Exponential { doubling_windows: std::f64::consts::LN_2 / self.rate }
        } else {
            Form::Linear
        }
    }
}

/// Where the best step from one level to another is, and what it leaves.
fn step(values: &[f64]) -> (usize, f64) {
    let around_mean = |part: &[f64]| {
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        part.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let mut best = (0, f64::INFINITY);
    for at in 1..values.len() {
        let left = around_mean(&values[..at]) + around_mean(&values[at..]);
        if left < best.1 {
            best = (at, left);
        }
    }
    best
}

/// Intercept and slope of least squares.
fn line(times: &[f64], values: &[f64]) -> (f64, f64) {
    let n = times.len() as f64;
    let (mean_t, mean_y) = (times.iter().sum::<f64>() / n, values.iter().sum::<f64>() / n);
    let across: f64 = times.iter().zip(values).map(|(t, y)| (t - mean_t) * (y - mean_y)).sum();
    let along: f64 = times.iter().map(|t| (t - mean_t).powi(2)).sum();
    let slope = if along > 0.0 { across / along } else { 0.0 };
    (mean_y - slope * mean_t, slope)
}

/// Least squares of the exponential in the unit of the values: Gauss and Newton's steps from the fit of the logarithms, each
/// taken only when it improves.
fn polished(times: &[f64], values: &[f64], start: (f64, f64)) -> (f64, f64) {
    let squares = |(a, b): (f64, f64)| {
        times.iter().zip(values).map(|(t, y)| (y - (a + b * t).exp()).powi(2)).sum::<f64>()
    };
    let (mut best, mut least) = (start, squares(start));
    for _ in 0..20 {
        let (mut saa, mut sab, mut sbb, mut sar, mut sbr) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (t, y) in times.iter().zip(values) {
            let fitted = (best.0 + best.1 * t).exp();
            let (da, db, residual) = (fitted, fitted * t, y - fitted);
            saa += da * da;
            sab += da * db;
            sbb += db * db;
            sar += da * residual;
            sbr += db * residual;
        }
        let determinant = saa * sbb - sab * sab;
        if determinant.abs() < f64::MIN_POSITIVE {
            break;
        }
        let step = ((sar * sbb - sbr * sab) / determinant, (sbr * saa - sar * sab) / determinant);
        let next = (best.0 + step.0, best.1 + step.1);
        let now = squares(next);
        if now.is_nan() || now >= least * (1.0 - 1e-12) {
            break;
        }
        (best, least) = (next, now);
    }
    best
}

#[cfg(test)]
mod tests;
