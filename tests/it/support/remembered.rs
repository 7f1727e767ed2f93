//! Databases with a past: what servers would have remembered of hours and days.

use std::sync::Arc;
use std::time::Duration;

use porta::clock;
use porta::domain::metrics::{
    Incident, IncidentKind, Record, Requests, RoutePeriod, ServerPeriod, Traffic, Writing,
};
use porta::domain::unit::UtcMillis;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{MetricsStore as _, Store as _};

use super::Workspace;

pub const MINUTE: i64 = 60_000;

/// What a minute was like.
#[derive(Clone, Copy)]
pub struct Minute {
    /// How many minutes ago.
    pub ago: i64,
    pub traffic: Traffic,
    pub route: &'static str,
    pub requests: u64,
    pub status: u16,
    /// Of all requests but one in twenty.
    pub usual: Duration,
    /// Of one in twenty.
    pub slow: Duration,
    pub agents: u64,
    /// The share of the time that the writer was at work.
    pub utilisation: f64,
    pub lock_errors: u64,
    /// Updates that were refused because the queue was full.
    pub queue_refusals: u64,
    pub checkpoint_lag: u64,
}

impl Minute {
    pub const QUIET: Self = Self {
        ago: 10,
        traffic: Traffic::Live,
        route: "POST /update",
        requests: 600,
        status: 200,
        usual: Duration::from_millis(1),
        slow: Duration::from_millis(1),
        agents: 1,
        utilisation: 0.01,
        lock_errors: 0,
        queue_refusals: 0,
        checkpoint_lag: 0,
    };

    /// So many minutes that are like this one: itself, and those before it.
    pub fn repeated(self, count: i64) -> Vec<Self> {
        (0..count).map(|before| Self { ago: self.ago + before, ..self }).collect()
    }

    fn incidents(&self, at: UtcMillis) -> Vec<Incident> {
        let incident = |kind, cause: &'static str, count| {
            (count > 0).then(|| Incident { kind, cause: cause.into(), count, first_at: at, last_at: at })
        };
        let lock_errors = incident(IncidentKind::LockError, "writer", self.lock_errors);
        let refusals = incident(IncidentKind::ServerError, "queue", self.queue_refusals);
        lock_errors.into_iter().chain(refusals).collect()
    }

    fn record(&self) -> Record {
        let at = UtcMillis(clock::utc().0 - self.ago * MINUTE);
        let mut requests = Requests::default();
        for number in 0..self.requests {
            let latency = if number % 20 == 0 { self.slow } else { self.usual };
            requests.record(Some(self.status), latency);
        }
        let writing = Writing {
            observed: Duration::from_secs(60),
            busy: Duration::from_secs_f64(60.0 * self.utilisation),
            lock_errors: self.lock_errors,
            checkpoint_lag_max: self.checkpoint_lag,
            ..Writing::default()
        };
        let live = if self.traffic == Traffic::Live { self.requests } else { 0 };
        Record {
            minute: UtcMillis(at.0 - at.0.rem_euclid(MINUTE)),
            routes: vec![RoutePeriod { route: self.route.into(), traffic: self.traffic, requests }],
            server: ServerPeriod {
                live_requests: live,
                active_agents_max: self.agents,
                writing,
                ..ServerPeriod::default()
            },
            incidents: self.incidents(at),
        }
    }
}

/// A database that remembers these minutes.
pub fn database(minutes: &[Minute]) -> Workspace {
    let workspace = Workspace::new();
    migrate::prepare(&workspace.db()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap();
        for minute in minutes {
            store.record(Arc::new(minute.record())).await.unwrap();
        }
        store.close().await.unwrap();
    });
    workspace
}
