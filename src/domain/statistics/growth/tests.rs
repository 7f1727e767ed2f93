//! Synthetic series with known answers, and how often the judgement is wrong about noisy ones.
//!
//! The rates are of 2000 series each with a fixed seed; the bounds stand a little above what was counted.

use super::*;

const SERIES: usize = 2000;

/// What a series does beside its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Stays.
    Constant,
    /// Comes to this many times its start, by equal steps.
    Linear(f64),
    /// The same, by equal factors.
    Exponential(f64),
    /// Is this many times as high from the middle on.
    Step(f64),
    /// Stays until the middle, and comes to this many times its start by equal steps from there.
    Knee(f64),
    /// Has windows, one in ten, that are five times as high.
    Bursty,
    /// Goes up and down with a period of a third of its length, threefold.
    Wave,
    /// Stays, and each window resembles the one before: correlation 0.5.
    Sluggish,
}

fn normal(random: &mut fastrand::Rng) -> f64 {
    let (u, v) = (random.f64().max(1e-300), random.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// `n` windows of p95 around 100 ms whose logarithms have noise of `sigma`.
fn windows(shape: Shape, n: usize, sigma: f64, random: &mut fastrand::Rng) -> Vec<f64> {
    let mut before = normal(random);
    (0..n)
        .map(|index| {
            let time = index as f64 / (n - 1) as f64;
            let level = match shape {
                Shape::Constant | Shape::Sluggish => 1.0,
                Shape::Linear(factor) => 1.0 + (factor - 1.0) * time,
                Shape::Exponential(factor) => factor.powf(time),
                Shape::Step(factor) => {
                    if index >= n / 2 {
                        factor
                    } else {
                        1.0
                    }
                }
                Shape::Knee(factor) => 1.0 + (factor - 1.0) * (2.0 * time - 1.0).max(0.0),
                Shape::Bursty => {
                    if random.f64() < 0.1 {
                        5.0
                    } else {
                        1.0
                    }
                }
                Shape::Wave => 2.0 + (time * 3.0 * std::f64::consts::TAU).sin(),
            };
            let fresh = normal(random);
            before = if shape == Shape::Sluggish { 0.5 * before + 0.75f64.sqrt() * fresh } else { fresh };
            100.0 * level * (sigma * before).exp()
        })
        .collect()
}

fn judge(values: &[f64]) -> Growth {
    growth(&vec![100.0; values.len()], values)
}

/// The shares of series that are found to grow, and of those that are found to grow exponentially.
fn rates(shape: Shape, n: usize, sigma: f64) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(20_250_803);
    let (mut grows, mut exponential) = (0, 0);
    for _ in 0..SERIES {
        if let Growth::Unbounded { form, .. } = judge(&windows(shape, n, sigma, &mut random)) {
            grows += 1;
            exponential += usize::from(form != Form::Linear);
        }
    }
    let share = |count: usize| count as f64 / SERIES as f64;
    println!(
        "{shape:?} n {n} noise {sigma}: grows {:.4}, exponential {:.4}",
        share(grows),
        share(exponential)
    );
    (share(grows), share(exponential))
}

#[test]
fn what_does_not_grow_is_no_alarm() {
    for (shape, n, sigma, alarms_max) in [
        (Shape::Constant, 10, 0.1, 0.0),
        (Shape::Constant, 20, 0.5, 0.01),
        (Shape::Constant, 60, 1.0, 0.01),
        (Shape::Bursty, 10, 0.3, 0.01),
        (Shape::Bursty, 20, 0.3, 0.0),
        (Shape::Bursty, 60, 0.3, 0.0),
        (Shape::Wave, 30, 0.2, 0.0),
        (Shape::Sluggish, 20, 0.5, 0.04),
        (Shape::Sluggish, 60, 0.5, 0.02),
        (Shape::Linear(1.5), 20, 0.2, 0.01),
        (Shape::Step(1.5), 20, 0.2, 0.03),
        (Shape::Step(5.0), 20, 0.1, 0.02),
        (Shape::Step(5.0), 20, 0.3, 0.25),
    ] {
        let (alarms, _) = rates(shape, n, sigma);
        assert!(alarms <= alarms_max, "{shape:?} of {n} with noise {sigma}: {alarms}");
    }
}

#[test]
fn what_grows_is_found() {
    for (shape, n, sigma, misses_max) in [
        (Shape::Linear(10.0), 10, 0.1, 0.0),
        (Shape::Linear(10.0), 10, 0.3, 0.17),
        (Shape::Linear(10.0), 20, 0.3, 0.01),
        (Shape::Linear(10.0), 20, 0.5, 0.09),
        (Shape::Linear(5.0), 20, 0.5, 0.3),
        (Shape::Exponential(10.0), 10, 0.3, 0.05),
        (Shape::Exponential(10.0), 20, 0.5, 0.08),
        (Shape::Exponential(4.0), 20, 0.3, 0.08),
        (Shape::Knee(50.0), 20, 0.3, 0.08),
    ] {
        let (found, _) = rates(shape, n, sigma);
        assert!(1.0 - found <= misses_max, "{shape:?} of {n} with noise {sigma}: {found}");
    }
}

#[test]
fn forms_are_told_apart() {
    for (shape, n, sigma, exponential_min, exponential_max) in [
        (Shape::Exponential(20.0), 20, 0.1, 0.99, 1.0),
        (Shape::Exponential(10.0), 20, 0.1, 0.98, 1.0),
        (Shape::Exponential(10.0), 20, 0.3, 0.45, 1.0),
        (Shape::Linear(10.0), 20, 0.1, 0.0, 0.01),
        (Shape::Linear(10.0), 20, 0.3, 0.0, 0.05),
    ] {
        let (_, exponential) = rates(shape, n, sigma);
        assert!(
            (exponential_min..=exponential_max).contains(&exponential),
            "{shape:?} {sigma}: {exponential}"
        );
    }
}

#[test]
fn plain_series_are_judged_as_they_are() {
    let linear: Vec<f64> = (1..=20).map(f64::from).collect();
    let Growth::Unbounded { factor, last, p, form } = judge(&linear) else { panic!("it grows") };
    assert_eq!((factor, last, form), (6.0, 18.0, Form::Linear));
    assert!(p < 1e-6);
    let doubling: Vec<f64> = (0..20).map(|window| 2f64.powf(f64::from(window) / 3.0)).collect();
    let Growth::Unbounded { form: Form::Exponential { doubling_windows }, .. } = judge(&doubling) else {
        panic!("it grows exponentially")
    };
    assert!((doubling_windows - 3.0).abs() < 1e-6, "{doubling_windows}");
    let step: Vec<f64> = (0..20).map(|window| if window < 10 { 1.0 } else { 7.0 }).collect();
    assert_eq!(judge(&step), Growth::Stepped { factor: 7.0 });
    assert_eq!(judge(&[5.0; 30]), Growth::Bounded);
    let falling: Vec<f64> = linear.iter().rev().copied().collect();
    assert_eq!(judge(&falling), Growth::Bounded);
    let from_nothing: Vec<f64> = (0..20).map(|window| f64::from(window.max(5) - 5)).collect();
    assert!(matches!(judge(&from_nothing), Growth::Unbounded { .. }), "zeros are values");
}

#[test]
fn what_cannot_be_judged_is_not() {
    let nine: Vec<f64> = (1..=9).map(f64::from).collect();
    assert_eq!(judge(&nine), Growth::TooShort);
    let ten: Vec<f64> = (1..=10).map(f64::from).collect();
    assert!(matches!(judge(&ten), Growth::Unbounded { .. }));
    assert_eq!(growth(&[100.0; 9], &ten), Growth::TooShort, "the shorter of both");
    assert_eq!(growth(&ten, &ten), Growth::LoadVaries, "latency has a reason to grow");
    let mut load = [100.0; 10];
    (load[3], load[7]) = (500.0, 0.0);
    assert!(matches!(growth(&load, &ten), Growth::Unbounded { .. }), "two odd windows of ten do not matter");
    load[8] = 20.0;
    assert_eq!(growth(&load, &ten), Growth::LoadVaries);
    let mut gap = ten.clone();
    gap[4] = f64::NAN;
    assert_eq!(judge(&gap), Growth::TooShort);
}

proptest::proptest! {
    #[test]
    fn any_series_is_judged(values in proptest::collection::vec(-1e12..1e12f64, 0..40), load in proptest::num::f64::ANY) {
        let _ = growth(&vec![load; values.len()], &values);
    }
}
