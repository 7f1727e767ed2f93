//! What the report of a run says of the server's side: what has become of the rows, and what the server was doing.

use super::style::{BAD, styled};
use super::terminal::line;
use crate::domain::report::Report;
use crate::domain::server_side::ServerSecond;
use crate::domain::unit;

/// What is wrong with the rows, or what has become of them where they are not those of a private server.
pub fn rows(text: &mut String, report: &Report) {
    if let Some(wrong) = report.unaccounted() {
        line(text, &format!("  {} {wrong}", styled(BAD, "Rows:")));
    }
    let Some(rows) = &report.rows else { return };
    if let Some(removed) = rows.removed {
        let results = &report.results;
        let rest = match results.unknown + results.warm_up.unknown {
            0 => String::new(),
            unknown => format!("; up to {} whose answer never came may be left", unit::count(unknown)),
        };
        line(text, &format!("  {} rows of this run were deleted after that{rest}", unit::count(removed)));
    } else if let Some(note) = &rows.note {
        line(text, &format!("  rows stay where they are: {note}"));
    }
    if rows.missing.is_none() && rows.given_twice > 0 {
        let twice = unit::count(rows.given_twice);
        line(text, &format!("  {twice} answers had an entry id that another had already"));
    }
}

/// The slowest second with its likely cause, and the most that the server said of itself.
pub fn over_time(text: &mut String, report: &Report) {
    if let Some(slowest) = report.slowest_second() {
        let at = minutes(slowest.second);
        let cause = report.cause_of_slowest_second().map_or_else(String::new, |cause| format!(", {cause}"));
        let (p95, rps) = (unit::millis(slowest.p95_latency_ms), unit::rate(slowest.rps));
        line(text, &format!("  slowest second: {at}, p95 {p95}, {rps} rps{cause}"));
    }
    server(text, &report.server);
}

fn minutes(second: u64) -> String {
    format!("{}:{:02}", second / 60, second % 60)
}

type FigureOfSecond = fn(&ServerSecond) -> f64;

fn server(text: &mut String, seconds: &[ServerSecond]) {
    let most = |value: FigureOfSecond| {
        seconds.iter().max_by(|a, b| value(a).total_cmp(&value(b))).map(|second| (second, value(second)))
    };
    let Some((busiest, percent)) = most(|second| second.writer_utilisation_percent) else { return };
    let mut parts = vec![format!("writer {} busy ({})", unit::percent(percent), minutes(busiest.second))];
    let longest: [(&str, FigureOfSecond); 4] = [
        ("commit", |second| second.longest_commit_ms),
        ("queue wait", |second| second.longest_queue_wait_ms),
        ("checkpoint", |second| second.checkpoint_ms),
        ("wait for another process", |second| second.busy_wait_ms),
    ];
    for (name, value) in longest {
        if let Some((second, ms)) = most(value).filter(|(_, ms)| *ms > 0.0) {
            parts.push(format!("{name} {} ({})", unit::millis(Some(ms)), minutes(second.second)));
        }
    }
    line(text, &format!("  server, at most: {}", parts.join(", ")));
}
