//! The five criteria: what is measured, in what unit, and why it matters.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::evidence::{Evidence, Observed, Source};
use super::thresholds::Thresholds;
use crate::domain::unit;

/// What a criterion is about, in the order of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Active agents.
    Agents,
    /// 95th percentile of the latency, milliseconds.
    P95,
    /// Coefficient of variation of the latency, percent.
    Cv,
    /// Size of the database, bytes.
    DbSize,
    /// Requests a second.
    Rps,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Agents, Self::P95, Self::Cv, Self::DbSize, Self::Rps];

    /// `db_size`, as it stands in JSON and in the database.
    pub fn id(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::P95 => "p95",
            Self::Cv => "cv",
            Self::DbSize => "db_size",
            Self::Rps => "rps",
        }
    }

    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::P95 => "p95",
            Self::Cv => "CV",
            Self::DbSize => "database size",
            Self::Rps => "requests",
        }
    }

    /// The unit of its value in JSON.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::P95 => "ms",
            Self::Cv => "%",
            Self::DbSize => "bytes",
            Self::Rps => "rps",
        }
    }

    /// Why it matters, as the source has it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Agents => {
                "With 5 agents or more, SQLite begins to see locks when they work at the same time."
            }
            Self::P95 => "When one request in twenty takes longer than 2 seconds, people notice the delays.",
            Self::Cv => "A CV above 50 % means performance that cannot be predicted.",
            Self::DbSize => "With large amounts of data, SQLite becomes slower.",
            Self::Rps => "At a high rate of requests, the locks of SQLite become critical.",
        }
    }

    /// The threshold. Agents cross it by reaching it, the others by exceeding it, as the source has it.
    pub fn threshold(self, thresholds: &Thresholds) -> f64 {
        let criteria = &thresholds.criteria;
        match self {
            Self::Agents => criteria.agents as f64,
            Self::P95 => criteria.p95_ms,
            Self::Cv => criteria.cv_percent,
            Self::DbSize => criteria.db_bytes as f64,
            Self::Rps => criteria.rps,
        }
    }

    /// Whether reaching the threshold crosses it.
    pub fn crosses_at_threshold(self) -> bool {
        self == Self::Agents
    }

    /// A value with its unit: `1813 ms`, `20.5 kB`.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Agents => format!("{value:.0}"),
            Self::P95 => unit::millis(Some(value)),
            Self::Cv => unit::percent(value),
            Self::DbSize => unit::bytes(value.max(0.0) as u64),
            Self::Rps => format!("{} rps", unit::significant(value)),
        }
    }

    /// What is exceeded first: the border of near, or of the yellow flag.
    pub fn warns_at(self, thresholds: &Thresholds) -> f64 {
        let threshold = self.threshold(thresholds);
        let near = threshold - threshold * thresholds.criteria.near_percent / 100.0;
        let yellow = &thresholds.yellow;
        match self {
            Self::Agents => near.min(yellow.agents as f64),
            Self::P95 => near.min(yellow.p95_ms),
            Self::Cv => near.min(yellow.cv_percent),
            Self::DbSize => near.min(yellow.db_bytes as f64),
            Self::Rps => near,
        }
    }

    /// What was observed of it. Agents and requests of a stress test are no evidence: they say nothing of who uses it.
    pub fn observed(self, evidence: &Evidence) -> Option<Observed<f64>> {
        let whole = |observed: &Option<Observed<u64>>| observed.as_ref().map(Observed::to_float);
        match self {
            Self::Agents => whole(&evidence.agents),
            Self::P95 => evidence.p95_ms.clone(),
            Self::Cv => evidence.cv_percent.clone(),
            Self::DbSize => whole(&evidence.db_bytes),
            Self::Rps => evidence.rps.clone(),
        }
        .filter(|observed| observed.value.is_finite())
        .filter(|observed| self.is_of_latency() || !matches!(observed.source, Source::Run { .. }))
    }

    /// Whether it is a statistic of latencies, which needs enough of them.
    pub fn is_of_latency(self) -> bool {
        matches!(self, Self::P95 | Self::Cv)
    }

    /// Why an observation cannot be judged; `None` when it can.
    pub(super) fn unfit(self, observed: &Observed<f64>, thresholds: &Thresholds) -> Option<String> {
        let rules = &thresholds.evidence;
        if self.is_of_latency() && observed.samples.is_some_and(|samples| samples < rules.samples_min) {
            return Some(format!("too few, {} are needed", rules.samples_min));
        }
        let is_old = observed.age_seconds > rules.run_age_max.as_secs();
        let is_run = matches!(observed.source, Source::Run { .. });
        (is_run && is_old).then(|| format!("too old, at most {}", unit::duration(rules.run_age_max)))
    }
}

impl Observed<u64> {
    fn to_float(&self) -> Observed<f64> {
        let source: Source = self.source.clone();
        Observed { value: self.value as f64, source, age_seconds: self.age_seconds, samples: self.samples }
    }
}
