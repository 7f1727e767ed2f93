//! What a check has found: the value behind table, JSON, monitoring formats, history and page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::evidence::Source;
use super::forecast::Forecast;
use super::measure::Measure;
use super::verdict::{Colour, FindingId, FlagId, Rung, Status, Verdict};
use crate::domain::unit::UtcMillis;

/// A check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CriteriaCheck)]
pub struct Check {
    /// How urgent it is.
    pub verdict: Verdict,
    /// The verdict's.
    pub exit_code: u8,
    /// What to do; `None` when that is unknown.
    pub rung: Option<Rung>,
    /// Why it came to that, in a sentence.
    pub reason: String,
    /// When.
    pub checked_at: UtcMillis,
    /// The five criteria, in the order of [`Measure::ALL`]; none of a check that could not be made.
    pub criteria: Vec<Criterion>,
    /// All flags, raised or not, in the order of [`FlagId::ALL`]; none of a check that could not be made.
    pub flags: Vec<Flag>,
    /// Whether all is well below the borders of the green zone.
    pub green_zone: GreenZone,
    /// The leading indicators.
    pub leading: Vec<Indicator>,
    /// What can be tuned, the most urgent first.
    pub findings: Vec<Finding>,
    /// What is needed to judge, and not known: ids of criteria and flags.
    pub missing: Vec<String>,
    /// Percent of the measured capacity that the busiest minute left.
    pub headroom_percent: Option<f64>,
    /// What to do, in order.
    pub plan: Vec<Step>,
    /// What Redis and PostgreSQL would and would not fix here.
    pub remedies: Vec<Remedy>,
}

impl Check {
    /// A check that could not be made, as when the database cannot be read: nothing is known but why, and what to do about it.
    pub fn impossible(reason: String, next_step: Option<String>, checked_at: UtcMillis) -> Self {
        let step =
            next_step.map(|action| Step { when: When::Now, action, why: reason.clone(), finding: None });
        Self {
            verdict: Verdict::Unknown,
            exit_code: Verdict::Unknown.exit_code(),
            rung: None,
            reason,
            checked_at,
            criteria: Vec::new(),
            flags: Vec::new(),
            green_zone: GreenZone { reached: false, outside: Measure::ALL.to_vec() },
            leading: Vec::new(),
            findings: Vec::new(),
            missing: Measure::ALL.map(|measure| measure.id().to_owned()).to_vec(),
            headroom_percent: None,
            plan: step.into_iter().collect(),
            remedies: Vec::new(),
        }
    }

    /// Whether it could be made: whatever is known, all criteria are there.
    pub fn was_made(&self) -> bool {
        !self.criteria.is_empty()
    }
}

/// A criterion, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Criterion {
    /// `p95`.
    pub id: Measure,
    /// As people read it.
    pub label: String,
    /// `None` when it is not known. There may be a value without a status: of too few samples.
    pub value: Option<f64>,
    /// Of value and threshold.
    pub unit: String,
    /// Agents cross it by reaching it, the others by exceeding it.
    pub threshold: f64,
    /// Where the value stands.
    pub status: Status,
    /// Why it matters.
    pub reason: String,
    /// Where the value comes from; `None` when there is none.
    pub evidence: Option<Provenance>,
    /// What confirms that it is crossed, or `None`: then it is a warning only.
    pub confirmed_by: Option<String>,
    /// When it will be crossed.
    pub forecast: Forecast,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// In words, with what is to be said of it, as that there are too few samples.
    pub text: String,
    /// The source.
    pub source: Source,
    /// Seconds.
    pub age_seconds: u64,
    /// Observations that it rests on.
    pub samples: Option<u64>,
}

/// A flag, raised or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CriteriaFlag)]
pub struct Flag {
    /// `lock_errors`.
    pub id: FlagId,
    /// How urgent.
    pub colour: Colour,
    /// `None` when that is not known.
    pub raised: Option<bool>,
    /// The figures.
    pub detail: String,
}

/// The source's green zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GreenZone {
    /// Whether all of it is reached.
    pub reached: bool,
    /// Which measures are outside of it, or not known.
    pub outside: Vec<Measure>,
}

/// A leading indicator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Indicator {
    /// `writer_utilisation`.
    pub id: String,
    /// As people read it.
    pub label: String,
    /// `None` when it is not known.
    pub value: Option<f64>,
    /// Of value and limit.
    pub unit: String,
    /// Above it, the indicator confirms a crossed criterion; `None` where it does not.
    pub limit: Option<f64>,
    /// Whether it does.
    pub confirms: bool,
    /// The value in words, with where it comes from.
    pub detail: String,
}

/// What can be tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// `journal_mode`.
    pub id: FindingId,
    /// What is the matter.
    pub title: String,
    /// What was measured.
    pub evidence: String,
    /// The exact setting to change, or command to run.
    pub setting: String,
    /// Whether the operator has decided to live with it. It does not count then.
    pub accepted: bool,
}

/// When a step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Today.
    Now,
    /// When that is done.
    Next,
    /// To be prepared.
    Later,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanStep)]
pub struct Step {
    /// When.
    pub when: When,
    /// What to do.
    pub action: String,
    /// Why.
    pub why: String,
    /// Which finding it is about. JSON has that in `action` and `why` only.
    #[serde(skip)]
    pub finding: Option<FindingId>,
}

/// What another system would do for this installation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Remedy {
    /// `Redis` or `PostgreSQL`.
    pub name: String,
    /// Whether the evidence asks for it.
    pub indicated: bool,
    /// What it would fix here.
    pub fixes: Vec<String>,
    /// What it would not.
    pub does_not_fix: Vec<String>,
}
