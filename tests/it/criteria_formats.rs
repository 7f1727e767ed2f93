//! The formats of `porta criteria check`, each as its readers have it.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use crate::criteria::{check, judged};
use crate::support::remembered::{self, Minute};
use crate::support::{Workspace, skip};

/// Label, value, unit; where a warning and where an alarm begins, and the least that can be.
type Datum = (String, Option<f64>, String, [f64; 3]);

/// A line as the Monitoring Plugins Development Guidelines have it: state, text, and `label=value[unit];warn;crit;min`.
fn parse_nagios(line: &str) -> (String, Vec<Datum>) {
    assert_eq!(line.matches('\n').count(), 1, "one line: {line:?}");
    let (text, data) = line.trim_end().split_once(" | ").expect("performance data");
    let (state, why) = text.strip_prefix("PORTA ").expect("the name").split_once(" - ").expect("a reason");
    assert!(["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&state), "{state}");
    assert!(!why.is_empty() && !why.contains('|'));
    let datum = |datum: &str| {
        let (label, value) = datum.split_once('=').expect("a label");
        assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{label}");
        let mut parts = value.split(';');
        let value = parts.next().unwrap();
        let numeric = value.find(|c: char| !"0123456789.-".contains(c)).unwrap_or(value.len());
        let (number, unit) = value.split_at(numeric);
        assert!(["", "ms", "%", "B", "U"].contains(&unit), "{unit}");
        let known = if unit == "U" { None } else { Some(number.parse().expect("a number")) };
        let ranges: Vec<f64> = parts.map(|range| range.parse().expect("a range")).collect();
        let ranges: [f64; 3] = ranges.try_into().expect("warn, crit and min");
        assert!(ranges[0] <= ranges[1] && ranges[2] == 0.0, "{ranges:?}");
        (label.to_owned(), known, unit.to_owned(), ranges)
    };
    (state.to_owned(), data.split(' ').map(datum).collect())
}

#[test]
fn nagios_reads_the_line() {
    let workspace = remembered::database(&[Minute { requests: 3600, ..Minute::QUIET }]);
    let ended = check(&workspace, &["--format", "nagios"]);
    let (state, data) = parse_nagios(&ended.stdout);
    assert_eq!((state.as_str(), ended.code), ("WARNING", Some(1)), "{ended:?}");
    let labels: Vec<_> = data.iter().map(|(label, ..)| label.as_str()).collect();
    assert_eq!(labels, ["agents", "p95", "cv", "db_size", "rps"]);
    assert_eq!(data[0].3, [3.0, 5.0, 0.0]);
    assert_eq!((data[1].2.as_str(), data[1].3), ("ms", [1800.0, 2000.0, 0.0]));
    assert_eq!(data[3].3, [50e6, 100e6, 0.0]);
    assert_eq!((data[4].1, data[4].3), (Some(60.0), [45.0, 50.0, 0.0]));
    let fresh = remembered::database(&[]);
    let (state, data) = parse_nagios(&check(&fresh, &["--format", "nagios"]).stdout);
    assert_eq!((state.as_str(), data[1].1), ("UNKNOWN", None));
    let missing = Workspace::new().porta(&["criteria", "check", "--format", "nagios"]);
    assert!(
        missing.stdout.starts_with("PORTA UNKNOWN - cannot open "),
        "monitoring shows standard output only: {missing:?}"
    );
    assert_eq!((missing.stdout.lines().count(), missing.code), (1, Some(3)));
}

/// Its own tool accepts the text, where that is installed.
pub fn read_by_prometheus(metrics: &str) {
    let started = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let Ok(mut promtool) = started else { return skip("promtool is not installed") };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    assert!(promtool.wait().unwrap().success());
}

#[test]
fn prometheus_reads_the_file_which_is_replaced_at_once() {
    for minutes in [&[][..], &[Minute::QUIET], &[Minute { status: 503, utilisation: 0.99, ..Minute::QUIET }]]
    {
        let workspace = remembered::database(minutes);
        let file = workspace.path().join("porta.prom");
        std::fs::write(&file, "old").unwrap();
        let old = std::fs::File::open(&file).unwrap();
        let code =
            check(&workspace, &["--format", "prometheus", "--output", file.to_str().unwrap(), "--quiet"]);
        assert_eq!(code.stdout, "");
        let metrics = std::fs::read_to_string(&file).unwrap();
        assert!(metrics.contains(&format!("\nporta_criteria_verdict {}\n", code.code.unwrap())), "{metrics}");
        assert_ne!(
            old.metadata().unwrap().ino(),
            file.metadata().unwrap().ino(),
            "written over, it could be read half"
        );
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o644, "the collector is another user");
        assert!(!workspace.files().iter().any(|name| name.starts_with(".porta")), "{:?}", workspace.files());
        read_by_prometheus(&metrics);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_unknown() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let ended = check(&workspace, &["--output", "/no/such/folder/porta.prom"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("error: cannot write /no/such/folder/porta.prom"), "{ended:?}");
}

#[test]
fn junit_counts_what_has_failed() {
    let workspace = remembered::database(&[Minute { status: 503, requests: 3600, ..Minute::QUIET }]);
    let suite = check(&workspace, &["--format", "junit"]).stdout;
    let count = |words: &str| suite.matches(words).count();
    let attribute = |name: &str| -> usize {
        let (_, rest) = suite.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    assert!(suite.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"));
    assert_eq!((attribute("tests"), attribute("failures")), (count("<testcase "), count("<failure ")));
    assert_eq!(
        (attribute("skipped"), count("<failure ")),
        (count("<skipped "), 2),
        "rps and server_errors: {suite}"
    );
    assert!(suite.contains("<testcase classname=\"porta.flags.red\" name=\"server_errors\""));
    match Command::new("xmllint").args(["--noout", "-"]).stdin(Stdio::piped()).spawn() {
        Ok(mut lint) => {
            lint.stdin.take().unwrap().write_all(suite.as_bytes()).unwrap();
            assert!(lint.wait().unwrap().success());
        }
        Err(_) => skip("xmllint is not installed"),
    }
}

#[test]
fn markdown_ends_in_a_plan_and_the_table_in_what_to_do() {
    let minute = Minute { requests: 3600, utilisation: 0.99, ..Minute::QUIET };
    let workspace = remembered::database(&minute.repeated(5));
    let markdown = check(&workspace, &["--format", "markdown"]).stdout;
    for words in
        ["| requests | 60.0 rps | 50.0 rps | crossed |", "\n## Now\n", "\n## Redis: ", "\n## PostgreSQL: "]
    {
        assert!(markdown.contains(words), "{words}: {markdown}");
    }
    let table = check(&workspace, &[]).stdout;
    assert!(
        table.contains("Why requests matters: ") && table.contains("Verdict: critical, exit code 2"),
        "{table}"
    );
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(!table.contains('\u{1b}'), "no colour where nobody sees it");
}

/// Without what differs from one machine, moment or schema to the next.
fn stable(text: &str) -> String {
    let text = between(text, "checked ", " UTC", "YYYY-MM-DD HH:MM");
    let text = between(&text, "growth not known, ", " free", "SPACE");
    ["kB", "of 8 days"].iter().fold(text, |text, behind| without_number(&text, behind))
}

fn between(text: &str, before: &str, behind: &str, word: &str) -> String {
    let Some((start, rest)) = text.split_once(before) else { return text.to_owned() };
    let (_, end) = rest.split_once(behind).unwrap_or_else(|| panic!("{behind} in {rest}"));
    format!("{start}{before}{word}{behind}{end}")
}

/// Each digit of the numbers before these words becomes an N.
fn without_number(text: &str, behind: &str) -> String {
    let parts: Vec<_> = text.split(&format!(" {behind}")).collect();
    let (last, others) = parts.split_last().unwrap();
    let others = others.iter().map(|part| {
        let start = part.trim_end_matches(|c: char| c.is_ascii_digit());
        format!("{start}{} {behind}", "N".repeat(part.len() - start.len()))
    });
    others.collect::<String>() + *last
}

/// Whole: what stands where, in which words, is what people read.
#[test]
fn table_and_markdown_are_as_they_were_read() {
    // Three hours and a half ago: for the next half an hour that is three hours.
    let busy = Minute { ago: 210, requests: 3600, utilisation: 0.99, agents: 4, ..Minute::QUIET };
    let (busy, quiet) = (busy.repeated(5), Minute { ago: 215, ..Minute::QUIET }.repeated(5));
    for (name, minutes) in [("quiet", quiet.clone()), ("busy", [quiet, busy].concat())] {
        let workspace = remembered::database(&minutes);
        for format in ["table", "markdown"] {
            let text = workspace.porta(&["criteria", "check", "--no-store", "--format", format]).stdout;
            insta::assert_snapshot!(format!("{name}_{format}"), stable(&text));
        }
    }
    let workspace = remembered::database(&[]);
    for format in ["table", "markdown"] {
        let impossible = ["--config", "none.toml", "--format", format, "--output", "check"];
        workspace.porta(&[&["criteria", "check"], &impossible[..]].concat());
        let text = std::fs::read_to_string(workspace.path().join("check")).unwrap();
        insta::assert_snapshot!(format!("impossible_{format}"), stable(&text));
    }
}

#[test]
fn thresholds_are_written_read_and_listed() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let written = workspace.porta(&["criteria", "init"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let before = judged(&workspace, &["--no-store"]);
    let file = workspace.path().join("criteria.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(workspace.porta(&["criteria", "init"]).code, Some(3), "it is not written over");
    assert_eq!(before["verdict"], "ok");
    let changed = text.replace("\nrps = 50 ", "\nrps = 7 ");
    assert_ne!(changed, text);
    std::fs::write(&file, changed).unwrap();
    let listed = workspace.json(&["criteria", "list", "--format", "json"]);
    assert_eq!((&listed[4]["id"], &listed[4]["threshold"]), (&"rps".into(), &7.0.into()));
    assert_eq!(judged(&workspace, &["--no-store"])["verdict"], "warning");
}
