//! `porta criteria check` where the database cannot be read any more: that is a verdict, shown and told as any other.

use std::path::PathBuf;

use serde_json::Value;

use crate::criteria::{check, judged};
use crate::criteria_alerts::{hook, told};
use crate::criteria_formats::read_by_prometheus;
use crate::support::Workspace;
use crate::support::remembered::{self, Minute};

fn away(workspace: &Workspace) -> PathBuf {
    workspace.path().join("away.db")
}

/// Puts what is no database in its place.
fn break_it(workspace: &Workspace) {
    std::fs::rename(workspace.db(), away(workspace)).unwrap();
    std::fs::write(workspace.db(), "no database\n").unwrap();
}

fn mend_it(workspace: &Workspace) {
    std::fs::rename(away(workspace), workspace.db()).unwrap();
}

#[test]
fn it_is_told_once_and_so_is_that_it_is_well_again() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook, "--quiet", "--format", "nagios"]);
    assert_eq!((run().stdout.as_str(), told(&workspace).len()), ("", 0));
    break_it(&workspace);
    let first = run();
    assert!(first.stdout.starts_with("PORTA UNKNOWN - cannot open "), "{first:?}");
    assert_eq!((first.code, told(&workspace)), (Some(3), vec![]), "damping is that of any change");
    assert_eq!((run().code, told(&workspace)), (Some(3), vec!["ok unknown 3".to_owned()]));
    assert_eq!((run().code, told(&workspace).len()), (Some(3), 1), "and not again");
    mend_it(&workspace);
    assert_eq!(run().stdout.lines().count(), 1, "that it is well again is news");
    assert_eq!((run().code, told(&workspace)[1..].to_vec()), (Some(0), vec!["unknown ok 0".to_owned()]));
    assert_eq!((run().stdout.as_str(), told(&workspace).len()), ("", 2));
    let history = workspace.json(&["criteria", "history", "--format", "json"]);
    assert_eq!(history.as_array().unwrap().len(), 4, "what it cannot store it does not store: {history}");
}

#[test]
fn one_that_is_gone_is_told_as_well() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    assert_eq!(check(&workspace, &[]).code, Some(0));
    std::fs::remove_file(workspace.db()).unwrap();
    let gone = || check(&workspace, &["--hook", &hook, "--damping", "1"]);
    assert_eq!((gone().code, gone().code), (Some(3), Some(3)));
    assert_eq!(told(&workspace), ["ok unknown 3"]);
    assert!(!workspace.db().exists(), "none is made");
}

#[test]
fn what_no_check_has_seen_before_is_told_by_each() {
    let workspace = Workspace::new();
    let hook = hook(&workspace);
    for _ in 0..2 {
        assert_eq!(check(&workspace, &["--hook", &hook]).code, Some(3));
    }
    assert_eq!(told(&workspace), ["ok unknown 3", "ok unknown 3"]);
    assert_eq!(workspace.files(), ["told"], "beside what may be no place of porta's nothing is made");
}

#[test]
fn the_file_of_prometheus_does_not_stay_behind() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let file = workspace.path().join("porta.prom");
    let run = || check(&workspace, &["--format", "prometheus", "--output", file.to_str().unwrap()]).code;
    let metrics = || std::fs::read_to_string(&file).unwrap();
    assert_eq!(run(), Some(0));
    let known = metrics();
    assert!(known.contains("\nporta_criteria_verdict 0\n") && known.contains("porta_criteria_value{"));
    break_it(&workspace);
    assert_eq!(run(), Some(3));
    let unknown = metrics();
    assert!(unknown.contains("\nporta_criteria_verdict 3\n"), "{unknown}");
    assert!(unknown.contains("\nporta_criteria_last_check_timestamp_seconds 1"), "{unknown}");
    assert!(!unknown.contains('{'), "old values would look like new ones: {unknown}");
    read_by_prometheus(&unknown);
}

#[test]
fn every_format_says_why() {
    let workspace = remembered::database(&[Minute::QUIET]);
    break_it(&workspace);
    let run = |format: &str| {
        let ended = check(&workspace, &["--format", format]);
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(3), 1), "{ended:?}");
        ended.stdout
    };
    let why = "file is not a database";
    let table = run("table");
    assert_eq!(table, "", "standard error says it");
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!((&json["verdict"], &json["exit_code"]), (&"unknown".into(), &3.into()));
    assert!(
        json["reason"].as_str().unwrap().contains(why) && json["plan"][0]["action"].is_string(),
        "{json}"
    );
    let line = run("nagios");
    assert!(line.contains(why) && line.lines().count() == 1 && !line.contains('|'), "{line}");
    let suite = run("junit");
    assert!(suite.contains(" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" "), "{suite}");
    assert!(suite.contains("<error message=\"cannot open "), "{suite}");
    let markdown = run("markdown");
    assert!(markdown.starts_with("# UNKNOWN: cannot open ") && markdown.contains("\n## Now\n"), "{markdown}");
    let file = workspace.path().join("table.txt");
    assert_eq!(check(&workspace, &["--output", file.to_str().unwrap()]).code, Some(3));
    let table = std::fs::read_to_string(file).unwrap();
    assert!(table.contains("  UNKNOWN   cannot open ") && table.contains("  Now: "), "{table}");
    assert!(judged(&workspace, &[])["criteria"].as_array().unwrap().is_empty());
}

#[test]
fn thresholds_that_cannot_be_read_are_told_too() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook, "--damping", "1"]);
    assert_eq!(run().code, Some(0));
    std::fs::write(workspace.path().join("criteria.toml"), "[criteria]\nrps = none\n").unwrap();
    let broken = run();
    assert!(broken.code == Some(3) && broken.stderr.contains("criteria.toml"), "{broken:?}");
    assert_eq!(broken.stderr.lines().count(), 1, "{broken:?}");
    assert_eq!(told(&workspace), ["ok unknown 3"]);
    let wrong = check(&workspace, &["--hook", &hook, "--nonsense"]);
    assert_eq!((wrong.code, told(&workspace).len()), (Some(3), 1), "of wrong arguments nobody is told");
}
