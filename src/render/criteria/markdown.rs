//! A check for a report, with its plan.

use crate::domain::criteria::check::{Check, Remedy, When};
use crate::domain::criteria::verdict::Colour;

/// The whole check.
pub fn report(check: &Check, db: &str) -> String {
    let mut text = format!("# {}: {}\n\n", heading(check), line(&check.reason));
    text.push_str(&format!("`{db}`, checked {} UTC\n", check.checked_at.to_minute()));
    if check.was_made() {
        tables(check, &mut text);
    }
    findings(check, &mut text);
    text.push_str(&plan(check));
    text.push_str(&remedies(&check.remedies));
    text
}

/// Criteria, flags and leading indicators.
fn tables(check: &Check, text: &mut String) {
    text.push_str(
        "\n| criterion | now | threshold | status | evidence | forecast |\n|---|---:|---:|---|---|---|\n",
    );
    for criterion in &check.criteria {
        let evidence = criterion.evidence.as_ref().map_or("none", |evidence| &evidence.text);
        text.push_str(&row(&[
            &criterion.label,
            &super::value(criterion),
            &super::threshold(criterion),
            criterion.status.as_str(),
            evidence,
            &criterion.forecast.text(),
        ]));
    }
    for (colour, name) in [(Colour::Red, "Red flags"), (Colour::Yellow, "Yellow flags")] {
        text.push_str(&format!("\n{name}: {}\n", flags(check, colour)));
    }
    text.push_str("\n| leading indicator | |\n|---|---|\n");
    check.leading.iter().for_each(|indicator| text.push_str(&row(&[&indicator.label, &indicator.detail])));
}

/// `WATCH (warning)`.
pub fn heading(check: &Check) -> String {
    let verdict = check.verdict.name();
    check.rung.map_or_else(|| verdict.to_uppercase(), |rung| format!("{} ({verdict})", rung.as_str()))
}

fn flags(check: &Check, colour: Colour) -> String {
    let raised: Vec<_> = super::raised(check, colour).map(|flag| flag.detail.as_str()).collect();
    if raised.is_empty() { "none".into() } else { line(&raised.join("; ")) }
}

fn findings(check: &Check, text: &mut String) {
    if check.findings.is_empty() {
        return;
    }
    text.push_str("\n## What can be tuned\n\n");
    for finding in &check.findings {
        let accepted = if finding.accepted { " (accepted)" } else { "" };
        text.push_str(&format!(
            "- **{}**{accepted}: {} {}\n",
            line(&finding.title),
            line(&finding.evidence),
            line(&finding.setting)
        ));
    }
}

/// What to do, in order.
pub fn plan(check: &Check) -> String {
    let mut text = String::new();
    for (when, name) in [(When::Now, "Now"), (When::Next, "Next"), (When::Later, "Later")] {
        let mut steps = check.plan.iter().filter(|step| step.when == when).peekable();
        if steps.peek().is_some() {
            text.push_str(&format!("\n## {name}\n\n"));
        }
        steps.for_each(|step| text.push_str(&format!("- {}: {}\n", line(&step.action), line(&step.why))));
    }
    text
}

/// What another system would do here.
pub fn remedies(remedies: &[Remedy]) -> String {
    let mut text = String::new();
    for remedy in remedies {
        let indicated =
            if remedy.indicated { "the evidence asks for it" } else { "nothing here asks for it" };
        text.push_str(&format!("\n## {}: {indicated}\n\n", remedy.name));
        remedy.fixes.iter().for_each(|fix| text.push_str(&format!("- would fix: {}\n", line(fix))));
        remedy
            .does_not_fix
            .iter()
            .for_each(|fix| text.push_str(&format!("- would not fix: {}\n", line(fix))));
    }
    text
}

/// A row of a table.
pub fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
