//! Runs commands for somebody else: bounded in time, output, processes and in what they reach, and ended with all that
//! they have started.
//!
//! The server never starts a command itself. [`executor`] is its side: it keeps *runners*, processes of the same
//! executable without database, token or environment, and talks with each over a pair of pipes. A [`runner`] runs one
//! command at a time. It is the subreaper of all that the command starts: whatever leaves the command's process group
//! becomes the runner's child when its own parent ends, so that it is found, and nobody else's. When the server is gone,
//! so is its end of the pipe, and the runner ends what it runs.

pub mod allowlist;
mod cgroup;
pub mod descendants;
pub mod executor;
mod message;
pub mod runner;
mod sandbox;
mod user;

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

pub use self::user::User;

/// How commands are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// porta itself, which is the runner, too.
    pub executable: PathBuf,
    /// Where they run, and the only folder that they write to. Absolute.
    pub exec_dir: PathBuf,
    /// Who runs them; `None` for who runs the server.
    pub user: Option<User>,
    /// What they must not read: files and folders, absolute and without links.
    pub protected: Vec<PathBuf>,
    /// How much they may use.
    pub limits: Limits,
}

/// How much commands may use.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads of all commands together.
    pub processes: u64,
    /// Private memory of one process, in bytes. Where there are control groups, all of them together have half of the machine's.
    pub memory_bytes: u64,
    /// A file that one writes, in bytes.
    pub file_bytes: u64,
    /// Files that one has open.
    pub open_files: u64,
}

/// A command that is to be run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program, by its absolute path, and its arguments.
    pub argv: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Bytes of each of its two streams that are kept.
    pub output_bytes_max: usize,
}

/// What has come of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it has ended.
    pub end: End,
    /// What it wrote to its standard output.
    pub stdout: Output,
    /// The same for its errors.
    pub stderr: Output,
    /// How long it took, with all that it had started.
    pub took: Duration,
}

/// How a command has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// At its deadline.
    TimedOut,
    /// Because nobody wanted it any more.
    Stopped,
    /// It has not begun, for this reason.
    NotStarted(String),
}

/// What a command wrote to one of its streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What is no UTF-8 is replaced.
    pub text: String,
    /// Whether there was more.
    pub truncated: bool,
}

/// Why a command could not be run, or what became of it is not known.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The server ends.
    #[error("commands are not run any more: the server ends")]
    Closed,
    /// There is no runner.
    #[error("the process that runs commands cannot be started: {0}")]
    Start(String),
    /// Its runner has ended; so has all that ran below it, as far as it can be found.
    #[error("the process that ran the command has ended: {0}")]
    Lost(String),
}

/// What commands are held to here. Not every system offers everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confinement {
    /// The user's name or number that they run as.
    pub user: String,
    /// They cannot gain rights, as with `sudo`.
    pub no_new_privileges: bool,
    /// The version of Landlock that is in force, 0 for none. From 1 on files are closed to them, from 6 on they cannot signal
    /// other processes.
    pub landlock: u32,
    /// Which limits hold for all of them together.
    pub control_groups: Vec<&'static str>,
    /// Whether the number of their processes is bounded, and by what.
    pub processes_bounded_by: Option<&'static str>,
    /// The only folder that they write to.
    pub folder: PathBuf,
}

/// Makes the folder that commands run in.
///
/// # Errors
/// When it cannot be made, is none, or has what must not be read in it.
pub fn prepare(settings: &Settings) -> Result<(), String> {
    if let Some(user) = &settings.user
        && !geteuid().is_root()
        && user.uid != geteuid().as_raw()
    {
        return Err(format!("only root can run them as {}", user.name));
    }
    let folder = &settings.exec_dir;
    let failed = |error| format!("the folder {} cannot be made: {error}", folder.display());
    if !folder.exists() {
        folder.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed)?;
        if let Some(user) = settings.user.as_ref().filter(|_| geteuid().is_root()) {
            chown(folder, Some(user.uid), Some(user.gid)).map_err(failed)?;
        }
    }
    if !folder.is_dir() {
        return Err(format!("{} is no folder", folder.display()));
    }
    let real = folder.canonicalize().map_err(failed)?;
    if settings.protected.iter().any(|path| path == Path::new("/")) {
        return Err(
            "the database is in /, and commands must not read what is in its folder; it belongs in another"
                .into(),
        );
    }
    match settings.protected.iter().find(|path| path.starts_with(&real)) {
        Some(path) => {
            let (folder, path) = (folder.display(), path.display());
            Err(format!(
                "the folder {folder}, which commands write to, contains {path}, which they must not read; choose another \
                 with --exec-dir"
            ))
        }
        None => Ok(()),
    }
}

/// Whether a path is one of `paths` or below one.
fn is_within(path: &Path, paths: &[PathBuf]) -> bool {
    paths.iter().any(|other| path.starts_with(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(exec_dir: PathBuf, protected: PathBuf) -> Settings {
        let limits = Limits { processes: 10, memory_bytes: 1, file_bytes: 1, open_files: 1 };
        Settings { executable: PathBuf::new(), exec_dir, user: None, protected: vec![protected], limits }
    }

    #[test]
    fn the_folder_is_made_unless_secrets_are_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().canonicalize().expect("its path");
        let exec_dir = home.join("a/b");
        assert_eq!(prepare(&settings(exec_dir.clone(), home.clone())), Ok(()));
        assert!(exec_dir.is_dir());
        let above = prepare(&settings(home.clone(), home.join("porta.db")));
        assert!(above.is_err_and(|error| error.contains("contains")));
        fs::write(home.join("file"), "").expect("a file");
        assert!(prepare(&settings(home.join("file"), "/x".into())).is_err());
        std::os::unix::fs::symlink(&home, home.join("a/link")).expect("a link");
        assert!(prepare(&settings(home.join("a/link"), home.join("porta.db"))).is_err());
    }
}
