//! `porta stress --tune-workers`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Workspace;

#[test]
fn load_settings_are_compared_in_turn_and_one_is_named() {
    let workspace = Workspace::new();
    let arguments =
        ["stress", "--tune-workers", "1,2", "--duration", "1s", "--rps", "100", "--output", "tuning.json"];
    let ended = workspace.porta(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("5 repeats of 1s in turn: about 20s in all"), "{}", ended.stderr);
    let turns: Vec<_> = ended.stderr.lines().filter_map(|line| line.split("--workers ").nth(1)).collect();
    let turns: Vec<_> = turns.iter().skip(1).map(|rest| rest.split_whitespace().next().unwrap()).collect();
    assert_eq!(turns, ["1", "2", "2", "1", "1", "2", "2", "1", "1", "2"]);
    let tuning: Value =
        serde_json::from_slice(&std::fs::read(workspace.path().join("tuning.json")).unwrap()).unwrap();
    assert_eq!(tuning["figure"], "p95_latency_ms");
    let settings = tuning["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 2);
    for setting in settings {
        assert_eq!(setting["repeats"].as_array().unwrap().len(), 5, "{setting:#}");
        assert_eq!((&setting["failed"], setting["repeats"][0]["total"].as_u64()), (&0.into(), Some(100)));
    }
    assert_eq!(settings[0]["difference"], Value::Null);
    assert!(settings[1]["difference"]["change"].is_number(), "{tuning:#}");
    let recommended = tuning["recommended"].as_u64().unwrap();
    let answer = format!(
        "Use {recommended}   {}: porta serve --workers {recommended}",
        tuning["reason"].as_str().unwrap()
    );
    assert!(ended.stdout.contains(&answer), "{}", ended.stdout);
    assert_eq!(workspace.json(&["report", "list", "--format", "json"]), serde_json::json!([]), "no runs");
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock", "tuning.json"]);
}

#[test]
fn load_tuning_takes_the_place_of_a_run_and_gives_it_back_when_it_is_stopped() {
    let workspace = Workspace::new();
    let mut command = workspace.command(&["stress", "--tune-workers", "1,2", "--duration", "10m"]);
    let mut tuning = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tuning.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("repeats of 10m")).expect("the announcement");
    let refused = workspace.porta(&["stress", "--duration", "1s"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("cannot start a run"), "{refused:?}");
    kill_process(Pid::from_raw(tuning.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    assert!(lines.last().unwrap().contains("stopped"));
    assert_eq!(tuning.wait().unwrap().code(), Some(130));
    assert_eq!(workspace.json(&["report", "list", "--format", "json"]), serde_json::json!([]));
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"]);
}

#[test]
fn settings_that_cannot_be_compared_are_refused() {
    let workspace = Workspace::new();
    for bad in ["1", "2,2", "0,1", "1,2,3,4,5,6,7,8,9", "x", ""] {
        assert_eq!(workspace.porta(&["stress", "--tune-workers", bad]).code, Some(2), "{bad}");
    }
}
