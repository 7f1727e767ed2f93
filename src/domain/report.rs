//! The report of a run: one value for file, database, API and terminal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::assertion::Checked;
use super::concurrency;
use super::grade::{Figures, Grade};
use super::id::RunId;
use super::identity::Identity;
use super::latency::{Latency, round};
use super::rows::Rows;
use super::run::RunStatus;
use super::run_config::RunConfig;
use super::server_side::{self, ServerSecond};
use super::steadiness;
use super::summary::{Failure, SeriesPoint, Summary, WarmUp};
use super::unit::UtcMillis;
use super::validity::{Generator, Validity, Verdict};

/// The report of a run. Figures that are not known are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StressTestReport)]
pub struct Report {
    /// When the run started.
    pub timestamp: UtcMillis,
    /// The version that made it.
    pub porta_version: String,
    /// Its number in the database, once it is stored.
    pub run_id: Option<RunId>,
    /// What became of it.
    pub status: RunStatus,
    /// Whether the figures are about the server.
    pub validity: Validity,
    /// `None` for a run that has failed or is not valid.
    pub grade: Option<Grade>,
    /// What was asked for.
    pub config: RunConfig,
    /// Where it ran.
    pub machine: Machine,
    /// Which runs it can be compared with; `null` in reports of older versions.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// What came of it.
    pub results: Results,
    /// The same by route.
    pub endpoints: Vec<Endpoint>,
    /// The same over time.
    pub series: Vec<SeriesPoint>,
    /// The conditions that the run had to meet, and whether it did.
    #[serde(default)]
    pub assertions: Vec<Checked>,
    /// What the server said of itself meanwhile, where it could be asked.
    #[serde(default)]
    pub server: Vec<ServerSecond>,
    /// What has become of the rows; `null` where none was acknowledged.
    #[serde(default)]
    pub rows: Option<Rows>,
    /// Base64 of HdrHistogram V2 (deflate), nanoseconds from the due time.
    pub histogram: String,
}

/// The machine that a run was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StressTestMachine)]
pub struct Machine {
    /// As the CPU names itself.
    pub cpu_model: String,
    /// Logical processors.
    pub cores: u32,
    /// Physical memory.
    pub memory_bytes: u64,
    /// Name and version.
    pub os: String,
    /// Tells machines apart without naming them.
    pub hostname_hash: String,
}

/// A distribution in figures, milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LatencyFigures {
    /// Mean.
    pub avg_latency_ms: Option<f64>,
    /// Smallest.
    pub min_latency_ms: Option<f64>,
    /// Largest.
    pub max_latency_ms: Option<f64>,
    /// Median.
    pub p50_latency_ms: Option<f64>,
    /// 95th percentile.
    pub p95_latency_ms: Option<f64>,
    /// 99th percentile.
    pub p99_latency_ms: Option<f64>,
    /// 99.9th percentile.
    pub p999_latency_ms: Option<f64>,
    /// Standard deviation.
    pub stdev_latency_ms: Option<f64>,
    /// Coefficient of variation: standard deviation / mean, in percent.
    pub cv_latency: Option<f64>,
}

impl From<&Latency> for LatencyFigures {
    fn from(latency: &Latency) -> Self {
        Self {
            avg_latency_ms: latency.mean_ms(),
            min_latency_ms: latency.min_ms(),
            max_latency_ms: latency.max_ms(),
            p50_latency_ms: latency.percentile_ms(50.0),
            p95_latency_ms: latency.percentile_ms(95.0),
            p99_latency_ms: latency.percentile_ms(99.0),
            p999_latency_ms: latency.percentile_ms(99.9),
            stdev_latency_ms: latency.stdev_ms(),
            cv_latency: latency.cv_percent(),
        }
    }
}

/// How late the generator was, in milliseconds, counting only when a worker was free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SendLag {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StressTestResults)]
pub struct Results {
    /// Requests that came to an end.
    pub total: u64,
    /// Updates: HTTP 200 with an entry id. Others: what their target answers when all is well.
    pub success: u64,
    /// All others.
    pub failed: u64,
    /// Failed requests whose row may be stored all the same: success ≤ rows ≤ success + unknown, with those of the
    /// warm-up on both sides.
    pub unknown: u64,
    /// What was sent before the measurement, which is in none of the other figures.
    #[serde(default)]
    pub warm_up: WarmUp,
    /// Rows in the target's database after the run, where it could be asked.
    pub rows_stored: Option<u64>,
    /// `total` by the time to the last completion.
    pub actual_rps: f64,
    /// `actual_rps` in percent of the target; `null` when there was none.
    pub efficiency: Option<f64>,
    /// Seconds to the last completion.
    pub duration: f64,
    /// From the due time.
    #[serde(flatten)]
    pub latency: LatencyFigures,
    /// From the send time.
    pub service_latency_ms: LatencyFigures,
    /// How late the generator was.
    pub send_lag_ms: SendLag,
    /// Percent of the generator's cores.
    pub generator_cpu_percent: f64,
    /// Responses by HTTP status.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub status_codes: BTreeMap<u16, u64>,
    /// Failures by kind.
    pub errors: BTreeMap<Failure, u64>,
    /// Connections that were opened, the first of each worker included.
    #[serde(default)]
    pub connections_opened: u64,
    /// Connections that took the place of one that was lost.
    #[serde(default)]
    pub connections_reopened: u64,
}

impl Results {
    /// Percent of the requests that succeeded; 0 when there were none.
    pub fn success_percent(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.success as f64 / self.total as f64 * 100.0 }
    }

    /// Acknowledged updates that are not stored, or rows that nobody sent; `None` when the rows are accounted for, or
    /// could not be counted.
    pub fn unaccounted(&self) -> Option<String> {
        let rows = self.rows_stored?;
        let least = self.success + self.warm_up.success;
        let most = least + self.unknown + self.warm_up.unknown;
        if rows < least {
            Some(format!("{} acknowledged updates are not in the database", least - rows))
        } else if rows > most {
            Some(format!("the database has {} rows that nobody sent", rows - most))
        } else {
            None
        }
    }
}

impl Report {
    /// What is wrong with the rows; `None` when they are accounted for, or could not be counted.
    pub fn unaccounted(&self) -> Option<String> {
        self.rows.as_ref().and_then(Rows::wrong).or_else(|| self.results.unaccounted())
    }

    /// Makes it the report of a run that did not get to its end for a reason of its own: its figures stand, and say nothing
    /// about the server as a whole.
    pub fn fail(&mut self) {
        self.status = RunStatus::Failed;
        self.grade = None;
    }

    /// Why nothing was measured, for a run that has failed.
    pub fn failure_reason(&self) -> Option<String> {
        if self.status != RunStatus::Failed {
            return None;
        }
        let worst = self.results.errors.iter().max_by_key(|(_, count)| **count);
        let reason = worst.map_or("none was sent", |(failure, _)| failure.describe());
        Some(format!("not one request was answered ({reason})"))
    }
}

/// Figures of one route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointFigures)]
pub struct Endpoint {
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Requests.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// From the due time.
    #[serde(flatten)]
    pub latency: LatencyFigures,
}

/// What a report needs beside the summary.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// When the run started.
    pub started_at: UtcMillis,
    /// Whether it was ended early.
    pub cancelled: bool,
    /// What was asked for.
    pub config: RunConfig,
    /// Where it ran.
    pub machine: Machine,
    /// Method and path of each endpoint, in the order of the summary's.
    pub endpoints: Vec<(String, String)>,
    /// Rows in the target's database after the run, where it could be asked.
    pub rows_stored: Option<u64>,
}

impl Report {
    /// Judges a finished run.
    pub fn new(summary: Summary, circumstances: Circumstances) -> Self {
        let Circumstances { started_at, cancelled, config, machine, endpoints, rows_stored } = circumstances;
        let results = results(&summary, config.mean_rps(), rows_stored);
        let endpoints = by_endpoint(&summary, &results, endpoints);
        let status = if cancelled {
            RunStatus::Cancelled
        } else if results.status_codes.is_empty() {
            RunStatus::Failed
        } else {
            RunStatus::Completed
        };
        let figures = figures(&results);
        let validity = Generator {
            requests: results.total,
            send_lag_p99_ms: results.send_lag_ms.p99,
            grade_hinges_on_lag: figures
                .zip(results.send_lag_ms.p99)
                .is_some_and(|(figures, lag)| figures.hinge_on(lag)),
            cpu_percent: results.generator_cpu_percent,
            actual_rps: results.actual_rps,
            workers: concurrency::workers(&summary, &config, &results),
        }
        .validity(&steadiness::of(&summary, &config, figures));
        let graded = status != RunStatus::Failed && validity.verdict == Verdict::Valid;
        Self {
            timestamp: started_at,
            porta_version: env!("CARGO_PKG_VERSION").into(),
            run_id: None,
            status,
            grade: figures.filter(|_| graded).map(|figures| figures.grade()),
            validity,
            identity: Some(Identity::of(&config, &machine)),
            config,
            machine,
            results,
            endpoints,
            series: summary.series,
            assertions: Vec::new(),
            server: Vec::new(),
            rows: None,
            histogram: summary.overall.from_due.to_base64(),
        }
    }

    /// Why the slowest second was, where one stands out and the server says so.
    pub fn cause_of_slowest_second(&self) -> Option<String> {
        let slowest = self.slowest_second()?;
        server_side::beside(slowest, &self.server).map(|server| server_side::cause(slowest, server))
    }

    /// The second whose p95 was highest, when it stands out: twice the usual second's.
    pub fn slowest_second(&self) -> Option<&SeriesPoint> {
        let mut usual: Vec<_> = self.series.iter().filter_map(|point| point.p95_latency_ms).collect();
        usual.sort_by(f64::total_cmp);
        let usual = *usual.get(usual.len() / 2)?;
        let p95 = |point: &SeriesPoint| point.p95_latency_ms.unwrap_or(0.0);
        let slowest = self.series.iter().max_by(|a, b| p95(a).total_cmp(&p95(b)))?;
        (p95(slowest) > 2.0 * usual).then_some(slowest)
    }
}

fn results(summary: &Summary, mean_rps: Option<f64>, rows_stored: Option<u64>) -> Results {
    let overall = &summary.overall;
    let actual_rps = summary.actual_rps();
    Results {
        total: overall.total(),
        success: overall.succeeded,
        failed: overall.failed,
        unknown: overall.unknown,
        warm_up: overall.warm_up,
        rows_stored,
        actual_rps: round(actual_rps),
        efficiency: mean_rps.map(|target| round(actual_rps / target * 100.0)),
        duration: round(summary.last_completion.as_secs_f64()),
        latency: (&overall.from_due).into(),
        service_latency_ms: (&overall.from_sent).into(),
        send_lag_ms: SendLag {
            p50: overall.send_lag.percentile_ms(50.0),
            p99: overall.send_lag.percentile_ms(99.0),
            max: overall.send_lag.max_ms(),
        },
        generator_cpu_percent: round(summary.generator_cpu_percent()),
        status_codes: overall.status_codes.clone(),
        errors: overall.errors.clone(),
        connections_opened: overall.connections.opened,
        connections_reopened: overall.connections.reopened,
    }
}

/// The figures of each endpoint: all of them, where there is only one.
fn by_endpoint(summary: &Summary, results: &Results, endpoints: Vec<(String, String)>) -> Vec<Endpoint> {
    let only = endpoints.len() == 1;
    let of = |(place, (method, path)): (usize, (String, String))| {
        let (total, failed, latency) = match summary.overall.endpoints.get(place) {
            _ if only => (results.total, results.failed, results.latency.clone()),
            Some(tally) => (tally.total, tally.failed, (&tally.from_due).into()),
            None => (0, 0, (&Latency::coarse()).into()),
        };
        Endpoint { method, path, total, failed, latency }
    };
    endpoints.into_iter().enumerate().map(of).collect()
}

/// What is graded; `None` when nothing ended.
fn figures(results: &Results) -> Option<Figures> {
    Some(Figures {
        success_percent: results.success_percent(),
        average_ms: results.latency.avg_latency_ms?,
        p95_ms: results.latency.p95_latency_ms?,
        efficiency_percent: results.efficiency,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::super::id::ChannelId;
    use super::super::run::{Plan, Rate};
    use super::super::summary::{Outcome, Tally};
    use super::*;

    /// A run of two seconds at 100 rps whose figures never change.
    pub(crate) fn sample(failures: u64) -> Report {
        let plan = Plan {
            workers: 10,
            rate: Rate::PerSecond(100),
            duration: Duration::from_secs(2),
            timeout: Duration::from_secs(30),
            warm_up: Duration::ZERO,
        };
        let mut summary = Summary::new(plan.duration);
        for second in 0..2 {
            let mut tally = Tally::default();
            for index in 0..100u64 {
                let failed = second == 0 && index < failures;
                tally.send_lag.record(Duration::from_micros(40 + index));
                tally.record(Outcome {
                    from_due: Duration::from_micros(600 + 10 * index),
                    from_sent: Some(Duration::from_micros(560 + 9 * index)),
                    status: Some(if failed { 503 } else { 200 }),
                    failure: failed.then_some(Failure::Status5xx),
                });
            }
            summary.push_second(&tally);
        }
        summary.last_completion = Duration::from_micros(1_991_500);
        summary.generator_cpu = Duration::from_millis(80);
        summary.generator_time = Duration::from_secs(2);
        summary.finish(&Tally::default(), Duration::ZERO);
        let circumstances = Circumstances {
            started_at: UtcMillis(1_795_295_040_000),
            cancelled: false,
            config: RunConfig::new(&plan, "http://127.0.0.1:8000".into(), true, Some(ChannelId(1))),
            machine: Machine {
                cpu_model: "Example CPU".into(),
                cores: 2,
                memory_bytes: 4_000_000_000,
                os: "Linux 6".into(),
                hostname_hash: "0123456789ab".into(),
            },
            endpoints: vec![("POST".into(), "/update".into())],
            rows_stored: Some(200 - failures),
        };
        Report::new(summary, circumstances)
    }

    #[test]
    fn the_report_json_is_frozen() {
        let mut report = sample(3);
        report.porta_version = "0.0.0".into();
        insta::assert_json_snapshot!(report, { ".histogram" => "[base64]" });
    }

    #[test]
    fn a_report_survives_its_json() {
        let report = sample(0);
        let json = serde_json::to_string(&report).expect("JSON");
        let back: Report = serde_json::from_str(&json).expect("the same report");
        assert_eq!(back, report);
        let histogram = Latency::from_base64(&back.histogram).expect("a histogram");
        assert_eq!(histogram.count(), report.results.total);
        assert_eq!(histogram.percentile_ms(95.0), report.results.latency.p95_latency_ms);
    }

    #[test]
    fn a_run_without_a_single_answer_has_failed() {
        let summary = Summary::new(Duration::from_secs(1));
        let sample = sample(0);
        let circumstances = Circumstances {
            started_at: sample.timestamp,
            cancelled: false,
            config: sample.config,
            machine: sample.machine,
            endpoints: Vec::new(),
            rows_stored: None,
        };
        let report = Report::new(summary, circumstances);
        assert_eq!((report.status, report.grade), (RunStatus::Failed, None));
        assert_eq!(report.results.latency.p95_latency_ms, None);
    }

    #[test]
    fn rows_are_accounted_for_between_successes_and_unknowns() {
        let mut results = sample(0).results;
        results.unknown = 2;
        results.warm_up = WarmUp { total: 60, success: 40, unknown: 10 };
        for (rows, accounted) in
            [(None, true), (Some(240), true), (Some(252), true), (Some(239), false), (Some(253), false)]
        {
            results.rows_stored = rows;
            assert_eq!(results.unaccounted().is_none(), accounted, "{rows:?}");
        }
    }
}
