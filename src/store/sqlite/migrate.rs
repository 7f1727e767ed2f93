//! Schema versions: numbered SQL files, applied in order, forward only.
//!
//! `PRAGMA user_version` is the schema's version and moves in the same transaction as the schema. An existing database
//! is copied to a file beside it before it is changed.

use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior};

use super::connection;
use crate::clock;
use crate::domain::unit::UtcMillis;

/// `porta` in ASCII, shortened: marks a SQLite file as porta's.
const APPLICATION_ID: i32 = 0x706f_7274;

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
];

/// The schema that this version of porta works with.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

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
                "Name another file with --db or PORTA_DB.".into()
            }
            Self::Foreign => "Name another file with --db or PORTA_DB.".into(),
            Self::Newer { porta_version: Some(version), .. } => {
                format!(
                    "Install the porta that wrote it ({version} or newer), or put a backup of it in its place."
                )
            }
            Self::Newer { .. } => {
                "Install the porta that wrote it, or put a backup of it in its place.".into()
            }
            Self::Older { .. } => "Bring it up to date: porta migrate (it makes a backup first).".into(),
            Self::NoWriteAheadLog { .. } => "Put the database on a local disk.".into(),
            Self::Sqlite(_) | Self::Io(_) | Self::ReadOnly => {
                "Check the path, the permissions of its folder, and the space on the disk.".into()
            }
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
    let mut connection = connection::open_or_create(path)?;
    let from = version(&connection)?;
    if from == SCHEMA_VERSION {
        return Ok(Migrated { from, backup: None });
    }
    if from == 0 {
        // Only an empty file takes these two settings.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection::use_write_ahead_log(&connection)?;
    }
    connection::configure(&connection)?;
    let backup = if from > 0 { Some(back_up(&connection, path, from)?) } else { None };
    apply_pending(&mut connection)?;
    Ok(Migrated { from, backup })
}

/// Where each migration stands in the database at `path`; all are pending when there is no file.
///
/// # Errors
/// As [`OpenError`].
pub fn status(path: &Path) -> Result<Vec<MigrationStatus>, OpenError> {
    let applied = match connection::open_existing(path) {
        Ok(connection) => applied(&connection)?,
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

/// The version of a database that is porta's and not newer than this porta; 0 when it is empty.
fn version(connection: &Connection) -> Result<i64, OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id != APPLICATION_ID && (tables > 0 || version != 0) {
        return Err(OpenError::Foreign);
    }
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
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".backup-v{version}-{}", clock::utc().to_compact()));
    let target = PathBuf::from(name);
    copy_to(connection, &target).map(|()| target)
}

/// Copies a database to a new file. The copy gets its name only once it is whole and synced.
pub(super) fn copy_to(connection: &Connection, target: &Path) -> Result<(), OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError::Backup(error.to_string());
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let copied = copy(connection, &partial).map_err(|error| failed(&error)).and_then(|()| {
        let synced = std::fs::File::open(&partial).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::rename(&partial, target)).map_err(|error| failed(&error))
    });
    if copied.is_err() {
        // Whatever went wrong is reported; half a copy is of no use, and takes the space that may have been the cause.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

fn copy(connection: &Connection, target: &Path) -> Result<(), OpenError> {
    let mut copy = connection::open_or_create(target)?;
    let backup = Backup::new(connection, &mut copy)?;
    // In one step: between steps another process's writes would make it begin again.
    if backup.step(-1)? != StepResult::Done {
        return Err(OpenError::Backup("another process is holding the database".into()));
    }
    drop(backup);
    let verdict: String = copy.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Backup(format!("the copy is damaged: {verdict}"))) }
}
