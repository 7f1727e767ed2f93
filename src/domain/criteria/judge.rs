//! From evidence and thresholds to a check.

use super::check::{Check, Criterion, Finding, Flag, Provenance};
use super::evidence::Evidence;
use super::forecast::Forecast;
use super::measure::Measure;
use super::plan::{self, Bottleneck};
use super::thresholds::Thresholds;
use super::verdict::{Colour, FlagId, Rung, Status, Verdict};
use super::{finding, flag, indicator};
use crate::domain::unit::UtcMillis;

/// Flags that have to be known before all can be well, beside the criteria.
const REQUIRED_FLAGS: [FlagId; 2] = [FlagId::LockErrors, FlagId::ServerErrors];
/// Flags that more load than there is room for raises.
const LOAD_FLAGS: [FlagId; 2] = [FlagId::P95Red, FlagId::LatencyGrowth];

impl Check {
    /// Judges what is known of an installation.
    pub fn judge(evidence: &Evidence, thresholds: &Thresholds, checked_at: UtcMillis) -> Self {
        let criteria: Vec<Criterion> =
            Measure::ALL.into_iter().map(|measure| criterion(measure, evidence, thresholds)).collect();
        let flags = flag::all(evidence, thresholds);
        let status = |id| status_of(&criteria, id);
        let scene = finding::Scene {
            evidence,
            thresholds,
            p95: status(Measure::P95),
            db_size: status(Measure::DbSize),
        };
        let findings = finding::all(&scene);
        let leading = indicator::live(evidence, thresholds);
        let missing = missing(&criteria, &flags);
        let grounds = Grounds {
            criteria: &criteria,
            flags: &flags,
            findings: &findings,
            missing: &missing,
            damage: evidence.damage(),
        };
        let verdict = grounds.verdict();
        let bottlenecks = Bottleneck::all(evidence, thresholds, &criteria);
        let remedies = plan::remedies(&bottlenecks);
        let rung = grounds.rung(verdict, remedies.iter().any(|remedy| remedy.indicated));
        let reason = grounds.reason(verdict);
        let situation = plan::Situation {
            verdict,
            rung,
            bottlenecks: &bottlenecks,
            remedies: &remedies,
            findings: &findings,
            missing: &missing,
        };
        let plan = situation.plan();
        Self {
            verdict,
            exit_code: verdict.exit_code(),
            rung,
            reason,
            checked_at,
            green_zone: flag::green_zone(evidence, thresholds),
            leading,
            headroom_percent: headroom_percent(evidence),
            plan,
            remedies,
            criteria,
            flags,
            findings,
            missing,
        }
    }
}

fn criterion(measure: Measure, evidence: &Evidence, thresholds: &Thresholds) -> Criterion {
    let threshold = measure.threshold(thresholds);
    let observed = measure.observed(evidence);
    let unfit = observed.as_ref().and_then(|found| measure.unfit(found, thresholds));
    let status = match &observed {
        Some(found) if unfit.is_none() => {
            status(measure, found.value, threshold, thresholds.criteria.near_percent)
        }
        _ => Status::NoData,
    };
    let confirmed_by = match status {
        Status::Crossed => indicator::confirmation(measure, evidence, thresholds),
        _ => None,
    };
    let damage = evidence.damage().filter(|_| measure.is_of_latency());
    let provenance = observed.as_ref().map(|found| Provenance {
        text: found.text()
            + &unfit.map_or_else(String::new, |why| format!(": {why}"))
            + &damage.map_or_else(String::new, |damage| format!("; {damage}")),
        source: found.source.clone(),
        age_seconds: found.age_seconds,
        samples: found.samples,
    });
    Criterion {
        id: measure,
        label: measure.label().into(),
        value: observed.as_ref().map(|found| found.value),
        unit: measure.unit().into(),
        threshold,
        status,
        reason: measure.reason().into(),
        evidence: provenance,
        confirmed_by,
        forecast: match status {
            Status::Crossed => Forecast::Crossed,
            _ => Forecast::of(evidence.history.get(&measure).map_or(&[], Vec::as_slice), threshold),
        },
    }
}

fn status(measure: Measure, value: f64, threshold: f64, near_percent: f64) -> Status {
    let is_crossed = value > threshold || measure.crosses_at_threshold() && value == threshold;
    if is_crossed {
        Status::Crossed
    } else if value >= threshold - threshold * near_percent / 100.0 {
        Status::Near
    } else {
        Status::Safe
    }
}

fn status_of(criteria: &[Criterion], id: Measure) -> Status {
    criteria.iter().find(|criterion| criterion.id == id).map_or(Status::NoData, |criterion| criterion.status)
}

fn missing(criteria: &[Criterion], flags: &[Flag]) -> Vec<String> {
    let criteria = criteria.iter().filter(|criterion| criterion.status == Status::NoData);
    let flags = flags.iter().filter(|flag| flag.raised.is_none() && REQUIRED_FLAGS.contains(&flag.id));
    criteria
        .map(|criterion| criterion.id.id().to_owned())
        .chain(flags.map(|flag| flag.id.id().to_owned()))
        .collect()
}

fn headroom_percent(evidence: &Evidence) -> Option<f64> {
    let rps = evidence.rps.as_ref()?.value;
    let capacity = evidence.capacity_rps.as_ref()?.value;
    (capacity > 0.0).then(|| 100.0 * (1.0 - rps / capacity)).filter(|percent| percent.is_finite())
}

/// What a verdict rests on.
struct Grounds<'c> {
    criteria: &'c [Criterion],
    flags: &'c [Flag],
    findings: &'c [Finding],
    missing: &'c [String],
    /// Of a run's report.
    damage: Option<String>,
}

impl Grounds<'_> {
    fn raised(&self, colour: Colour) -> impl Iterator<Item = &Flag> {
        self.flags.iter().filter(move |flag| flag.colour == colour && flag.raised == Some(true))
    }

    fn with_status(&self, status: Status) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().filter(move |criterion| criterion.status == status)
    }

    fn confirmed(&self) -> impl Iterator<Item = &Criterion> {
        self.with_status(Status::Crossed).filter(|criterion| criterion.confirmed_by.is_some())
    }

    fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.accepted)
    }

    fn verdict(&self) -> Verdict {
        if self.raised(Colour::Red).next().is_some() || self.confirmed().next().is_some() {
            Verdict::Critical
        } else if self.with_status(Status::Crossed).next().is_some()
            || self.with_status(Status::Near).next().is_some()
            || self.raised(Colour::Yellow).next().is_some()
            || self.open().next().is_some()
        {
            Verdict::Warning
        } else if self.missing.is_empty() {
            Verdict::Ok
        } else {
            Verdict::Unknown
        }
    }

    /// Nobody migrates while tuning is left, nor for what would move along: errors have other causes than too much load, and
    /// answers that are slow while nothing here is at its limit are as slow with another database.
    fn rung(&self, verdict: Verdict, has_remedy: bool) -> Option<Rung> {
        let is_overloaded = self.raised(Colour::Red).any(|flag| LOAD_FLAGS.contains(&flag.id));
        let is_outgrown = self.confirmed().next().is_some() || is_overloaded && has_remedy;
        match verdict {
            Verdict::Ok => Some(Rung::Ok),
            Verdict::Unknown => None,
            _ if self.open().next().is_some() => Some(Rung::Tune),
            Verdict::Warning => Some(Rung::Watch),
            Verdict::Critical if is_outgrown => Some(Rung::Migrate),
            Verdict::Critical => Some(Rung::Watch),
        }
    }

    fn reason(&self, verdict: Verdict) -> String {
        let mut parts = match verdict {
            Verdict::Ok => {
                vec!["all criteria are safe, no flag is raised, and nothing is to be tuned".into()]
            }
            Verdict::Unknown => {
                vec![format!("what is known is well, but there is no data on {}", self.missing.join(", "))]
            }
            Verdict::Critical | Verdict::Warning => self.complaints(),
        };
        parts.extend(self.damage.clone());
        parts.join("; ")
    }

    /// All that is not as it should be, the worst first.
    fn complaints(&self) -> Vec<String> {
        let mut parts = Vec::new();
        parts.extend(
            self.raised(Colour::Red).map(|flag| format!("red flag {}: {}", flag.id.id(), flag.detail)),
        );
        parts.extend(self.confirmed().map(|criterion| {
            let confirmed_by = criterion.confirmed_by.as_deref().unwrap_or_default();
            format!("{} is crossed ({}), confirmed by {confirmed_by}", criterion.label, value(criterion))
        }));
        let unconfirmed =
            self.with_status(Status::Crossed).filter(|criterion| criterion.confirmed_by.is_none());
        parts.extend(unconfirmed.map(|criterion| {
            format!(
                "{} is crossed ({}), not confirmed by any leading indicator",
                criterion.label,
                value(criterion)
            )
        }));
        parts
            .extend(self.with_status(Status::Near).map(|criterion| {
                format!("{} is near its threshold ({})", criterion.label, value(criterion))
            }));
        parts.extend(self.raised(Colour::Yellow).map(|flag| format!("yellow flag {}", flag.id.id())));
        parts.extend(self.open().map(|finding| format!("to tune: {}", finding.title)));
        if !self.missing.is_empty() {
            parts.push(format!("no data on {}", self.missing.join(", ")));
        }
        parts
    }
}

fn value(criterion: &Criterion) -> String {
    criterion.value.map_or_else(|| "–".into(), |value| criterion.id.text(value))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
