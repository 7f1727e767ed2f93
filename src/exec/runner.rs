//! The process that runs commands, one at a time, for the server at the other end of its standard streams.

use std::fs;
use std::io::{self, BufRead as _, ErrorKind, Read as _, StdinLock, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, WaitStatus, getrlimit, pidfd_open, setrlimit, setsid,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::End;
use super::descendants::{self, Left};
use super::message::{Answer, LINE_BYTES_MAX, Message, Order, Setup, Stream};
use super::sandbox::Sandbox;
use crate::clock;

/// What a runner is called, by itself and in the list of processes.
pub const NAME: &str = "porta-runner";
/// How often children that others have left are taken in.
const TICK: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks between two looks at the clock.
const CHUNKS_MAX: usize = 16;
/// Chunks of what is left when nobody writes any more: a pipe holds 1 MiB unless root has made it larger.
const REST_CHUNKS_MAX: usize = 64;
/// When memory runs out commands go before servers.
const OOM_SCORE: &str = "500";
/// What a command finds in its environment, beside its folder.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];

/// Whether this process is to be a runner.
pub fn is_this() -> bool {
    std::env::args_os().next().is_some_and(|name| name == NAME)
}

/// Runs commands until nobody is there any more who could ask for one.
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever has started this reads it in the server's log.
            let _ = writeln!(io::stderr(), "{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut orders = io::stdin().lock();
    let Some(setup) = read::<Setup>(&mut orders)? else { return Ok(()) };
    // Away from the server's terminal: Ctrl+C there is for the server, and nobody writes to it.
    setsid()?;
    descendants::adopt()?;
    // Not every system lets it.
    let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    limit(&setup)?;
    let mut sandbox = Sandbox::new(setup.exec_dir.clone(), setup.protected);
    let ready = sandbox.probe().map_err(io::Error::other)?;
    say(&ready, [&[], &[]])?;
    sandbox.prepare();
    while let Some(message) = read(&mut orders)? {
        // What was to be stopped has ended already.
        let Message::Run(order) = message else { continue };
        let Some((answer, stdout, stderr)) = carry_out(order, &mut sandbox, &setup.exec_dir, &mut orders)
        else {
            return Ok(());
        };
        say(&answer, [&stdout, &stderr])?;
        sandbox.prepare();
        if !answer.is_clean {
            return Err(io::Error::other("a process that a command has left cannot be ended"));
        }
    }
    Ok(())
}

/// A line, or `None` at the end.
fn read<T: DeserializeOwned>(orders: &mut StdinLock<'_>) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    orders.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&line)?)) }
}

fn say(message: &impl Serialize, streams: [&[u8]; 2]) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    streams.iter().try_for_each(|bytes| stdout.write_all(bytes))?;
    stdout.flush()
}

/// Limits this process, and by that whatever it starts, for good.
fn limit(setup: &Setup) -> io::Result<()> {
    let limits = [
        (Resource::Nproc, setup.tasks_of_user_max),
        (Resource::Data, setup.limits.memory_bytes),
        (Resource::Fsize, setup.limits.file_bytes),
        (Resource::Nofile, setup.limits.open_files),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // The system may allow less already.
        let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX).min(most);
        setrlimit(resource, Rlimit { current: Some(allowed), maximum: Some(allowed) })?;
    }
    Ok(())
}

/// Runs a command to its end. `None` when whoever wanted it has gone: then it is ended, and there is nobody to answer.
fn carry_out(
    order: Order,
    sandbox: &mut Sandbox,
    exec_dir: &Path,
    orders: &mut StdinLock<'_>,
) -> Option<(Answer, Vec<u8>, Vec<u8>)> {
    let begun = clock::instant();
    let started = Running::start(&order.argv, sandbox, exec_dir, order.output_bytes_max);
    let mut running = match started {
        Ok(running) => running,
        Err(why) => {
            let nothing = || Stream { bytes: 0, truncated: false };
            let took_us = micros(begun.elapsed());
            let (end, stdout, stderr) = (End::NotStarted(why), nothing(), nothing());
            return Some((Answer { end, took_us, stdout, stderr, is_clean: true }, Vec::new(), Vec::new()));
        }
    };
    let until = running.wait(begun + Duration::from_millis(order.timeout_ms), orders);
    let (status, left) = descendants::end(running.leader);
    let status = running.status.or(status);
    // What they had written is still there.
    running.streams.iter_mut().for_each(|stream| stream.read(REST_CHUNKS_MAX));
    let end = match until {
        // Told to stop, or nobody is there any more who could.
        Until::Told => read::<Message>(orders).ok().flatten().map(|_| End::Stopped)?,
        Until::Deadline => End::TimedOut,
        Until::End => of_status(status),
    };
    let [stdout, stderr] = running.streams;
    let stream = |captured: &Captured| Stream { bytes: captured.kept.len(), truncated: captured.truncated };
    let answer = Answer {
        end,
        took_us: micros(begun.elapsed()),
        stdout: stream(&stdout),
        stderr: stream(&stderr),
        is_clean: left == Left::None,
    };
    Some((answer, stdout.kept, stderr.kept))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn of_status(status: Option<WaitStatus>) -> End {
    let signal = status.and_then(WaitStatus::terminating_signal);
    match (status.and_then(WaitStatus::exit_status), signal) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Signalled(signal),
        // One that could not be ended has not.
        (None, None) => End::TimedOut,
    }
}

/// What a wait has come to.
enum Until {
    /// The command has ended.
    End,
    /// Its time is over.
    Deadline,
    /// Whoever wanted it has more to say.
    Told,
}

/// A command that runs.
struct Running {
    leader: Pid,
    /// Ready once the leader has ended.
    end: OwnedFd,
    /// How it has ended, where that was taken in already.
    status: Option<WaitStatus>,
    streams: [Captured; 2],
}

impl Running {
    fn start(
        argv: &[String],
        sandbox: &mut Sandbox,
        exec_dir: &Path,
        kept_max: usize,
    ) -> Result<Self, String> {
        let (program, arguments) = argv.split_first().ok_or("there is no program")?;
        let mut command = Command::new(program);
        // A folder of the command's own would take a fork; so this process goes there, if it has not gone away.
        std::env::set_current_dir(exec_dir).map_err(|error| format!("{}: {error}", exec_dir.display()))?;
        command.args(arguments).process_group(0);
        command.env_clear().envs(ENVIRONMENT).env("HOME", exec_dir).env("TMPDIR", exec_dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = sandbox.start(command).map_err(|error| format!("{program}: {error}"))?;
        let leader = Pid::from_child(&child);
        let streams = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        let end = pidfd_open(leader, PidfdFlags::empty());
        match (end, streams.map(|stream| stream.map(|stream| Captured::new(stream, kept_max)))) {
            (Ok(end), [Some(Ok(stdout)), Some(Ok(stderr))]) => {
                Ok(Self { leader, end, status: None, streams: [stdout, stderr] })
            }
            (end, _) => {
                descendants::end(leader);
                let why = end.err().map_or("its output cannot be read".into(), |error| error.to_string());
                Err(format!("{program}: {why}"))
            }
        }
    }

    /// Reads what it writes until it has ended, or has to be.
    fn wait(&mut self, deadline: Instant, orders: &impl AsFd) -> Until {
        let mut tick = clock::instant() + TICK;
        loop {
            let now = clock::instant();
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Until::Deadline;
            }
            let [stdout, stderr] = &mut self.streams;
            let mut waited = vec![PollFd::new(&self.end, PollFlags::IN), PollFd::new(orders, PollFlags::IN)];
            waited.extend(
                [&stdout.pipe, &stderr.pipe]
                    .into_iter()
                    .flatten()
                    .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            );
            let ready = poll(&mut waited, Some(&timespec(left.min(TICK))));
            let is_ready = |place: usize| !waited[place].revents().is_empty();
            if ready.is_ok() && is_ready(1) {
                return Until::Told;
            }
            let has_ended = ready.is_ok() && is_ready(0);
            stdout.read(CHUNKS_MAX);
            stderr.read(CHUNKS_MAX);
            if now >= tick {
                tick = now + TICK;
                self.status = descendants::reap(self.leader).0;
            }
            if has_ended || self.status.is_some() {
                return Until::End;
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Rounded up: to wake before the time is to wake twice.
    let duration = duration + Duration::from_nanos(999_999);
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// What comes out of a pipe.
struct Captured {
    /// `None` once nobody can write to it any more.
    pipe: Option<fs::File>,
    kept: Vec<u8>,
    kept_max: usize,
    truncated: bool,
}

impl Captured {
    fn new(pipe: OwnedFd, kept_max: usize) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self { pipe: Some(pipe.into()), kept: Vec::new(), kept_max, truncated: false })
    }

    /// Takes what is there, at most so many chunks, keeps what there is room for, and throws the rest away.
    fn read(&mut self, chunks_max: usize) {
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..chunks_max {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(bytes) => {
                    let room = self.kept_max - self.kept.len();
                    self.kept.extend_from_slice(&chunk[..bytes.min(room)]);
                    self.truncated |= bytes > room;
                    if bytes < CHUNK_BYTES {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}
