//! Who has the database open: everybody holds a shared lock on a file beside it, and who replaces the database or changes
//! its schema an exclusive one.
//!
//! It is not the database file that is locked: closing any descriptor of that would drop the locks that SQLite has on it. The
//! lock file is never deleted: who waits for a deleted one and who creates the next would hold two locks that do not meet.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::beside;
use super::migrate::OpenError;
use crate::clock;

/// What is appended to the database's name.
const SUFFIX: &str = ".lock";
/// The same for the file that checks keep each other away by, and their state in.
const SUFFIX_OF_CHECKS: &str = ".check.lock";
/// How long to wait for others, who may be only looking something up.
pub const WAIT_MAX: Duration = Duration::from_secs(2);
/// How long to wait between two attempts.
const RETRY: Duration = Duration::from_millis(10);
/// Words of a holder's command line that are shown: the name of its executable and of its subcommand.
const WORDS_MAX: usize = 3;
/// Characters of them.
const NAME_MAX: usize = 60;

/// A lock on a database. It ends when this is dropped, and with the process in any case.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: File,
}

impl DatabaseLock {
    /// Takes part: for as long as this is held nobody replaces the database or changes its schema.
    ///
    /// # Errors
    /// [`OpenError::Locked`] while somebody does just that, [`OpenError::NoLock`] when there can be no lock file.
    pub fn shared(db: &Path) -> Result<Self, OpenError> {
        let path = path(db)?;
        let file = open(&path).map_err(no_lock(&path))?;
        share(file, &path)
    }

    /// As [`DatabaseLock::shared`] where there is a lock file. A backup has none, and gets none.
    ///
    /// # Errors
    /// As for [`DatabaseLock::shared`].
    pub fn shared_if_there(db: &Path) -> Result<Option<Self>, OpenError> {
        let path = path(db)?;
        match File::open(&path) {
            Ok(file) => share(file, &path).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(no_lock(&path)(error)),
        }
    }

    /// Keeps everybody else away, after waiting so long for them.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while somebody is there, [`OpenError::NoLock`] when there can be no lock file.
    pub fn exclusive(db: &Path, wait: Duration) -> Result<Self, OpenError> {
        let path = path(db)?;
        let file = open(&path).map_err(no_lock(&path))?;
        if take(&file, wait, File::try_lock).map_err(no_lock(&path))? {
            Ok(Self { _file: file })
        } else {
            Err(OpenError::InUse { holders: holders(&file, &path) })
        }
    }
}

/// The file that checks keep each other away by, and whether it was made just now.
pub struct CheckFile {
    /// Open to read, and to write where this user may.
    pub file: File,
    /// Whether it can be written.
    pub is_writable: bool,
    /// Whether there was none.
    pub is_new: bool,
}

/// Opens the file that checks keep each other away by, and makes it if that is wanted. `None` where there is none.
///
/// # Errors
/// [`OpenError::NoLock`] when it cannot be opened or made.
pub fn check_file(db: &Path, make: bool) -> Result<Option<CheckFile>, OpenError> {
    let path = path_of_checks(db)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let opened = match options.open(&path) {
        Ok(file) => Ok(CheckFile { file, is_writable: true, is_new: false }),
        Err(error) if error.kind() == ErrorKind::NotFound && !make => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = options.create(true).truncate(false).open(&path);
            made.map(|file| CheckFile { file, is_writable: true, is_new: true })
        }
        // To read is enough for a lock.
        Err(_) => File::open(&path).map(|file| CheckFile { file, is_writable: false, is_new: false }),
    };
    opened.map(Some).map_err(no_lock(&path))
}

/// Keeps other checks of the database away, after waiting for one that is under way.
///
/// # Errors
/// [`OpenError::InUse`] when that does not end, [`OpenError::NoLock`] when the file cannot be locked.
pub fn alone(file: &File, db: &Path) -> Result<(), OpenError> {
    let path = path_of_checks(db)?;
    if take(file, WAIT_MAX, File::try_lock).map_err(no_lock(&path))? {
        Ok(())
    } else {
        Err(OpenError::InUse { holders: holders(file, &path) })
    }
}

fn path_of_checks(db: &Path) -> Result<PathBuf, OpenError> {
    Ok(beside::named(&beside::resolved(db).map_err(no_lock(db))?, SUFFIX_OF_CHECKS))
}

/// How many processes serve the database; `None` when the system does not tell.
pub fn servers(db: &Path) -> Option<u32> {
    let path = path(db).ok()?;
    let pids = match File::open(&path) {
        Ok(file) => pids(&file, &path).ok()?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(_) => return None,
    };
    let serves = |pid: &&u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"serve")
    };
    u32::try_from(pids.iter().filter(serves).count()).ok()
}

fn share(file: File, path: &Path) -> Result<DatabaseLock, OpenError> {
    if take(&file, WAIT_MAX, File::try_lock_shared).map_err(no_lock(path))? {
        Ok(DatabaseLock { _file: file })
    } else {
        Err(OpenError::Locked { holders: holders(&file, path) })
    }
}

fn path(db: &Path) -> Result<PathBuf, OpenError> {
    let resolved = beside::resolved(db).map_err(no_lock(db))?;
    Ok(beside::named(&resolved, SUFFIX))
}

fn no_lock(path: &Path) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::NoLock { file: path.to_owned(), reason: error.to_string() }
}

/// Opening to read is enough for a lock, so that who may not write the file can take part.
fn open(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        }
        opened => opened,
    }
}

/// Tries until it succeeds or `wait` is over. Returns whether it succeeded.
#[allow(
    clippy::disallowed_methods,
    reason = "waiting for a file lock has no end of its own, and nothing signals the other's release"
)]
fn take(file: &File, wait: Duration, attempt: fn(&File) -> Result<(), TryLockError>) -> io::Result<bool> {
    let begun = clock::instant();
    loop {
        match attempt(file) {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= wait => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether another process has the database open, as far as the kernel tells.
pub fn has_others(db: &Path) -> bool {
    let Ok(path) = path(db) else { return false };
    let Ok(file) = File::open(&path) else { return false };
    pids(&file, &path).is_ok_and(|pids| pids.iter().any(|pid| *pid != std::process::id()))
}

/// `process 4711 (porta serve) and 2 more`.
fn holders(file: &File, path: &Path) -> String {
    let pids = pids(file, path).unwrap_or_default();
    match &pids[..] {
        // They are in another container, or have just gone.
        [] => "another process".into(),
        [pid] => named(*pid),
        [pid, rest @ ..] => format!("{} and {} more", named(*pid), rest.len()),
    }
}

fn pids(file: &File, path: &Path) -> io::Result<Vec<u32>> {
    let metadata = file.metadata()?;
    let device = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let locks = std::fs::read_to_string("/proc/locks")?;
    let mut pids: Vec<_> = locks
        .lines()
        .filter_map(Lock::parse)
        .filter(|lock| lock.inode == metadata.ino())
        // Some file systems, such as btrfs, give their files another device number than the kernel lists.
        .filter(|lock| lock.device == device || has_open(lock.pid, path))
        .map(|lock| lock.pid)
        .collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

fn has_open(pid: u32, path: &Path) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| std::fs::read_link(file.path()).is_ok_and(|link| link == path))
}

fn named(pid: u32) -> String {
    match std::fs::read(format!("/proc/{pid}/cmdline")).ok().and_then(|line| command(&line)) {
        Some(command) => format!("process {pid} ({command})"),
        None => format!("process {pid}"),
    }
}

/// The executable and its subcommand. Not what follows: options may hold secrets.
fn command(line: &[u8]) -> Option<String> {
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let (executable, arguments) = words.split_first()?;
    let executable = executable.rsplit('/').next().filter(|name| !name.is_empty())?;
    let is_name = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    let subcommand = arguments.iter().map(|word| &**word).take_while(is_name);
    let words: Vec<_> = std::iter::once(executable).chain(subcommand).take(WORDS_MAX).collect();
    Some(words.join(" ").chars().filter(|c| !c.is_control()).take(NAME_MAX).collect())
}

/// A line of `/proc/locks`: `3: FLOCK  ADVISORY  READ 4711 fe:00:10133507 0 EOF`.
#[derive(Debug, PartialEq, Eq)]
struct Lock {
    pid: u32,
    device: (u32, u32),
    inode: u64,
}

impl Lock {
    /// A whole-file lock that is held; one that is waited for has an arrow before its kind.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        if words.next()? != "FLOCK" {
            return None;
        }
        let mut words = words.skip(2);
        let pid = words.next()?.parse().ok()?;
        let mut file = words.next()?.split(':');
        let major = u32::from_str_radix(file.next()?, 16).ok()?;
        let minor = u32::from_str_radix(file.next()?, 16).ok()?;
        Some(Self { pid, device: (major, minor), inode: file.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let held = Lock::parse("3: FLOCK  ADVISORY  READ 4711 fe:0a:10133507 0 EOF");
        assert_eq!(held, Some(Lock { pid: 4711, device: (254, 10), inode: 10_133_507 }));
        for other in [
            "3: -> FLOCK  ADVISORY  READ 4711 fe:00:10133507 0 EOF",
            "1: POSIX  ADVISORY  WRITE 4711 fe:00:1 0 EOF",
            "2: FLOCK  ADVISORY  READ -1 fe:00:1 0 EOF",
            "2: FLOCK  ADVISORY",
            "",
        ] {
            assert_eq!(Lock::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_command_is_named_without_its_options() {
        for (line, name) in [
            (&b"/usr/bin/porta\0serve\0--db\0/x.db\0"[..], Some("porta serve")),
            (b"porta\0migrate\0restore\0backup.db\0--yes\0", Some("porta migrate restore")),
            (b"porta\0stress\0--api-key\0SECRET\0", Some("porta stress")),
            (b"porta\0migrate\0backup\0/mnt/x.db\0", Some("porta migrate backup")),
            (b"porta\0--api-key\0SECRET\0stress\0", Some("porta")),
            (b"por\x1bta\0serve\0", Some("porta serve")),
            (b"", None),
        ] {
            assert_eq!(command(line).as_deref(), name);
        }
    }

    #[test]
    fn this_process_is_found_as_a_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = folder.path().join("porta.db");
        let first = DatabaseLock::shared(&db).expect("a lock");
        let second = DatabaseLock::shared(&db).expect("another");
        let found = pids(&first._file, &path(&db).expect("a path")).expect("the kernel's list");
        assert_eq!(found, [std::process::id()]);
        drop((first, second));
        let alone = DatabaseLock::exclusive(&db, WAIT_MAX).expect("nobody is there");
        assert!(matches!(DatabaseLock::shared(&db), Err(OpenError::Locked { .. })));
        drop(alone);
    }
}
