//! What checks have come to and what of that somebody was told, in a small file beside the database: it is there when the
//! database cannot be read or written. One check at a time has it.
//!
//! The file is written in place, so that a full disk does not matter once it is there, and a lock on it stays one. What was cut short
//! by a crash cannot be read, and counts as nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, fchown};
use std::path::Path;

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use super::lock::{self, CheckFile};
use super::migrate::OpenError;
use crate::domain::criteria::damping::Standing;
use crate::domain::criteria::verdict::Verdict;
use crate::domain::observation::StoredCheck;
use crate::domain::unit::UtcMillis;

/// Files with thresholds whose checks are remembered; of more, those that were used last.
const COURSES_MAX: usize = 8;
/// Bytes of the file: as many paths as may be in it, each as long as one may be.
const BYTES_MAX: u64 = 64 * 1024;

/// The course of the checks by one file of thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Where they stand.
    pub standing: Standing,
    /// The verdict that somebody was told last; OK before that, since an OK at first is no news.
    pub told: Verdict,
    /// Who is telling somebody just now.
    pub telling: Option<Telling>,
    /// When the last one was made.
    pub checked_at: UtcMillis,
}

/// A process that tells somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Its name.
    pub by: String,
    /// When it must be done.
    pub until: UtcMillis,
}

impl Course {
    /// As the database remembers it, which knows nothing of who was told: whoever was to be. `None` without any check.
    pub fn of(newest_first: &[StoredCheck]) -> Option<Self> {
        let standing = Standing::of(newest_first.iter().map(|check| (check.verdict, check.settled)))?;
        let checked_at = newest_first.first()?.checked_at;
        Some(Self { standing, told: standing.settled, telling: None, checked_at })
    }
}

/// All that is remembered, by the file with the thresholds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Courses(BTreeMap<String, Course>);

impl Courses {
    /// Of a database without taking the lock; empty where nothing is remembered.
    pub fn read(db: &Path) -> Self {
        let file = lock::check_file(db, false).ok().flatten();
        file.map(|file| read(&file.file)).unwrap_or_default()
    }

    /// Whether nothing at all is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The course of the checks by a file of thresholds.
    pub fn get(&self, by: &str) -> Option<&Course> {
        self.0.get(by)
    }

    /// Remembers where it has come to, and forgets what was not used for the longest time.
    fn set(&mut self, by: &str, course: Course) {
        self.0.insert(by.to_owned(), course);
        while self.0.len() > COURSES_MAX {
            let others = self.0.iter().filter(|(name, _)| *name != by);
            let Some(oldest) = others.min_by_key(|(_, course)| course.checked_at) else { return };
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
    }
}

/// Alone among checks, as long as this is there.
#[derive(Debug)]
pub struct CheckLock {
    file: File,
    is_writable: bool,
}

impl CheckLock {
    /// Keeps other checks of this database away, after waiting for one that is under way. `None` where no check has left a file yet.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when that one does not end, [`OpenError::NoLock`] when the file cannot be opened.
    pub fn take(db: &Path) -> Result<Option<Self>, OpenError> {
        lock::check_file(db, false)?.map(|file| Self::of(file, db)).transpose()
    }

    /// The same, and makes the file where there is none: for a database that has been read, since beside what is none of porta's
    /// no file is made.
    ///
    /// # Errors
    /// As for [`CheckLock::take`], and when the file cannot be made.
    pub fn take_or_make(db: &Path) -> Result<Option<Self>, OpenError> {
        lock::check_file(db, true)?.map(|file| Self::of(file, db)).transpose()
    }

    fn of(file: CheckFile, db: &Path) -> Result<Self, OpenError> {
        if file.is_new && geteuid().is_root() {
            // Made by root by hand, it has to be written by the server's user afterwards. Where it cannot be given away, that
            // user says so.
            let _ = db.metadata().and_then(|owner| fchown(&file.file, Some(owner.uid()), Some(owner.gid())));
        }
        lock::alone(&file.file, db)?;
        Ok(Self { file: file.file, is_writable: file.is_writable })
    }

    /// What is remembered; `None` where this user can remember nothing, so that it is not kept up.
    pub fn courses(&self) -> Option<Courses> {
        self.is_writable.then(|| read(&self.file))
    }

    /// Remembers the course of the checks by a file of thresholds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, by: &str, course: Course) -> io::Result<()> {
        if !self.is_writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut courses = read(&self.file);
        courses.set(by, course);
        let text = serde_json::to_vec(&courses).map_err(io::Error::other)?;
        self.file.write_all_at(&text, 0)?;
        self.file.set_len(text.len() as u64)
    }
}

fn read(file: &File) -> Courses {
    let length = file.metadata().map_or(0, |metadata| metadata.len().min(BYTES_MAX));
    let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
    match file.read_exact_at(&mut text, 0) {
        Ok(()) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(_) => Courses::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(checked_at: i64) -> Course {
        let standing = Standing { settled: Verdict::Ok, last: Verdict::Unknown, in_a_row: 2 };
        Course { standing, told: Verdict::Ok, telling: None, checked_at: UtcMillis(checked_at) }
    }

    #[test]
    fn what_was_kept_is_there_for_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = folder.path().join("porta.db");
        assert!(CheckLock::take(&db).expect("no lock").is_none());
        let first = CheckLock::take_or_make(&db).expect("a lock").expect("a file");
        let telling = Some(Telling { by: "somebody".into(), until: UtcMillis(9) });
        first.keep("long.toml", Course { telling, ..course(1) }).expect("it is kept");
        first.keep("long.toml", course(2)).expect("shorter than before");
        assert!(matches!(CheckLock::take(&db), Err(OpenError::InUse { .. })));
        drop(first);
        let next = CheckLock::take(&db).expect("a lock").expect("a file");
        assert_eq!(next.courses().and_then(|courses| courses.get("long.toml").cloned()), Some(course(2)));
        assert_eq!(Courses::read(&db).get("other.toml"), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_may_be_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = folder.path().join("porta.db");
        let lock = CheckLock::take_or_make(&db).expect("a lock").expect("a file");
        let name = |number: i64| format!("{number}.toml");
        for number in 0..=COURSES_MAX as i64 {
            lock.keep(&name(number), course(number)).expect("it is kept");
        }
        // Its clock is the oldest, and it is the newest.
        lock.keep("now.toml", course(-1)).expect("it is kept");
        let courses = Courses::read(&db);
        assert_eq!(courses.0.len(), COURSES_MAX);
        assert!(courses.get("now.toml").is_some() && courses.get(&name(0)).is_none(), "{courses:?}");
        let file = folder.path().join("porta.db.check.lock");
        std::fs::write(&file, "{\"a\": {").expect("a file that was cut short");
        assert!(Courses::read(&db).is_empty());
        lock.keep("a", course(1)).expect("it is kept");
        assert!(Courses::read(&db).get("a").is_some());
    }
}
