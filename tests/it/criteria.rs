//! `porta criteria check`: what it makes of databases that were made by use, in an environment like cron's.

use porta::domain::metrics::Traffic;
use rusqlite::TransactionBehavior;
use serde_json::{Value, json};

use crate::support::client::update_until;
use crate::support::remembered::{self, Minute};
use crate::support::watch::until;
use crate::support::wire::{exchange, request};
use crate::support::{Ended, Server, Workspace};

/// A check as cron makes it: nothing in the environment, another folder, the database by its path.
pub fn check(workspace: &Workspace, arguments: &[&str]) -> Ended {
    let db = workspace.db();
    let all = [&["criteria", "check", "--db", db.to_str().unwrap()], arguments].concat();
    workspace.command(&all).current_dir("/").output().unwrap().into()
}

/// The same, for programs; the code is the verdict's.
pub fn judged(workspace: &Workspace, arguments: &[&str]) -> Value {
    let ended = check(workspace, &[&["--format", "json"], arguments].concat());
    let check: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(ended.code, check["exit_code"].as_i64().map(|code| code as i32), "{ended:?}");
    check
}

pub fn of<'v>(check: &'v Value, list: &str, id: &str) -> &'v Value {
    let found = check[list].as_array().unwrap().iter().find(|item| item["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {check}"))
}

fn send_updates(server: &Server, key: &str, count: usize, headers: &[(&str, &str)]) {
    for _ in 0..count {
        let update = request("GET", &format!("/update?api_key={key}&field1=1"), headers, "");
        assert!(exchange(server, &update).starts_with("HTTP/1.1 200"));
    }
}

/// A CV of a machine under test says nothing: this one is not looked at.
fn without_cv(workspace: &Workspace) {
    let thresholds = "[criteria]\ncv_percent = 100000\n[yellow]\ncv_percent = 100000\n";
    std::fs::write(workspace.path().join("criteria.toml"), thresholds).unwrap();
}

#[test]
fn a_small_server_that_is_well_is_ok() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    without_cv(&workspace);
    let server = workspace.serve(&[]);
    send_updates(&server, &channel.write_key, 300, &[]);
    assert_eq!(server.stop().code, Some(0));
    let check = judged(&workspace, &[]);
    assert_eq!((&check["verdict"], &check["rung"]), (&json!("ok"), &json!("ok")), "{check:#}");
    assert_eq!(of(&check, "criteria", "p95")["evidence"]["samples"], 300);
    assert_eq!(of(&check, "criteria", "agents")["value"], 0.0);
    assert_eq!(of(&check, "criteria", "rps")["value"], 5.0, "300 in a minute, or it was the turn of one");
}

#[test]
fn a_database_that_nobody_has_used_is_unknown() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let check = judged(&workspace, &[]);
    assert_eq!((&check["verdict"], &check["rung"]), (&json!("unknown"), &Value::Null));
    let p95 = of(&check, "criteria", "p95");
    assert_eq!(
        (&p95["value"], &p95["status"], &p95["evidence"]),
        (&Value::Null, &json!("no_data"), &Value::Null)
    );
    assert_eq!(of(&check, "flags", "lock_errors")["raised"], Value::Null);
}

#[test]
fn generated_data_crosses_the_size() {
    let workspace = Workspace::new();
    let generated = workspace.porta(&["stress", "-q", "--generate-data", "3MB"]);
    assert_eq!(generated.code, Some(0), "{generated:?}");
    std::fs::write(
        workspace.path().join("criteria.toml"),
        "[criteria]\ndb_size = \"3200kB\"\n[yellow]\ndb_size = \"1MB\"\n",
    )
    .unwrap();
    let check_ = judged(&workspace, &[]);
    let size = of(&check_, "criteria", "db_size");
    assert_eq!((&check_["verdict"], &size["status"]), (&json!("warning"), &json!("near")), "{check_:#}");
    assert_eq!(of(&check_, "flags", "db_size_yellow")["raised"], true);
    std::fs::write(workspace.path().join("criteria.toml"), "[criteria]\ndb_size = \"2MB\"\n").unwrap();
    let check_ = judged(&workspace, &[]);
    assert_eq!(of(&check_, "criteria", "db_size")["status"], "crossed");
    assert_eq!(check_["verdict"], "warning", "nothing confirms it");
}

/// Another process that has a transaction open for longer than the busy timeout.
#[test]
fn a_lock_that_is_held_by_another_process_is_critical() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    without_cv(&workspace);
    let server = workspace.serve(&[]);
    send_updates(&server, &channel.write_key, 300, &[]);
    let mut other = workspace.database();
    let held = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let update = request("GET", &format!("/update?api_key={}&field1=1", channel.write_key), &[], "");
    assert!(exchange(&server, &update).starts_with("HTTP/1.1 503"));
    let meanwhile = check(&workspace, &["--no-store"]);
    assert!(meanwhile.stdout.contains("Verdict: ") && meanwhile.stderr.is_empty(), "{meanwhile:?}");
    held.rollback().unwrap();
    assert_eq!(server.stop().code, Some(0));
    let check = judged(&workspace, &[]);
    assert_eq!(check["verdict"], "critical", "{check:#}");
    assert_eq!(of(&check, "flags", "lock_errors")["raised"], true);
}

/// p95 and its kin as a run of a server that is slow now and then.
fn with_run(workspace: &Workspace, p95_ms: f64, cv: f64) {
    let run = workspace.porta(&["stress", "-q", "--rps", "50", "--duration", "1s"]);
    assert_eq!(run.code, Some(5), "too short to be valid: {run:?}");
    workspace
        .database()
        .execute(
            "UPDATE stress_test_runs SET validity = 'valid', p95_latency_ms = ?1, cv_latency = ?2, results_json = json_set(
               results_json, '$.validity.verdict', 'valid', '$.results.total', 6000, '$.results.p95_latency_ms', ?1,
               '$.results.cv_latency', ?2, '$.server', json('[]'))",
            [p95_ms, cv],
        )
        .unwrap();
}

#[test]
fn a_high_cv_is_critical_only_where_the_writer_is_saturated() {
    for (utilisation, verdict) in [(0.02, "warning"), (0.95, "critical")] {
        let workspace = remembered::database(&Minute { utilisation, ..Minute::QUIET }.repeated(5));
        with_run(&workspace, 0.33, 171.0);
        let check = judged(&workspace, &[]);
        let cv = of(&check, "criteria", "cv");
        assert_eq!((&check["verdict"], &cv["status"]), (&json!(verdict), &json!("crossed")), "{check:#}");
        assert_eq!(cv["confirmed_by"].is_string(), verdict == "critical");
    }
}

#[test]
fn a_run_counts_while_it_is_young_and_another_can_be_asked_for() {
    let workspace = remembered::database(&[Minute::QUIET]);
    with_run(&workspace, 1900.0, 10.0);
    let p95 = |arguments: &[&str]| of(&judged(&workspace, arguments), "criteria", "p95").clone();
    assert_eq!((&p95(&[])["value"], &p95(&[])["status"]), (&json!(1900.0), &json!("near")));
    assert_eq!(p95(&[])["evidence"]["source"]["id"], 1);
    let month = 31 * 86_400_000_i64;
    let database = workspace.database();
    database.execute("UPDATE stress_test_runs SET started_at_ms = started_at_ms - ?1", [month]).unwrap();
    assert_eq!(p95(&[])["evidence"]["source"]["kind"], "live");
    assert_eq!(p95(&["--run", "1"])["value"], 1900.0);
    let unknown = check(&workspace, &["--run", "7"]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.stderr.contains("run 7 not found"), "{}", unknown.stderr);
}

#[test]
fn a_run_that_no_check_would_take_is_said_to_be_such() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let run = workspace.porta(&["stress", "-q", "--rps", "50", "--duration", "1s"]);
    assert_eq!(run.code, Some(5), "too short to be valid: {run:?}");
    let check_ = judged(&workspace, &["--run", "1"]);
    let reason = check_["reason"].as_str().unwrap();
    assert!(reason.starts_with("run 1 is not valid (too-few-samples): 50 requests are too few"), "{reason}");
    let evidence = of(&check_, "criteria", "p95")["evidence"]["text"].as_str().unwrap();
    assert!(evidence.starts_with("run 1, ") && evidence.ends_with(", not valid"), "{evidence}");
    let line = check(&workspace, &["--run", "1", "--format", "nagios"]).stdout;
    assert!(line.contains(" - run 1 is not valid"), "{line}");
    let update = "UPDATE stress_test_runs SET results_json = json_set(results_json, '$.validity.verdict', 'valid', '$.status', ?1)";
    for (status, words) in [("cancelled", "run 1 was ended early; by its figures, "), ("completed", "")] {
        workspace.database().execute(update, [status]).unwrap();
        let check = judged(&workspace, &["--run", "1"]);
        let reason = check["reason"].as_str().unwrap();
        assert!(reason.starts_with(words) && reason.contains("run 1 ") != words.is_empty(), "{reason}");
    }
}

/// A weekly test sends more than the owner's devices do, and says so in each request.
#[test]
fn a_stress_run_crosses_neither_rps_nor_agents() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    std::fs::write(workspace.path().join("criteria.toml"), "[criteria]\nrps = 1\nagents = 2\n").unwrap();
    let token = "9f2c41d07be86a355c1e90fd72ab4836d1750ee2";
    let mut command = workspace.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
    command.env("PORTA_TOKEN", token);
    let server = Server::start(command);
    let mut stress =
        workspace.command(&["stress", "-q", "--url", &server.url, "--rps", "100", "--duration", "2s"]);
    let ended: Ended = stress.env("PORTA_API_KEY", &channel.write_key).output().unwrap().into();
    assert_ne!(ended.code, Some(1), "{ended:?}");
    for agent in 0..5 {
        let headers = [("X-PORTA-TOKEN", token), ("X-Porta-Run", "1"), ("Content-Type", "application/json")];
        let body = format!("{{\"agent_id\":\"agent-{agent}\"}}");
        let answer = exchange(&server, &request("POST", "/agent/status", &headers, &body));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(server.stop().code, Some(0));
    let check = judged(&workspace, &[]);
    for (id, value) in [("rps", 0.0), ("agents", 0.0)] {
        let criterion = of(&check, "criteria", id);
        assert_eq!((&criterion["value"], &criterion["status"]), (&json!(value), &json!("safe")), "{check:#}");
    }
}

#[test]
fn traffic_counts_within_the_window_and_its_busiest_minute_decides() {
    let minutes = [
        Minute { requests: 3600, ..Minute::QUIET },
        Minute { ago: 20, requests: 1200, agents: 6, ..Minute::QUIET },
        Minute {
            ago: 30,
            requests: 9000,
            traffic: Traffic::Stress,
            agents: 0,
            utilisation: 0.99,
            ..Minute::QUIET
        },
        Minute { ago: 200, status: 503, ..Minute::QUIET },
    ];
    let quiet = Minute { ago: 40, ..Minute::QUIET }.repeated(5);
    let workspace = remembered::database(&[&minutes[..], &quiet].concat());
    let check = judged(&workspace, &["--since", "2h"]);
    assert_eq!(of(&check, "criteria", "rps")["value"], 60.0);
    assert_eq!(of(&check, "criteria", "agents")["status"], "crossed");
    assert_eq!(of(&check, "flags", "server_errors")["raised"], false);
    assert_eq!(
        of(&check, "leading", "writer_utilisation")["value"],
        1.0,
        "minutes of a stress test do not count"
    );
    let check = judged(&workspace, &["--since", "4h"]);
    assert_eq!(of(&check, "flags", "server_errors")["raised"], true);
    assert_eq!(check["verdict"], "critical");
}

#[test]
fn settings_that_cost_are_found_in_the_installation() {
    let rising = |ago: i64| Minute { ago, checkpoint_lag: 100_000 - 1000 * ago as u64, ..Minute::QUIET };
    let workspace = remembered::database(&[8, 7, 6, 5, 4, 3].map(rising));
    let findings = |workspace: &Workspace| -> Vec<String> {
        let check = judged(workspace, &["--no-store"]);
        let findings = check["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(findings(&workspace), ["long_reader", "checkpoint_lag"]);
    workspace.database().pragma_update(None, "journal_mode", "DELETE").unwrap();
    assert!(findings(&workspace).contains(&"journal_mode".to_owned()));
    let header = std::fs::read(workspace.db()).unwrap()[18];
    assert_eq!(check(&workspace, &[]).code, Some(1));
    assert_eq!(std::fs::read(workspace.db()).unwrap()[18], header, "what is found is not mended");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_while_the_server_writes_at_full_speed() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("busy");
    let server = workspace.serve(&[]);
    let (urls, key) = ([server.url.clone()], channel.write_key.clone());
    let load = tokio::spawn(async move { update_until(&urls, &key, 8, 0, 4000, |_| {}).await });
    let checks = tokio::task::block_in_place(|| {
        let mut checks = 0;
        while !load.is_finished() {
            let ended = check(&workspace, &["--format", "nagios"]);
            assert!(ended.stdout.starts_with("PORTA ") && ended.stderr.is_empty(), "{ended:?}");
            checks += 1;
        }
        checks
    });
    let acknowledged = load.await.unwrap();
    let stored = workspace.entries(channel.id);
    assert_eq!((acknowledged.len(), stored.len()), (4000, 4000));
    let history = workspace.json(&["criteria", "history", "--limit", "10000", "--format", "json"]);
    assert_eq!(history.as_array().unwrap().len(), checks);
    assert!(checks > 0);
}

/// Without what differs from one moment to the next.
fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| !["checked_at", "age_seconds"].contains(&name.as_str()));
            members.values_mut().for_each(|member| *member = without_times(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times(item.take())),
        _ => {}
    }
    value
}

/// Also that the thresholds cannot be read, which is no mistake of who asks.
#[test]
fn the_api_says_what_the_command_prints() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let token = workspace.json(&["admin", "token", "create", "--format", "json"])["token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let server = workspace.serve(&[]);
    let ask = |path: &str| -> Value {
        let path = format!("/api/admin/criteria{path}");
        let answer = exchange(&server, &request("GET", &path, &[("Authorization", &bearer)], ""));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    // In the server's folder, since either names the file as it was told.
    let print = || -> Value {
        let check = ["criteria", "check", "--no-store", "--format", "json"];
        serde_json::from_str(&workspace.porta(&check).stdout).unwrap()
    };
    let thresholds = workspace.path().join("criteria.toml");
    std::fs::write(&thresholds, "[criteria]\nnonsense = 1\n").unwrap();
    let (asked, printed) = (ask(""), print());
    assert_eq!(without_times(asked), without_times(printed.clone()));
    assert_eq!(printed["verdict"], "unknown");
    assert!(printed["reason"].as_str().unwrap().contains("nonsense"), "{printed}");
    std::fs::remove_file(&thresholds).unwrap();
    // What was found out is said for some seconds, and the server writes now and then.
    until("both say the same", || {
        let (asked, printed) = (ask(""), print());
        asked["criteria"] != json!([]) && without_times(asked) == without_times(printed)
    });
    for _ in 0..2 {
        assert_eq!(workspace.porta(&["criteria", "check"]).code, Some(3));
    }
    let printed = workspace.json(&["criteria", "history", "--format", "json"]);
    assert_eq!(printed.as_array().map(Vec::len), Some(2), "{printed}");
    assert_eq!(ask("/history"), printed);
}
