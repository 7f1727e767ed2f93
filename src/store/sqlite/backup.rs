//! Copies of the database while others write to it, each proven equal to what it was made from.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};

use super::lock::DatabaseLock;
use super::migrate::{self, OpenError};
use super::partial::{self, Partial};
use super::{beside, connection, contents, fingerprint};
use crate::clock;
use crate::domain::contents::Contents;

/// What a backup is called until it is whole.
const PARTIAL: &str = ".partial";
/// What the names of backups end with where they are rotated.
const EXTENSION: &str = ".db";
/// Characters of a time in such a name, as [`crate::domain::unit::UtcMillis::to_compact`] writes it.
const TIME_LENGTH: usize = "20261121T210400Z".len();

/// Why there is no backup, or nothing is restored, or a file is not sound.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be opened.
    #[error("{0}")]
    Database(OpenError),
    /// The file that is to be looked into cannot be opened.
    #[error("{0}")]
    File(OpenError),
    /// It has been read, and is not what porta has written.
    #[error("{}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The backup would take another file's place.
    #[error("there is such a file already")]
    Exists,
    /// A file where a folder should be.
    #[error("it is no folder")]
    NoFolder,
    /// The folder for the file is missing.
    #[error("there is no folder {}", .0.display())]
    MissingFolder(PathBuf),
    /// A folder where a file should be.
    #[error("it is a folder")]
    Folder,
    /// The file to restore is the database.
    #[error("it is that database itself")]
    Itself,
    /// Somebody has changed the copy.
    #[error("the copy does not hold what the original holds")]
    Different,
    /// A program that knows nothing of porta's lock.
    #[error("another program has the database open")]
    OpenElsewhere,
    /// A backup that had its day cannot be deleted.
    #[error("{} is complete, but {} cannot be deleted: {reason}", .complete.display(), .old.display())]
    NotRotated {
        /// The new one.
        complete: PathBuf,
        /// The old one.
        old: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// SQLite says no.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    /// The operating system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) { Self::Damaged(vec![error.to_string()]) } else { Self::Sqlite(error) }
    }
}

impl BackupError {
    /// A file that begins as a database does and is broken further on is one that is damaged.
    pub(super) fn of_file(error: OpenError) -> Self {
        match error {
            OpenError::Sqlite(error) if error.sqlite_error_code() != Some(ErrorCode::NotADatabase) => {
                error.into()
            }
            error => Self::File(error),
        }
    }
}

/// Whether an error of a valid statement says that the file is not what it should be.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseCorrupt, NotADatabase, TypeMismatch, Unknown};
    // Without a code it is a value of another type than its column; unknown is how SQLite calls a missing table.
    matches!(error.sqlite_error_code(), None | Some(DatabaseCorrupt | NotADatabase | TypeMismatch | Unknown))
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Where it is.
    pub file: PathBuf,
    /// What it holds.
    pub contents: Contents,
    /// Older backups that were deleted.
    pub deleted: Vec<PathBuf>,
}

/// Copies the database to a new file, as it is at one moment, while others go on writing.
///
/// # Errors
/// As [`BackupError`]; there is no file then.
pub fn to_file(db: &Path, file: &Path) -> Result<Made, BackupError> {
    if file.is_dir() {
        return Err(BackupError::Folder);
    }
    require_folder_of(file)?;
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists);
    }
    let partial = beside::named(file, PARTIAL);
    let contents = make(db, &partial, || file.to_owned())?.1;
    Ok(Made { file: file.to_owned(), contents, deleted: Vec::new() })
}

/// Copies the database to a new file in `folder`, which is made if it is not there, and deletes all but the newest `keep` of the
/// files that are called as such a backup is.
///
/// # Errors
/// As [`BackupError`]; nothing is deleted unless the new backup is complete.
pub fn to_folder(db: &Path, folder: &Path, keep: usize) -> Result<Made, BackupError> {
    connection::require_file(db).map_err(BackupError::Database)?;
    require_folder_of(folder)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => created?,
    }
    if !folder.is_dir() {
        return Err(BackupError::NoFolder);
    }
    let stem = db.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let for_now = folder.join(format!("{stem}{EXTENSION}{PARTIAL}"));
    let now = clock::utc().to_compact();
    let name = || beside::free(|number| folder.join(format!("{stem}-{now}{number}{EXTENSION}")));
    let (file, contents) = make(db, &for_now, name)?;
    let mut deleted = Vec::new();
    for old in outdated(folder, &stem, &file, keep)? {
        partial::remove(&old).map_err(|reason| BackupError::NotRotated {
            complete: file.clone(),
            old: old.clone(),
            reason,
        })?;
        deleted.push(old);
    }
    Ok(Made { file, contents, deleted })
}

fn require_folder_of(path: &Path) -> Result<(), BackupError> {
    let folder = beside::folder(path);
    if folder.is_dir() { Ok(()) } else { Err(BackupError::MissingFolder(folder.to_owned())) }
}

fn make(
    db: &Path,
    partial: &Path,
    name: impl FnOnce() -> PathBuf,
) -> Result<(PathBuf, Contents), BackupError> {
    connection::require_file(db).map_err(BackupError::Database)?;
    let _lock = DatabaseLock::shared(db).map_err(BackupError::Database)?;
    let source = connection::open_existing(db).map_err(BackupError::Database)?;
    write(&source, &db.metadata()?, partial, name)
}

/// Copies what an open connection sees to a new file beside `db`, where another file may be by now.
pub(super) fn rescue(source: &Connection, db: &Path, original: &Metadata) -> Result<PathBuf, BackupError> {
    let name = format!(".rescued-{}", clock::utc().to_compact());
    let name = || beside::free(|number| beside::named(db, format!("{name}{number}")));
    write(source, original, &beside::named(db, ".rescued.partial"), name).map(|(file, _)| file)
}

/// Copies a database to a file that is called `partial` until it is whole, and then what `name` says.
pub(super) fn write(
    source: &Connection,
    original: &Metadata,
    partial: &Path,
    name: impl FnOnce() -> PathBuf,
) -> Result<(PathBuf, Contents), BackupError> {
    let partial = Partial::claim(partial, original)?;
    let contents = copy(source, partial.path())?;
    partial.sync()?;
    let name = name();
    partial.name(&name).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists,
        _ => error.into(),
    })?;
    Ok((name, contents))
}

/// Copies one state of a database to an empty file, and proves that the copy is sound and equal.
pub(super) fn copy(source: &Connection, target: &Path) -> Result<Contents, BackupError> {
    let snapshot = source.unchecked_transaction()?;
    // The first read is what decides which state it is.
    migrate::require_known(&snapshot).map_err(BackupError::of_file)?;
    let mut copy = connection::open_copy(target).map_err(BackupError::of_file)?;
    let backup = Backup::new(&snapshot, &mut copy)?;
    // In one step: between steps another process's writes would make it begin again.
    if backup.step(-1)? != StepResult::Done {
        return Err(BackupError::OpenElsewhere);
    }
    drop(backup);
    if !connection::leave_write_ahead_log(&copy)? {
        return Err(BackupError::OpenElsewhere);
    }
    let contents = contents::of(&copy)?;
    if fingerprint::of(&snapshot)? == contents.fingerprint {
        Ok(contents)
    } else {
        Err(BackupError::Different)
    }
}

/// What a database file holds. It may be open elsewhere, and is left as it is.
///
/// # Errors
/// [`BackupError::File`] when it is none of porta's, [`BackupError::Damaged`] with what is wrong.
pub fn verify(file: &Path) -> Result<Contents, BackupError> {
    connection::require_file(file).map_err(BackupError::File)?;
    let _lock = DatabaseLock::shared_if_there(file).map_err(BackupError::File)?;
    let connection = connection::open_to_look(file).map_err(BackupError::File)?;
    contents::of(&*connection.unchecked_transaction()?)
}

/// The backups in `folder` that are to go, oldest first. `newest` stays, even if the clock was set back.
fn outdated(folder: &Path, stem: &str, newest: &Path, keep: usize) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(place) = name.to_str().and_then(|name| place_in_time(name, stem))
            && entry.file_type()?.is_file()
            && entry.path() != newest
        {
            others.push((place, entry.path()));
        }
    }
    others.sort();
    let surplus = (others.len() + 1).saturating_sub(keep);
    Ok(others.into_iter().take(surplus).map(|(_, path)| path).collect())
}

/// The time and the number among those of this time in the name of a backup; `None` for any other name.
fn place_in_time(name: &str, stem: &str) -> Option<(String, u32)> {
    let rest = name.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(EXTENSION)?;
    let (time, number) = rest.split_at_checked(TIME_LENGTH)?;
    let is_time = time.bytes().enumerate().all(|(at, byte)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    let number = match number {
        "" => 1,
        _ => number
            .strip_prefix('-')?
            .parse()
            .ok()
            .filter(|parsed| number == format!("-{parsed}") && *parsed > 1)?,
    };
    is_time.then(|| (time.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_backups_are_taken_for_such() {
        let place = |name| place_in_time(name, "porta");
        assert_eq!(place("porta-20261121T210400Z.db"), Some(("20261121T210400Z".into(), 1)));
        assert_eq!(place("porta-20261121T210400Z-10.db"), Some(("20261121T210400Z".into(), 10)));
        for other in [
            "porta.db",
            "porta-20261121T210400Z.db.partial",
            "porta-20261121T210400Z.db-wal",
            "porta-20261121T210400Z-1.db",
            "porta-20261121T210400Z-02.db",
            "porta-20261121T210400Z-x.db",
            "porta-20261121T210400Z-.db",
            "porta-20261121T210400Z2.db",
            "porta-20261121 210400Z.db",
            "porta-old.db",
            "other-20261121T210400Z.db",
            "my-porta-20261121T210400Z.db",
            "porta-äöüäöüäö.db",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn backups_of_one_second_are_in_their_order() {
        let name = |number: &str| place_in_time(&format!("porta-20261121T210400Z{number}.db"), "porta");
        assert!(name("") < name("-2") && name("-9") < name("-10"));
    }
}
