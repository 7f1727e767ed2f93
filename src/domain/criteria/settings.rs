//! Every setting of `criteria.toml`, in the order in which `porta criteria init` writes them.

use std::ops::RangeInclusive;

use super::file::Place::{Count, Findings, Number, Size, Time};
use super::file::{Place, Section, Setting};

/// Seconds.
const HOUR: u64 = 3600;
/// Seconds.
const DAY: u64 = 24 * HOUR;
/// Milliseconds: nobody waits longer than an hour. Zero would be crossed by any answer.
const MILLIS: RangeInclusive<f64> = 0.001..=3_600_000.0;
/// Milliseconds that may be zero.
const MILLIS_OR_NONE: RangeInclusive<f64> = 0.0..=3_600_000.0;
/// Of the latency.
const CV: RangeInclusive<f64> = 0.001..=100_000.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;
const AGENTS_MAX: u64 = 1_000_000;

/// The beginning of the file.
pub(super) const INTRODUCTION: &[&str] = &[
    "When this installation has outgrown SQLite: what `porta criteria check` judges by.",
    "A line that is deleted has the value that stands here. What is unknown is a mistake.",
];

const fn section(name: &'static str, comment: &'static str, settings: &'static [Setting]) -> Section {
    Section { name, comment, settings }
}

const fn set(key: &'static str, place: Place, comment: &'static str) -> Setting {
    Setting { key, place, comment }
}

/// The tables of the file.
pub(super) const SECTIONS: &[Section] = &[
    section(
        "criteria",
        "Beyond these, a criterion is crossed: a warning, and critical when a leading indicator confirms it.",
        &[
            set(
                "agents",
                Count(|t| &mut t.criteria.agents, 1..=AGENTS_MAX),
                "crossed at this many active agents",
            ),
            set(
                "p95_ms",
                Number(|t| &mut t.criteria.p95_ms, MILLIS),
                "crossed above; one request in twenty takes longer",
            ),
            set(
                "cv_percent",
                Number(|t| &mut t.criteria.cv_percent, CV),
                "crossed above; standard deviation / mean of the latency",
            ),
            set("db_size", Size(|t| &mut t.criteria.db_bytes), "crossed above"),
            set(
                "rps",
                Number(|t| &mut t.criteria.rps, 0.001..=1e7),
                "crossed above; requests a second of live traffic in its busiest minute",
            ),
            set(
                "near_percent",
                Number(|t| &mut t.criteria.near_percent, PERCENT),
                "near is within this many percent of the threshold: a warning",
            ),
        ],
    ),
    section(
        "red",
        "Red flags: critical at once. A lock error, and latency that grows without bound, are red flags, too.",
        &[
            set("p95_ms", Number(|t| &mut t.red.p95_ms, MILLIS), "raised above"),
            set(
                "server_errors_percent",
                Number(|t| &mut t.red.server_errors_percent, PERCENT),
                "raised above; answers with a status from 500",
            ),
        ],
    ),
    section(
        "yellow",
        "Yellow flags, raised above these: a warning.",
        &[
            set("p95_ms", Number(|t| &mut t.yellow.p95_ms, MILLIS), "people notice"),
            set("cv_percent", Number(|t| &mut t.yellow.cv_percent, CV), "not steady"),
            set("agents", Count(|t| &mut t.yellow.agents, 0..=AGENTS_MAX), "at a time"),
            set("db_size", Size(|t| &mut t.yellow.db_bytes), "half of the criterion"),
        ],
    ),
    section(
        "green",
        "The green zone: all is well below these.",
        &[
            set("p95_ms", Number(|t| &mut t.green.0.p95_ms, MILLIS), "milliseconds"),
            set("cv_percent", Number(|t| &mut t.green.0.cv_percent, CV), "percent"),
            set("agents", Count(|t| &mut t.green.0.agents, 1..=AGENTS_MAX), "fewer than this"),
            set("db_size", Size(|t| &mut t.green.0.db_bytes), "smaller than this"),
        ],
    ),
    section(
        "leading",
        "A crossed criterion is critical when one of these is exceeded.",
        &[
            set(
                "writer_utilisation_percent",
                Number(|t| &mut t.leading.writer_utilisation_percent, PERCENT),
                "of the time, for one minute in twenty, and five of them at least",
            ),
            set(
                "queue_wait_p99_ms",
                Number(|t| &mut t.leading.queue_wait_p99_ms, MILLIS_OR_NONE),
                "how long updates wait for the writer",
            ),
            set(
                "busy_waits_per_hour",
                Number(|t| &mut t.leading.busy_waits_per_hour, 0.0..=1e9),
                "how often the writer waits for another process",
            ),
            set(
                "commit_p99_ms",
                Number(|t| &mut t.leading.commit_p99_ms, MILLIS_OR_NONE),
                "how long a commit takes: the disk",
            ),
        ],
    ),
    section(
        "tuning",
        "What is a finding, besides what is one whatever its figure.",
        &[
            set(
                "checkpoint_lag_frames",
                Count(|t| &mut t.tuning.checkpoint_lag_frames, 0..=1_000_000_000),
                "more frames that a checkpoint left in the log",
            ),
            set(
                "longest_read",
                Time(|t| &mut t.tuning.longest_read, 1..=DAY),
                "a read transaction that is open for longer",
            ),
            set(
                "disk_days",
                Number(|t| &mut t.tuning.disk_days, 0.0..=3650.0),
                "fewer days until the disk is full",
            ),
            set(
                "accepted",
                Findings(|t| &mut t.tuning.accepted),
                "findings to live with, such as [\"retention\"]: they are shown, and count no more",
            ),
        ],
    ),
    section(
        "evidence",
        "What counts as evidence.",
        &[
            set(
                "window",
                Time(|t| &mut t.evidence.window, HOUR..=7 * DAY),
                "how much live traffic is looked at",
            ),
            set(
                "run_age_max",
                Time(|t| &mut t.evidence.run_age_max, HOUR..=3650 * DAY),
                "a stress test that is older is none",
            ),
            set(
                "samples_min",
                Count(|t| &mut t.evidence.samples_min, 1..=1_000_000_000),
                "latencies that p95 and CV need: of 200, ten are above their p95",
            ),
        ],
    ),
    section(
        "change",
        "When a change counts, for --hook and --ping. --quiet goes by the results themselves.",
        &[set("results", Count(|t| &mut t.change.results, 1..=1000), "equal results in a row")],
    ),
];
