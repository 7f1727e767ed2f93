//! How often a configuration would have fired: earlier evidence, judged by other thresholds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::damping::{Standing, settle};
use super::evidence::Evidence;
use super::measure::Measure;
use super::thresholds::Thresholds;
use super::verdict::{FindingId, FlagId, Status, Verdict};
use crate::domain::unit::UtcMillis;

/// What thresholds would have made of earlier evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// Checks that were judged again.
    pub checks: u64,
    /// How often each verdict came out, before damping.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// How often somebody would have been told: changes that count.
    pub changes: u64,
    /// Checks in which a criterion was near.
    pub near: BTreeMap<Measure, u64>,
    /// Checks in which it was crossed.
    pub crossed: BTreeMap<Measure, u64>,
    /// Checks in which a flag was raised.
    pub flags: BTreeMap<FlagId, u64>,
    /// Checks in which a finding was open.
    pub findings: BTreeMap<FindingId, u64>,
    /// The times for which one verdict counted, the oldest first.
    pub episodes: Vec<Episode>,
}

/// A time for which one verdict counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The verdict.
    pub verdict: Verdict,
    /// Its first check.
    pub from: UtcMillis,
    /// Its last check.
    pub to: UtcMillis,
    /// Checks.
    pub checks: u64,
    /// Why the first of them came to what it did.
    pub reason: String,
}

/// Judges earlier evidence, in any order, by `thresholds`.
pub fn backtest(history: &[(UtcMillis, Evidence)], thresholds: &Thresholds) -> Backtest {
    let mut ordered: Vec<&(UtcMillis, Evidence)> = history.iter().collect();
    ordered.sort_by_key(|(at, _)| *at);
    let mut result = Backtest::default();
    let mut standing: Option<Standing> = None;
    for (at, evidence) in ordered {
        let check = Check::judge(evidence, thresholds, *at);
        result.count(&check);
        // Nobody is told that all is well at first.
        let before = standing.map_or(Verdict::Ok, |standing| standing.settled);
        let settled = settle(standing, check.verdict, thresholds.change.results);
        standing = Some(settled);
        result.changes += u64::from(settled.settled != before);
        match result.episodes.last_mut().filter(|episode| episode.verdict == settled.settled) {
            Some(episode) => {
                episode.to = *at;
                episode.checks += 1;
            }
            None => result.episodes.push(Episode {
                verdict: settled.settled,
                from: *at,
                to: *at,
                checks: 1,
                reason: check.reason,
            }),
        }
    }
    result
}

impl Backtest {
    fn count(&mut self, check: &Check) {
        self.checks += 1;
        *self.verdicts.entry(check.verdict).or_default() += 1;
        for criterion in &check.criteria {
            match criterion.status {
                Status::Near => *self.near.entry(criterion.id).or_default() += 1,
                Status::Crossed => *self.crossed.entry(criterion.id).or_default() += 1,
                Status::Safe | Status::NoData => {}
            }
        }
        for flag in check.flags.iter().filter(|flag| flag.raised == Some(true)) {
            *self.flags.entry(flag.id).or_default() += 1;
        }
        for finding in check.findings.iter().filter(|finding| !finding.accepted) {
            *self.findings.entry(finding.id).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{in_run, live, well};
    use super::super::thresholds::{Change, Criteria};
    use super::*;

    fn at(hour: i64, p95_ms: f64) -> (UtcMillis, Evidence) {
        (UtcMillis(hour * 3_600_000), Evidence { p95_ms: in_run(p95_ms), ..well() })
    }

    #[test]
    fn earlier_evidence_is_judged_again() {
        let mut history: Vec<_> = [1.0, 1900.0, 1.0, 1900.0, 1950.0, 3500.0, 3500.0, 1.0, 1.0]
            .into_iter()
            .zip(0..)
            .map(|(p95_ms, hour)| at(hour, p95_ms))
            .collect();
        history.reverse();
        let found = backtest(&history, &Thresholds::default());
        assert_eq!(found.checks, 9);
        assert_eq!(found.verdicts, [(Verdict::Ok, 4), (Verdict::Warning, 3), (Verdict::Critical, 2)].into());
        assert_eq!((found.near[&Measure::P95], found.crossed[&Measure::P95]), (3, 2));
        assert_eq!(found.flags, [(FlagId::P95Red, 2), (FlagId::P95Yellow, 2)].into());
        let episodes: Vec<_> =
            found.episodes.iter().map(|episode| (episode.verdict, episode.checks)).collect();
        let expected = [(Verdict::Ok, 4), (Verdict::Warning, 2), (Verdict::Critical, 2), (Verdict::Ok, 1)];
        assert_eq!((episodes.as_slice(), found.changes), (&expected[..], 3));
    }

    #[test]
    fn other_thresholds_fire_otherwise() {
        let history: Vec<_> = (0..10).map(|hour| at(hour, 300.0)).collect();
        let strict = Thresholds {
            criteria: Criteria { p95_ms: 250.0, ..Criteria::default() },
            ..Thresholds::default()
        };
        assert_eq!(backtest(&history, &Thresholds::default()).changes, 0);
        let found = backtest(&history, &strict);
        assert_eq!((found.changes, found.crossed[&Measure::P95]), (1, 10), "the first counts at once");
        assert_eq!(backtest(&[], &strict), Backtest::default());
    }

    #[test]
    fn damping_is_that_of_a_check() {
        for results in 1..4 {
            let thresholds = Thresholds { change: Change { results }, ..Thresholds::default() };
            let pattern = [0u64, 4, 4, 0, 4, 4, 4, 0, 0, 0, 4, 0, 4, 0, 0, 4, 4, 4, 4];
            let history: Vec<_> = pattern
                .into_iter()
                .zip(0..)
                .map(|(agents, hour)| (UtcMillis(hour), Evidence { agents: live(agents), ..well() }))
                .collect();
            let mut standing = None;
            let mut counted = Verdict::Ok;
            let mut changes = 0;
            for (at, evidence) in &history {
                let verdict = Check::judge(evidence, &thresholds, *at).verdict;
                let settled = standing.insert(settle(standing, verdict, results)).settled;
                changes += u64::from(settled != counted);
                counted = settled;
            }
            assert_eq!(backtest(&history, &thresholds).changes, changes, "{results} in a row");
        }
    }
}
