//! Who was the limit, what had to hold, and how runs compare: `porta stress` and `porta report compare` from the outside.

use std::time::Duration;

use serde_json::Value;

use crate::support::target::{Behaviour, Target};
use crate::support::{Ended, Workspace};

/// Runs `porta stress` against a target of the test.
async fn stress(workspace: &Workspace, target: &Target, arguments: &[&str]) -> (Ended, Value) {
    let mut all = vec!["stress", "--url", &target.url, "--quiet"];
    all.extend(arguments);
    let mut command = workspace.command(&all);
    command.env("PORTA_API_KEY", "AAAABBBBCCCCDDDD");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.into(), workspace.json(&["report", "--format", "json"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn load_too_few_workers_do_not_blame_the_server() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Slow(Duration::from_millis(50))).await;
    let arguments = ["--workers", "1", "--rps", "1000", "--duration", "3s", "--timeout", "1s"];
    let (ended, report) = stress(&workspace, &target, &arguments).await;
    assert_eq!(report["validity"]["verdict"], "generator-limited", "{ended:?}");
    assert_eq!((ended.code, &report["grade"]), (Some(5), &Value::Null), "{ended:?}");
    let reason = report["validity"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the workers were the limit: 1 worker × 5"), "{reason}");
    assert!(reason.contains("and 1000 rps were asked for"), "{reason}");
    assert!(ended.stdout.contains("NOT VALID   the workers were the limit"), "{}", ended.stdout);

    let arguments = ["--workers", "20", "--rps", "1000", "--duration", "3s", "--timeout", "1s"];
    let (_, report) = stress(&workspace, &target, &arguments).await;
    assert_eq!(report["validity"]["verdict"], "generator-limited", "they do not stand in each other's way");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_an_overloaded_server_is_blamed_although_all_workers_were_busy() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::OneByOne(Duration::from_millis(4))).await;
    let arguments = ["--workers", "20", "--rps", "1000", "--duration", "3s", "--timeout", "3s"];
    let (ended, report) = stress(&workspace, &target, &arguments).await;
    assert_eq!(report["grade"]["level"], "problem", "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("All workers were busy: 20 workers ×"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_server_that_froze_is_blamed() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    target.freeze(300, Duration::from_millis(1500));
    let arguments = ["--workers", "2", "--rps", "400", "--duration", "3s"];
    let (ended, report) = stress(&workspace, &target, &arguments).await;
    let reason = report["validity"]["reason"].as_str().unwrap();
    assert!(!reason.contains("the workers were the limit"), "{reason}");
    assert!(report["grade"]["level"] == "problem" || report["validity"]["verdict"] != "valid", "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_conditions_decide_the_exit_code() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Slow(Duration::from_millis(5))).await;
    let load = ["--rps", "200", "--duration", "2s", "--fail-on", "p95<10s", "--fail-on", "p50 > 4ms"];
    let (ended, report) = stress(&workspace, &target, &load).await;
    let valid = report["validity"]["verdict"] == "valid";
    assert_eq!(ended.code, Some(if valid { 0 } else { 5 }), "{ended:?}");
    assert_eq!(report["assertions"].as_array().unwrap().len(), 2);
    assert_eq!(report["assertions"][1]["assertion"], "p50 > 4ms");
    assert_eq!(report["assertions"][1]["passed"], true);
    assert!(ended.stdout.contains("    held    p95<10s"), "{}", ended.stdout);

    let load = ["--rps", "200", "--duration", "2s", "--fail-on", "p50<4ms", "--fail-on", "p999<10s"];
    let (ended, report) = stress(&workspace, &target, &load).await;
    let valid = report["validity"]["verdict"] == "valid";
    assert_eq!(ended.code, Some(if valid { 4 } else { 5 }), "{ended:?}");
    assert!(ended.stdout.contains("    BROKEN  p50<4ms"), "{}", ended.stdout);
    assert_eq!(report["assertions"][1]["value"], Value::Null, "400 requests are too few for a p99.9");
}

#[test]
fn a_condition_that_cannot_be_understood_is_wrong_usage() {
    let ended = Workspace::new().porta(&["stress", "--fail-on", "p90<5ms"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("`p90` is no metric: it begins with one of avg, min, max"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn load_runs_are_compared() {
    let workspace = Workspace::new();
    let fast = Target::start(Behaviour::Slow(Duration::from_millis(2))).await;
    let slow = Target::start(Behaviour::Slow(Duration::from_millis(60))).await;
    let load = ["--rps", "100", "--duration", "10s"];
    let ((_, first), (_, _)) =
        (stress(&workspace, &fast, &load).await, stress(&workspace, &slow, &load).await);
    let identity = &first["identity"];
    let stored: (String, String) = workspace
        .database()
        .query_row("SELECT config_hash, machine_hash FROM stress_test_runs WHERE id = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((&identity["config_hash"], &identity["machine_hash"]), (&stored.0.into(), &stored.1.into()));

    let compared = workspace.porta(&["report", "compare", "1", "2"]);
    assert_eq!(compared.code, Some(0), "{compared:?}");
    assert!(compared.stdout.starts_with("Run 1 compared with run 2\n\n  "), "{}", compared.stdout);
    assert!(compared.stdout.contains("Note: base_url is http://"), "{}", compared.stdout);
    let json = workspace.json(&["report", "compare", "2", "1", "--format", "json"]);
    // The median: what the machine itself holds up now and then is in the p95.
    let p50 = &json["metrics"][1];
    assert_eq!((&json["method"], &p50["metric"]), (&"windows".into(), &"p50".into()));
    assert_eq!(p50["finding"], "indicative", "{json:#}");
    assert!(p50["high_percent"].as_f64().unwrap() < -30.0, "{json:#}");

    let (_, _) = stress(&workspace, &fast, &["--rps", "110", "--duration", "2s"]).await;
    let refused = workspace.porta(&["report", "compare", "1", "3"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("target_rps is 100 in run 1, 110 in run 3"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let forced = workspace.porta(&["report", "compare", "1", "3", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(forced.stdout.contains("no interval for p95"), "{}", forced.stdout);
    let unknown = workspace.porta(&["report", "compare", "1", "9"]);
    assert!(unknown.stderr.contains("run 9 not found"), "{}", unknown.stderr);
    assert_eq!(workspace.porta(&["report", "compare", "1", "1,1"]).code, Some(2));
}
