//! `bulk_update`: many updates with times of their own in one request.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::parameters::{Name, Parameters, text};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::update::{FIELD_NAMES, TEXT_NAMES, Update, UpdateError, is_stored};
use crate::domain::zone::Zone;

/// Updates in one request.
pub const UPDATES_MAX: usize = 14_400;
/// Seconds between two updates, a hundred years.
const SECONDS_MAX: f64 = 100.0 * 365.0 * 86_400.0;

/// The updates of a request.
#[derive(Debug, Default)]
pub struct Bulk {
    /// The write key.
    pub key: Option<SecretHash>,
    /// In the order in which they were sent, each with a time.
    pub updates: Vec<Update>,
}

/// Why nothing of a request is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    /// One of the updates cannot be stored.
    #[error("updates[{index}]: {error}")]
    Update {
        /// From 0.
        index: usize,
        /// Why not.
        error: UpdateError,
    },
    /// The body as a whole cannot be read.
    #[error("{0}")]
    Body(String),
}

/// Reads a time in one of the two ways.
type ReadTime = fn(&str) -> Result<Time, UpdateError>;

/// When an update was made.
enum Time {
    At(UtcMillis),
    /// So many milliseconds after the update before it.
    After(i64),
}

/// Reads `{"write_api_key": …, "updates": [{"created_at" or "delta_t": …, "field1": …}]}`.
///
/// # Errors
/// [`BulkError`] with the first update that cannot be stored.
pub fn read_json(body: &[u8], now: UtcMillis) -> Result<Bulk, BulkError> {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        write_api_key: Option<Name<'a>>,
        #[serde(borrow)]
        updates: Rows<'a>,
    }
    let body: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| BulkError::Body(format!("the body cannot be read: {error}")))?;
    let mut rows = Vec::with_capacity(body.updates.0.len());
    for (index, row) in body.updates.0.into_iter().enumerate() {
        rows.push(json_row(row).map_err(|error| BulkError::Update { index, error })?);
    }
    Ok(Bulk { key: body.write_api_key.map(|key| SecretHash::of(key.0.trim())), updates: timed(rows, now)? })
}

struct Rows<'a>(Vec<Parameters<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Rows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Rows<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {UPDATES_MAX} updates")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = list.next_element()? {
                    if rows.len() == UPDATES_MAX {
                        return Err(serde::de::Error::custom(TooMany));
                    }
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

struct TooMany;

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are more than {UPDATES_MAX} updates; send them in several requests")
    }
}

fn json_row(row: Parameters<'_>) -> Result<(Time, Update), UpdateError> {
    let mut update = Update::default();
    let mut time = None;
    for (Name(name), value) in row.0 {
        let set: &mut dyn FnMut(&str) -> Result<(), UpdateError> = match &*name {
            "created_at" => &mut |text| absolute(text).map(|at| time = Some(at)),
            "delta_t" => &mut |text| relative(text).map(|after| time = Some(after)),
            name if is_stored(name) => &mut |text| update.set(name, text).map(|_| ()),
            _ => continue,
        };
        if let Some(text) = text(&name, value)? {
            set(&text)?;
        }
    }
    let time = time.ok_or_else(|| UpdateError::Time("it has neither created_at nor delta_t".into()))?;
    Ok((time, update))
}

/// Reads `write_api_key=…&time_format=absolute&updates=TIME,FIELD1,…,FIELD8,LATITUDE,LONGITUDE,ELEVATION,STATUS|…`.
/// What is missing at the end of a row, and what is empty in it, is not set.
///
/// # Errors
/// [`BulkError`] with the first update that cannot be stored.
pub fn read_csv(body: &[u8], now: UtcMillis) -> Result<Bulk, BulkError> {
    let mut key = None;
    let mut time: Option<ReadTime> = None;
    let mut text = None;
    for (name, value) in form_urlencoded::parse(body) {
        match (&*name, &*value) {
            ("write_api_key" | "api_key", key_text) => key = Some(SecretHash::of(key_text.trim())),
            ("time_format", "absolute") => time = Some(absolute),
            ("time_format", "relative") => time = Some(relative),
            ("updates", _) => text = Some(value),
            _ => {}
        }
    }
    let time = time.ok_or_else(|| BulkError::Body("time_format is absolute or relative".into()))?;
    let text = text.ok_or_else(|| BulkError::Body("there are no updates".into()))?;
    let mut rows = Vec::new();
    for (index, line) in text.trim().trim_end_matches('|').split('|').enumerate() {
        if index == UPDATES_MAX {
            return Err(BulkError::Body(TooMany.to_string()));
        }
        rows.push(csv_row(line.trim(), time).map_err(|error| BulkError::Update { index, error })?);
    }
    Ok(Bulk { key, updates: timed(rows, now)? })
}

fn csv_row(line: &str, time: fn(&str) -> Result<Time, UpdateError>) -> Result<(Time, Update), UpdateError> {
    let names = FIELD_NAMES.iter().chain(&TEXT_NAMES);
    // The last column is a message, which may have commas in it.
    let mut cells = line.splitn(1 + FIELD_NAMES.len() + TEXT_NAMES.len(), ',');
    let at = time(cells.next().unwrap_or_default())?;
    let mut update = Update::default();
    for (name, cell) in names.zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        update.set(name, cell)?;
    }
    Ok((at, update))
}

fn absolute(text: &str) -> Result<Time, UpdateError> {
    Zone::Utc.parse(text).map(Time::At).map_err(UpdateError::Time)
}

fn relative(text: &str) -> Result<Time, UpdateError> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        UpdateError::Time(format!("`{shown}` is not a number of seconds since the update before"))
    })?;
    Ok(Time::After((seconds * 1000.0).round() as i64))
}

/// Gives each update its time. Relative ones count back from the last, which was made just now.
fn timed(rows: Vec<(Time, Update)>, now: UtcMillis) -> Result<Vec<Update>, BulkError> {
    let relative = matches!(rows.first(), Some((Time::After(_), _)));
    let mut at = now.0;
    let mut updates = Vec::with_capacity(rows.len());
    for (index, (time, mut update)) in rows.into_iter().enumerate().rev() {
        match time {
            Time::At(at) if !relative => update.set_created_at(at),
            Time::After(_) if relative && at < 0 => {
                let error = UpdateError::Time("the distances reach back to before 1970".into());
                return Err(BulkError::Update { index, error });
            }
            Time::After(delta) if relative => {
                update.set_created_at(UtcMillis(at));
                at = at.saturating_sub(delta);
            }
            _ => {
                let error = UpdateError::Time("either all have created_at, or all have delta_t".into());
                return Err(BulkError::Update { index, error });
            }
        }
        updates.push(update);
    }
    updates.reverse();
    Ok(updates)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(1_528_978_342_000);

    fn times(bulk: &Bulk) -> Vec<i64> {
        bulk.updates.iter().map(|update| (update.created_at().expect("a time").0 - NOW.0) / 1000).collect()
    }

    #[test]
    fn json_with_times_and_with_distances() {
        let body = br#"{"write_api_key": "K", "updates": [
            {"created_at": "2018-06-14 12:12:12 +0000", "field1": 1.0, "status": "ok"},
            {"created_at": 1528978333, "field2": "x"},
            {"created_at": "2018-06-14T12:12:22Z"}]}"#;
        let bulk = read_json(body, NOW).expect("updates");
        assert_eq!(bulk.key, Some(SecretHash::of("K")));
        assert_eq!(times(&bulk), [-10, -9, 0]);
        assert_eq!(bulk.updates[0].values[0].as_deref(), Some("1.0"));

        let body = br#"{"updates": [{"delta_t": 0, "field1": 1}, {"delta_t": "15", "field1": 2}, {"delta_t": 2.5}]}"#;
        assert_eq!(times(&read_json(body, NOW).expect("updates")), [-17, -2, 0]);
        assert!(read_json(br#"{"updates": []}"#, NOW).expect("none").updates.is_empty());
    }

    #[test]
    fn csv_with_times_and_with_distances() {
        let body = b"write_api_key=K&time_format=absolute&updates=2018-06-14T12:12:12-0000,1.0,,3,,,,,8,40.4,-79.9,300,it, was|2018-06-14T17:42:22+0530,2|";
        let bulk = read_csv(body, NOW).expect("updates");
        assert_eq!(times(&bulk), [-10, 0]);
        let first = &bulk.updates[0];
        let values: Vec<_> = first.values.iter().map(Option::as_deref).collect();
        assert_eq!(values, [Some("1.0"), None, Some("3"), None, None, None, None, Some("8")]);
        assert_eq!(first.texts(), [Some("40.4"), Some("-79.9"), Some("300"), Some("it, was")]);
        let body = b"time_format=relative&updates=3,1|10,2|5,3";
        assert_eq!(times(&read_csv(body, NOW).expect("updates")), [-15, -5, 0]);
    }

    #[test]
    fn the_update_that_is_wrong_is_named() {
        let long = format!(
            r#"{{"updates": [{{"delta_t": 1}}, {{"delta_t": 1, "field3": "{}"}}]}}"#,
            "x".repeat(256)
        );
        for (body, words) in [
            ("", "EOF"),
            (r#"{"updates": 7}"#, "a list of at most 14400 updates"),
            (r#"{"updates": [{"field1": 1}]}"#, "updates[0]: it has neither created_at nor delta_t"),
            (
                r#"{"updates": [{"delta_t": 1}, {"delta_t": -1}]}"#,
                "updates[1]: `-1` is not a number of seconds",
            ),
            (r#"{"updates": [{"delta_t": 1}, {"created_at": "2018-06-14"}]}"#, "updates[1]: either all"),
            (
                r#"{"updates": [{"delta_t": 0}, {"delta_t": 3e9}, {"delta_t": 0}]}"#,
                "updates[0]: the distances reach back to before 1970",
            ),
            (r#"{"updates": [{"created_at": "never"}]}"#, "updates[0]: `never` is not a time"),
            (r#"{"updates": [{"delta_t": 1, "field1": {}}]}"#, "updates[0]: field1 is neither"),
            (&long, "updates[1]: field3 has 256 bytes"),
        ] {
            let error = read_json(body.as_bytes(), NOW).expect_err(body).to_string();
            assert!(error.contains(words), "{body:.80}: {error}");
        }
        for (body, words) in [
            ("updates=1,2", "time_format"),
            ("time_format=sometimes&updates=1,2", "time_format"),
            ("time_format=relative", "no updates"),
            ("time_format=relative&updates=1,2||3,4", "updates[1]"),
        ] {
            let error = read_csv(body.as_bytes(), NOW).expect_err(body).to_string();
            assert!(error.contains(words), "{body}: {error}");
        }
    }

    #[test]
    fn the_number_of_updates_is_bounded() {
        let json = |count| format!(r#"{{"updates": [{}]}}"#, vec![r#"{"delta_t":1}"#; count].join(","));
        let csv = |count| format!("time_format=relative&updates={}", vec!["1,2"; count].join("|"));
        assert_eq!(
            read_json(json(UPDATES_MAX).as_bytes(), NOW).expect("as many as can be").updates.len(),
            UPDATES_MAX
        );
        assert_eq!(
            read_csv(csv(UPDATES_MAX).as_bytes(), NOW).expect("as many as can be").updates.len(),
            UPDATES_MAX
        );
        for error in [
            read_json(json(UPDATES_MAX + 1).as_bytes(), NOW).expect_err("too many"),
            read_csv(csv(UPDATES_MAX + 1).as_bytes(), NOW).expect_err("too many"),
        ] {
            assert!(error.to_string().contains("more than 14400 updates"), "{error}");
        }
    }
}
