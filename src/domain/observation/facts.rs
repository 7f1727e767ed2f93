//! What the checklist is decided from.

use super::{Milestone, Observation};
use crate::domain::criteria::checklist::Facts;
use crate::domain::unit::UtcMillis;

const DAY_MS: f64 = 86_400_000.0;

impl Observation {
    /// What the items of the checklist are decided from.
    pub fn facts(&self) -> Facts {
        let days = |at: UtcMillis| (self.at.0.saturating_sub(at.0) as f64 / DAY_MS).max(0.0);
        let since = |wanted: Milestone| {
            let found = self.milestones.iter().find(|(milestone, _)| *milestone == wanted);
            found.map(|(_, at)| days(*at))
        };
        let metrics = self.newest_metrics.map(days);
        Facts {
            checks_with_red_flag: self.checks_with_red_flag,
            valid_run_days: self.runs.iter().find(|run| run.is_evidence()).map(|run| days(run.started_at)),
            plan_days: since(Milestone::Plan),
            backup_days: since(Milestone::Backup),
            // It is noted only once the copy is proven equal and whole.
            backup_verified: since(Milestone::Backup).is_some(),
            redis: None,
            metrics_days: metrics,
            // Every server that keeps metrics keeps incidents and the audit trail beside them.
            logs_kept: metrics.is_some(),
            check_days: self.checks.first().map(|check| days(check.checked_at)),
            alert_days: since(Milestone::Alert),
            note_days: None,
        }
    }
}
