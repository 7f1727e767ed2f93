//! Conditions on a run, for scripts: `p95<200ms`, `success>99%`.
//!
//! ```text
//! assertion = metric operator number [unit]
//! metric    = avg | min | max | p50 | p95 | p99 | p999 | stdev | cv
//!           | success | failed | total | rps | efficiency
//! operator  = < | <= | > | >=
//! unit      = us | ms | s for times, % for shares, none for numbers
//! ```
//!
//! Spaces may stand between the parts. `success` and `failed` are numbers of requests, or with `%` shares of all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::latency::is_enough_for;
use super::report::Report;
use super::unit;

/// What can be asserted, in the order in which it is listed.
const METRICS: [(&str, Metric); 14] = [
    ("avg", Metric::Average),
    ("min", Metric::Min),
    ("max", Metric::Max),
    ("p50", Metric::P50),
    ("p95", Metric::P95),
    ("p99", Metric::P99),
    ("p999", Metric::P999),
    ("stdev", Metric::Stdev),
    ("cv", Metric::Cv),
    ("success", Metric::Success),
    ("failed", Metric::Failed),
    ("total", Metric::Total),
    ("rps", Metric::Rps),
    ("efficiency", Metric::Efficiency),
];
/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 4] =
    [("<=", Operator::AtMost), (">=", Operator::AtLeast), ("<", Operator::Below), (">", Operator::Above)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Average,
    Min,
    Max,
    P50,
    P95,
    P99,
    P999,
    Stdev,
    Cv,
    Success,
    Failed,
    Total,
    Rps,
    Efficiency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Below,
    AtMost,
    Above,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Percent,
    Number,
}

/// A condition that a run must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    text: String,
    metric: Metric,
    operator: Operator,
    /// In milliseconds, percent, or as it is.
    threshold: f64,
    unit: Unit,
}

/// Whether a run met a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckedAssertion)]
pub struct Checked {
    /// The condition as it was written.
    pub assertion: String,
    /// What the run came to, in milliseconds, percent, or as it is; `null` when there is none, or too few requests for it.
    pub value: Option<f64>,
    /// Whether the condition was met. Without a value it was not.
    pub passed: bool,
    /// The value with its unit, for people.
    pub shown: String,
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Assertion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let after_name =
            trimmed.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        let name = &trimmed[..trimmed.len() - after_name.len()];
        let metric = METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
        let metric = metric.ok_or_else(|| {
            let names: Vec<_> = METRICS.iter().map(|(name, _)| *name).collect();
            let what = if name.is_empty() {
                "it begins without a metric".into()
            } else {
                format!("`{name}` is no metric")
            };
            format!("{what}: it begins with one of {}", names.join(", "))
        })?;
        let rest = after_name.trim_start();
        let operator = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
        let (sign, operator) = operator
            .ok_or_else(|| format!("after `{name}` stands {}: it takes <, <=, > or >=", found(rest)))?;
        let value = rest[sign.len()..].trim_start();
        let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let number = value[..digits]
            .parse::<f64>()
            .map_err(|_| format!("after `{sign}` stands {}: it takes a number from 0", found(value)))?;
        let (factor, unit) = metric.unit(name, value[digits..].trim())?;
        Ok(Self { text: trimmed.to_owned(), metric, operator: *operator, threshold: number * factor, unit })
    }
}

/// What stands where something else was expected.
fn found(rest: &str) -> String {
    match rest.chars().next() {
        None => "nothing".into(),
        Some(character) => format!("`{character}`"),
    }
}

impl Metric {
    /// The factor to milliseconds, percent or a plain number, for a unit as it is written.
    fn unit(self, name: &str, written: &str) -> Result<(f64, Unit), String> {
        let takes = match self {
            Self::Average
            | Self::Min
            | Self::Max
            | Self::P50
            | Self::P95
            | Self::P99
            | Self::P999
            | Self::Stdev => match written {
                "ms" => return Ok((1.0, Unit::Milliseconds)),
                "s" => return Ok((1000.0, Unit::Milliseconds)),
                "us" | "µs" => return Ok((0.001, Unit::Milliseconds)),
                _ => "a time: after the number it takes us, ms or s",
            },
            Self::Cv | Self::Efficiency => match written {
                "%" | "" => return Ok((1.0, Unit::Percent)),
                _ => "a percentage: after the number it takes %",
            },
            Self::Success | Self::Failed => match written {
                "%" => return Ok((1.0, Unit::Percent)),
                "" => return Ok((1.0, Unit::Number)),
                _ => "a number of requests or their share: after the number it takes % or nothing",
            },
            Self::Total | Self::Rps => match written {
                "" => return Ok((1.0, Unit::Number)),
                _ => "a plain number: after it nothing can stand",
            },
        };
        let instead = if written.is_empty() { "nothing".into() } else { format!("`{written}`") };
        Err(format!("`{name}` is {takes}, and {instead} stands there"))
    }

    /// The percentile that it is, for which there can be too few requests.
    fn percent(self) -> Option<f64> {
        match self {
            Self::P50 => Some(50.0),
            Self::P95 => Some(95.0),
            Self::P99 => Some(99.0),
            Self::P999 => Some(99.9),
            _ => None,
        }
    }

    fn value(self, report: &Report, unit: Unit) -> Option<f64> {
        let results = &report.results;
        let latency = &results.latency;
        let share = |count: u64| match unit {
            Unit::Percent => (results.total > 0).then(|| count as f64 / results.total as f64 * 100.0),
            Unit::Milliseconds | Unit::Number => Some(count as f64),
        };
        match self {
            Self::Average => latency.avg_latency_ms,
            Self::Min => latency.min_latency_ms,
            Self::Max => latency.max_latency_ms,
            Self::P50 => latency.p50_latency_ms,
            Self::P95 => latency.p95_latency_ms,
            Self::P99 => latency.p99_latency_ms,
            Self::P999 => latency.p999_latency_ms,
            Self::Stdev => latency.stdev_latency_ms,
            Self::Cv => latency.cv_latency,
            Self::Success => share(results.success),
            Self::Failed => share(results.failed),
            Self::Total => Some(results.total as f64),
            Self::Rps => Some(results.actual_rps),
            Self::Efficiency => results.efficiency,
        }
    }
}

impl Assertion {
    /// Checks the condition on a run.
    pub fn check(&self, report: &Report) -> Checked {
        let too_few =
            self.metric.percent().is_some_and(|percent| !is_enough_for(report.results.total, percent));
        let value = self.metric.value(report, self.unit).filter(|_| !too_few);
        let shown = match value {
            None if too_few => "too few requests".into(),
            None => "no value".into(),
            Some(value) => self.shown(value),
        };
        let passed = value.is_some_and(|value| self.holds(value));
        Checked { assertion: self.text.clone(), value, passed, shown }
    }

    fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Below => value < self.threshold,
            Operator::AtMost => value <= self.threshold,
            Operator::Above => value > self.threshold,
            Operator::AtLeast => value >= self.threshold,
        }
    }

    fn shown(&self, value: f64) -> String {
        match self.unit {
            Unit::Milliseconds => unit::millis(Some(value)),
            Unit::Percent => unit::percent(value),
            Unit::Number if self.metric == Metric::Rps => unit::rate(value),
            Unit::Number => unit::count(value as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::sample;
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, failures: u64) -> Checked {
        text.parse::<Assertion>().unwrap_or_else(|error| panic!("{text}: {error}")).check(&sample(failures))
    }

    #[test]
    fn conditions_are_checked_on_the_report() {
        // 200 requests, p95 1.54 ms, average 1.10 ms, 20 of them failed.
        for (text, passed, shown) in [
            ("p95<200ms", true, "1.54 ms"),
            ("p95 <= 1540us", false, "1.54 ms"),
            ("p95>1ms", true, "1.54 ms"),
            ("max < 0.5s", true, "1.59 ms"),
            ("avg<1ms", false, "1.10 ms"),
            ("success>99%", false, "90 %"),
            ("success>=180", true, "180"),
            ("failed<=20", true, "20"),
            ("failed<10%", false, "10 %"),
            ("total>=200", true, "200"),
            ("rps>100", true, "100.4"),
            ("efficiency>90%", true, "100.4 %"),
            ("cv<50", true, "26.4 %"),
        ] {
            let checked = check(text, 20);
            assert_eq!((checked.passed, checked.shown.as_str()), (passed, shown), "{text}");
            assert_eq!(checked.assertion, text);
        }
    }

    #[test]
    fn what_has_no_value_is_not_met() {
        for text in ["p99<10s", "p99>0ms", "p999>=0s"] {
            let checked = check(text, 0);
            assert_eq!(
                (checked.value, checked.passed, checked.shown.as_str()),
                (None, false, "too few requests")
            );
        }
        let mut report = sample(0);
        report.results.efficiency = None;
        let checked = "efficiency>=0".parse::<Assertion>().expect("sound").check(&report);
        assert_eq!((checked.passed, checked.shown.as_str()), (false, "no value"));
    }

    #[test]
    fn what_cannot_be_understood_is_said_with_what_can_stand_there() {
        let metrics =
            "avg, min, max, p50, p95, p99, p999, stdev, cv, success, failed, total, rps, efficiency";
        for (text, error) in [
            ("", format!("it begins without a metric: it begins with one of {metrics}")),
            ("<5ms", format!("it begins without a metric: it begins with one of {metrics}")),
            ("p90<5ms", format!("`p90` is no metric: it begins with one of {metrics}")),
            ("p95", "after `p95` stands nothing: it takes <, <=, > or >=".into()),
            ("p95=5ms", "after `p95` stands `=`: it takes <, <=, > or >=".into()),
            ("p95<", "after `<` stands nothing: it takes a number from 0".into()),
            ("p95<-5ms", "after `<` stands `-`: it takes a number from 0".into()),
            ("p95<1.2.3ms", "after `<` stands `1`: it takes a number from 0".into()),
            (
                "p95<5",
                "`p95` is a time: after the number it takes us, ms or s, and nothing stands there".into(),
            ),
            ("p95<5%", "`p95` is a time: after the number it takes us, ms or s, and `%` stands there".into()),
            ("cv<5ms", "`cv` is a percentage: after the number it takes %, and `ms` stands there".into()),
            ("rps>5%", "`rps` is a plain number: after it nothing can stand, and `%` stands there".into()),
        ] {
            assert_eq!(text.parse::<Assertion>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused(text in ".*") {
            let _ = text.parse::<Assertion>();
        }

        #[test]
        fn an_assertion_and_its_reverse_exclude_each_other(threshold in 0.0..5.0f64) {
            let below = check(&format!("p95<{threshold}ms"), 0).passed;
            let at_least = check(&format!("p95>={threshold}ms"), 0).passed;
            prop_assert_ne!(below, at_least);
        }
    }
}
