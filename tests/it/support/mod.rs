//! A folder with a database, the executable, and servers that end with the test.

pub mod bridge;
pub mod browser;
pub mod chromium;
pub mod client;
pub mod everything;
pub mod island;
pub mod page_cache;
pub mod people;
pub mod power;
pub mod proxy;
pub mod remembered;
pub mod stress;
pub mod stress_test;
pub mod target;
pub mod tls;
pub mod watch;
pub mod wire;

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use porta::server::bounds::Bounds;
use porta::server::{self, Options, ServeError};
use porta::store::SharedStore;
use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Says that a test does not show anything here, and why.
#[allow(clippy::print_stdout, reason = "it is the test's result")]
pub fn skip(why: &str) {
    println!("skipped: {why}");
}

/// A folder that is deleted with the test, and commands that run in it.
pub struct Workspace {
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A channel and its keys.
pub struct Channel {
    pub id: i64,
    pub write_key: String,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn db(&self) -> PathBuf {
        self.path().join("porta.db")
    }

    /// Names of the files in this folder, in their order.
    pub fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The executable in this folder, with an environment that holds nothing of the tester's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_porta"));
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn porta(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs a command that must succeed and print JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.porta(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    pub fn create_channel(&self, name: &str) -> Channel {
        let keys = self.json(&["admin", "channel", "create", name, "--format", "json"]);
        Channel {
            id: keys["id"].as_i64().unwrap(),
            write_key: keys["write_api_key"].as_str().unwrap().into(),
        }
    }

    /// Starts a server on a free port and waits until it listens.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"];
        all.extend(arguments);
        Server::start(self.command(&all))
    }

    /// Reads the database beside porta.
    pub fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(self.db(), flags).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// The file that every process that uses the database has a lock on.
    pub fn lock_file(&self) -> File {
        let path = self.path().join("porta.db.lock");
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    /// A file in this folder, as `porta migrate verify` describes it. It must be whole.
    pub fn verified(&self, file: &str) -> Value {
        self.json(&["migrate", "verify", file, "--format", "json"])
    }

    /// Entry ids and `field1` of a channel, in the order of the ids.
    pub fn entries(&self, channel: i64) -> Vec<(i64, String)> {
        entries(&self.database(), channel).unwrap()
    }
}

/// Entry ids and `field1` of a channel, in the order of the ids.
pub fn entries(database: &Connection, channel: i64) -> rusqlite::Result<Vec<(i64, String)>> {
    database
        .prepare(
            "SELECT entry_id, field1 FROM entries JOIN series ON series.id = series_id
             WHERE channel_id = ?1 ORDER BY entry_id",
        )?
        .query_map([channel], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A server within the test, with two workers and time for everything: its address, what ends it, and its end.
pub async fn serve_within(
    store: SharedStore,
) -> (String, oneshot::Sender<()>, JoinHandle<Result<(), ServeError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        workers: 2,
        worker_timeout: Duration::from_secs(60),
        shutdown_timeout: Duration::from_secs(60),
        bounds: Bounds::DEFAULT,
        bridge: porta::server::bridge::Options::closed(),
        root_path: String::new(),
        trusted_proxies: Vec::new(),
        stress_test: porta::server::stress_test::Options {
            limits: porta::server::stress_test::Limits::DEFAULT,
            executable: env!("CARGO_BIN_EXE_porta").into(),
            database: "/nonexistent".into(),
            settling: Duration::ZERO,
        },
        thresholds: porta::judgement::ThresholdsFile::new(None, Path::new("porta.db")),
        debug: false,
    };
    let (stop, stopping) = oneshot::channel();
    (url, stop, tokio::spawn(server::serve(listener, store, options, async { _ = stopping.await })))
}

/// A running server. It is killed when dropped.
pub struct Server {
    child: Child,
    pub first_line: String,
    pub url: String,
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        let Some(url) = first_line.trim().rsplit(' ').next().filter(|url| url.starts_with("http://")) else {
            let output = child.wait_with_output().unwrap();
            panic!("the server did not start: {first_line}{}", String::from_utf8_lossy(&output.stderr));
        };
        Self { url: url.into(), first_line, child }
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line on standard error that has these words in it.
    pub fn error_line(&mut self, words: &str) -> String {
        let stderr = self.child.stderr.as_mut().unwrap();
        loop {
            let mut line = Vec::new();
            // What comes after the line is left for others to read.
            let mut byte = [0];
            while std::io::Read::read(stderr, &mut byte).unwrap() > 0 && byte != *b"\n" {
                line.push(byte[0]);
            }
            let line = String::from_utf8(line).unwrap();
            assert!(!line.is_empty(), "the server has ended without a word of {words}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The link that creates the first account.
    pub fn set_up_link(&mut self) -> String {
        self.error_line("/setup?token=").trim().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the wait for the end.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for the end and returns it with what was logged.
    pub fn wait(mut self) -> Ended {
        let status: ExitStatus = self.child.wait().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr).unwrap();
        Ended { code: status.code(), stdout: String::new(), stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
