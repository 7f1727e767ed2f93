//! Worse evidence never makes a better verdict.

use super::super::evidence::Source;
use super::super::sample::{in_run, live, series, well};
use super::*;
use proptest::prelude::*;

/// Sets a value. 1 is where it begins to matter; more is worse.
type Field = fn(&mut Evidence, f64);

const FIELDS: [Field; 25] = [
    |e, bad| e.agents = live((bad * 5.0) as u64),
    |e, bad| e.p95_ms = in_run(bad * 2000.0),
    |e, bad| e.p95_ms = live(bad * 2000.0),
    |e, bad| e.cv_percent = in_run(bad * 50.0),
    |e, bad| e.cv_percent = live(bad * 50.0),
    |e, bad| e.db_bytes = live((bad * 1e8) as u64),
    |e, bad| e.rps = live(bad * 50.0),
    |e, bad| e.lock_errors = live(bad as u64),
    |e, bad| e.server_errors_percent = live(bad * 5.0),
    |e, bad| e.leading.writer_utilisation_percent = live(bad * 70.0),
    |e, bad| e.leading.queue_wait_p99_ms = live(bad * 250.0),
    |e, bad| e.leading.busy_waits_per_hour = live(bad * 60.0),
    |e, bad| e.leading.commit_p99_ms = live(bad * 100.0),
    |e, bad| e.leading.checkpoint_lag_frames = live((bad * 10_000.0) as u64),
    |e, bad| e.leading_in_run.writer_utilisation_percent = in_run(bad * 70.0),
    |e, bad| e.leading_in_run.commit_p99_ms = in_run(bad * 100.0),
    |e, bad| e.disk.free_bytes = live((3e9 / bad.max(1e-3)) as u64),
    |e, bad| e.disk.growth_bytes_per_day = live(bad * 1e8),
    |e, bad| e.installation.journal_mode = Some(if bad > 1.0 { "delete" } else { "wal" }.into()),
    |e, bad| e.installation.free_page_bytes = Some((bad * 2.5e7) as u64),
    |e, bad| e.installation.cpu_percent = Some(bad * 80.0),
    |e, bad| e.installation.queue_refusals = Some(bad as u64),
    |e, bad| e.installation.updates_per_batch = Some(2.0 / bad.max(1e-3)),
    |e, bad| e.installation.longest_read_seconds = Some(bad * 60.0),
    |e, bad| {
        let step = if bad > 1.0 { 100.0 } else { 0.0 };
        e.p95_series = vec![series(&(0..20).map(|at| 100.0 + step * f64::from(at)).collect::<Vec<_>>())];
    },
];

/// One of several ways in which all is set.
fn evidence(bad: &[Option<f64>], workers: u32) -> Evidence {
    let mut evidence = well();
    (evidence.installation.workers, evidence.installation.cores) = (Some(workers), Some(2));
    evidence.installation.updates_per_batch = Some(30.0);
    for (set, bad) in FIELDS.iter().zip(bad) {
        if let Some(bad) = bad {
            set(&mut evidence, *bad);
        }
    }
    evidence
}

/// A few values, since a single bad one hides all others.
fn badness() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec((0..FIELDS.len(), 0.0..1.6f64), 0..4).prop_map(|few| {
        let mut bad = vec![None; FIELDS.len()];
        few.into_iter().for_each(|(at, value)| bad[at] = Some(value));
        bad
    })
}

#[test]
fn of_any_two_values_the_worse_never_makes_a_better_verdict() {
    for other in 0..FIELDS.len() {
        for level in [0.5, 1.3] {
            for at in (0..FIELDS.len()).filter(|at| *at != other) {
                let mut before = None;
                for worse in [0.0, 0.5, 0.95, 1.05, 1.3, 2.0, 5.0] {
                    let mut bad = vec![None; FIELDS.len()];
                    (bad[other], bad[at]) = (Some(level), Some(worse));
                    let check = Check::judge(&evidence(&bad, 2), &Thresholds::default(), UtcMillis(0));
                    let now = Some(check.verdict);
                    assert!(
                        now >= before,
                        "field {at} at {worse}, field {other} at {level}: {}",
                        check.reason
                    );
                    before = now;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_worse_value_never_makes_a_better_verdict(
        bad in badness(), at in 0..FIELDS.len(),
        from in 0.0..1.5f64, by in 0.0..2.0f64, workers in 1u32..12, forgotten in 0usize..20
    ) {
        let mut bad = bad;
        let judge = |bad: &[Option<f64>]| {
            let mut evidence = evidence(bad, workers);
            match forgotten {
                0 => evidence.agents = None,
                1 => evidence.p95_ms = None,
                2 => evidence.rps = None,
                3 => evidence.lock_errors = None,
                4 => evidence.leading.writer_utilisation_percent = None,
                _ => {}
            }
            Check::judge(&evidence, &Thresholds::default(), UtcMillis(0))
        };
        bad[at] = Some(from);
        // Where a value comes from is set by the later of the fields that set it.
        bad[2] = bad[2].filter(|_| at == 2);
        bad[4] = bad[4].filter(|_| at == 4);
        let before = judge(&bad);
        bad[at] = Some(from + by);
        let after = judge(&bad);
        prop_assert!(after.verdict >= before.verdict, "field {at}: {} became {}", before.reason, after.reason);
        // The one way down the ladder by something worse: a finding, which is tuned before anybody migrates.
        let has_new = after.findings.iter().any(|found| before.findings.iter().all(|other| other.id != found.id));
        prop_assert!(has_new || after.rung >= before.rung || before.rung == Some(Rung::Tune), "field {at}");
        for (criterion, other) in before.criteria.iter().zip(&after.criteria) {
            prop_assert!(other.status >= criterion.status || criterion.status == Status::NoData);
        }
    }

}

proptest! {
    #[test]
    fn an_exit_code_is_the_verdicts(bad in badness()) {
        let check = Check::judge(&evidence(&bad, 4), &Thresholds::default(), UtcMillis(0));
        prop_assert_eq!(check.exit_code, check.verdict.exit_code());
        prop_assert!(!check.reason.is_empty() && !check.plan.is_empty());
        prop_assert_eq!(check.rung == Some(Rung::Ok), check.verdict == Verdict::Ok);
        prop_assert!(check.rung != Some(Rung::Migrate) || check.findings.iter().all(|finding| finding.accepted));
        let json = serde_json::to_string(&check).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Check>(&json).expect("the same").verdict, check.verdict);
    }

    #[test]
    fn evidence_comes_back_from_json(bad in badness()) {
        let evidence = evidence(&bad, 4);
        let json = serde_json::to_string(&evidence).expect("JSON");
        let again: Evidence = serde_json::from_str(&json).expect("evidence");
        let judge = |evidence: &Evidence| Check::judge(evidence, &Thresholds::default(), UtcMillis(0)).verdict;
        prop_assert_eq!(judge(&again), judge(&evidence));
        let is_run = |evidence: &Evidence| {
            evidence.p95_ms.as_ref().is_some_and(|p95| matches!(p95.source, Source::Run { .. }))
        };
        prop_assert_eq!(is_run(&again), is_run(&evidence));
    }
}
