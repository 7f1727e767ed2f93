//! What a server remembers of itself: requests by route and traffic, and the work of its writer, minute by minute.
//!
//! Periods merge: counts and times add up, distributions are merged, peaks are the highest. What comes from a database may be
//! anything: sums stop at the largest number.

use std::borrow::Cow;
use std::ops::AddAssign;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::fault::Fault;
use super::latency::Latency;
use super::unit::UtcMillis;

/// Who sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// Devices, readers, people.
    Live,
    /// A stress test: requests that carry `X-Porta-Run`.
    Stress,
}

impl Traffic {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Stress];

    /// `live` or `stress`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stress => "stress",
        }
    }
}

/// What a route is there for, which decides what its requests say of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Devices, readers and agents: what the server has to be fast enough for.
    Service,
    /// The same, but an answer takes as long as an agent's command.
    Commands,
    /// Pages, what administrators' scripts ask for, and whoever watches the server; and what no route is for, as browsers ask for
    /// it by themselves.
    Administration,
}

impl Purpose {
    /// That of a path of the table of routes.
    pub fn of(path: &str) -> Self {
        match path.split(['/', '[']).nth(1) {
            _ if matches!(path, "/run_bash" | "/agent/pipeline") => Self::Commands,
            Some("update" | "channels" | "agent" | "meta" | "public_url") => Self::Service,
            _ => Self::Administration,
        }
    }

    /// That of a route by its name, as `GET /channels/{channel}/feeds`.
    pub fn of_route(name: &str) -> Self {
        Self::of(name.split_once(' ').map_or("", |(_, path)| path))
    }
}

/// The length of a period. Older ones are merged into longer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// A minute, for [`Resolution::kept_ms`] a day.
    Minute,
    /// An hour, for 30 days.
    Hour,
    /// A day, for two years.
    Day,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Resolution {
    /// Milliseconds of a period.
    pub fn period_ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// Milliseconds that periods of this length are kept.
    pub fn kept_ms(self) -> i64 {
        match self {
            Self::Minute => DAY_MS,
            Self::Hour => 30 * DAY_MS,
            Self::Day => 730 * DAY_MS,
        }
    }

    /// What periods of this length become when they are old; `None` where they are deleted.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// The start of the period that `at` lies in.
    pub fn start_of(self, at: UtcMillis) -> UtcMillis {
        UtcMillis(at.0.saturating_sub(at.0.rem_euclid(self.period_ms())))
    }
}

/// What came of the requests to a route.
#[derive(Clone, Debug)]
pub struct Requests {
    /// Answers by the first digit of their status: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub answered: [u64; 5],
    /// Requests whose client went away before the answer.
    pub gone: u64,
    /// From the head of a request to the head of its answer.
    pub latency: Latency,
}

impl Default for Requests {
    fn default() -> Self {
        Self { answered: [0; 5], gone: 0, latency: Latency::coarse() }
    }
}

impl Requests {
    /// Adds a request. `status` is `None` when its client went away before the answer.
    pub fn record(&mut self, status: Option<u16>, latency: Duration) {
        match status.and_then(|status| self.answered.get_mut(usize::from(status / 100).wrapping_sub(1))) {
            Some(count) => *count += 1,
            None => self.gone += 1,
        }
        self.latency.record(latency);
    }

    /// Requests in all.
    pub fn count(&self) -> u64 {
        self.answered.iter().fold(self.gone, |sum, count| sum.saturating_add(*count))
    }
}

impl AddAssign<&Self> for Requests {
    fn add_assign(&mut self, other: &Self) {
        for (mine, theirs) in self.answered.iter_mut().zip(other.answered) {
            *mine = mine.saturating_add(theirs);
        }
        self.gone = self.gone.saturating_add(other.gone);
        self.latency.merge(&other.latency);
    }
}

/// What the writer has done in a while.
#[derive(Clone, Debug)]
pub struct Writing {
    /// How long it was looked at.
    pub observed: Duration,
    /// How long of that it was not waiting for work.
    pub busy: Duration,
    /// Transactions with updates in them.
    pub batches: u64,
    /// Updates in them.
    pub updates: u64,
    /// Updates in the largest of them.
    pub batch_updates_max: u64,
    /// How long `COMMIT` took.
    pub commit: Latency,
    /// How long updates waited for their transaction to begin.
    pub queue_wait: Latency,
    /// Times that another process held the database.
    pub busy_waits: u64,
    /// How long that took.
    pub busy_waited: Duration,
    /// Transactions that were given up because it did not let go.
    pub lock_errors: u64,
    /// Checkpoints that were made, or tried.
    pub checkpoints: u64,
    /// How long they took.
    pub checkpointing: Duration,
    /// Frames in the write-ahead log, at most.
    pub wal_frames_max: u64,
    /// Frames that a checkpoint had to leave in the log, at most.
    pub checkpoint_lag_max: u64,
    /// Faults that have begun, in the order of [`Fault::ALL`]. They are kept as incidents.
    pub faults: [u64; Fault::ALL.len()],
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            observed: Duration::ZERO,
            busy: Duration::ZERO,
            batches: 0,
            updates: 0,
            batch_updates_max: 0,
            commit: Latency::coarse(),
            queue_wait: Latency::coarse(),
            busy_waits: 0,
            busy_waited: Duration::ZERO,
            lock_errors: 0,
            checkpoints: 0,
            checkpointing: Duration::ZERO,
            wal_frames_max: 0,
            checkpoint_lag_max: 0,
            faults: [0; Fault::ALL.len()],
        }
    }
}

impl Writing {
    /// The share of the time, 0 to 1, that the writer was at work; `None` when it was not looked at.
    pub fn utilisation(&self) -> Option<f64> {
        (self.observed > Duration::ZERO).then(|| self.busy.as_secs_f64() / self.observed.as_secs_f64())
    }
}

impl AddAssign<&Self> for Writing {
    fn add_assign(&mut self, other: &Self) {
        self.observed = self.observed.saturating_add(other.observed);
        self.busy = self.busy.saturating_add(other.busy);
        self.batches = self.batches.saturating_add(other.batches);
        self.updates = self.updates.saturating_add(other.updates);
        self.batch_updates_max = self.batch_updates_max.max(other.batch_updates_max);
        self.commit.merge(&other.commit);
        self.queue_wait.merge(&other.queue_wait);
        self.busy_waits = self.busy_waits.saturating_add(other.busy_waits);
        self.busy_waited = self.busy_waited.saturating_add(other.busy_waited);
        self.lock_errors = self.lock_errors.saturating_add(other.lock_errors);
        self.checkpoints = self.checkpoints.saturating_add(other.checkpoints);
        self.checkpointing = self.checkpointing.saturating_add(other.checkpointing);
        self.wal_frames_max = self.wal_frames_max.max(other.wal_frames_max);
        self.checkpoint_lag_max = self.checkpoint_lag_max.max(other.checkpoint_lag_max);
        for (mine, theirs) in self.faults.iter_mut().zip(other.faults) {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// What a process used in a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory in bytes, at most.
    pub memory_bytes_max: u64,
}

impl AddAssign<&Self> for Usage {
    fn add_assign(&mut self, other: &Self) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.memory_bytes_max = self.memory_bytes_max.max(other.memory_bytes_max);
    }
}

/// A period of a server, or of several on one database.
#[derive(Clone, Debug, Default)]
pub struct ServerPeriod {
    /// Live requests of devices, readers and agents.
    pub live_requests: u64,
    /// The same in the busiest minute.
    pub live_requests_per_minute_max: u64,
    /// Agents that were active at a time, at most.
    pub active_agents_max: u64,
    /// The writers.
    pub writing: Writing,
    /// The processes.
    pub usage: Usage,
}

impl ServerPeriod {
    /// Adds what another server, or the same one a little later, did in the same minute.
    pub fn add_same_minute(&mut self, other: &Self) {
        self.add(other);
        self.live_requests_per_minute_max = self.live_requests;
    }

    /// Adds a shorter period that lies within this one.
    pub fn add_part(&mut self, part: &Self) {
        self.add(part);
        self.live_requests_per_minute_max =
            self.live_requests_per_minute_max.max(part.live_requests_per_minute_max);
    }

    fn add(&mut self, other: &Self) {
        self.live_requests = self.live_requests.saturating_add(other.live_requests);
        self.active_agents_max = self.active_agents_max.max(other.active_agents_max);
        self.writing += &other.writing;
        self.usage += &other.usage;
    }
}

/// Requests to a route in a period.
#[derive(Clone, Debug)]
pub struct RoutePeriod {
    /// Method and path, as `GET /channels/{channel}/feeds`.
    pub route: String,
    /// Who sent them.
    pub traffic: Traffic,
    /// What came of them.
    pub requests: Requests,
}

/// Something that went wrong, how often, and when: so that nobody has to search a log for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Incident {
    /// What kind of thing.
    pub kind: IncidentKind,
    /// Its cause, one word of a fixed set.
    pub cause: Cow<'static, str>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: UtcMillis,
    /// The last time.
    pub last_at: UtcMillis,
}

/// Kinds of incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// An answer with a status from 500.
    ServerError,
    /// A transaction that was given up because another process held the database.
    LockError,
    /// The database could not be written or read.
    Fault,
}

impl IncidentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ServerError, Self::LockError, Self::Fault];

    /// `server_error`, as it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerError => "server_error",
            Self::LockError => "lock_error",
            Self::Fault => "fault",
        }
    }
}

/// What a server has to remember, a little at a time.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The minute that it is about.
    pub minute: UtcMillis,
    /// By route and traffic.
    pub routes: Vec<RoutePeriod>,
    /// The server.
    pub server: ServerPeriod,
    /// What went wrong.
    pub incidents: Vec<Incident>,
}

/// What has been remembered of a time, in one.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By route and traffic.
    pub routes: Vec<RoutePeriod>,
    /// The servers.
    pub server: ServerPeriod,
    /// What went wrong, ever.
    pub incidents: Vec<Incident>,
}

/// What has been remembered, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By route and traffic.
    pub routes: Vec<(Resolution, UtcMillis, RoutePeriod)>,
    /// The servers.
    pub server: Vec<(Resolution, UtcMillis, ServerPeriod)>,
    /// What went wrong, ever.
    pub incidents: Vec<Incident>,
}
