//! A small disk of its own: a file system in memory, in a mount namespace that ends with the test. Commands run on it, and
//! nothing else sees it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Ended, Server, skip};

pub struct Island {
    /// Keeps the namespace until its standard input ends.
    keeper: Child,
    is_root: bool,
    /// Where the disk is, inside.
    place: String,
}

impl Island {
    /// A disk of `size`, as `mount` takes it, at `place`. `None` on a machine that lets this user mount nothing.
    pub fn new(place: &Path, size: &str) -> Option<Self> {
        let is_root = rustix::process::getuid().is_root();
        let mut command = Command::new("unshare");
        command.args(if is_root { &["--mount"][..] } else { &["--user", "--map-root-user", "--mount"] });
        let script = format!("mount -t tmpfs -o size={size} tmpfs \"$0\" && echo ready && exec cat");
        command.args(["sh", "-c", &script]).arg(place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(keeper.stdout.take()?).read_line(&mut line).ok()?;
        if line.trim() != "ready" {
            keeper.wait().ok()?;
            skip("this machine lets nobody mount a file system");
            return None;
        }
        Some(Self { keeper, is_root, place: place.to_str()?.to_owned() })
    }

    /// A command on the island, in the folder of its disk, with an empty environment.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.keeper.id().to_string();
        command.args(["--target", &pid, "--mount"]);
        if !self.is_root {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--", "sh", "-c", "cd \"$0\" && exec \"$@\"", &self.place, program]).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        self.command(program, arguments).output().unwrap().into()
    }

    /// Runs porta to its end.
    pub fn porta(&self, arguments: &[&str]) -> Ended {
        self.run(env!("CARGO_BIN_EXE_porta"), arguments)
    }

    /// Starts a server there.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let all = [&["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"], arguments].concat();
        Server::start(self.command(env!("CARGO_BIN_EXE_porta"), &all))
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Whatever it says, it has ended.
        let _ = self.keeper.wait();
    }
}
