//! What went wrong beside stress tests. A test may fill the queue or meet a lock by itself, which says nothing of the
//! installation's own load.

use std::time::Duration;

use super::Observation;
use crate::domain::metrics::{Incident, IncidentKind, Resolution};
use crate::domain::unit::UtcMillis;

/// The word for a full queue among the causes of refusals.
const QUEUE: &str = "queue";

/// A period with a stress test in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stressed {
    /// Its start.
    pub starts_at: UtcMillis,
    /// A minute, or what minutes were merged into.
    pub length: Duration,
}

impl Stressed {
    fn contains(&self, at: UtcMillis) -> bool {
        let since = u128::try_from(at.0.saturating_sub(self.starts_at.0));
        since.is_ok_and(|since| since < self.length.as_millis())
    }

    fn is_minute(&self) -> bool {
        self.length.as_millis() <= Resolution::Minute.period_ms().unsigned_abs().into()
    }
}

impl Observation {
    /// Transactions that were given up because another process held the database.
    pub(super) fn lock_errors_beside_tests(&self) -> u64 {
        let mut incidents = self.incidents.iter().filter(|incident| incident.kind == IncidentKind::LockError);
        // Of hours and days the incidents tell, if anything does.
        let known = incidents.next().is_some_and(|incident| self.is_of_tests(incident));
        let mixed = if known { 0 } else { self.live.lock_errors_mixed };
        self.live.lock_errors.saturating_add(mixed)
    }

    /// Updates that were refused because the queue was full: as many as the incident says and live requests can have met.
    pub(super) fn queue_refusals(&self) -> u64 {
        let is_queue =
            |incident: &&Incident| incident.kind == IncidentKind::ServerError && incident.cause == QUEUE;
        match self.incidents.iter().find(is_queue) {
            Some(incident) if !self.is_of_tests(incident) => {
                within(incident, self.since).min(self.live.server_errors_beside_tests)
            }
            _ => 0,
        }
    }

    /// Whether every time that is known of an incident in the window lies in a test: only the first and the last one are kept.
    fn is_of_tests(&self, incident: &Incident) -> bool {
        let in_window = |at: &UtcMillis| *at >= self.since;
        let mut known = [incident.first_at, incident.last_at].into_iter().filter(in_window).peekable();
        known.peek().is_some() && known.all(|at| self.is_in_test(at))
    }

    /// Of a minute it is enough that there was a test in it. Of an hour it is not: there the test must have been going on.
    fn is_in_test(&self, at: UtcMillis) -> bool {
        let going_on = || {
            let is_within = |end: UtcMillis| at <= end;
            self.runs.iter().any(|run| run.started_at <= at && run.completed_at.is_some_and(is_within))
        };
        let mut periods = self.live.stressed.iter().filter(|period| period.contains(at));
        periods.any(|period| period.is_minute() || going_on())
    }
}

/// How often it happened since then, as far as that is known.
fn within(incident: &Incident, since: UtcMillis) -> u64 {
    match (incident.first_at >= since, incident.last_at >= since) {
        (true, _) => incident.count,
        (false, true) => 1,
        (false, false) => 0,
    }
}
