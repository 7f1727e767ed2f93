//! The source's flags, and its green zone.

use super::check::{Flag, GreenZone};
use super::evidence::{Evidence, Series};
use super::measure::Measure;
use super::thresholds::{Thresholds, Zone};
use super::verdict::FlagId;
use crate::domain::statistics::growth::{Form, Growth, growth};
use crate::domain::unit;

/// Requests below which a share of errors is judged by what it is at least.
const REQUESTS_MIN: f64 = 100.0;
/// The 95th percentile of the normal distribution.
const Z: f64 = 1.645;
/// Latency that has grown is a flag from this share of the criterion on: what takes a millisecond instead of half of one
/// has not grown without bound.
const GROWN_SHARE_MIN: f64 = 0.01;

/// All flags.
pub(super) fn all(evidence: &Evidence, thresholds: &Thresholds) -> Vec<Flag> {
    FlagId::ALL
        .into_iter()
        .map(|id| {
            let (raised, detail) = judge(id, evidence, thresholds);
            Flag { id, colour: id.colour(), raised, detail }
        })
        .collect()
}

fn judge(id: FlagId, evidence: &Evidence, thresholds: &Thresholds) -> (Option<bool>, String) {
    let yellow = &thresholds.yellow;
    let above = |measure: Measure, border: f64| match measure.observed(evidence) {
        None => (None, format!("{} is not known", measure.label())),
        Some(observed) => {
            if let Some(why) = measure.unfit(&observed, thresholds) {
                return (None, format!("{} of {}: {why}", measure.label(), observed.text()));
            }
            let (value, border_text) = (measure.text(observed.value), measure.text(border));
            let raised = observed.value > border;
            let relation = if raised { "above" } else { "not above" };
            (Some(raised), format!("{} {value}, {relation} {border_text}", measure.label()))
        }
    };
    match id {
        FlagId::LockErrors => match &evidence.lock_errors {
            None => (None, "lock errors are not known".into()),
            Some(errors) => (Some(errors.value > 0), format!("{} ({})", errors.value, errors.text())),
        },
        FlagId::ServerErrors => server_errors(evidence, thresholds),
        FlagId::LatencyGrowth => latency_growth(&evidence.p95_series, thresholds),
        FlagId::P95Red => above(Measure::P95, thresholds.red.p95_ms),
        FlagId::P95Yellow => above(Measure::P95, yellow.p95_ms),
        FlagId::CvYellow => above(Measure::Cv, yellow.cv_percent),
        FlagId::AgentsYellow => above(Measure::Agents, yellow.agents as f64),
        FlagId::DbSizeYellow => above(Measure::DbSize, yellow.db_bytes as f64),
    }
}

fn server_errors(evidence: &Evidence, thresholds: &Thresholds) -> (Option<bool>, String) {
    let known = evidence.server_errors_percent.as_ref().filter(|observed| observed.value.is_finite());
    let Some(observed) = known else { return (None, "answers with a status from 500 are not known".into()) };
    let share = (observed.value / 100.0).clamp(0.0, 1.0);
    let requests = observed.samples.map(|samples| samples as f64);
    let text = format!("{} ({})", unit::percent(observed.value), observed.text());
    match requests {
        Some(requests) if requests < REQUESTS_MIN => {
            let raised = at_least(share, requests) * 100.0 > thresholds.red.server_errors_percent;
            (Some(raised), format!("{text}, few requests, so that what it is at least decides"))
        }
        _ => (Some(observed.value > thresholds.red.server_errors_percent), text),
    }
}

/// What a share is at least, with 95 % confidence: Wilson, *Probable inference, the law of succession, and statistical
/// inference*, Journal of the American Statistical Association 22 (1927).
fn at_least(share: f64, n: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    let middle = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (middle - spread) / (1.0 + Z * Z / n)
}

fn latency_growth(series: &[Series], thresholds: &Thresholds) -> (Option<bool>, String) {
    let mut details = Vec::new();
    let mut raised = None;
    for series in series {
        let load: Vec<f64> = series.windows.iter().map(|window| window.offered_rps).collect();
        let p95: Vec<f64> = series.windows.iter().map(|window| window.p95_ms).collect();
        let name = series.source.name();
        match growth(&load, &p95) {
            Growth::Unbounded { factor, p, form, last } => {
                let length = unit::duration(std::time::Duration::from_secs(
                    (series.window_seconds.clamp(0.0, 1e9) * p95.len() as f64) as u64,
                ));
                let form = match form {
                    Form::Exponential { doubling_windows } => {
                        let seconds = (doubling_windows * series.window_seconds).clamp(0.0, 1e9);
                        let doubling = std::time::Duration::from_secs(seconds.round() as u64);
                        format!("exponentially, doubling every {}", unit::duration(doubling))
                    }
                    Form::Linear => "linearly".into(),
                };
                let detail = format!(
                    "{name}: p95 grew {form}, {}-fold in {length} at a constant load (p {p:.4})",
                    unit::significant(factor)
                );
                if last >= thresholds.criteria.p95_ms * GROWN_SHARE_MIN {
                    return (Some(true), detail);
                }
                raised = Some(false);
                details.push(format!("{detail}, to {} only", unit::millis(Some(last))));
            }
            Growth::Stepped { factor } => {
                raised = Some(false);
                details
                    .push(format!("{name}: p95 rose {}-fold at once, and stays", unit::significant(factor)));
            }
            Growth::Bounded => {
                raised = Some(false);
                details.push(format!("{name}: no growth without bound"));
            }
            Growth::TooShort => details.push(format!("{name}: too few windows")),
            Growth::LoadVaries => details.push(format!("{name}: the load is not constant")),
        }
    }
    if details.is_empty() {
        details.push("there is no series of p95".into());
    }
    (raised, details.join("; "))
}

/// The green zone.
pub(super) fn green_zone(evidence: &Evidence, thresholds: &Thresholds) -> GreenZone {
    let Zone { p95_ms, cv_percent, agents, db_bytes } = thresholds.green.0;
    let borders = [
        (Measure::Agents, agents as f64),
        (Measure::P95, p95_ms),
        (Measure::Cv, cv_percent),
        (Measure::DbSize, db_bytes as f64),
    ];
    let is_below = |(measure, border): &(Measure, f64)| {
        let observed = measure.observed(evidence);
        observed.is_some_and(|found| measure.unfit(&found, thresholds).is_none() && found.value < *border)
    };
    let outside: Vec<Measure> =
        borders.iter().filter(|border| !is_below(border)).map(|(measure, _)| *measure).collect();
    GreenZone { reached: outside.is_empty(), outside }
}
