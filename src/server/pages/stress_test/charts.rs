//! The charts of runs, with the words of the reader's language.

use minijinja::Value;

use crate::domain::grade::P95_EXCELLENT_BELOW_MS;
use crate::domain::latency::Bucket;
use crate::domain::progress::Moment;
use crate::domain::run::RunOverview;
use crate::domain::server_side::ServerSecond;
use crate::domain::unit;
use crate::render::chart::{self, Axis, Chart, Series};
use crate::server::pages::format;
use crate::server::pages::words::Words;

/// Seconds; what is shorter has no rate.
const PIECE: f64 = 0.5;

/// Values over seconds.
type Points = Vec<(f64, Option<f64>)>;

/// A chart as templates take it: markup.
fn markup(svg: String) -> Value {
    Value::from_safe_string(svg)
}

fn over_time(series: &[Moment], value: impl Fn(&Moment) -> Option<f64>) -> Points {
    series.iter().map(|moment| (moment.second as f64, value(moment))).collect()
}

/// Percentiles over the seconds of a run.
pub fn latency(words: &Words, series: &[Moment]) -> Value {
    let p50 = over_time(series, |moment| moment.p50_latency_ms);
    let p95 = over_time(series, |moment| moment.p95_latency_ms);
    let p99 = over_time(series, |moment| moment.p99_latency_ms);
    let limit = format::in_language(words.language(), unit::millis(Some(P95_EXCELLENT_BELOW_MS)));
    let limit = words.text("charts.excellent_below").replace("{limit}", &limit);
    markup(chart::lines(&Chart {
        title: &words.text("charts.latency"),
        description: &words.text("charts.latency_description"),
        x_label: &words.text("charts.time"),
        y_label: &words.text("charts.ms"),
        x: Axis::Seconds,
        series: &[
            Series { label: "p50", points: &p50 },
            Series { label: "p95", points: &p95 },
            Series { label: "p99", points: &p99 },
        ],
        threshold: Some((P95_EXCELLENT_BELOW_MS, &limit)),
        between: None,
        from_zero: true,
    }))
}

/// Requests a second over the seconds of a run, beside what was asked for. `length` is that of the run so far, in seconds: of a
/// last piece of a second, in which a few answers make hundreds a second, nothing is shown.
pub fn rps(words: &Words, series: &[Moment], target_rps: Option<f64>, length: Option<f64>) -> Value {
    let is_piece = |moment: &Moment| length.is_some_and(|length| length - (moment.second as f64) < PIECE);
    let points = over_time(series, |moment| (!is_piece(moment)).then_some(moment.rps));
    let label =
        target_rps.map(|target| words.text("charts.target").replace("{target}", &unit::significant(target)));
    markup(chart::lines(&Chart {
        title: &words.text("charts.rps"),
        description: &words.text("charts.rps_description"),
        x_label: &words.text("charts.time"),
        y_label: &words.text("charts.rps_unit"),
        x: Axis::Seconds,
        series: &[Series { label: &words.text("charts.rps_unit"), points: &points }],
        threshold: target_rps.zip(label.as_deref()),
        between: None,
        from_zero: true,
    }))
}

/// How many percent of the requests took how long, for one run or several. Each has the buckets of its own distribution.
pub fn distribution(words: &Words, runs: &[(String, Vec<Bucket>)]) -> Value {
    let mut bounds: Vec<f64> =
        runs.iter().flat_map(|(_, buckets)| buckets).map(|bucket| bucket.up_to_ms).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let names: Vec<_> = bounds.iter().map(|bound| trimmed(*bound)).collect();
    let shares: Vec<Points> = runs
        .iter()
        .map(|(_, buckets)| {
            let total = buckets.iter().map(|bucket| bucket.count).sum::<u64>().max(1) as f64;
            let place = |bucket: &Bucket| bounds.partition_point(|bound| *bound < bucket.up_to_ms) as f64;
            let share = |bucket: &Bucket| (place(bucket), Some(bucket.count as f64 / total * 100.0));
            buckets.iter().map(share).collect()
        })
        .collect();
    let series: Vec<_> =
        runs.iter().zip(&shares).map(|((label, _), points)| Series { label, points }).collect();
    markup(chart::bars(&Chart {
        title: &words.text("charts.distribution"),
        description: &words.text("charts.distribution_description"),
        x_label: &words.text("charts.up_to_ms"),
        y_label: &words.text("charts.percent_of_requests"),
        x: Axis::Names(&names),
        series: &series,
        threshold: None,
        between: None,
        from_zero: true,
    }))
}

/// `0.5`, `15`: a bound without zeros that say nothing.
pub fn trimmed(bound: f64) -> String {
    let text = unit::significant(bound);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Percentiles of runs, one after the other.
pub fn trend(words: &Words, runs: &[RunOverview]) -> Value {
    let names: Vec<_> = runs.iter().map(|run| run.id.to_string()).collect();
    let of = |value: fn(&RunOverview) -> Option<f64>| -> Points {
        runs.iter().enumerate().map(|(place, run)| (place as f64, value(run))).collect()
    };
    let (p50, p95) = (of(|run| run.p50_latency_ms), of(|run| run.p95_latency_ms));
    let p99 = of(|run| run.p99_latency_ms);
    markup(chart::lines(&Chart {
        title: &words.text("charts.trend"),
        description: &words.text("charts.trend_description"),
        x_label: &words.text("charts.run"),
        y_label: &words.text("charts.ms"),
        x: Axis::Names(&names),
        series: &[
            Series { label: "p50", points: &p50 },
            Series { label: "p95", points: &p95 },
            Series { label: "p99", points: &p99 },
        ],
        threshold: None,
        between: None,
        from_zero: true,
    }))
}

/// How much of its time the server's writer was at work.
pub fn writer(words: &Words, server: &[ServerSecond]) -> Value {
    let points: Points =
        server.iter().map(|second| (second.second as f64, Some(second.writer_utilisation_percent))).collect();
    let cpu: Points = server.iter().map(|second| (second.second as f64, Some(second.cpu_percent))).collect();
    markup(chart::lines(&Chart {
        title: &words.text("charts.server"),
        description: &words.text("charts.server_description"),
        x_label: &words.text("charts.time"),
        y_label: "%",
        x: Axis::Seconds,
        series: &[
            Series { label: &words.text("charts.writer"), points: &points },
            Series { label: &words.text("charts.cpu"), points: &cpu },
        ],
        threshold: None,
        between: None,
        from_zero: true,
    }))
}

/// The 95th percentile of several runs over their seconds.
pub fn p95_of(words: &Words, runs: &[(String, Vec<Moment>)]) -> Value {
    let points: Vec<Points> =
        runs.iter().map(|(_, series)| over_time(series, |moment| moment.p95_latency_ms)).collect();
    let series: Vec<_> =
        runs.iter().zip(&points).map(|((label, _), points)| Series { label, points }).collect();
    markup(chart::lines(&Chart {
        title: &words.text("charts.p95"),
        description: &words.text("charts.p95_description"),
        x_label: &words.text("charts.time"),
        y_label: &words.text("charts.ms"),
        x: Axis::Seconds,
        series: &series,
        threshold: None,
        between: None,
        from_zero: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::pages::tests::site;

    #[test]
    fn a_last_piece_of_a_second_has_no_rate() {
        let moment = |second, rps| Moment {
            second,
            total: 100,
            failed: 0,
            rps,
            p50_latency_ms: None,
            p95_latency_ms: None,
            p99_latency_ms: None,
        };
        let series = [moment(0, 100.0), moment(1, 100.0), moment(2, 2500.0)];
        let site = site();
        let words = site.words("en").expect("English");
        let highest = |length| rps(words, &series, None, Some(length)).to_string().contains("000<");
        assert!(highest(3.0), "thousands on the axis");
        assert!(!highest(2.04));
    }
}
