//! The load generator against targets whose behaviour is known.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Workspace;
use crate::support::stress::{number, stress};
use crate::support::target::{Behaviour, Target};

/// A run against a target that does not do its job: the report is complete and stored, and the words are clear.
async fn assert_failing_target(url: &str, arguments: &[&str], error: &str, words: &str, code: Option<i32>) {
    let workspace = Workspace::new();
    let (ended, report) =
        stress(&workspace, url, &[&["--rps", "250", "--duration", "1s"], arguments].concat()).await;
    assert_eq!(number(&report, "/results/total"), 250.0);
    assert_eq!(number(&report, "/results/failed"), 250.0);
    assert_eq!(number(&report, &format!("/results/errors/{error}")), 250.0, "{report:#}");
    assert!(ended.stdout.contains(words), "{}", ended.stdout);
    // Noise on the machine can make the generator late, and then there is no grade.
    let valid = report["validity"]["verdict"] == "valid";
    assert_eq!(report["grade"]["level"].as_str(), (valid && code.is_none()).then_some("problem"));
    assert_eq!(report["status"], if code.is_some() { "failed" } else { "completed" });
    assert_eq!(ended.code, code.or(Some(if valid { 0 } else { 5 })), "{ended:?}");
    if code == Some(1) {
        assert!(
            ended.stderr.contains(&format!("cannot measure {url}: not one request was answered")),
            "{ended:?}"
        );
    }
    let stored = workspace.json(&["report", "--format", "json"]);
    assert_eq!(stored, report, "what is stored is what was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_refuses() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    assert_failing_target(&url, &[], "refused", "connection refused", Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_resets() {
    let target = Target::start(Behaviour::Reset).await;
    assert_failing_target(&target.url, &[], "reset", "connection lost before the response", Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_answers_garbage() {
    let target = Target::start(Behaviour::Garbage).await;
    assert_failing_target(&target.url, &[], "protocol", "the response was not HTTP", Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_answers_500() {
    let target = Target::start(Behaviour::Answer(500, "sorry")).await;
    assert_failing_target(&target.url, &[], "status_5xx", "by HTTP status: 500: 250", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_answers_200_without_an_id() {
    let target = Target::start(Behaviour::Answer(200, "0")).await;
    assert_failing_target(&target.url, &[], "body", "the response did not say what it should", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_never_answers() {
    let target = Target::start(Behaviour::Silent).await;
    let arguments = ["--workers", "250", "--timeout", "500ms"];
    assert_failing_target(&target.url, &arguments, "timeout", "no response in time", Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_timeouts_count_in_full_and_what_was_never_sent_has_failed() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Silent).await;
    let arguments = ["--workers", "5", "--rps", "200", "--duration", "2s", "--timeout", "1s"];
    let (ended, report) = stress(&workspace, &target.url, &arguments).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    // Five workers, each waiting a second: sent at 0, 1, 2 s, and the end of the drain is at 3 s.
    let (timeouts, unsent) =
        (number(&report, "/results/errors/timeout"), number(&report, "/results/errors/not_sent"));
    assert_eq!(timeouts + unsent, 400.0);
    assert!((15.0..=20.0).contains(&timeouts), "{timeouts} timeouts");
    assert_eq!(number(&report, "/results/unknown"), timeouts);
    assert!(number(&report, "/results/service_latency_ms/min_latency_ms") >= 999.0);
    // The last ones waited a second at least, the first ones nearly three.
    assert!(number(&report, "/results/p50_latency_ms") > 1500.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_connections_that_the_target_closes_are_opened_again() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::CloseAfterAnswer).await;
    let (_, report) =
        stress(&workspace, &target.url, &["--rps", "250", "--duration", "1s", "--workers", "5"]).await;
    let (success, unknown) = (number(&report, "/results/success"), number(&report, "/results/unknown"));
    assert_eq!(success + unknown, 250.0, "{report:#}");
    assert!(success > 200.0, "a request on a connection that is closed just then may be lost: {success}");
    let opened = number(&report, "/results/connections_opened");
    assert_eq!(opened, number(&report, "/results/connections_reopened") + 5.0, "five were the first");
    assert!(opened >= success, "each answer closed one");
}

/// Refused on the same machine, a connection never waits, so that one worker kept the others and Ctrl+C from their turn.
#[tokio::test(flavor = "multi_thread")]
async fn load_ctrl_c_ends_a_closed_run_against_a_target_that_refuses() {
    let workspace = Workspace::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let mut command = workspace.command(&["stress", "--url", &url, "--rps", "max", "--duration", "10m"]);
    command.env("PORTA_API_KEY", "A").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut stress = command.spawn().unwrap();
    let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains(" 1 s  sent")).expect("a first second");
    kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(stress.wait().unwrap().code(), Some(130));
    let report = workspace.json(&["report", "--format", "json"]);
    assert_eq!((&report["status"], &report["results"]["success"]), (&"cancelled".into(), &0.into()));
}
