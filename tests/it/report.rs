//! `porta report`.

use crate::support::Workspace;

#[test]
fn runs_are_listed_newest_first_and_shown() {
    let workspace = Workspace::new();
    for rps in ["10", "20"] {
        assert_eq!(workspace.porta(&["stress", "-q", "--rps", rps, "--duration", "1s"]).code, Some(5));
    }
    let list = workspace.porta(&["report", "list"]).stdout;
    let first_cells: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first_cells, ["run", "2", "1"]);
    let runs = workspace.json(&["report", "list", "--limit", "1", "--format", "json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!((&runs[0]["id"], &runs[0]["target_rps"]), (&2.into(), &20.into()));
    assert_eq!(runs[0]["validity"], "too-few-samples");

    let latest = workspace.porta(&["report"]).stdout;
    assert!(latest.starts_with("Run 2 "), "{latest}");
    assert_eq!(latest, workspace.porta(&["report", "show", "2"]).stdout);
    let first = workspace.json(&["report", "show", "1", "--format", "json"]);
    assert_eq!((&first["run_id"], &first["config"]["target_rps"]), (&1.into(), &10.into()));
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let none = workspace.porta(&["report"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.stderr.contains("porta.db has none yet") && none.stderr.contains("porta stress"),
        "{}",
        none.stderr
    );
    let unknown = workspace.porta(&["report", "show", "3"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("run 3 not found"), "{}", unknown.stderr);
    assert_eq!(workspace.porta(&["report", "show", "three"]).code, Some(2));
    assert_eq!(workspace.json(&["report", "list", "--format", "json"]), serde_json::json!([]));
}
