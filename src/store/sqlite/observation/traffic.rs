//! Live traffic and the servers that met it, from what servers remember.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, Row};

use crate::domain::latency::Latency;
use crate::domain::metrics::{Purpose, Resolution, ServerPeriod};
use crate::domain::observation::{Calm, DAYS_MAX, Live, Slot, Stressed, Wanted};
use crate::domain::unit::UtcMillis;

const DAY_MS: i64 = 86_400_000;

/// Latencies of live requests by the start of their hour (within the window) and of their day.
#[derive(Default)]
struct Latencies {
    hours: BTreeMap<i64, Latency>,
    days: BTreeMap<i64, Latency>,
}

fn first_day(wanted: Wanted) -> i64 {
    Resolution::Day.start_of(UtcMillis(wanted.at.0.saturating_sub(DAYS_MAX * DAY_MS))).0
}

/// Distributions row by row: those of the window merged by the hour, and these by the day with what is older. Returns them, and
/// that of the whole window.
fn latencies(connection: &Connection, wanted: Wanted) -> rusqlite::Result<(Latencies, Latency)> {
    let mut statement = connection.prepare(
        "SELECT starts_at_ms, latency, route FROM request_metrics
         WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'live'",
    )?;
    let mut slots = Latencies::default();
    let mut rows = statement.query([first_day(wanted).min(wanted.since.0), wanted.at.0])?;
    while let Some(row) = rows.next()? {
        if Purpose::of_route(row.get_ref(2)?.as_str()?) != Purpose::Service {
            continue;
        }
        let starts_at = UtcMillis(row.get(0)?);
        let (slots, resolution) = if starts_at >= wanted.since {
            (&mut slots.hours, Resolution::Hour)
        } else {
            (&mut slots.days, Resolution::Day)
        };
        let slot = slots.entry(resolution.start_of(starts_at).0).or_insert_with(Latency::coarse);
        // One that somebody else has written over counts as empty.
        slot.merge_coarse_bytes(row.get_ref(1)?.as_blob()?);
    }
    let mut window = Latency::coarse();
    for (hour, latency) in &slots.hours {
        let day = Resolution::Day.start_of(UtcMillis(*hour)).0;
        slots.days.entry(day).or_insert_with(Latency::coarse).merge(latency);
        window.merge(latency);
    }
    Ok((slots, window))
}

/// The window, the days, and the hours of the window.
pub fn read(connection: &Connection, wanted: Wanted) -> rusqlite::Result<(Live, Vec<Slot>, Vec<Slot>)> {
    let (latencies, latency) = latencies(connection, wanted)?;
    let mut live = Live {
        answered: answered(connection, wanted)?,
        server_errors_beside_tests: server_errors_beside_tests(connection, wanted)?,
        latency,
        ..Live::default()
    };
    let (mut hours, mut days) = (BTreeMap::new(), BTreeMap::new());
    let mut statement = connection.prepare(
        "SELECT starts_at_ms, period_ms, live_requests, live_requests_per_minute_max, active_agents_max, lock_errors,
           observed_us, busy_us, batches, updates, busy_waits, checkpoint_lag_max, cpu_us, commit_latency, queue_wait,
           EXISTS (SELECT 1 FROM request_metrics requests WHERE requests.period_ms = server_metrics.period_ms
             AND requests.starts_at_ms = server_metrics.starts_at_ms AND traffic = 'stress') AS stressed
         FROM server_metrics WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2
         ORDER BY starts_at_ms",
    )?;
    // Of the rest only the counts are wanted: two distributions a minute are most of what there is to read.
    let mut period = ServerPeriod::default();
    let mut rows = statement.query([first_day(wanted).min(wanted.since.0), wanted.at.0])?;
    while let Some(row) = rows.next()? {
        let (starts_at, period_ms) = (UtcMillis(row.get(0)?), row.get::<_, i64>(1)?);
        period.live_requests = row.get(2)?;
        period.live_requests_per_minute_max = row.get(3)?;
        period.active_agents_max = row.get(4)?;
        add(&mut days, Resolution::Day, starts_at, &period);
        if starts_at < wanted.since {
            continue;
        }
        add(&mut hours, Resolution::Hour, starts_at, &period);
        let all = live.all.get_or_insert_default();
        all.live_requests = all.live_requests.saturating_add(period.live_requests);
        all.live_requests_per_minute_max =
            all.live_requests_per_minute_max.max(period.live_requests_per_minute_max);
        all.active_agents_max = all.active_agents_max.max(period.active_agents_max);
        live.newest = Some(UtcMillis(starts_at.0.saturating_add(period_ms).min(wanted.at.0)));
        let (length, lock_errors) = (Duration::from_millis(period_ms.unsigned_abs()), row.get::<_, u64>(5)?);
        if !row.get::<_, bool>("stressed")? {
            live.lock_errors = live.lock_errors.saturating_add(lock_errors);
            add_calm(&mut live, row, length)?;
            continue;
        }
        if period_ms > Resolution::Minute.period_ms() {
            live.lock_errors_mixed = live.lock_errors_mixed.saturating_add(lock_errors);
        }
        live.stressed.push(Stressed { starts_at, length });
    }
    Ok((live, with_latencies(days, &latencies.days), with_latencies(hours, &latencies.hours)))
}

/// Adds a period without a stress test.
fn add_calm(live: &mut Live, row: &Row<'_>, period: Duration) -> rusqlite::Result<()> {
    let time = |column: &str| row.get(column).map(Duration::from_micros);
    let (observed, busy, cpu) = (time("observed_us")?, time("busy_us")?, time("cpu_us")?);
    let (batches, updates): (u64, u64) = (row.get("batches")?, row.get("updates")?);
    let checkpoint_lag_max = row.get("checkpoint_lag_max")?;
    let all = &mut live.calm_writing;
    all.observed = all.observed.saturating_add(observed);
    all.busy = all.busy.saturating_add(busy);
    all.busy_waits = all.busy_waits.saturating_add(row.get("busy_waits")?);
    all.checkpoint_lag_max = all.checkpoint_lag_max.max(checkpoint_lag_max);
    all.commit.merge_coarse_bytes(row.get_ref("commit_latency")?.as_blob()?);
    all.queue_wait.merge_coarse_bytes(row.get_ref("queue_wait")?.as_blob()?);
    let length = observed.min(period);
    let share = |time: Duration, whole: Duration| {
        (whole > Duration::ZERO).then(|| time.as_secs_f64() / whole.as_secs_f64())
    };
    live.calm.push(Calm {
        length,
        utilisation: share(busy, observed),
        cpu_percent: share(cpu, length).map(|share| share * 100.0),
        updates_per_batch: (batches > 0).then(|| updates as f64 / batches as f64),
        checkpoint_lag_max,
    });
    Ok(())
}

fn add(slots: &mut BTreeMap<i64, Slot>, resolution: Resolution, at: UtcMillis, period: &ServerPeriod) {
    let starts_at = resolution.start_of(at);
    let slot = slots.entry(starts_at.0).or_insert_with(|| Slot { starts_at, ..Slot::default() });
    slot.requests = slot.requests.saturating_add(period.live_requests);
    slot.requests_per_minute_max = slot.requests_per_minute_max.max(period.live_requests_per_minute_max);
    slot.active_agents_max = slot.active_agents_max.max(period.active_agents_max);
}

fn with_latencies(slots: BTreeMap<i64, Slot>, latencies: &BTreeMap<i64, Latency>) -> Vec<Slot> {
    let with = |(starts_at, mut slot): (i64, Slot)| {
        if let Some(latency) = latencies.get(&starts_at).filter(|latency| latency.is_enough_for(95.0)) {
            slot.p95_ms = latency.percentile_ms(95.0);
            slot.cv_percent = latency.cv_percent();
        }
        slot
    };
    slots.into_iter().map(with).collect()
}

/// The start of the newest period of a server, by the primary key, one resolution after the other.
pub fn newest(connection: &Connection) -> rusqlite::Result<Option<UtcMillis>> {
    let newest = |resolution: Resolution| {
        connection
            .prepare_cached("SELECT max(starts_at_ms) FROM server_metrics WHERE period_ms = ?1")?
            .query_row([resolution.period_ms()], |row| row.get::<_, Option<i64>>(0))
    };
    let all = [Resolution::Minute, Resolution::Hour, Resolution::Day].map(newest);
    let all = all.into_iter().collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().max().map(UtcMillis))
}

/// Sums that would overflow stop at the largest number, as `sum()` does not.
fn answered(connection: &Connection, wanted: Wanted) -> rusqlite::Result<[u64; 5]> {
    connection
        .prepare(
            "SELECT CAST(total(status_1xx) AS INTEGER), CAST(total(status_2xx) AS INTEGER), CAST(total(status_3xx) AS INTEGER),
               CAST(total(status_4xx) AS INTEGER), CAST(total(status_5xx) AS INTEGER) FROM request_metrics
             WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'live'",
        )?
        .query_row([wanted.since.0, wanted.at.0], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
        })
}

/// Where it can be told that a stress test was going on: of minutes.
fn server_errors_beside_tests(connection: &Connection, wanted: Wanted) -> rusqlite::Result<u64> {
    connection
        .prepare(
            "SELECT CAST(total(status_5xx) AS INTEGER) FROM request_metrics
             WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'live'
               AND NOT (period_ms = 60000 AND starts_at_ms IN (SELECT starts_at_ms FROM request_metrics
                 WHERE period_ms = 60000 AND starts_at_ms BETWEEN ?1 AND ?2 AND traffic = 'stress'))",
        )?
        .query_row([wanted.since.0, wanted.at.0], |row| row.get(0))
}
