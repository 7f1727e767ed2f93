//! What server and runner say to each other: a line of JSON each, and behind an answer the bytes of both streams.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{End, Limits};

/// Bytes of a line.
pub const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The first thing that a runner is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub exec_dir: PathBuf,
    pub protected: Vec<PathBuf>,
    pub limits: Limits,
    /// `RLIMIT_NPROC`: tasks of the user, those included that have nothing to do with commands.
    pub tasks_of_user_max: u64,
}

/// A runner's answer to that.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Why no command could be run.
    pub problem: Option<String>,
    pub no_new_privileges: bool,
    /// The version that is in force, 0 for none.
    pub landlock: u32,
}

/// What a runner is told after that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Run this, and answer.
    Run(Order),
    /// End what you run. It may have ended already.
    Stop,
}

/// A command.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    pub argv: Vec<String>,
    pub timeout_ms: u64,
    pub output_bytes_max: usize,
}

/// What has come of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub end: End,
    pub took_us: u64,
    pub stdout: Stream,
    pub stderr: Stream,
    /// Whether everything that the command has started is gone. A runner that cannot say so ends.
    pub is_clean: bool,
}

/// What follows of a stream.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stream {
    pub bytes: usize,
    /// Whether there was more.
    pub truncated: bool,
}
