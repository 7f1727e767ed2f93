//! `porta stress` from the outside: the private server, the rows, Ctrl+C, the output.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Ended, Workspace};

fn report(workspace: &Workspace) -> Value {
    workspace.json(&["report", "--format", "json"])
}

fn count(report: &Value, name: &str) -> u64 {
    report["results"][name].as_u64().unwrap_or_else(|| panic!("{name} in {report:#}"))
}

/// A run is graded, or it says that the generator was the limit: both are honest on a busy machine.
fn assert_graded_or_limited(ended: &Ended, report: &Value) {
    match report["validity"]["verdict"].as_str() {
        Some("valid") => assert_eq!((ended.code, report["grade"].is_object()), (Some(0), true), "{ended:?}"),
        Some("generator-limited") => {
            assert_eq!((ended.code, report["grade"].is_null()), (Some(5), true), "{ended:?}")
        }
        other => panic!("{other:?}: {ended:?}"),
    }
}

#[test]
fn load_a_private_server_is_measured_reconciled_and_thrown_away() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--rps", "300", "--duration", "2s"]);
    let report = report(&workspace);
    assert_graded_or_limited(&ended, &report);
    assert_eq!((count(&report, "total"), count(&report, "success")), (600, 600));
    assert_eq!(count(&report, "rows_stored"), 600);
    assert_eq!(report["run_id"], 1);
    assert!(ended.stdout.contains("all there"), "{}", ended.stdout);
    assert!(
        ended.stderr.starts_with("porta stress → a private server, http://127.0.0.1:"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("\n     1 s  sent "), "{}", ended.stderr);
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"], "the private server's folder is gone");
}

#[test]
fn load_rows_of_another_server_lie_between_successes_and_unknowns() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("target");
    let server = workspace.serve(&[]);
    let id = channel.id.to_string();
    let arguments = [
        "stress",
        "--url",
        &server.url,
        "--channel",
        &id,
        "--rps",
        "max",
        "--duration",
        "1s",
        "--workers",
        "20",
        "--keep-rows",
        "-q",
    ];
    let output = workspace.command(&arguments).env("PORTA_API_KEY", &channel.write_key).output().unwrap();
    let ended: Ended = output.into();
    let report = report(&workspace);
    assert_graded_or_limited(&ended, &report);
    assert_eq!(ended.stderr, "", "quiet is quiet");
    assert_eq!(report["config"]["target_rps"], Value::Null);
    assert_eq!(report["results"]["efficiency"], Value::Null);
    let rows = workspace.entries(channel.id).len() as u64;
    assert!(count(&report, "success") > 0);
    assert_eq!(count(&report, "unknown"), 0, "nothing timed out");
    assert_eq!(rows, count(&report, "success"));
}

#[test]
fn load_rows_of_a_killed_server_lie_between_successes_and_unknowns() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("killed");
    let server = workspace.serve(&[]);
    let arguments = [
        "stress",
        "--url",
        &server.url,
        "--rps",
        "2000",
        "--duration",
        "3s",
        "--timeout",
        "1s",
        "--keep-rows",
    ];
    let mut command = workspace.command(&arguments);
    command.env("PORTA_API_KEY", &channel.write_key).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut stress = command.spawn().unwrap();
    let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines();
    lines.by_ref().map(Result::unwrap).find(|line| line.contains("1 s  sent")).expect("a first second");
    server.kill();
    lines.for_each(drop);
    stress.wait().unwrap();
    let report = report(&workspace);
    let rows = workspace.entries(channel.id).len() as u64;
    let (success, unknown) = (count(&report, "success"), count(&report, "unknown"));
    assert!(success > 0 && count(&report, "failed") > 0, "{report:#}");
    assert!(success <= rows && rows <= success + unknown, "{success} ≤ {rows} ≤ {success} + {unknown}");
}

#[test]
fn load_ctrl_c_ends_the_run_and_keeps_the_report() {
    let workspace = Workspace::new();
    let mut command = workspace.command(&["stress", "--rps", "300", "--duration", "10m", "--format", "json"]);
    let mut stress = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(stress.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut events: Vec<Value> = Vec::new();
    for line in lines {
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "progress" && events.len() == 1 {
            kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
        }
        events.push(event);
    }
    assert_eq!(stress.wait().unwrap().code(), Some(130));
    let kinds: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"start"));
    assert_eq!(kinds.last(), Some(&"report"));
    let (sent, progress) = kinds[1..kinds.len() - 1].split_last().unwrap();
    assert!(*sent == "sent" && progress.iter().all(|kind| *kind == "progress"), "{kinds:?}");
    let sent = &events[events.len() - 2]["progress"];
    let results = &events.last().unwrap()["report"]["results"];
    assert_eq!((&sent["total"], &sent["remaining"]), (&results["total"], &0.0.into()), "{sent}");
    let report = report(&workspace);
    assert_eq!(&report, &events.last().unwrap()["report"]);
    assert_eq!(report["status"], "cancelled");
    assert_eq!(count(&report, "success"), count(&report, "rows_stored"));
}

#[test]
fn load_what_a_killed_run_left_behind_is_deleted_by_the_next() {
    let workspace = Workspace::new();
    let mut command = workspace.command(&["stress", "--rps", "10", "--duration", "10m"]);
    let mut stress = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let first_line = BufReader::new(stress.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    let address = first_line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    stress.kill().unwrap();
    stress.wait().unwrap();
    assert!(workspace.files().iter().any(|name| name.starts_with(".porta-stress-")));
    while std::net::TcpStream::connect(&address).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]).code, Some(5));
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"]);
}

#[test]
fn a_run_of_too_few_requests_has_no_grade() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains("NOT VALID   10 requests are too few for a p95"), "{}", ended.stdout);
    let report = report(&workspace);
    assert_eq!((&report["grade"], &report["validity"]["verdict"]), (&Value::Null, &"too-few-samples".into()));
}

#[test]
fn secrets_do_not_reach_report_database_or_output() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("secret");
    let server = workspace.serve(&[]);
    let arguments =
        ["stress", "--url", &server.url, "--rps", "10", "--duration", "1s", "--log-level", "trace"];
    let output = workspace.command(&arguments).env("PORTA_API_KEY", &channel.write_key).output().unwrap();
    let ended: Ended = output.into();
    let text = format!("{}{}{}", ended.stdout, ended.stderr, report(&workspace));
    assert!(!text.contains(&channel.write_key), "{text}");
    assert_eq!(server.stop().code, Some(0));
    let database = std::fs::read(workspace.db()).unwrap();
    let key = channel.write_key.as_bytes();
    assert!(!database.windows(key.len()).any(|window| window == key), "the key is stored as a hash only");
}
