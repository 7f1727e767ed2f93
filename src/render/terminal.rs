//! The report of a run for a terminal: the answer first, the evidence under it, the next step last.

use super::endpoints;
use super::server_side;
use super::style::{BAD, GOOD, QUIET, STRONG, WARNING, of_level, styled};
use super::wrap;
use crate::domain::latency::is_enough_for;
use crate::domain::report::{Report, Results};
use crate::domain::run::RunStatus;
use crate::domain::run_config::RunConfig;
use crate::domain::unit;
use crate::domain::validity::SEND_LAG_P99_MS_MAX;

/// Columns from which on latencies and requests stand side by side.
const SIDE_BY_SIDE_MIN: usize = 76;
/// Where the right-hand column of figures begins.
const SECOND_COLUMN: usize = 46;
/// HTTP statuses that a wrong key is answered with.
const REFUSALS: [u16; 3] = [400, 401, 403];
/// Points of the sparkline.
const SPARKLINE_POINTS_MAX: usize = 60;
/// Columns of what stands before the sparkline.
const SPARKLINE_HEAD: usize = 6;

/// The whole report, in lines of at most `width` columns.
pub fn report(report: &Report, width: usize) -> String {
    let mut text = String::new();
    title(&mut text, report);
    verdict(&mut text, report);
    figures(&mut text, report, width);
    server_side::rows(&mut text, report);
    text.push_str(&endpoints::endpoints(&report.endpoints));
    errors(&mut text, &report.results, &report.config);
    remarks(&mut text, report);
    assertions(&mut text, report);
    over_time(&mut text, report, width);
    next_step(&mut text, report);
    wrap::wrapped(&text, width)
}

pub(super) fn line(text: &mut String, content: &str) {
    text.push_str(content.trim_end());
    text.push('\n');
}

fn title(text: &mut String, report: &Report) {
    let run = report.run_id.map_or_else(|| "Run".into(), |id| format!("Run {id}"));
    let config = &report.config;
    let load = config.load();
    line(text, &format!("{}   {} UTC   {load}", styled(STRONG, &run), report.timestamp.to_minute()));
    let state = match report.status {
        RunStatus::Completed => String::new(),
        status => format!(", {}", status.as_str()),
    };
    let target = match (config.private_server, config.channel_id) {
        (true, _) => "a private server on the same disk".into(),
        (false, Some(channel)) => format!("{}, channel {channel}", config.base_url),
        (false, None) if config.method.is_some() => config.target(),
        (false, None) => config.base_url.clone(),
    };
    line(text, &format!("{}{state}   {}", report.validity.verdict.as_str(), styled(QUIET, &target)));
    text.push('\n');
}

fn verdict(text: &mut String, report: &Report) {
    let results = &report.results;
    if let Some(reason) = report.failure_reason() {
        line(text, &format!("  {}   {reason}. Nothing was measured.", styled(BAD, "FAILED")));
        text.push('\n');
        return;
    }
    let Some(grade) = &report.grade else {
        line(text, &format!("  {}   {}", styled(WARNING, "NOT VALID"), report.validity.reason));
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
        line(text, &format!("  {advice}"));
    }
    text.push('\n');
}

fn figures(text: &mut String, report: &Report, width: usize) {
    let (results, target_rps) = (&report.results, report.config.mean_rps());
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
    right.extend(target_rps.map(|target| match target.fract() {
        0.0 => counted("target rps", target as u64),
        _ => format!("  {:<11}{:>9}", "target rps", unit::rate(target)),
    }));
    if results.warm_up.total > 0 {
        right.push(counted("warm-up", results.warm_up.total));
    }
    if results.connections_reopened > 0 {
        right.push(counted("reconnects", results.connections_reopened));
    }
    if let Some(rows) = results.rows_stored {
        let accounted = match report.unaccounted() {
            None => styled(GOOD, "all there"),
            Some(_) => styled(BAD, "WRONG"),
        };
        right.push(format!("{}   {accounted}", counted("rows stored", rows)));
    }
    beside(text, &left, &right, width);
    line(text, &format!("  from when it was sent: {}", service_percentiles(results)));
    let lag = &results.send_lag_ms;
    let late = if lag.p99.unwrap_or(0.0) > SEND_LAG_P99_MS_MAX { "; late at times" } else { "" };
    let cpu = unit::percent(results.generator_cpu_percent);
    line(text, &format!("  generator: lag p99 {}, {cpu} of its CPU{late}", unit::millis(lag.p99)));
}

/// Two lists side by side, or one beneath the other where there is no room.
fn beside(text: &mut String, left: &[String], right: &[String], width: usize) {
    if width < SIDE_BY_SIDE_MIN {
        for row in left.iter().chain(right) {
            line(text, &format!("  {row}"));
        }
        return;
    }
    for row in 0..left.len().max(right.len()) {
        let (left, right) = (left.get(row).map_or("", |cell| cell), right.get(row).map_or("", |cell| cell));
        line(text, &format!("  {left:<width$}{right}", width = SECOND_COLUMN - 2));
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

fn errors(text: &mut String, results: &Results, config: &RunConfig) {
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
    let refused = REFUSALS.iter().any(|status| results.status_codes.contains_key(status));
    if results.success == 0 && refused && config.method.is_none() {
        let question = match config.agents {
            None => "Every update was refused: is PORTA_API_KEY the write key of a channel there?",
            Some(_) => "Every agent was refused: is PORTA_TOKEN the token of the bridge there?",
        };
        line(text, &format!("  {question}"));
    }
    if results.unknown > 0 && config.method.is_none() && config.agents.is_none() {
        let unknown = unit::count(results.unknown);
        line(text, &format!("  {unknown} of them may be stored all the same."));
    }
}

fn remarks(text: &mut String, report: &Report) {
    for remark in &report.validity.remarks {
        line(text, &format!("  {remark}"));
    }
}

fn assertions(text: &mut String, report: &Report) {
    if report.assertions.is_empty() {
        return;
    }
    text.push('\n');
    line(text, "  what had to hold");
    let longest =
        report.assertions.iter().map(|checked| checked.assertion.chars().count()).max().unwrap_or(0);
    for checked in &report.assertions {
        let state = if checked.passed { styled(GOOD, "held  ") } else { styled(BAD, "BROKEN") };
        line(text, &format!("    {state}  {:<longest$}  {}", checked.assertion, checked.shown));
    }
}

fn over_time(text: &mut String, report: &Report, width: usize) {
    if report.series.len() < 2 {
        return;
    }
    text.push('\n');
    let points = report
        .series
        .len()
        .div_ceil(width.max(wrap::WIDTH_MIN).saturating_sub(SPARKLINE_HEAD).clamp(1, SPARKLINE_POINTS_MAX));
    // Of several seconds the slowest is shown: it is the one to look for.
    let slowest = |chunk: &[crate::domain::summary::SeriesPoint]| {
        chunk.iter().filter_map(|point| point.p95_latency_ms).max_by(f64::total_cmp)
    };
    let values: Vec<_> = report.series.chunks(points).map(slowest).collect();
    line(text, &format!("  p95 {}", sparkline(&values)));
    server_side::over_time(text, report);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RunId;
    use crate::domain::report::tests::sample;
    use crate::domain::validity::Verdict;

    fn plain(report: &Report) -> String {
        plain_within(report, 80)
    }

    fn plain_within(report: &Report, width: usize) -> String {
        let text = anstream::adapter::strip_str(&super::report(report, width)).to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= width, "over {width} columns: {line}");
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
        report.validity.verdict = Verdict::GeneratorLimited;
        report.validity.reason = reason.into();
        insta::assert_snapshot!(plain(&report));
    }

    #[test]
    fn a_narrow_window() {
        let mut report = sample(20);
        report.assertions = ["p95<200ms", "success>99%"]
            .map(|text| text.parse::<crate::domain::assertion::Assertion>().expect("sound").check(&report))
            .to_vec();
        insta::assert_snapshot!(plain_within(&report, 40));
        for width in 20..80 {
            plain_within(&report, width);
        }
    }

    #[test]
    fn colours_are_there_for_a_terminal_only() {
        let styled = super::report(&sample(0), 80);
        assert!(styled.contains("\u{1b}["));
        assert!(!plain(&sample(0)).contains('\u{1b}'));
    }

    #[test]
    fn a_sparkline_begins_at_zero() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(4.0), Some(8.0), Some(0.0)]), "▁·▄█▁");
        assert_eq!(sparkline(&[]), "");
    }
}
