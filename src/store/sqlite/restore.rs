//! A backup takes the place of the database. At no moment is there no database, and none that is half of each.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::backup::{self, BackupError, is_damage};
use super::lock::{self, DatabaseLock};
use super::migrate::{self, OpenError};
use super::partial::{self, Partial};
use super::{beside, connection, sessions};
use crate::clock;
use crate::domain::contents::Contents;

/// What the copy is called until it takes the database's place.
const PARTIAL: &str = ".restoring";
/// What the database before is called from then on; a time follows.
const KEPT: &str = ".before-restore-";

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the database holds now.
    pub contents: Contents,
    /// Where the database before is, if there was one.
    pub kept: Option<PathBuf>,
}

/// Puts a copy of `file` in the place of the database, which nobody may have open, and keeps the one before beside it. Sessions
/// of browsers do not come back.
///
/// # Errors
/// As [`BackupError`]; the database is then as it was.
pub fn from_file(file: &Path, db: &Path) -> Result<Restored, BackupError> {
    connection::require_file(file).map_err(BackupError::File)?;
    connection::require_place(db).map_err(BackupError::Database)?;
    let db = &beside::resolved(db)?;
    let _lock = DatabaseLock::exclusive(db, lock::WAIT_MAX).map_err(BackupError::Database)?;
    let present = match db.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        metadata => Some(metadata?),
    };
    let original = file.metadata()?;
    if present.as_ref().is_some_and(|db| (db.dev(), db.ino()) == (original.dev(), original.ino())) {
        return Err(BackupError::Itself);
    }
    let copy = Partial::claim(&beside::named(db, PARTIAL), &original)?;
    let contents = {
        let _lock = DatabaseLock::shared_if_there(file).map_err(BackupError::File)?;
        let source = connection::open_to_look(file).map_err(BackupError::File)?;
        backup::copy(&source, copy.path())?
    };
    // A session that has ended since must not go on, and the owner of one may not know the accounts of then.
    sessions::end_all_of_all(&connection::open_copy(copy.path()).map_err(BackupError::File)?)?;
    if let Some(present) = &present {
        copy.give_to_owner_of(present)?;
        settle(db)?;
    }
    copy.sync()?;
    let kept = put_aside(db, present.is_some())?;
    copy.replace(db)?;
    Ok(Restored { contents, kept })
}

/// Brings what the write-ahead log of the present database holds into it. One that is damaged stays as it is, and its log, too.
fn settle(db: &Path) -> Result<(), BackupError> {
    let connection = connection::open_to_settle(db).map_err(BackupError::Database)?;
    let settled = match migrate::require_ours(&connection) {
        Ok(_) => connection::leave_write_ahead_log(&connection),
        Err(OpenError::Sqlite(error)) => Err(error),
        Err(error) => return Err(BackupError::Database(error)),
    };
    match settled {
        Ok(true) => Ok(()),
        Ok(false) => Err(BackupError::OpenElsewhere),
        Err(error) if is_damage(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives the present database a second name, under which it stays when its own goes to another, and takes what is left of its
/// logs along: they must not be applied to what comes.
fn put_aside(db: &Path, is_there: bool) -> Result<Option<PathBuf>, BackupError> {
    let now = clock::utc().to_compact();
    let kept = beside::free(|number| beside::named(db, format!("{KEPT}{now}{number}")));
    if is_there {
        remove_other_names(db)?;
        std::fs::hard_link(db, &kept)?;
    }
    for log in [beside::LOG, beside::JOURNAL] {
        match std::fs::rename(beside::named(db, log), beside::named(&kept, log)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    partial::remove(&beside::named(db, beside::LOG_INDEX))?;
    // Before the copy is in its place, not only in the end: a power failure may not undo the one without the other.
    beside::sync_folder(db)?;
    Ok(is_there.then_some(kept))
}

/// A restore that was killed at the last moment has left the present database a second name, under which it is not kept.
fn remove_other_names(db: &Path) -> io::Result<()> {
    let present = db.metadata()?;
    let prefix = beside::named(db, KEPT);
    if present.nlink() == 1 {
        return Ok(());
    }
    for entry in beside::folder(db).read_dir()? {
        let entry = entry?;
        let is_kept =
            entry.path().as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes());
        if is_kept && entry.metadata()?.ino() == present.ino() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
