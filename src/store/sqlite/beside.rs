//! The names of files that lie beside a database.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What SQLite appends for its write-ahead log, for that log's index, and for the rollback journal.
pub const LOG: &str = "-wal";
/// See [`LOG`].
pub const LOG_INDEX: &str = "-shm";
/// See [`LOG`].
pub const JOURNAL: &str = "-journal";

/// The folder that a file is in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file's path with something appended to its name.
pub fn named(path: &Path, appended: impl AsRef<OsStr>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(appended);
    PathBuf::from(name)
}

/// The first path that is free: `name("")`, `name("-2")`, `name("-3")`, …
pub fn free(name: impl Fn(&str) -> PathBuf) -> PathBuf {
    let mut path = name("");
    let mut number = 2;
    while path.symlink_metadata().is_ok() {
        path = name(&format!("-{number}"));
        number += 1;
    }
    path
}

/// The path of the file itself where `path` is a link to it, as SQLite names its own files. The file need not be there.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(folder(path).canonicalize()?.join(path.file_name().unwrap_or_default()))
        }
        resolved => resolved,
    }
}

/// Makes what was created, renamed and deleted in the folder of `path` survive a power failure.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    std::fs::File::open(folder(path))?.sync_all()
}
