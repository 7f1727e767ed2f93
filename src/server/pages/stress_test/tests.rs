//! The pages of stress tests with what the domain says, in every language.

use std::time::Duration;

use super::*;
use crate::domain::assertion::Assertion;
use crate::domain::comparison;
use crate::domain::comparison::tests::run as scattered_run;
use crate::domain::concurrency::Workers;
use crate::domain::grade::Figures;
use crate::domain::report::tests::sample;
use crate::domain::report::{Circumstances, Report};
use crate::domain::rows::Rows;
use crate::domain::run::{Claim, Plan, Rate};
use crate::domain::run_config::RunConfig;
use crate::domain::server_side::{self, Reading, ServerSecond};
use crate::domain::steadiness::Steadiness;
use crate::domain::summary::{Failure, Outcome as Ended, SERIES_POINTS_MAX, SeriesPoint, Summary, Tally};
use crate::domain::unit::UtcMillis;
use crate::domain::validity::Generator;
use crate::instance;
use crate::server::pages::language::LANGUAGES;
use crate::server::pages::site::Site;
use crate::server::pages::tests::{pages, site};
use crate::server::pages::words::Words;

const EVIL: &str = "<script>alert(1)</script>\"' onload=x {n}";

/// A run as lists show it, of a report.
fn overview(report: &Report) -> RunOverview {
    let (results, latency) = (&report.results, &report.results.latency);
    RunOverview {
        channel_id: report.config.channel_id,
        total_requests: Some(results.total),
        successful_requests: Some(results.success),
        failed_requests: Some(results.failed),
        actual_rps: Some(results.actual_rps),
        p50_latency_ms: latency.p50_latency_ms,
        p95_latency_ms: latency.p95_latency_ms,
        p99_latency_ms: latency.p99_latency_ms,
        grade: report.grade.as_ref().map(|grade| grade.level.as_str().into()),
        validity: Some(report.validity.verdict.as_str().into()),
        status: report.status.as_str().into(),
        started_at: report.timestamp,
        ..pending(report.run_id.map_or(7, |id| id.0))
    }
}

pub(super) fn pending(id: i64) -> RunOverview {
    let plan = Plan {
        workers: 10,
        rate: Rate::PerSecond(100),
        duration: Duration::from_secs(60),
        timeout: Duration::from_secs(30),
        warm_up: Duration::ZERO,
    };
    let claim = Claim {
        plan,
        channel: Some(ChannelId(3)),
        started_at: UtcMillis(1_795_295_040_000),
        owner: String::new(),
    };
    claim.overview(RunId(id))
}

fn index(said: Said, input: Input, runs: Vec<RunOverview>) -> Value {
    let going_on = runs.iter().find(|run| run.ended().is_none()).map(|run| run.id);
    let total = runs.len() as u64 * 100;
    let runs = runs.into_iter().map(Row::new).collect();
    let history = History { order: RunOrder::default(), page: 2, runs, total };
    let channels = vec![(ChannelId(3), EVIL.into())];
    Index { input, said, limits: Limits::DEFAULT, channels, going_on, history }.data()
}

pub(super) fn words(site: &Site) -> [Words; 2] {
    LANGUAGES.map(|language| site.words(language).expect("words").clone())
}

/// A report page in every language.
fn report_pages(report: &Report, similar: &[RunOverview]) -> Vec<String> {
    let site = site();
    let page = |(words, place): (Words, usize)| {
        let data = report::data(&words, overview(report), report.clone(), similar);
        pages(&site, "report.html", &data).remove(place)
    };
    words(&site).into_iter().zip(0..).map(page).collect()
}

fn assert_harmless(page: &str) {
    assert!(
        !page.contains("<script>") && !page.contains("\" onload") && !page.contains("' onload"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;"), "it is there, and says what it is: {page}");
}

#[test]
fn the_page_says_what_came_of_the_form() {
    let site = site();
    for said in [
        Said::default(),
        Said { deleted: Some(RunId(3)), ..Said::default() },
        Said { conflict: Some(RunId(4)), message: EVIL.into(), ..Said::default() },
        Said::wrong("scenario", EVIL.into()),
        Said::wrong("workers", EVIL.into()),
        Said::wrong("channel_id", EVIL.into()),
    ] {
        let input = Input { workers: EVIL.into(), ..Input::default() };
        let runs = vec![
            overview(&sample(0)),
            pending(9),
            RunOverview { error_message: Some(EVIL.into()), ..overview(&sample(90)) },
        ];
        for page in pages(&site, "stress_test.html", &index(said.clone(), input.clone(), runs.clone())) {
            assert_harmless(&page);
            assert!(page.contains("href=\"?sort=p95\"") || page.contains("href=\"?sort=-p95\""), "{page}");
            assert!(page.contains("aria-sort=\"descending\""), "{page}");
            assert_eq!(page.contains("aria-invalid"), said.field == Some("workers"), "{page}");
        }
    }
    let empty = History { order: RunOrder::default(), page: 1, runs: Vec::new(), total: 0 };
    let index = Index {
        input: Input::default(),
        said: Said::default(),
        limits: Limits::DEFAULT,
        channels: Vec::new(),
        going_on: None,
        history: empty,
    };
    for page in pages(&site, "stress_test.html", &index.data()) {
        assert!(!page.contains("<table"), "{page}");
    }
}

#[test]
fn an_outcome_is_said_in_a_word() {
    let ended = |status: &str, validity: Option<&str>| RunOverview {
        status: status.into(),
        validity: validity.map(str::to_owned),
        ..pending(3)
    };
    for (run, word) in [
        (pending(3), "going_on"),
        (ended("cancelled", None), "cancelled"),
        (ended("cancelled", Some("valid")), "cancelled"),
        (ended("cancelled", Some("not-steady")), "not_valid"),
        (ended("failed", None), "failed"),
        (ended("completed", Some("too-few-samples")), "not_valid"),
    ] {
        assert_eq!(Outcome::of(&run).word, word, "{run:?}");
    }
}

#[test]
fn where_there_are_more_channels_than_can_be_chosen_from_the_form_takes_a_number() {
    let site = site();
    let history = || History { order: RunOrder::default(), page: 1, runs: Vec::new(), total: 0 };
    for (count, selects) in [(100, true), (101, false)] {
        let channels = (1..=count).map(|id| (ChannelId(id), "&".repeat(255))).collect();
        let index = Index {
            input: Input::default(),
            said: Said::default(),
            limits: Limits::DEFAULT,
            channels,
            going_on: None,
            history: history(),
        };
        for page in pages(&site, "stress_test.html", &index.data()) {
            assert_eq!(page.contains("<select id=\"channel\""), selects);
            assert_eq!(page.contains("<input id=\"channel\" name=\"channel\" type=\"number\""), !selects);
        }
    }
}

#[test]
fn a_report_has_its_verdict_first() {
    let mut good = sample(0);
    good.run_id = Some(RunId(12));
    for page in report_pages(&good, &[]) {
        assert!(page.contains("notice good verdict"), "{page}");
    }
    let mut bad = sample(90);
    bad.server = vec![second()];
    for (page, error) in
        report_pages(&bad, &[]).iter().zip(["an HTTP status from 500 on", "статус HTTP от 500"])
    {
        assert!(page.contains("notice bad verdict") && page.contains(error), "{page}");
    }
    let mut not_valid = sample(0);
    not_valid.validity.verdict = Verdict::TooFewSamples;
    not_valid.validity.reason =
        "7 requests are too few for a p95, which needs 200. Run longer, or at a higher rate.".into();
    for (page, reason) in report_pages(&not_valid, &[]).iter().zip(["7 requests are too few", "а было 7"])
    {
        assert!(page.contains("notice warning verdict") && page.contains(reason), "{page}");
    }
    let mut failed = sample(200);
    failed.fail();
    for page in report_pages(&failed, &[]) {
        assert!(page.contains("notice bad verdict"), "{page}");
    }
}

/// A second in which a checkpoint took long.
fn second() -> ServerSecond {
    let after = Reading {
        observed: 1.0,
        busy: 0.6,
        commits: 100.0,
        commit_time: 0.2,
        checkpoints: 1.0,
        checkpoint_time: 0.038,
        ..Reading::default()
    };
    ServerSecond::between(0, &Reading::default(), &after).expect("a second")
}

/// A report with everything that one can have, and what another program or another database could have put into it.
fn full() -> Report {
    let mut report = scattered_run(12, 10.0);
    let point = report.series[0].clone();
    report.series = (0..SERIES_POINTS_MAX)
        .map(|second| SeriesPoint { second, p95_latency_ms: Some((second % 97) as f64), ..point.clone() })
        .collect();
    report.server = (0..SERIES_POINTS_MAX).map(|second| ServerSecond { second, ..self::second() }).collect();
    report.config.scenario = Some(EVIL.into());
    report.config.method = Some(EVIL.into());
    report.config.base_url = EVIL.into();
    report.config.private_server = false;
    report.machine.cpu_model = EVIL.into();
    report.machine.os = EVIL.into();
    report.validity.remarks = vec![EVIL.into()];
    report.rows = Some(Rows {
        acknowledged: 7,
        given_twice: 0,
        entry_ids: None,
        missing: Some(1),
        removed: None,
        note: Some(EVIL.into()),
    });
    report.results.errors = sample(5).results.errors;
    report.results.failed = 5;
    report.results.unknown = 5;
    report.assertions = vec!["p95<1ms".parse::<Assertion>().expect("sound").check(&report)];
    report.endpoints = vec![report.endpoints[0].clone(), report.endpoints[0].clone()];
    report.endpoints[0].path = EVIL.into();
    if let Some(grade) = &mut report.grade {
        grade.advice = vec![EVIL.into()];
    }
    report
}

#[test]
fn a_report_with_everything_is_light_and_harmless() {
    let report = full();
    let similar: Vec<_> = (1..=40)
        .map(|id| RunOverview { id: RunId(id), error_message: Some(EVIL.into()), ..overview(&report) })
        .collect();
    for page in report_pages(&report, &similar) {
        assert_harmless(&page);
        assert_eq!(page.matches("<svg class=\"chart\"").count(), 5);
        let checked = page.split("<code>p95&lt;1ms</code>").nth(1).expect("an assertion");
        let is_russian = page.contains("<html lang=\"ru\"");
        assert_eq!(checked.split("</td>").next().expect("its value").contains("мс"), is_russian, "{checked}");
    }
    let missing = RunOverview { status: "failed".into(), error_message: Some(EVIL.into()), ..pending(3) };
    for template in ["report_missing.html", "stress_test_delete.html"] {
        for page in pages(&site(), template, &context! { run => Serde(Row::new(missing.clone())) }) {
            assert!(!page.contains("<script>"), "{page}");
        }
    }
}

#[test]
fn two_runs_are_compared_in_words_and_figures() {
    let site = site();
    let (one, other) = (scattered_run(1, 10.0), scattered_run(2, 8.0));
    let words = words(&site);
    let compared = |new: &Report, forced| {
        let sides = vec![(overview(&one), one.clone()), (overview(new), new.clone())];
        words
            .clone()
            .into_iter()
            .zip(0..)
            .map(move |(words, place)| {
                pages(&self::site(), "compare.html", &compare::data(&words, sides.clone(), forced))
                    .remove(place)
            })
            .collect::<Vec<_>>()
    };
    for (page, answer) in compared(&other, false).iter().zip(["lower in run 2", "в запуске 2 ниже на"])
    {
        assert!(page.contains("notice good verdict") && page.contains(answer), "{page}");
    }
    let mut unlike = full();
    unlike.config.workers = 99;
    for (page, reason) in
        compared(&unlike, false).iter().zip(["Workers is 10 in run 1", "workers: 10 в запуске 1"])
    {
        assert!(page.contains(reason) && page.contains("&amp;force"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
    }
    for page in compared(&unlike, true) {
        assert!(page.contains("<table"), "{page}");
        assert_harmless(&page);
    }
    for picked in [0, 1, 3] {
        pages(&site, "compare_pick.html", &context! { picked });
    }
}

/// What the domain says in reports, each sentence from where it is written.
fn sentences() -> Vec<String> {
    let mut all = Vec::new();
    for (success, average, p95, efficiency) in [(90.0, 600.0, 1500.0, 50.0), (97.0, 200.0, 500.0, 80.0)] {
        let grade = |figures: Figures| figures.grade().advice;
        let good =
            Figures { success_percent: 100.0, average_ms: 1.0, p95_ms: 1.0, efficiency_percent: Some(100.0) };
        all.extend(grade(Figures { success_percent: success, ..good }));
        all.extend(grade(Figures { average_ms: average, ..good }));
        all.extend(grade(Figures { p95_ms: p95, ..good }));
        all.extend(grade(Figures { efficiency_percent: Some(efficiency), ..good }));
    }
    use Failure::{
        Body, Connect, NotSent, Protocol, Refused, Reset, Status, Status4xx, Status5xx, Timeout, Tls,
    };
    let failures =
        [Refused, Connect, Reset, Timeout, Tls, Protocol, Status, Status4xx, Status5xx, Body, NotSent];
    all.extend(failures.map(|failure| failure.describe().to_owned()));
    let generator = Generator {
        requests: 6000,
        send_lag_p99_ms: Some(1.5),
        grade_hinges_on_lag: false,
        cpu_percent: 4.0,
        actual_rps: 100.0,
        workers: Workers::Enough,
    };
    for generator in [
        generator.clone(),
        Generator { requests: 7, ..generator.clone() },
        Generator { cpu_percent: 97.0, ..generator.clone() },
    ] {
        let validity = generator.validity(&Steadiness::Steady { from_second: 8 });
        all.push(validity.reason);
        all.extend(validity.remarks);
    }
    let few = few_workers();
    assert_eq!(few.validity.verdict, Verdict::GeneratorLimited);
    all.push(few.validity.reason);
    let point = scattered_run(1, 10.0).series[0].clone();
    let mut moments = vec![second(), ServerSecond { checkpoints: 3, ..second() }];
    let idle = ServerSecond { checkpoint_ms: 0.0, ..second() };
    moments.push(ServerSecond { busy_wait_ms: 30.0, ..idle });
    moments.push(ServerSecond { longest_commit_ms: 30.0, ..idle });
    moments.push(ServerSecond { writer_utilisation_percent: 97.0, ..idle });
    moments.push(ServerSecond { longest_queue_wait_ms: 30.0, ..idle });
    moments.push(idle);
    all.extend(moments.iter().map(|second| server_side::cause(&point, second)));
    let rows = |missing, given_twice| Rows {
        missing: Some(missing),
        given_twice,
        acknowledged: 9,
        entry_ids: None,
        removed: None,
        note: None,
    };
    all.extend([rows(1, 0), rows(0, 2), rows(1, 2)].iter().filter_map(Rows::wrong));
    all.extend(sample(200).failure_reason());
    let mut failed = sample(200);
    failed.fail();
    all.extend(failed.failure_reason());
    all
}

/// A run whose one worker was too few for the rate.
fn few_workers() -> Report {
    let example = sample(0);
    let mut summary = Summary::new(Duration::from_secs(10));
    for _ in 0..10 {
        let mut tally = Tally::default();
        for _ in 0..25 {
            let took = Duration::from_millis(40);
            tally.record(Ended {
                from_due: 100 * took,
                from_sent: Some(took),
                status: Some(200),
                failure: None,
            });
        }
        summary.push_second(&tally);
    }
    summary.last_completion = Duration::from_secs(10);
    let circumstances = Circumstances {
        started_at: example.timestamp,
        cancelled: false,
        config: RunConfig { workers: 1, target_rps: Some(1000), duration: 10.0, ..example.config },
        machine: example.machine,
        endpoints: vec![("POST".into(), "/update".into())],
        rows_stored: None,
    };
    Report::new(summary, circumstances)
}

#[test]
fn what_the_domain_says_of_a_run_is_said_in_russian() {
    let site = site();
    let russian = site.words("ru").expect("Russian");
    let mut sentences = sentences();
    let (one, other, same) = (scattered_run(1, 10.0), scattered_run(2, 8.0), scattered_run(3, 10.0));
    let mut unlike = scattered_run(4, 10.0);
    (unlike.config.timeout, unlike.machine.cores) = (7.0, 64);
    unlike.validity.verdict = Verdict::NotSteady;
    unlike.status = RunStatus::Cancelled;
    for new in [&other, &same, &unlike] {
        let before = std::slice::from_ref(&one);
        let compared = comparison::compare(before, std::slice::from_ref(new), false).expect("comparable");
        sentences.push(compared.answer);
        sentences.extend(compared.warnings);
    }
    let mut failed = sample(0);
    failed.run_id = Some(RunId(5));
    failed.fail();
    sentences.extend(comparison::compare(&[one], &[failed], false).expect_err("nothing to compare"));
    let refusal = Limits::DEFAULT.plan(0, 1, 1.0).map_err(Refusal::message);
    sentences.extend(refusal.err());
    sentences.extend(
        Input { scenario: String::new(), ..Input::default() }.request().map_err(Refusal::message).err(),
    );
    sentences.extend(
        [
            "the server was stopped, and its process was ended at once",
            "it took longer than 2m, which is its time limit",
            "it took longer than 2m, which is its time limit: the counting was stopped, and rows of this run may be left in channel 7: entry ids 1 to 9",
            "the counting was stopped",
        ]
        .map(str::to_owned),
    );
    for name in ["a/7/b", "", "x/7/1/y"] {
        sentences.extend(instance::why_gone(name, false));
    }
    assert!(sentences.len() > 45, "{}", sentences.len());
    for sentence in sentences {
        let said = russian.translated(&sentence).unwrap_or_else(|| panic!("no phrase for: {sentence}"));
        let known = [
            "HTTP",
            "rps",
            "TLS",
            "CPU",
            "Example",
            "timeout",
            "p50",
            "p95",
            "p99",
            "porta",
            "STRESS_TEST_MAX_WORKERS",
            "2m",
        ];
        let left = said.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let left: Vec<_> =
            left.filter(|word| word.chars().any(|letter| letter.is_ascii_alphabetic())).collect();
        assert!(left.iter().all(|word| known.contains(word)), "{said}: {left:?}");
    }
}
