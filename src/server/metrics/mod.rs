//! What the server counts: each worker thread for itself, so that counting costs nothing that can be measured. Once a
//! second the threads' tallies are gathered, and what is gathered goes to the database.

pub mod exposition;
pub mod keeper;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::routes::{OTHER, ROUTES, Route};
use crate::clock;
use crate::domain::metrics::{
    Incident, IncidentKind, Purpose, Record, Requests, Resolution, RoutePeriod, ServerPeriod, Traffic, Usage,
    Writing,
};
use crate::domain::unit::UtcMillis;

/// Minutes that can wait to be stored. While the database takes nothing the oldest are forgotten.
const MINUTES_WAITING_MAX: usize = 10;
/// A route and a kind of traffic.
const CELLS: usize = (OTHER + 1) * Traffic::ALL.len();

/// By [`cell`]; only for what was asked for.
type Tally = [Option<Box<Requests>>; CELLS];

thread_local! {
    static TALLY: RefCell<Option<Arc<Mutex<Tally>>>> = const { RefCell::new(None) };
}

/// What a server counts.
pub struct Metrics {
    tallies: Mutex<Vec<Arc<Mutex<Tally>>>>,
    names: Vec<String>,
    gathered: Mutex<Gathered>,
}

struct Gathered {
    /// Since the start.
    totals: Totals,
    /// Not stored yet, by minute.
    waiting: BTreeMap<UtcMillis, Waiting>,
}

/// Since the start of the server.
#[derive(Clone)]
pub struct Totals {
    /// By [`cell`].
    cells: Tally,
    /// The writer, with the highest of late for what has a maximum.
    pub writing: Writing,
    /// The longest of late.
    pub longest: Longest,
    /// The process, as of the last gathering.
    pub usage: Usage,
    /// What went wrong.
    pub incidents: Incidents,
}

/// What took longest between the last two gatherings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Longest {
    /// A commit.
    pub commit: Duration,
    /// An update's wait for its transaction to begin.
    pub queue_wait: Duration,
}

impl From<&Writing> for Longest {
    fn from(writing: &Writing) -> Self {
        Self { commit: writing.commit.max(), queue_wait: writing.queue_wait.max() }
    }
}

/// What went wrong, by kind and cause.
pub type Incidents = BTreeMap<(IncidentKind, &'static str), Times>;

/// How often, and when.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How often.
    pub count: u64,
    first_at: UtcMillis,
    last_at: UtcMillis,
}

struct Waiting {
    cells: Tally,
    server: ServerPeriod,
    incidents: Incidents,
}

fn empty() -> Tally {
    [const { None }; CELLS]
}

fn cell(route: usize, traffic: Traffic) -> usize {
    route.min(OTHER) * Traffic::ALL.len() + usize::from(traffic == Traffic::Stress)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(sum: &mut Tally, part: &Tally) {
    for (sum, part) in sum.iter_mut().zip(part) {
        if let Some(part) = part {
            **sum.get_or_insert_default() += part;
        }
    }
}

fn add_incidents(sum: &mut Incidents, part: &Incidents) {
    for (key, part) in part {
        let sum = sum.entry(*key).or_insert(Times { count: 0, ..*part });
        sum.count += part.count;
        sum.first_at = sum.first_at.min(part.first_at);
        sum.last_at = sum.last_at.max(part.last_at);
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let names = ROUTES.iter().map(Route::name).chain(["other".to_owned()]).collect();
        let totals = Totals {
            cells: empty(),
            writing: Writing::default(),
            longest: Longest::default(),
            usage: Usage::default(),
            incidents: Incidents::new(),
        };
        let gathered = Gathered { totals, waiting: BTreeMap::new() };
        Self { tallies: Mutex::new(Vec::new()), names, gathered: Mutex::new(gathered) }
    }

    /// Names of the routes by their place in [`ROUTES`], and of everything else.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Lets the calling thread count.
    pub fn count_on_this_thread(&self) {
        let tally = Arc::new(Mutex::new(empty()));
        locked(&self.tallies).push(Arc::clone(&tally));
        TALLY.set(Some(tally));
    }

    /// Counts a request to the route at a place of [`ROUTES`], or another. `status` is `None` when its client went away.
    pub fn record(&self, route: usize, traffic: Traffic, status: Option<u16>, took: Duration) {
        TALLY.with_borrow(|tally| {
            // Nobody else wants it but once a second.
            if let Some(tally) = tally {
                locked(tally)[cell(route, traffic)].get_or_insert_default().record(status, took);
            }
        });
    }

    /// Counts an answer with a status from 500.
    pub fn count_error(&self, cause: &'static str) {
        self.count(IncidentKind::ServerError, cause, 1);
    }

    /// Counts something that went wrong.
    pub fn count(&self, kind: IncidentKind, cause: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        let now = clock::utc();
        let part = Incidents::from([((kind, cause), Times { count, first_at: now, last_at: now })]);
        let mut gathered = locked(&self.gathered);
        add_incidents(&mut gathered.totals.incidents, &part);
        add_incidents(&mut gathered.waiting(now).incidents, &part);
    }

    /// Gathers what the threads have counted, as of the minute of `now`.
    fn gather(&self, now: UtcMillis) -> MutexGuard<'_, Gathered> {
        let mut cells = empty();
        for tally in locked(&self.tallies).iter() {
            let taken = std::mem::replace(&mut *locked(tally), empty());
            add(&mut cells, &taken);
        }
        let mut gathered = locked(&self.gathered);
        if cells.iter().any(Option::is_some) {
            add(&mut gathered.totals.cells, &cells);
            let waiting = gathered.waiting(now);
            add(&mut waiting.cells, &cells);
            let live = cells.iter().step_by(Traffic::ALL.len()).zip(ROUTES);
            let live = live.filter(|(_, route)| route.purpose() != Purpose::Administration);
            waiting.server.add_same_minute(&ServerPeriod {
                live_requests: live.filter_map(|(requests, _)| requests.as_ref()).map(|it| it.count()).sum(),
                ..ServerPeriod::default()
            });
        }
        gathered
    }

    /// Gathers what the threads have counted, the writer has done and the process has used, as of the minute of `now`.
    fn gather_all(&self, now: UtcMillis, writing: Writing, usage: Usage) {
        let mut gathered = self.gather(now);
        let totals = &mut gathered.totals;
        // What has a maximum is a gauge here: of late.
        totals.writing.batch_updates_max = 0;
        totals.writing.wal_frames_max = 0;
        totals.writing.checkpoint_lag_max = 0;
        totals.longest = Longest::default();
        totals.add(&writing);
        totals.usage.cpu += usage.cpu;
        totals.usage.memory_bytes_max = usage.memory_bytes_max;
        let server = &mut gathered.waiting(now).server;
        server.add_same_minute(&ServerPeriod { writing, usage, ..ServerPeriod::default() });
    }

    /// Adds what the writer has done since it was last asked, as of the minute of `now`, so that whoever reads the totals
    /// more often than they are gathered sees them as they are. Peaks of the last gathering stay.
    pub fn add_writing(&self, now: UtcMillis, writing: Writing) {
        let mut gathered = self.gather(now);
        gathered.totals.add(&writing);
        gathered.waiting(now).server.add_same_minute(&ServerPeriod { writing, ..ServerPeriod::default() });
    }

    /// Notes how many agents are active at a time.
    fn note_active_agents(&self, now: UtcMillis, active: u64) {
        if active > 0 {
            let period = ServerPeriod { active_agents_max: active, ..ServerPeriod::default() };
            locked(&self.gathered).waiting(now).server.add_same_minute(&period);
        }
    }

    /// Since the start of the server.
    pub fn totals(&self) -> Totals {
        self.gather(clock::utc()).totals.clone()
    }

    /// Takes what waits to be stored, by minute. What could not be stored is to be put back.
    fn take_waiting(&self) -> BTreeMap<UtcMillis, Waiting> {
        std::mem::take(&mut locked(&self.gathered).waiting)
    }

    /// The same, but for a minute that is not over yet and in which nothing was asked for: an idle server need not wake its
    /// disk that often.
    fn take_due(&self, now: UtcMillis) -> BTreeMap<UtcMillis, Waiting> {
        let minute = Resolution::Minute.start_of(now);
        let mut gathered = locked(&self.gathered);
        let idle =
            |waiting: &Waiting| waiting.cells.iter().all(Option::is_none) && waiting.incidents.is_empty();
        let current = gathered.waiting.remove(&minute);
        let mut due = std::mem::take(&mut gathered.waiting);
        if let Some(current) = current {
            let waits = if idle(&current) { &mut gathered.waiting } else { &mut due };
            waits.insert(minute, current);
        }
        due
    }

    fn put_back(&self, minute: UtcMillis, part: &Waiting) {
        let mut gathered = locked(&self.gathered);
        let waiting = gathered.waiting(minute);
        add(&mut waiting.cells, &part.cells);
        waiting.server.add_same_minute(&part.server);
        add_incidents(&mut waiting.incidents, &part.incidents);
    }

    fn as_record(&self, minute: UtcMillis, waiting: &Waiting) -> Record {
        let routes = named(&self.names, &waiting.cells)
            .map(|(route, traffic, requests)| RoutePeriod {
                route: route.to_owned(),
                traffic,
                requests: requests.clone(),
            })
            .collect();
        let incidents = waiting.incidents.iter().map(|((kind, cause), times)| Incident {
            kind: *kind,
            cause: (*cause).into(),
            count: times.count,
            first_at: times.first_at,
            last_at: times.last_at,
        });
        Record { minute, routes, server: waiting.server.clone(), incidents: incidents.collect() }
    }
}

/// What of a tally is not empty, by name of the route.
fn named<'t>(
    names: &'t [String],
    cells: &'t Tally,
) -> impl Iterator<Item = (&'t str, Traffic, &'t Requests)> {
    cells.iter().enumerate().filter_map(|(cell, requests)| {
        let traffic = Traffic::ALL[cell % Traffic::ALL.len()];
        Some((names[cell / Traffic::ALL.len()].as_str(), traffic, requests.as_deref()?))
    })
}

impl Totals {
    fn add(&mut self, writing: &Writing) {
        let longest = Longest::from(writing);
        self.writing += writing;
        self.longest.commit = self.longest.commit.max(longest.commit);
        self.longest.queue_wait = self.longest.queue_wait.max(longest.queue_wait);
    }
}

impl Gathered {
    fn waiting(&mut self, at: UtcMillis) -> &mut Waiting {
        let minute = Resolution::Minute.start_of(at);
        while self.waiting.len() >= MINUTES_WAITING_MAX && !self.waiting.contains_key(&minute) {
            self.waiting.pop_first();
        }
        self.waiting.entry(minute).or_insert_with(|| Waiting {
            cells: empty(),
            server: ServerPeriod::default(),
            incidents: Incidents::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn threads_are_gathered_by_route_and_traffic() {
        let metrics = Arc::new(Metrics::new());
        for traffic in [Traffic::Live, Traffic::Live, Traffic::Stress] {
            let metrics = Arc::clone(&metrics);
            let counting = std::thread::spawn(move || {
                metrics.count_on_this_thread();
                metrics.record(0, traffic, Some(200), Duration::from_millis(1));
                metrics.record(0, traffic, None, Duration::from_millis(1));
            });
            counting.join().expect("a thread");
        }
        metrics.gather_all(UtcMillis(MINUTE + 1), Writing::default(), Usage::default());
        let waiting = metrics.take_waiting();
        assert_eq!(waiting.keys().collect::<Vec<_>>(), [&UtcMillis(MINUTE)]);
        let record = metrics.as_record(UtcMillis(MINUTE), &waiting[&UtcMillis(MINUTE)]);
        let counts =
            |period: &RoutePeriod| (period.traffic, period.requests.answered[1], period.requests.gone);
        assert_eq!(
            record.routes.iter().map(counts).collect::<Vec<_>>(),
            [(Traffic::Live, 2, 2), (Traffic::Stress, 1, 1)]
        );
        assert_eq!(record.routes[0].route, ROUTES[0].name());
        assert_eq!((record.server.live_requests, record.server.live_requests_per_minute_max), (4, 4));
    }

    #[test]
    fn what_people_look_at_is_no_load_of_devices() {
        let metrics = Metrics::new();
        metrics.count_on_this_thread();
        let place = |path: &str| ROUTES.iter().position(|route| route.path == path).expect("a route");
        for path in ["/admin", "/static/{file}", "/api/admin/criteria", "/metrics", "/"] {
            metrics.record(place(path), Traffic::Live, Some(200), Duration::ZERO);
        }
        metrics.record(OTHER, Traffic::Live, Some(404), Duration::ZERO);
        for path in ["/update[.json|.xml]", "/channels/{channel}", "/agent/status", "/run_bash"] {
            metrics.record(place(path), Traffic::Live, Some(200), Duration::ZERO);
        }
        metrics.gather_all(UtcMillis(MINUTE), Writing::default(), Usage::default());
        let waiting = metrics.take_waiting();
        let record = metrics.as_record(UtcMillis(MINUTE), &waiting[&UtcMillis(MINUTE)]);
        assert_eq!((record.server.live_requests, record.routes.len()), (4, 10));
    }

    #[test]
    fn what_could_not_be_stored_waits_with_what_comes_and_no_longer_than_it_may() {
        let metrics = Metrics::new();
        metrics.count_on_this_thread();
        for minute in 0..MINUTES_WAITING_MAX as i64 + 3 {
            metrics.record(1, Traffic::Live, Some(503), Duration::ZERO);
            metrics.gather_all(UtcMillis(minute * MINUTE), Writing::default(), Usage::default());
            for (minute, part) in metrics.take_waiting() {
                metrics.put_back(minute, &part);
            }
        }
        let waiting = metrics.take_waiting();
        assert_eq!(waiting.len(), MINUTES_WAITING_MAX);
        assert_eq!(waiting.keys().next(), Some(&UtcMillis(3 * MINUTE)), "the oldest are forgotten");
        let counted =
            |waiting: &Waiting| waiting.cells.iter().flatten().map(|requests| requests.count()).sum();
        assert_eq!(waiting.values().map(counted).collect::<Vec<u64>>(), [1; MINUTES_WAITING_MAX]);
        let total = metrics.totals().cells.iter().flatten().map(|requests| requests.answered[4]).sum::<u64>();
        assert_eq!(total, MINUTES_WAITING_MAX as u64 + 3, "totals forget nothing");
    }

    #[test]
    fn a_minute_without_requests_waits_until_it_is_over() {
        let metrics = Metrics::new();
        metrics.count_on_this_thread();
        let gather = |now: i64| metrics.gather_all(UtcMillis(now), Writing::default(), Usage::default());
        gather(MINUTE);
        assert!(metrics.take_due(UtcMillis(MINUTE + 1)).is_empty());
        gather(2 * MINUTE);
        metrics.record(0, Traffic::Live, Some(200), Duration::ZERO);
        let over = metrics.take_due(UtcMillis(2 * MINUTE + 1));
        assert_eq!(over.into_keys().collect::<Vec<_>>(), [UtcMillis(MINUTE)]);
        gather(2 * MINUTE + 1);
        let asked = metrics.take_due(UtcMillis(2 * MINUTE + 1));
        assert_eq!(asked.into_keys().collect::<Vec<_>>(), [UtcMillis(2 * MINUTE)]);
    }
}
