//! `/metrics`: what Prometheus reads.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{Totals, named};
use crate::domain::fault::{Condition, Fault};
use crate::domain::latency::Latency;
use crate::domain::unit::UtcMillis;
use crate::store::Statistics;

/// The type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets of a duration, in microseconds.
const BUCKETS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

type Labels<'l> = [(&'l str, &'l str)];

/// What there is to tell at one moment.
pub struct Snapshot {
    /// Names of the routes.
    pub names: Vec<String>,
    /// What was counted since the start.
    pub totals: Totals,
    /// Connections that are open.
    pub connections: usize,
    /// Requests that are being answered.
    pub requests_in_flight: usize,
    /// Jobs that wait for the writer.
    pub queue: usize,
    /// The database; `None` where it cannot be read.
    pub statistics: Option<Statistics>,
    /// Agents that were seen not long ago; `None` where the database cannot be read.
    pub active_agents: Option<u64>,
    /// Commands and pipelines that run.
    pub commands_running: usize,
    /// What is wrong with it.
    pub condition: Option<Condition>,
    /// By how much the clock is behind where it has been.
    pub clock_behind: Duration,
    /// When the server was started.
    pub started_at: UtcMillis,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// The text.
///
/// # Errors
/// When it cannot be written to memory.
pub fn text(snapshot: Snapshot) -> Result<String, Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut written = String::new();
    text::encode(&mut written, &registry)?;
    Ok(as_prometheus_has_it(&written))
}

/// OpenMetrics names a counter without the `_total` that its samples have. The older format, which all scrapers read, does
/// not, and has no line at the end.
fn as_prometheus_has_it(open_metrics: &str) -> String {
    let mut counters = Vec::new();
    for line in open_metrics.lines() {
        if let Some((name, "counter")) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            counters.push(name);
        }
    }
    let named = |line: &str| match line.split(' ').nth(2) {
        Some(name) if line.starts_with("# ") && counters.contains(&name) => {
            line.replacen(name, &format!("{name}_total"), 1)
        }
        _ => line.to_owned(),
    };
    open_metrics.lines().filter(|line| *line != "# EOF").map(|line| named(line) + "\n").collect()
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.requests(&mut page)?;
        self.writer(&mut page)?;
        self.database(&mut page)?;
        self.process(&mut page)
    }
}

impl Snapshot {
    fn requests(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let mut counts = Vec::new();
        let mut latencies = Vec::new();
        for (name, traffic, requests) in named(&self.names, &self.totals.cells) {
            let (method, route) = name.split_once(' ').unwrap_or(("", name));
            let labels = [("method", method), ("route", route), ("traffic", traffic.name())];
            let status = classes.into_iter().zip(requests.answered).chain([("gone", requests.gone)]);
            // Classes that hardly ever occur are left out until they do.
            let status = status.filter(|(class, count)| *count > 0 || !["1xx", "3xx"].contains(class));
            counts.extend(status.map(|(class, count)| {
                let [method, route, traffic] = labels;
                ([method, route, traffic, ("status", class)], count)
            }));
            latencies.push((labels, &requests.latency));
        }
        let counts: Vec<_> = counts.iter().map(|(labels, count)| (&labels[..], *count as f64)).collect();
        page.counter("porta_requests", "Requests by route, traffic and class of the answer.", &counts)?;
        let help = "From the head of a request to the head of its answer.";
        page.durations("porta_request_duration_seconds", help, &latencies)?;
        page.gauge("porta_requests_in_flight", "Requests being answered.", self.requests_in_flight as f64)?;
        page.gauge("porta_connections", "Open connections.", self.connections as f64)?;
        let help = "Commands and pipelines of agents that run.";
        page.gauge("porta_commands_running", help, self.commands_running as f64)?;
        if let Some(active) = self.active_agents {
            page.gauge("porta_active_agents", "Agents that were seen not long ago.", active as f64)?;
        }
        let incidents: Vec<_> = self
            .totals
            .incidents
            .iter()
            .map(|((kind, cause), times)| ([("kind", kind.name()), ("cause", *cause)], times.count as f64))
            .collect();
        let incidents: Vec<_> = incidents.iter().map(|(labels, count)| (&labels[..], *count)).collect();
        page.counter("porta_incidents", "What went wrong, by kind and cause.", &incidents)
    }

    fn writer(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let writing = &self.totals.writing;
        for (name, help, count) in [
            ("porta_writer_batches", "Transactions with updates in them.", writing.batches as f64),
            ("porta_writer_updates", "Updates in them.", writing.updates as f64),
            ("porta_writer_busy_seconds", "Time that the writer was at work.", writing.busy.as_secs_f64()),
            ("porta_writer_observed_seconds", "Time that it was looked at.", writing.observed.as_secs_f64()),
            ("porta_database_busy_waits", "Times that another process held it.", writing.busy_waits as f64),
            ("porta_database_busy_wait_seconds", "How long that took.", writing.busy_waited.as_secs_f64()),
            ("porta_database_lock_errors", "Transactions that were given up.", writing.lock_errors as f64),
            ("porta_checkpoints", "Checkpoints of the write-ahead log.", writing.checkpoints as f64),
            ("porta_checkpoint_seconds", "How long they took.", writing.checkpointing.as_secs_f64()),
        ] {
            page.counter(name, help, &[(&[], count)])?;
        }
        for (name, help, value) in [
            ("porta_writer_queue", "Jobs that wait for the writer.", self.queue as f64),
            (
                "porta_writer_batch_updates",
                "Updates in the largest batch of late.",
                writing.batch_updates_max as f64,
            ),
            (
                "porta_wal_frames",
                "Frames in the write-ahead log, at most of late.",
                writing.wal_frames_max as f64,
            ),
            (
                "porta_longest_commit_seconds",
                "The longest COMMIT of late.",
                self.totals.longest.commit.as_secs_f64(),
            ),
            (
                "porta_longest_queue_wait_seconds",
                "The longest wait of an update for its transaction to begin, of late.",
                self.totals.longest.queue_wait.as_secs_f64(),
            ),
            (
                "porta_wal_frames_not_checkpointed",
                "Frames that the last checkpoint could not move.",
                writing.checkpoint_lag_max as f64,
            ),
        ] {
            page.gauge(name, help, value)?;
        }
        page.durations("porta_commit_seconds", "How long COMMIT takes.", &[([], &writing.commit)])?;
        let help = "How long updates wait for their transaction to begin.";
        page.durations("porta_queue_wait_seconds", help, &[([], &writing.queue_wait)])
    }

    fn database(&self, page: &mut Page<'_>) -> Result<(), Error> {
        if let Some(statistics) = &self.statistics {
            page.gauge("porta_database_bytes", "The database file.", statistics.database_bytes as f64)?;
            page.gauge("porta_wal_bytes", "The write-ahead log.", statistics.wal_bytes as f64)?;
            page.gauge("porta_channels", "Channels.", statistics.channels as f64)?;
        }
        let is = |fault: Fault| f64::from(self.condition.as_ref().is_some_and(|found| found.fault == fault));
        let faults = Fault::ALL.map(|fault| ([("fault", fault.name())], is(fault)));
        let faults = faults.each_ref().map(|(labels, value)| (&labels[..], *value));
        page.gauges("porta_fault", "1 while the database has this fault.", &faults)?;
        let behind = self.clock_behind.as_secs_f64();
        page.gauge(
            "porta_clock_behind_seconds",
            "By how much the clock was set back and has not made up.",
            behind,
        )
    }

    fn process(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let usage = &self.totals.usage;
        page.counter("process_cpu_seconds", "CPU time.", &[(&[], usage.cpu.as_secs_f64())])?;
        page.gauge("process_resident_memory_bytes", "Resident memory.", usage.memory_bytes_max as f64)?;
        page.gauge(
            "process_start_time_seconds",
            "Start, since the epoch.",
            self.started_at.0 as f64 / 1000.0,
        )?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauges("porta_build", "The version of porta.", &[(&version[..], 1.0)])
    }
}

/// What the metrics are written to.
struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, series: &[(&Labels<'_>, f64)]) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, count) in series {
            match labels {
                [] => family.encode_counter::<NoLabelSet, _, u64>(count, None)?,
                labels => family.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?,
            }
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        self.gauges(name, help, &[(&[], value)])
    }

    fn gauges(&mut self, name: &str, help: &str, series: &[(&Labels<'_>, f64)]) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            match labels {
                [] => family.encode_gauge(value)?,
                labels => family.encode_family(labels)?.encode_gauge(value)?,
            }
        }
        Ok(())
    }

    fn durations<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: &[([(&str, &str); N], &Latency)],
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, latency) in series {
            let mut below = 0;
            let mut buckets: Vec<_> = BUCKETS_US
                .iter()
                .map(|us| {
                    let up_to = latency.count_up_to(Duration::from_micros(*us));
                    let count = up_to.saturating_sub(below);
                    below = below.max(up_to);
                    (*us as f64 / 1e6, count)
                })
                .collect();
            buckets.push((f64::INFINITY, latency.count().saturating_sub(below)));
            let (sum, count) = (latency.sum().as_secs_f64(), latency.count());
            match &labels[..] {
                [] => family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?,
                labels => family
                    .encode_family(&labels)?
                    .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?,
            }
        }
        Ok(())
    }
}
