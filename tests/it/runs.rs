//! One run at a time, and what becomes of one whose process ends without a word.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Workspace;
use crate::support::target::{Behaviour, Target};
use crate::support::watch::until;

/// A run of ten minutes that has begun.
fn begun(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["stress", "--rps", "10", "--duration", "10m"]);
    let mut stress = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("1 s  sent")).expect("a first second");
    // Somebody has to read on.
    std::thread::spawn(move || lines.for_each(drop));
    stress
}

fn status(workspace: &Workspace) -> (String, Option<String>) {
    let runs = workspace.json(&["report", "list", "--limit", "1", "--format", "json"]);
    let text = |name: &str| runs[0][name].as_str().map(str::to_owned);
    (text("status").unwrap(), text("error_message"))
}

#[test]
fn load_a_second_run_is_refused_and_the_first_goes_on() {
    let workspace = Workspace::new();
    let mut first = begun(&workspace);
    assert_eq!(status(&workspace), ("running".into(), None));
    let second = workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let process = format!(", process {}", first.id());
    assert!(second.stderr.contains("cannot start a run: run 1 has been going on"), "{}", second.stderr);
    assert!(second.stderr.contains(&process), "{}", second.stderr);
    let shown = workspace.porta(&["report", "show", "1"]);
    assert!(shown.stderr.contains("a report of run 1 (running) not found"), "{}", shown.stderr);
    kill_process(Pid::from_raw(first.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(130));
    assert_eq!(status(&workspace), ("cancelled".into(), None));
    let third = workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]);
    assert_eq!(third.code, Some(5), "its place is free again: {third:?}");
    assert_eq!(workspace.json(&["report", "list", "--format", "json"]).as_array().unwrap().len(), 2);
}

#[test]
fn load_a_killed_run_is_marked_by_the_next_start_of_stress() {
    let workspace = Workspace::new();
    let mut killed = begun(&workspace);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(workspace.porta(&["stress", "--rps", "10", "--duration", "1s"]).code, Some(5));
    let runs = workspace.json(&["report", "list", "--format", "json"]);
    assert_eq!((&runs[0]["id"], &runs[0]["status"]), (&2.into(), &"completed".into()));
    assert_eq!((&runs[1]["id"], &runs[1]["status"]), (&1.into(), &"failed".into()));
    let reason = format!("its process ended without a word (process {})", killed.id());
    assert_eq!(runs[1]["error_message"], reason);
    let shown = workspace.porta(&["report", "show", "1"]);
    assert!(shown.stderr.contains(&reason), "{}", shown.stderr);
    assert!(workspace.porta(&["report"]).stdout.starts_with("Run 2 "), "the latest that has a report");
}

#[test]
fn load_a_killed_run_is_marked_by_the_next_start_of_the_server() {
    let workspace = Workspace::new();
    let mut killed = begun(&workspace);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let _server = workspace.serve(&[]);
    until("the run is marked", || status(&workspace).0 == "failed");
}

#[test]
fn load_a_run_that_is_stopped_at_once_is_cancelled_without_a_report() {
    let workspace = Workspace::new();
    // It takes connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = workspace.command(&["stress", "--url", &url, "--rps", "10", "--duration", "10m"]);
    command.env("PORTA_API_KEY", "KEY").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut stress = command.spawn().unwrap();
    let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("1 s  sent")).expect("a first second");
    let interrupt = || kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    interrupt();
    lines.find(|line| line.contains("ending early")).expect("that it ends");
    interrupt();
    assert!(lines.last().unwrap().contains("of this run there is no report"));
    assert_eq!(stress.wait().unwrap().code(), Some(130));
    assert_eq!(status(&workspace), ("cancelled".into(), Some("stopped at once".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_run_that_is_stopped_at_once_says_which_rows_it_leaves() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let target = Target::start(Behaviour::Answer(200, "42")).await;
    // Some are answered, and then none any more.
    target.freeze(30, Duration::from_secs(3600));
    let mut command =
        workspace.command(&["stress", "--url", &target.url, "--rps", "100", "--duration", "10m"]);
    command.env("PORTA_API_KEY", &channel.write_key).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut stress = command.spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
        let interrupt = |line: &str| {
            lines.find(|shown| shown.contains(line)).expect("a line");
            kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
        };
        ["1 s  sent", "ending early"].into_iter().for_each(interrupt);
        (lines.collect::<Vec<_>>(), stress.wait().unwrap())
    });
    let (lines, ended) = ended.await.unwrap();
    assert_eq!(ended.code(), Some(130));
    let left = format!(
        "rows of this run were left in channel {}: entry ids 42 to 42, and what was not answered yet",
        channel.id
    );
    assert!(lines.contains(&left), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "stopped at once: of this run there is no report");
    assert_eq!(status(&workspace), ("cancelled".into(), Some(format!("stopped at once: {left}"))));
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing() {
    let workspace = Workspace::new();
    let refused = workspace.porta(&["stress", "--url", "http://127.0.0.1:1"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(
        refused.stderr,
        "error: cannot load http://127.0.0.1:1: it takes a write API key of a channel there\n       Put it into \
         PORTA_API_KEY. porta admin channel create makes a channel with a key. For a server that is not porta, say \
         what to send: --method GET.\n"
    );
    assert_eq!(workspace.json(&["report", "list", "--format", "json"]), serde_json::json!([]));
}

/// The name of a process that runs now in another namespace of process ids.
fn owner_elsewhere() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    format!("{}/{}/1/pid:[1]", boot.trim(), std::process::id())
}

#[test]
fn load_a_run_of_another_container_counts_as_going_on_until_it_is_overdue() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let insert = "INSERT INTO stress_test_runs (workers, duration, status, started_at_ms, owner)
                  VALUES (1, 1.0, 'running', unixepoch() * 1000 - ?1, ?2)";
    workspace.database().execute(insert, rusqlite::params![60_000, owner_elsewhere()]).unwrap();
    let arguments = ["stress", "--rps", "10", "--duration", "1s"];
    let refused = workspace.porta(&arguments);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(" of another container"), "{}", refused.stderr);
    let a_day_ago = "UPDATE stress_test_runs SET started_at_ms = started_at_ms - 86400000";
    workspace.database().execute(a_day_ago, []).unwrap();
    assert_eq!(workspace.porta(&arguments).code, Some(5));
    let runs = workspace.json(&["report", "list", "--format", "json"]);
    assert_eq!(runs[1]["status"], "failed");
    assert!(runs[1]["error_message"].as_str().unwrap().contains("should have ended long ago"), "{runs:#}");
}
