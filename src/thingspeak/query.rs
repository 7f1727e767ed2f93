//! What a reader asks for: the query of a request that reads.

use super::parameters;
use crate::domain::aggregate::{Aggregate, Function, Slot};
use crate::domain::entry::{ROWS_DEFAULT, ROWS_MAX, Selection};
use crate::domain::id::EntryId;
use crate::domain::number;
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::zone::Zone;

/// Bytes of the name of a JSONP callback.
const CALLBACK_BYTES_MAX: usize = 128;
/// Decimals that values can be rounded to.
const DECIMALS_MAX: u8 = 15;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Days that a range can go back, a hundred years; minutes likewise.
const DAYS_MAX: i64 = 36_500;

/// A parameter that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct QueryError {
    /// Which.
    pub name: &'static str,
    /// What to write.
    pub message: String,
}

/// The parameters of a request that reads. Unknown ones are ignored, as ThingSpeak does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The key, if a parameter holds it.
    pub key: Option<SecretHash>,
    /// The name of a JSONP callback.
    pub callback: Option<String>,
    /// With each entry's status.
    pub status: bool,
    /// With each entry's position.
    pub location: bool,
    /// With the channel's metadata.
    pub metadata: bool,
    /// Only rows without a number below.
    pub min: Option<f64>,
    /// Only rows without a number above.
    pub max: Option<f64>,
    /// Numbers with so many decimals.
    pub round: Option<u8>,
    /// A row for each slot of time instead of each entry.
    pub aggregate: Option<Aggregate>,
    /// Before a text.
    pub prepend: String,
    /// After a text.
    pub append: String,
    /// A page of a list, from 1.
    pub page: Option<u32>,
    /// What was understood, but for the key: requests in which this is the same ask for the same.
    pub canonical: String,
    timezone: Option<String>,
    offset: Option<String>,
    results: Option<u32>,
    days: Option<i64>,
    minutes: Option<i64>,
    start: Option<String>,
    end: Option<String>,
    start_entry_id: Option<i64>,
    end_entry_id: Option<i64>,
}

impl Query {
    /// Reads the query of a URL.
    ///
    /// # Errors
    /// [`QueryError`] for the first parameter that cannot be understood. A slot length that is none is ignored.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut parsed = Self::default();
        let mut slots = [None; 4];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let text = value.trim();
            match &*name {
                name if parameters::is_key(name) => {
                    parsed.key = Some(SecretHash::of(text));
                    continue;
                }
                "callback" => parsed.callback = Some(callback(text)?),
                "status" => parsed.status = flag(text),
                "location" => parsed.location = flag(text),
                "metadata" => parsed.metadata = flag(text),
                "timescale" => slots[0] = Slot::parse(text),
                "sum" => slots[1] = Slot::parse(text),
                "average" => slots[2] = Slot::parse(text),
                "median" => slots[3] = Slot::parse(text),
                "prepend" => parsed.prepend = value.to_string(),
                "append" => parsed.append = value.to_string(),
                _ if text.is_empty() => continue,
                "min" => parsed.min = Some(decimal("min", text)?),
                "max" => parsed.max = Some(decimal("max", text)?),
                "round" => parsed.round = Some(whole("round", text, i64::from(DECIMALS_MAX))? as u8),
                "page" => parsed.page = Some(whole("page", text, i64::from(u32::MAX))? as u32),
                "timezone" => parsed.timezone = Some(text.to_owned()),
                "offset" => parsed.offset = Some(text.to_owned()),
                "results" => parsed.results = Some(results(text)?),
                "days" => parsed.days = Some(whole("days", text, DAYS_MAX)?),
                "minutes" => parsed.minutes = Some(whole("minutes", text, DAYS_MAX * 24 * 60)?),
                "start" => parsed.start = Some(text.to_owned()),
                "end" => parsed.end = Some(text.to_owned()),
                "start_entry_id" => parsed.start_entry_id = Some(whole("start_entry_id", text, i64::MAX)?),
                "end_entry_id" => parsed.end_entry_id = Some(whole("end_entry_id", text, i64::MAX)?),
                _ => continue,
            }
            // With its length, so that no value can look like another parameter.
            parsed.canonical.push_str(&format!("{name}={}:{value}&", value.len()));
        }
        let functions = [Function::First, Function::Sum, Function::Average, Function::Median];
        parsed.aggregate = functions
            .into_iter()
            .zip(slots)
            .find_map(|(function, slot)| slot.map(|slot| Aggregate { function, slot }));
        Ok(parsed)
    }

    /// The zone of the answer: `timezone`, else `offset`, else the channel's.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn zone(&self, of_channel: &str) -> Result<Zone, QueryError> {
        if let Some(name) = &self.timezone {
            return Zone::named(name).map_err(|message| QueryError { name: "timezone", message });
        }
        if let Some(hours) = &self.offset {
            return Zone::hours(hours).map_err(|message| QueryError { name: "offset", message });
        }
        Zone::named(of_channel).map_err(|message| QueryError { name: "timezone", message })
    }

    /// The entries that are asked for: with no range the last 24 hours, at most 100; else at most 8000. For an aggregate
    /// it is the answer that is bounded so, and the entries only by `results`.
    ///
    /// # Errors
    /// When `start` or `end` is not a time.
    pub fn selection(&self, zone: &Zone, now: UtcMillis) -> Result<Selection, QueryError> {
        let mut selection = Selection { texts: self.status || self.location, ..Selection::ALL };
        let back = |milliseconds: i64| UtcMillis(now.0.saturating_sub(milliseconds));
        if !self.has_range() {
            selection.from = back(DAY_MS);
        }
        if let Some(days) = self.days {
            selection.from = back(days * DAY_MS);
        }
        if let Some(minutes) = self.minutes {
            selection.from = back(minutes * MINUTE_MS);
        }
        if let Some(start) = &self.start {
            selection.from = zone.parse(start).map_err(|message| QueryError { name: "start", message })?;
        }
        if let Some(end) = &self.end {
            selection.to = zone.parse(end).map_err(|message| QueryError { name: "end", message })?;
        }
        if let Some(id) = self.start_entry_id {
            selection.first_id = EntryId(id);
        }
        if let Some(id) = self.end_entry_id {
            selection.last_id = EntryId(id);
        }
        selection.newest = self.newest();
        Ok(selection)
    }

    /// Of how many entries at most the answer is made; `None` of all in the range.
    pub fn newest(&self) -> Option<u32> {
        match self.aggregate {
            Some(_) => self.results,
            None => Some(self.results.unwrap_or(self.rows_max())),
        }
    }

    /// Whether the range has a last time.
    pub fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the same is asked for whenever it is asked.
    pub fn is_timeless(&self) -> bool {
        self.has_range() && self.days.is_none() && self.minutes.is_none()
    }

    /// Rows of the answer.
    pub fn rows_max(&self) -> u32 {
        if self.has_range() { ROWS_MAX } else { ROWS_DEFAULT }
    }

    fn has_range(&self) -> bool {
        let Self { results, days, minutes, start, end, start_entry_id, end_entry_id, .. } = self;
        let numbers = [results.map(i64::from), *days, *minutes, *start_entry_id, *end_entry_id];
        numbers.iter().any(Option::is_some) || start.is_some() || end.is_some()
    }
}

fn flag(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn whole(name: &'static str, text: &str, max: i64) -> Result<i64, QueryError> {
    let number = text.parse().ok().filter(|number| (0..=max).contains(number));
    number.ok_or_else(|| QueryError { name, message: format!("write a whole number from 0 to {max}") })
}

/// More than [`ROWS_MAX`] are as many as there can be.
fn results(text: &str) -> Result<u32, QueryError> {
    Ok(whole("results", text, i64::MAX)?.min(i64::from(ROWS_MAX)) as u32)
}

fn decimal(name: &'static str, text: &str) -> Result<f64, QueryError> {
    let number = number::parse(text).map(|number| number.value);
    number.ok_or_else(|| QueryError { name, message: "write a number".into() })
}

/// A script can be called by a name only, so that nothing else can be smuggled into the page that asks.
fn callback(text: &str) -> Result<String, QueryError> {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.');
    if (1..=CALLBACK_BYTES_MAX).contains(&text.len()) && text.bytes().all(name) {
        Ok(text.to_owned())
    } else {
        let message = format!("write the name of a function, at most {CALLBACK_BYTES_MAX} letters long");
        Err(QueryError { name: "callback", message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(1_528_978_342_000);

    fn selection(query: &str) -> Selection {
        let query = Query::parse(query).expect("a query");
        query.selection(&Zone::Utc, NOW).expect("a selection")
    }

    #[test]
    fn ranges() {
        let ms = |from: i64| UtcMillis(NOW.0 - from);
        let all = Selection { texts: false, ..Selection::ALL };
        for (query, expected) in [
            ("", Selection { from: ms(DAY_MS), newest: Some(100), ..all }),
            ("average=60", Selection { from: ms(DAY_MS), newest: None, ..all }),
            ("results=2", Selection { newest: Some(2), ..all }),
            ("results=0", Selection { newest: Some(0), ..all }),
            ("results=8001", Selection { newest: Some(8000), ..all }),
            ("results=100&median=10", Selection { newest: Some(100), ..all }),
            ("days=2", Selection { from: ms(2 * DAY_MS), newest: Some(8000), ..all }),
            ("minutes=5&results=3", Selection { from: ms(300_000), newest: Some(3), ..all }),
            ("end=2018-06-14+12:12:22", Selection { to: NOW, newest: Some(8000), ..all }),
            ("start=2018-06-14%2012:12:22", Selection { from: NOW, newest: Some(8000), ..all }),
            (
                "start_entry_id=5&end_entry_id=9&status=TRUE",
                Selection { first_id: EntryId(5), last_id: EntryId(9), newest: Some(8000), ..Selection::ALL },
            ),
        ] {
            assert_eq!(selection(query), expected, "{query}");
        }
    }

    #[test]
    fn what_does_not_shape_the_answer_is_not_in_the_canonical_form() {
        let canonical = |query: &str| Query::parse(query).expect("a query").canonical;
        assert_eq!(canonical("results=2&api_key=K&_=1528978342"), canonical("key=OTHER&results=2"));
        assert_ne!(canonical("results=2"), canonical("results=3"));
        assert_ne!(canonical("append=1%26results=7:2"), canonical("append=1&results=2"));
    }

    #[test]
    fn what_counts_back_from_now_is_another_thing_each_time() {
        let timeless = |query: &str| Query::parse(query).expect("a query").is_timeless();
        for query in ["results=1", "start=2018-06-14", "end_entry_id=9&average=10"] {
            assert!(timeless(query), "{query}");
        }
        for query in ["", "average=10", "days=1", "minutes=5&results=1"] {
            assert!(!timeless(query), "{query}");
        }
    }

    #[test]
    fn one_function_is_used_and_other_slots_are_ignored() {
        let aggregate = |query: &str| Query::parse(query).expect("a query").aggregate;
        assert_eq!(aggregate("average=11"), None);
        let median = Some(Aggregate { function: Function::Median, slot: Slot::Day });
        assert_eq!(aggregate("average=11&median=daily"), median);
        let first = Some(Aggregate { function: Function::First, slot: Slot::Minutes(10) });
        assert_eq!(aggregate("median=20&timescale=10"), first);
    }

    #[test]
    fn a_named_zone_beats_an_offset_and_both_beat_the_channels() {
        let zone = |query: &str| Query::parse(query).expect("a query").zone("Asia/Tokyo").expect("a zone");
        assert_eq!(zone("offset=-5&timezone=UTC"), Zone::Utc);
        assert_eq!(zone("offset=0"), Zone::Utc);
        assert_eq!(Some(zone("")), Zone::named("Asia/Tokyo").ok());
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (query, name) in [
            ("results=-1", "results"),
            ("results=many", "results"),
            ("days=36501", "days"),
            ("round=16", "round"),
            ("min=cold", "min"),
            ("callback=alert(1)", "callback"),
            ("callback=", "callback"),
            ("end_entry_id=1.5", "end_entry_id"),
        ] {
            assert_eq!(Query::parse(query).expect_err(query).name, name);
        }
        let query = Query::parse("start=soon&timezone=Mars").expect("read later");
        assert_eq!(query.selection(&Zone::Utc, NOW).expect_err("no time").name, "start");
        assert_eq!(query.zone("UTC").expect_err("no zone").name, "timezone");
        assert!(Query::parse("results=&days=&round=&unknown=%ff%").is_ok(), "what is empty is not there");
    }
}
