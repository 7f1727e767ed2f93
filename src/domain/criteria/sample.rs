//! Evidence of an installation that is well, for tests to make worse.

use super::evidence::{Evidence, Installation, Leading, Observed, Series, Source, Window};
use crate::domain::id::RunId;

pub(super) fn live<T>(value: T) -> Option<Observed<T>> {
    Some(Observed {
        value,
        source: Source::Live { window_seconds: 86_400 },
        age_seconds: 30,
        samples: Some(100_000),
    })
}

pub(super) fn in_run<T>(value: T) -> Option<Observed<T>> {
    Some(Observed { value, source: Source::Run { id: RunId(12) }, age_seconds: 7200, samples: Some(6000) })
}

/// All is known, in the green zone, and there is nothing to tune.
pub(super) fn well() -> Evidence {
    Evidence {
        agents: live(1),
        p95_ms: in_run(1.4),
        cv_percent: in_run(20.0),
        db_bytes: live(20_480),
        rps: live(0.05),
        lock_errors: live(0),
        server_errors_percent: live(0.0),
        p95_series: vec![series(&[1.0; 20])],
        leading: quiet(),
        leading_in_run: quiet(),
        installation: Installation {
            db: Some("/var/lib/porta/porta.db".into()),
            journal_mode: Some("wal".into()),
            channels: Some(3),
            channels_without_retention: Some(3),
            largest_without_retention: Some(2),
            free_page_bytes: Some(0),
            workers: Some(4),
            cores: Some(4),
            cpu_percent: Some(10.0),
            servers: Some(1),
            queue_capacity: Some(4096),
            queue_refusals: Some(0),
            updates_per_batch: Some(1.0),
            longest_read_seconds: Some(0.0),
        },
        capacity_rps: live(10.0),
        ..Evidence::default()
    }
}

pub(super) fn quiet() -> Leading {
    Leading {
        writer_utilisation_percent: live(0.1),
        queue_wait_p99_ms: live(0.5),
        busy_waits_per_hour: live(0.0),
        commit_p99_ms: live(2.0),
        checkpoint_lag_frames: live(0),
    }
}

pub(super) fn saturated() -> Leading {
    Leading { writer_utilisation_percent: live(92.0), ..quiet() }
}

pub(super) fn series(p95_ms: &[f64]) -> Series {
    let windows = p95_ms.iter().map(|p95_ms| Window { offered_rps: 100.0, p95_ms: *p95_ms }).collect();
    Series { source: Source::Run { id: RunId(12) }, window_seconds: 5.0, windows }
}
