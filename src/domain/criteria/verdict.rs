//! The words of a check: statuses, flags, findings, verdict and rung.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a value stands, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CriterionStatus)]
pub enum Status {
    /// Well below the threshold.
    Safe,
    /// Not known. Never a pass.
    NoData,
    /// Within 10 % of the threshold.
    Near,
    /// Beyond it.
    Crossed,
}

impl Status {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NoData => "no data",
            Self::Near => "near",
            Self::Crossed => "crossed",
        }
    }
}

/// How urgent a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Act at once.
    Red,
    /// Keep an eye on it.
    Yellow,
}

/// The flags of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagId {
    /// Transactions were given up because another process held the database.
    LockErrors,
    /// p95 > 3000 ms.
    P95Red,
    /// More than 5 % of the answers have a status from 500.
    ServerErrors,
    /// Latency grows without bound.
    LatencyGrowth,
    /// p95 > 2000 ms.
    P95Yellow,
    /// CV > 40 %.
    CvYellow,
    /// More than 3 agents at a time.
    AgentsYellow,
    /// Database > 50 MB.
    DbSizeYellow,
}

impl FlagId {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LockErrors,
        Self::P95Red,
        Self::ServerErrors,
        Self::LatencyGrowth,
        Self::P95Yellow,
        Self::CvYellow,
        Self::AgentsYellow,
        Self::DbSizeYellow,
    ];

    /// `lock_errors`, as it stands in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::LockErrors => "lock_errors",
            Self::P95Red => "p95_red",
            Self::ServerErrors => "server_errors",
            Self::LatencyGrowth => "latency_growth",
            Self::P95Yellow => "p95_yellow",
            Self::CvYellow => "cv_yellow",
            Self::AgentsYellow => "agents_yellow",
            Self::DbSizeYellow => "db_size_yellow",
        }
    }

    /// How urgent it is.
    pub fn colour(self) -> Colour {
        match self {
            Self::LockErrors | Self::P95Red | Self::ServerErrors | Self::LatencyGrowth => Colour::Red,
            Self::P95Yellow | Self::CvYellow | Self::AgentsYellow | Self::DbSizeYellow => Colour::Yellow,
        }
    }
}

/// What can be tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingId {
    /// The database is not in WAL mode.
    JournalMode,
    /// A checkpoint cannot finish.
    CheckpointLag,
    /// A read transaction stays open.
    LongReader,
    /// Rows are kept for ever, and the database is large.
    Retention,
    /// A large part of the file holds nothing.
    FreePages,
    /// The disk will be full soon.
    DiskFull,
    /// Fewer workers than cores, and they are busy.
    WorkersFew,
    /// Far more workers than cores, and answers are slow.
    WorkersMany,
    /// Updates were refused because the queue was full.
    QueueFull,
    /// A busy writer commits rows one by one.
    Batching,
    /// Several servers, or another program, write to the database.
    OtherWriters,
}

impl FindingId {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 11] = [
        Self::DiskFull,
        Self::OtherWriters,
        Self::JournalMode,
        Self::LongReader,
        Self::CheckpointLag,
        Self::WorkersFew,
        Self::WorkersMany,
        Self::QueueFull,
        Self::Batching,
        Self::Retention,
        Self::FreePages,
    ];

    /// `journal_mode`, as it stands in JSON and in `criteria.toml`.
    pub fn id(self) -> &'static str {
        match self {
            Self::JournalMode => "journal_mode",
            Self::CheckpointLag => "checkpoint_lag",
            Self::LongReader => "long_reader",
            Self::Retention => "retention",
            Self::FreePages => "free_pages",
            Self::DiskFull => "disk_full",
            Self::WorkersFew => "workers_few",
            Self::WorkersMany => "workers_many",
            Self::QueueFull => "queue_full",
            Self::Batching => "batching",
            Self::OtherWriters => "other_writers",
        }
    }
}

/// What a check comes to, worst last: what is unknown is worse than what is well, and better than what is known to be
/// bad. Its exit code is another order, the one that monitoring knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CriteriaVerdict)]
pub enum Verdict {
    /// All is known, and well.
    Ok,
    /// Evidence that is needed is missing, and nothing of what is known is bad.
    Unknown,
    /// Something is near, crossed without a confirmation, flagged yellow, or can be tuned.
    Warning,
    /// A red flag, or a crossed criterion that a leading indicator confirms.
    Critical,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Unknown, Self::Warning, Self::Critical];

    /// `warning`, as it stands in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The verdict of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// The exit code: 0, 1, 2, 3 as monitoring plugins have them.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// What to do, as a ladder that is climbed a rung at a time: nobody migrates while tuning is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Nothing.
    Ok,
    /// Change a setting, since something cheap is open.
    Tune,
    /// Nothing to tune; look more often, and prepare.
    Watch,
    /// This set-up is outgrown, and tuning is exhausted.
    Migrate,
}

impl Rung {
    /// `MIGRATE`, as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Tune => "TUNE",
            Self::Watch => "WATCH",
            Self::Migrate => "MIGRATE",
        }
    }
}
