//! Quantities as people read and write them: durations, instants, three significant digits with a unit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instant: milliseconds since 1970-01-01 UTC. Serialised as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-21T21:04:00.123Z"))]
pub struct UtcMillis(
    /// Milliseconds since the epoch.
    pub i64,
);

impl UtcMillis {
    /// `2026-11-21 21:04`, in UTC, for lists.
    pub fn to_minute(self) -> String {
        self.formatted("%Y-%m-%d %H:%M")
    }

    /// `20261121T210400Z`, for file names.
    pub fn to_compact(self) -> String {
        self.formatted("%Y%m%dT%H%M%SZ")
    }

    fn formatted(self, format: &str) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => timestamp.strftime(format).to_string(),
            Err(_) => format!("{} ms", self.0),
        }
    }
}

impl fmt::Display for UtcMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.formatted("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

impl Serialize for UtcMillis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcMillis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

/// Parses `10s`, `5m`, `1h30m`, `500ms`, `30d`; a bare number is seconds.
///
/// # Errors
/// With a text that shows the accepted forms.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds)
            .map_err(|_| format!("`{text}` is not a duration: use a number of seconds from 0"));
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("`{text}` is not a duration: write 10s, 5m, 1h30m, 30d, or a number of seconds"))
}

/// Parses `100MB` (10⁶), `64KiB` (2¹⁰); a bare number is bytes.
///
/// # Errors
/// With a text that shows the accepted forms.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: Option<u64> = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let number = number.parse::<u64>().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| format!("`{text}` is not a size: write 100MB, 64KiB, or a number of bytes"))
}

/// `30d`, `24h`, `1h 30m`, `10s`, `250ms`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let whole = |unit: u64| duration.subsec_nanos() == 0 && seconds.is_multiple_of(unit);
    if seconds >= 2 * 86_400 && whole(86_400) {
        format!("{}d", seconds / 86_400)
    } else if seconds > 0 && whole(3600) {
        format!("{}h", seconds / 3600)
    } else {
        humantime::format_duration(duration).to_string()
    }
}

/// `27:03:11`: hours, minutes and seconds, the same in every language.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `1:05`, and `1:00:05` from an hour on: a moment within something that takes minutes.
pub fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 3600 { format!("{}:{:02}", seconds / 60, seconds % 60) } else { clock(duration) }
}

/// From which size on a number is written with a power of ten.
const PLAIN_MAX: f64 = 1e9;
/// Below which size it is.
const PLAIN_MIN: f64 = 1e-4;

/// Three significant digits: `0.0612`, `1.42`, `41.2`, `1813`; very large and very small: `1.00e308`, `2.00e-5`.
pub fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".into();
    }
    if !(PLAIN_MIN..PLAIN_MAX).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = match magnitude {
        m if m >= 100.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 0.1 => 3,
        m if m >= 0.01 => 4,
        m if m >= 0.001 => 5,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    // 9.996 rounds to 10.00, 99.96 to 100.0: one digit too many.
    match text.parse::<f64>() {
        Ok(rounded) if decimals > 0 && crossed_power_of_ten(magnitude, rounded.abs()) => {
            format!("{value:.0$}", decimals - 1)
        }
        _ => text,
    }
}

fn crossed_power_of_ten(value: f64, rounded: f64) -> bool {
    [0.001, 0.01, 0.1, 1.0, 10.0, 100.0].iter().any(|power| value < *power && rounded >= *power)
}

/// Milliseconds with their unit, `–` when unknown.
pub fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |ms| format!("{} ms", significant(ms)))
}

/// A percentage; 100 only when it is: 99.996 is `99.99 %`.
pub fn percent(value: f64) -> String {
    if (99.95..100.0).contains(&value) {
        format!("{:.2} %", (value * 100.0).floor() / 100.0)
    } else if (value - value.round()).abs() < 0.05 {
        format!("{value:.0} %")
    } else {
        format!("{value:.1} %")
    }
}

/// A change in percent with its sign: `+12 %`, `−3.5 %`, `0 %`.
pub fn signed_percent(value: f64) -> String {
    let text = percent(value.abs());
    match text.as_str() {
        "0 %" => text,
        _ if value < 0.0 => format!("−{text}"),
        _ => format!("+{text}"),
    }
}

/// Digits in groups of three: `37 000`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Requests a second: `14 008.6`.
pub fn rate(value: f64) -> String {
    let tenths = (value.max(0.0) * 10.0).round() as u64;
    format!("{}.{}", count(tenths / 10), tenths % 10)
}

/// Bytes in decimal units: `20.5 kB`, `100 MB`.
pub fn bytes(value: u64) -> String {
    let mut scaled = value as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if scaled < 999.5 {
            return format!("{} {unit}", significant(scaled));
        }
        scaled /= 1000.0;
    }
    format!("{} TB", significant(scaled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [
            ("10s", 10.0),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("90", 90.0),
            ("1.5", 1.5),
            ("500ms", 0.5),
            ("30d", 2_592_000.0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for bad in ["", "ten", "-1", "5 parsecs", "1e400", "NaN", "10s5"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("100MB", 100_000_000),
            ("100MiB", 104_857_600),
            ("64 KiB", 65_536),
            ("1gb", 1_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "MB", "-1", "1.5MB", "1 parsec", "99999999999GiB", "1é"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.0612, "0.0612"),
            (0.613, "0.613"),
            (0.9999, "1.00"),
            (1.424, "1.42"),
            (9.996, "10.0"),
            (41.23, "41.2"),
            (99.96, "100"),
            (1813.4, "1813"),
            (-0.0, "0"),
            (0.009996, "0.0100"),
            (0.00613, "0.00613"),
            (0.00002, "2.00e-5"),
            (-1e308, "-1.00e308"),
            (999_999_999.0, "999999999"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn a_percentage_is_a_hundred_only_when_it_is() {
        for (value, text) in [
            (100.0, "100 %"),
            (99.996, "99.99 %"),
            (99.9, "99.9 %"),
            (84.0, "84 %"),
            (0.0, "0 %"),
            (100.02, "100 %"),
        ] {
            assert_eq!(percent(value), text);
        }
    }

    #[test]
    fn a_change_has_a_sign() {
        for (value, text) in [(12.0, "+12 %"), (-3.5, "−3.5 %"), (0.0, "0 %"), (-0.01, "0 %")] {
            assert_eq!(signed_percent(value), text);
        }
    }

    #[test]
    fn counts_and_bytes() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(37_000), "37 000");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(rate(14_008.56), "14 008.6");
        assert_eq!(rate(99.96), "100.0");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(20_480), "20.5 kB");
        assert_eq!(bytes(100_000_000), "100 MB");
        assert_eq!(bytes(999_999), "1.00 MB");
    }

    #[test]
    fn durations_as_people_read_them() {
        for (seconds, text) in
            [(30 * 86_400, "30d"), (86_400, "24h"), (5400, "1h 30m"), (10, "10s"), (0, "0s")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration(Duration::from_millis(1500)), "1s 500ms");
    }

    #[test]
    fn a_clock_counts_hours_on() {
        assert_eq!(clock(Duration::from_millis(1999)), "0:00:01");
        assert_eq!(clock(Duration::from_secs(27 * 3600 + 3 * 60 + 11)), "27:03:11");
    }

    #[test]
    fn a_moment_has_hours_where_there_are_any() {
        for (seconds, text) in [(0, "0:00"), (65, "1:05"), (3599, "59:59"), (3605, "1:00:05")] {
            assert_eq!(minutes(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn instants_are_rfc_3339() {
        let instant = UtcMillis(1_795_295_040_123);
        assert_eq!(instant.to_string(), "2026-11-21T21:04:00.123Z");
        assert_eq!(instant.to_minute(), "2026-11-21 21:04");
        let json = serde_json::to_string(&instant).expect("a string");
        assert_eq!(serde_json::from_str::<UtcMillis>(&json).expect("the same"), instant);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".*") {
            let _ = parse_duration(&text);
            let _ = parse_bytes(&text);
        }

        #[test]
        fn any_instant_prints(millis: i64) {
            let _ = UtcMillis(millis).to_string();
        }
    }
}
