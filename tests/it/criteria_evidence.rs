//! Where `porta criteria check` takes its evidence from, and what it leaves out.

use porta::clock;
use porta::domain::metrics::Traffic;
use serde_json::{Value, json};

use crate::criteria::{check, judged, of};
use crate::support::Workspace;
use crate::support::remembered::{self, MINUTE, Minute};

/// Agents that were last seen so many minutes ago.
fn add_agents(workspace: &Workspace, count: usize, ago: i64) {
    let at = clock::utc().0 - ago * MINUTE;
    for number in 0..count {
        let insert = "INSERT INTO agents (id, created_at_ms, last_seen_at_ms, last_live_at_ms) VALUES (?1, ?2, ?2, ?2)";
        workspace.database().execute(insert, (format!("agent-{ago}-{number}"), at)).unwrap();
    }
}

fn agents(workspace: &Workspace, arguments: &[&str]) -> Value {
    of(&judged(workspace, arguments), "criteria", "agents").clone()
}

#[test]
fn agents_are_of_the_window_or_of_now_and_say_so() {
    let workspace = remembered::database(&[
        Minute { ago: 30, agents: 6, ..Minute::QUIET },
        Minute { ago: 20, ..Minute::QUIET },
    ]);
    let of_window = agents(&workspace, &["--since", "90m"]);
    let evidence = &of_window["evidence"];
    assert_eq!((&of_window["value"], &evidence["source"]["kind"]), (&json!(6.0), &json!("live")));
    assert_eq!(evidence["source"]["window_seconds"], 5400);
    assert!(evidence["text"].as_str().unwrap().starts_with("last 1h 30m live, "), "{evidence}");
    assert!(evidence["age_seconds"].as_u64().unwrap() >= 18 * 60, "as old as the newest minute: {evidence}");
    add_agents(&workspace, 7, 1);
    let of_now = agents(&workspace, &[]);
    assert_eq!((&of_now["value"], &of_now["evidence"]["text"]), (&json!(7.0), &json!("the agents table")));
    assert_eq!(of_now["evidence"]["age_seconds"], 0);
}

#[test]
fn agents_are_active_for_as_long_as_the_server_was_told() {
    let workspace = Workspace::new();
    for (arguments, expected) in [(&["--agent-window", "2h"][..], 1.0), (&[], 0.0)] {
        assert_eq!(workspace.serve(arguments).stop().code, Some(0));
        if expected > 0.0 {
            add_agents(&workspace, 1, 60);
        }
        assert_eq!(agents(&workspace, &[])["value"], expected, "{arguments:?}");
    }
}

/// A crossed criterion is confirmed by a writer that is busy, not by one that was for a minute.
#[test]
fn one_busy_minute_confirms_nothing() {
    let minute = |ago: i64, busy: bool| {
        let utilisation = if busy { 0.95 } else { 0.01 };
        Minute { ago, utilisation, agents: 6, ..Minute::QUIET }
    };
    for (busy, verdict, utilisation) in [(1, "warning", 1.0), (5, "critical", 95.0)] {
        let minutes: Vec<_> = (3..23).map(|ago| minute(ago, ago < 3 + busy)).collect();
        let check = judged(&remembered::database(&minutes), &[]);
        assert_eq!(
            (&check["verdict"], &check["criteria"][0]["status"]),
            (&json!(verdict), &json!("crossed"))
        );
        assert_eq!(of(&check, "leading", "writer_utilisation")["value"], utilisation, "{check:#}");
    }
}

fn has_finding(check: &Value, id: &str) -> bool {
    check["findings"].as_array().unwrap().iter().any(|finding| finding["id"] == id)
}

#[test]
fn what_a_stress_test_did_to_itself_is_no_finding_and_no_flag() {
    let bad = Minute { status: 503, lock_errors: 2, queue_refusals: 50, requests: 60, ..Minute::QUIET };
    let quiet = Minute { ago: 5, requests: 6000, ..Minute::QUIET };
    let beside = Minute { status: 200, traffic: Traffic::Live, ..bad };
    let of_test = Minute { traffic: Traffic::Stress, ..bad };
    for (minutes, is_ours) in [
        (vec![quiet, of_test], false),
        (vec![quiet, bad], true),
        // Devices that were refused because the test had filled the queue.
        (vec![quiet, of_test, Minute { lock_errors: 0, queue_refusals: 0, ..bad }], false),
        // Others were refused for another reason, at another time.
        (vec![quiet, of_test, Minute { ago: 40, lock_errors: 0, queue_refusals: 0, ..bad }], false),
        (vec![quiet, Minute { ago: 40, ..of_test }, bad], true),
        (vec![quiet, bad, Minute { ago: 2, ..of_test }], true),
        // Of a full queue something must have come to those who are no test.
        (vec![quiet, Minute { lock_errors: 0, ..beside }], false),
    ] {
        let check = judged(&remembered::database(&minutes), &[]);
        assert_eq!(of(&check, "flags", "lock_errors")["raised"], is_ours, "{check:#}");
        assert_eq!(has_finding(&check, "queue_full"), is_ours, "{check:#}");
        assert_eq!(has_finding(&check, "other_writers"), is_ours);
    }
}

/// Minutes are merged into hours after a day: then it counts whether a test was going on.
#[test]
fn of_an_hour_the_runs_tell_what_a_stress_test_did() {
    let hour = 60 * MINUTE;
    let of_test = Minute { ago: 50 * 60, traffic: Traffic::Stress, lock_errors: 2, ..Minute::QUIET };
    for (was_going_on, raised) in [(true, false), (false, true)] {
        let workspace = remembered::database(&[Minute::QUIET, of_test]);
        let database = workspace.database();
        let at: i64 = database.query_row("SELECT last_at_ms FROM incidents", [], |row| row.get(0)).unwrap();
        for table in ["server_metrics", "request_metrics"] {
            let merge = "SET period_ms = ?1, starts_at_ms = ?2 WHERE starts_at_ms < ?3";
            let merged = (hour, at - at.rem_euclid(hour), at + hour);
            database.execute(&format!("UPDATE {table} {merge}"), merged).unwrap();
        }
        let begun = if was_going_on { at - MINUTE } else { at + MINUTE };
        database
            .execute(
                "INSERT INTO stress_test_runs (workers, duration, status, started_at_ms, completed_at_ms, results_json)
                 VALUES (1, 120, 'completed', ?1, ?2, '{}')",
                [begun, begun + 2 * MINUTE],
            )
            .unwrap();
        let check = judged(&workspace, &["--since", "7d"]);
        assert_eq!(of(&check, "flags", "lock_errors")["raised"], raised, "{check:#}");
    }
}

/// A run that was valid, made from a short one.
fn add_valid_run(workspace: &Workspace, p95_ms: f64) {
    let run = workspace.porta(&["stress", "-q", "--rps", "50", "--duration", "1s"]);
    assert_eq!(run.code, Some(5), "too short to be valid: {run:?}");
    let become_valid =
        "UPDATE stress_test_runs SET validity = 'valid', p95_latency_ms = ?1, results_json = json_set(
        results_json, '$.validity.verdict', 'valid', '$.results.total', 6000, '$.results.p95_latency_ms', ?1,
        '$.server', json('[]')) WHERE id = (SELECT max(id) FROM stress_test_runs)";
    workspace.database().execute(become_valid, [p95_ms]).unwrap();
}

#[test]
fn a_run_whose_report_is_damaged_is_named_and_another_counts() {
    let workspace = remembered::database(&[Minute::QUIET]);
    add_valid_run(&workspace, 300.0);
    add_valid_run(&workspace, 700.0);
    let damage = |run: i64, json: &[u8]| {
        let update = "UPDATE stress_test_runs SET results_json = CAST(?2 AS TEXT) WHERE id = ?1";
        workspace.database().execute(update, (run, json)).unwrap();
    };
    let p95 = |check: &Value| {
        let p95 = of(check, "criteria", "p95");
        (p95["value"].as_f64().unwrap(), p95["evidence"]["text"].as_str().unwrap().to_owned())
    };
    assert_eq!(p95(&judged(&workspace, &[])).0, 700.0);
    damage(2, b"{\"half\": ");
    let check_ = judged(&workspace, &[]);
    let (value, text) = p95(&check_);
    assert_eq!(value, 300.0);
    assert!(text.starts_with("run 1, ") && text.ends_with("; the report of run 2 is damaged"), "{text}");
    assert!(check_["reason"].as_str().unwrap().ends_with("the report of run 2 is damaged"), "{check_:#}");
    damage(1, b"\xff\xfe");
    let (value, text) = p95(&judged(&workspace, &[]));
    assert!(value > 0.9 && value < 1.1, "live: {value}");
    assert!(
        text.starts_with("last 24h live, ") && text.ends_with("; the reports of runs 2, 1 are damaged"),
        "{text}"
    );
    let asked_for = check(&workspace, &["--run", "2"]);
    assert_eq!(asked_for.code, Some(3));
    assert!(asked_for.stderr.contains("the report of run 2 is damaged"), "{}", asked_for.stderr);
}

/// A database that something has gone wrong with, or somebody has written to.
#[test]
fn the_largest_numbers_are_added_up_without_an_end() {
    let workspace = remembered::database(&[Minute::QUIET, Minute { ago: 11, ..Minute::QUIET }]);
    workspace.create_channel("first");
    workspace.create_channel("second");
    let largest = |table: &str, columns: &[&str]| {
        let set: Vec<_> = columns.iter().map(|column| format!("{column} = {}", i64::MAX)).collect();
        workspace.database().execute(&format!("UPDATE {table} SET {}", set.join(", ")), []).unwrap();
    };
    largest("request_metrics", &["status_2xx", "status_4xx", "status_5xx", "gone"]);
    largest(
        "server_metrics",
        &[
            "live_requests",
            "observed_us",
            "busy_us",
            "batches",
            "updates",
            "busy_waits",
            "busy_waited_us",
            "lock_errors",
            "checkpoints",
            "checkpointing_us",
            "cpu_us",
        ],
    );
    largest("channels", &["last_entry_id"]);
    let check = judged(&workspace, &[]);
    assert_eq!(of(&check, "flags", "server_errors")["raised"], true, "{check:#}");
    assert_eq!(workspace.porta(&["migrate", "plan"]).code, Some(0));
    // What a server adds to it, and makes of it.
    workspace.create_user(crate::support::browser::ADMIN, "admin");
    let server = workspace.serve(&[]);
    let metrics =
        crate::support::wire::exchange(&server, &crate::support::wire::request("GET", "/health", &[], ""));
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    let ended = server.stop();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

/// Who looks at pages does not make the server slow for devices.
#[test]
fn latency_is_that_of_devices_and_agents() {
    let slow = std::time::Duration::from_secs(5);
    let pages = [
        "GET /admin",
        "GET /static/{file}",
        "POST /login",
        "GET /api/admin/criteria",
        "GET /metrics",
        "other",
    ];
    let slow_one = |(before, route): (i64, &'static str)| Minute {
        ago: 11 + before,
        route,
        usual: slow,
        slow,
        ..Minute::QUIET
    };
    let commands = Minute { ago: 9, route: "POST /run_bash", usual: slow, slow, ..Minute::QUIET };
    let minutes: Vec<_> = (0..).zip(pages).map(slow_one).chain([Minute::QUIET, commands]).collect();
    let check = judged(&remembered::database(&minutes), &[]);
    let p95 = of(&check, "criteria", "p95");
    assert_eq!((&p95["evidence"]["samples"], &p95["status"]), (&600.into(), &"safe".into()), "{check:#}");
    let agents = Minute { ago: 10, route: "POST /agent/status", ..Minute::QUIET };
    let check = judged(&remembered::database(&[agents]), &[]);
    assert_eq!(of(&check, "criteria", "p95")["evidence"]["samples"], 600, "{check:#}");
}
