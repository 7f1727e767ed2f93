//! Two runs side by side: whether they differ, and by how much.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::{PLACE, Query, Row, charts};
use crate::domain::comparison::{self, Compared, Comparison, Metric};
use crate::domain::id::RunId;
use crate::domain::latency::{Bucket, Latency};
use crate::domain::progress::Moment;
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::domain::statistics::compare::Finding;
use crate::render::compare::Direction;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::pages::words::Words;
use crate::server::pages::{render, words};
use crate::server::session::AdminPage;
use crate::server::stress_test;

/// Rows of the table beneath the chart of p95.
const ROWS_MAX: u64 = 60;

/// `GET /admin/stress-test/compare?old=11&new=12`. The history sends `run=11&run=12`; the older run is what the newer one is
/// compared with. `force` compares what was not made in the same way.
pub async fn compare(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query = Query::of(query.as_deref());
    let picked: Vec<RunId> = query.values("run").filter_map(|run| run.parse().ok()).collect();
    if let [one, two] = picked.as_slice() {
        let (old, new) = (one.min(two), one.max(two));
        return Ok(state.see_other(&format!("{PLACE}/compare?old={old}&new={new}")));
    }
    let (Some(old), Some(new)) = (query.run("old"), query.run("new")) else {
        let data = context! { picked => picked.len() };
        let page = render(&state, &headers, Some(&session), "compare_pick.html", data)?;
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    };
    let mut sides = Vec::new();
    for id in [old, new] {
        sides.push((stress_test::found(&state, id).await?, state.store.run(id).await?));
    }
    let is_forced = query.value("force").is_some();
    let data = data(&words(&state, &headers)?, sides, is_forced);
    Ok(render(&state, &headers, Some(&session), "compare.html", data)?.into_response())
}

/// What the template shows of two runs, the older first.
pub fn data(words: &Words, sides: Vec<(RunOverview, Report)>, is_forced: bool) -> Value {
    let (runs, reports): (Vec<_>, Vec<_>) = sides.into_iter().unzip();
    let (before, after) = reports.split_at(1.min(reports.len()));
    let compared = comparison::compare(before, after, is_forced);
    let name = |run: &RunOverview| words.text("charts.run_number").replace("{id}", &run.id.to_string());
    let names: Vec<_> = runs.iter().map(name).collect();
    let series = reports.iter().map(|report| report.series.iter().map(Moment::from).collect());
    let series: Vec<(String, Vec<Moment>)> = names.iter().cloned().zip(series).collect();
    let buckets = reports.iter().map(|report| {
        Latency::from_base64(&report.histogram).map(|latency| latency.buckets()).unwrap_or_default()
    });
    let buckets: Vec<_> = names.into_iter().zip(buckets).collect();
    let loads: Vec<_> = reports
        .iter()
        .map(|report| context! { config => Serde(&report.config), machine => Serde(&report.machine) })
        .collect();
    let (comparison, reasons) = match compared {
        Ok(comparison) => (Some(Shown::of(&comparison)), Vec::new()),
        Err(reasons) => (None, reasons),
    };
    context! {
        runs => Serde(runs.into_iter().map(Row::new).collect::<Vec<_>>()),
        loads,
        comparison => Serde(comparison),
        reasons,
        is_forced,
        names => series.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
        p95_table => Serde(p95_table(&series)),
        distribution_rows => Serde(distribution_rows(&buckets)),
        p95_chart => charts::p95_of(words, &series),
        distribution_chart => charts::distribution(words, &buckets),
    }
}

/// A figure of each run, where there is one.
#[derive(Serialize)]
struct Beside {
    at: f64,
    values: Vec<Option<f64>>,
}

/// The chart of p95 over time as a table.
#[derive(Serialize)]
struct P95Table {
    /// Seconds that a row is of: the slowest of them.
    each: u64,
    rows: Vec<Beside>,
}

fn p95_table(series: &[(String, Vec<Moment>)]) -> P95Table {
    let moments = || series.iter().flat_map(|(_, moments)| moments);
    let seconds = moments().map(|moment| moment.second + 1).max().unwrap_or(0);
    let each = seconds.div_ceil(ROWS_MAX).max(1);
    let begins: BTreeSet<u64> = moments().map(|moment| moment.second / each * each).collect();
    let slowest = |moments: &[Moment], begin: u64| {
        let within = moments.iter().filter(|moment| moment.second / each * each == begin);
        within.filter_map(|moment| moment.p95_latency_ms).max_by(f64::total_cmp)
    };
    let row = |begin: u64| Beside {
        at: begin as f64,
        values: series.iter().map(|(_, moments)| slowest(moments, begin)).collect(),
    };
    P95Table { each, rows: begins.into_iter().map(row).collect() }
}

/// The chart of distributions as a table: percent of the requests up to so many milliseconds.
fn distribution_rows(runs: &[(String, Vec<Bucket>)]) -> Vec<Beside> {
    let mut bounds: Vec<f64> =
        runs.iter().flat_map(|(_, buckets)| buckets).map(|bucket| bucket.up_to_ms).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let percent = |buckets: &[Bucket], bound: f64| {
        let total = buckets.iter().map(|bucket| bucket.count).sum::<u64>().max(1) as f64;
        let found = buckets.iter().find(|bucket| bucket.up_to_ms.total_cmp(&bound).is_eq());
        found.map(|bucket| bucket.count as f64 / total * 100.0)
    };
    let row = |bound: f64| Beside {
        at: bound,
        values: runs.iter().map(|(_, buckets)| percent(buckets, bound)).collect(),
    };
    bounds.into_iter().map(row).collect()
}

/// A comparison with what the domain says of it.
#[derive(Serialize)]
struct Shown {
    answer: String,
    /// `good`, `bad` or `quiet`.
    state: &'static str,
    /// The key of the word.
    word: &'static str,
    metrics: Vec<Line>,
    warnings: Vec<String>,
}

/// One figure of both runs.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    compared: Compared,
    is_latency: bool,
    is_rate: bool,
    /// The key of what can be said of it.
    word: &'static str,
}

impl Shown {
    fn of(comparison: &Comparison) -> Self {
        let (state, word) = match Direction::of(comparison) {
            Direction::Better => ("good", "better"),
            Direction::Worse => ("bad", "worse"),
            Direction::Neither => ("quiet", "neither"),
        };
        let line = |compared: &Compared| Line {
            compared: compared.clone(),
            is_latency: compared.metric.is_latency(),
            is_rate: compared.metric == Metric::Rps,
            word: match compared.finding {
                Some(Finding::Real) => "real",
                Some(Finding::Indicative) => "indicative",
                Some(Finding::NotShown) => "not_shown",
                None if compared.before.is_none() || compared.after.is_none() => "too_few",
                None => "not_compared",
            },
        };
        Self {
            answer: comparison.answer.clone(),
            state,
            word,
            metrics: comparison.metrics.iter().map(line).collect(),
            warnings: comparison.warnings.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_runs_the_slowest_seconds_stand_side_by_side() {
        let moment = |second, p95| Moment {
            second,
            total: 1,
            failed: 0,
            rps: 1.0,
            p50_latency_ms: None,
            p95_latency_ms: p95,
            p99_latency_ms: None,
        };
        let long = (0..120).map(|second| moment(second, Some(second as f64))).collect();
        let series =
            [("long".to_owned(), long), ("short".to_owned(), vec![moment(0, None), moment(1, Some(7.0))])];
        let P95Table { each, rows } = p95_table(&series);
        assert_eq!((each, rows.len()), (2, 60));
        assert_eq!((rows[0].at, rows[0].values.as_slice()), (0.0, [Some(1.0), Some(7.0)].as_slice()));
        assert_eq!((rows[59].at, rows[59].values.as_slice()), (118.0, [Some(119.0), None].as_slice()));
        assert!(p95_table(&[]).rows.is_empty());
    }
}
