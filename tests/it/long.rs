//! What shows only after a while: `scripts/test --long`.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Server, Workspace};

/// How long the load goes on.
const MINUTES: usize = 10;
/// What the log may come to: ten times what it takes between two checkpoints.
const WAL_BYTES_MAX: f64 = 40.0 * 1024.0 * 1024.0;
/// By how much the last minutes' memory may be over that of the second to the fourth.
const MEMORY_GROWTH_MAX: f64 = 1.15;

async fn value(server: &Server, name: &str) -> f64 {
    let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// Writing, reading, and entries that expire, all the time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes"]
async fn load_ten_minutes_of_load_keep_memory_and_log_bounded() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("long");
    let id = channel.id.to_string();
    assert_eq!(workspace.porta(&["admin", "channel", "edit", &id, "--retention", "1m"]).code, Some(0));
    let server = workspace.serve(&[]);
    let seconds = format!("{}s", MINUTES * 60);
    let arguments = ["stress", "--url", &server.url, "--rps", "2000", "--workers", "20", "--quiet"];
    let report = ["--db", "report.db", "--output", "report.json", "--duration", &seconds];
    let mut stress = workspace.command(&[&arguments[..], &report].concat());
    let mut stress = stress.env("PORTA_API_KEY", &channel.write_key).spawn().unwrap();
    let reading = {
        let url =
            format!("{}/channels/{id}/feeds.json?results=100&api_key={}", server.url, channel.write_key);
        tokio::spawn(async move {
            let mut turn = tokio::time::interval(Duration::from_millis(20));
            loop {
                turn.tick().await;
                assert!(reqwest::get(&url).await.unwrap().status().is_success());
            }
        })
    };
    let mut memory = Vec::new();
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    minute.tick().await;
    for _ in 0..MINUTES {
        minute.tick().await;
        memory.push(value(&server, "process_resident_memory_bytes").await);
        let log = value(&server, "porta_wal_bytes").await;
        assert!(log < WAL_BYTES_MAX, "the log has {log} bytes");
    }
    reading.abort();
    assert!(reading.await.is_err_and(|error| error.is_cancelled()), "reading went on");
    assert!(stress.wait().unwrap().code().is_some_and(|code| [0, 5].contains(&code)));
    let report = std::fs::read(workspace.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["results"]["failed"], 0, "{}", report["results"]["errors"]);
    // The first minute fills caches and the memory of the allocator.
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let (early, late) = (largest(&memory[1..4]), largest(&memory[MINUTES - 3..]));
    assert!(late <= early * MEMORY_GROWTH_MAX, "memory grew: {memory:?}");
    assert_eq!(server.stop().code, Some(0));
}
