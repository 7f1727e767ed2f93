//! `porta stress --generate-data`: the size, going on, real channels, a server beside it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use porta::domain::synthetic::CHANNEL_ROWS;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Workspace;
use crate::support::wire::{FORM, exchange, post};

fn generate(workspace: &Workspace, size: &str) -> Value {
    let output = workspace.porta(&["stress", "--generate-data", size, "--yes", "-q", "--format", "json"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap()
}

fn size(workspace: &Workspace) -> u64 {
    workspace.db().metadata().unwrap().len()
}

fn assert_size(workspace: &Workspace, wanted: u64) {
    let bytes = size(workspace);
    assert!((wanted..=wanted + wanted / 100).contains(&bytes), "{bytes} instead of {wanted}");
}

fn names(workspace: &Workspace) -> Vec<(String, u64)> {
    let channels = workspace.json(&["admin", "channel", "list", "--format", "json"]);
    let one = |channel: &Value| {
        (channel["name"].as_str().unwrap().to_owned(), channel["last_entry_id"].as_u64().unwrap())
    };
    channels.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_database_of_the_size_is_made_and_gone_on_with() {
    let workspace = Workspace::new();
    for wanted in [1_000_000, 3_000_000, 14_000_000] {
        let generated = generate(&workspace, &format!("{wanted}B"));
        assert_size(&workspace, wanted);
        assert!(generated["rows"].as_u64().unwrap() > 1000, "{generated}");
    }
    let before = size(&workspace);
    let again = workspace.porta(&["stress", "--generate-data", "14MB"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("already; nothing was added"), "{}", again.stdout);
    assert_eq!(size(&workspace), before);
    let channels = names(&workspace);
    assert_eq!((channels[0].0.as_str(), channels[0].1), ("synthetic 1", 100_000));
    assert_eq!(channels.len(), 2, "one is filled before the next");
    let whole = workspace.verified("porta.db");
    assert_eq!(whole["channels"][0]["entries"], 100_000);
    let entries = workspace.entries(1);
    assert!(entries.iter().all(|(_, temperature)| temperature.parse::<f64>().is_ok()));
}

#[test]
fn real_channels_are_not_filled_up_beside_without_a_yes() {
    let workspace = Workspace::new();
    workspace.create_channel("real");
    let refused = workspace.porta(&["stress", "--generate-data", "2MB"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("beside 1 real ones") && refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(names(&workspace), [("real".to_owned(), 0)]);
    generate(&workspace, "2MB");
    assert_size(&workspace, 2_000_000);
    assert_eq!(names(&workspace)[0], ("real".to_owned(), 0));
    for bad in ["999999", "x", "0", "2000GB"] {
        assert_eq!(workspace.porta(&["stress", "--generate-data", bad]).code, Some(2), "{bad}");
    }
    assert_eq!(workspace.porta(&["stress", "--generate-data", "2MB", "--channel", "1"]).code, Some(2));
}

#[test]
fn a_server_goes_on_beside_it_and_an_interrupted_one_is_gone_on_with() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let server = workspace.serve(&[]);
    let arguments = ["stress", "--generate-data", "4GB", "--yes", "--format", "json"];
    let mut command = workspace.command(&arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let Some(progress) = lines.next() else {
        let output = child.wait_with_output().unwrap();
        let reason = String::from_utf8(output.stderr).unwrap();
        assert!(reason.contains("the disk has"), "{reason}");
        return crate::support::skip("the disk has no room for 4 GB");
    };
    assert!(progress.contains("\"event\":\"progress\""), "{progress}");
    let update = post("/update", FORM, &format!("api_key={}&field1=x", channel.write_key));
    assert!(exchange(&server, &update).ends_with("\r\n\r\n1"), "devices are answered meanwhile");
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(last["interrupted"], true);
    let rows = |channels: &[(String, u64)]| channels[1..].iter().map(|(_, rows)| rows).sum::<u64>();
    let before = names(&workspace);
    let bytes = last["bytes"].as_u64().unwrap() + 2_000_000;
    generate(&workspace, &bytes.to_string());
    let after = names(&workspace);
    assert!(rows(&after) > rows(&before), "{before:?} {after:?}");
    // The one that was being filled was filled first, unless it was full in that very moment.
    let full = &after[1..after.len() - 1];
    assert!(full.iter().all(|(_, rows)| *rows == CHANNEL_ROWS), "{before:?} {after:?}");
}
