//! Every way of sending, against targets whose behaviour is known: nothing is hidden, skipped or sent twice.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Workspace;
use crate::support::stress::{assert_shown, number, stress};
use crate::support::target::{Behaviour, Target};

/// Connections of the runs with a freeze.
const WORKERS: u32 = 50;
/// Kilobytes that a run of a thousand workers has at the most: each has a connection with its buffers.
const THOUSAND_WORKERS_KB_MAX: u64 = 64 * 1024;

/// When the requests of a run are due, in seconds.
struct Due(Vec<f64>);

impl Due {
    fn evenly(count: u32, seconds: f64) -> Self {
        Self((0..count).map(|index| f64::from(index) * seconds / f64::from(count)).collect())
    }

    /// From rate `a` to rate `b`: request k is due when a·t + (b − a)·t²/2d has come to k.
    fn ramp(a: f64, b: f64, seconds: f64) -> Self {
        let count = ((a + b) / 2.0 * seconds) as u32;
        let slope = (b - a) / seconds;
        let due = |index: u32| ((a * a + 2.0 * slope * f64::from(index)).sqrt() - a) / slope;
        Self((0..count).map(due).collect())
    }

    /// How long each waits, in their order, when nobody is answered for `freeze` seconds from request `first` on.
    fn waits_ms(&self, first: usize, freeze: f64) -> Vec<f64> {
        let end = self.0[first] + freeze;
        let wait = |due: &f64| if (self.0[first]..end).contains(due) { (end - due) * 1000.0 } else { 0.0 };
        let mut waits: Vec<_> = self.0.iter().map(wait).collect();
        waits.sort_by(f64::total_cmp);
        waits
    }
}

/// A quarter of the way through, the target freezes. Who waits for how long then follows from when requests are due alone.
/// At a constant rate a freeze of length F in a run of length T makes the mean F²/2T, and p99 is F − T/100.
async fn assert_freeze_is_seen(load: &[&str], due: Due, freeze: Duration) {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    let (count, first) = (due.0.len(), due.0.len() / 4);
    target.freeze(first as u64 + 1, freeze);
    let workers = WORKERS.to_string();
    let (_, report) = stress(&workspace, &target.url, &[load, &["--workers", &workers]].concat()).await;
    assert_eq!(number(&report, "/results/total"), count as f64);
    assert_eq!(number(&report, "/results/success"), count as f64, "nobody is refused, only late");
    assert_eq!(target.requests(), count as u64);
    assert!(target.in_flight_max() <= u64::from(WORKERS), "what was late is sent as workers get free");

    let frozen = target.frozen_for().await.as_secs_f64();
    let waits = due.waits_ms(first, frozen);
    // The arithmetic is of the freeze alone. What a request takes without one, on this machine now, is the median.
    let usual = number(&report, "/results/p50_latency_ms");
    let percentile = |percent: f64| waits[(count as f64 * percent / 100.0).ceil() as usize - 1];
    for (figure, alone) in [
        ("avg", waits.iter().sum::<f64>() / count as f64),
        ("p95", percentile(95.0)),
        ("p99", percentile(99.0)),
        ("max", frozen * 1000.0),
    ] {
        assert_shown(number(&report, &format!("/results/{figure}_latency_ms")), alone + usual, figure);
    }
    // Only the requests that were under way noticed, seen from when they were sent.
    let service = |figure| number(&report, &format!("/results/service_latency_ms/{figure}_latency_ms"));
    assert!(service("p95") < frozen * 100.0, "from the send time p95 is {}", service("p95"));
    assert_shown(service("max"), frozen * 1000.0, "max from the send time");
    let lag = number(&report, "/results/send_lag_ms/p99");
    assert!(lag < frozen * 100.0, "the generator is not blamed: its lag p99 is {lag}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_shows_in_full() {
    let load = ["--rps", "400", "--duration", "5s"];
    assert_freeze_is_seen(&load, Due::evenly(2000, 5.0), Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_shows_in_full_on_a_ramp() {
    let load = ["--ramp", "100..700", "--duration", "5s"];
    assert_freeze_is_seen(&load, Due::ramp(100.0, 700.0, 5.0), Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_shows_in_full_among_a_number_of_requests() {
    let load = ["--requests", "2001", "--duration", "5s"];
    assert_freeze_is_seen(&load, Due::evenly(2001, 5.0), Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s: scripts/test --long"]
async fn a_long_freeze_shows_in_full() {
    let load = ["--rps", "1000", "--duration", "20s"];
    assert_freeze_is_seen(&load, Due::evenly(20_000, 20.0), Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn percentiles_of_a_known_distribution_are_right() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Late).await;
    let arguments = ["--rps", "500", "--duration", "4s", "--workers", "100"];
    let (_, report) = stress(&workspace, &target.url, &arguments).await;
    // One of a hundred takes 300 ms, nine more 100 ms, the others what the machine takes, which is the median.
    let usual = number(&report, "/results/p50_latency_ms");
    assert!(usual < 50.0, "half of them are answered at once, and take {usual} ms");
    for (figure, late) in [("p95", 100.0), ("p99", 100.0), ("p999", 300.0), ("max", 300.0)] {
        assert_shown(number(&report, &format!("/results/{figure}_latency_ms")), late + usual, figure);
    }
    assert_shown(number(&report, "/results/avg_latency_ms"), 0.01 * 300.0 + 0.09 * 100.0 + usual, "mean");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_warm_up_sends_is_counted_beside_the_run() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    for (load, warm_up, total) in [
        (["--rps", "250", "--duration", "1s"], 125.0, 250.0),
        (["--ramp", "100..400", "--duration", "1s"], 50.0, 250.0),
        (["--requests", "300", "--duration", "2s"], 75.0, 300.0),
    ] {
        let before = target.requests();
        let (_, report) =
            stress(&workspace, &target.url, &[&load[..], &["--warm-up", "500ms"]].concat()).await;
        assert_eq!(number(&report, "/results/total"), total, "{load:?}");
        assert_eq!(number(&report, "/results/warm_up/total"), warm_up, "{load:?}");
        assert_eq!(number(&report, "/results/warm_up/success"), warm_up, "{load:?}");
        assert_eq!((target.requests() - before) as f64, warm_up + total, "{load:?}");
        assert_eq!(number(&report, "/endpoints/0/total"), total);
    }
}

#[test]
fn rows_of_the_warm_up_are_accounted_for() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--rps", "max", "--duration", "1s", "--warm-up", "1s", "-q"]);
    assert!(matches!(ended.code, Some(0 | 5)), "{ended:?}");
    let report = workspace.json(&["report", "--format", "json"]);
    let rows = number(&report, "/results/success") + number(&report, "/results/warm_up/success");
    assert!(number(&report, "/results/warm_up/success") > 0.0);
    assert_eq!(number(&report, "/results/rows_stored"), rows, "{report:#}");
    assert!(ended.stdout.contains("all there"), "{}", ended.stdout);
}

/// Starts a run that would take ten minutes, and ends it with Ctrl+C once a second of it has been shown.
async fn interrupted(workspace: &Workspace, url: &str, load: &[&str]) -> Value {
    let mut command = workspace.command(&[&["stress", "--url", url, "--duration", "10m"], load].concat());
    command.env("PORTA_API_KEY", "A").stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || {
        let mut stress = command.spawn().unwrap();
        let mut lines = BufReader::new(stress.stderr.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.contains(" 1 s  sent")).expect("a first second");
        kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
        lines.for_each(drop);
        stress.wait().unwrap()
    });
    assert_eq!(ended.await.unwrap().code(), Some(130));
    workspace.json(&["report", "--format", "json"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_until_ctrl_c_is_what_the_target_has_seen() {
    let workspace = Workspace::new();
    for load in [&["--rps", "max"][..], &["--rps", "2000"], &["--ramp", "1000..3000", "--warm-up", "100ms"]] {
        let target = Target::start(Behaviour::Answer(200, "1")).await;
        let report = interrupted(&workspace, &target.url, load).await;
        assert_eq!(report["status"], "cancelled");
        let unsent = report.pointer("/results/errors/not_sent").and_then(Value::as_f64).unwrap_or(0.0);
        let (total, success) = (number(&report, "/results/total"), number(&report, "/results/success"));
        assert_eq!(success, total - unsent, "{load:?}: {report:#}");
        let warm_up = number(&report, "/results/warm_up/success");
        assert_eq!(target.requests() as f64, success + warm_up, "{load:?}: {report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_workers_and_many_requests_need_little_memory() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    // What 100 rps send in 600 s.
    let arguments = [
        "stress",
        "--url",
        &target.url,
        "--workers",
        "1000",
        "--requests",
        "60000",
        "--duration",
        "6s",
        "--format",
        "json",
    ];
    let mut command = workspace.command(&arguments);
    command.env("PORTA_API_KEY", "A").stdout(Stdio::piped()).stderr(Stdio::null());
    let run = tokio::task::spawn_blocking(move || {
        let mut stress = command.spawn().unwrap();
        let mut peaks = Vec::new();
        let mut last = Value::Null;
        for line in BufReader::new(stress.stdout.take().unwrap()).lines() {
            last = serde_json::from_str(&line.unwrap()).unwrap();
            // At the report it may have ended already.
            peaks.extend(peak_kb(stress.id()));
        }
        stress.wait().unwrap();
        (peaks, last)
    });
    let (peaks, last) = run.await.unwrap();
    assert_eq!(number(&last, "/report/results/total"), 60_000.0);
    assert_eq!(target.requests(), 60_000);
    assert_eq!(number(&last, "/report/results/connections_opened"), 1000.0);
    let peak = peaks.iter().max().expect("a look at the memory");
    assert!(*peak < THOUSAND_WORKERS_KB_MAX, "{peak} kB");
}

fn peak_kb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sends_nothing_and_stores_nothing() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    let plan = |arguments: &[&str]| {
        let mut command = workspace.command(&[&["stress", "--dry-run"], arguments].concat());
        let output = command.env("PORTA_API_KEY", "SECRETSECRET").output().unwrap();
        crate::support::Ended::from(output)
    };
    let ended = plan(&["--url", &target.url, "--scenario", "medium", "--warm-up", "2s"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for words in
        ["nothing was sent", "/update", "medium, 25 workers, 500 rps, 120 s after 2 s", "60 000", "1 000"]
    {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("SECRET"), "{}", ended.stdout);
    let ended = plan(&["--url", &target.url, "--requests", "7", "--format", "json"]);
    let event: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&event["event"], &event["requests"]), (&"plan".into(), &7.into()));
    let private = workspace.porta(&["stress", "--dry-run", "--agents", "5"]);
    assert!(private.stdout.contains("a private server"), "{private:?}");
    assert!(private.stdout.contains("POST /agent/status"), "{private:?}");
    assert_eq!(target.requests(), 0);
    assert_eq!(workspace.files(), [""; 0]);
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let workspace = Workspace::new();
    for (arguments, words) in [
        (&["--rps", "5", "--ramp", "1..2"][..], "cannot be used with"),
        (&["--requests", "1000000", "--duration", "5s"], "200000 a second, and 100000 are the most"),
        (&["--ramp", "5"], "as in 100..5000"),
        (&["--scenario", "huge"], "possible values: baseline, medium, high, max, soak"),
        (&["--warm-up", "2h"], "it takes 0s to 1h"),
    ] {
        let ended = workspace.porta(&[&["stress"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}
