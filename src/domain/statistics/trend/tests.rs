//! Known slopes, and how often an interval holds the true one.

use super::*;
use proptest::prelude::*;

const SERIES: usize = 1000;

fn normal(random: &mut fastrand::Rng) -> f64 {
    let (u, v) = (random.f64().max(1e-300), random.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The share of intervals that hold the slope of series with noise of 1, of which neighbours correlate by `correlation`.
fn coverage(n: usize, correlation: f64, per_step: f64) -> f64 {
    let mut random = fastrand::Rng::with_seed(20_250_803);
    let mut held = 0;
    for _ in 0..SERIES {
        let mut before = normal(&mut random);
        let points: Vec<(f64, f64)> = (0..n)
            .map(|index| {
                let fresh = normal(&mut random);
                before = correlation * before + (1.0 - correlation * correlation).sqrt() * fresh;
                (index as f64, per_step * index as f64 + before)
            })
            .collect();
        let found = slope(&points).expect("there are enough points");
        held += usize::from(found.low <= per_step && per_step <= found.high);
    }
    let share = held as f64 / SERIES as f64;
    println!("n {n} correlation {correlation}: {share:.4}");
    share
}

#[test]
fn an_interval_holds_the_slope_as_often_as_it_says() {
    for (n, correlation, least) in
        [(8, 0.0, 0.94), (14, 0.0, 0.94), (30, 0.0, 0.94), (60, 0.0, 0.94), (30, 0.5, 0.9), (60, 0.5, 0.92)]
    {
        let held = coverage(n, correlation, 0.1);
        assert!(held >= least, "{n} points, correlation {correlation}: {held}");
    }
}

#[test]
fn slopes_that_are_known() {
    let line: Vec<(f64, f64)> = (0..20).map(|t| (f64::from(t), 3.0 + 2.0 * f64::from(t))).collect();
    let found = slope(&line).expect("a slope");
    assert_eq!((found.median, found.low, found.high, found.centre), (2.0, 2.0, 2.0, (9.5, 22.0)));
    let mut bent = line.clone();
    (bent[3].1, bent[11].1) = (1e6, -1e6);
    let found = slope(&bent).expect("a slope");
    assert!((found.median - 2.0).abs() < 0.01, "two odd values do not bend it: {found:?}");
    assert_eq!(slope(&line[..7]), None);
    assert_eq!(slope(&[(1.0, 2.0); 20]), None, "all at one time");
    let long: Vec<(f64, f64)> =
        (0..100_000).map(|t| (f64::from(t), (f64::from(t) - 99_600.0).max(0.0))).collect();
    assert_eq!(slope(&long).map(|found| found.median), Some(1.0), "the latest of many points");
    let mut with_gap = line[..8].to_vec();
    with_gap[0].1 = f64::NAN;
    assert_eq!(slope(&with_gap), None, "what is no number is no point");
}

#[test]
fn a_tendency_is_counted_by_hand() {
    let rising = tendency(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    assert_eq!(rising.score, 45);
    // (45 − 1) / √125 = 3.935
    assert!((rising.p - 8.3e-5).abs() < 2e-6, "{}", rising.p);
    let ties = tendency(&[1.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
    // Rises: 3·2 + 3·1 + 2·1 = 11. The variance: (6·5·17 − 3·2·11 − 2·1·9)/18 = 23.67.
    assert_eq!(ties.score, 11);
    assert!((ties.p - normal_two_sided(10.0 / (426.0f64 / 18.0).sqrt())).abs() < 1e-9, "{}", ties.p);
    assert_eq!(tendency(&[2.0; 12]), Tendency { score: 0, p: 1.0 });
    assert_eq!(tendency(&[]).p, 1.0);
}

proptest! {
    #[test]
    fn an_interval_has_its_slope_inside(points in prop::collection::vec((-1e6..1e6f64, -1e9..1e9f64), 0..30)) {
        if let Some(found) = slope(&points) {
            prop_assert!(found.low <= found.median && found.median <= found.high, "{:?}", found);
        }
    }

    #[test]
    fn a_reversed_series_has_the_opposite_tendency(series in prop::collection::vec(-5i8..5, 0..40)) {
        let series: Vec<f64> = series.into_iter().map(f64::from).collect();
        let reversed: Vec<f64> = series.iter().rev().copied().collect();
        let (one, other) = (tendency(&series), tendency(&reversed));
        prop_assert_eq!(one.score, -other.score);
        prop_assert!((0.0..=1.0).contains(&one.p) && one.p == other.p);
    }
}
