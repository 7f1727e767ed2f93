//! What can be wrong with a database that was fine when it was opened.

use serde::Serialize;

use super::unit::UtcMillis;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No space is left for it.
    DiskFull,
    /// Another process holds it for longer than the busy timeout.
    Locked,
    /// The file, its folder or the file system takes no writes.
    ReadOnly,
    /// The operating system refuses to read or write, for some other reason.
    Io,
    /// A transaction has not come back for a long time.
    Stalled,
    /// What is in the file is no sound database.
    Corrupt,
    /// Another file, or none, has taken its place.
    Replaced,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::DiskFull,
        Self::Locked,
        Self::ReadOnly,
        Self::Io,
        Self::Stalled,
        Self::Corrupt,
        Self::Replaced,
    ];

    /// `disk_full`, as it stands in metrics, in `/ready` and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Locked => "locked",
            Self::ReadOnly => "read_only",
            Self::Io => "io",
            Self::Stalled => "stalled",
            Self::Corrupt => "corrupt",
            Self::Replaced => "replaced",
        }
    }

    /// What is wrong, as a sentence without its end.
    pub fn description(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk of the database is full",
            Self::Locked => "another process has been holding the database for longer than the busy timeout",
            Self::ReadOnly => "the database cannot be written: it is read-only here",
            Self::Io => "the operating system refuses to read or write the database",
            Self::Stalled => "the disk has not finished a transaction for a long time",
            Self::Corrupt => "the database is damaged",
            Self::Replaced => "the database file was replaced or taken away while the server had it open",
        }
    }

    /// What to do about it.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::DiskFull => "Make space on its disk; updates are taken again within a second.",
            Self::Locked => {
                "Find the process that has a transaction open (fuser porta.db) and let it finish; \
                 updates are taken again at once."
            }
            Self::ReadOnly => {
                "Let the server's user write the file, its -wal and its folder, and mount the file system writable; \
                 updates are taken again within a second."
            }
            Self::Io => {
                "Look at the system's log for errors of the disk; updates are taken again once it works."
            }
            Self::Stalled => "Look for what keeps the disk busy, or for a failing one.",
            Self::Corrupt => {
                "Look at it with `porta migrate verify`, and put a backup in its place with `porta migrate restore FILE`."
            }
            Self::Replaced => {
                "Put a backup in place of a running server's database only with `porta migrate restore FILE`, \
                 while the server is stopped."
            }
        }
    }

    /// Whether only a restart, after somebody has done something, can end it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Corrupt | Self::Replaced)
    }
}

/// A fault, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// What is wrong.
    pub fault: Fault,
    /// Since when it is known.
    pub since: UtcMillis,
    /// What the database said.
    pub detail: String,
}
