//! Time zones: reading times as devices and people write them, and printing them as ThingSpeak does.

use jiff::civil::{Date, Time};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::unit::UtcMillis;

/// Numbers from here on are epoch milliseconds, below epoch seconds: in seconds this is the year 5138.
const EPOCH_MILLIS_MIN: f64 = 1e11;
/// Hours that a zone can be away from UTC.
const OFFSET_HOURS_MAX: f64 = 14.0;
const WITHOUT_FRACTION: DateTimePrinter = DateTimePrinter::new().precision(Some(0));

/// Where a time is read and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// Shown as `Z`.
    #[default]
    Utc,
    /// Shown with its offset.
    Other(TimeZone),
}

impl Zone {
    /// A zone by its IANA name, such as `Europe/Berlin`. The names are compiled in.
    ///
    /// # Errors
    /// For a name that does not exist; the text says what to write.
    pub fn named(name: &str) -> Result<Self, String> {
        if ["UTC", "Etc/UTC", "Z"].iter().any(|utc| name.eq_ignore_ascii_case(utc)) {
            return Ok(Self::Utc);
        }
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(name);
        zone.map(Self::Other).map_err(|_| {
            format!("`{}` is not a time zone: write a name such as Europe/Berlin", shortened(name))
        })
    }

    /// A zone that is always the same number of hours away from UTC, such as `-5` or `5.5`.
    ///
    /// # Errors
    /// For what is not a number of hours from -14 to 14.
    pub fn hours(text: &str) -> Result<Self, String> {
        let hours = text.trim().parse::<f64>().ok().filter(|hours| hours.abs() <= OFFSET_HOURS_MAX);
        let offset = hours.and_then(|hours| Offset::from_seconds((hours * 3600.0).round() as i32).ok());
        match offset {
            Some(Offset::UTC) => Ok(Self::Utc),
            Some(offset) => Ok(Self::Other(TimeZone::fixed(offset))),
            None => Err(format!("`{}` is not an offset: write hours from -14 to 14", shortened(text))),
        }
    }

    fn tz(&self) -> TimeZone {
        match self {
            Self::Utc => TimeZone::UTC,
            Self::Other(zone) => zone.clone(),
        }
    }

    /// The instant with its date and clock here; `None` outside the years that a calendar has.
    pub(super) fn zoned(&self, at: UtcMillis) -> Option<Zoned> {
        Timestamp::from_millisecond(at.0).ok().map(|timestamp| timestamp.to_zoned(self.tz()))
    }

    /// Milliseconds that this zone is ahead of UTC at an instant.
    pub(super) fn ahead_ms(&self, at: UtcMillis) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Other(zone) => Timestamp::from_millisecond(at.0)
                .map_or(0, |timestamp| i64::from(zone.to_offset(timestamp).seconds()) * 1000),
        }
    }

    /// Reads a time: ISO 8601 (`2014-12-31T23:59:59Z`, `2014-12-31 23:59:59 +0100`), a date, or seconds or
    /// milliseconds since 1970. Without an offset it is a time in this zone; one that a change of the clocks skips is
    /// as much later, one that it repeats the first of the two.
    ///
    /// # Errors
    /// For anything else; the text shows the accepted forms.
    pub fn parse(&self, text: &str) -> Result<UtcMillis, String> {
        let read = |text: &str| epoch(text).or_else(|| self.date_and_clock(text));
        read(text.trim()).ok_or_else(|| {
            format!(
                "`{}` is not a time: write 2014-12-31 23:59:59, 2014-12-31T23:59:59Z, or seconds since 1970",
                shortened(text)
            )
        })
    }

    fn date_and_clock(&self, text: &str) -> Option<UtcMillis> {
        let (date, rest) = text.split_at_checked(10)?;
        let date: Date = date.parse().ok()?;
        let rest = rest.strip_prefix(['T', 't', ' ']).or(rest.is_empty().then_some(rest))?;
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ',')).unwrap_or(rest.len());
        let (clock, offset) = rest.split_at(end);
        let clock: Time = if clock.is_empty() { Time::midnight() } else { clock.parse().ok()? };
        let zone = match offset.trim_end() {
            "" => self.tz(),
            offset => TimeZone::fixed(written_offset(offset)?),
        };
        let zoned = zone.to_ambiguous_zoned(date.to_datetime(clock)).compatible().ok()?;
        Some(UtcMillis(zoned.timestamp().as_millisecond()))
    }

    /// Appends `2014-02-26T12:42:49Z`, or `…T07:42:49-05:00` elsewhere than in UTC.
    pub fn write_rfc3339(&self, at: UtcMillis, out: &mut String) {
        let written = Timestamp::from_millisecond(at.0).ok().and_then(|timestamp| match self {
            Self::Utc => WITHOUT_FRACTION.print_timestamp(&timestamp, &mut *out).ok(),
            Self::Other(zone) => WITHOUT_FRACTION
                .print_timestamp_with_offset(&timestamp, zone.to_offset(timestamp), &mut *out)
                .ok(),
        });
        if written.is_none() {
            out.push_str(&at.to_string());
        }
    }

    /// Appends `2014-02-26 12:42:49 UTC`, or `… 07:42:49 -0500` elsewhere.
    pub fn write_csv(&self, at: UtcMillis, out: &mut String) {
        let format = if *self == Self::Utc { "%Y-%m-%d %H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S %z" };
        match self.zoned(at) {
            Some(zoned) => out.push_str(&zoned.strftime(format).to_string()),
            None => out.push_str(&at.to_string()),
        }
    }
}

fn epoch(text: &str) -> Option<UtcMillis> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let millis = if number < EPOCH_MILLIS_MIN { number * 1000.0 } else { number };
    let millis = UtcMillis(millis.round() as i64);
    Timestamp::from_millisecond(millis.0).ok().map(|_| millis)
}

/// `Z`, `UTC`, `+01:00`, `-0500`, `+1`. A `+` that was not percent-encoded arrives as a space.
fn written_offset(text: &str) -> Option<Offset> {
    let trimmed = text.trim_start();
    if ["Z", "UTC", "GMT"].iter().any(|utc| trimmed.eq_ignore_ascii_case(utc)) {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, trimmed.strip_prefix('+').or_else(|| text.strip_prefix(' '))?),
    };
    let digits = digits.replace(':', "");
    if !(1..=4).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() <= 2 { (number, 0) } else { (number / 100, number % 100) };
    if minutes > 59 || f64::from(hours) > OFFSET_HOURS_MAX {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// What a client sent, as far as an error repeats it.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rfc3339(zone: &Zone, at: UtcMillis) -> String {
        let mut text = String::new();
        zone.write_rfc3339(at, &mut text);
        text
    }

    #[test]
    fn times_as_devices_write_them() {
        let new_york = Zone::named("America/New_York").expect("a zone");
        for (text, zone, instant) in [
            ("2014-12-31 23:59:59", &Zone::Utc, "2014-12-31T23:59:59Z"),
            ("2014-12-31T23:59:59Z", &new_york, "2014-12-31T23:59:59Z"),
            ("2014-12-31 23:59:59", &new_york, "2015-01-01T04:59:59Z"),
            ("2014-02-26 12:42:49 UTC", &new_york, "2014-02-26T12:42:49Z"),
            ("2018-06-14T12:12:22-0500", &Zone::Utc, "2018-06-14T17:12:22Z"),
            ("2018-06-14T12:12:22+05:30", &Zone::Utc, "2018-06-14T06:42:22Z"),
            ("2018-06-14 12:12:22 0530", &Zone::Utc, "2018-06-14T06:42:22Z"),
            ("2018-06-14T12:12:22.750+00:00", &Zone::Utc, "2018-06-14T12:12:22Z"),
            ("2018-06-14", &Zone::Utc, "2018-06-14T00:00:00Z"),
            ("1528978342", &Zone::Utc, "2018-06-14T12:12:22Z"),
            ("1528978342000", &Zone::Utc, "2018-06-14T12:12:22Z"),
            // The clock skips 02:00 to 03:00 on this day, and repeats 01:00 to 02:00 on the other.
            ("2024-03-10 02:30:00", &new_york, "2024-03-10T07:30:00Z"),
            ("2024-11-03 01:30:00", &new_york, "2024-11-03T05:30:00Z"),
        ] {
            let parsed = zone.parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(rfc3339(&Zone::Utc, parsed), instant, "{text}");
        }
        for bad in
            ["", "yesterday", "2014-13-01", "2014-12-31 25:00:00", "2014-12-31 23:59:59 +9999", "-5", "1e9"]
        {
            assert!(Zone::Utc.parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_are_shown_as_thingspeak_shows_them() {
        let at = UtcMillis(1_393_418_569_999);
        for (zone, json, csv) in [
            (Zone::named("UTC"), "2014-02-26T12:42:49Z", "2014-02-26 12:42:49 UTC"),
            (Zone::named("America/New_York"), "2014-02-26T07:42:49-05:00", "2014-02-26 07:42:49 -0500"),
            (Zone::named("Europe/London"), "2014-02-26T12:42:49+00:00", "2014-02-26 12:42:49 +0000"),
            (Zone::hours("5.5"), "2014-02-26T18:12:49+05:30", "2014-02-26 18:12:49 +0530"),
            (Zone::hours("0"), "2014-02-26T12:42:49Z", "2014-02-26 12:42:49 UTC"),
        ] {
            let zone = zone.expect("a zone");
            let mut text = String::new();
            zone.write_csv(at, &mut text);
            assert_eq!((rfc3339(&zone, at).as_str(), text.as_str()), (json, csv));
        }
        for bad in ["Mars/Olympus", "", "America"] {
            assert!(Zone::named(bad).is_err(), "{bad}");
        }
        for bad in ["", "x", "15", "-14.5", "NaN"] {
            assert!(Zone::hours(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,40}") {
            let _ = Zone::Utc.parse(&text);
            let _ = Zone::named(&text);
            let _ = Zone::hours(&text);
        }

        #[test]
        fn what_is_shown_parses_to_the_same(seconds in -2_000_000_000_i64..20_000_000_000, hours in -14_i32..=14) {
            let zone = Zone::hours(&hours.to_string()).expect("an offset");
            let at = UtcMillis(seconds * 1000);
            prop_assert_eq!(Zone::Utc.parse(&rfc3339(&zone, at)), Ok(at));
            let mut csv = String::new();
            zone.write_csv(at, &mut csv);
            prop_assert_eq!(Zone::Utc.parse(&csv), Ok(at));
        }

        #[test]
        fn any_instant_prints(millis: i64) {
            let _ = rfc3339(&Zone::Utc, UtcMillis(millis));
            Zone::Utc.write_csv(UtcMillis(millis), &mut String::new());
        }
    }
}
