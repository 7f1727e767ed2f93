//! A check for people: the answer first, the evidence under it, the next step last.

use anstyle::Style;

use crate::domain::criteria::check::{Check, When};
use crate::domain::criteria::forecast::Forecast;
use crate::domain::criteria::verdict::{Colour, Status, Verdict};
use crate::render::style::{BAD, GOOD, QUIET, STRONG, WARNING, styled};

/// The whole check.
pub fn check(check: &Check, db: &str) -> String {
    let mut text = format!("{}   checked {} UTC", styled(STRONG, db), check.checked_at.to_minute());
    let sources = sources(check);
    if !sources.is_empty() {
        text.push_str(&format!("   evidence: {sources}"));
    }
    let word = check.rung.map_or_else(|| check.verdict.name().to_uppercase(), |rung| rung.as_str().into());
    text.push_str(&format!("\n\n  {}   {}\n\n", styled(of_verdict(check.verdict), &word), check.reason));
    if !check.was_made() {
        text.push_str(next(check).trim_start_matches('\n'));
        return text;
    }
    text.push_str(&criteria(check));
    text.push_str(&format!(
        "\n  yellow flags: {}      red flags: {}\n",
        flags(check, Colour::Yellow),
        flags(check, Colour::Red)
    ));
    text.push_str(&details(check));
    text.push_str(&format!("  leading:   {}\n", leading(check)));
    text.push_str(&findings(check));
    text.push_str(&next(check));
    text
}

/// The colour of a verdict.
pub fn of_verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => GOOD,
        Verdict::Warning | Verdict::Unknown => WARNING,
        Verdict::Critical => BAD,
    }
}

/// Where the values come from, each source once.
fn sources(check: &Check) -> String {
    let mut names: Vec<String> = Vec::new();
    for evidence in check.criteria.iter().filter_map(|criterion| criterion.evidence.as_ref()) {
        let name = evidence.source.name();
        let shown = match &evidence.source {
            crate::domain::criteria::evidence::Source::Run { .. } => evidence.text.clone(),
            _ => name,
        };
        if !names.contains(&shown) {
            names.push(shown);
        }
    }
    names.join("; ")
}

fn criteria(check: &Check) -> String {
    let mut rows = vec![["criterion", "now", "threshold", "status", "forecast"].map(str::to_owned)];
    rows.extend(check.criteria.iter().map(|criterion| {
        [
            criterion.label.clone(),
            super::value(criterion),
            super::threshold(criterion),
            criterion.status.as_str().to_owned(),
            forecast(&criterion.forecast),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..5).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let style =
            number.checked_sub(1).and_then(|index| check.criteria.get(index)).map(
                |criterion| match criterion.status {
                    Status::Safe => GOOD,
                    Status::Near | Status::NoData => WARNING,
                    Status::Crossed => BAD,
                },
            );
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            match column {
                1 | 2 => line.push_str(&format!(" {gap}{cell}   ")),
                3 => line.push_str(&format!(
                    " {}{gap}   ",
                    style.map_or_else(|| cell.clone(), |style| styled(style, cell))
                )),
                _ => line.push_str(&format!(" {cell}{gap}   ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// As narrow as the window may be.
fn forecast(forecast: &Forecast) -> String {
    match forecast {
        Forecast::TooShort { points, needed } => format!("too early: {points} of {needed} days"),
        forecast => forecast.text(),
    }
}

/// What is known of the leading indicators.
fn leading(check: &Check) -> String {
    let known = check.leading.iter().filter(|indicator| indicator.value.is_some());
    let known: Vec<_> = known.map(|indicator| format!("{} {}", indicator.label, indicator.detail)).collect();
    if known.is_empty() { "no server has been observed".into() } else { known.join(", ") }
}

fn flags(check: &Check, colour: Colour) -> String {
    let raised: Vec<_> = super::raised(check, colour).map(|flag| flag.id.id()).collect();
    if raised.is_empty() {
        return "none".into();
    }
    let style = if colour == Colour::Red { BAD } else { WARNING };
    styled(style, &raised.join(", "))
}

/// The figures behind the raised flags.
fn details(check: &Check) -> String {
    let raised = super::raised(check, Colour::Red).chain(super::raised(check, Colour::Yellow));
    raised.map(|flag| format!("    {}: {}\n", flag.id.id(), flag.detail)).collect()
}

fn findings(check: &Check) -> String {
    let mut text = String::new();
    for finding in &check.findings {
        if text.is_empty() {
            text.push_str("\n  What can be tuned:\n");
        }
        if finding.accepted {
            text.push_str(&format!("  · {}\n", styled(QUIET, &format!("{} (accepted)", finding.title))));
            continue;
        }
        text.push_str(&format!("  · {}\n", styled(STRONG, &finding.title)));
        text.push_str(&format!("    {}\n", finding.evidence));
        text.push_str(&format!("    {}\n", finding.setting));
    }
    text
}

/// What to do now and next, why what is worst matters, and how this ends.
fn next(check: &Check) -> String {
    let mut text = String::from("\n");
    let worst = check.criteria.iter().filter(|criterion| criterion.status >= Status::Near);
    for criterion in worst {
        text.push_str(&format!("  Why {} matters: {}\n", criterion.label, criterion.reason));
    }
    for step in check.plan.iter().filter(|step| step.when != When::Later) {
        let when = if step.when == When::Now { "Now" } else { "Next" };
        text.push_str(&format!("  {when}: {}\n", step.action));
    }
    let verdict = check.verdict.name();
    let whole = if check.was_made() { " The whole plan: --format markdown" } else { "" };
    text.push_str(&format!("  Verdict: {verdict}, exit code {}.{whole}\n", check.exit_code));
    text
}
