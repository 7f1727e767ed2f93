//! A run while it runs: a block of lines that is drawn over itself on a terminal, or one line a second.

use super::terminal::sparkline;
use crate::domain::progress::Progress;
use crate::domain::unit;

/// Cells of the progress bar.
const BAR: usize = 32;
/// Narrower windows are treated as this wide.
const WIDTH_MIN: usize = 20;

/// The lines of the display, each at most `width` columns.
pub fn block(progress: &Progress, width: usize) -> Vec<String> {
    let lines = [
        String::new(),
        format!("  {}  {}", bar(share(progress)), time(progress)),
        String::new(),
        format!(
            "  sent {:>9}   ok {:>9}   failed {:>6}      rps {} now, {} mean",
            unit::count(progress.total),
            unit::count(progress.success),
            unit::count(progress.failed),
            rate(progress.rps_now),
            rate(progress.rps_mean)
        ),
        format!(
            "  p50 {:<10} p95 {:<10} p99 {:<10} max {:<10} (last {} s)",
            unit::millis(progress.p50_latency_ms),
            unit::millis(progress.p95_latency_ms),
            unit::millis(progress.p99_latency_ms),
            unit::millis(progress.max_latency_ms),
            progress.window_seconds
        ),
        format!("  p95 {}{}", p95_over_time(progress), peak(progress)),
        "  Ctrl+C ends early and keeps the report, twice ends at once".to_owned(),
    ];
    let width = width.max(WIDTH_MIN) - 1;
    lines.map(|line| line.chars().take(width).collect()).to_vec()
}

/// The same in one line.
pub fn line(progress: &Progress) -> String {
    format!(
        "{:>6.0} s  sent {}  ok {}  failed {}  rps {}  p50 {}  p95 {}  p99 {}",
        progress.elapsed,
        unit::count(progress.total),
        unit::count(progress.success),
        unit::count(progress.failed),
        rate(progress.rps_now),
        unit::millis(progress.p50_latency_ms),
        unit::millis(progress.p95_latency_ms),
        unit::millis(progress.p99_latency_ms)
    )
}

fn rate(rps: f64) -> String {
    format!("{rps:.0}")
}

fn share(progress: &Progress) -> f64 {
    let planned = progress.elapsed + progress.remaining;
    if planned > 0.0 { progress.elapsed / planned } else { 1.0 }
}

/// A bar of which `share`, 0 to 1, is full.
pub fn bar(share: f64) -> String {
    let full = ((share * BAR as f64) as usize).min(BAR);
    "█".repeat(full) + &"░".repeat(BAR - full)
}

fn time(progress: &Progress) -> String {
    if progress.remaining > 0.0 {
        let planned = progress.elapsed + progress.remaining;
        format!("{:.0} s of {planned:.0} s, {:.0} s left", progress.elapsed, progress.remaining)
    } else {
        format!("{:.0} s, waiting for the last answers", progress.elapsed)
    }
}

fn p95_over_time(progress: &Progress) -> String {
    let values: Vec<_> = progress.sparkline.iter().map(|(_, p95)| *p95).collect();
    sparkline(&values)
}

fn peak(progress: &Progress) -> String {
    let peak = progress.sparkline.iter().filter_map(|(second, p95)| Some((*second, (*p95)?)));
    let peak = peak.max_by(|a, b| a.1.total_cmp(&b.1));
    peak.map_or_else(String::new, |(second, p95)| {
        format!(" {} at {}:{:02}", unit::millis(Some(p95)), second / 60, second % 60)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            elapsed: 37.0,
            remaining: 23.0,
            total: 37_000,
            success: 36_999,
            failed: 1,
            rps_now: 1000.0,
            rps_mean: 999.9,
            window_seconds: 5,
            p50_latency_ms: Some(0.61),
            p95_latency_ms: Some(1.42),
            p99_latency_ms: Some(3.9),
            max_latency_ms: Some(41.2),
            sparkline: (0..37).map(|second| (second, Some(if second == 18 { 41.2 } else { 1.4 }))).collect(),
        }
    }

    #[test]
    fn the_block_fits_the_window() {
        insta::assert_snapshot!(block(&progress(), 80).join("\n"));
        for width in [0, 20, 40, 79] {
            assert!(block(&progress(), width).iter().all(|line| line.chars().count() < width.max(WIDTH_MIN)));
        }
    }

    #[test]
    fn a_line_says_the_same() {
        insta::assert_snapshot!(line(&Progress { p99_latency_ms: None, ..progress() }));
    }
}
