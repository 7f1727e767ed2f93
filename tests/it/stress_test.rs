//! Stress tests that administrators start: what is refused, what a run is from its start to its deletion, and that one goes
//! on at a time.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::bridge::TOKEN;
use crate::support::stress_test::{Admin, generator, is_going_on, left_of_runs, proc_file, signal};
use crate::support::watch::until;
use crate::support::wire::{FORM, exchange, post};
use crate::support::{Server, Workspace};

/// What a run is to everybody who asks, and nothing else.
const KEYS: [&str; 23] = [
    "id",
    "channel_id",
    "workers",
    "target_rps",
    "duration",
    "total_requests",
    "successful_requests",
    "failed_requests",
    "actual_rps",
    "efficiency",
    "avg_latency_ms",
    "min_latency_ms",
    "max_latency_ms",
    "p50_latency_ms",
    "p95_latency_ms",
    "p99_latency_ms",
    "cv_latency",
    "grade",
    "validity",
    "status",
    "started_at",
    "completed_at",
    "error_message",
];

fn assert_shape(run: &Value) {
    let mut keys: Vec<_> = run.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = KEYS.to_vec();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn load_a_run_is_started_watched_reported_and_deleted() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("greenhouse");
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let update = post("/update", FORM, &format!("api_key={}&field1=own", channel.write_key));
    assert!(exchange(&server, &update).ends_with("\r\n\r\n1"));

    let id = admin.start(
        &server,
        &json!({ "channel_id": channel.id, "workers": 2, "rps": 50, "duration": 3, "scenario": "baseline" }),
    );
    let first = admin.run(&server, id);
    assert_shape(&first);
    assert!(is_going_on(&first) && first["grade"].is_null(), "{first:#}");
    admin.until_measuring(&server, id);
    let during = admin.run(&server, id);
    assert_shape(&during);
    assert_eq!((&during["status"], &during["failed_requests"]), (&"running".into(), &0.into()));
    for figure in ["actual_rps", "efficiency", "avg_latency_ms", "p50_latency_ms", "p99_latency_ms"] {
        assert!(during[figure].as_f64().unwrap() > 0.0, "{figure}: {during:#}");
    }
    let (status, listed) = admin.get(&server, "/history/list");
    assert_eq!((status, &listed[0]["status"]), (200, &"running".into()));
    assert!(listed[0]["total_requests"].as_u64().unwrap() > 0, "lists are live, too: {listed:#}");
    assert_eq!(admin.ask(&server, "DELETE", &format!("/{id}"), "").0, 400, "not while it goes on");
    assert_eq!(admin.get(&server, &format!("/{id}/report")).0, 404);

    let ended = admin.until_ended(&server, id);
    assert_shape(&ended);
    assert_eq!((&ended["status"], &ended["total_requests"]), (&"completed".into(), &150.into()), "{ended:#}");
    assert_eq!(ended["channel_id"], channel.id);
    let (status, report) = admin.get(&server, &format!("/{id}/report"));
    assert_eq!((status, &report["run_id"]), (200, &id.into()));
    assert_eq!(report["config"]["scenario"], "baseline");
    assert_eq!(report["rows"]["removed"], 150, "{:#}", report["rows"]);
    assert_eq!(workspace.entries(channel.id), [(1, "own".into())], "rows of others stay");
    assert_eq!(left_of_runs(&workspace), (0, 0));

    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 409);
    assert_eq!(admin.ask(&server, "DELETE", &format!("/{id}"), ""), (204, Value::Null));
    for (method, path) in
        [("GET", ""), ("GET", "/report"), ("GET", "/events"), ("POST", "/cancel"), ("DELETE", "")]
    {
        assert_eq!(admin.ask(&server, method, &format!("/{id}{path}"), "").0, 404, "{method} {path}");
    }
    assert_eq!(admin.get(&server, "/history/list"), (200, json!([])));
}

#[test]
fn load_a_scratch_channel_and_the_key_come_and_go_with_the_run_and_nobody_sees_the_key() {
    let workspace = Workspace::new();
    workspace.create_channel("greenhouse");
    let admin = Admin::new(&workspace);
    let mut command = workspace.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "info"]);
    command.env("PORTA_TOKEN", TOKEN).env("PORTA_API_KEY", "AAAABBBBCCCCDDDD");
    let server = Server::start(command);
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 50, "duration": 600 }));
    admin.until_measuring(&server, id);
    let channels = workspace.json(&["admin", "channel", "list", "--format", "json"]);
    assert_eq!(channels[1]["name"], "stress test", "{channels:#}");
    assert_eq!(left_of_runs(&workspace), (0, 1));

    let pid = generator(&server);
    let read = |name| String::from_utf8_lossy(&std::fs::read(proc_file(pid, name)).unwrap()).into_owned();
    let (arguments, environment) = (read("cmdline"), read("environ"));
    let key = environment.split('\0').find_map(|variable| variable.strip_prefix("PORTA_API_KEY=")).unwrap();
    assert!(key.len() == 16 && key != "AAAABBBBCCCCDDDD", "a key of its own");
    assert!(!arguments.contains(key), "{arguments}");
    assert!(!environment.contains(TOKEN), "{environment}");

    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
    let ended = admin.until_ended(&server, id);
    assert_eq!((&ended["status"], &ended["error_message"]), (&"cancelled".into(), &Value::Null), "{ended:#}");
    assert!(ended["channel_id"].is_null(), "it is nothing that could be looked at");
    let (_, report) = admin.get(&server, &format!("/{id}/report"));
    assert_eq!(
        (&report["status"], &report["rows"]["missing"]),
        (&"cancelled".into(), &0.into()),
        "{report:#}"
    );
    assert_eq!(left_of_runs(&workspace), (0, 0));
    assert_eq!(
        workspace.json(&["admin", "channel", "list", "--format", "json"]).as_array().unwrap().len(),
        1
    );
    let refused = exchange(&server, &post("/update", FORM, &format!("api_key={key}&field1=late")));
    assert!(refused.ends_with("\r\n\r\n0"), "the key opens nothing any more: {refused}");
    let (status, again) = admin.ask(&server, "POST", &format!("/{id}/cancel"), "");
    assert_eq!((status, &again["error"]["code"]), (409, &"conflict".into()), "{again}");
    let log = server.stop().stderr;
    assert!(log.contains("a stress test was started") && !log.contains(key), "{log}");
}

#[test]
fn what_is_out_of_limits_is_refused_and_named() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("greenhouse");
    let admin = Admin::new(&workspace);
    let mut command = workspace.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
    command.env("STRESS_TEST_MAX_WORKERS", "5").env("STRESS_TEST_MAX_DURATION", "30");
    let server = Server::start(command);
    let good = json!({ "channel_id": channel.id, "workers": 5, "rps": 10_000, "duration": 30 });
    let with = |name: &str, value: Value| {
        let mut wanted = good.clone();
        wanted[name] = value;
        wanted
    };
    for (wanted, field, says) in [
        (with("workers", json!(6)), "workers", "1 to 5 here, as STRESS_TEST_MAX_WORKERS"),
        (with("workers", json!(0)), "workers", "STRESS_TEST_MAX_WORKERS"),
        (with("workers", json!(-1)), "workers", "STRESS_TEST_MAX_WORKERS"),
        (with("rps", json!(10_001)), "rps", "1 to 10000 here, as STRESS_TEST_MAX_RPS"),
        (with("rps", json!(0)), "rps", "STRESS_TEST_MAX_RPS"),
        (with("duration", json!(30.5)), "duration", "1s to 30s here, as STRESS_TEST_MAX_DURATION"),
        (with("duration", json!(0.5)), "duration", "STRESS_TEST_MAX_DURATION"),
        (with("scenario", json!("huge")), "scenario", "baseline, medium, high, max, soak"),
        (with("scratch", json!(true)), "channel_id", "scratch"),
        (with("channel_id", Value::Null), "channel_id", "scratch"),
        (json!({ "channel_id": channel.id, "scenario": "baseline" }), "workers", "STRESS_TEST_MAX_WORKERS"),
        (
            json!({ "channel_id": channel.id, "scenario": "soak", "workers": 1 }),
            "duration",
            "STRESS_TEST_MAX_DURATION",
        ),
    ] {
        let (status, refused) = admin.ask(&server, "POST", "/start", &wanted.to_string());
        assert_eq!((status, &refused["error"]["field"]), (422, &field.into()), "{wanted}: {refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(says), "{wanted}: {refused}");
    }
    for (wanted, expected) in [
        (with("channel_id", json!(99)), 404),
        (with("channel_id", json!(-1)), 404),
        (with("workers", json!("many")), 400),
        (with("worker", json!(1)), 400),
        (json!([]), 400),
    ] {
        let (status, refused) = admin.ask(&server, "POST", "/start", &wanted.to_string());
        assert_eq!(status, expected, "{wanted}: {refused}");
    }
    for path in ["?limit=0", "?limit=101", "?limit=x", "?before=0", "?after=1"] {
        assert_eq!(admin.get(&server, &format!("/history/list{path}")).0, 400, "{path}");
    }
    for path in ["/1", "/0", "/x", "/1/report", "/1/events"] {
        assert_eq!(admin.get(&server, path).0, 404, "{path}");
    }
    assert_eq!(admin.get(&server, "/history/list"), (200, json!([])), "what was refused has left nothing");
    assert_eq!(left_of_runs(&workspace), (0, 0));
}

#[test]
fn load_one_run_goes_on_at_a_time_whoever_starts_it() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("greenhouse");
    let (admin, other) = (Admin::new(&workspace), Admin::new(&workspace));
    let server = workspace.serve(&[]);
    let second_server = workspace.serve(&[]);
    let wanted = json!({ "channel_id": channel.id, "workers": 1, "rps": 10, "duration": 600 });
    let id = admin.start(&server, &wanted);
    for server in [&server, &second_server] {
        let (status, refused) = other.ask(server, "POST", "/start", &wanted.to_string());
        assert_eq!((status, &refused["error"]["code"]), (409, &"conflict".into()), "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("run {id} has been going on since ")), "{message}");
        assert_eq!(refused["error"]["test_id"], id, "{refused}");
    }
    let refused = workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&format!("run {id} has been going on")), "{}", refused.stderr);
    let keys = workspace.porta(&["admin", "channel", "keys", &channel.id.to_string()]).stdout;
    assert!(keys.contains(&format!("write, until run {id} ends")), "{keys}");
    let own = "SELECT id FROM api_keys WHERE run_id IS NOT NULL";
    let own: i64 = workspace.database().query_row(own, [], |row| row.get(0)).unwrap();
    let refused = admin.rotate(&server, channel.id, own);
    assert_eq!(refused.0, 409, "what is in its place would outlive the run: {}", refused.1);
    assert_eq!(left_of_runs(&workspace), (1, 0), "it is there as before");
    assert_eq!(other.ask(&second_server, "POST", &format!("/{id}/cancel"), "").0, 409, "it is not its own");
    assert_eq!(other.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
    assert_eq!(admin.until_ended(&second_server, id)["status"], "cancelled");
    assert_eq!(left_of_runs(&workspace), (0, 0));

    let mut command = workspace.command(&["stress", "--rps", "10", "--duration", "10m"]);
    let mut by_hand = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(by_hand.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("1 s  sent")).expect("a first second");
    std::thread::spawn(move || lines.for_each(drop));
    let id = id + 1;
    let (status, refused) = admin.ask(&server, "POST", "/start", &wanted.to_string());
    assert_eq!(status, 409);
    let process = format!("process {}", by_hand.id());
    assert!(refused["error"]["message"].as_str().unwrap().contains(&process), "{refused}");
    let run = admin.run(&server, id);
    assert_eq!(run["status"], "running");
    for unknown in ["total_requests", "successful_requests", "failed_requests", "actual_rps"] {
        assert!(run[unknown].is_null(), "{unknown}: {run:#}");
    }
    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 409);
    let (_, mut events) = admin.listen(&server, id, None);
    let first = events.next().unwrap();
    assert_eq!((first.name.as_str(), &first.data["status"]), ("progress", &"running".into()));
    assert_eq!((&first.data["phase"], &first.data["total_requests"]), (&"elsewhere".into(), &Value::Null));
    assert!(first.data["second"].as_u64().unwrap() >= 1, "{first:?}");
    signal(by_hand.id(), Signal::INT);
    let last = events.last().unwrap();
    assert_eq!((last.name.as_str(), &last.data["status"]), ("end", &"cancelled".into()));
    by_hand.wait().unwrap();
}

#[test]
fn load_of_many_starts_at_once_one_is_a_run() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let wanted = json!({ "scratch": true, "workers": 1, "rps": 10, "duration": 600 }).to_string();
    let statuses = std::thread::scope(|scope| {
        let ask = || admin.ask(&server, "POST", "/start", &wanted).0;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        let mut statuses: Vec<_> = asking.into_iter().map(|asked| asked.join().unwrap()).collect();
        statuses.sort_unstable();
        statuses
    });
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(left_of_runs(&workspace), (0, 1));
    assert_eq!(admin.get(&server, "/history/list").1.as_array().unwrap().len(), 1);
}

/// It has all it needs: what is in the server's files is for the server.
#[test]
fn a_process_that_a_server_has_started_reads_no_settings() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    std::fs::write(workspace.path().join(".env"), "this is no setting").unwrap();
    let refused = workspace.porta(&["stress"]);
    assert!(refused.stderr.contains("cannot read .env"), "{}", refused.stderr);
    let ended = workspace.porta(&["stress", "--for-server", "7"]);
    assert!(ended.stderr.contains("cannot take over run 7"), "{}", ended.stderr);
}

#[test]
fn the_history_goes_back_page_by_page() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let insert = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120)
                  INSERT INTO stress_test_runs (workers, duration, status, started_at_ms)
                  SELECT 1, 1.0, 'failed', n FROM numbers";
    workspace.database().execute(insert, []).unwrap();
    let server = workspace.serve(&[]);
    let page = |path: &str| -> Vec<i64> {
        let (status, runs) = admin.get(&server, &format!("/history/list{path}"));
        assert_eq!(status, 200, "{runs}");
        runs.as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    let down = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(page(""), down(120, 71));
    assert_eq!(page("?limit=100"), down(120, 21));
    assert_eq!(page("?limit=100&before=21"), down(20, 1));
    assert_eq!(page("?before=1"), [0; 0]);
    assert_eq!(admin.ask(&server, "DELETE", "/119", "").0, 204);
    assert_eq!(page("?limit=2"), [120, 118]);
}

/// A run is told of before its process has taken it over; that may be never.
#[test]
fn a_run_whose_process_cannot_take_it_over_has_failed() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    // Whoever opens the database wants a lock on this file first, and cannot have it.
    let lock = workspace.path().join("porta.db.lock");
    std::fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink("/nonexistent/lock", &lock).unwrap();
    let id = admin.start(&server, &json!({ "scratch": true }));
    let ended = admin.until_ended(&server, id);
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(ended["error_message"].as_str().unwrap().contains("porta.db.lock"), "{ended:#}");
    assert_eq!(left_of_runs(&workspace), (0, 0));
    until("its place is free", || admin.ask(&server, "POST", "/start", r#"{"scratch":true}"#).0 == 202);
}
