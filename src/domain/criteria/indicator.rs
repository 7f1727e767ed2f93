//! The leading indicators: what moves before the criteria do, and confirms that one is crossed.

use super::check::Indicator;
use super::evidence::{Evidence, Leading, Observed, Source};
use super::measure::Measure;
use super::thresholds::Thresholds;
use crate::domain::unit;

/// The share of the time that the writer is at work.
pub(super) const WRITER_UTILISATION: &str = "writer_utilisation";
/// How long updates wait for it.
pub(super) const QUEUE_WAIT: &str = "queue_wait_p99";
/// How often it waits for another process.
pub(super) const BUSY_WAITS: &str = "busy_waits";
/// How long a commit takes.
pub(super) const COMMIT: &str = "commit_p99";
/// Observations below which an indicator confirms nothing.
const SAMPLES_MIN: u64 = 100;

/// The indicators in live traffic.
pub(super) fn live(evidence: &Evidence, thresholds: &Thresholds) -> Vec<Indicator> {
    let mut indicators = of(&evidence.leading, thresholds);
    indicators.push(disk_days(evidence));
    indicators
}

/// What confirms that a measure is crossed. Those of a run speak for what was measured in it only: a weekly stress test
/// saturates the writer, which says nothing of the agents.
pub(super) fn confirmation(measure: Measure, evidence: &Evidence, thresholds: &Thresholds) -> Option<String> {
    let mut indicators = of(&evidence.leading, thresholds);
    if measure.observed(evidence).is_some_and(|observed| matches!(observed.source, Source::Run { .. })) {
        indicators.extend(of(&evidence.leading_in_run, thresholds));
    }
    let confirming: Vec<String> = indicators
        .iter()
        .filter(|indicator| indicator.confirms)
        .map(|indicator| format!("{} {}", indicator.label, indicator.detail))
        .collect();
    (!confirming.is_empty()).then(|| confirming.join("; "))
}

/// Whether an indicator is beyond its limit, in live traffic or in the run.
pub(super) fn is_beyond(id: &str, evidence: &Evidence, thresholds: &Thresholds) -> bool {
    [&evidence.leading, &evidence.leading_in_run]
        .into_iter()
        .flat_map(|leading| of(leading, thresholds))
        .any(|indicator| indicator.id == id && indicator.confirms)
}

/// Days until the disk is full; `None` when that is not known, or never.
pub(super) fn days_until_full(evidence: &Evidence) -> Option<f64> {
    let free = evidence.disk.free_bytes.as_ref()?.value as f64;
    let growth = evidence.disk.growth_bytes_per_day.as_ref()?.value;
    (growth > 0.0).then(|| free / growth)
}

fn of(leading: &Leading, thresholds: &Thresholds) -> Vec<Indicator> {
    let limits = &thresholds.leading;
    let lag = leading.checkpoint_lag_frames.as_ref().map(|observed| Observed {
        value: observed.value as f64,
        source: observed.source.clone(),
        age_seconds: observed.age_seconds,
        samples: observed.samples,
    });
    vec![
        indicator(
            (WRITER_UTILISATION, "writer busy", "%"),
            leading.writer_utilisation_percent.as_ref(),
            Some(limits.writer_utilisation_percent),
        ),
        indicator(
            (QUEUE_WAIT, "queue wait p99", "ms"),
            leading.queue_wait_p99_ms.as_ref(),
            Some(limits.queue_wait_p99_ms),
        ),
        indicator(
            (BUSY_WAITS, "waits for a lock", "per hour"),
            leading.busy_waits_per_hour.as_ref(),
            Some(limits.busy_waits_per_hour),
        ),
        indicator((COMMIT, "commit p99", "ms"), leading.commit_p99_ms.as_ref(), Some(limits.commit_p99_ms)),
        indicator(("checkpoint_lag", "checkpoint lag", "frames"), lag.as_ref(), None),
    ]
}

fn indicator(
    (id, label, unit): (&str, &str, &str),
    observed: Option<&Observed<f64>>,
    limit: Option<f64>,
) -> Indicator {
    let observed = observed.filter(|observed| observed.value.is_finite());
    let is_enough =
        observed.is_some_and(|observed| observed.samples.is_none_or(|samples| samples >= SAMPLES_MIN));
    let detail = match observed {
        None => "not known".into(),
        Some(observed) => {
            let few = if is_enough { "" } else { ", too few to confirm anything" };
            format!("{} ({}{few})", text(observed.value, unit), observed.text())
        }
    };
    let value = observed.map(|observed| observed.value);
    Indicator {
        id: id.into(),
        label: label.into(),
        value,
        unit: unit.into(),
        limit,
        confirms: is_enough && value.zip(limit).is_some_and(|(value, limit)| value > limit),
        detail,
    }
}

impl Indicator {
    /// The limit with its unit; `None` where there is none.
    pub fn limit_text(&self) -> Option<String> {
        self.limit.map(|limit| text(limit, &self.unit))
    }
}

fn disk_days(evidence: &Evidence) -> Indicator {
    let days = days_until_full(evidence);
    let free = evidence.disk.free_bytes.as_ref().map(|free| unit::bytes(free.value));
    let detail = match (&free, days, &evidence.disk.growth_bytes_per_day) {
        (None, ..) => "not known".into(),
        (Some(free), Some(days), _) => format!("{days:.0} days, {free} free"),
        (Some(free), None, Some(_)) => format!("never at this growth, {free} free"),
        (Some(free), None, None) => format!("growth not known, {free} free"),
    };
    Indicator {
        id: "disk_full".into(),
        label: "disk full in".into(),
        value: days,
        unit: "days".into(),
        limit: None,
        confirms: false,
        detail,
    }
}

fn text(value: f64, unit: &str) -> String {
    match unit {
        "%" => unit::percent(value),
        "ms" => unit::millis(Some(value)),
        "frames" => format!("{} frames", unit::count(value.max(0.0) as u64)),
        _ => format!("{} {unit}", unit::significant(value)),
    }
}
