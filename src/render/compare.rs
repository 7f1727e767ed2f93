//! Runs side by side: the answer first, then the figures, then what to keep in mind.

use super::style::{BAD, GOOD, QUIET, STRONG, WARNING, styled};
use super::table::{self, Column};
use super::wrap::wrapped;
use crate::domain::comparison::{Compared, Comparison, Method, Metric};
use crate::domain::statistics::compare::Finding;
use crate::domain::unit;

use self::Column::{Left, Right};

/// The comparison, in lines of at most `width` columns.
pub fn comparison(comparison: &Comparison, width: usize) -> String {
    let list = |runs: &[crate::domain::id::RunId]| {
        runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let word = |count: usize| if count == 1 { "run" } else { "runs" };
    let (before, after) = (&comparison.before, &comparison.after);
    let title = format!(
        "{} {} compared with {} {}",
        capital(word(before.len())),
        list(before),
        word(after.len()),
        list(after)
    );
    let mut text =
        format!("{}\n\n  {}\n\n", styled(STRONG, &title), styled(style(comparison), &comparison.answer));
    let table = table::of(
        &[Left("figure"), Right("before"), Right("after"), Right("change"), Left("interval"), Left("")],
        comparison.metrics.iter().map(row),
    );
    text.extend(table.lines().map(|line| format!("  {line}\n")));
    let warnings = &comparison.warnings;
    if !warnings.is_empty() {
        text.push('\n');
        text.extend(warnings.iter().map(|warning| format!("  {} {warning}\n", styled(WARNING, "Note:"))));
    }
    text.push('\n');
    let how = match comparison.method {
        _ if comparison.metrics.iter().all(|compared| compared.finding.is_none()) => {
            "An interval takes runs of 10 s at least, with enough requests."
        }
        Method::Windows => {
            "The intervals hold for 95 of 100 comparisons, as far as each run's own seconds tell. Whether the difference is \
             real, repeats show: five runs of each, in turn, then porta report compare 1,3,5,7,9 2,4,6,8,10"
        }
        Method::Repeats => {
            "The intervals hold for 95 of 100 comparisons: Hodges-Lehmann and Mann-Whitney over the runs."
        }
    };
    text.push_str(&format!("  {}\n", styled(QUIET, how)));
    wrapped(&text, width)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Which way a comparison went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The figure that decides is better after.
    Better,
    /// It is worse.
    Worse,
    /// These runs do not show a difference.
    Neither,
}

impl Direction {
    /// The direction of a comparison.
    pub fn of(comparison: &Comparison) -> Self {
        let decisive = comparison.metrics.iter().find(|compared| {
            compared.finding == Some(comparison.finding)
                && [Metric::P95, Metric::Rps].contains(&compared.metric)
        });
        match decisive.and_then(|compared| Some((compared.metric, compared.change_percent?))) {
            _ if comparison.finding == Finding::NotShown => Self::Neither,
            Some((metric, change)) if (change < 0.0) == metric.is_latency() => Self::Better,
            Some(_) => Self::Worse,
            None => Self::Neither,
        }
    }
}

fn style(comparison: &Comparison) -> anstyle::Style {
    match Direction::of(comparison) {
        Direction::Better => GOOD,
        Direction::Worse => BAD,
        Direction::Neither => STRONG,
    }
}

fn row(compared: &Compared) -> Vec<String> {
    let value = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| compared.metric.show(value));
    let interval = compared.low_percent.zip(compared.high_percent);
    let finding = match compared.finding {
        Some(Finding::Real) => "real",
        Some(Finding::Indicative) => "indicative",
        Some(Finding::NotShown) => "not shown",
        None if compared.before.is_none() || compared.after.is_none() => "too few requests",
        None => "",
    };
    vec![
        compared.metric.as_str().into(),
        value(compared.before),
        value(compared.after),
        compared.change_percent.map_or_else(|| "–".into(), unit::signed_percent),
        interval.map_or_else(String::new, |(low, high)| {
            format!("{} to {}", unit::signed_percent(low).trim_end_matches(" %"), unit::signed_percent(high))
        }),
        finding.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RunId;

    fn compared(metric: Metric, change: Option<(f64, f64, f64)>, finding: Option<Finding>) -> Compared {
        let part = |pick: fn((f64, f64, f64)) -> f64| change.map(pick);
        Compared {
            metric,
            before: Some(10.0),
            after: change.map(|(change, ..)| 10.0 + change / 10.0),
            change_percent: part(|change| change.0),
            low_percent: part(|change| change.1),
            high_percent: part(|change| change.2),
            finding,
        }
    }

    fn example(finding: Finding, change: (f64, f64, f64)) -> Comparison {
        Comparison {
            before: vec![RunId(11)],
            after: vec![RunId(12)],
            method: Method::Windows,
            finding,
            answer: "p95 is 12 % lower in run 12 (8–16 %), indicative: one run each".into(),
            metrics: vec![
                compared(Metric::Average, Some((0.0, -2.25, 2.0)), Some(Finding::NotShown)),
                compared(Metric::P95, Some(change), Some(finding)),
                compared(Metric::P99, None, None),
            ],
            warnings: vec!["timeout is 30.0 in run 11, 1.0 in run 12".into()],
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_answer_comes_first() {
        let better = example(Finding::Indicative, (-12.0, -16.0, -8.0));
        let text = super::comparison(&better, 80);
        insta::assert_snapshot!(plain(&text));
        assert!(text.contains(&styled(GOOD, &better.answer)), "less is better: {text}");
        let worse = example(Finding::Indicative, (12.0, 8.0, 16.0));
        assert!(super::comparison(&worse, 80).contains(&format!("{BAD}")));
    }

    #[test]
    fn it_fits_a_narrow_window() {
        let text = plain(&super::comparison(&example(Finding::NotShown, (1.0, -1.0, 3.0)), 40));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
