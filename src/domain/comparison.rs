//! Whether runs differ: one with one, or repeats with repeats.

use serde::Serialize;

use super::id::RunId;
use super::identity;
use super::latency::{Latency, is_enough_for, round};
use super::report::Report;
use super::run::RunStatus;
use super::statistics::compare::{Difference, Finding, REPEATS_MIN, repeats};
use super::statistics::windows::{Mean, Percentile};
use super::unit;
use super::validity::Verdict;

/// Settings that can differ between runs that are compared: it is said, and what is found is to be read with it.
const MAY_DIFFER: [&str; 5] = ["base_url", "private_server", "channel_id", "duration", "timeout"];

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean latency from the due time, milliseconds.
    Average,
    /// Its median.
    P50,
    /// Its 95th percentile.
    P95,
    /// Its 99th percentile.
    P99,
    /// Requests a second.
    Rps,
    /// Percent of the requests that succeeded.
    Success,
}

impl Metric {
    const ALL: [Self; 6] = [Self::Average, Self::P50, Self::P95, Self::P99, Self::Rps, Self::Success];

    /// The name, as a sentence uses it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Rps => "rps",
            Self::Success => "success",
        }
    }

    /// Whether less is better.
    pub fn is_latency(self) -> bool {
        matches!(self, Self::Average | Self::P50 | Self::P95 | Self::P99)
    }

    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Rps => unit::rate(value),
            Self::Success => unit::percent(value),
            _ => unit::millis(Some(value)),
        }
    }

    fn percent(self) -> Option<f64> {
        match self {
            Self::P50 => Some(50.0),
            Self::P95 => Some(95.0),
            Self::P99 => Some(99.0),
            Self::Average | Self::Rps | Self::Success => None,
        }
    }

    /// The figure of a run; `None` where there are too few requests for it.
    fn of(self, report: &Report) -> Option<f64> {
        let results = &report.results;
        if self.percent().is_some_and(|percent| !is_enough_for(results.total, percent)) {
            return None;
        }
        match self {
            Self::Average => results.latency.avg_latency_ms,
            Self::P50 => results.latency.p50_latency_ms,
            Self::P95 => results.latency.p95_latency_ms,
            Self::P99 => results.latency.p99_latency_ms,
            Self::Rps => Some(results.actual_rps),
            Self::Success => Some(round(results.success_percent())),
        }
    }
}

/// Where the uncertainty of a difference was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// How each run varied within itself.
    Windows,
    /// How repeats vary among themselves.
    Repeats,
}

/// One figure of both sides. What is not known is `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Which figure.
    pub metric: Metric,
    /// Before; the median of repeats.
    pub before: Option<f64>,
    /// After; the median of repeats.
    pub after: Option<f64>,
    /// By how many percent it grew.
    pub change_percent: Option<f64>,
    /// The smallest growth that goes with the data.
    pub low_percent: Option<f64>,
    /// The largest growth that goes with the data.
    pub high_percent: Option<f64>,
    /// What can be said of it; `null` where nothing was compared.
    pub finding: Option<Finding>,
}

/// What comparing two sides came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The runs before.
    pub before: Vec<RunId>,
    /// The runs after.
    pub after: Vec<RunId>,
    /// How they were compared.
    pub method: Method,
    /// What can be said of the figure that decides: p95, or rps where there was no target rate.
    pub finding: Finding,
    /// The same in a sentence.
    pub answer: String,
    /// All figures.
    pub metrics: Vec<Compared>,
    /// What to keep in mind.
    pub warnings: Vec<String>,
}

/// Compares runs; each side has one at least.
///
/// # Errors
/// Why they cannot be compared. `force` makes warnings of differences in the configuration.
pub fn compare(before: &[Report], after: &[Report], force: bool) -> Result<Comparison, Vec<String>> {
    let all = || before.iter().chain(after);
    let failed: Vec<_> = all()
        .filter(|report| report.status == RunStatus::Failed || report.results.total == 0)
        .map(|report| format!("{} has failed: nothing was measured", name(report)))
        .collect();
    if !failed.is_empty() {
        return Err(failed);
    }
    let first = before.first().or(after.first()).ok_or_else(|| vec!["there is no run".to_owned()])?;
    let (tolerable, grave): (Vec<_>, Vec<_>) = all()
        .flat_map(|report| different_settings(first, report))
        .partition(|(setting, _)| MAY_DIFFER.contains(&setting.as_str()));
    let words = |differences: Vec<(String, String)>| differences.into_iter().map(|(_, words)| words);
    if !grave.is_empty() && !force {
        return Err(words(grave).collect());
    }
    let mut warnings: Vec<_> = words(grave).chain(words(tolerable)).collect();
    warnings.extend(all().filter_map(|report| different_place(first, report)));
    warnings.extend(all().filter_map(invalid));
    warnings.extend(all().filter_map(cut_short));
    let method = if before.len() == 1 && after.len() == 1 { Method::Windows } else { Method::Repeats };
    if method == Method::Repeats {
        warnings.extend(not_in_turn(before, after));
    }
    let metrics: Vec<_> = Metric::ALL.iter().map(|metric| compared(*metric, before, after, method)).collect();
    let decisive = if first.config.target_rps.is_none() { Metric::Rps } else { Metric::P95 };
    let decisive = metrics.iter().find(|compared| compared.metric == decisive);
    let finding = decisive.and_then(|compared| compared.finding).unwrap_or(Finding::NotShown);
    let ids = |side: &[Report]| side.iter().filter_map(|report| report.run_id).collect::<Vec<_>>();
    let (before, after) = (ids(before), ids(after));
    let answer = decisive.map_or_else(String::new, |compared| answer(compared, &before, &after));
    Ok(Comparison { before, after, method, finding, answer, metrics, warnings })
}

fn name(report: &Report) -> String {
    report.run_id.map_or_else(|| "a run".into(), |id| format!("run {id}"))
}

/// Settings of `other` that are not those of `first`, each with the words to say so.
fn different_settings(first: &Report, other: &Report) -> Vec<(String, String)> {
    let (ours, theirs) = (identity::settings(&first.config), identity::settings(&other.config));
    let mut names: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    names.sort();
    names.dedup();
    // A private server has another port each time.
    let incidental = |name: &str| {
        first.config.private_server
            && other.config.private_server
            && ["base_url", "channel_id"].contains(&name)
    };
    let shown = |value: Option<&serde_json::Value>| match value {
        None => "none".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name) && !incidental(name))
        .map(|setting| {
            let (one, two) = (shown(ours.get(setting)), shown(theirs.get(setting)));
            (setting.clone(), format!("{setting} is {one} in {}, {two} in {}", name(first), name(other)))
        })
        .collect()
}

fn different_place(first: &Report, other: &Report) -> Option<String> {
    if first.machine != other.machine {
        let (one, two) = (&first.machine, &other.machine);
        let what = if one.hostname_hash == two.hostname_hash { "has changed" } else { "is another one" };
        return Some(format!(
            "the machine {what} between {} ({}, {} cores) and {} ({}, {} cores)",
            name(first),
            one.cpu_model,
            one.cores,
            name(other),
            two.cpu_model,
            two.cores
        ));
    }
    (first.porta_version != other.porta_version).then(|| {
        let (one, two) = (&first.porta_version, &other.porta_version);
        format!("{} was made by porta {one}, {} by porta {two}", name(first), name(other))
    })
}

fn invalid(report: &Report) -> Option<String> {
    let verdict = report.validity.verdict;
    (verdict != Verdict::Valid)
        .then(|| format!("{} is {}: its figures may not be the server's", name(report), verdict.as_str()))
}

fn cut_short(report: &Report) -> Option<String> {
    (report.status == RunStatus::Cancelled)
        .then(|| format!("{} was ended early, after {} s", name(report), report.results.duration))
}

/// Whether what changed on the machine between the sides is in the difference, too.
fn not_in_turn(before: &[Report], after: &[Report]) -> Option<String> {
    let times = |side: &[Report]| {
        let times = side.iter().map(|report| report.timestamp);
        times.clone().min().zip(times.max())
    };
    let ((first_from, first_to), (second_from, second_to)) = times(before).zip(times(after))?;
    (first_to < second_from || second_to < first_from).then(|| {
        "all runs of one side came before all of the other: what changed on the machine meanwhile is in the difference. \
         Make them in turn."
            .into()
    })
}

fn compared(metric: Metric, before: &[Report], after: &[Report], method: Method) -> Compared {
    let difference = match (method, before, after) {
        (Method::Windows, [before], [after]) => windows(metric, before, after),
        _ => {
            let figures =
                |side: &[Report]| side.iter().map(|report| metric.of(report)).collect::<Option<Vec<_>>>();
            figures(before).zip(figures(after)).and_then(|(before, after)| repeats(&before, &after))
        }
    };
    if let Some(difference) = difference {
        let percent = |value: f64| difference.percent(value).map(round);
        return Compared {
            metric,
            before: Some(round(difference.before)),
            after: Some(round(difference.after)),
            change_percent: percent(difference.change),
            low_percent: percent(difference.low),
            high_percent: percent(difference.high),
            finding: Some(difference.finding),
        };
    }
    let single =
        |side: &[Report]| side.first().filter(|_| side.len() == 1).and_then(|report| metric.of(report));
    let (before, after) = (single(before), single(after));
    let change_percent = before
        .zip(after)
        .filter(|(before, _)| *before != 0.0)
        .map(|(before, after)| round((after - before) / before * 100.0));
    Compared { metric, before, after, change_percent, low_percent: None, high_percent: None, finding: None }
}

/// Compares one run with one; `None` where the runs are too short, have too few requests, or nothing varies within a run.
fn windows(metric: Metric, before: &Report, after: &Report) -> Option<Difference> {
    let (from, to) = (metric.of(before)?, metric.of(after)?);
    match metric {
        Metric::Average => {
            let mean = |report: &Report, mean| {
                Some(Mean { mean, ..Mean::of(&seconds(report, |point| point.avg_latency_ms))? })
            };
            Some(Mean::compare(mean(before, from)?, mean(after, to)?))
        }
        // A target rate that is reached does not vary.
        Metric::Rps if before.config.target_rps.is_none() && after.config.target_rps.is_none() => {
            let mean = |report: &Report| Mean::of(&seconds(report, |point| Some(point.rps)));
            Some(Mean::compare(mean(before)?, mean(after)?))
        }
        Metric::Rps | Metric::Success => None,
        Metric::P50 | Metric::P95 | Metric::P99 => {
            let percent = metric.percent()?;
            let series = |report: &Report| {
                seconds(report, |point| match metric {
                    Metric::P50 => point.p50_latency_ms,
                    Metric::P95 => point.p95_latency_ms,
                    _ => point.p99_latency_ms,
                })
            };
            let (first, second) = (series(before), series(after));
            let (of_first, of_second) = (quantiles(before)?, quantiles(after)?);
            let side = |report: &Report, quantile, series| Percentile {
                share: percent / 100.0,
                count: report.results.total,
                quantile,
                series,
            };
            Percentile::compare(&side(before, &of_first, &first), &side(after, &of_second, &second))
        }
    }
}

/// A figure of each second within the planned length of a run.
fn seconds(report: &Report, figure: impl Fn(&super::summary::SeriesPoint) -> Option<f64>) -> Vec<f64> {
    let within = report.series.iter().filter(|point| ((point.second + 1) as f64) <= report.config.duration);
    within.filter_map(figure).collect()
}

/// The latency below which a share of the requests lies.
fn quantiles(report: &Report) -> Option<impl Fn(f64) -> f64 + 'static> {
    let steps = Latency::from_base64(&report.histogram)?.cumulative();
    let (total, _) = *steps.last()?;
    Some(move |share: f64| {
        let rank = (share * total as f64).ceil().max(1.0) as u64;
        let at = steps.partition_point(|(up_to, _)| *up_to < rank);
        steps.get(at).or(steps.last()).map_or(0.0, |(_, ms)| *ms)
    })
}

/// The answer in a sentence.
fn answer(compared: &Compared, before: &[RunId], after: &[RunId]) -> String {
    let metric = compared.metric.as_str();
    let (Some(finding), Some(change), Some(low), Some(high)) =
        (compared.finding, compared.change_percent, compared.low_percent, compared.high_percent)
    else {
        return format!("no interval for {metric}: the runs are too short, or have too few requests for it");
    };
    let digits = |percent: f64| unit::percent(percent).trim_end_matches(" %").replace('-', "−");
    if finding == Finding::NotShown {
        return format!(
            "no difference in {metric} that these runs could show ({} to {} %)",
            digits(low),
            digits(high)
        );
    }
    let direction = if change < 0.0 { "lower" } else { "higher" };
    let (smallest, largest) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
    let list = |runs: &[RunId]| runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let runs = if after.len() == 1 { "run" } else { "runs" };
    let known = match finding {
        Finding::Real => "real".to_owned(),
        _ if before.len() == 1 && after.len() == 1 => "indicative: one run each".into(),
        _ => format!("indicative: fewer than {REPEATS_MIN} runs of a side"),
    };
    format!(
        "{metric} is {} {direction} in {runs} {} ({}–{} %), {known}",
        unit::percent(change.abs()),
        list(after),
        digits(smallest),
        digits(largest)
    )
}

#[cfg(test)]
pub(crate) mod tests;
