//! What is read of an installation, in one moment, to judge it by.

mod beside_tests;
mod calm;
mod evidence;
mod facts;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

pub use self::beside_tests::Stressed;
pub use self::calm::Calm;
use super::criteria::verdict::{Rung, Verdict};
use super::id::RunId;
use super::latency::Latency;
use super::metrics::{Incident, ServerPeriod, Writing};
use super::report::Report;
use super::run::RunOverview;
use super::unit::UtcMillis;

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The moment.
    pub at: UtcMillis,
    /// Since when live traffic counts.
    pub since: UtcMillis,
    /// The stress run that p95 and CV come from, whatever it came to and however old it is. `None` for the latest valid one that
    /// went to its end and can be read, and where there is none for live traffic.
    pub run: Option<RunId>,
    /// Since when such a run counts that was not asked for.
    pub runs_since: UtcMillis,
    /// Checks that are read, the newest ones.
    pub checks: u32,
}

/// An installation as its database and the disk show it.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When it was read.
    pub at: UtcMillis,
    /// Since when live traffic counts.
    pub since: UtcMillis,
    /// Agents that are active: seen by other than stress tests within the server's window.
    pub active_agents: u64,
    /// The window of live traffic.
    pub live: Live,
    /// What went wrong, ever.
    pub incidents: Vec<Incident>,
    /// The stress run that counts: the one that was asked for, else the latest valid one that can be read.
    pub run: Option<Report>,
    /// A newer run that was still moving at its end, as a latency that grows is.
    pub unsteady_run: Option<Report>,
    /// Newer runs that would count, if their reports were not damaged; the newest first.
    pub damaged_runs: Vec<RunId>,
    /// Runs that came to an end, the newest first.
    pub runs: Vec<RunOverview>,
    /// The database file and its disk.
    pub file: DatabaseFile,
    /// Channels and what they keep.
    pub channels: Channels,
    /// The server that was started last, where one was.
    pub server: Option<ServerStart>,
    /// Processes that serve the database at this moment; `None` when the system does not tell.
    pub servers: Option<u32>,
    /// Hours of live traffic within the window, the oldest first.
    pub hours: Vec<Slot>,
    /// Days of live traffic, as far as [`DAYS_MAX`] back, the oldest first. The first and the last may be parts of days.
    pub days: Vec<Slot>,
    /// The newest checks, newest first.
    pub checks: Vec<StoredCheck>,
    /// Of all checks that are kept, those with a red flag.
    pub checks_with_red_flag: u64,
    /// The start of the newest period in which a server kept metrics, be it in the window or not.
    pub newest_metrics: Option<UtcMillis>,
    /// What was done, and when last.
    pub milestones: Vec<(Milestone, UtcMillis)>,
}

/// How long an agent is active after it was seen, where no server has noted it: what a server has by default.
pub const AGENT_WINDOW: Duration = Duration::from_secs(300);

/// How far back days are read: three months.
pub const DAYS_MAX: i64 = 92;

/// The window of live traffic, and the servers in it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Answers by the first digit of their status: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub answered: [u64; 5],
    /// How long the requests of devices, readers and agents took that run no command: these take as long as the command.
    pub latency: Latency,
    /// Live requests and agents of all servers in the window, the time of stress tests included; `None` when there was no server.
    pub all: Option<ServerPeriod>,
    /// The minutes (or hours) of servers without stress tests, the oldest first.
    pub calm: Vec<Calm>,
    /// The writers in these.
    pub calm_writing: Writing,
    /// The end of the newest period in which a server was there.
    pub newest: Option<UtcMillis>,
    /// Periods with a stress test in them, the oldest first.
    pub stressed: Vec<Stressed>,
    /// Transactions that were given up because another process held the database, in periods without a stress test.
    pub lock_errors: u64,
    /// The same in hours and days with a stress test somewhere in them.
    pub lock_errors_mixed: u64,
    /// Live answers with a status from 500, but for minutes with a stress test.
    pub server_errors_beside_tests: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            answered: [0; 5],
            latency: Latency::coarse(),
            all: None,
            calm: Vec::new(),
            calm_writing: Writing::default(),
            newest: None,
            stressed: Vec::new(),
            lock_errors: 0,
            lock_errors_mixed: 0,
            server_errors_beside_tests: 0,
        }
    }
}

/// The database file and its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its size in bytes, with what the write-ahead log adds.
    pub bytes: u64,
    /// Of these, in pages that nothing is in.
    pub free_bytes: u64,
    /// `wal`, `delete`, …
    pub journal_mode: String,
    /// Bytes that are free on its disk for this user; `None` when the system does not say.
    pub disk_free_bytes: Option<u64>,
}

/// Channels and what they keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// Channels.
    pub count: u64,
    /// Of these, such as keep everything.
    pub without_retention: u64,
    /// The one of these that has counted the most entries.
    pub largest_without_retention: Option<u64>,
    /// Updates that were acknowledged in them, since they were last cleared.
    pub updates: u64,
}

/// How a server was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStart {
    /// When.
    pub started_at: UtcMillis,
    /// Threads that answer requests.
    pub workers: u32,
    /// Logical processors that it may use.
    pub cores: u32,
    /// Updates that can wait for the writer.
    pub queue_capacity: u64,
    /// How long an agent is active after it was seen.
    pub agent_window: Duration,
}

/// Live traffic of an hour or a day, in UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slot {
    /// Its start.
    pub starts_at: UtcMillis,
    /// Requests.
    pub requests: u64,
    /// Requests in the busiest minute.
    pub requests_per_minute_max: u64,
    /// Agents that were active at a time, at most.
    pub active_agents_max: u64,
    /// 95th percentile in milliseconds; `None` where there are too few requests.
    pub p95_ms: Option<f64>,
    /// Coefficient of variation in percent.
    pub cv_percent: Option<f64>,
}

/// What is kept of a check. What was not known is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StoredCheck {
    /// When.
    pub checked_at: UtcMillis,
    /// What it came to.
    pub verdict: Verdict,
    /// The verdict that counts after damping.
    pub settled: Verdict,
    /// What to do: a rung of the ladder; `None` when that was unknown.
    #[schema(schema_with = any_rung)]
    pub rung: Option<String>,
    /// What decided.
    pub reason: String,
    /// Active agents.
    pub agents: Option<f64>,
    /// 95th percentile in milliseconds.
    pub p95: Option<f64>,
    /// Coefficient of variation in percent.
    pub cv: Option<f64>,
    /// Size of the database in bytes.
    pub db_size: Option<f64>,
    /// Requests a second in the busiest minute.
    pub rps: Option<f64>,
    /// Red flags that were raised.
    pub red_flags: u64,
}

/// As it is stored.
fn any_rung() -> Object {
    let rungs = [Rung::Ok, Rung::Tune, Rung::Watch, Rung::Migrate].map(|rung| Some(rung.as_str()));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("What to do: a rung of the ladder; `null` when that was unknown."))
        .enum_values(Some(rungs.into_iter().chain([None])))
        .build()
}

/// Something that the checklist asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// A hook or a ping that succeeded.
    Alert,
    /// A backup that was proven equal and whole.
    Backup,
    /// A migration plan.
    Plan,
}

impl Milestone {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Alert, Self::Backup, Self::Plan];

    /// `alert`, as it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Backup => "backup",
            Self::Plan => "plan",
        }
    }
}
