//! Runs that are known to differ, or not to.

use std::time::Duration;

use super::super::report::Circumstances;
use super::super::report::tests::sample;
use super::super::run_config::RunConfig;
use super::super::summary::{Outcome, Summary, Tally};
use super::super::unit::UtcMillis;
use super::*;

/// A run of half a minute at 100 requests a second, whose latencies are scattered around `ms`.
pub(crate) fn run(id: i64, ms: f64) -> Report {
    let example = sample(0);
    let mut random = fastrand::Rng::with_seed(id.unsigned_abs());
    let mut summary = Summary::new(Duration::from_secs(30));
    for _ in 0..30 {
        let mut second = Tally::default();
        for _ in 0..100 {
            let latency = Duration::from_secs_f64(ms / 1000.0 * (0.5 + random.f64()));
            second.record(Outcome {
                from_due: latency,
                from_sent: Some(latency),
                status: Some(200),
                failure: None,
            });
        }
        summary.push_second(&second);
    }
    summary.last_completion = Duration::from_secs(30);
    let circumstances = Circumstances {
        started_at: UtcMillis(example.timestamp.0 + id * 60_000),
        cancelled: false,
        config: RunConfig { duration: 30.0, ..example.config },
        machine: example.machine,
        endpoints: vec![("POST".into(), "/update".into())],
        rows_stored: None,
    };
    Report { run_id: Some(RunId(id)), ..Report::new(summary, circumstances) }
}

fn finding(comparison: &Comparison, metric: Metric) -> Option<Finding> {
    comparison.metrics.iter().find(|compared| compared.metric == metric).and_then(|compared| compared.finding)
}

#[test]
fn one_run_with_one_is_indicative() {
    let comparison = compare(&[run(1, 10.0)], &[run(2, 8.0)], false).expect("comparable");
    assert_eq!((comparison.method, comparison.finding), (Method::Windows, Finding::Indicative));
    assert!(comparison.answer.starts_with("p95 is 19.5 % lower"), "{}", comparison.answer);
    assert!(comparison.answer.ends_with(" %), indicative: one run each"), "{}", comparison.answer);
    assert_eq!(comparison.warnings, Vec::<String>::new());
    for metric in [Metric::Average, Metric::P50, Metric::P99] {
        assert_eq!(finding(&comparison, metric), Some(Finding::Indicative), "{metric:?}");
    }
    assert_eq!(finding(&comparison, Metric::Success), None);
}

#[test]
fn a_run_does_not_differ_from_itself_and_hardly_from_its_like() {
    let one = run(1, 10.0);
    let comparison =
        compare(std::slice::from_ref(&one), std::slice::from_ref(&one), false).expect("comparable");
    for compared in &comparison.metrics {
        assert_eq!(compared.change_percent, Some(0.0), "{compared:?}");
    }
    assert_eq!(comparison.finding, Finding::NotShown);
    let comparison = compare(&[one], &[run(2, 10.0)], false).expect("comparable");
    assert!(
        comparison.answer.starts_with("no difference in p95 that these runs could show ("),
        "{comparison:?}"
    );
}

#[test]
fn swapped_sides_turn_the_sign() {
    let (one, two) = (run(1, 10.0), run(2, 11.0));
    let there = compare(std::slice::from_ref(&one), std::slice::from_ref(&two), false).expect("comparable");
    let back = compare(&[two], &[one], false).expect("comparable");
    for (there, back) in there.metrics.iter().zip(&back.metrics) {
        assert_eq!(there.finding, back.finding);
        let signs = there.change_percent.zip(back.change_percent).map(|(one, other)| one * other);
        assert!(signs.is_some_and(|product| product <= 0.0), "{there:?} {back:?}");
    }
}

#[test]
fn five_repeats_each_are_real_if_they_were_made_in_turn() {
    let side =
        |from: i64, ms: f64| -> Vec<Report> { (0..5).map(|index| run(from + 2 * index, ms)).collect() };
    let comparison = compare(&side(1, 10.0), &side(2, 12.0), false).expect("comparable");
    assert_eq!((comparison.method, comparison.finding), (Method::Repeats, Finding::Real));
    assert!(comparison.answer.contains("higher in runs 2, 4, 6, 8, 10 ("), "{}", comparison.answer);
    assert!(comparison.answer.ends_with("%), real"), "{}", comparison.answer);
    assert_eq!(comparison.warnings, Vec::<String>::new());
    let comparison = compare(&side(1, 10.0), &side(101, 12.0), false).expect("comparable");
    assert!(comparison.warnings[0].contains("Make them in turn"), "{comparison:?}");
    let comparison = compare(&side(1, 10.0)[..2], &side(2, 12.0)[..2], false).expect("comparable");
    assert_eq!(comparison.finding, Finding::Indicative);
}

#[test]
fn other_configurations_are_refused_and_other_circumstances_are_said() {
    let one = run(1, 10.0);
    let mut other = run(2, 10.0);
    other.config.workers = 20;
    let refused = compare(std::slice::from_ref(&one), std::slice::from_ref(&other), false);
    assert_eq!(refused, Err(vec!["workers is 10 in run 1, 20 in run 2".to_owned()]));
    assert!(compare(std::slice::from_ref(&one), std::slice::from_ref(&other), true).is_ok());
    let mut other = run(2, 10.0);
    other.config.timeout = 1.0;
    other.machine.cores = 4;
    other.validity.verdict = Verdict::NotSteady;
    let comparison = compare(std::slice::from_ref(&one), &[other], false).expect("comparable");
    assert_eq!(
        comparison.warnings,
        [
            "timeout is 30.0 in run 1, 1.0 in run 2",
            "the machine has changed between run 1 (Example CPU, 2 cores) and run 2 (Example CPU, 4 cores)",
            "run 2 is not-steady: its figures may not be the server's",
        ]
    );
    let failed = Report { status: RunStatus::Failed, ..run(3, 10.0) };
    assert_eq!(
        compare(&[one], &[failed], true),
        Err(vec!["run 3 has failed: nothing was measured".to_owned()])
    );
}

#[test]
fn a_short_run_has_no_interval() {
    let comparison = compare(&[sample(0)], &[sample(0)], false).expect("comparable");
    assert!(comparison.answer.starts_with("no interval for p95"), "{}", comparison.answer);
    assert_eq!(finding(&comparison, Metric::P95), None);
    let p99 = comparison.metrics.iter().find(|compared| compared.metric == Metric::P99);
    assert_eq!(p99.and_then(|compared| compared.before), None, "200 requests are too few for a p99");
}
