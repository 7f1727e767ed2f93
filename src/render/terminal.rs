//! The report of a run for a terminal of 80 columns: the answer first, the evidence under it, the next step last.

use std::fmt::Write as _;

use super::style::{BAD, GOOD, QUIET, STRONG, WARNING, of_level, styled};
use crate::domain::latency::is_enough_for;
use crate::domain::report::{Report, Results};
use crate::domain::run::RunStatus;
use crate::domain::server_side::ServerSecond;
use crate::domain::unit;
use crate::domain::validity::SEND_LAG_P99_MS_MAX;

/// Columns of the report.
const WIDTH: usize = 80;
/// Where the right-hand column of figures begins.
const SECOND_COLUMN: usize = 46;
/// HTTP statuses that a wrong key is answered with.
const REFUSALS: [u16; 3] = [400, 401, 403];
/// Seconds of the series that a line of the sparkline can show.
const SPARKLINE_POINTS_MAX: usize = 60;

/// The whole report.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    title(&mut text, report);
    verdict(&mut text, report);
    figures(&mut text, report);
    rows(&mut text, report);
    errors(&mut text, &report.results);
    over_time(&mut text, report);
    next_step(&mut text, report);
    text
}

fn line(text: &mut String, content: &str) {
    text.push_str(content.trim_end());
    text.push('\n');
}

fn title(text: &mut String, report: &Report) {
    let run = report.run_id.map_or_else(|| "Run".into(), |id| format!("Run {id}"));
    let config = &report.config;
    let rate = config.target_rps.map_or_else(|| "max rps".into(), |rps| format!("{rps} rps"));
    let plan = format!("{} workers, {rate}, {} s", config.workers, config.duration);
    line(text, &format!("{}   {} UTC   {plan}", styled(STRONG, &run), report.timestamp.to_minute()));
    let state = match report.status {
        RunStatus::Completed => String::new(),
        status => format!(", {}", status.as_str()),
    };
    let target = match (config.private_server, config.channel_id) {
        (true, _) => "a private server on the same disk".into(),
        (false, Some(channel)) => format!("{}, channel {channel}", config.base_url),
        (false, None) => config.base_url.clone(),
    };
    line(text, &format!("{}{state}   {}", report.validity.verdict.as_str(), styled(QUIET, &target)));
    text.push('\n');
}

fn verdict(text: &mut String, report: &Report) {
    let results = &report.results;
    if let Some(reason) = report.failure_reason() {
        wrapped(
            text,
            &format!("  {}   ", styled(BAD, "FAILED")),
            11,
            &format!("{reason}. Nothing was measured."),
        );
        text.push('\n');
        return;
    }
    let Some(grade) = &report.grade else {
        wrapped(text, &format!("  {}   ", styled(WARNING, "NOT VALID")), 14, &report.validity.reason);
        text.push('\n');
        return;
    };
    let level = styled(of_level(grade.level), &grade.level.as_str().to_uppercase());
    // n arrivals span n−1 intervals, so that a short run at full rate comes out a little above 100 %.
    let efficiency =
        results.efficiency.map(|value| format!(", {} of the target rate", unit::percent(value.min(100.0))));
    line(
        text,
        &format!(
            "  {level}   {} of {} succeeded, p95 {}{}",
            unit::count(results.success),
            unit::count(results.total),
            unit::millis(results.latency.p95_latency_ms),
            efficiency.unwrap_or_default()
        ),
    );
    if let Some(metric) = grade.decided_by {
        line(text, &format!("  The {} decided.", metric.as_str()));
    }
    for advice in &grade.advice {
        wrapped(text, "  ", 2, advice);
    }
    text.push('\n');
}

fn figures(text: &mut String, report: &Report) {
    let (results, target_rps) = (&report.results, report.config.target_rps);
    let latency = &results.latency;
    let percentile = |name: &str, percent: f64, value: Option<f64>| {
        let few = if is_enough_for(results.total, percent) { "" } else { "  too few samples" };
        format!("{}{few}", figure(name, value))
    };
    let left = [
        "latency from when a request was due".to_owned(),
        figure("average", latency.avg_latency_ms),
        percentile("p50", 50.0, latency.p50_latency_ms),
        percentile("p95", 95.0, latency.p95_latency_ms),
        percentile("p99", 99.0, latency.p99_latency_ms),
        percentile("p99.9", 99.9, latency.p999_latency_ms),
        figure("max", latency.max_latency_ms),
        format!("  {:<9}{:>8}", "CV", latency.cv_latency.map_or_else(|| "–".into(), unit::percent)),
    ];
    let mut right = vec![
        "requests".to_owned(),
        counted("total", results.total),
        format!("{}   {}", counted("succeeded", results.success), unit::percent(results.success_percent())),
        counted("failed", results.failed),
        format!("  {:<11}{:>9}", "rps", unit::rate(results.actual_rps)),
    ];
    right.extend(target_rps.map(|target| counted("target rps", target.into())));
    if let Some(rows) = results.rows_stored {
        let accounted = match report.unaccounted() {
            None => styled(GOOD, "all there"),
            Some(_) => styled(BAD, "WRONG"),
        };
        right.push(format!("{}   {accounted}", counted("rows stored", rows)));
    }
    let rows = left.len().max(right.len());
    for row in 0..rows {
        let (left, right) = (left.get(row).map_or("", |cell| cell), right.get(row).map_or("", |cell| cell));
        line(text, &format!("  {left:<width$}{right}", width = SECOND_COLUMN - 2));
    }
    line(text, &format!("  from when it was sent: {}", service_percentiles(results)));
    let lag = &results.send_lag_ms;
    let late = if lag.p99.unwrap_or(0.0) > SEND_LAG_P99_MS_MAX { "; late at times" } else { "" };
    let cpu = unit::percent(results.generator_cpu_percent);
    line(text, &format!("  generator: lag p99 {}, {cpu} of its CPU{late}", unit::millis(lag.p99)));
}

/// What is wrong with the rows, or what has become of them where they are not those of a private server.
fn rows(text: &mut String, report: &Report) {
    if let Some(wrong) = report.unaccounted() {
        wrapped(text, &format!("  {} ", styled(BAD, "Rows:")), 8, &wrong);
    }
    let Some(rows) = &report.rows else { return };
    if let Some(removed) = rows.removed {
        let rest = match report.results.unknown {
            0 => String::new(),
            unknown => format!("; up to {} whose answer never came may be left", unit::count(unknown)),
        };
        wrapped(
            text,
            "  ",
            2,
            &format!("{} rows of this run were deleted after that{rest}", unit::count(removed)),
        );
    } else if let Some(note) = &rows.note {
        wrapped(text, "  ", 2, &format!("rows stay where they are: {note}"));
    }
    if rows.missing.is_none() && rows.given_twice > 0 {
        let twice = unit::count(rows.given_twice);
        wrapped(text, "  ", 2, &format!("{twice} answers had an entry id that another had already"));
    }
}

/// The percentiles that there are enough samples for, and then those that there are not.
fn service_percentiles(results: &Results) -> String {
    let service = &results.service_latency_ms;
    let percentiles = [
        ("p50", 50.0, service.p50_latency_ms),
        ("p95", 95.0, service.p95_latency_ms),
        ("p99", 99.0, service.p99_latency_ms),
    ];
    let (known, few): (Vec<_>, Vec<_>) =
        percentiles.into_iter().partition(|(_, percent, _)| is_enough_for(results.total, *percent));
    let mut parts: Vec<_> =
        known.iter().map(|(name, _, value)| format!("{name} {}", unit::millis(*value))).collect();
    if !few.is_empty() {
        let names: Vec<_> = few.iter().map(|(name, ..)| *name).collect();
        parts.push(format!("too few samples for {}", names.join(", ")));
    }
    parts.join(", ")
}

fn figure(name: &str, value: Option<f64>) -> String {
    format!("  {name:<9}{:>8} ms", value.map_or_else(|| "–".into(), unit::significant))
}

fn counted(name: &str, value: u64) -> String {
    format!("  {name:<11}{:>9}", unit::count(value))
}

fn errors(text: &mut String, results: &Results) {
    if results.failed == 0 {
        return;
    }
    text.push('\n');
    line(text, "  why requests failed");
    for (failure, count) in &results.errors {
        line(text, &format!("    {:>9}  {}", unit::count(*count), failure.describe()));
    }
    if !results.status_codes.is_empty() {
        let codes: Vec<_> = results
            .status_codes
            .iter()
            .map(|(status, count)| format!("{status}: {}", unit::count(*count)))
            .collect();
        line(text, &format!("  by HTTP status: {}", codes.join(", ")));
    }
    if results.success == 0 && REFUSALS.iter().any(|status| results.status_codes.contains_key(status)) {
        wrapped(
            text,
            "  ",
            2,
            "Every update was refused: is PORTA_API_KEY the write key of a channel there?",
        );
    }
    if results.unknown > 0 {
        let note = format!("{} of them may be stored all the same.", unit::count(results.unknown));
        wrapped(text, "  ", 2, &note);
    }
}

fn over_time(text: &mut String, report: &Report) {
    if report.series.len() < 2 {
        return;
    }
    text.push('\n');
    let points = report.series.len().div_ceil(SPARKLINE_POINTS_MAX);
    // Of several seconds the slowest is shown: it is the one to look for.
    let slowest = |chunk: &[crate::domain::summary::SeriesPoint]| {
        chunk.iter().filter_map(|point| point.p95_latency_ms).max_by(f64::total_cmp)
    };
    let values: Vec<_> = report.series.chunks(points).map(slowest).collect();
    line(text, &format!("  p95 {}", sparkline(&values)));
    if let Some(slowest) = report.slowest_second() {
        let at = minutes(slowest.second);
        let cause = report.cause_of_slowest_second().map_or_else(String::new, |cause| format!(", {cause}"));
        let (p95, rps) = (unit::millis(slowest.p95_latency_ms), unit::rate(slowest.rps));
        wrapped(text, "  ", 2, &format!("slowest second: {at}, p95 {p95}, {rps} rps{cause}"));
    }
    server(text, &report.server);
}

fn minutes(second: u64) -> String {
    format!("{}:{:02}", second / 60, second % 60)
}

type FigureOfSecond = fn(&ServerSecond) -> f64;

/// The most that the server said of itself.
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
    wrapped(text, "  ", 2, &format!("server, at most: {}", parts.join(", ")));
}

/// Values from zero to their maximum as eight heights; a dot where there is none.
pub fn sparkline(values: &[Option<f64>]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max = values.iter().flatten().copied().fold(0.0, f64::max);
    let height = |value: f64| {
        let share = if max > 0.0 { value / max } else { 0.0 };
        HEIGHTS[((share * 8.0).ceil() as usize).clamp(1, 8) - 1]
    };
    values.iter().map(|value| value.map_or('·', height)).collect()
}

fn next_step(text: &mut String, report: &Report) {
    let Some(id) = report.run_id else { return };
    text.push('\n');
    line(text, &styled(QUIET, &format!("  Run {id} is stored. All runs: porta report list")));
}

/// Words in lines of at most [`WIDTH`], the first after `head`, the others indented.
fn wrapped(text: &mut String, head: &str, indent: usize, words: &str) {
    let mut current = head.to_owned();
    let mut width = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if width + length > WIDTH && width > indent {
            line(text, &current);
            current = " ".repeat(indent);
            width = indent;
        }
        let _ = write!(current, "{word} ");
        width += length + 1;
    }
    line(text, &current);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RunId;
    use crate::domain::report::tests::sample;
    use crate::domain::validity::{Validity, Verdict};

    fn plain(report: &Report) -> String {
        let text = anstream::adapter::strip_str(&super::report(report)).to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "over {WIDTH} columns: {line}");
        }
        text
    }

    #[test]
    fn a_good_run() {
        let mut report = sample(0);
        report.run_id = Some(RunId(12));
        insta::assert_snapshot!(plain(&report));
    }

    #[test]
    fn a_run_with_failures() {
        insta::assert_snapshot!(plain(&sample(20)));
    }

    #[test]
    fn a_run_that_is_not_valid() {
        let mut report = sample(0);
        report.grade = None;
        report.status = RunStatus::Cancelled;
        let reason = "the generator was the limit: send lag p99 212 ms, 97 % of its core. The server was not measured. \
                      Give the generator a core of its own, or ask for fewer requests a second (18000 were reached here).";
        report.validity = Validity { verdict: Verdict::GeneratorLimited, reason: reason.into() };
        insta::assert_snapshot!(plain(&report));
    }

    #[test]
    fn colours_are_there_for_a_terminal_only() {
        let styled = super::report(&sample(0));
        assert!(styled.contains("\u{1b}["));
        assert!(!plain(&sample(0)).contains('\u{1b}'));
    }

    #[test]
    fn a_sparkline_begins_at_zero() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(4.0), Some(8.0), Some(0.0)]), "▁·▄█▁");
        assert_eq!(sparkline(&[]), "");
    }
}
