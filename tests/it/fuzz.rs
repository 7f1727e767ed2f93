//! The fuzz targets' harness: on the corpus, and on a bounded number of inputs made of what parsers stumble over.

use std::path::Path;

use proptest::prelude::*;

#[path = "../../fuzz/harness.rs"]
mod harness;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpus_holds() {
    for (target, run) in
        [("update", harness::update as fn(&[u8])), ("bulk", harness::bulk), ("query", harness::query)]
    {
        let inputs = corpus(target);
        assert!(inputs.len() >= 5, "{target} has {} inputs", inputs.len());
        inputs.iter().for_each(|input| run(input));
    }
}

/// Pieces in any order, with random bytes between them.
fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(of).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
        1 => "[0-9]{1,12}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const UPDATE: &[&str] = &[
    "{",
    "}",
    "\"",
    ":",
    ",",
    "field1",
    "8",
    "=",
    "&",
    "%",
    "%4",
    "%ff",
    "+",
    "null",
    "true",
    "-1.50e3",
    "[",
    "]",
    "\\u00e9",
    "\"field2\":",
    "created_at",
    "timezone",
    "Europe/Berlin",
    "2014-12-31 23:59:59",
    "lat",
    "status",
    "api_key",
    "\u{0}",
];
const BULK: &[&str] = &[
    "{\"updates\":[",
    "]}",
    "{\"delta_t\":",
    "\"created_at\":",
    "\"2018-06-14T12:12:22-0500\"",
    "1",
    "-1",
    "1e400",
    "}",
    ",",
    "\"field1\":",
    "\"write_api_key\":\"K\"",
    "time_format=absolute",
    "time_format=relative",
    "&",
    "updates=",
    "|",
    "1528978342",
    "2018-06-14 12:12:22",
    ",,,",
    "null",
    "%7C",
];
const QUERY: &[&str] = &[
    "results=",
    "days=",
    "minutes=",
    "start=",
    "end=",
    "&",
    "timezone=",
    "America/St_Johns",
    "offset=",
    "-3.5",
    "average=",
    "median=",
    "timescale=",
    "sum=",
    "daily",
    "10",
    "240",
    "720",
    "1440",
    "8000",
    "2014-12-31",
    " 23:59:59",
    "T",
    "Z",
    "+0530",
    "99999",
    "-9999-01-01",
    "callback=f",
    "round=",
    "min=",
    "start_entry_id=",
    "9223372036854775807",
    "%",
    "1e18",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_update_breaks_anything(data in pieces(UPDATE)) {
        harness::update(&data);
    }

    #[test]
    fn no_bulk_update_breaks_anything(data in pieces(BULK)) {
        harness::bulk(&data);
    }

    #[test]
    fn no_query_breaks_anything(data in pieces(QUERY)) {
        harness::query(&data);
    }

    #[test]
    fn no_bytes_break_anything(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        harness::update(&data);
        harness::bulk(&data);
        harness::query(&data);
    }
}
