//! A server with a bridge on a database of its own, which may have a past.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, kill_process, pidfd_open};
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::client::TOKEN;
use crate::history;

/// How long a server takes to start or to end.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// A server that runs any command. It is ended when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Of its one channel.
    pub key: String,
    _folder: TempDir,
}

impl Server {
    /// Starts one that has done so many operations before.
    pub fn start(porta: &Path, operations: u32) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(".")?;
        let path = folder.path().canonicalize()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(porta);
            command.args(arguments).args(["--log-level", "warn"]).current_dir(&path).env_clear();
            command.env("PORTA_TOKEN", TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
            command
        };
        let created = command(&["admin", "channel", "create", "bench", "--format", "json"]).output()?;
        let created: Value = serde_json::from_slice(&created.stdout)?;
        let key = created["write_api_key"].as_str().ok_or("the channel has no key")?.to_owned();
        history::fill(&path.join("porta.db"), operations)?;
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--exec", "shell"];
        if geteuid().is_root() {
            arguments.push("--exec-allow-root");
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child: command(&arguments).spawn()?, address, key, _folder: folder };
        server.address = server.announced()?;
        Ok(server)
    }

    /// The address in the first line of its output.
    fn announced(&mut self) -> Result<SocketAddr, Failure> {
        let stdout = self.child.stdout.take().ok_or("the server has no output")?;
        if poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&PATIENCE))? == 0 {
            return Err("the server does not start".into());
        }
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().rsplit_once("http://").ok_or("the server did not start")?.1;
        Ok(address.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // It may have ended already.
        let _ = kill_process(pid, Signal::TERM);
        if let Ok(end) = pidfd_open(pid, PidfdFlags::empty()) {
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&PATIENCE));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
