//! Feeds: a channel and its entries as JSON, XML, CSV or text.

use std::borrow::Cow;

use super::query::Query;
use super::record::{Record, Value, Writer};
use crate::domain::channel::{Channel, FIELDS};
use crate::domain::entry::{Order, Row, Stored};
use crate::domain::number;
use crate::domain::unit::UtcMillis;
use crate::domain::update::{FIELD_NAMES, Update};
use crate::domain::zone::Zone;

/// Bytes of a usual feed of a hundred entries, so that it need not grow while it is written.
const FEED_BYTES: usize = 16 * 1024;
const XML_PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.json`.
    Json,
    /// `.xml`.
    Xml,
    /// `.csv`.
    Csv,
    /// `.txt`, and where there is no suffix.
    Text,
}

impl Format {
    /// By the suffix of a path, without the dot.
    pub fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "json" => Some(Self::Json),
            "xml" => Some(Self::Xml),
            "csv" => Some(Self::Csv),
            "txt" | "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// What of its entries a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Every field that has a label.
    Fields,
    /// One field, from 0.
    Field(usize),
    /// The status only.
    Status,
}

/// What becomes of a row: which values, and how they are printed.
#[derive(Clone, Debug)]
pub struct Columns {
    id: bool,
    fields: [bool; FIELDS],
    location: bool,
    status: bool,
    min: Option<f64>,
    max: Option<f64>,
    round: Option<u8>,
}

impl Columns {
    /// As a request asks for them.
    pub fn new(channel: &Channel, shown: Shown, query: &Query) -> Self {
        let labels = channel.settings.labels.each();
        let fields = std::array::from_fn(|index| match shown {
            Shown::Fields => labels[index].is_some(),
            Shown::Field(field) => field == index && labels[index].is_some(),
            Shown::Status => false,
        });
        let aggregated = query.aggregate.is_some();
        Self {
            id: !aggregated,
            fields,
            location: query.location && !aggregated,
            status: (query.status || shown == Shown::Status) && !aggregated,
            min: query.min,
            max: query.max,
            round: query.round,
        }
    }

    /// The fields that appear.
    pub fn fields(&self) -> [bool; FIELDS] {
        self.fields
    }

    /// Whether no number of a row is below `min` or above `max`. What is no number passes.
    pub fn pass(&self, row: &Row<'_>) -> bool {
        if self.min.is_none() && self.max.is_none() {
            return true;
        }
        let shown = row.values.iter().zip(self.fields).filter_map(|(value, shown)| value.filter(|_| shown));
        shown.filter_map(number::parse).all(|number| {
            self.min.is_none_or(|min| number.value >= min) && self.max.is_none_or(|max| number.value <= max)
        })
    }

    /// The row's values with their names.
    pub fn record<'a>(&self, row: &Row<'a>) -> Record<'a> {
        let mut record: Record<'a> = Vec::with_capacity(2 + FIELDS + row.texts.len());
        self.each(row, |name, value| record.push((name, value)));
        record
    }

    /// Gives each of the row's values with its name.
    fn each<'a>(&self, row: &Row<'a>, mut give: impl FnMut(&'static str, Value<'a>)) {
        give("created_at", Value::Time(row.created_at));
        if self.id {
            give("entry_id", row.id.map_or(Value::NoInteger, |id| Value::Integer(id.0)));
        }
        for index in (0..FIELDS).filter(|index| self.fields[*index]) {
            give(FIELD_NAMES[index], self.value(row.values[index]));
        }
        let [latitude, longitude, elevation, status] = row.texts;
        if self.location {
            give("latitude", Value::decimal(latitude));
            give("longitude", Value::decimal(longitude));
            give("elevation", Value::text(elevation));
        }
        if self.status {
            give("status", Value::text(status));
        }
    }

    fn value<'a>(&self, value: Option<&'a str>) -> Value<'a> {
        match (value, self.round) {
            (Some(text), Some(decimals)) => Value::Text(match number::parse(text) {
                Some(number) => Cow::Owned(number::rounded(number, decimals)),
                None => Cow::Borrowed(text),
            }),
            (value, _) => Value::text(value),
        }
    }
}

/// A channel, as it stands above its entries. What it does not have does not appear.
pub fn channel_head<'a>(channel: &'a Channel, shown: Shown, query: &Query) -> Record<'a> {
    let settings = &channel.settings;
    let mut head: Record<'a> = Vec::with_capacity(20);
    let whole = shown != Shown::Status;
    if whole {
        head.push(("id", Value::Integer(channel.id.0)));
    }
    head.push(("name", Value::Text(Cow::Borrowed(&settings.name))));
    if whole && !settings.description.is_empty() {
        head.push(("description", Value::Text(Cow::Borrowed(&settings.description))));
    }
    if query.metadata {
        head.push(("metadata", Value::text(settings.metadata.as_deref())));
    }
    let places = [("latitude", &settings.latitude), ("longitude", &settings.longitude)];
    head.extend(
        places.into_iter().filter_map(|(name, place)| Some((name, Value::Decimal(place.as_deref()?)))),
    );
    for (index, label) in settings.labels.each().into_iter().enumerate() {
        let wanted = shown == Shown::Fields || shown == Shown::Field(index);
        head.extend(label.filter(|_| wanted).map(|label| (FIELD_NAMES[index], Value::text(Some(label)))));
    }
    if whole {
        head.push(("created_at", Value::Time(channel.created_at)));
        head.push(("updated_at", Value::Time(channel.updated_at)));
    }
    head.extend(settings.elevation.as_deref().map(|elevation| ("elevation", Value::text(Some(elevation)))));
    if whole {
        let last = channel.last_entry_id;
        head.push(("last_entry_id", if last == 0 { Value::NoInteger } else { Value::Integer(last) }));
    }
    head
}

/// A channel and many of its entries, which come in one order of time and are shown with the oldest first.
#[derive(Debug)]
pub struct Feed<'z, 'q> {
    writer: Writer<'z>,
    format: Format,
    columns: Columns,
    callback: Option<&'q str>,
    /// Where each entry begins.
    starts: Vec<usize>,
    oldest: Option<UtcMillis>,
}

impl<'z, 'q> Feed<'z, 'q> {
    /// Writes what stands above the entries.
    pub fn begin(format: Format, zone: &'z Zone, channel: &Channel, shown: Shown, query: &'q Query) -> Self {
        let columns = Columns::new(channel, shown, query);
        let callback = query.callback.as_deref().filter(|_| matches!(format, Format::Json | Format::Text));
        let mut writer = Writer::with_capacity(zone, FEED_BYTES);
        match format {
            Format::Json | Format::Text => {
                begin_call(&mut writer, callback);
                writer.raw("{\"channel\":");
                writer.json_object(&channel_head(channel, shown, query));
                writer.raw(",\"feeds\":[");
            }
            Format::Xml => {
                writer.raw(XML_PROLOGUE);
                writer.raw("<channel>\n");
                writer.xml_elements(&channel_head(channel, shown, query), 1);
                writer.raw("  <feeds type=\"array\">\n");
            }
            Format::Csv => {
                let nothing = Row {
                    created_at: channel.created_at,
                    id: None,
                    values: [None; FIELDS],
                    texts: [None; 4],
                };
                writer.csv_names(&columns.record(&nothing));
            }
        }
        Self { writer, format, columns, callback, starts: Vec::new(), oldest: None }
    }

    /// The fields that appear.
    pub fn fields(&self) -> [bool; FIELDS] {
        self.columns.fields()
    }

    /// Writes an entry, unless `min` and `max` exclude it.
    pub fn row(&mut self, row: &Row<'_>) {
        let Self { writer, columns, oldest, .. } = self;
        *oldest = Some(oldest.map_or(row.created_at, |oldest| oldest.min(row.created_at)));
        if !columns.pass(row) {
            return;
        }
        self.starts.push(writer.bytes());
        match self.format {
            Format::Json | Format::Text => {
                // The comma of the last one is taken away in the end.
                writer.raw("{");
                let mut first = true;
                columns.each(row, |name, value| {
                    writer.json_member(first, name, &value);
                    first = false;
                });
                writer.raw("},");
            }
            Format::Xml => {
                writer.raw("    <feed>\n");
                writer.xml_elements(&columns.record(row), 3);
                writer.raw("    </feed>\n");
            }
            Format::Csv => writer.csv_values(&columns.record(row)),
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> usize {
        self.writer.bytes()
    }

    /// The oldest time among the entries that came, those that `min` and `max` exclude too.
    pub fn oldest(&self) -> Option<UtcMillis> {
        self.oldest
    }

    /// Writes what stands below the entries, and returns everything. `came` is the order in which the entries came.
    pub fn finish(mut self, came: Order) -> Vec<u8> {
        if came == Order::NewestFirst {
            self.writer.reverse(&self.starts);
        }
        match self.format {
            Format::Json | Format::Text => {
                if !self.starts.is_empty() {
                    self.writer.take_back(1);
                }
                self.writer.raw("]}");
                end_call(&mut self.writer, self.callback);
            }
            Format::Xml => self.writer.raw("  </feeds>\n</channel>\n"),
            Format::Csv => {}
        }
        self.writer.into_bytes()
    }
}

/// One entry. As text it is the value of the field or the status that is shown, between what the query prepends and
/// appends; where all fields are shown it is JSON.
pub fn entry(
    format: Format,
    zone: &Zone,
    columns: &Columns,
    shown: Shown,
    row: &Row<'_>,
    query: &Query,
) -> Vec<u8> {
    let record = columns.record(row);
    let text = match shown {
        Shown::Fields => None,
        Shown::Field(field) => record.iter().find(|(name, _)| *name == FIELD_NAMES[field]),
        Shown::Status => record.iter().find(|(name, _)| *name == "status"),
    };
    match (format, shown) {
        (Format::Text, Shown::Field(_) | Shown::Status) => {
            let value = match text {
                Some((_, Value::Text(text))) => text,
                _ => "",
            };
            format!("{}{value}{}", query.prepend, query.append).into_bytes()
        }
        _ => one(format, zone, "feed", &record, query.callback.as_deref()),
    }
}

/// One record on its own. As text it is JSON.
pub fn one(format: Format, zone: &Zone, root: &str, record: &Record<'_>, callback: Option<&str>) -> Vec<u8> {
    let mut writer = Writer::new(zone);
    match format {
        Format::Json | Format::Text => {
            begin_call(&mut writer, callback);
            writer.json_object(record);
            end_call(&mut writer, callback);
        }
        Format::Xml => {
            writer.raw(XML_PROLOGUE);
            writer.raw(&format!("<{root}>\n"));
            writer.xml_elements(record, 1);
            writer.raw(&format!("</{root}>\n"));
        }
        Format::Csv => {
            writer.csv_names(record);
            writer.csv_values(record);
        }
    }
    writer.into_bytes()
}

fn begin_call(writer: &mut Writer<'_>, callback: Option<&str>) {
    if let Some(function) = callback {
        writer.raw(function);
        writer.raw("(");
    }
}

fn end_call(writer: &mut Writer<'_>, callback: Option<&str>) {
    if callback.is_some() {
        writer.raw(")");
    }
}

/// What `/update.json` and `/update.xml` answer: everything an entry has, nothing left out.
pub fn stored<'a>(stored: &Stored, update: &'a Update) -> Record<'a> {
    let mut record: Record<'a> = Vec::with_capacity(15);
    record.push(("channel_id", Value::Integer(stored.channel.0)));
    for (name, value) in FIELD_NAMES.into_iter().zip(update.values.iter()) {
        record.push((name, Value::text(value.as_deref())));
    }
    let [latitude, longitude, elevation, status] = update.texts();
    record.extend([
        ("created_at", Value::Time(stored.created_at)),
        ("entry_id", Value::Integer(stored.id.0)),
        ("status", Value::text(status)),
        ("latitude", Value::decimal(latitude)),
        ("longitude", Value::decimal(longitude)),
        ("elevation", Value::text(elevation)),
    ]);
    record
}
