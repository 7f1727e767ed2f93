//! A check as a test suite, for continuous integration: what is crossed, flagged red or open to tune has failed, what is
//! not known was skipped. A check that could not be made is an error.

use crate::domain::criteria::check::Check;
use crate::domain::criteria::verdict::{Colour, Status};

enum Outcome {
    Passed(String),
    Failed(String),
    Skipped(String),
    /// It could not be found out.
    Error(String),
}

/// The suite.
pub fn suite(check: &Check) -> String {
    let criteria = check.criteria.iter().map(|criterion| {
        let text = format!(
            "{} is {}, the threshold {}",
            criterion.label,
            super::value(criterion),
            super::threshold(criterion)
        );
        let outcome = match criterion.status {
            Status::Safe => Outcome::Passed(text),
            Status::Near => Outcome::Passed(format!("near: {text}")),
            Status::Crossed => Outcome::Failed(format!("{text}. {}", criterion.reason)),
            Status::NoData => Outcome::Skipped(format!("no data on {}", criterion.label)),
        };
        ("criteria", criterion.id.id(), outcome)
    });
    let flags = check.flags.iter().map(|flag| {
        let class = if flag.colour == Colour::Red { "flags.red" } else { "flags.yellow" };
        let outcome = match (flag.raised, flag.colour) {
            (Some(true), Colour::Red) => Outcome::Failed(flag.detail.clone()),
            (Some(true), Colour::Yellow) => Outcome::Passed(format!("raised: {}", flag.detail)),
            (Some(false), _) => Outcome::Passed(flag.detail.clone()),
            (None, _) => Outcome::Skipped(flag.detail.clone()),
        };
        (class, flag.id.id(), outcome)
    });
    let findings = check.findings.iter().map(|finding| {
        let text = format!("{}. {} {}", finding.title, finding.evidence, finding.setting);
        let outcome = if finding.accepted { Outcome::Passed(text) } else { Outcome::Failed(text) };
        ("findings", finding.id.id(), outcome)
    });
    let check_itself =
        (!check.was_made()).then(|| ("criteria", "check", Outcome::Error(check.reason.clone()))).into_iter();
    let cases: Vec<_> = criteria.chain(flags).chain(findings).chain(check_itself).collect();
    let count = |is: fn(&Outcome) -> bool| cases.iter().filter(|(_, _, outcome)| is(outcome)).count();
    let (failed, errors, skipped) = (
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Error(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites>\n<testsuite name=\"porta criteria\" tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"0\" timestamp=\"{}\">\n",
        cases.len(),
        check.checked_at,
    ));
    let verdict = format!("{}: {}", check.verdict.name(), check.reason);
    text.push_str(&format!(
        "<properties><property name=\"verdict\" value=\"{}\"/></properties>\n",
        escaped(&verdict)
    ));
    cases.iter().for_each(|(class, name, outcome)| text.push_str(&case(class, name, outcome)));
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

fn case(class: &str, name: &str, outcome: &Outcome) -> String {
    let inner = match outcome {
        Outcome::Passed(detail) => format!("<system-out>{}</system-out>", escaped(detail)),
        Outcome::Failed(detail) => format!("<failure message=\"{}\"/>", escaped(detail)),
        Outcome::Error(detail) => format!("<error message=\"{}\"/>", escaped(detail)),
        Outcome::Skipped(detail) => format!("<skipped message=\"{}\"/>", escaped(detail)),
    };
    format!("<testcase classname=\"porta.{class}\" name=\"{name}\" time=\"0\">{inner}</testcase>\n")
}

/// XML has no place for most control characters, not even as references.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
