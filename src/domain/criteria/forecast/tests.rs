//! Known futures, and how often an interval holds what then comes.

use super::*;

const SERIES: usize = 1000;

fn history(values: impl IntoIterator<Item = f64>) -> Vec<Past> {
    let values: Vec<f64> = values.into_iter().collect();
    let days = values.len() as f64 - 1.0;
    values.into_iter().enumerate().map(|(day, value)| Past { days_ago: days - day as f64, value }).collect()
}

#[test]
fn a_straight_line_is_foretold_to_the_day() {
    let line = history((0..30).map(|day| f64::from(day) * 10.0));
    let Forecast::Crosses { days, days_from, days_to, per_day } = Forecast::of(&line, 500.0) else {
        panic!("it crosses")
    };
    for (actual, expected) in [(days, 21.0), (days_from, 21.0), (days_to, 21.0), (per_day, 10.0)] {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }
    assert_eq!(Forecast::of(&line, 500.0).text(), "crossed in 21 days (21–21)");
    assert!(matches!(Forecast::of(&line, 290.0 + 87.0 * 10.0), Forecast::Crosses { .. }), "at the horizon");
    assert_eq!(Forecast::of(&line, 290.0 + 87.1 * 10.0), Forecast::NotWithin { days: 87.0 });
}

#[test]
fn too_far_a_future_is_not_foretold() {
    let past = history((0..30).map(|day| f64::from(day) + 6.0 * f64::from(day * 7 % 5)));
    let Forecast::TooFar { days_from, horizon } = Forecast::of(&past, 130.0) else {
        panic!("{:?}", Forecast::of(&past, 130.0))
    };
    assert!(days_from < horizon && horizon == 87.0, "{days_from}");
}

#[test]
fn what_cannot_be_foretold_says_why() {
    assert_eq!(Forecast::of(&[], 5.0), Forecast::TooShort { points: 0, needed: 8 });
    assert_eq!(Forecast::of(&history([1.0; 7]), 5.0), Forecast::TooShort { points: 7, needed: 8 });
    assert_eq!(Forecast::of(&history([1.0; 8]), 5.0), Forecast::NoTrend);
    assert_eq!(Forecast::of(&history((0..20).map(|day| f64::from(-day))), 5.0), Forecast::Falls);
    let restless = (0..20).map(|day| f64::from((day * 7) % 5));
    assert_eq!(Forecast::of(&history(restless), 50.0), Forecast::NoTrend);
    let same_day = vec![Past { days_ago: 0.0, value: 1.0 }; 30];
    assert!(matches!(Forecast::of(&same_day, 5.0), Forecast::TooShort { .. }));
}

fn normal(random: &mut fastrand::Rng) -> f64 {
    let (u, v) = (random.f64().max(1e-300), random.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Of the forecasts for series that rise by 1 a day: the share whose interval holds the day on which the trend crosses.
/// The history is the first part of each; what is held back is the rest.
fn coverage(days: usize, noise: f64, correlation: f64) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(20_250_803);
    let ahead = days as f64;
    let (mut given, mut held) = (0, 0);
    for _ in 0..SERIES {
        let mut before = normal(&mut random);
        let past = history((0..days).map(|day| {
            let fresh = normal(&mut random);
            before = correlation * before + (1.0 - correlation * correlation).sqrt() * fresh;
            100.0 + day as f64 + noise * before
        }));
        let threshold = 100.0 + (days as f64 - 1.0) + ahead;
        if let Forecast::Crosses { days_from, days_to, .. } = Forecast::of(&past, threshold) {
            given += 1;
            held += usize::from(days_from <= ahead && ahead <= days_to);
        }
    }
    let shares = (given as f64 / SERIES as f64, held as f64 / f64::from(given.max(1)));
    println!(
        "{days} days, noise {noise}, correlation {correlation}: given {:.4}, held {:.4}",
        shares.0, shares.1
    );
    shares
}

#[test]
fn an_interval_holds_the_day_that_comes() {
    for (days, noise, correlation, given_min, held_min) in [
        (14, 2.0, 0.0, 0.97, 0.94),
        (30, 5.0, 0.0, 0.99, 0.94),
        (30, 5.0, 0.5, 0.95, 0.88),
        (60, 10.0, 0.0, 0.99, 0.94),
        (60, 10.0, 0.5, 0.99, 0.9),
    ] {
        let (given, held) = coverage(days, noise, correlation);
        assert!(given >= given_min && held >= held_min, "{days} days, noise {noise}: {given}, {held}");
    }
}

#[test]
fn without_a_trend_there_is_hardly_a_forecast() {
    let mut random = fastrand::Rng::with_seed(20_250_803);
    let mut given = 0;
    for _ in 0..SERIES {
        let past = history((0..30).map(|_| 100.0 + normal(&mut random)));
        given += usize::from(matches!(Forecast::of(&past, 103.0), Forecast::Crosses { .. }));
    }
    assert!(given * 100 <= SERIES * 3, "{given} of {SERIES}");
}
