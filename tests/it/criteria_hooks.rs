//! The hook and the ping of `porta criteria check`: what they may do, and what becomes of what they have started.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;

use crate::criteria::check;
use crate::criteria_alerts::{BAD, become_, hook, told};
use crate::support::remembered::{self, Minute};
use crate::support::target::{Behaviour, Target};
use crate::support::{Ended, Workspace, tls, watch};

/// Whether the process whose number is in a file is still there.
fn is_there(workspace: &Workspace, file: &str) -> bool {
    let pid = std::fs::read_to_string(workspace.path().join(file)).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn end(workspace: &Workspace, file: &str) {
    let pid: i32 = std::fs::read_to_string(workspace.path().join(file)).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_hook_that_fails_changes_no_verdict_and_is_tried_again() {
    let workspace = remembered::database(&[BAD]);
    let failed = || check(&workspace, &["--hook", "echo broken >&2; exit 7"]);
    for _ in 0..4 {
        let failed = failed();
        assert_eq!(failed.code, Some(2));
        let why = &failed.stderr;
        assert!(
            why.contains("the hook failed") && why.contains("exit code 7") && why.contains("broken"),
            "{why}"
        );
    }
    let hook = hook(&workspace);
    for _ in 0..2 {
        assert_eq!(check(&workspace, &["--hook", &hook]).code, Some(2));
    }
    assert_eq!(told(&workspace), ["ok critical 2"]);
    become_(&workspace, Minute::QUIET);
    for _ in 0..3 {
        assert!(
            check(&workspace, &["--hook", "exit 7", "--format", "nagios"]).stdout.starts_with("PORTA OK")
        );
    }
    become_(&workspace, BAD);
    assert_eq!(check(&workspace, &["--hook", &hook, "--damping", "1"]).code, Some(2));
    assert_eq!(told(&workspace).len(), 1, "what nobody was told of, and is over, is no news any more");
}

#[test]
fn a_hung_hook_is_killed_with_all_that_it_has_started() {
    let workspace = remembered::database(&[BAD]);
    let place = workspace.path().display();
    // The second has a session of its own, and its parent has ended.
    let hangs = format!(
        "sleep 1000 & echo $! > {place}/child; (setsid sh -c 'echo $$ > {place}/stranger; exec sleep 1000' &); \
         while [ ! -s {place}/stranger ]; do :; done; echo begun; wait"
    );
    let hung = check(&workspace, &["--no-store", "--hook", &hangs, "--hook-timeout", "2s"]);
    assert_eq!(hung.code, Some(2));
    assert!(hung.stderr.contains("it was killed after 2s"), "{}", hung.stderr);
    assert!(!is_there(&workspace, "child"), "what it had started is gone, too");
    assert!(!is_there(&workspace, "stranger"), "and what had left its session");
}

#[test]
fn what_a_hook_leaves_running_is_left_alone() {
    let workspace = remembered::database(&[BAD]);
    let place = workspace.path().display();
    // Neither the one that has its output open nor the one that is a proper daemon is waited for.
    let starts = format!(
        "sleep 1000 & echo $! > {place}/child; setsid sleep 1000 >{place}/log 2>&1 & echo $! > {place}/daemon; echo done"
    );
    let tried = workspace.porta(&["criteria", "hook-test", "--hook", &starts]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert!(
        tried.stdout.contains("  exit code 0 after ") && tried.stdout.contains("stdout: done"),
        "{tried:?}"
    );
    assert!(is_there(&workspace, "child") && is_there(&workspace, "daemon"));
    end(&workspace, "child");
    end(&workspace, "daemon");
}

/// A hook that waits until it is let go, and has said that it has begun.
fn waiting(workspace: &Workspace) -> (String, PathBuf, PathBuf) {
    let (begun, go) = (workspace.path().join("begun"), workspace.path().join("go"));
    let waits = format!(
        "{}; touch {}; while [ ! -e {} ]; do sleep 0.01; done",
        hook(workspace),
        begun.display(),
        go.display()
    );
    (waits, begun, go)
}

#[test]
fn a_hook_that_takes_its_time_holds_up_no_other_check_and_nobody_is_told_twice() {
    let workspace = remembered::database(&[BAD]);
    let (waits, begun, go) = waiting(&workspace);
    let db = workspace.db();
    let arguments = ["criteria", "check", "--db", db.to_str().unwrap(), "--hook", &waits];
    let first = workspace.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    watch::until("the hook runs", || begun.exists());
    let second = check(&workspace, &["--hook", &hook(&workspace), "--damping", "1"]);
    assert_eq!((second.code, second.stderr.as_str()), (Some(2), ""));
    let history = workspace.json(&["criteria", "history", "--format", "json"]);
    assert_eq!(history.as_array().unwrap().len(), 2, "both were stored before that");
    std::fs::write(go, "").unwrap();
    let first: Ended = first.wait_with_output().unwrap().into();
    assert_eq!((first.code, first.stderr.as_str()), (Some(2), ""));
    assert_eq!(check(&workspace, &["--hook", &hook(&workspace), "--damping", "1"]).code, Some(2));
    assert_eq!(told(&workspace), ["ok critical 2"], "one change, one alert");
}

#[test]
fn who_was_killed_while_telling_has_told_nobody() {
    let workspace = remembered::database(&[BAD]);
    let (waits, begun, go) = waiting(&workspace);
    let db = workspace.db();
    let arguments = ["criteria", "check", "--db", db.to_str().unwrap(), "--hook", &waits];
    let mut first = workspace.command(&arguments).stdout(Stdio::null()).spawn().unwrap();
    watch::until("the hook runs", || begun.exists());
    first.kill().unwrap();
    first.wait().unwrap();
    std::fs::write(go, "").unwrap();
    assert_eq!(check(&workspace, &["--hook", &hook(&workspace)]).code, Some(2));
    assert_eq!(told(&workspace), ["ok critical 2", "ok critical 2"], "rather twice than never");
    assert_eq!(check(&workspace, &["--hook", &hook(&workspace)]).code, Some(2));
    assert_eq!(told(&workspace).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_sent_on_a_change_and_tried_by_hook_test() {
    let workspace = tokio::task::block_in_place(|| remembered::database(&[BAD]));
    let good = Target::start(Behaviour::Answer(200, "thanks")).await;
    let silent = Target::start(Behaviour::Silent).await;
    tokio::task::block_in_place(|| {
        for _ in 0..3 {
            assert_eq!(check(&workspace, &["--ping", &good.url]).code, Some(2));
        }
        assert_eq!(good.requests(), 1, "one change, one ping");
        let tried = workspace.porta(&["criteria", "hook-test", "--ping", &format!("{}/path", good.url)]);
        assert_eq!(tried.code, Some(0), "{tried:?}");
        assert!(tried.stdout.contains("answered 200 OK thanks"), "{}", tried.stdout);
        let tried =
            workspace.porta(&["criteria", "hook-test", "--ping", &silent.url, "--hook-timeout", "200ms"]);
        assert_eq!(tried.code, Some(3));
        assert!(tried.stdout.contains("FAILED: no answer within 200ms"), "{}", tried.stdout);
    });
    assert_eq!(good.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_goes_by_https_to_whom_is_trusted() {
    let workspace = tokio::task::block_in_place(|| remembered::database(&[BAD]));
    let good = Target::start_tls(Behaviour::Answer(200, "thanks")).await;
    let url = format!("{}/ping?id=7", good.url);
    tokio::task::block_in_place(|| {
        let test = ["criteria", "hook-test", "--ping", &url];
        let stranger = workspace.porta(&test);
        assert_eq!(stranger.code, Some(3));
        assert!(stranger.stdout.contains("FAILED: "), "{}", stranger.stdout);
        let trusting = |arguments: &[&str]| -> Ended {
            workspace.command(arguments).env("SSL_CERT_FILE", tls::authority()).output().unwrap().into()
        };
        let tried = trusting(&test);
        assert!(tried.code == Some(0) && tried.stdout.contains("answered 200 OK thanks"), "{tried:?}");
        let check = ["criteria", "check", "--ping", &url];
        assert_eq!((trusting(&check).code, trusting(&check).code), (Some(2), Some(2)));
    });
    let seen = good.seen();
    assert_eq!(seen.len(), 2, "the test, and one change: {seen:?}");
    assert!(seen[1].starts_with("GET /ping?id=7 HTTP/1.1\r\n"), "{seen:?}");
}

#[test]
fn hook_test_shows_what_the_hook_is_told_and_what_came_of_it() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let tried = workspace.porta(&[
        "criteria",
        "hook-test",
        "--hook",
        "echo it is $PORTA_VERDICT; echo oh >&2; exit 4",
    ]);
    assert_eq!(tried.code, Some(3));
    for words in
        ["  PORTA_VERDICT=ok\n", "  PORTA_TEST=1\n", "FAILED: exit code 4", "stdout: it is ok", "stderr: oh"]
    {
        assert!(tried.stdout.contains(words), "{words}: {}", tried.stdout);
    }
    let mut with_secrets = workspace.command(&["criteria", "hook-test", "--hook", "env"]);
    let output = with_secrets.env("PORTA_API_KEY", "SECRET").env("PORTA_TOKEN", "SECRET").output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("SECRET"));
    let missing = Workspace::new().porta(&["criteria", "hook-test", "--hook", "true"]);
    assert_eq!(missing.code, Some(0), "{missing:?}");
    assert!(missing.stdout.contains("  PORTA_VERDICT=unknown\n"), "{}", missing.stdout);
    assert_eq!(workspace.json(&["criteria", "history", "--format", "json"]), json!([]));
}
