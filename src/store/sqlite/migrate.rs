//! Schema versions: numbered SQL files, applied in order, forward only.
//!
//! `PRAGMA user_version` is the schema's version and moves in the same transaction as the schema. An existing database
//! is copied to a file beside it before it is changed, and nobody else may have it open: an older porta would meet tables
//! that it does not know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::lock::DatabaseLock;
use super::{backup, beside, connection, lock};
use crate::clock;
use crate::domain::unit::UtcMillis;

/// `porta` in ASCII, shortened: marks a SQLite file as porta's.
const APPLICATION_ID: i32 = 0x706f_7274;

/// How long to wait for others that have an old database open, before looking whether it is still old.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// From 1, without a gap.
    pub version: i64,
    /// What it adds.
    pub name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $file)),
        }
    };
}

/// All steps, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "channels", "0001_channels.sql"),
    migration!(2, "tokens", "0002_tokens.sql"),
    migration!(3, "stress_test_runs", "0003_stress_test_runs.sql"),
    migration!(4, "device_api", "0004_device_api.sql"),
    migration!(5, "metrics", "0005_metrics.sql"),
    migration!(6, "agents", "0006_agents.sql"),
    migration!(7, "run_identity", "0007_run_identity.sql"),
    migration!(8, "run_owners", "0008_run_owners.sql"),
    migration!(9, "criteria_checks", "0009_criteria_checks.sql"),
    migration!(10, "server_start_window", "0010_server_start_window.sql"),
    migration!(11, "run_access", "0011_run_access.sql"),
];

/// The schema that this version of porta works with.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// What to do when there is no way forward.
const RESTORE: &str = "restore a backup: porta migrate restore FILE";

/// Why a database cannot be opened. The text follows "cannot open PATH: ".
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// A folder where a file should be.
    #[error("it is a folder")]
    Folder,
    /// The folder for the file is missing.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// No lock file can be made or used.
    #[error("cannot lock {}: {reason}", .file.display())]
    NoLock {
        /// The lock file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another process replaces it or changes its schema.
    #[error("{holders} keeps it to itself")]
    Locked {
        /// Who, in words.
        holders: String,
    },
    /// It is to be replaced while other processes have it open.
    #[error("{holders} is using it")]
    InUse {
        /// Who, in words.
        holders: String,
    },
    /// Made by an older porta, and it cannot be migrated while other processes have it open.
    #[error("its schema is version {found}, this porta needs {SCHEMA_VERSION}, and {holders} is using it")]
    OlderInUse {
        /// The schema's version.
        found: i64,
        /// Who, in words.
        holders: String,
    },
    /// A file without a byte, or with an empty database.
    #[error("it is empty")]
    Empty,
    /// Some other program's database.
    #[error("it is a SQLite database, but not one of porta's")]
    Foreign,
    /// Made by a newer porta.
    #[error("its schema is version {found}, this porta knows up to {SCHEMA_VERSION}")]
    Newer {
        /// The schema's version.
        found: i64,
        /// The porta that made it, where the database says so.
        porta_version: Option<String>,
    },
    /// Made by an older porta.
    #[error("its schema is version {found}, this porta needs {SCHEMA_VERSION}")]
    Older {
        /// The schema's version.
        found: i64,
    },
    /// The file system cannot share memory between processes, as some network file systems.
    #[error("SQLite cannot keep a write-ahead log there (its journal mode stays {mode})")]
    NoWriteAheadLog {
        /// The mode that SQLite kept.
        mode: String,
    },
    /// It may be read only.
    #[error("it cannot be written")]
    ReadOnly,
    /// SQLite says no.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The operating system says no.
    #[error("{0}")]
    Io(String),
    /// Made by an older porta, and not to be changed as it is.
    #[error("its schema is old, and it is damaged: {0}")]
    Damaged(String),
    /// No copy, no change.
    #[error("its schema is old, and the backup before the change failed: {0}")]
    Backup(String),
}

impl OpenError {
    /// What to do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::Missing => "Name another with --db or PORTA_DB, or create it: porta migrate.".into(),
            Self::Folder => "Name a file in it with --db or PORTA_DB.".into(),
            Self::NoFolder(_) => "Make the folder, or name another file with --db or PORTA_DB.".into(),
            Self::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                format!("Name another file with --db or PORTA_DB, or {RESTORE}")
            }
            Self::Foreign => "Name another file with --db or PORTA_DB.".into(),
            Self::Newer { porta_version: Some(version), .. } => {
                format!("Install the porta that wrote it ({version} or newer), or {RESTORE}")
            }
            Self::Newer { .. } => format!("Install the porta that wrote it, or {RESTORE}"),
            Self::NoLock { .. } => {
                "Let this user write to its folder: porta keeps a lock beside a database.".into()
            }
            Self::Locked { .. } => "Wait until that is done, and try again.".into(),
            Self::InUse { .. } | Self::OlderInUse { .. } => "Stop that first, and try again.".into(),
            Self::Empty => "Create it: porta migrate.".into(),
            Self::Older { .. } => "Bring it up to date: porta migrate (it makes a backup first).".into(),
            Self::NoWriteAheadLog { .. } => "Put the database on a local disk.".into(),
            Self::Sqlite(_) | Self::Io(_) | Self::ReadOnly => {
                "Check the path, the permissions of its folder, and the space on the disk.".into()
            }
            Self::Damaged(_) => format!("Nothing was changed. If you can, {RESTORE}"),
            Self::Backup(_) => "Make space beside the database and try again; nothing was changed.".into(),
        }
    }
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema before; 0 for a new database.
    pub from: i64,
    /// The copy of the database as it was, where there was one.
    pub backup: Option<PathBuf>,
}

/// Where one migration stands in a database.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// What it adds.
    pub name: String,
    /// When it was applied; `None` while it is pending.
    pub applied_at: Option<UtcMillis>,
}

/// Creates the database if there is none and brings it to the present schema. An existing one is backed up before it
/// is changed; nothing happens when it is up to date.
///
/// # Errors
/// As [`OpenError`]; the database is then as it was.
pub fn prepare(path: &Path) -> Result<Migrated, OpenError> {
    connection::require_place(path)?;
    let begun = clock::instant();
    loop {
        let lock = DatabaseLock::shared(path)?;
        let connection = connection::open_or_create(path)?;
        let found = match version(&connection)? {
            SCHEMA_VERSION => return Ok(Migrated { from: SCHEMA_VERSION, backup: None }),
            0 => return create(connection),
            found => found,
        };
        drop(connection);
        // Two processes that each waited for the other's share to end would wait for ever.
        drop(lock);
        match upgrade(path, found) {
            // Perhaps by a process that has migrated it meanwhile and keeps it open.
            Err(OpenError::OlderInUse { .. }) if begun.elapsed() < lock::WAIT_MAX => {}
            result => return result,
        }
    }
}

fn create(mut connection: Connection) -> Result<Migrated, OpenError> {
    // Only an empty file takes these two settings.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection::use_write_ahead_log(&connection)?;
    connection::configure(&connection)?;
    apply_pending(&mut connection)?;
    Ok(Migrated { from: 0, backup: None })
}

fn upgrade(path: &Path, found: i64) -> Result<Migrated, OpenError> {
    let _lock = DatabaseLock::exclusive(path, LOOK_AGAIN).map_err(|error| match error {
        OpenError::InUse { holders } => OpenError::OlderInUse { found, holders },
        other => other,
    })?;
    let mut connection = connection::open_existing(path)?;
    // Another process may have done it while this one waited.
    let from = version(&connection)?;
    if from == SCHEMA_VERSION {
        return Ok(Migrated { from, backup: None });
    }
    connection::configure(&connection)?;
    let backup = back_up(&connection, path, from).map_err(|error| match error {
        backup::BackupError::Damaged(problems) => OpenError::Damaged(problems.join("; ")),
        other => OpenError::Backup(other.to_string()),
    })?;
    apply_pending(&mut connection)?;
    Ok(Migrated { from, backup: Some(backup) })
}

/// Where each migration stands in the database at `path`; all are pending when there is no file.
///
/// # Errors
/// As [`OpenError`].
pub fn status(path: &Path) -> Result<Vec<MigrationStatus>, OpenError> {
    let applied = match connection::require_file(path) {
        Ok(()) => {
            let _lock = DatabaseLock::shared(path)?;
            applied(&connection::open_existing(path)?)?
        }
        Err(OpenError::Missing) => Vec::new(),
        Err(error) => return Err(error),
    };
    let status = |migration: &Migration| MigrationStatus {
        version: migration.version,
        name: migration.name.into(),
        applied_at: applied.iter().find(|(version, _)| *version == migration.version).map(|(_, at)| *at),
    };
    Ok(MIGRATIONS.iter().map(status).collect())
}

/// Refuses a database of another schema than the present one.
pub(super) fn require_current(connection: &Connection) -> Result<(), OpenError> {
    match version(connection)? {
        SCHEMA_VERSION => Ok(()),
        found => Err(OpenError::Older { found }),
    }
}

/// The version of a database that this porta or an older one has made.
pub(super) fn require_known(connection: &Connection) -> Result<i64, OpenError> {
    match version(connection)? {
        0 => Err(OpenError::Empty),
        version => Ok(version),
    }
}

/// Refuses what another program has made. Returns the schema's version, 0 when the database is empty.
pub(super) fn require_ours(connection: &Connection) -> Result<i64, OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id != APPLICATION_ID && (tables > 0 || version != 0) {
        return Err(OpenError::Foreign);
    }
    Ok(version)
}

/// The version of a database that is porta's and not newer than this porta; 0 when it is empty.
fn version(connection: &Connection) -> Result<i64, OpenError> {
    let version = require_ours(connection)?;
    if version > SCHEMA_VERSION {
        let porta_version = connection
            .query_row(
                "SELECT porta_version FROM schema_migrations ORDER BY version DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .ok();
        return Err(OpenError::Newer { found: version, porta_version });
    }
    Ok(version)
}

fn applied(connection: &Connection) -> Result<Vec<(i64, UtcMillis)>, OpenError> {
    if version(connection)? == 0 {
        return Ok(Vec::new());
    }
    let applied = connection
        .prepare("SELECT version, applied_at_ms FROM schema_migrations")?
        .query_map([], |row| Ok((row.get(0)?, UtcMillis(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(applied)
}

/// Applies what is pending, all of it or nothing. Another process may have done it meanwhile.
fn apply_pending(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let present = version(&transaction)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > present) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations (version, name, porta_version, applied_at_ms) VALUES (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, env!("CARGO_PKG_VERSION"), clock::utc().0),
        )?;
        transaction.pragma_update(None, "user_version", migration.version)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()?;
    Ok(())
}

/// Copies the database to a new file beside it.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf, backup::BackupError> {
    let name = format!(".backup-v{version}-{}", clock::utc().to_compact());
    let name = || beside::free(|number| beside::named(path, format!("{name}{number}")));
    let partial = beside::named(path, ".backup.partial");
    backup::write(connection, &path.metadata()?, &partial, name).map(|(file, _)| file)
}
