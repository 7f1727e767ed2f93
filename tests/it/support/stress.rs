//! Runs of `porta stress` beside targets of the test's own, and what they report.

use serde_json::Value;

use super::{Ended, Workspace};

/// Runs `porta stress` against `url` beside the test's own tasks, and returns its end and its report.
pub async fn stress(workspace: &Workspace, url: &str, arguments: &[&str]) -> (Ended, Value) {
    stress_with(workspace, url, &[("PORTA_API_KEY", "AAAABBBBCCCCDDDD")], arguments).await
}

/// The same in another environment.
pub async fn stress_with(
    workspace: &Workspace,
    url: &str,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (Ended, Value) {
    let mut all = vec!["stress", "--url", url, "--quiet", "--output", "report.json"];
    all.extend(arguments);
    let mut command = workspace.command(&all);
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report = std::fs::read(workspace.path().join("report.json"));
    let report = report.map_or(Value::Null, |json| serde_json::from_slice(&json).unwrap_or(Value::Null));
    (output.into(), report)
}

/// A number in a report, by its JSON pointer.
pub fn number(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {report:#}"))
}

/// Nothing that made requests wait may be hidden. What the machine itself holds up meanwhile comes on top, up to a half.
pub fn assert_shown(actual: f64, expected: f64, what: &str) {
    assert!((expected * 0.95..=expected * 1.5).contains(&actual), "{what} is {actual}, expected {expected}");
}
