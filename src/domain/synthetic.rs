//! Data as a device would have sent it: a small weather station that has reported every minute for a while.

use std::f64::consts::TAU;

use super::unit::UtcMillis;
use super::update::Update;

/// Rows of a channel: ten weeks of minutes.
pub const CHANNEL_ROWS: u64 = 100_000;
/// Between two rows of a channel.
const INTERVAL_MS: i64 = 60_000;
const MINUTES_A_DAY: u64 = 1440;
/// Marks a channel, as its metadata, as one that nobody's device writes to.
pub const MARK: &str = "{\"synthetic\":true}";
/// What the fields of a channel mean.
pub const LABELS: [&str; 8] =
    ["Temperature", "Humidity", "Pressure", "CO2", "Light", "Battery", "Signal", "Uptime"];

/// The rows of one channel. Each follows from its number alone, so that what was begun can be gone on with.
#[derive(Clone, Copy, Debug)]
pub struct Station {
    seed: u64,
    first_at: UtcMillis,
}

impl Station {
    /// Number `seed`, whose last row is of `last_at`.
    pub fn new(seed: u64, last_at: UtcMillis) -> Self {
        let length = INTERVAL_MS * (CHANNEL_ROWS as i64 - 1);
        Self { seed, first_at: UtcMillis(last_at.0.saturating_sub(length)) }
    }

    /// Row `index`, from 0. Values are in tenths, to one decimal place.
    pub fn row(&self, index: u64) -> Update {
        let mut random = fastrand::Rng::with_seed(self.seed << 32 | index);
        let mut noise = |width: f64| (random.f64() - 0.5) * width;
        let day = (index % MINUTES_A_DAY) as f64 / MINUTES_A_DAY as f64;
        let warmth = -(day * TAU).cos();
        let season = (index as f64 / CHANNEL_ROWS as f64 * TAU).sin();
        let fields = [
            one_decimal(12.0 + 8.0 * warmth + 5.0 * season + noise(0.6)),
            one_decimal(62.0 - 18.0 * warmth + noise(2.0)),
            one_decimal(1013.0 + 9.0 * season + noise(0.8)),
            whole(520.0 + 140.0 * warmth + noise(30.0)),
            whole((warmth.max(0.0) * 900.0 + noise(40.0)).max(0.0)),
            one_decimal(4.1 - 0.5 * (index % (7 * MINUTES_A_DAY)) as f64 / (7 * MINUTES_A_DAY) as f64),
            whole(-63.0 + noise(14.0)),
            index.to_string(),
        ];
        let mut update = Update::default();
        *update.values = fields.map(Some);
        update.set_created_at(UtcMillis(self.first_at.0.saturating_add(INTERVAL_MS * index as i64)));
        update
    }
}

/// As `{:.1}` would write it, in a third of the time.
fn one_decimal(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let mut text = String::with_capacity(8);
    if tenths < 0 {
        text.push('-');
    }
    push_digits(&mut text, tenths.unsigned_abs() / 10);
    text.push('.');
    push_digits(&mut text, tenths.unsigned_abs() % 10);
    text
}

fn whole(value: f64) -> String {
    (value.round() as i64).to_string()
}

fn push_digits(text: &mut String, number: u64) {
    if number >= 10 {
        push_digits(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_one_decimal() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.04, "0.0"),
            (-0.06, "-0.1"),
            (9.96, "10.0"),
            (1013.25, "1013.3"),
            (-12.3, "-12.3"),
        ] {
            assert_eq!(one_decimal(value), text, "{value}");
        }
    }

    #[test]
    fn rows_are_the_same_each_time_and_end_when_they_should() {
        let now = UtcMillis(1_795_295_040_000);
        let station = Station::new(3, now);
        assert_eq!(station.row(7), Station::new(3, now).row(7));
        assert_ne!(station.row(7).values, Station::new(4, now).row(7).values);
        assert_eq!(station.row(CHANNEL_ROWS - 1).created_at(), Some(now));
        assert_eq!(
            station.row(1).created_at().map(|at| at.0),
            station.row(0).created_at().map(|at| at.0 + 60_000)
        );
        for index in [0, 1, 700, 99_999] {
            let row = station.row(index);
            let numbers = row.values.iter().flatten().filter_map(|value| value.parse::<f64>().ok());
            assert_eq!(numbers.filter(|number| number.is_finite()).count(), 8, "{row:?}");
        }
    }
}
