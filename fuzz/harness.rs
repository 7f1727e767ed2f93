//! What must hold for any bytes that reach the device API. The fuzz targets run it without end, `tests/it/fuzz.rs` a
//! bounded number of times and on the corpus.

#![allow(dead_code, reason = "each fuzz target uses one of these")]

use porta::domain::aggregate::Aggregator;
use porta::domain::entry::{ROWS_MAX, Row, Stored};
use porta::domain::id::{ChannelId, EntryId};
use porta::domain::unit::UtcMillis;
use porta::domain::update::{FIELD_NAMES, Update, VALUE_BYTES_MAX};
use porta::domain::zone::Zone;
use porta::thingspeak::bulk::{self, UPDATES_MAX};
use porta::thingspeak::feed::{self, Format};
use porta::thingspeak::query::Query;
use porta::thingspeak::update::Draft;

/// 2026-01-01.
const NOW: UtcMillis = UtcMillis(1_767_225_600_000);

/// A body of `/update`: the first byte says whether as JSON or as a form.
pub fn update(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let mut draft = Draft::default();
    let read = if *kind == b'{' { draft.read_json(data) } else { draft.read_form(body) };
    if read.is_err() {
        return;
    }
    let (_, Ok(update)) = draft.finish() else { return };
    check(&update);
    shown_as_it_was(&update);
    assert_eq!(sent_again(&update), update, "what was read can be sent again");
}

fn check(update: &Update) {
    let values = update.values.iter().map(Option::as_deref).chain(update.texts());
    assert!(values.flatten().all(|value| value.len() <= VALUE_BYTES_MAX));
}

fn shown_as_it_was(update: &Update) {
    let stored =
        Stored { channel: ChannelId(1), id: EntryId(1), created_at: update.created_at().unwrap_or(NOW) };
    let json = feed::one(Format::Json, &Zone::Utc, "feed", &feed::stored(&stored, update), None);
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    for (name, value) in FIELD_NAMES.iter().zip(update.values.iter()) {
        assert_eq!(json[*name].as_str(), value.as_deref());
    }
    for format in [Format::Xml, Format::Csv] {
        let text = feed::one(format, &Zone::Utc, "feed", &feed::stored(&stored, update), None);
        String::from_utf8(text).expect("text");
    }
}

fn sent_again(update: &Update) -> Update {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in FIELD_NAMES.iter().zip(update.values.iter()) {
        value.iter().for_each(|value| _ = form.append_pair(name, value));
    }
    for (name, value) in ["latitude", "longitude", "elevation", "status"].iter().zip(update.texts()) {
        value.iter().for_each(|value| _ = form.append_pair(name, value));
    }
    let mut draft = Draft::default();
    draft.read_form(form.finish().as_bytes()).expect("values of the right length");
    let mut again = draft.finish().1.expect("something to store");
    if let Some(created_at) = update.created_at() {
        again.set_created_at(created_at);
    }
    // An empty place for details and none are the same.
    if again.details.is_none() && update.details.is_some() {
        again.details = update.details.clone();
    }
    again
}

/// A body of `bulk_update`, read both ways.
pub fn bulk(data: &[u8]) {
    for read in [bulk::read_json, bulk::read_csv] {
        if let Ok(bulk) = read(data, NOW) {
            assert!(bulk.updates.len() <= UPDATES_MAX);
            for update in &bulk.updates {
                check(update);
                assert!(update.created_at().is_some(), "each has a time");
            }
        }
    }
}

/// The query of a request that reads: ranges, zones, slots.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(at) = Zone::Utc.parse(&text) {
        let mut shown = String::new();
        Zone::Utc.write_rfc3339(at, &mut shown);
        let again = Zone::Utc.parse(&shown).expect("a time");
        assert_eq!(again.0.div_euclid(1000), at.0.div_euclid(1000));
    }
    let Ok(query) = Query::parse(&text) else { return };
    let Ok(zone) = query.zone("Europe/Berlin") else { return };
    let Ok(selection) = query.selection(&zone, NOW) else { return };
    assert!(selection.newest.is_none_or(|newest| newest <= ROWS_MAX));
    assert!(selection.newest.is_some() || query.aggregate.is_some(), "an answer is bounded");
    let Some(aggregate) = query.aggregate else { return };
    let newest = selection.to.min(NOW);
    let oldest = aggregate.slot.oldest_start(newest, query.rows_max(), &zone).max(selection.from).min(newest);
    let mut aggregator = Aggregator::new(aggregate, &zone);
    let mut rows: Vec<UtcMillis> = Vec::new();
    for created_at in [oldest, newest] {
        let row = Row { created_at, id: None, values: [Some("1,5"); 8], texts: [None; 4] };
        aggregator.push(&row, &mut |row| rows.push(row.created_at)).expect("few values");
    }
    aggregator.finish(&mut |row| rows.push(row.created_at));
    // Two more, for the changes of the clocks.
    assert!(rows.len() <= query.rows_max() as usize + 2, "{} rows", rows.len());
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
}
