//! The lists of `porta criteria`: criteria, and checks that were stored.

use serde::Serialize;

use crate::domain::criteria::backtest::Backtest;
use crate::domain::criteria::checklist::{Item, Part, State};
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::observation::StoredCheck;
use crate::render::style::{GOOD, QUIET, WARNING, styled};
use crate::render::table::{self, Column::Left, Column::Right};

/// A criterion, for programs.
#[derive(Debug, Serialize)]
pub struct Listed {
    id: Measure,
    label: &'static str,
    unit: &'static str,
    threshold: f64,
    reason: &'static str,
}

/// The criteria with their thresholds, for programs.
pub fn listed(thresholds: &Thresholds) -> Vec<Listed> {
    let listed = |id: Measure| Listed {
        id,
        label: id.label(),
        unit: id.unit(),
        threshold: id.threshold(thresholds),
        reason: id.reason(),
    };
    Measure::ALL.into_iter().map(listed).collect()
}

/// The criteria with their thresholds.
pub fn criteria(thresholds: &Thresholds) -> String {
    let row = |measure: &Measure| {
        let threshold = measure.text(measure.threshold(thresholds));
        let crossed = if measure.crosses_at_threshold() { "at" } else { "above" };
        vec![
            measure.id().to_owned(),
            measure.label().to_owned(),
            format!("{crossed} {threshold}"),
            measure.reason().to_owned(),
        ]
    };
    let columns = [Left("id"), Left("criterion"), Left("crossed"), Left("why it matters")];
    table::of(&columns, Measure::ALL.iter().map(row))
}

/// Checks, newest first.
pub fn history(checks: &[StoredCheck]) -> String {
    let row = |check: &StoredCheck| {
        let shown = |measure: Measure, value: Option<f64>| {
            value.map_or_else(|| "–".into(), |value| measure.text(value))
        };
        vec![
            check.checked_at.to_minute(),
            check.verdict.name().to_owned(),
            check.rung.clone().unwrap_or_else(|| "–".into()),
            shown(Measure::Agents, check.agents),
            shown(Measure::P95, check.p95),
            shown(Measure::Cv, check.cv),
            shown(Measure::DbSize, check.db_size),
            shown(Measure::Rps, check.rps),
            check.reason.clone(),
        ]
    };
    let columns = [
        Left("checked (UTC)"),
        Left("verdict"),
        Left("step"),
        Right("agents"),
        Right("p95"),
        Right("CV"),
        Right("size"),
        Right("requests"),
        Left("why"),
    ];
    table::of(&columns, checks.iter().map(row))
}

/// How often thresholds would have raised an alarm.
pub fn backtest(result: &Backtest, days: u32) -> String {
    if result.checks == 0 {
        return format!(
            "No check of the last {days} days has kept its evidence: run `porta criteria check` from cron.\n"
        );
    }
    let from = result.episodes.first().map_or_else(String::new, |episode| episode.from.to_minute());
    let mut text = format!(
        "{} checks since {from} UTC, one an hour, judged by these thresholds.\nSomebody would have been told {} times.\n\n",
        result.checks, result.changes
    );
    let share = |count: u64| format!("{count} of {}", result.checks);
    let verdicts = result.verdicts.iter().map(|(verdict, count)| vec![verdict.name().into(), share(*count)]);
    text.push_str(&table::of(&[Left("verdict"), Right("checks")], verdicts));
    let crossed = result.crossed.iter().map(|(id, count)| (id.id(), "crossed", count));
    let near = result.near.iter().map(|(id, count)| (id.id(), "near", count));
    let flags = result.flags.iter().map(|(id, count)| (id.id(), "flag", count));
    let findings = result.findings.iter().map(|(id, count)| (id.id(), "to tune", count));
    let causes = crossed.chain(near).chain(flags).chain(findings);
    let causes = causes.map(|(id, what, count)| vec![id.to_owned(), what.to_owned(), share(*count)]);
    text.push('\n');
    text.push_str(&table::of(&[Left("cause"), Left("what"), Right("checks")], causes));
    let episodes = result.episodes.iter().map(|episode| {
        vec![
            episode.from.to_minute(),
            episode.to.to_minute(),
            episode.verdict.name().to_owned(),
            episode.checks.to_string(),
            episode.reason.clone(),
        ]
    });
    let columns = [Left("from (UTC)"), Left("to (UTC)"), Left("verdict"), Right("checks"), Left("why")];
    text.push('\n');
    text.push_str(&table::of(&columns, episodes));
    text
}

/// The checklist for people.
pub fn checklist(items: &[Item]) -> String {
    let mut text = String::new();
    for part in PARTS {
        text.push_str(&format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, name_of(part)));
        for item in items.iter().filter(|item| item.part == part) {
            let (sign, word, style) = match item.state {
                State::Done => ("✓", "done", GOOD),
                State::NotDone => ("✗", "not done", WARNING),
                State::NotPossibleYet => ("–", "not possible yet", QUIET),
            };
            let state = styled(style, &format!("{sign} {word}"));
            text.push_str(&format!("  {state}   {} ({})\n", item.text, item.found));
            if item.state != State::Done {
                text.push_str(&format!("      how:   {}\n", item.how_to));
            }
        }
    }
    text
}

/// The checklist for a report.
pub fn checklist_markdown(items: &[Item]) -> String {
    let mut text = String::new();
    for part in PARTS {
        text.push_str(&format!("{}## {}\n\n", if text.is_empty() { "" } else { "\n" }, name_of(part)));
        for item in items.iter().filter(|item| item.part == part) {
            let mark = if item.state == State::Done { "x" } else { " " };
            let how =
                if item.state == State::Done { String::new() } else { format!(". How: {}", item.how_to) };
            text.push_str(&format!("- [{mark}] {} ({}){how}\n", item.text, item.found));
        }
    }
    text
}

const PARTS: [Part; 3] = [Part::Preparation, Part::Adoption, Part::Monitoring];

fn name_of(part: Part) -> &'static str {
    match part {
        Part::Preparation => "Preparation",
        Part::Adoption => "Adoption",
        Part::Monitoring => "Monitoring",
    }
}
