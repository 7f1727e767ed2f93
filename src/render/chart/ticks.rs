//! Where an axis has its marks, and what stands beside them.

use std::time::Duration;

use crate::domain::unit;

/// What the horizontal axis of a chart counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis<'a> {
    /// Seconds, printed as `m:ss`.
    Seconds,
    /// Milliseconds since 1970-01-01 UTC, printed as times or dates.
    Utc,
    /// Numbers.
    Number,
    /// The names of the places 0, 1, 2, …; not each of them is printed where there is no room.
    Names(&'a [String]),
}

/// A mark: where, and with what label.
pub type Tick = (f64, String);

/// Marks of an axis, whatever its range.
const TICKS_MAX: usize = 12;
/// Steps of a time axis in seconds.
const TIME_STEPS: [f64; 24] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    30.0 * DAY,
    91.0 * DAY,
    182.0 * DAY,
];
const DAY: f64 = 86_400.0;
/// From which number on an axis counts in powers of ten.
const PLAIN_MAX: f64 = 1e12;
/// Below which number it does.
const PLAIN_MIN: f64 = 1e-6;
/// The range in seconds from which on a time axis names years.
const YEARS_MIN: f64 = 365.0 * DAY;

impl Axis<'_> {
    /// The marks between two numbers that differ, at most `count` of them.
    pub fn ticks(self, from: f64, to: f64, count: usize) -> Vec<Tick> {
        let count = count.clamp(2, TICKS_MAX);
        match self {
            Self::Number => numbers(from, to, count),
            Self::Seconds => {
                let step = time_step(to - from, count);
                places(from, to, step)
                    .map(|second| (second, unit::minutes(Duration::from_secs(second.max(0.0) as u64))))
                    .collect()
            }
            Self::Utc => {
                let (from, to) = (from / 1000.0, to / 1000.0);
                let step = time_step(to - from, count);
                places(from, to, step)
                    .map(|second| (second * 1000.0, moment(second, step, to - from)))
                    .collect()
            }
            Self::Names(names) => {
                let step = names.len().div_ceil(count).max(1);
                let named = names.iter().enumerate().step_by(step);
                named.map(|(place, name)| (place as f64, name.clone())).collect()
            }
        }
    }

    /// What a range is widened to that has no width.
    pub fn least_width(self) -> f64 {
        match self {
            Self::Utc => 60_000.0,
            Self::Seconds | Self::Number | Self::Names(_) => 1.0,
        }
    }
}

/// Marks at numbers that are easy to read: 1, 2 and 5 times a power of ten apart.
pub fn numbers(from: f64, to: f64, count: usize) -> Vec<Tick> {
    let step = step(to - from, count);
    places(from, to, step).map(|value| (value, number(value, step))).collect()
}

/// The smallest easy step that divides a width into less than `count` parts.
pub fn step(width: f64, count: usize) -> f64 {
    let least = width / count.saturating_sub(1).max(1) as f64;
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    // The last is for a logarithm that came out a little too small.
    [1.0, 2.0, 5.0, 10.0, 20.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least)
        .unwrap_or(least)
}

fn time_step(width: f64, count: usize) -> f64 {
    let parts = count.saturating_sub(1).max(1) as f64;
    let least = width / parts;
    TIME_STEPS
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or_else(|| (least / YEARS_MIN).ceil() * YEARS_MIN)
}

/// The multiples of a step between two numbers.
fn places(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil();
    // A little beyond the end, where a sum of binary fractions falls.
    let up_to = to + step * 1e-9;
    (0..=TICKS_MAX).map(move |number| (first + number as f64) * step).take_while(move |place| *place <= up_to)
}

/// A number with as many decimals as its step has.
pub fn number(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if value.abs() >= PLAIN_MAX || step < PLAIN_MIN {
        return format!("{value:.2e}");
    }
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), unit::count);
    let sign = if value < 0.0 { "−" } else { "" };
    fraction.map_or_else(|| format!("{sign}{whole}"), |fraction| format!("{sign}{whole}.{fraction}"))
}

/// A time of the day, or a date where days are counted and at midnight.
fn moment(second: f64, step: f64, width: f64) -> String {
    let format = match () {
        () if width >= YEARS_MIN => "%Y-%m",
        () if step >= DAY || second.rem_euclid(DAY) == 0.0 => "%m-%d",
        () if step < 60.0 => "%H:%M:%S",
        () => "%H:%M",
    };
    let timestamp = jiff::Timestamp::from_second(second as i64);
    timestamp.map_or_else(|_| "–".into(), |timestamp| timestamp.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, from: f64, to: f64) -> Vec<String> {
        axis.ticks(from, to, 6).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn marks_are_easy_to_read() {
        for (to, expected) in [
            (1.0, vec!["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.07, vec!["0", "0.02", "0.04", "0.06"]),
            (41.0, vec!["0", "10", "20", "30", "40"]),
            (12_000.0, vec!["0", "5 000", "10 000"]),
        ] {
            assert_eq!(labels(Axis::Number, 0.0, to), expected, "{to}");
        }
    }

    #[test]
    fn time_goes_in_minutes_and_hours() {
        assert_eq!(labels(Axis::Seconds, 0.0, 60.0), ["0:00", "0:15", "0:30", "0:45", "1:00"]);
        assert_eq!(labels(Axis::Seconds, 0.0, 4.0), ["0:00", "0:01", "0:02", "0:03", "0:04"]);
        assert_eq!(
            labels(Axis::Seconds, 0.0, 4.0 * 3600.0),
            ["0:00", "1:00:00", "2:00:00", "3:00:00", "4:00:00"]
        );
    }

    #[test]
    fn moments_are_times_or_dates() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().expect("an instant").as_millisecond() as f64;
        let night = labels(Axis::Utc, at("2026-11-21T18:10:00Z"), at("2026-11-22T06:00:00Z"));
        assert_eq!(night, ["21:00", "11-22", "03:00", "06:00"]);
        let month = labels(Axis::Utc, at("2026-11-01T00:00:00Z"), at("2026-11-30T00:00:00Z"));
        assert_eq!(month, ["11-05", "11-12", "11-19", "11-26"]);
        let years = labels(Axis::Utc, at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
        assert!(years.len() >= 3 && years.iter().all(|label| label.len() == 7), "{years:?}");
    }

    #[test]
    fn names_that_have_no_room_are_left_out() {
        let names: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        assert_eq!(labels(Axis::Names(&names), 0.0, 29.0), ["0", "5", "10", "15", "20", "25"]);
    }

    #[test]
    fn numbers_of_any_size_have_a_label() {
        assert_eq!(number(-1500.0, 500.0), "−1 500");
        assert_eq!(number(2.5e300, 5e299), "2.50e300");
        assert_eq!(number(2e-9, 1e-9), "2.00e-9");
    }
}
