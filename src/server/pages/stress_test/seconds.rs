//! A run second by second as a table: no longer than can be read.

use serde::Serialize;

use crate::domain::progress::Moment;
use crate::domain::server_side::ServerSecond;

/// Rows of the table.
const ROWS_MAX: usize = 60;

/// Seconds of a run, and how many stand behind each row.
#[derive(Serialize)]
pub struct Seconds {
    /// 1 where every second has a row; otherwise a row is the slowest of so many points.
    pub each: usize,
    pub rows: Vec<Row>,
}

/// A second with what the server says of it, where it does.
#[derive(Serialize)]
pub struct Row {
    #[serde(flatten)]
    moment: Moment,
    server: Option<ServerSecond>,
}

impl Seconds {
    /// Of a series, the oldest first.
    pub fn of(series: &[Moment], server: &[ServerSecond]) -> Self {
        let each = series.len().div_ceil(ROWS_MAX).max(1);
        let slowest = |chunk: &[Moment]| {
            let p95 = |moment: &Moment| moment.p95_latency_ms.unwrap_or(0.0);
            // Of two that are as slow the first counts.
            chunk.iter().rev().max_by(|a, b| p95(a).total_cmp(&p95(b))).copied()
        };
        let row = |moment: Moment| {
            let server = server.iter().find(|second| second.second == moment.second).copied();
            Row { moment, server }
        };
        Self { each, rows: series.chunks(each).filter_map(slowest).map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(count: u64) -> Vec<Moment> {
        (0..count)
            .map(|second| Moment {
                second,
                total: 100,
                failed: 0,
                rps: 100.0,
                p50_latency_ms: Some(1.0),
                p95_latency_ms: (second != 3).then_some(if second == 601 { 50.0 } else { 2.0 }),
                p99_latency_ms: Some(3.0),
            })
            .collect()
    }

    #[test]
    fn of_a_long_run_the_slowest_seconds_are_shown() {
        let short = Seconds::of(&series(60), &[]);
        assert_eq!((short.each, short.rows.len()), (1, 60));
        let long = Seconds::of(&series(3600), &[]);
        assert_eq!((long.each, long.rows.len()), (60, 60));
        assert_eq!(long.rows[10].moment.second, 601);
        assert_eq!(long.rows[0].moment.second, 0);
        assert!(Seconds::of(&[], &[]).rows.is_empty());
    }
}
