//! A file for the textfile collector of Prometheus's node exporter. What is not known has no sample.

use crate::domain::criteria::check::Check;
use crate::domain::criteria::verdict::{Rung, Status};

/// The metrics of a check.
pub fn text(check: &Check) -> String {
    let mut metrics = Metrics::default();
    metrics.family("verdict", "The verdict: 0 OK, 1 warning, 2 critical, 3 unknown.");
    metrics.sample("verdict", &[], f64::from(check.exit_code));
    metrics.family("rung", "What to do: 0 nothing, 1 tune, 2 watch, 3 migrate.");
    if let Some(rung) = check.rung {
        let rungs = [Rung::Ok, Rung::Tune, Rung::Watch, Rung::Migrate];
        let place = rungs.iter().position(|known| *known == rung).unwrap_or_default();
        metrics.sample("rung", &[], place as f64);
    }
    metrics.family("last_check_timestamp_seconds", "When the check was made.");
    metrics.sample("last_check_timestamp_seconds", &[], check.checked_at.0 as f64 / 1000.0);
    criteria(check, &mut metrics);
    metrics.family("flag", "Whether a flag is raised.");
    for flag in &check.flags {
        let colour = match flag.colour {
            crate::domain::criteria::verdict::Colour::Red => "red",
            crate::domain::criteria::verdict::Colour::Yellow => "yellow",
        };
        if let Some(raised) = flag.raised {
            metrics.sample(
                "flag",
                &[("flag", flag.id.id()), ("colour", colour)],
                f64::from(u8::from(raised)),
            );
        }
    }
    metrics.family("finding", "What can be tuned: 1 while it is open, 0 when it was accepted.");
    for finding in &check.findings {
        let is_open = f64::from(u8::from(!finding.accepted));
        metrics.sample("finding", &[("finding", finding.id.id())], is_open);
    }
    metrics.family("indicator", "A leading indicator.");
    for indicator in &check.leading {
        if let Some(value) = indicator.value {
            metrics.sample("indicator", &[("indicator", &indicator.id), ("unit", &indicator.unit)], value);
        }
    }
    metrics.text
}

fn criteria(check: &Check, metrics: &mut Metrics) {
    metrics.family("value", "The value of a criterion, in its unit.");
    for criterion in &check.criteria {
        if let Some(value) = criterion.value {
            metrics.sample("value", &[("criterion", criterion.id.id()), ("unit", &criterion.unit)], value);
        }
    }
    metrics.family("threshold", "The threshold of a criterion, in its unit.");
    for criterion in &check.criteria {
        let labels = [("criterion", criterion.id.id()), ("unit", criterion.unit.as_str())];
        metrics.sample("threshold", &labels, criterion.threshold);
    }
    metrics.family("status", "Where a criterion stands: 0 safe, 1 near, 2 crossed.");
    for criterion in &check.criteria {
        let status = match criterion.status {
            Status::Safe => 0.0,
            Status::Near => 1.0,
            Status::Crossed => 2.0,
            Status::NoData => continue,
        };
        metrics.sample("status", &[("criterion", criterion.id.id())], status);
    }
    metrics.family("evidence_age_seconds", "How old the evidence of a criterion is.");
    for criterion in &check.criteria {
        if let Some(evidence) = &criterion.evidence {
            let labels = [("criterion", criterion.id.id())];
            metrics.sample("evidence_age_seconds", &labels, evidence.age_seconds as f64);
        }
    }
}

#[derive(Default)]
struct Metrics {
    text: String,
}

impl Metrics {
    fn family(&mut self, name: &str, help: &str) {
        let name = format!("porta_criteria_{name}");
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.text.push_str(&format!("porta_criteria_{name}{labels} {value}\n"));
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
