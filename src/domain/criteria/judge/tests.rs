//! The borders, and what decides.

use super::super::check::When;
use super::super::evidence::{Disk, Installation, Leading, Observed};
use super::super::sample::{in_run, live, quiet, saturated, series, well};
use super::super::thresholds::Tuning;
use super::super::verdict::FindingId;
use super::*;
use std::time::Duration;

fn judge(evidence: &Evidence) -> Check {
    Check::judge(evidence, &Thresholds::default(), UtcMillis(1_795_295_040_123))
}

fn status_at(evidence: &Evidence, id: Measure) -> Status {
    status_of(&judge(evidence).criteria, id)
}

fn raised(check: &Check) -> Vec<FlagId> {
    check.flags.iter().filter(|flag| flag.raised == Some(true)).map(|flag| flag.id).collect()
}

#[test]
fn an_installation_that_is_well_is_ok() {
    let check = judge(&well());
    assert_eq!(
        (check.verdict, check.exit_code, check.rung),
        (Verdict::Ok, 0, Some(Rung::Ok)),
        "{}",
        check.reason
    );
    assert!(check.green_zone.reached && check.findings.is_empty() && raised(&check).is_empty());
    assert!(check.headroom_percent.is_some_and(|percent| (percent - 99.5).abs() < 1e-9));
}

#[test]
fn the_borders_of_the_criteria_are_the_sources() {
    use Status::{Crossed, Near, Safe};
    for (value, expected) in [(0, Safe), (4, Safe), (5, Crossed), (6, Crossed)] {
        assert_eq!(
            status_at(&Evidence { agents: live(value), ..well() }, Measure::Agents),
            expected,
            "{value}"
        );
    }
    for (value, expected) in
        [(1799.99, Safe), (1800.0, Near), (1813.52, Near), (2000.0, Near), (2000.01, Crossed)]
    {
        assert_eq!(
            status_at(&Evidence { p95_ms: in_run(value), ..well() }, Measure::P95),
            expected,
            "{value}"
        );
    }
    for (value, expected) in [(33.3, Safe), (44.99, Safe), (45.0, Near), (50.0, Near), (50.01, Crossed)] {
        assert_eq!(
            status_at(&Evidence { cv_percent: in_run(value), ..well() }, Measure::Cv),
            expected,
            "{value}"
        );
        assert_eq!(status_at(&Evidence { rps: live(value), ..well() }, Measure::Rps), expected, "{value}");
    }
    for (value, expected) in
        [(20_480, Safe), (89_999_999, Safe), (90_000_000, Near), (100_000_000, Near), (100_000_001, Crossed)]
    {
        assert_eq!(
            status_at(&Evidence { db_bytes: live(value), ..well() }, Measure::DbSize),
            expected,
            "{value}"
        );
    }
}

#[test]
fn the_borders_of_the_flags_are_the_sources() {
    type Case = (fn(f64) -> Evidence, f64, f64, FlagId);
    let cases: [Case; 7] = [
        (|v| Evidence { p95_ms: in_run(v), ..well() }, 3000.0, 3000.01, FlagId::P95Red),
        (|v| Evidence { p95_ms: in_run(v), ..well() }, 2000.0, 2000.01, FlagId::P95Yellow),
        (|v| Evidence { cv_percent: in_run(v), ..well() }, 40.0, 40.01, FlagId::CvYellow),
        (|v| Evidence { agents: live(v as u64), ..well() }, 3.0, 4.0, FlagId::AgentsYellow),
        (|v| Evidence { db_bytes: live(v as u64), ..well() }, 50e6, 50e6 + 1.0, FlagId::DbSizeYellow),
        (|v| Evidence { server_errors_percent: live(v), ..well() }, 5.0, 5.01, FlagId::ServerErrors),
        (|v| Evidence { lock_errors: live(v as u64), ..well() }, 0.0, 1.0, FlagId::LockErrors),
    ];
    for (with, below, above, flag) in cases {
        assert!(!raised(&judge(&with(below))).contains(&flag), "{flag:?} at {below}");
        assert!(raised(&judge(&with(above))).contains(&flag), "{flag:?} at {above}");
    }
    let growing: Vec<f64> = (1..=20).map(|window| 100.0 * f64::from(window)).collect();
    let check = judge(&Evidence { p95_series: vec![series(&growing)], ..well() });
    assert_eq!((raised(&check), check.verdict), (vec![FlagId::LatencyGrowth], Verdict::Critical));
    let trifling: Vec<f64> = growing.iter().map(|ms| ms / 1000.0).collect();
    assert_eq!(judge(&Evidence { p95_series: vec![series(&trifling)], ..well() }).verdict, Verdict::Ok);
}

#[test]
fn the_borders_of_the_green_zone_are_the_sources() {
    type Case = (fn(f64) -> Evidence, f64, f64, Measure);
    let cases: [Case; 4] = [
        (|v| Evidence { p95_ms: in_run(v), ..well() }, 999.99, 1000.0, Measure::P95),
        (|v| Evidence { cv_percent: in_run(v), ..well() }, 29.99, 30.0, Measure::Cv),
        (|v| Evidence { agents: live(v as u64), ..well() }, 2.0, 3.0, Measure::Agents),
        (|v| Evidence { db_bytes: live(v as u64), ..well() }, 9_999_999.0, 10e6, Measure::DbSize),
    ];
    for (with, below, at, measure) in cases {
        assert!(judge(&with(below)).green_zone.reached, "{measure:?} at {below}");
        assert_eq!(judge(&with(at)).green_zone.outside, [measure], "at {at}");
    }
}

#[test]
fn the_state_of_the_source_is_to_be_watched() {
    let check = judge(&Evidence { p95_ms: in_run(1813.52), cv_percent: in_run(33.3), ..well() });
    assert_eq!((check.verdict, check.rung), (Verdict::Warning, Some(Rung::Watch)));
    assert_eq!(check.reason, "p95 is near its threshold (1814 ms)");
    assert!(raised(&check).is_empty());
}

#[test]
fn a_high_cv_is_critical_only_with_a_saturated_writer() {
    let restless = Evidence { p95_ms: in_run(0.33), cv_percent: in_run(171.0), ..well() };
    let check = judge(&restless);
    assert_eq!((check.verdict, check.rung), (Verdict::Warning, Some(Rung::Watch)));
    assert_eq!(status_of(&check.criteria, Measure::Cv), Status::Crossed, "the source's own status is shown");
    for evidence in [
        Evidence { leading: saturated(), ..restless.clone() },
        Evidence { leading_in_run: saturated(), ..restless.clone() },
    ] {
        let mut evidence = evidence;
        evidence.installation.updates_per_batch = Some(30.0);
        let check = judge(&evidence);
        assert_eq!((check.verdict, check.rung), (Verdict::Critical, Some(Rung::Migrate)), "{}", check.reason);
    }
}

#[test]
fn a_stress_test_confirms_only_what_was_measured_in_it() {
    let evidence = Evidence { agents: live(6), leading_in_run: saturated(), ..well() };
    assert_eq!(
        judge(&evidence).verdict,
        Verdict::Warning,
        "the writer was saturated by the run, not by agents"
    );
    assert_eq!(judge(&Evidence { leading: saturated(), ..evidence }).verdict, Verdict::Critical);
    let of_few = live(92.0).map(|observed| Observed { samples: Some(99), ..observed });
    let few = Leading { writer_utilisation_percent: of_few, ..quiet() };
    assert_eq!(judge(&Evidence { agents: live(6), leading: few, ..well() }).verdict, Verdict::Warning);
}

#[test]
fn what_is_missing_is_never_a_pass() {
    type Forget = fn(&mut Evidence);
    let forgotten: [(Forget, &str); 7] = [
        (|e| e.agents = None, "agents"),
        (|e| e.p95_ms = None, "p95"),
        (|e| e.cv_percent = Some(Observed { value: f64::NAN, ..in_run(0.0).expect("a value") }), "cv"),
        (|e| e.db_bytes = None, "db_size"),
        (|e| e.rps = None, "rps"),
        (|e| e.lock_errors = None, "lock_errors"),
        (|e| e.server_errors_percent = None, "server_errors"),
    ];
    for (forget, id) in forgotten {
        let mut evidence = well();
        forget(&mut evidence);
        let check = judge(&evidence);
        assert_eq!((check.verdict, check.exit_code, check.rung), (Verdict::Unknown, 3, None), "{id}");
        assert_eq!(check.missing, [id]);
        if id != "agents" {
            evidence.agents = live(4);
            assert_eq!(judge(&evidence).verdict, Verdict::Warning, "what is known decides without {id}");
        }
        evidence.lock_errors = live(1);
        assert_eq!(judge(&evidence).verdict, Verdict::Critical, "what is known decides without {id}");
    }
    let json = serde_json::to_value(judge(&Evidence::default())).expect("JSON");
    assert_eq!((&json["verdict"], &json["exit_code"]), (&"unknown".into(), &3.into()));
    assert!(
        json["criteria"].as_array().expect("a list").iter().all(|criterion| criterion["value"].is_null())
    );
    assert!(json["flags"].as_array().expect("a list").iter().all(|flag| flag["raised"].is_null()));
}

#[test]
fn zero_is_a_value_and_too_few_samples_are_none() {
    assert_eq!(judge(&Evidence { agents: live(0), rps: live(0.0), ..well() }).verdict, Verdict::Ok);
    let of = |samples| in_run(1.0).map(|observed| Observed { samples: Some(samples), ..observed });
    assert_eq!(judge(&Evidence { p95_ms: of(200), ..well() }).verdict, Verdict::Ok);
    let check = judge(&Evidence { p95_ms: of(199), ..well() });
    let p95 = &check.criteria[1];
    assert_eq!((check.verdict, p95.status, p95.value), (Verdict::Unknown, Status::NoData, Some(1.0)));
    let text = &p95.evidence.as_ref().expect("there is some").text;
    assert_eq!(text, "run 12, 2h old, 199 samples: too few, 200 are needed");
}

#[test]
fn what_counts_as_evidence_is_bounded() {
    let p95 = |age_seconds| in_run(1.0).map(|observed| Observed { age_seconds, ..observed });
    let month = 30 * 86_400;
    assert_eq!(judge(&Evidence { p95_ms: p95(month), ..well() }).verdict, Verdict::Ok);
    let check = judge(&Evidence { p95_ms: p95(month + 1), ..well() });
    assert_eq!((check.verdict, check.missing), (Verdict::Unknown, vec!["p95".to_owned()]));
    let by_a_run = judge(&Evidence { agents: in_run(50), rps: in_run(5000.0), ..well() });
    assert_eq!(by_a_run.missing, ["agents", "rps"], "a stress test is no traffic");
    assert_eq!(raised(&by_a_run), []);
}

#[test]
fn warnings_begin_where_monitoring_is_told() {
    let borders = Measure::ALL.map(|measure| measure.warns_at(&Thresholds::default()));
    assert_eq!(borders, [3.0, 1800.0, 40.0, 50e6, 45.0]);
}

#[test]
fn the_json_is_frozen() {
    let mut evidence = Evidence { p95_ms: in_run(1813.52), cv_percent: in_run(33.3), rps: None, ..well() };
    evidence.installation.journal_mode = Some("delete".into());
    insta::assert_json_snapshot!(judge(&evidence));
}

#[test]
fn a_few_errors_of_a_few_requests_are_no_flag() {
    for (percent, requests, expected) in
        [(10.0, 10, false), (30.0, 10, true), (100.0, 3, true), (0.0, 0, false), (5.1, 1000, true)]
    {
        let errors = live(percent).map(|observed| Observed { samples: Some(requests), ..observed });
        let check = judge(&Evidence { server_errors_percent: errors, ..well() });
        assert_eq!(raised(&check).contains(&FlagId::ServerErrors), expected, "{percent} % of {requests}");
    }
}

#[test]
fn errors_alone_are_critical_and_no_reason_to_migrate() {
    let check = judge(&Evidence { server_errors_percent: live(50.0), ..well() });
    assert_eq!((check.verdict, check.rung), (Verdict::Critical, Some(Rung::Watch)));
}

#[test]
fn nobody_migrates_for_what_another_database_would_not_change() {
    let busy = Evidence { leading: saturated(), ..busy_batches() };
    let growing: Vec<f64> = (1..=20).map(|window| 100.0 * f64::from(window)).collect();
    let slow_disk = Leading { commit_p99_ms: live(150.0), ..quiet() };
    for (evidence, rung, why) in [
        (Evidence { server_errors_percent: live(50.0), ..busy.clone() }, Rung::Watch, "nothing is crossed"),
        (Evidence { p95_ms: in_run(3500.0), ..well() }, Rung::Watch, "nothing is at its limit"),
        (Evidence { p95_ms: in_run(3500.0), ..busy.clone() }, Rung::Migrate, "crossed and confirmed"),
        (
            Evidence { rps: live(60.0), ..busy.clone() },
            Rung::Migrate,
            "crossed and confirmed, without a flag",
        ),
        (Evidence { p95_series: vec![series(&growing)], ..busy }, Rung::Migrate, "a load that has a remedy"),
        (
            Evidence { p95_series: vec![series(&growing)], leading: slow_disk, ..well() },
            Rung::Watch,
            "a load that has none",
        ),
    ] {
        let check = judge(&evidence);
        assert_eq!((check.verdict, check.rung), (Verdict::Critical, Some(rung)), "{why}: {}", check.reason);
    }
}

/// Well, and a busy writer would gather rows.
fn busy_batches() -> Evidence {
    let mut evidence = well();
    evidence.installation.updates_per_batch = Some(30.0);
    evidence
}

/// Evidence for each finding.
fn to_tune() -> Vec<(FindingId, Evidence)> {
    let with = |change: fn(&mut Installation)| {
        let mut evidence = well();
        change(&mut evidence.installation);
        evidence
    };
    let large = |evidence: Evidence| Evidence { db_bytes: live(50_000_001), ..evidence };
    let no_retention = |evidence: &mut Evidence| evidence.installation.channels_without_retention = Some(0);
    let mut free_pages = large(with(|i| i.free_page_bytes = Some(20_000_000)));
    no_retention(&mut free_pages);
    let disk = Disk { free_bytes: live(1_000_000), growth_bytes_per_day: live(100_000.0) };
    let lag = Leading { checkpoint_lag_frames: live(10_001), ..quiet() };
    let many = Evidence { p95_ms: in_run(1900.0), ..with(|i| i.workers = Some(17)) };
    vec![
        (FindingId::DiskFull, Evidence { disk, ..well() }),
        (FindingId::OtherWriters, Evidence { lock_errors: live(1), ..well() }),
        (FindingId::OtherWriters, {
            let leading = Leading { busy_waits_per_hour: live(61.0), ..quiet() };
            Evidence { leading, ..with(|i| i.servers = Some(2)) }
        }),
        (FindingId::JournalMode, with(|i| i.journal_mode = Some("delete".into()))),
        (FindingId::LongReader, with(|i| i.longest_read_seconds = Some(60.1))),
        (FindingId::CheckpointLag, Evidence { leading: lag, ..well() }),
        (FindingId::WorkersFew, with(|i| (i.workers, i.cpu_percent) = (Some(1), Some(81.0)))),
        (FindingId::WorkersMany, many),
        (FindingId::QueueFull, with(|i| i.queue_refusals = Some(1))),
        (FindingId::Batching, Evidence { leading: saturated(), ..well() }),
        (FindingId::Retention, large(well())),
        (FindingId::FreePages, free_pages),
    ]
}

#[test]
fn every_finding_can_be_raised_and_holds_back_from_migrating() {
    let cases = to_tune();
    assert!(FindingId::ALL.iter().all(|id| cases.iter().any(|(raised, _)| raised == id)));
    for (id, evidence) in cases {
        let check = judge(&evidence);
        let found: Vec<FindingId> = check.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(found, [id], "{}", check.reason);
        assert_eq!(check.rung, Some(Rung::Tune));
        let finding = &check.findings[0];
        assert!(!finding.evidence.is_empty() && check.plan[0].action == finding.setting);
        let slow_disk = Leading { commit_p99_ms: in_run(150.0), ..quiet() };
        let urgent = Evidence { p95_ms: in_run(3500.0), leading_in_run: slow_disk, ..evidence.clone() };
        let check = judge(&urgent);
        assert_eq!((check.verdict, check.rung), (Verdict::Critical, Some(Rung::Tune)), "{id:?}");
        let thresholds = Thresholds {
            tuning: Tuning { accepted: vec![id], ..Tuning::default() },
            ..Thresholds::default()
        };
        let check = Check::judge(&urgent, &thresholds, UtcMillis(0));
        assert_eq!(check.rung, Some(Rung::Migrate), "{id:?} is accepted");
        assert!(check.findings.iter().all(|finding| finding.accepted));
    }
}

#[test]
fn thresholds_of_findings_are_the_files() {
    let tuning = Tuning { longest_read: Duration::from_secs(5), ..Tuning::default() };
    let thresholds = Thresholds { tuning, ..Thresholds::default() };
    let mut evidence = well();
    evidence.installation.longest_read_seconds = Some(5.5);
    assert_eq!(Check::judge(&evidence, &thresholds, UtcMillis(0)).rung, Some(Rung::Tune));
}

#[test]
fn remedies_are_chosen_by_the_evidence() {
    let remedies = |evidence: &Evidence| -> Vec<bool> {
        judge(evidence).remedies.iter().map(|remedy| remedy.indicated).collect()
    };
    assert_eq!(remedies(&well()), [false, false], "neither for an installation that is well");
    assert_eq!(
        remedies(&Evidence { leading: saturated(), ..well() }),
        [false, true],
        "a cache writes nothing"
    );
    let slow_disk = Leading { commit_p99_ms: live(150.0), ..quiet() };
    assert_eq!(remedies(&Evidence { leading: slow_disk, ..well() }), [false, false], "it is the disk");
    let mut hot = well();
    hot.installation.cpu_percent = Some(390.0);
    assert_eq!(remedies(&hot), [true, true], "several servers share both");
    assert_eq!(remedies(&Evidence { lock_errors: live(3), ..well() }), [false, true]);
}

#[test]
fn a_plan_has_its_order() {
    for (_, evidence) in to_tune() {
        let plan = judge(&evidence).plan;
        assert!(plan.is_sorted_by_key(|step| step.when));
        assert!(plan.iter().any(|step| step.when == When::Later));
    }
}
