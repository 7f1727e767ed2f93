//! One line for Nagios, Icinga and others that read plugins: the state, why, and performance data with its ranges
//! (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios").

use crate::domain::criteria::check::{Check, Criterion};
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::thresholds::Thresholds;

/// `PORTA WARNING - p95 1813 ms near 2000 ms | agents=1;3;5;0 p95=1813ms;1800;2000;0 …`.
pub fn line(check: &Check, thresholds: &Thresholds) -> String {
    if !check.was_made() {
        return unknown(&check.reason);
    }
    let data: Vec<_> = check.criteria.iter().map(|criterion| datum(criterion, thresholds)).collect();
    let state = check.verdict.name().to_uppercase();
    format!("PORTA {state} - {} | {}\n", in_line(&check.reason), data.join(" "))
}

/// The line where nothing could be checked: without performance data.
pub fn unknown(why: &str) -> String {
    format!("PORTA UNKNOWN - {}\n", in_line(why))
}

/// What follows a bar would be read as performance data, and what follows a line as something else.
fn in_line(text: &str) -> String {
    text.replace('|', "/").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `label=value[unit];warn;crit;min`. A value that is not known is `U`.
fn datum(criterion: &Criterion, thresholds: &Thresholds) -> String {
    let unit = match criterion.id {
        Measure::P95 => "ms",
        Measure::Cv => "%",
        Measure::DbSize => "B",
        Measure::Agents | Measure::Rps => "",
    };
    let value = criterion.value.map_or_else(|| "U".into(), |value| format!("{value}{unit}"));
    let warn = warn_above(criterion, thresholds);
    format!("{}={value};{warn};{};0", criterion.id.id(), criterion.threshold)
}

/// Where a warning begins: near the threshold, or at the yellow flag if that is raised before.
fn warn_above(criterion: &Criterion, thresholds: &Thresholds) -> f64 {
    let near = criterion.threshold * (1.0 - thresholds.criteria.near_percent / 100.0);
    let yellow = &thresholds.yellow;
    let yellow = match criterion.id {
        Measure::Agents => yellow.agents as f64,
        Measure::P95 => yellow.p95_ms,
        Measure::Cv => yellow.cv_percent,
        Measure::DbSize => yellow.db_bytes as f64,
        Measure::Rps => f64::INFINITY,
    };
    near.min(yellow)
}
