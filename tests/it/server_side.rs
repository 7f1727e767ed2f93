//! What the server says of itself stands beside what was measured.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rusqlite::TransactionBehavior;

use crate::support::Workspace;
use crate::support::watch::metric;

#[test]
fn load_the_server_is_shown_second_by_second() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--rps", "500", "--duration", "3s"]);
    let report = workspace.json(&["report", "--format", "json"]);
    let seconds = report["server"].as_array().unwrap();
    let numbers: Vec<_> = seconds.iter().map(|second| second["second"].as_u64().unwrap()).collect();
    assert!(numbers.starts_with(&[0, 1, 2]), "{numbers:?}");
    for second in &seconds[..3] {
        let number = |name: &str| second[name].as_f64().unwrap_or_else(|| panic!("{name} in {second:#}"));
        assert!(
            number("commit_ms") > 0.0 && number("longest_commit_ms") >= number("commit_ms"),
            "{second:#}"
        );
        assert!((0.0..=100.0).contains(&number("writer_utilisation_percent")), "{second:#}");
        assert!(number("writer_utilisation_percent") > 0.0 && number("wal_frames") > 0.0, "{second:#}");
    }
    assert!(ended.stdout.contains("server, at most: writer "), "{}", ended.stdout);
}

#[test]
fn load_the_slowest_second_has_its_cause() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("held up");
    let server = workspace.serve(&[]);
    let mut command =
        workspace.command(&["stress", "--url", &server.url, "--rps", "200", "--duration", "4s"]);
    command.env("PORTA_API_KEY", &channel.write_key).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut stress = command.spawn().unwrap();
    let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("1 s  sent")).expect("a first second");
    // Another process holds the database until all workers wait for it.
    let mut database = workspace.database();
    let held = database.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    while metric(&server, "porta_requests_in_flight") < 10.0 {
        std::thread::yield_now();
    }
    let busy = metric(&server, "porta_database_busy_wait_seconds_total");
    while metric(&server, "porta_database_busy_wait_seconds_total") < busy + 0.3 {
        std::thread::yield_now();
    }
    drop(held);
    lines.for_each(drop);
    let output = stress.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let told = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("slowest second: 0:0"), "{stdout}");
    assert!(told.contains("because another process held the database for"), "{stdout}");
    assert!(
        metric(
            &server,
            "porta_requests_total{method=\"GET\",route=\"/metrics\",traffic=\"stress\",status=\"2xx\"}"
        ) >= 4.0
    );
}
