//! How a database lies there, and how it is read so that nothing is left beside it.
//!
//! A reader of a database that nobody else has open would make a write-ahead log and an index that belong to this user, and that
//! the server may then not be able to write. What stands beside the file tells which way of reading needs neither.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::migrate::OpenError;
use super::{beside, connection};
use crate::clock;

/// Bytes of SQLite's header.
const HEADER_BYTES: usize = 100;
/// Where the header says whether the file is read through a log.
const READ_VERSION: usize = 19;
/// How long the time of a file may stand still, on kernels that count it in ticks: two writes within one have the same.
const TICK: Duration = Duration::from_millis(10);

/// How a database lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// There is no log: the file is all there is.
    Settled(Version),
    /// There is a write-ahead log with something in it, and no index: nobody has the database open, and whoever had it was
    /// killed, or it was copied.
    Abandoned,
    /// Somebody has it open, or was killed while they had.
    InUse,
}

/// What every write to a file changes: its times, and mostly SQLite's counters in its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    file: (u64, u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    /// Empty where the file is shorter.
    header: Vec<u8>,
}

impl Rest {
    /// How the database lies there now. No connection of this process may be open: to close the file would drop its locks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(db: &Path) -> Result<Self, OpenError> {
        // Of the file itself and not of a link to it, beside which there is no log.
        let path = beside::resolved(db).map_err(failed)?;
        let is_there = |name: &str| beside::named(&path, name).exists();
        let log = beside::named(&path, beside::LOG).metadata().ok().map(|log| log.len());
        if is_there(beside::JOURNAL) || log.is_some() && is_there(beside::LOG_INDEX) {
            return Ok(Self::InUse);
        }
        if log.is_some_and(|bytes| bytes > 0) {
            return Ok(Self::Abandoned);
        }
        Version::of(&path).map(Self::Settled)
    }

    /// The same before the database is read: as it is once a later write would show.
    ///
    /// # Errors
    /// As [`Rest::of`].
    #[allow(clippy::disallowed_methods, reason = "it is the kernel's clock that has to go on")]
    pub fn before_reading(db: &Path) -> Result<Self, OpenError> {
        match Self::of(db)? {
            Self::Settled(version) if version.is_fresh() => {
                std::thread::sleep(TICK);
                Self::of(db)
            }
            rest => Ok(rest),
        }
    }

    /// The journal mode, where a connection does not know it: one that takes the file for all there is.
    pub fn journal_mode(&self) -> Option<&'static str> {
        match self {
            Self::Settled(version) => {
                version.header.get(READ_VERSION).map(|version| if *version == 2 { "wal" } else { "delete" })
            }
            Self::Abandoned | Self::InUse => None,
        }
    }

    /// Opens the database to read only.
    ///
    /// A file that is all there is, is read as one that does not change: whoever has read looks whether it has, and reads again
    /// if so. A log without an index is read by who keeps everybody else away for so long, with the index in memory; only who
    /// may not write the file gets an index beside it.
    ///
    /// # Errors
    /// As [`OpenError`].
    pub fn open(&self, db: &Path) -> Result<Connection, OpenError> {
        connection::require_file(db)?;
        match self {
            Self::Settled(_) => open_immutable(db),
            Self::Abandoned => {
                let alone = connection::open_existing(db)?;
                if alone.is_readonly(MAIN_DB)? {
                    return open_read_only(db);
                }
                // What is in the log stays there.
                alone.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                alone.pragma_update(None, "query_only", true)?;
                alone.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
                Ok(alone)
            }
            Self::InUse => open_read_only(db),
        }
    }
}

impl Version {
    fn of(path: &Path) -> Result<Self, OpenError> {
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut header = vec![0; HEADER_BYTES];
        match file.read_exact_at(&mut header, 0) {
            Ok(()) => {}
            // SQLite says what is wrong with it.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => header.clear(),
            Err(error) => return Err(failed(error)),
        }
        Ok(Self {
            file: (metadata.dev(), metadata.ino(), metadata.len()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            header,
        })
    }

    fn is_fresh(&self) -> bool {
        let (seconds, nanos) = self.modified;
        let modified_ms = seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
        let age_ms = clock::utc().0.saturating_sub(modified_ms);
        age_ms <= TICK.as_millis() as i64
    }
}

fn failed(error: std::io::Error) -> OpenError {
    OpenError::Io(error.to_string())
}

fn open_read_only(db: &Path) -> Result<Connection, OpenError> {
    connection::open_with(db, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open_immutable(db: &Path) -> Result<Connection, OpenError> {
    let path = beside::resolved(db).and_then(std::path::absolute).map_err(failed)?;
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(*byte),
            other => uri.extend_from_slice(format!("%{other:02x}").as_bytes()),
        }
    }
    uri.extend_from_slice(b"?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connection::open_with(Path::new(OsStr::from_bytes(&uri)), flags)
}
