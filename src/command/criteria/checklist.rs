//! `porta criteria checklist`.

use std::path::Path;

use super::Judgement;
use crate::cli::{Judged, ListFormat};
use crate::command::{print, to_json, width};
use crate::domain::criteria::checklist::{Facts, checklist};
use crate::domain::observation::{Milestone, Observation};
use crate::domain::unit::UtcMillis;
use crate::exit::Failure;
use crate::render::criteria::lists;
use crate::render::wrap;

const DAY_MS: f64 = 86_400_000.0;

/// Decides each item from what the database shows.
pub fn run(judged: &Judged, format: ListFormat, db: &Path) -> Result<(), Failure> {
    let judgement = Judgement::make(judged, db)?;
    let items = checklist(&facts(&judgement.observation));
    print(&match format {
        ListFormat::Table => wrap::wrapped(&lists::checklist(&items), width()),
        ListFormat::Json => to_json(&items)? + "\n",
        ListFormat::Markdown => lists::checklist_markdown(&items),
    })
}

/// What the items are decided from.
pub fn facts(observation: &Observation) -> Facts {
    let days = |at: UtcMillis| ((observation.at.0 - at.0) as f64 / DAY_MS).max(0.0);
    let since = |wanted: Milestone| {
        let found = observation.milestones.iter().find(|(milestone, _)| *milestone == wanted);
        found.map(|(_, at)| days(*at))
    };
    let metrics = observation.newest_metrics.map(days);
    Facts {
        checks_with_red_flag: observation.checks_with_red_flag,
        valid_run_days: observation.runs.iter().find(|run| run.is_evidence()).map(|run| days(run.started_at)),
        plan_days: since(Milestone::Plan),
        backup_days: since(Milestone::Backup),
        // It is noted only once the copy is proven equal and whole.
        backup_verified: since(Milestone::Backup).is_some(),
        redis: None,
        metrics_days: metrics,
        // Every server that keeps metrics keeps incidents and the audit trail beside them.
        logs_kept: metrics.is_some(),
        check_days: observation.checks.first().map(|check| days(check.checked_at)),
        alert_days: since(Milestone::Alert),
        note_days: None,
    }
}
