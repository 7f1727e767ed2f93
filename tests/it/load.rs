//! The load generator against targets whose behaviour is known.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::target::{Behaviour, Target};
use crate::support::{Ended, Workspace};

/// Runs `porta stress` against `url` beside the test's own tasks, and returns its end and its report.
async fn stress(workspace: &Workspace, url: &str, arguments: &[&str]) -> (Ended, Value) {
    let mut all = vec!["stress", "--url", url, "--quiet", "--output", "report.json"];
    all.extend(arguments);
    let mut command = workspace.command(&all);
    command.env("PORTA_API_KEY", "AAAABBBBCCCCDDDD");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report = std::fs::read(workspace.path().join("report.json"));
    let report = report.map_or(Value::Null, |json| serde_json::from_slice(&json).unwrap());
    (output.into(), report)
}

fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {report:#}"))
}

/// Nothing of a freeze may be hidden. What the machine itself holds up meanwhile comes on top, up to a half.
fn assert_shown(actual: f64, expected: f64, what: &str) {
    assert!((expected * 0.95..=expected * 1.5).contains(&actual), "{what} is {actual}, expected {expected}");
}

/// During a freeze of length F in a run of length T at a constant rate, arrivals wait evenly between 0 and F. So the
/// mean is F²/2T, and the share of requests that wait longer than x is (F−x)/T.
async fn assert_freeze_is_seen(rps: u32, seconds: u32, freeze: Duration) {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    target.freeze(u64::from(rps * seconds / 4), freeze);
    let (rate, duration) = (rps.to_string(), format!("{seconds}s"));
    let (_, report) =
        stress(&workspace, &target.url, &["--rps", &rate, "--duration", &duration, "--workers", "50"]).await;
    let total = f64::from(rps * seconds);
    assert_eq!(number(&report, "/results/total"), total);
    assert_eq!(number(&report, "/results/success"), total, "nobody is refused, only late");
    assert_eq!(target.requests(), u64::from(rps * seconds));

    let frozen = target.frozen_for().await.as_secs_f64() * 1000.0;
    let whole = f64::from(seconds) * 1000.0;
    // The arithmetic is of the freeze alone. What a request takes without one, on this machine now, is the median.
    let usual = number(&report, "/results/p50_latency_ms");
    let waited = |freeze_alone: f64| freeze_alone + usual;
    assert_shown(number(&report, "/results/avg_latency_ms"), waited(frozen * frozen / (2.0 * whole)), "mean");
    assert_shown(number(&report, "/results/p95_latency_ms"), waited(frozen - 0.05 * whole), "p95");
    assert_shown(number(&report, "/results/p99_latency_ms"), waited(frozen - 0.01 * whole), "p99");
    assert_shown(number(&report, "/results/max_latency_ms"), waited(frozen), "max");
    // Only the 50 requests that were under way noticed, seen from when they were sent.
    let service_p95 = number(&report, "/results/service_latency_ms/p95_latency_ms");
    assert!(service_p95 < frozen / 10.0, "from the send time p95 is {service_p95}");
    assert_shown(
        number(&report, "/results/service_latency_ms/max_latency_ms"),
        frozen,
        "max from the send time",
    );
    let lag = number(&report, "/results/send_lag_ms/p99");
    assert!(lag < frozen / 10.0, "the generator is not blamed: its lag p99 is {lag}");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_freeze_shows_in_full() {
    assert_freeze_is_seen(400, 5, Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s: scripts/test --long"]
async fn load_a_long_freeze_shows_in_full() {
    assert_freeze_is_seen(1000, 20, Duration::from_secs(2)).await;
}

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
    assert_failing_target(&target.url, &[], "status", "by HTTP status: 500: 250", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_target_that_answers_200_without_an_id() {
    let target = Target::start(Behaviour::Answer(200, "0")).await;
    assert_failing_target(&target.url, &[], "body", "HTTP 200 without an entry id", None).await;
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
