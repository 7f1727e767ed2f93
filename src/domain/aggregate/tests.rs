//! Vectors for aggregates, and what must hold for any.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> UtcMillis {
    Zone::Utc.parse(text).expect("a time")
}

fn aggregated(
    function: Function,
    slot: &str,
    zone: &Zone,
    entries: &[(&str, &str)],
) -> Vec<(String, Option<String>)> {
    let entries: Vec<_> = entries.iter().map(|(time, value)| (at(time), *value)).collect();
    run(function, Slot::parse(slot).expect("a slot"), zone, &entries).expect("few values")
}

fn run(
    function: Function,
    slot: Slot,
    zone: &Zone,
    entries: &[(UtcMillis, &str)],
) -> Result<Vec<(String, Option<String>)>, TooManyValues> {
    let mut aggregator = Aggregator::new(Aggregate { function, slot }, zone);
    let mut rows = Vec::new();
    let mut emit = |row: &Row<'_>| {
        let mut time = String::new();
        zone.write_rfc3339(row.created_at, &mut time);
        rows.push((time, row.values[0].map(str::to_owned)));
    };
    for (created_at, value) in entries {
        let mut values = [None; FIELDS];
        values[0] = Some(*value);
        aggregator.push(&Row { created_at: *created_at, id: None, values, texts: [None; 4] }, &mut emit)?;
    }
    aggregator.finish(&mut emit);
    Ok(rows)
}

fn row(time: &str, value: &str) -> (String, Option<String>) {
    (time.into(), Some(value.into()))
}

#[test]
fn the_known_vectors() {
    let sample = ["10", "10", "9", "7", "6", "5", "4"].map(|value| ("2013-01-01 00:00:00", value));
    for (function, value) in [
        (Function::Average, "7.285714285714286"),
        (Function::Median, "7.0"),
        (Function::Sum, "51.0"),
        (Function::First, "10"),
    ] {
        assert_eq!(aggregated(function, "10", &Zone::Utc, &sample), [row("2013-01-01T00:00:00Z", value)]);
    }
    let even = ["4", "1", "3", "2"].map(|value| ("2013-01-01 00:00:00", value));
    assert_eq!(aggregated(Function::Median, "10", &Zone::Utc, &even), [row("2013-01-01T00:00:00Z", "2.5")]);
}

#[test]
fn slots_without_an_entry_are_empty_and_text_counts_for_nothing() {
    let entries = [
        ("2013-01-01 00:09:59", "1"),
        ("2013-01-01 00:30:00", "offline"),
        ("2013-01-01 00:40:00", "nan"),
        ("2013-01-01 00:41:00", "3"),
    ];
    let expected = [
        row("2013-01-01T00:00:00Z", "1.0"),
        ("2013-01-01T00:10:00Z".into(), None),
        ("2013-01-01T00:20:00Z".into(), None),
        ("2013-01-01T00:30:00Z".into(), None),
        row("2013-01-01T00:40:00Z", "3.0"),
    ];
    assert_eq!(aggregated(Function::Average, "10", &Zone::Utc, &entries), expected);
    assert_eq!(aggregated(Function::First, "10", &Zone::Utc, &entries)[3].1.as_deref(), Some("offline"));
    assert_eq!(aggregated(Function::Average, "10", &Zone::Utc, &[]), []);
}

#[test]
fn decimal_commas_come_back_as_commas() {
    let entries = [("2013-01-01 00:00:00", "1,5"), ("2013-01-01 00:01:00", "2")];
    assert_eq!(aggregated(Function::Sum, "10", &Zone::Utc, &entries)[0].1.as_deref(), Some("3,5"));
    assert_eq!(aggregated(Function::Average, "10", &Zone::Utc, &entries)[0].1.as_deref(), Some("1,75"));
}

#[test]
fn numbers_at_the_end_of_their_range() {
    let entries = [
        ("2013-01-01 00:00:00", "1e308"),
        ("2013-01-01 00:01:00", "1e308"),
        ("2013-01-01 00:02:00", "-1e308"),
    ];
    assert_eq!(aggregated(Function::Sum, "10", &Zone::Utc, &entries[..2])[0].1, None);
    let ends = [entries[1], entries[2]];
    assert_eq!(aggregated(Function::Median, "10", &Zone::Utc, &ends)[0].1.as_deref(), Some("0.0"));
}

#[test]
fn days_are_those_of_the_zone_at_the_border_of_a_month() {
    let entries = [("2013-01-31 22:59:59", "1"), ("2013-01-31 23:00:00", "2"), ("2013-02-01 00:00:00", "3")];
    let berlin = Zone::named("Europe/Berlin").expect("a zone");
    let sums = aggregated(Function::Sum, "daily", &berlin, &entries);
    assert_eq!(sums, [row("2013-01-31T00:00:00+01:00", "1.0"), row("2013-02-01T00:00:00+01:00", "5.0")]);
    let sums = aggregated(Function::Sum, "1440", &Zone::Utc, &entries);
    assert_eq!(sums, [row("2013-01-31T00:00:00Z", "3.0"), row("2013-02-01T00:00:00Z", "3.0")]);
}

#[test]
fn a_day_on_which_the_clocks_change_is_one_slot() {
    let new_york = Zone::named("America/New_York").expect("a zone");
    // 23 hours: from 05:00 UTC to 04:00 UTC of the next day.
    let spring = [
        ("2024-03-10 04:59:59", "1"),
        ("2024-03-10 05:00:00", "2"),
        ("2024-03-11 03:59:59", "3"),
        ("2024-03-11 04:00:00", "4"),
    ];
    let expected = [
        row("2024-03-09T00:00:00-05:00", "1.0"),
        row("2024-03-10T00:00:00-05:00", "5.0"),
        row("2024-03-11T00:00:00-04:00", "4.0"),
    ];
    assert_eq!(aggregated(Function::Sum, "daily", &new_york, &spring), expected);
    // 25 hours, in which 01:00 to 02:00 comes twice: two slots of an hour, one of four.
    let autumn = [("2024-11-03 05:30:00", "1"), ("2024-11-03 06:30:00", "2"), ("2024-11-04 04:59:59", "3")];
    let days = aggregated(Function::Sum, "daily", &new_york, &autumn);
    assert_eq!(days, [row("2024-11-03T00:00:00-04:00", "6.0")]);
    let hours = aggregated(Function::Sum, "60", &new_york, &autumn[..2]);
    assert_eq!(hours, [row("2024-11-03T01:00:00-04:00", "1.0"), row("2024-11-03T01:00:00-05:00", "2.0")]);
    let four = aggregated(Function::Sum, "240", &new_york, &autumn[..2]);
    assert_eq!(four, [row("2024-11-03T00:00:00-04:00", "3.0")]);
}

#[test]
fn half_hour_zones_have_their_own_hours() {
    let kolkata = Zone::named("Asia/Kolkata").expect("a zone");
    let entries = [("2013-01-01 00:29:59", "1"), ("2013-01-01 00:30:00", "2")];
    let hours = aggregated(Function::Sum, "60", &kolkata, &entries);
    assert_eq!(hours, [row("2013-01-01T05:00:00+05:30", "1.0"), row("2013-01-01T06:00:00+05:30", "2.0")]);
}

#[test]
fn other_lengths_are_no_slots() {
    for text in ["", "0", "5", "11", "-10", "010", "weekly", "1e1"] {
        assert_eq!(Slot::parse(text), None, "{text}");
    }
}

#[test]
fn a_median_of_too_many_values_is_refused() {
    let texts: Vec<String> = (0..=MEDIAN_VALUES_MAX).map(|value| value.to_string()).collect();
    let entries: Vec<_> = texts.iter().map(|text| (UtcMillis(0), text.as_str())).collect();
    assert_eq!(run(Function::Median, Slot::Day, &Zone::Utc, &entries), Err(TooManyValues));
    let within = run(Function::Median, Slot::Day, &Zone::Utc, &entries[1..]).expect("as many as can be");
    assert_eq!(within[0].1.as_deref(), Some("125000.5"));
}

/// Zones whose clocks do not go back over midnight, where a day would come twice.
fn zone() -> impl Strategy<Value = Zone> {
    let names = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Chatham"];
    proptest::sample::select(names.to_vec()).prop_map(|name| Zone::named(name).expect("a zone"))
}

fn slot() -> impl Strategy<Value = Slot> {
    let texts = ["10", "15", "20", "30", "60", "240", "720", "daily"];
    proptest::sample::select(texts.to_vec()).prop_map(|text| Slot::parse(text).expect("a slot"))
}

proptest! {
    #[test]
    fn slots_follow_each_other_without_gap_or_overlap(
        slot in slot(), zone in zone(), millis in 1_000_000_000_000_i64..2_000_000_000_000,
    ) {
        let start = slot.start(UtcMillis(millis), &zone);
        let next = slot.next(start, &zone);
        prop_assert!(start.0 <= millis && millis < next.0);
        prop_assert_eq!(slot.start(start, &zone), start);
        prop_assert_eq!(slot.start(next, &zone), next);
        prop_assert_eq!(slot.start(UtcMillis(next.0 - 1), &zone), start);
    }

    #[test]
    fn an_answer_reaches_back_as_far_as_it_may(
        slot in slot(), zone in zone(), rows in 3_u32..2000, millis in 1_000_000_000_000_i64..2_000_000_000_000,
    ) {
        let mut start = slot.oldest_start(UtcMillis(millis), rows, &zone);
        prop_assert_eq!(slot.start(start, &zone), start);
        let mut slots = 1;
        while slot.next(start, &zone).0 <= millis {
            start = slot.next(start, &zone);
            slots += 1;
        }
        prop_assert!(slots <= rows && slots + 2 >= rows, "{} of {} slots", slots, rows);
    }

    #[test]
    fn one_pass_gives_what_sorting_everything_gives(values in proptest::collection::vec(-1e6..1e6_f64, 1..60)) {
        let texts: Vec<String> = values.iter().map(f64::to_string).collect();
        let entries: Vec<_> = texts.iter().map(|text| (UtcMillis(0), text.as_str())).collect();
        let result = |function| -> f64 {
            let rows = run(function, Slot::Day, &Zone::Utc, &entries).expect("few values");
            rows[0].1.as_ref().expect("a value").parse().expect("a number")
        };
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        prop_assert_eq!(result(Function::Median), low / 2.0 + high / 2.0);
        let sum: f64 = values.iter().sum();
        prop_assert_eq!(result(Function::Sum), sum);
        prop_assert_eq!(result(Function::Average), sum / values.len() as f64);
    }

    #[test]
    fn any_entries_give_rows_in_the_order_of_time(
        slot in slot(), zone in prop_oneof![zone(), Just(Zone::named("America/St_Johns").expect("a zone"))],
        // There the clocks went back over midnight on 2000-10-29.
        from in prop_oneof![Just(0_i64), Just(972_700_000_000)], mut times in proptest::collection::vec(-400_000_000_i64..400_000_000, 1..20),
    ) {
        times.sort_unstable();
        let entries: Vec<_> = times.iter().map(|time| (UtcMillis(from + *time), "1")).collect();
        let rows = run(Function::Sum, slot, &zone, &entries).expect("few values");
        let sum: f64 = rows.iter().filter_map(|row| row.1.as_ref()).map(|text| text.parse::<f64>().expect("a number")).sum();
        prop_assert_eq!(sum, times.len() as f64);
        let starts: Vec<_> = rows.iter().map(|row| at(&row.0)).collect();
        prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
