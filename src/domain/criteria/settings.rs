//! Every setting of `criteria.toml`, in the order in which `porta criteria init` writes them.

use super::file::{Place, Section, Setting};

/// Seconds.
const HOUR: u64 = 3600;
/// Seconds.
const DAY: u64 = 24 * HOUR;
/// Milliseconds of an hour: nobody waits longer.
const MILLIS_MAX: f64 = 3_600_000.0;

/// The beginning of the file.
pub(super) const INTRODUCTION: &[&str] = &[
    "When this installation has outgrown SQLite: what `porta criteria check` judges by.",
    "A line that is deleted has the value that stands here. What is unknown is a mistake.",
];

/// The tables of the file.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "criteria",
        comment: &[
            "Beyond these, a criterion is crossed: a warning, and critical when a leading indicator confirms it.",
        ],
        settings: &[
            Setting {
                key: "agents",
                comment: "crossed at this many active agents",
                place: Place::Count(|t| &mut t.criteria.agents, 1..=1_000_000),
            },
            Setting {
                key: "p95_ms",
                comment: "crossed above; one request in twenty takes longer",
                place: Place::Number(|t| &mut t.criteria.p95_ms, 0.001..=MILLIS_MAX),
            },
            Setting {
                key: "cv_percent",
                comment: "crossed above; standard deviation / mean of the latency",
                place: Place::Number(|t| &mut t.criteria.cv_percent, 0.001..=100_000.0),
            },
            Setting {
                key: "db_size",
                comment: "crossed above",
                place: Place::Size(|t| &mut t.criteria.db_bytes),
            },
            Setting {
                key: "rps",
                comment: "crossed above; requests a second of live traffic in its busiest minute",
                place: Place::Number(|t| &mut t.criteria.rps, 0.001..=10_000_000.0),
            },
            Setting {
                key: "near_percent",
                comment: "near is within this many percent of the threshold: a warning",
                place: Place::Number(|t| &mut t.criteria.near_percent, 0.0..=100.0),
            },
        ],
    },
    Section {
        name: "red",
        comment: &[
            "Red flags: critical at once. A lock error, and latency that grows without bound, are red flags, too.",
        ],
        settings: &[
            Setting {
                key: "p95_ms",
                comment: "raised above",
                place: Place::Number(|t| &mut t.red.p95_ms, 0.001..=MILLIS_MAX),
            },
            Setting {
                key: "server_errors_percent",
                comment: "raised above; answers with a status from 500",
                place: Place::Number(|t| &mut t.red.server_errors_percent, 0.0..=100.0),
            },
        ],
    },
    Section {
        name: "yellow",
        comment: &["Yellow flags, raised above these: a warning."],
        settings: &[
            Setting {
                key: "p95_ms",
                comment: "people notice",
                place: Place::Number(|t| &mut t.yellow.p95_ms, 0.001..=MILLIS_MAX),
            },
            Setting {
                key: "cv_percent",
                comment: "not steady",
                place: Place::Number(|t| &mut t.yellow.cv_percent, 0.001..=100_000.0),
            },
            Setting {
                key: "agents",
                comment: "at a time",
                place: Place::Count(|t| &mut t.yellow.agents, 0..=1_000_000),
            },
            Setting {
                key: "db_size",
                comment: "half of the criterion",
                place: Place::Size(|t| &mut t.yellow.db_bytes),
            },
        ],
    },
    Section {
        name: "green",
        comment: &["The green zone: all is well below these."],
        settings: &[
            Setting {
                key: "p95_ms",
                comment: "milliseconds",
                place: Place::Number(|t| &mut t.green.0.p95_ms, 0.001..=MILLIS_MAX),
            },
            Setting {
                key: "cv_percent",
                comment: "percent",
                place: Place::Number(|t| &mut t.green.0.cv_percent, 0.001..=100_000.0),
            },
            Setting {
                key: "agents",
                comment: "fewer than this",
                place: Place::Count(|t| &mut t.green.0.agents, 1..=1_000_000),
            },
            Setting {
                key: "db_size",
                comment: "smaller than this",
                place: Place::Size(|t| &mut t.green.0.db_bytes),
            },
        ],
    },
    Section {
        name: "leading",
        comment: &["A crossed criterion is critical when one of these is exceeded."],
        settings: &[
            Setting {
                key: "writer_utilisation_percent",
                comment: "of the time; one minute in twenty may be busier",
                place: Place::Number(|t| &mut t.leading.writer_utilisation_percent, 0.0..=100.0),
            },
            Setting {
                key: "queue_wait_p99_ms",
                comment: "how long updates wait for the writer",
                place: Place::Number(|t| &mut t.leading.queue_wait_p99_ms, 0.0..=MILLIS_MAX),
            },
            Setting {
                key: "busy_waits_per_hour",
                comment: "how often the writer waits for another process",
                place: Place::Number(|t| &mut t.leading.busy_waits_per_hour, 0.0..=1e9),
            },
            Setting {
                key: "commit_p99_ms",
                comment: "how long a commit takes: the disk",
                place: Place::Number(|t| &mut t.leading.commit_p99_ms, 0.0..=MILLIS_MAX),
            },
        ],
    },
    Section {
        name: "tuning",
        comment: &["What is a finding, besides what is one whatever its figure."],
        settings: &[
            Setting {
                key: "checkpoint_lag_frames",
                comment: "more frames that a checkpoint left in the log",
                place: Place::Count(|t| &mut t.tuning.checkpoint_lag_frames, 0..=1_000_000_000),
            },
            Setting {
                key: "longest_read",
                comment: "a read transaction that is open for longer",
                place: Place::Time(|t| &mut t.tuning.longest_read, 1..=DAY),
            },
            Setting {
                key: "disk_days",
                comment: "fewer days until the disk is full",
                place: Place::Number(|t| &mut t.tuning.disk_days, 0.0..=3650.0),
            },
            Setting {
                key: "accepted",
                comment: "findings to live with, such as [\"retention\"]: they are shown, and count no more",
                place: Place::Findings(|t| &mut t.tuning.accepted),
            },
        ],
    },
    Section {
        name: "evidence",
        comment: &["What counts as evidence."],
        settings: &[
            Setting {
                key: "window",
                comment: "how much live traffic is looked at",
                place: Place::Time(|t| &mut t.evidence.window, HOUR..=7 * DAY),
            },
            Setting {
                key: "run_age_max",
                comment: "a stress test that is older is none",
                place: Place::Time(|t| &mut t.evidence.run_age_max, HOUR..=3650 * DAY),
            },
            Setting {
                key: "samples_min",
                comment: "latencies that p95 and CV need: of 200, ten are above their p95",
                place: Place::Count(|t| &mut t.evidence.samples_min, 1..=1_000_000_000),
            },
        ],
    },
    Section {
        name: "change",
        comment: &["When a change counts: for --hook, --ping and --quiet."],
        settings: &[Setting {
            key: "results",
            comment: "equal results in a row",
            place: Place::Count(|t| &mut t.change.results, 1..=1000),
        }],
    },
];
