//! A run while it runs: a block of lines that is drawn over itself on a terminal, or one line a second.

use super::terminal::sparkline;
use super::wrap::WIDTH_MIN;
use crate::domain::progress::Progress;
use crate::domain::unit;

/// Cells of the progress bar.
const BAR: usize = 32;
/// Columns from which on figures have columns of their own, and a peak stands beside its sparkline.
const WIDE_MIN: usize = 76;
/// Points of a sparkline at most.
const POINTS: usize = 40;

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Default for Window {
    /// That of a terminal that does not tell.
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

/// What is on the terminal of a block that is drawn over itself.
///
/// When the window was made narrower, a terminal breaks the lines that are there into several rows, and all of those have to
/// be cleared; so it is remembered how long each line was.
#[derive(Debug, Default)]
pub struct Block {
    lengths: Vec<usize>,
}

impl Block {
    /// What to write for the block to show `progress`. Lines are written over those that are there, and only what is left
    /// of those is cleared: a terminal that is cleared from its first row on keeps a copy in its history.
    pub fn draw(&mut self, progress: &Progress, window: Window) -> String {
        let mut text = self.forget(window).0;
        for line in lines(progress, window) {
            self.lengths.push(line.chars().count());
            text.push_str(&line);
            text.push_str("\u{1b}[K\n");
        }
        text.push_str("\u{1b}[J");
        text
    }

    /// What to write for the block to be gone.
    pub fn clear(&mut self, window: Window) -> String {
        let (up, rows) = self.forget(window);
        format!("{up}{}{up}", "\u{1b}[K\n".repeat(rows))
    }

    /// Forgets the lines: how to get to the first row that they have now, and how many rows they have. Rows that the
    /// terminal itself has moved into its history cannot be reached.
    fn forget(&mut self, window: Window) -> (String, usize) {
        let rows: usize =
            self.lengths.drain(..).map(|length| length.div_ceil(window.columns.max(1)).max(1)).sum();
        (if rows == 0 { String::new() } else { format!("\u{1b}[{rows}A") }, rows)
    }
}

/// How soon a line goes when the window is too low for all, the first to go first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Importance {
    Blank,
    Hint,
    History,
    Figures,
    Progress,
}

/// The lines of the display, each shorter than the window is wide, and fewer than it is high.
fn lines(progress: &Progress, window: Window) -> Vec<String> {
    let width = window.columns.max(WIDTH_MIN) - 1;
    let mut lines = vec![(Importance::Blank, String::new())];
    let mut add = |importance, texts: Vec<String>| {
        lines.extend(texts.into_iter().map(|text| (importance, text)));
    };
    add(Importance::Progress, progress_lines(progress, width));
    add(Importance::Blank, vec![String::new()]);
    add(Importance::Figures, counts(progress, width));
    add(Importance::Figures, latencies(progress, width));
    add(Importance::History, history(progress, width));
    let hint = "Ctrl+C ends early and keeps the report, twice ends at once";
    add(Importance::Hint, packed(&hint.split(' ').map(str::to_owned).collect::<Vec<_>>(), " ", width));
    let room = window.rows.saturating_sub(1).max(1);
    while lines.len() > room {
        let least =
            lines.iter().enumerate().min_by_key(|(index, (importance, _))| (*importance, usize::MAX - index));
        let Some(at) = least.map(|(index, _)| index) else { break };
        lines.remove(at);
    }
    lines.into_iter().map(|(_, line)| line.chars().take(width).collect()).collect()
}

/// Cells in as few lines as hold them.
fn packed(cells: &[String], gap: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cell in cells {
        match lines.last_mut() {
            Some(line) if line.chars().count() + gap.len() + cell.chars().count() <= width => {
                line.push_str(gap);
                line.push_str(cell);
            }
            _ => lines.push(format!("  {cell}")),
        }
    }
    lines
}

fn progress_lines(progress: &Progress, width: usize) -> Vec<String> {
    let time = time(progress);
    let cells = BAR.min(width.saturating_sub(4));
    let line = format!("  {}  {time}", bar_of(share(progress), cells));
    if line.chars().count() <= width {
        return vec![line];
    }
    let time: Vec<String> = time.split(", ").map(str::to_owned).collect();
    let mut lines = vec![format!("  {}", bar_of(share(progress), cells))];
    lines.extend(packed(&time, ", ", width));
    lines
}

fn counts(progress: &Progress, width: usize) -> Vec<String> {
    let [total, success, failed] = [progress.total, progress.success, progress.failed].map(unit::count);
    let (now, mean) = (rate(progress.rps_now), rate(progress.rps_mean));
    let wide =
        format!("  sent {total:>9}   ok {success:>9}   failed {failed:>6}      rps {now} now, {mean} mean");
    if width >= WIDE_MIN && wide.chars().count() <= width {
        return vec![wide];
    }
    let cells = [
        format!("sent {total}"),
        format!("ok {success}"),
        format!("failed {failed}"),
        format!("rps {now} now"),
        format!("{mean} mean"),
    ];
    packed(&cells, "  ", width)
}

fn latencies(progress: &Progress, width: usize) -> Vec<String> {
    let figures = [
        ("p50", progress.p50_latency_ms),
        ("p95", progress.p95_latency_ms),
        ("p99", progress.p99_latency_ms),
        ("max", progress.max_latency_ms),
    ]
    .map(|(name, value)| format!("{name} {}", unit::millis(value)));
    let window = format!("(last {} s)", progress.window_seconds);
    if width >= WIDE_MIN {
        let columns: Vec<_> = figures.iter().map(|figure| format!("{figure:<14}")).collect();
        return vec![format!("  {} {window}", columns.join(" "))];
    }
    packed(&[&figures[..], &[window]].concat(), "  ", width)
}

/// Sparklines of the newest seconds: as many as there is room for.
fn history(progress: &Progress, width: usize) -> Vec<String> {
    let peak = if width >= WIDE_MIN { peak(progress) } else { String::new() };
    let room = width.saturating_sub("  p95 ".len() + peak.chars().count()).min(POINTS);
    let newest = &progress.recent[progress.recent.len().saturating_sub(room)..];
    let rps: Vec<_> = newest.iter().map(|moment| Some(moment.rps)).collect();
    let p95: Vec<_> = newest.iter().map(|moment| moment.p95_latency_ms).collect();
    vec![format!("  rps {}", sparkline(&rps)), format!("  p95 {}{peak}", sparkline(&p95))]
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
    bar_of(share, BAR)
}

fn bar_of(share: f64, cells: usize) -> String {
    let full = ((share * cells as f64) as usize).min(cells);
    "█".repeat(full) + &"░".repeat(cells - full)
}

fn time(progress: &Progress) -> String {
    if progress.remaining > 0.0 {
        let planned = progress.elapsed + progress.remaining;
        format!("{:.0} s of {planned:.0} s, {:.0} s left", progress.elapsed, progress.remaining)
    } else {
        format!("{:.0} s, waiting for the last answers", progress.elapsed)
    }
}

fn peak(progress: &Progress) -> String {
    let peak = progress.recent.iter().filter_map(|moment| Some((moment.second, moment.p95_latency_ms?)));
    let peak = peak.max_by(|a, b| a.1.total_cmp(&b.1));
    peak.map_or_else(String::new, |(second, p95)| {
        format!(" {} at {}:{:02}", unit::millis(Some(p95)), second / 60, second % 60)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::latency::Latency;
    use crate::domain::progress::Moment;

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
            overall_latency_ms: (&Latency::default()).into(),
            recent: (0..37)
                .map(|second| Moment {
                    second,
                    total: 1000,
                    failed: 0,
                    rps: if second == 18 { 400.0 } else { 1000.0 },
                    p50_latency_ms: Some(0.6),
                    p95_latency_ms: Some(if second == 18 { 41.2 } else { 1.4 }),
                    p99_latency_ms: Some(41.2),
                })
                .collect(),
        }
    }

    fn at(columns: usize, rows: usize) -> Vec<String> {
        lines(&progress(), Window { columns, rows })
    }

    /// A terminal that breaks its lines anew when its width changes, and on which only what porta writes is understood.
    struct Terminal {
        columns: usize,
        lines: Vec<String>,
    }

    impl Terminal {
        /// What is moved over will be written over or cleared.
        fn write(&mut self, text: &str) {
            let mut rest = text;
            while !rest.is_empty() {
                if let Some(after) = rest.strip_prefix("\u{1b}[J") {
                    rest = after;
                } else if let Some(after) = rest.strip_prefix("\u{1b}[K\n") {
                    self.lines.push(String::new());
                    rest = after;
                } else if rest.starts_with("\u{1b}[") {
                    let (rows, after) = rest["\u{1b}[".len()..].split_once('A').expect("a move upwards");
                    self.clear_rows(rows.parse().expect("a number"));
                    rest = after;
                } else {
                    let (line, after) = rest.split_once("\u{1b}[K\n").expect("a line");
                    self.lines.push(line.to_owned());
                    rest = after;
                }
            }
        }

        fn clear_rows(&mut self, mut rows: usize) {
            while rows > 0 {
                let line = self.lines.pop().expect("nothing above the window is cleared");
                rows = rows
                    .checked_sub(line.chars().count().div_ceil(self.columns).max(1))
                    .expect("whole lines");
            }
        }
    }

    #[test]
    fn the_block_fits_the_window() {
        insta::assert_snapshot!(at(80, 24).join("\n"));
        for columns in [0, 20, 21, 33, 40, 60, 76, 79, 200] {
            let lines = at(columns, 50);
            assert!(
                lines.iter().all(|line| line.chars().count() < columns.max(WIDTH_MIN)),
                "{columns}: {lines:#?}"
            );
        }
    }

    #[test]
    fn a_narrow_window_has_it_all() {
        insta::assert_snapshot!(at(20, 50).join("\n"));
        insta::assert_snapshot!(at(50, 50).join("\n"));
    }

    #[test]
    fn a_low_window_keeps_what_matters() {
        for rows in [0, 1, 2, 5, 8] {
            assert!(at(80, rows).len() <= rows.saturating_sub(1).max(1), "{rows}");
        }
        assert!(at(80, 1)[0].contains("37 s of 60 s"), "{:?}", at(80, 1));
        assert!(at(80, 4)[1].contains("sent"), "{:?}", at(80, 4));
    }

    #[test]
    fn nothing_is_left_when_the_window_changes() {
        let mut terminal = Terminal { columns: 80, lines: vec!["$ porta stress".into(), "heading".into()] };
        let mut block = Block::default();
        for columns in [80, 80, 30, 20, 120, 25, 79, 1, 80] {
            terminal.columns = columns;
            let window = Window { columns, rows: 50 };
            terminal.write(&block.draw(&progress(), window));
            assert_eq!(terminal.lines[2..], lines(&progress(), window)[..], "{columns}");
        }
        terminal.columns = 33;
        terminal.write(&block.clear(Window { columns: 33, rows: 50 }));
        assert_eq!(terminal.lines, ["$ porta stress", "heading"]);
        assert_eq!(block.clear(Window::default()), "", "what is gone stays gone");
    }

    #[test]
    fn a_line_says_the_same() {
        insta::assert_snapshot!(line(&Progress { p99_latency_ms: None, ..progress() }));
    }
}
