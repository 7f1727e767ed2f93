//! Channels as CSV files: ThingSpeak's export, which porta reads, and porta's own, which reads back as it was,
//! but that an empty text and none are the same.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ErrorKind, StringRecord};

use super::record::{Record, Value, Writer};
use crate::domain::entry::Row;
use crate::domain::update::{FIELD_NAMES, TEXT_NAMES, Update, UpdateError};
use crate::domain::zone::Zone;

/// Bytes that one line may have: a quote that is never closed would make the rest of a file one.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It does not begin with the names of columns, one of them `created_at`.
    #[error(
        "line 1 does not name a column created_at; a ThingSpeak export begins with created_at,entry_id,field1,…"
    )]
    NoHeader,
    /// Nothing in it could be stored.
    #[error("line 1 names none of field1 to field8, nor a position or a status")]
    NoFields,
    /// A line that cannot be stored.
    #[error("line {line}: {error}")]
    Line {
        /// From 1.
        line: u64,
        /// Why not.
        error: UpdateError,
    },
    /// A line that is not like the first.
    #[error(
        "line {line}: its number of columns is {columns}, line 1 names {expected}; is it cut off, or a quote not closed?"
    )]
    Columns {
        /// From 1.
        line: u64,
        /// Of this line.
        columns: u64,
        /// Of the first.
        expected: u64,
    },
    /// A line that is no text.
    #[error("line {0}: it is not UTF-8")]
    NoText(u64),
    /// It cannot be read.
    #[error("{0}")]
    Csv(csv::Error),
}

impl From<csv::Error> for ImportError {
    fn from(error: csv::Error) -> Self {
        let line = |position: &Option<csv::Position>| position.as_ref().map_or(0, csv::Position::line);
        match error.kind() {
            ErrorKind::UnequalLengths { pos, expected_len, len } => {
                Self::Columns { line: line(pos), columns: *len, expected: *expected_len }
            }
            ErrorKind::Utf8 { pos, .. } => Self::NoText(line(pos)),
            _ => Self::Csv(error),
        }
    }
}

/// Reads the entries of a file, in its order. Each has the time that the file gives it; their ids will be new ones.
pub struct Import<R> {
    reader: csv::Reader<Bounded<R>>,
    /// Bytes read since the last line was complete.
    line_bytes: Arc<AtomicU64>,
    zone: Zone,
    time: usize,
    /// Columns that are stored: their place, and their name in an update.
    columns: Vec<(usize, &'static str)>,
    record: StringRecord,
}

impl<R: Read> Import<R> {
    /// Reads the names of the columns. Times without an offset are in `zone`.
    ///
    /// # Errors
    /// When it is not an export.
    pub fn begin(file: R, zone: Zone) -> Result<Self, ImportError> {
        let line_bytes = Arc::new(AtomicU64::new(0));
        let file = Bounded { file, line_bytes: Arc::clone(&line_bytes) };
        let mut reader = csv::Reader::from_reader(file);
        let names: Vec<String> = reader
            .headers()?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase())
            .collect();
        let time = names.iter().position(|name| name == "created_at").ok_or(ImportError::NoHeader)?;
        let stored = FIELD_NAMES.into_iter().chain(TEXT_NAMES);
        let columns: Vec<_> = stored
            .filter_map(|stored| Some((names.iter().position(|name| name == stored)?, stored)))
            .collect();
        if columns.is_empty() {
            return Err(ImportError::NoFields);
        }
        Ok(Self { reader, line_bytes, zone, time, columns, record: StringRecord::new() })
    }

    fn update(&self) -> Result<Update, UpdateError> {
        let mut update = Update::default();
        let cell = |column: usize| self.record.get(column).unwrap_or_default();
        update.set_created_at(self.zone.parse(cell(self.time)).map_err(UpdateError::Time)?);
        for (column, name) in &self.columns {
            if !cell(*column).is_empty() {
                update.set(name, cell(*column))?;
            }
        }
        Ok(update)
    }
}

/// A file that fails when it has no end of a line for too long.
struct Bounded<R> {
    file: R,
    line_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line_bytes.load(Ordering::Relaxed) > LINE_BYTES_MAX {
            let message = format!("a line is longer than {LINE_BYTES_MAX} bytes; is a quote not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.file.read(buffer)?;
        self.line_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Read> Iterator for Import<R> {
    type Item = Result<Update, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line_bytes.store(0, Ordering::Relaxed);
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Some(self.update().map_err(|error| ImportError::Line { line, error }))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// Writes entries as lines of CSV, with everything they have. Times are to the millisecond.
#[derive(Debug)]
pub struct Export {
    writer: Writer<'static>,
}

const UTC: Zone = Zone::Utc;

impl Export {
    /// At the beginning of a file: with the names of the columns.
    pub fn start() -> Self {
        let mut export = Self::resume();
        let names = ["created_at", "entry_id"].into_iter().chain(FIELD_NAMES).chain(TEXT_NAMES);
        export.writer.csv_names(&names.map(|name| (name, Value::NoText)).collect());
        export
    }

    /// Somewhere in a file.
    pub fn resume() -> Self {
        Self { writer: Writer::new(&UTC) }
    }

    /// An entry.
    pub fn row(&mut self, row: &Row<'_>) {
        let mut record: Record<'_> = Vec::with_capacity(14);
        record.push(("created_at", Value::Text(row.created_at.to_string().into())));
        record.push(("entry_id", row.id.map_or(Value::NoInteger, |id| Value::Integer(id.0))));
        for (name, value) in
            FIELD_NAMES.into_iter().zip(row.values).chain(TEXT_NAMES.into_iter().zip(row.texts))
        {
            record.push((name, Value::text(value)));
        }
        self.writer.csv_values(&record);
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> usize {
        self.writer.bytes()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::EntryId;
    use crate::domain::unit::UtcMillis;
    use proptest::prelude::*;

    fn import(file: &str) -> Result<Vec<Update>, ImportError> {
        Import::begin(file.as_bytes(), Zone::Utc)?.collect()
    }

    #[test]
    fn what_thingspeak_exports() {
        for file in [
            "created_at,entry_id,field1,field2,latitude,longitude,elevation,status\n\
             2014-02-26 12:42:49 UTC,6060624,188,25.90,,,,\n\
             2014-02-26 12:43:04 UTC,6060625,164,,40.44,-79.9965,300,\"on, again\"\n",
            "\u{feff}Created_At,entry_id,field1,field2,latitude,longitude,elevation,status\r\n\
             2014-02-26T12:42:49+00:00,1,188,25.90,,,,\r\n2014-02-26T07:43:04-05:00,2,164,,40.44,-79.9965,300,\"on, again\"\r\n",
        ] {
            let updates = import(file).expect("updates");
            let times: Vec<_> =
                updates.iter().map(|update| update.created_at().map(|at| at.to_string())).collect();
            assert_eq!(times[0].as_deref(), Some("2014-02-26T12:42:49.000Z"));
            assert_eq!(times[1].as_deref(), Some("2014-02-26T12:43:04.000Z"));
            assert_eq!(updates[0].values[1].as_deref(), Some("25.90"));
            assert_eq!(updates[1].values[1], None);
            assert_eq!(updates[1].texts(), [Some("40.44"), Some("-79.9965"), Some("300"), Some("on, again")]);
        }
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        let long = format!("created_at,field1\n2014-02-26,1\n2014-02-26,{}\n", "x".repeat(256));
        for (file, words) in [
            ("", "line 1 does not name"),
            ("PK\u{3}\u{4}\n", "line 1 does not name"),
            ("created_at,entry_id\n", "line 1 names none"),
            ("created_at,field1\n2014-02-26,1\nyesterday,2\n", "line 3: `yesterday` is not a time"),
            (&long, "line 3: field1 has 256 bytes"),
            (
                "created_at,field1\n2014-02-26,1\n2014-02-26\n",
                "line 3: its number of columns is 1, line 1 names 2",
            ),
            (
                "created_at,field1,field2\n2014-02-26,\"1,2\n2014-02-27,1,2\n",
                "line 2: its number of columns is 2, line 1 names 3; is it cut off, or a quote",
            ),
        ] {
            let error = import(file).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
        let error =
            Import::begin(&b"created_at,field1\n2014-02-26,\xff\n"[..], Zone::Utc).expect("a header").next();
        let error = error.expect("a line").expect_err("not UTF-8").to_string();
        assert!(error.contains("line 2") && error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let file = std::iter::repeat_n(b'x', 3 * LINE_BYTES_MAX as usize).collect::<Vec<_>>();
        let file = [b"created_at,field1\n2014-02-26,\"", &file[..]].concat();
        let mut updates = Import::begin(&file[..], Zone::Utc).expect("a header");
        let error = updates.next().expect("a line").expect_err("too long").to_string();
        assert!(error.contains("longer than 1048576 bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_exported_imports_as_it_was(
            seconds in 0_i64..4_000_000_000, millis in 0_i64..1000,
            values in proptest::array::uniform8(proptest::option::of("\\PC{1,20}")),
            texts in proptest::array::uniform4(proptest::option::of("[a-z,\"\n\r]{1,20}")),
        ) {
            let row = Row {
                created_at: UtcMillis(seconds * 1000 + millis),
                id: Some(EntryId(1)),
                values: values.each_ref().map(|value| value.as_deref()),
                texts: texts.each_ref().map(|text| text.as_deref()),
            };
            let mut export = Export::start();
            export.row(&row);
            let file = String::from_utf8(export.into_bytes()).expect("text");
            let updates = import(&file).expect("an update");
            prop_assert_eq!(updates.len(), 1);
            prop_assert_eq!(updates[0].created_at(), Some(row.created_at));
            let read: Vec<_> = updates[0].values.iter().map(Option::as_deref).collect();
            prop_assert_eq!(&read[..], &row.values[..]);
            prop_assert_eq!(updates[0].texts(), row.texts);
        }
    }
}
