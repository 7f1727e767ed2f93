//! What was observed becomes evidence: each value with where it comes from and how old it is.

use std::collections::BTreeMap;

use super::calm::lasting;
use super::{Observation, Slot};
use crate::domain::criteria::evidence::{
    Disk, Evidence, Installation, Leading, Observed, Past, Series, Source, Window,
};
use crate::domain::criteria::measure::Measure;
use crate::domain::latency::{Latency, round};
use crate::domain::report::Report;
use crate::domain::run::RunOverview;
use crate::domain::server_side::ServerSecond;
use crate::domain::summary::SeriesPoint;
use crate::domain::unit::UtcMillis;
use crate::domain::validity::Verdict;

const DAY_MS: f64 = 86_400_000.0;
/// Days of checks from which the growth of the database is known.
const GROWTH_DAYS_MIN: f64 = 1.0;
/// Minutes in a row in which more and more of the log is left by checkpoints: then it is one reader that keeps it from them.
const LONG_READ_MINUTES_MIN: usize = 5;

impl Observation {
    /// What a check judges.
    pub fn evidence(&self) -> Evidence {
        let (p95_ms, cv_percent) = self.latency();
        Evidence {
            agents: self.agents(),
            p95_ms,
            cv_percent,
            db_bytes: Some(self.now(self.file.bytes, Source::DatabaseFile)),
            rps: self.rps(),
            lock_errors: self.lock_errors(),
            server_errors_percent: self.server_errors(),
            p95_series: self.series(),
            leading: self.leading(),
            leading_in_run: self.run.as_ref().map(|run| leading_in_run(run, self.at)).unwrap_or_default(),
            disk: self.disk(),
            installation: self.installation(),
            history: self.history(),
            capacity_rps: None,
            damaged_runs: self.damaged_runs.clone(),
        }
    }

    fn now<T>(&self, value: T, source: Source) -> Observed<T> {
        Observed { value, source, age_seconds: 0, samples: None }
    }

    fn live(&self) -> Source {
        Source::Live { window_seconds: age(self.at, self.since) }
    }

    /// A value of the window: as old as the newest minute that a server has written.
    fn of_window<T>(&self, value: T, source: Source, samples: Option<u64>) -> Option<Observed<T>> {
        let age_seconds = age(self.at, self.live.newest?);
        Some(Observed { value, source, age_seconds, samples })
    }

    /// Those that are active now, unless there were more at a time in the window: then it is the server that has counted them.
    fn agents(&self) -> Option<Observed<u64>> {
        match &self.live.all {
            Some(all) if all.active_agents_max > self.active_agents => {
                self.of_window(all.active_agents_max, self.live(), None)
            }
            _ => Some(self.now(self.active_agents, Source::Agents)),
        }
    }

    fn rps(&self) -> Option<Observed<f64>> {
        let all = self.live.all.as_ref()?;
        let rps = all.live_requests_per_minute_max as f64 / 60.0;
        self.of_window(round(rps), self.live(), Some(all.live_requests))
    }

    /// p95 and CV.
    fn latency(&self) -> (Option<Observed<f64>>, Option<Observed<f64>>) {
        if let Some(run) = &self.run {
            let figures = &run.results.latency;
            let observed = |value: Option<f64>| of_run(run, self.at, value?, Some(run.results.total));
            return (observed(figures.p95_latency_ms), observed(figures.cv_latency));
        }
        let latency = &self.live.latency;
        let observed = |value: Option<f64>| self.of_window(value?, self.live(), Some(latency.count()));
        (observed(latency.percentile_ms(95.0)), observed(latency.cv_percent()))
    }

    fn lock_errors(&self) -> Option<Observed<u64>> {
        self.of_window(self.lock_errors_beside_tests(), Source::ServerCounters, None)
    }

    fn server_errors(&self) -> Option<Observed<f64>> {
        let all = self.live.answered.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let percent = if all == 0 { 0.0 } else { self.live.answered[4] as f64 / all as f64 * 100.0 };
        self.of_window(round(percent), self.live(), Some(all))
    }

    /// Of the newest run, also of one that was still moving at its end: that is how a growing latency looks; and of live traffic,
    /// hour by hour and day by day.
    fn series(&self) -> Vec<Series> {
        let run = self.run.iter().chain(&self.unsteady_run).filter_map(series_of_run);
        let slots = |slots: &[Slot], window_seconds: f64| {
            let window = |slot: &Slot| {
                let offered_rps = slot.requests as f64 / window_seconds;
                Some(Window { offered_rps, p95_ms: slot.p95_ms? })
            };
            // The last one is not over yet.
            let whole = slots.split_last().map_or(&[][..], |(_, whole)| whole);
            Series { source: self.live(), window_seconds, windows: whole.iter().filter_map(window).collect() }
        };
        let live = [slots(&self.hours, 3600.0), slots(&self.days, 86_400.0)];
        run.chain(live.into_iter().filter(|series| !series.windows.is_empty())).collect()
    }

    fn leading(&self) -> Leading {
        let (calm, writing) = (&self.live.calm, &self.live.calm_writing);
        let Some(newest) = self.live.newest.filter(|_| !calm.is_empty()) else { return Leading::default() };
        let counted = |value: f64, samples: Option<u64>| {
            let (source, age_seconds) = (Source::ServerCounters, age(self.at, newest));
            Observed { value: round(value), source, age_seconds, samples }
        };
        let p99 = |latency: &Latency| Some(counted(latency.percentile_ms(99.0)?, Some(latency.count())));
        let hours = writing.observed.as_secs_f64() / 3600.0;
        Leading {
            writer_utilisation_percent: lasting(calm, |period| period.utilisation)
                .map(|(share, _)| counted(share.min(1.0) * 100.0, None)),
            queue_wait_p99_ms: p99(&writing.queue_wait),
            // Minutes that were hardly looked at would make an hour of one wait.
            busy_waits_per_hour: Some(counted(writing.busy_waits as f64 / hours.max(1.0), None)),
            commit_p99_ms: p99(&writing.commit),
            checkpoint_lag_frames: Some(Observed {
                value: writing.checkpoint_lag_max,
                source: Source::ServerCounters,
                age_seconds: age(self.at, newest),
                samples: None,
            }),
        }
    }

    fn disk(&self) -> Disk {
        Disk {
            free_bytes: self.file.disk_free_bytes.map(|bytes| self.now(bytes, Source::Disk)),
            growth_bytes_per_day: self.growth_per_day().map(|growth| self.now(growth, Source::DatabaseFile)),
        }
    }

    /// Between the oldest check that is known and now.
    fn growth_per_day(&self) -> Option<f64> {
        let known = |check: &&super::StoredCheck| check.db_size.is_some();
        let oldest = self.checks.iter().rfind(known)?;
        let days = self.at.0.saturating_sub(oldest.checked_at.0) as f64 / DAY_MS;
        (days >= GROWTH_DAYS_MIN)
            .then(|| round((self.file.bytes as f64 - oldest.db_size.unwrap_or(0.0)) / days))
    }

    fn installation(&self) -> Installation {
        let calm = &self.live.calm;
        let server = self.server.as_ref();
        let busy = lasting(calm, |period| period.utilisation).map(|(_, period)| period);
        Installation {
            db: Some(self.file.path.display().to_string()),
            journal_mode: Some(self.file.journal_mode.to_lowercase()),
            channels: Some(self.channels.count),
            channels_without_retention: Some(self.channels.without_retention),
            largest_without_retention: self.channels.largest_without_retention,
            free_page_bytes: Some(self.file.free_bytes),
            workers: server.map(|server| server.workers),
            cores: server.map(|server| server.cores).filter(|cores| *cores > 0),
            cpu_percent: lasting(calm, |period| period.cpu_percent).map(|(cpu, _)| round(cpu)),
            servers: self.servers,
            queue_capacity: server.map(|server| server.queue_capacity),
            queue_refusals: self.live.newest.map(|_| self.queue_refusals()),
            updates_per_batch: busy.and_then(|period| period.updates_per_batch).map(round),
            longest_read_seconds: self.longest_read_seconds(),
        }
    }

    /// How long a read has been open at least: checkpoints that leave more and more of the log, minute by minute up to now, have
    /// met one that stays.
    fn longest_read_seconds(&self) -> Option<f64> {
        let lags: Vec<_> = self.live.calm.iter().map(|period| period.checkpoint_lag_max).collect();
        let rising = lags.windows(2).rev().take_while(|pair| pair[1] > pair[0]).count();
        Some(if rising + 1 >= LONG_READ_MINUTES_MIN { rising as f64 * 60.0 } else { 0.0 })
            .filter(|_| !lags.is_empty())
    }

    fn history(&self) -> BTreeMap<Measure, Vec<Past>> {
        let ago = |at: UtcMillis| self.at.0.saturating_sub(at.0) as f64 / DAY_MS;
        let of_days = |value: fn(&Slot) -> Option<f64>| -> Vec<Past> {
            let past = |slot: &Slot| Some(Past { days_ago: ago(slot.starts_at), value: value(slot)? });
            self.days.iter().filter_map(past).collect()
        };
        let of_runs = |value: fn(&RunOverview) -> Option<f64>| -> Vec<Past> {
            let valid = self.runs.iter().filter(|run| run.is_evidence());
            a_day_each(valid.filter_map(|run| Some((ago(run.started_at), value(run)?))))
        };
        let sizes = self.checks.iter().filter_map(|check| Some((ago(check.checked_at), check.db_size?)));
        let (p95, cv) = if self.run.is_some() {
            (of_runs(|run| run.p95_latency_ms), of_runs(|run| run.cv_latency))
        } else {
            (of_days(|day| day.p95_ms), of_days(|day| day.cv_percent))
        };
        BTreeMap::from([
            (Measure::Agents, of_days(|day| Some(day.active_agents_max as f64))),
            (Measure::P95, p95),
            (Measure::Cv, cv),
            (Measure::DbSize, a_day_each(sizes)),
            (Measure::Rps, of_days(|day| Some(day.requests_per_minute_max as f64 / 60.0))),
        ])
    }
}

/// The newest value of each day; they come newest first.
fn a_day_each(values: impl Iterator<Item = (f64, f64)>) -> Vec<Past> {
    let mut days: BTreeMap<i64, Past> = BTreeMap::new();
    for (days_ago, value) in values {
        days.entry(days_ago.floor() as i64).or_insert(Past { days_ago, value });
    }
    days.into_values().collect()
}

fn age(now: UtcMillis, then: UtcMillis) -> u64 {
    u64::try_from(now.0.saturating_sub(then.0) / 1000).unwrap_or(0)
}

fn of_run<T>(run: &Report, now: UtcMillis, value: T, samples: Option<u64>) -> Option<Observed<T>> {
    let ended = UtcMillis(run.timestamp.0.saturating_add((run.results.duration * 1000.0) as i64));
    Some(Observed { value, source: Source::Run { id: run.run_id? }, age_seconds: age(now, ended), samples })
}

/// A run's seconds. What was offered is what was asked for, where that does not change.
fn series_of_run(run: &Report) -> Option<Series> {
    let id = run.run_id?;
    let (first, second) = (run.series.first()?, run.series.get(1)?);
    let window_seconds = second.second.saturating_sub(first.second).max(1) as f64;
    let is_of_the_server = run.validity.verdict != Verdict::GeneratorLimited;
    let constant = run.config.ramp.is_none().then_some(run.config.target_rps).flatten();
    let window = |point: &SeriesPoint| {
        let offered_rps = constant.map_or(point.rps, f64::from);
        Some(Window { offered_rps, p95_ms: point.p95_latency_ms? })
    };
    is_of_the_server.then(|| Series {
        source: Source::Run { id },
        window_seconds,
        windows: run.series.iter().filter_map(window).collect(),
    })
}

/// What the server that was loaded said of itself.
fn leading_in_run(run: &Report, now: UtcMillis) -> Leading {
    let seconds = &run.server;
    if seconds.is_empty() {
        return Leading::default();
    }
    let observed = |value: f64| of_run(run, now, round(value), None);
    let mean = |value: fn(&ServerSecond) -> f64| {
        observed(seconds.iter().map(value).sum::<f64>() / seconds.len() as f64)
    };
    let p99 = |value: fn(&ServerSecond) -> f64| {
        let mut values: Vec<_> = seconds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let place = (values.len() as f64 * 0.99).ceil() as usize;
        observed(values.get(place.saturating_sub(1)).copied().unwrap_or(0.0))
    };
    let waits = seconds.iter().filter(|second| second.busy_wait_ms > 0.0).count();
    Leading {
        writer_utilisation_percent: mean(|second| second.writer_utilisation_percent),
        queue_wait_p99_ms: p99(|second| second.longest_queue_wait_ms),
        busy_waits_per_hour: observed(waits as f64 / seconds.len() as f64 * 3600.0).filter(|_| waits > 0),
        commit_p99_ms: p99(|second| second.longest_commit_ms),
        checkpoint_lag_frames: None,
    }
}
