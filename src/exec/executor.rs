//! The server's side: runners that wait for a command, and what is to be done with them.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::geteuid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

use super::cgroup::Groups;
use super::message::{Answer, LINE_BYTES_MAX, Message, Order, Ready, Setup, Stream};
use super::runner::NAME;
use super::{Confinement, ExecError, Invocation, Outcome, Output, Settings};
use crate::disk::Disk;
use crate::process;

/// Runners that wait for a command.
const IDLE_MAX: usize = 8;
/// How long a runner may take to be ready.
const START_MAX: Duration = Duration::from_secs(10);
/// How long one may take to end what it runs, and itself: longer than it gives what it runs.
const END_MAX: Duration = Duration::from_secs(7);
/// Bytes that must be free where commands write, which mostly is where the database does.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Runs commands. All of it happens on the runtime that it is used on.
pub struct Executor {
    shared: Arc<Shared>,
    confinement: Confinement,
}

struct Shared {
    settings: Settings,
    tasks_of_user_max: u64,
    groups: Groups,
    idle: Mutex<Idle>,
    next: AtomicU64,
    /// Runners that have not ended.
    alive: watch::Sender<usize>,
}

#[derive(Default)]
struct Idle {
    runners: Vec<Runner>,
    closed: bool,
}

/// A process that runs one command at a time.
struct Runner {
    number: u64,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Which limits it shares with all others.
    control_groups: Vec<&'static str>,
}

impl Executor {
    /// Starts a first runner, and finds out by that what is in force here. `commands_max` commands run at a time.
    ///
    /// # Errors
    /// When there can be no runner: as another user, for example, without being root.
    pub async fn start(settings: Settings, commands_max: usize) -> Result<Self, ExecError> {
        let uid = settings.user.as_ref().map_or(geteuid().as_raw(), |user| user.uid);
        let groups = Groups::make(&settings.limits, commands_max as u64);
        let shared = Arc::new(Shared {
            tasks_of_user_max: tasks_of(uid) + settings.limits.processes + 2 * commands_max as u64,
            settings,
            groups,
            idle: Mutex::default(),
            next: AtomicU64::new(0),
            alive: watch::Sender::new(0),
        });
        let (mut lease, ready) = Shared::start_runner(&shared).await?;
        let control_groups = lease.runner().map(|runner| runner.control_groups.clone()).unwrap_or_default();
        lease.give_back();
        let confinement = shared.confinement(uid, &ready, control_groups);
        Ok(Self { shared, confinement })
    }

    /// What commands are held to.
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// Whether there is space on the disk for what a command writes. Where that is not known there is.
    pub fn has_space(&self) -> bool {
        Disk::of(&self.shared.settings.exec_dir).is_none_or(|disk| disk.free_bytes >= FREE_BYTES_MIN)
    }

    /// Runs a command to its end, or until `stopped` is ready. When this is dropped before, the command is ended, too, with all
    /// that it has started.
    ///
    /// # Errors
    /// When it could not be run, or its end is not known.
    pub async fn run(
        &self,
        invocation: Invocation,
        stopped: impl Future<Output = ()>,
    ) -> Result<Outcome, ExecError> {
        let order = Order {
            argv: invocation.argv,
            timeout_ms: u64::try_from(invocation.timeout.as_millis()).unwrap_or(u64::MAX),
            output_bytes_max: invocation.output_bytes_max,
        };
        let mut lease = match Shared::take_idle(&self.shared)? {
            Some(lease) => lease,
            None => Shared::start_runner(&self.shared).await?.0,
        };
        // A runner that was stopped says nothing, and neither does one that waits for a disk.
        let carried_out =
            tokio::time::timeout(invocation.timeout + END_MAX, lease.carry_out(order, stopped)).await;
        let carried_out = carried_out.unwrap_or_else(|_| Err(io::Error::other("it does not answer")));
        let (outcome, is_clean) = carried_out.map_err(|error| ExecError::Lost(error.to_string()))?;
        if is_clean {
            lease.give_back();
        }
        Ok(outcome)
    }

    /// Takes no command any more, and waits until all runners have ended.
    pub async fn stop(&self) {
        let runners = {
            let mut idle = self.shared.idle();
            idle.closed = true;
            std::mem::take(&mut idle.runners)
        };
        for runner in runners {
            self.shared.retire(runner);
        }
        // Its sender is here, too; and each runner has a limit of its own.
        let _ = self.shared.alive.subscribe().wait_for(|alive| *alive == 0).await;
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(shared: &Arc<Self>) -> Result<Option<Lease>, ExecError> {
        let mut idle = shared.idle();
        if idle.closed {
            return Err(ExecError::Closed);
        }
        Ok(idle.runners.pop().map(|runner| Lease { shared: Arc::clone(shared), runner: Some(runner) }))
    }

    async fn start_runner(shared: &Arc<Self>) -> Result<(Lease, Ready), ExecError> {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let runner = shared.spawn(number).map_err(|error| ExecError::Start(error.to_string()))?;
        shared.alive.send_modify(|alive| *alive += 1);
        let mut lease = Lease { shared: Arc::clone(shared), runner: Some(runner) };
        let ready = tokio::time::timeout(START_MAX, lease.set_up()).await;
        let ready = ready.unwrap_or_else(|_| Err(io::Error::other("it does not answer")));
        Ok((lease, ready.map_err(|error| ExecError::Start(error.to_string()))?))
    }

    fn spawn(&self, number: u64) -> io::Result<Runner> {
        let mut command = Command::new(&self.settings.executable);
        command.arg0(NAME).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(user) = self.settings.user.as_ref().filter(|user| user.uid != geteuid().as_raw()) {
            command.uid(user.uid).gid(user.gid);
        }
        let mut child = command.spawn()?;
        let control_groups = child.id().map(|pid| self.groups.admit(number, pid)).unwrap_or_default();
        match (child.stdin.take(), child.stdout.take()) {
            (Some(orders), Some(answers)) => {
                Ok(Runner { number, child, orders, answers: BufReader::new(answers), control_groups })
            }
            _ => Err(io::Error::other("its standard streams are not there")),
        }
    }

    /// Lets a runner end, with what it runs.
    fn retire(self: &Arc<Self>, runner: Runner) {
        let shared = Arc::clone(self);
        let Runner { number, mut child, orders, answers, .. } = runner;
        tokio::spawn(async move {
            // That is what tells it.
            drop((orders, answers));
            if tokio::time::timeout(END_MAX, child.wait()).await.is_err() {
                tracing::error!("a process that runs commands does not end, and is killed");
                // What is left of it is then found only in its control group.
                let _ = child.kill().await;
            }
            shared.groups.dissolve(number);
            shared.alive.send_modify(|alive| *alive -= 1);
        });
    }

    fn confinement(&self, uid: u32, ready: &Ready, control_groups: Vec<&'static str>) -> Confinement {
        let processes_bounded_by = if control_groups.contains(&"processes") {
            Some("control group")
        } else if uid != 0 {
            Some("user")
        } else {
            None
        };
        let user = match &self.settings.user {
            Some(user) => user.name.clone(),
            None if uid == 0 => "root".to_owned(),
            None => uid.to_string(),
        };
        Confinement {
            user,
            no_new_privileges: ready.no_new_privileges,
            landlock: ready.landlock,
            control_groups,
            processes_bounded_by,
            folder: self.settings.exec_dir.clone(),
        }
    }
}

/// Tasks that a user has. `RLIMIT_NPROC` counts all of them, commands or not.
fn tasks_of(uid: u32) -> u64 {
    let folders = process::ids().map(|pid| PathBuf::from(format!("/proc/{pid}")));
    let own = folders.filter(|folder| folder.metadata().is_ok_and(|metadata| metadata.uid() == uid));
    own.map(|folder| std::fs::read_dir(folder.join("task")).map_or(1, |tasks| tasks.count() as u64)).sum()
}

/// A runner in use. One that is not given back ends, and with it what it runs.
struct Lease {
    shared: Arc<Shared>,
    runner: Option<Runner>,
}

impl Lease {
    fn runner(&mut self) -> io::Result<&mut Runner> {
        self.runner.as_mut().ok_or_else(|| io::Error::other("it was given back"))
    }

    async fn set_up(&mut self) -> io::Result<Ready> {
        let settings = &self.shared.settings;
        let setup = Setup {
            exec_dir: settings.exec_dir.clone(),
            protected: settings.protected.clone(),
            limits: settings.limits,
            tasks_of_user_max: self.shared.tasks_of_user_max,
        };
        let Runner { orders, answers, child, .. } = self.runner()?;
        tell(orders, &setup).await?;
        let ready: Ready = hear(answers, child).await?;
        match ready.problem {
            Some(problem) => Err(io::Error::other(problem)),
            None => Ok(ready),
        }
    }

    async fn carry_out(
        &mut self,
        order: Order,
        stopped: impl Future<Output = ()>,
    ) -> io::Result<(Outcome, bool)> {
        let bytes_max = order.output_bytes_max;
        let Runner { orders, answers, child, .. } = self.runner()?;
        tell(orders, &Message::Run(order)).await?;
        let answer = {
            let mut answer = std::pin::pin!(hear::<Answer>(answers, child));
            tokio::select! {
                answer = &mut answer => answer?,
                () = stopped => {
                    tell(orders, &Message::Stop).await?;
                    tokio::time::timeout(END_MAX, answer).await.map_err(io::Error::other)??
                }
            }
        };
        let stdout = read(answers, &answer.stdout, bytes_max).await?;
        let stderr = read(answers, &answer.stderr, bytes_max).await?;
        let took = Duration::from_micros(answer.took_us);
        Ok((Outcome { end: answer.end, stdout, stderr, took }, answer.is_clean))
    }

    /// Keeps the runner for the next command.
    fn give_back(mut self) {
        let Some(runner) = self.runner.take() else { return };
        let mut idle = self.shared.idle();
        if idle.closed || idle.runners.len() >= IDLE_MAX {
            drop(idle);
            self.shared.retire(runner);
        } else {
            idle.runners.push(runner);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(runner) = self.runner.take() {
            self.shared.retire(runner);
        }
    }
}

async fn tell(orders: &mut ChildStdin, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    orders.write_all(&line).await
}

async fn hear<T: DeserializeOwned>(answers: &mut BufReader<ChildStdout>, child: &mut Child) -> io::Result<T> {
    let mut line = Vec::new();
    answers.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        let ended = child.try_wait()?.map_or_else(|| "it says nothing".into(), |status| status.to_string());
        return Err(io::Error::other(ended));
    }
    Ok(serde_json::from_slice(&line)?)
}

async fn read(answers: &mut BufReader<ChildStdout>, stream: &Stream, bytes_max: usize) -> io::Result<Output> {
    if stream.bytes > bytes_max {
        return Err(io::Error::other("it sends more than it was told to keep"));
    }
    let mut bytes = vec![0; stream.bytes];
    answers.read_exact(&mut bytes).await?;
    Ok(Output { text: text(&bytes, stream.truncated), truncated: stream.truncated })
}

/// What is no UTF-8 is replaced. A character that was cut in two is left out.
fn text(bytes: &[u8], truncated: bool) -> String {
    let cut = bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
    let kept = if truncated { &bytes[..bytes.len() - cut] } else { bytes };
    String::from_utf8_lossy(kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_was_cut_is_left_out_and_other_rubbish_is_replaced() {
        assert_eq!(text("aж".as_bytes(), false), "aж");
        assert_eq!(text(&"aж".as_bytes()[..2], true), "a");
        assert_eq!(text(&"aж".as_bytes()[..2], false), "a\u{fffd}");
        assert_eq!(text(b"\xff\xfeb", true), "\u{fffd}\u{fffd}b");
        assert_eq!(text(b"", true), "");
    }

    #[test]
    fn this_user_has_tasks() {
        assert!(tasks_of(geteuid().as_raw()) >= 1);
    }
}
