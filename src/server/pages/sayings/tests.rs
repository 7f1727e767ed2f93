//! Whatever the domain says is said in every language.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Site;
use super::super::words::Words;
use super::*;
use crate::domain::criteria::check::Check;
use crate::domain::criteria::checklist::{Facts, Redis, checklist};
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::criteria::verdict::{FindingId, FlagId, Verdict};
use crate::domain::fault::Fault;
use crate::domain::unit::UtcMillis;
use crate::server::assets::Web;

/// Installations that are made up.
const CHECKS: u64 = 1000;
/// What needs no translation: units, and words that are the same everywhere.
const SAME: [&str; 18] = [
    "p95",
    "p99",
    "CV",
    "ID",
    "ms",
    "rps",
    "kB",
    "MB",
    "GB",
    "TB",
    "B",
    "Redis",
    "PostgreSQL",
    "h",
    "m",
    "s",
    "d",
    "p",
];

fn sayings() -> Words {
    let site = Site::read(&Web::new(false), "").expect("templates and translations");
    site.words("ru").expect("Russian").clone()
}

/// English that is left when a text is said in the other language.
fn left(words: &Words, text: &str) -> Vec<String> {
    let left = RefCell::new(Vec::new());
    words.sayings.said(text, DEPTH_MAX, &|rest| {
        let is_command =
            rest.starts_with("porta ") || rest.starts_with('/') || rest == "wal" || rest == "delete";
        let words = rest
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.chars().any(|c| c.is_ascii_alphabetic()) && !SAME.contains(word));
        // `24h`, `1h 30m`.
        let words =
            words.filter(|word| !SAME.contains(&word.trim_start_matches(|c: char| c.is_ascii_digit())));
        if !is_command && words.count() > 0 {
            left.borrow_mut().push(rest.to_owned());
        }
        None
    });
    left.into_inner()
}

/// A made-up installation: each value is missing, small, or large.
fn evidence(random: &mut fastrand::Rng) -> Evidence {
    let sources = [
        json!({"kind": "live", "window_seconds": 86_400}),
        json!({"kind": "run", "id": 12}),
        json!({"kind": "server_counters"}),
        json!({"kind": "database_file"}),
        json!({"kind": "disk"}),
        json!({"kind": "agents"}),
    ];
    let mut observed = |small: f64, large: f64, sources: &[Value]| -> Value {
        let value = match random.u8(0..4) {
            0 => return Value::Null,
            1 => small,
            2 => large * random.f64(),
            _ => large,
        };
        let source = sources[random.usize(..sources.len())].clone();
        let samples = [Value::Null, json!(3), json!(100_000)][random.usize(..3)].clone();
        let age = [0, 90, 7200, 4_000_000][random.usize(..4)];
        let value =
            if large > 50.0 && large.fract() == 0.0 { json!(value.round() as u64) } else { json!(value) };
        json!({"value": value, "source": source, "age_seconds": age, "samples": samples})
    };
    let (live, counters) = (&sources[..1], &sources[2..3]);
    let mut all = json!({
        "agents": observed(1.0, 51.0, live),
        "p95_ms": observed(1.4, 3500.5, &sources[..2]),
        "cv_percent": observed(20.0, 171.5, &sources[..2]),
        "db_bytes": observed(20_480.0, 200_000_000.0, &sources[3..4]),
        "rps": observed(0.05, 60.5, live),
        "lock_errors": observed(0.0, 51.0, counters),
        "server_errors_percent": observed(0.0, 40.5, live),
        "leading": {
            "writer_utilisation_percent": observed(0.1, 99.5, counters),
            "queue_wait_p99_ms": observed(0.5, 900.5, counters),
            "busy_waits_per_hour": observed(0.0, 600.5, counters),
            "commit_p99_ms": observed(2.0, 300.5, counters),
            "checkpoint_lag_frames": observed(0.0, 100_000.0, counters),
        },
        "disk": {
            "free_bytes": observed(1e6, 9e9, &sources[4..5]),
            "growth_bytes_per_day": observed(-5.5, 5e8 + 0.5, &sources[3..4]),
        },
    });
    all["installation"] = installation(random);
    all["p95_series"] = series(random);
    all["history"] = history(random);
    serde_json::from_value(all).expect("evidence")
}

/// One with nothing to complain about.
fn well() -> Evidence {
    let live = |value: Value| json!({"value": value, "source": {"kind": "live", "window_seconds": 86_400}, "age_seconds": 0, "samples": 100_000});
    serde_json::from_value(json!({
        "agents": live(json!(1)), "p95_ms": live(json!(1.4)), "cv_percent": live(json!(20.0)),
        "db_bytes": live(json!(20_480)), "rps": live(json!(0.05)), "lock_errors": live(json!(0)),
        "server_errors_percent": live(json!(0.0)),
    }))
    .expect("evidence")
}

fn installation(random: &mut fastrand::Rng) -> Value {
    let some = |random: &mut fastrand::Rng, value: Value| if random.bool() { value } else { Value::Null };
    let cores = random.u32(1..9);
    json!({
        "db": "/var/lib/porta/porta.db",
        "journal_mode": (["wal", "delete"])[random.usize(..2)],
        "channels": some(random, json!(9)),
        "channels_without_retention": some(random, json!(3)),
        "largest_without_retention": some(random, json!(2)),
        "free_page_bytes": some(random, json!(90_000_000)),
        "workers": some(random, json!(random.clone().u32(1..40))),
        "cores": some(random, json!(cores)),
        "cpu_percent": some(random, json!(100.0 * f64::from(cores))),
        "servers": some(random, json!(random.clone().u32(0..4))),
        "queue_capacity": some(random, json!(4096)),
        "queue_refusals": some(random, json!(17)),
        "updates_per_batch": some(random, json!(1.1)),
        "longest_read_seconds": some(random, json!(600.0)),
    })
}

fn series(random: &mut fastrand::Rng) -> Value {
    let windows = |growth: fn(f64) -> f64, load: fn(usize) -> f64, count: usize| -> Vec<Value> {
        (0..count).map(|at| json!({"offered_rps": load(at), "p95_ms": growth(at as f64)})).collect()
    };
    let constant: fn(usize) -> f64 = |_| 100.0;
    let series = [
        windows(|_| 1.0, constant, 20),
        windows(|at| 100.0 * (at * 0.3).exp(), constant, 20),
        windows(|at| 100.0 + at * 200.0, constant, 20),
        windows(|at| 1.0 + at, constant, 20),
        windows(|at| if at < 10.0 { 10.0 } else { 400.0 }, constant, 20),
        windows(|_| 1.0, constant, 3),
        windows(|_| 1.0, |at| at as f64 * 50.0, 20),
    ];
    let chosen = (0..random.usize(..3)).map(|_| &series[random.usize(..series.len())]);
    let chosen: Vec<_> = chosen
        .map(
            |windows| json!({"source": {"kind": "run", "id": 12}, "window_seconds": 5.0, "windows": windows}),
        )
        .collect();
    json!(chosen)
}

fn history(random: &mut fastrand::Rng) -> Value {
    let past = |slope: f64, days: u32| -> Vec<Value> {
        (0..days).map(|day| json!({"days_ago": day, "value": 1e8 + slope * -f64::from(day)})).collect()
    };
    let histories =
        [past(0.0, 30), past(3e6, 30), past(1e4, 30), past(-1e6, 30), past(1e6, 3), past(9e5, 60)];
    json!({"db_size": histories[random.usize(..histories.len())], "p95": []})
}

/// All that a check says in English.
fn texts(check: &Check) -> Vec<String> {
    let mut texts = vec![check.reason.clone()];
    for criterion in &check.criteria {
        texts.extend([criterion.reason.clone(), criterion.forecast.text()]);
        texts.extend(criterion.evidence.as_ref().map(|evidence| evidence.text.clone()));
        texts.extend(criterion.confirmed_by.clone());
    }
    texts.extend(check.flags.iter().map(|flag| flag.detail.clone()));
    texts.extend(check.leading.iter().map(|indicator| indicator.detail.clone()));
    for finding in &check.findings {
        texts.extend([finding.title.clone(), finding.evidence.clone(), finding.setting.clone()]);
    }
    let others = check.plan.iter().filter(|step| step.finding.is_none());
    texts.extend(others.flat_map(|step| [step.action.clone(), step.why.clone()]));
    texts.extend(
        check.remedies.iter().flat_map(|remedy| remedy.fixes.iter().chain(&remedy.does_not_fix).cloned()),
    );
    texts
}

#[test]
fn whatever_a_check_says_is_said_in_russian() {
    let sayings = sayings();
    let mut random = fastrand::Rng::with_seed(8);
    let (mut said, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    let (mut verdicts, mut findings, mut flags) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let made_up = (0..CHECKS).map(|_| evidence(&mut random));
    for evidence in made_up.chain([well()]) {
        let check = Check::judge(&evidence, &Thresholds::default(), UtcMillis(0));
        verdicts.insert(check.verdict);
        findings.extend(check.findings.iter().map(|finding| finding.id));
        flags.extend(check.flags.iter().filter(|flag| flag.raised == Some(true)).map(|flag| flag.id));
        for text in texts(&check) {
            // Other figures need no other words.
            if said.insert(text.replace(|c: char| c.is_ascii_digit(), "0")) {
                wrong.extend(left(&sayings, &text).into_iter().map(|left| format!("{left:?} of {text:?}")));
            }
        }
    }
    assert_eq!(verdicts.len(), Verdict::ALL.len(), "{verdicts:?}");
    assert_eq!(findings.len(), FindingId::ALL.len(), "{findings:?}");
    assert_eq!(flags.len(), FlagId::ALL.len(), "{flags:?}");
    assert!(wrong.is_empty(), "{:#?}", wrong.iter().take(20).collect::<Vec<_>>());
}

#[test]
fn the_checklist_and_faults_are_said_in_russian() {
    let sayings = sayings();
    let redis = |is: bool| Some(Redis { reachable: is, configured: is, caching: is, tested: is });
    let old = Facts {
        valid_run_days: Some(99.0),
        plan_days: Some(999.0),
        backup_days: Some(1.0),
        redis: redis(false),
        metrics_days: Some(0.5),
        check_days: Some(50.0),
        alert_days: Some(500.0),
        note_days: Some(99.0),
        ..Facts::default()
    };
    let done = Facts { backup_verified: true, logs_kept: true, redis: redis(true), ..old.clone() };
    let items = [Facts::default(), old, done].iter().flat_map(checklist).collect::<Vec<_>>();
    let items = items.into_iter().flat_map(|item| [item.text, item.found, item.how_to]);
    let faults =
        Fault::ALL.iter().flat_map(|fault| [fault.description(), fault.next_step()].map(str::to_owned));
    for text in items.chain(faults) {
        assert_eq!(left(&sayings, &text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_stands_in_a_sentence_is_said_as_well() {
    let words = sayings();
    for (english, russian) in [
        (
            "last 24h live, 2h old, 100 000 samples",
            Some("рабочие запросы за 24 ч, 2 ч назад, выборка 100 000"),
        ),
        ("database size 20.5 kB, not above 50.0 MB", Some("размер базы 20.5 кБ, не выше 50.0 МБ")),
        ("p95 1813 ms, not above 2000 ms", Some("p95 1813 мс, не выше 2000 мс")),
        ("{0} free, the database grows by {free} a day", Some("свободно {0}, база растёт на {free} в день")),
        (
            "Stop the server, then: sqlite3 /srv/cats and dogs/none.db vacuum",
            Some("Остановите сервер, затем: sqlite3 /srv/cats and dogs/none.db vacuum"),
        ),
        ("unheard: of", None),
        ("<script>", None),
        ("70 %", Some("70 %")),
        ("", Some("")),
    ] {
        assert_eq!(words.saying(english).as_deref(), russian, "{english}");
    }
}

#[test]
fn sentences_of_runs_do_not_fall_to_patterns_that_fit_everything() {
    let words = sayings();
    for (sentence, russian) in [
        ("nothing answers GET /none", Some("по адресу /none ничего нет (GET)")),
        ("a sentence of a later version, and none of these: near", None),
    ] {
        assert_eq!(words.translated(sentence).as_deref(), russian, "{sentence}");
    }
    assert!(words.translated(&format!("nothing answers GET /{}", "x".repeat(BYTES_MAX))).is_none());
}

#[test]
fn the_most_particular_pattern_is_taken() {
    let pairs = [
        ("{what} was moving: {a} then {b}", "{what}: сначала {a}, потом {b}"),
        ("{words}. Run longer.", "{words}. Дольше."),
        ("the rate", "частота"),
        ("{n} workers", "воркеров: {n}"),
        ("5 workers", "пять воркеров"),
        ("{one}: {other}", "{other}: {one}"),
        ("{why}; it is said that {error}", "{why} ({error})"),
    ];
    let sayings = Sayings::new("ru", pairs.into_iter());
    for (english, russian) in [
        (
            "the rate was moving: 17.0 ms then 1h 30m. Run longer.",
            Some("частота: сначала 17.0 мс, потом 1 ч 30 мин. Дольше."),
        ),
        ("5 workers", Some("пять воркеров")),
        ("7 workers", Some("воркеров: 7")),
        (" workers", None),
        ("7 workers; something", Some("воркеров: 7; something")),
        ("something; else", None),
        ("something: else", None),
        ("something: the rate", Some("частота: something")),
        ("the rate; it is said that the rate", Some("частота (the rate)")),
    ] {
        assert_eq!(sayings.say(english).as_deref(), russian, "{english}");
    }
}

proptest! {
    #[test]
    fn any_text_is_said_or_not(text in "[a-z0-9{}.,:; ()]{0,60}( workers|: none)?") {
        let words = SAYINGS.with(Words::clone);
        let _ = (words.saying(&text), words.translated(&text));
    }
}

thread_local! {
    static SAYINGS: Words = sayings();
}
