//! A server of a run's own: a child process on a free port, with an empty database on the disk that is to be measured.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{cannot, cannot_open, reconcile};
use crate::domain::acknowledged::Acknowledged;
use crate::domain::channel::Settings;
use crate::domain::id::ChannelId;
use crate::domain::rows::Rows;
use crate::domain::secret::Secret;
use crate::entropy;
use crate::exit::Failure;
use crate::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use crate::store::{ChannelStore as _, EntryStore as _, RowStore as _, Store as _};

/// How long the server may take to name its address.
const START_MAX: Duration = Duration::from_secs(10);
/// How long it may take to stop.
const STOP_MAX: Duration = Duration::from_secs(15);
/// What the name of a private server's folder begins with; the process id of its run follows.
const FOLDER_PREFIX: &str = ".porta-stress-";
/// Variables that the server neither needs nor should see.
const SECRETS: [&str; 3] = ["PORTA_API_KEY", TOKEN, "PORTA_TOKEN_FILE"];
/// Holds the token of the bridge, where there is one.
const TOKEN: &str = "PORTA_TOKEN";
/// The file that says what simulated agents may run, in the server's folder.
const ALLOWLIST_FILE: &str = "allowlist.toml";
/// What it says.
const ALLOWLIST: &str = r#"[[command]]
name = "echo"
argv = ["/bin/echo", "{words...}"]
[command.parameters.words]
type = "text"
"#;

/// What a private server has beside a channel.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// An agent bridge that runs `echo`.
    pub with_bridge: bool,
    /// So many workers; `None`: as many as a server has here.
    pub workers: Option<u32>,
}

/// The running server, with a channel to write to. Dropping it ends the process and deletes the database.
pub struct PrivateServer {
    child: Child,
    folder: TempDir,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Opens the channel.
    pub write_key: Secret,
    /// The only channel.
    pub channel: ChannelId,
    /// Opens the agent bridge, where the server has one.
    pub bridge_token: Option<Secret>,
}

impl PrivateServer {
    /// Starts the server beside `db`: a temporary folder elsewhere may be in memory, where a commit costs nothing.
    pub async fn start(db: &Path, options: Options) -> Result<Self, Failure> {
        let db = std::path::absolute(db)
            .map_err(|error| Failure::new("cannot tell the working directory", error))?;
        let beside = db.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        remove_left_behind(beside);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{FOLDER_PREFIX}{}-", std::process::id()))
            .tempdir_in(beside)
            .map_err(|error| {
                Failure::new(format!("cannot make a temporary folder in {}", beside.display()), error)
            })?;
        let database = folder.path().join("private.db");
        let (channel, write_key) = create_channel(&database).await?;
        let bridge_token = options.with_bridge.then(|| permit_echo(folder.path())).transpose()?;
        let mut child = spawn(&database, options.workers, bridge_token.as_ref())?;
        let url = tokio::time::timeout(START_MAX, first_url(&mut child)).await.map_err(|_| {
            Failure::new("cannot start the private server", "it did not name its address within 10 s")
        })??;
        Ok(Self { child, folder, url, write_key, channel, bridge_token })
    }

    /// Stops the server, counts the rows that it has stored, and looks for those that it has acknowledged.
    pub async fn finish(mut self, acknowledged: &Acknowledged) -> Result<(u64, Rows), Failure> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let pid = pid.ok_or_else(|| {
            Failure::new("cannot reconcile the run", "the private server has ended by itself")
        })?;
        kill_process(pid, Signal::TERM)
            .map_err(|error| Failure::new("cannot stop the private server", error))?;
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => return Err(Failure::new("the private server did not end well", status)),
            Ok(Err(error)) => return Err(Failure::new("cannot stop the private server", error)),
            Err(_) => {
                return Err(Failure::new("cannot stop the private server", "it did not end within 15 s"));
            }
        }
        let database = self.folder.path().join("private.db");
        let store =
            Sqlite::open(&database, QUEUE_CAPACITY).map_err(|error| cannot_open(&database, &error))?;
        let count = "cannot count the stored rows";
        let stored = store.count_entries(self.channel).await.map_err(cannot(count))?;
        let series = store.series(self.channel).await.map_err(cannot(count))?;
        let series = series.ok_or_else(|| Failure::new(count, "the channel is gone"))?;
        let rows = reconcile::count(&store, &series, acknowledged, Rows::new(acknowledged)).await?;
        store.close().await.map_err(cannot("cannot close the private database"))?;
        Ok((stored, rows))
    }
}

/// Deletes the folders of runs that were killed: nobody else would, and they hold a run's rows each.
fn remove_left_behind(beside: &Path) {
    for entry in std::fs::read_dir(beside).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next()?.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else { continue };
        if test_kill_process(pid) == Err(Errno::SRCH)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, folder = %entry.path().display(), "cannot delete what a killed run has left");
        }
    }
}

async fn create_channel(database: &Path) -> Result<(ChannelId, Secret), Failure> {
    migrate::prepare(database).map_err(|error| cannot_open(database, &error))?;
    let store = Sqlite::open(database, QUEUE_CAPACITY).map_err(|error| cannot_open(database, &error))?;
    let channel = entropy::new_channel(None, Settings::new("stress test".into()))
        .map_err(|error| Failure::new("cannot create a channel for the run", error))?;
    let write_key = channel.write_key.clone();
    let created =
        store.create_channel(channel).await.map_err(cannot("cannot create a channel for the run"))?;
    store.close().await.map_err(cannot("cannot close the private database"))?;
    Ok((created.id, write_key))
}

/// Writes the allowlist of a bridge, and returns a token for it.
fn permit_echo(folder: &Path) -> Result<Secret, Failure> {
    let file = folder.join(ALLOWLIST_FILE);
    std::fs::write(&file, ALLOWLIST)
        .map_err(|error| Failure::new(format!("cannot write {}", file.display()), error))?;
    entropy::bridge_token().map_err(|error| Failure::new("cannot make a token for the run", error))
}

fn spawn(database: &Path, workers: Option<u32>, bridge_token: Option<&Secret>) -> Result<Child, Failure> {
    let failed = |error: std::io::Error| Failure::new("cannot start the private server", error);
    let executable = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(executable);
    // Its own settings otherwise, so that what is measured is what `porta serve` would be here.
    command
        .args([
            "serve",
            "--with-parent",
            "--listen",
            "127.0.0.1:0",
            "--shutdown-timeout",
            "5s",
            "--log-level",
            "warn",
            "--db",
        ])
        .arg(database);
    if let Some(workers) = workers {
        command.arg("--workers").arg(workers.to_string());
    }
    command.env("DEBUG", "false");
    for secret in SECRETS {
        command.env_remove(secret);
    }
    match bridge_token {
        None => command.args(["--exec", "off"]),
        // Whoever started the run could have started the same echo; the server is gone with the run.
        Some(token) => command
            .args(["--exec", "allowlist", "--exec-allow-root", "--exec-allowlist", ALLOWLIST_FILE])
            .env(TOKEN, token.reveal()),
    };
    // Elsewhere it would read this folder's .env again, and the secrets with it.
    command.current_dir(database.parent().unwrap_or(Path::new("/")));
    // In a process group of its own it does not get the terminal's Ctrl+C, which is for the run to end gracefully.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(failed)
}

async fn first_url(child: &mut Child) -> Result<String, Failure> {
    let failed = |reason: String| Failure::new("cannot start the private server", reason);
    let stdout = child.stdout.take().ok_or_else(|| failed("it has no output".into()))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await.map_err(|error| failed(error.to_string()))?;
    let url = line.trim_end().rsplit(' ').next().filter(|url| url.starts_with("http://"));
    url.map(str::to_owned).ok_or_else(|| failed("it ended before it named its address".into()))
}
