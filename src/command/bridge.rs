//! The agent bridge of `porta serve`: its token, and how commands are run.

use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::geteuid;

use crate::cli::{Bridge, CommandLimits, Exec};
use crate::domain::secret::Secret;
use crate::exec::allowlist::Allowlist;
use crate::exec::executor::Executor;
use crate::exec::{self, Limits, Settings, User};
use crate::exit::Failure;
use crate::server::bridge::{Execution, Options, Policy};

/// Holds the token where there is no file with it.
const TOKEN_VARIABLE: &str = "PORTA_TOKEN";
/// Bytes of a file with a token.
const TOKEN_FILE_BYTES_MAX: u64 = 4096;
/// What runs any command, the first of them that there is.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];
/// Where the settings of the machine's porta are, and secrets with them.
const SETTINGS_FOLDER: &str = "/etc/porta";
/// The same of the working directory.
const SETTINGS_FILE: &str = ".env";
/// The folder beside the database that commands run in, unless told otherwise.
const EXEC_FOLDER: &str = "porta-exec";
/// Files that one process has open.
const OPEN_FILES: u64 = 1024;

/// What the bridge of a server on `address` is to be.
pub async fn options(arguments: &Bridge, db: &Path, address: SocketAddr) -> Result<Options, Failure> {
    let token = token(arguments)?;
    let execution = match arguments.exec {
        Exec::Off => None,
        mode => {
            refuse_what_is_dangerous(arguments, token.is_some(), address)?;
            Some(Arc::new(execution(arguments, mode, db).await?))
        }
    };
    Ok(Options {
        token,
        execution,
        status_ttl: arguments.agent_status_ttl,
        active_window: arguments.agent_window,
        public_url_file: arguments.public_url_file.clone(),
    })
}

fn token(arguments: &Bridge) -> Result<Option<Secret>, Failure> {
    let (source, text) = match &arguments.token_file {
        Some(path) => (path.display().to_string(), read_token(path)?),
        None => match Bridge::token_variable() {
            Ok(Some(text)) => (TOKEN_VARIABLE.to_owned(), text),
            Ok(None) => return Ok(None),
            Err(error) => return Err(Failure::usage(format!("cannot use {TOKEN_VARIABLE}: {error}"))),
        },
    };
    let token = Secret::bridge_token(text.trim());
    token.map(Some).map_err(|why| Failure::usage(format!("cannot use the bridge token of {source}: {why}")))
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::new(format!("cannot read the bridge token from {}", path.display()), error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "others can read the bridge token; chmod 600 keeps it to yourself");
    }
    let mut text = String::new();
    let read = file.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed);
    read.map_err(|failure| {
        failure.next_step("It is a text file of one line; `openssl rand -hex 32` makes one.")
    })?;
    Ok(text)
}

fn refuse_what_is_dangerous(arguments: &Bridge, has_token: bool, address: SocketAddr) -> Result<(), Failure> {
    let refused = |why: &str, step: &str| {
        Err(Failure::usage(format!("cannot run commands for agents: {why}")).next_step(step))
    };
    if !has_token {
        return refused(
            "there is no bridge token",
            "Set PORTA_TOKEN or --token-file; `openssl rand -hex 32` makes a token.",
        );
    }
    if geteuid().is_root() && arguments.exec_user.is_none() && !arguments.exec_allow_root {
        return refused(
            "they would run as root",
            "Start porta as another user, name one with --exec-user, or say --exec-allow-root.",
        );
    }
    if !address.ip().to_canonical().is_loopback() && !arguments.exec_allow_remote {
        return refused(
            &format!("other machines can reach {address}"),
            "Listen on 127.0.0.1, behind a proxy with TLS, or say --exec-allow-remote.",
        );
    }
    Ok(())
}

async fn execution(arguments: &Bridge, mode: Exec, db: &Path) -> Result<Execution, Failure> {
    let settings = settings(arguments, db)?;
    let policy = if mode == Exec::Allowlist {
        Policy::Allowlist(Arc::new(allowlist(&arguments.exec_allowlist)?))
    } else {
        let shell = SHELLS.into_iter().map(PathBuf::from).find(|shell| shell.exists());
        let none =
            || Failure::new("cannot run commands for agents", "there is neither /bin/bash nor /bin/sh");
        Policy::Shell(shell.ok_or_else(none)?)
    };
    let failed = |error: &dyn std::fmt::Display| Failure::new("cannot run commands for agents", error);
    exec::prepare(&settings).map_err(|error| failed(&error))?;
    let step = "Commands need a folder that their user can reach and write to; --exec-dir names another.";
    let started = Executor::start(settings, arguments.limits.max_commands as usize).await;
    let executor = started.map_err(|error| failed(&error).next_step(step))?;
    let confinement = executor.confinement();
    let (user, folder) = (&confinement.user, confinement.folder.display());
    tracing::info!(user, %folder, landlock = confinement.landlock, "commands are run for agents");
    if confinement.landlock == 0 {
        tracing::warn!("this kernel has no Landlock: commands can read and write whatever their user can");
    }
    Ok(Execution::new(policy, executor))
}

fn allowlist(path: &Path) -> Result<Allowlist, Failure> {
    let allowlist = Allowlist::read(path).map_err(|error| {
        Failure::usage(format!("cannot run commands for agents: {error}"))
            .next_step("--exec-allowlist names the file; docs/allowlist.md says how it is written.")
    })?;
    let file = path.display();
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o022 != 0) {
        tracing::warn!(%file, "others can write the allowlist; chmod go-w keeps it to yourself");
    }
    for program in allowlist.missing_programs() {
        tracing::warn!(%file, program, "a program of the allowlist is not there");
    }
    Ok(allowlist)
}

fn settings(arguments: &Bridge, db: &Path) -> Result<Settings, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| Failure::new("cannot tell the working directory", error))
    };
    // SQLite follows a link, and writes beside what it leads to.
    let db = absolute(db)?;
    let real_db =
        db.canonicalize().map_err(|error| Failure::new(format!("cannot find {}", db.display()), error))?;
    let folder = real_db.parent().map(Path::to_owned).unwrap_or_default();
    let beside_link = db.parent().map(Path::to_owned).unwrap_or_default();
    let exec_dir = match &arguments.exec_dir {
        Some(exec_dir) => absolute(exec_dir)?,
        None => folder.join(EXEC_FOLDER),
    };
    let user = arguments.exec_user.as_deref().map(User::find).transpose();
    let user = user.map_err(|error| Failure::usage(format!("cannot use --exec-user: {error}")))?;
    let mut protected = vec![folder, beside_link, SETTINGS_FOLDER.into(), SETTINGS_FILE.into()];
    protected.extend(arguments.token_file.clone());
    if arguments.exec == Exec::Allowlist {
        protected.push(arguments.exec_allowlist.clone());
    }
    let protected = protected.iter().map(|path| real(path)).collect();
    Ok(Settings {
        executable: "/proc/self/exe".into(),
        exec_dir,
        user,
        protected,
        limits: limits(&arguments.limits),
    })
}

/// A path without links; what is not there yet is protected once it is.
fn real(path: &Path) -> PathBuf {
    let parent = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().ok().or_else(parent).unwrap_or_else(absolute)
}

fn limits(limits: &CommandLimits) -> Limits {
    Limits {
        processes: limits.max_processes.into(),
        memory_bytes: limits.max_process_memory as u64,
        file_bytes: limits.max_file as u64,
        open_files: OPEN_FILES,
    }
}
