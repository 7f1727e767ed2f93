//! How the database is: what is wrong with it, and what its writer has done. The writer and the readers say so here,
//! whoever wants to know asks here.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};

use super::{beside, connection};
use crate::clock;
use crate::disk::Disk;
use crate::domain::fault::{Condition, Fault};
use crate::domain::metrics::Writing;
use crate::domain::unit::UtcMillis;
use crate::store::StoreError;

/// A transaction that takes longer is stuck: a wait for another process is over by then.
const STALL: Duration = Duration::from_secs(10);
/// Bytes that a disk must have left for it not to be full.
const FREE_BYTES_MIN: u64 = 64 * 1024;

/// The state of a database that is open.
pub struct Vitals {
    path: PathBuf,
    write_ahead_log: PathBuf,
    /// The file that was opened.
    original: Metadata,
    /// Device and inode of the log, from the first look after it was made.
    log: Mutex<Option<(u64, u64)>>,
    fault: Mutex<Option<Condition>>,
    /// Whether there is a fault, for those who ask at every update.
    faulty: AtomicBool,
    /// Whether there is one that only a restart ends.
    finished: AtomicBool,
    epoch: Instant,
    /// Microseconds since `epoch` at which the transaction began that is under way; 0 when none is.
    began_us: AtomicU64,
    writing: Mutex<Written>,
}

/// What the writer has done since it was last asked.
struct Written {
    writing: Writing,
    since: Instant,
    busy_waits: u64,
    busy_waited: Duration,
}

/// Device and inode.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().as_ref().map(identity)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vitals {
    /// Of the database at `path`, which has just been opened.
    ///
    /// # Errors
    /// When there is no such file any more.
    pub fn new(path: &Path) -> std::io::Result<Self> {
        // SQLite keeps its log beside the file that a link leads to.
        let write_ahead_log = beside::named(&beside::resolved(path)?, beside::LOG);
        let original = path.metadata()?;
        let now = clock::instant();
        let (busy_waits, busy_waited) = connection::busy_waits();
        Ok(Self {
            path: path.to_owned(),
            write_ahead_log,
            original,
            log: Mutex::new(None),
            fault: Mutex::new(None),
            faulty: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            epoch: now,
            began_us: AtomicU64::new(0),
            writing: Mutex::new(Written { writing: Writing::default(), since: now, busy_waits, busy_waited }),
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that was opened, as it was then.
    pub fn original(&self) -> &Metadata {
        &self.original
    }

    /// Bytes of the write-ahead log.
    pub fn write_ahead_log_bytes(&self) -> u64 {
        std::fs::metadata(&self.write_ahead_log).map_or(0, |metadata| metadata.len())
    }

    /// Whether the files that were opened are still those that the path leads to. What is committed to others is lost
    /// to everybody else. No file is opened for it: to close one again would drop SQLite's locks on it.
    pub fn is_in_place(&self) -> bool {
        let log = file_at(&self.write_ahead_log);
        let mut known = locked(&self.log);
        if known.is_none() {
            *known = log;
        }
        file_at(&self.path) == Some(identity(&self.original)) && log == *known
    }

    /// The fault, if there is one. A transaction that does not come back is one.
    pub fn condition(&self) -> Option<Condition> {
        if let Some(condition) = locked(&self.fault).clone() {
            return Some(condition);
        }
        let began_us = self.began_us.load(Ordering::Relaxed);
        let took = self.epoch.elapsed().saturating_sub(Duration::from_micros(began_us));
        (began_us > 0 && took > STALL).then(|| {
            let since = clock::utc().0.saturating_sub(took.as_millis() as i64);
            let detail = format!("a transaction began {} s ago", took.as_secs());
            Condition { fault: Fault::Stalled, since: UtcMillis(since), detail }
        })
    }

    /// Whether a fault is known that may go away by itself.
    pub fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Relaxed)
    }

    /// The fault after which nothing is written any more.
    pub fn final_fault(&self) -> Option<Fault> {
        if !self.finished.load(Ordering::Relaxed) {
            return None;
        }
        locked(&self.fault).as_ref().map(|condition| condition.fault)
    }

    /// Notes what came of a transaction. One that `wrote` nothing says nothing about the disk.
    pub fn note<T>(&self, result: &Result<T, StoreError>, wrote: bool) {
        match result {
            Err(StoreError::Busy) => self.fail(Fault::Locked, &StoreError::Busy.to_string()),
            Err(StoreError::Fault { fault, detail }) => self.fail(*fault, detail),
            Ok(_) if self.is_faulty() => self.recover(wrote),
            _ => {}
        }
    }

    /// Notes a fault. One that is final stays.
    pub fn fail(&self, fault: Fault, detail: &str) {
        let mut known = locked(&self.fault);
        if known.as_ref().is_some_and(|known| known.fault == fault || known.fault.is_final()) {
            return;
        }
        tracing::error!(
            fault = fault.name(),
            detail,
            "{}; updates are refused. {}",
            fault.description(),
            fault.next_step()
        );
        *known = Some(Condition { fault, since: clock::utc(), detail: detail.to_owned() });
        for (count, one) in locked(&self.writing).writing.faults.iter_mut().zip(Fault::ALL) {
            *count += u64::from(one == fault);
        }
        self.faulty.store(true, Ordering::Relaxed);
        self.finished.store(fault.is_final(), Ordering::Relaxed);
    }

    fn recover(&self, wrote: bool) {
        let mut known = locked(&self.fault);
        if let Some(condition) = known.take_if(|known| match known.fault {
            // That it could begin is enough.
            Fault::Locked => true,
            fault => wrote && !fault.is_final(),
        }) {
            self.faulty.store(false, Ordering::Relaxed);
            // As loud as the fault was: who hears of one is to hear of the other.
            tracing::warn!(fault = condition.fault.name(), since = %condition.since, "updates are taken again");
        }
    }

    /// What an error of the operating system means here: SQLite does not always tell a full disk from a broken one.
    pub fn refine(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Fault { fault: Fault::Io | Fault::ReadOnly, detail } => {
                let fault = self.look_at_the_disk().unwrap_or(Fault::Io);
                StoreError::Fault { fault, detail }
            }
            other => other,
        }
    }

    fn look_at_the_disk(&self) -> Option<Fault> {
        let disk = Disk::of(&self.path)?;
        let is_denied = |path: &Path| access(path, Access::WRITE_OK).is_err();
        if disk.is_read_only || is_denied(&self.path) || is_denied(&self.write_ahead_log) {
            return Some(Fault::ReadOnly);
        }
        (disk.free_bytes < FREE_BYTES_MIN).then_some(Fault::DiskFull)
    }

    /// Notes that a transaction begins, and when.
    pub fn begin(&self) -> Instant {
        let now = clock::instant();
        let since_epoch = now.saturating_duration_since(self.epoch).as_micros();
        self.began_us.store(u64::try_from(since_epoch).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        now
    }

    /// Notes that no transaction is under way any more, and lets `add` say what it was.
    pub fn end(&self, add: impl FnOnce(&mut Writing)) {
        self.began_us.store(0, Ordering::Relaxed);
        add(&mut locked(&self.writing).writing);
    }

    /// What the writer has done since this was last called.
    pub fn take_writing(&self) -> Writing {
        let now = clock::instant();
        let (busy_waits, busy_waited) = connection::busy_waits();
        let mut written = locked(&self.writing);
        let mut writing = std::mem::take(&mut written.writing);
        writing.observed = now.saturating_duration_since(written.since);
        writing.busy_waits = busy_waits - written.busy_waits;
        writing.busy_waited = busy_waited.saturating_sub(written.busy_waited);
        (written.since, written.busy_waits, written.busy_waited) = (now, busy_waits, busy_waited);
        writing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(folder: &Path) -> Vitals {
        let path = folder.join("x.db");
        for name in ["x.db", "x.db-wal"] {
            std::fs::write(folder.join(name), "").expect("a file");
        }
        Vitals::new(&path).expect("a file")
    }

    #[test]
    fn a_transaction_that_does_not_come_back_is_a_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut vitals = vitals(folder.path());
        assert_eq!(vitals.condition(), None);
        vitals.begin();
        assert_eq!(vitals.condition(), None, "it has just begun");
        vitals.epoch = vitals.epoch.checked_sub(STALL * 2).expect("an earlier instant");
        let condition = vitals.condition().expect("a fault");
        assert_eq!(condition.fault, Fault::Stalled);
        vitals.end(|_| {});
        assert_eq!(vitals.condition(), None, "it has come back");
    }

    #[test]
    fn a_fault_goes_away_with_the_next_success_unless_it_is_final() {
        let folder = tempfile::tempdir().expect("a folder");
        let vitals = vitals(folder.path());
        vitals.note::<()>(&Err(StoreError::Busy), false);
        assert_eq!(vitals.condition().map(|condition| condition.fault), Some(Fault::Locked));
        vitals.note(&Ok(()), false);
        assert_eq!((vitals.condition(), vitals.is_faulty()), (None, false));
        vitals.fail(Fault::DiskFull, "no space");
        vitals.note(&Ok(()), false);
        vitals.note::<()>(&Err(StoreError::TooSoon), true);
        assert_eq!(vitals.condition().map(|condition| condition.fault), Some(Fault::DiskFull));
        vitals.note(&Ok(()), true);
        assert_eq!(vitals.condition(), None);
        vitals.fail(Fault::Corrupt, "a page");
        vitals.fail(Fault::DiskFull, "later");
        vitals.note(&Ok(()), true);
        assert_eq!(vitals.final_fault(), Some(Fault::Corrupt));
    }

    #[test]
    fn another_file_in_its_place_is_noticed_and_so_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let vitals = vitals(folder.path());
        assert!(vitals.is_in_place());
        let (log, aside) = (folder.path().join("x.db-wal"), folder.path().join("aside"));
        std::fs::rename(&log, &aside).expect("a rename");
        assert!(!vitals.is_in_place(), "the log is gone");
        std::fs::rename(&aside, &log).expect("a rename");
        assert!(vitals.is_in_place());
        let copy = folder.path().join("copy");
        std::fs::copy(folder.path().join("x.db"), &copy).expect("a copy");
        std::fs::rename(copy, folder.path().join("x.db")).expect("a rename");
        assert!(!vitals.is_in_place(), "another file");
    }
}
