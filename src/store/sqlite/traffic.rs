//! What servers were asked: over time, by route, or both at once. Distributions are merged row by row from their bytes: there can be
//! thousands, of 30 kB each.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::metrics;
use crate::domain::metrics::{Purpose, Requests, RoutePeriod, Summary, Traffic};
use crate::domain::traffic::{Slot, Span};
use crate::domain::unit::UtcMillis;

/// The slots in which a server was there, the oldest first.
pub fn slots(connection: &Connection, span: Span) -> rusqlite::Result<Vec<Slot>> {
    let mut slots = Slots::new(connection, span)?;
    each_period(connection, span.from, |period| slots.add(period))?;
    Ok(slots.into_slots())
}

/// All periods that begin at `since` or later in one.
pub fn summary(connection: &Connection, since: UtcMillis) -> rusqlite::Result<Summary> {
    let mut routes = Routes::default();
    each_period(connection, since, |period| routes.add(period))?;
    routes.into_summary(connection, since)
}

/// Both of a span.
pub fn summary_and_slots(connection: &Connection, span: Span) -> rusqlite::Result<(Summary, Vec<Slot>)> {
    let (mut routes, mut slots) = (Routes::default(), Slots::new(connection, span)?);
    each_period(connection, span.from, |period| {
        routes.add(period);
        slots.add(period);
    })?;
    Ok((routes.into_summary(connection, span.from)?, slots.into_slots()))
}

/// Requests to a route in a period, as they stand in the database.
struct Period<'r> {
    starts_at: UtcMillis,
    route: &'r str,
    traffic: Traffic,
    answered: [u64; 5],
    gone: u64,
    /// One that somebody else has written over counts as empty.
    latency: &'r [u8],
}

impl<'r> Period<'r> {
    fn of(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        let mut answered = [0; 5];
        for (place, count) in answered.iter_mut().enumerate() {
            *count = row.get(3 + place)?;
        }
        Ok(Self {
            starts_at: UtcMillis(row.get(0)?),
            route: row.get_ref(1)?.as_str()?,
            traffic: metrics::traffic_of(row.get_ref(2)?.as_str()?),
            answered,
            gone: row.get(8)?,
            latency: row.get_ref(9)?.as_blob()?,
        })
    }
}

/// Sums by route.
#[derive(Default)]
struct Routes(BTreeMap<(String, Traffic), Requests>);

impl Routes {
    fn add(&mut self, period: &Period<'_>) {
        let sum = self.0.entry((period.route.to_owned(), period.traffic)).or_default();
        for (sum, count) in sum.answered.iter_mut().zip(period.answered) {
            *sum = sum.saturating_add(count);
        }
        sum.gone = sum.gone.saturating_add(period.gone);
        sum.latency.merge_coarse_bytes(period.latency);
    }

    fn into_summary(self, connection: &Connection, since: UtcMillis) -> rusqlite::Result<Summary> {
        let period = |((route, traffic), requests)| RoutePeriod { route, traffic, requests };
        Ok(Summary {
            routes: self.0.into_iter().map(period).collect(),
            server: metrics::servers(connection, since)?,
            incidents: metrics::incidents(connection)?,
        })
    }
}

/// Sums by time.
struct Slots {
    span: Span,
    slots: BTreeMap<i64, Slot>,
}

impl Slots {
    /// Empty ones, where a server was there: as long as its periods are.
    fn new(connection: &Connection, span: Span) -> rusqlite::Result<Self> {
        let mut slots: BTreeMap<i64, Slot> = BTreeMap::new();
        let mut statement = connection.prepare_cached(
            "SELECT starts_at_ms, period_ms FROM server_metrics
             WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms >= ?1 AND starts_at_ms < ?2",
        )?;
        let mut rows = statement.query(params![span.from.0, span.to.0])?;
        while let Some(row) = rows.next()? {
            let (starts_at, period_ms) = (UtcMillis(row.get(0)?), row.get::<_, i64>(1)?);
            let start = span.start_of(starts_at);
            let ends_at = starts_at.0.saturating_add(period_ms).min(span.to.0);
            let seconds = (ends_at - starts_at.0).max(0) as f64 / 1000.0;
            slots.entry(start.0).or_insert_with(|| Slot::new(start, 0.0)).seconds += seconds;
        }
        Ok(Self { span, slots })
    }

    fn add(&mut self, period: &Period<'_>) {
        if period.starts_at >= self.span.to {
            return;
        }
        // Requests without a server cannot be: somebody has deleted its row.
        let Some(slot) = self.slots.get_mut(&self.span.start_of(period.starts_at).0) else { return };
        let asked = if period.traffic == Traffic::Stress { &mut slot.stress } else { &mut slot.live };
        let requests = period.answered.iter().fold(period.gone, |sum, count| sum.saturating_add(*count));
        asked.requests = asked.requests.saturating_add(requests);
        asked.server_errors = asked.server_errors.saturating_add(period.answered[4]);
        if Purpose::of_route(period.route) == Purpose::Service {
            asked.latency.merge_coarse_bytes(period.latency);
        }
    }

    fn into_slots(self) -> Vec<Slot> {
        self.slots.into_values().collect()
    }
}

fn each_period(
    connection: &Connection,
    since: UtcMillis,
    mut take: impl FnMut(&Period<'_>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT starts_at_ms, route, traffic, status_1xx, status_2xx, status_3xx, status_4xx, status_5xx, gone, latency
         FROM request_metrics WHERE period_ms IN (60000, 3600000, 86400000) AND starts_at_ms >= ?1",
    )?;
    let mut rows = statement.query([since.0])?;
    while let Some(row) = rows.next()? {
        take(&Period::of(row)?);
    }
    Ok(())
}
