//! The process that makes the load: `porta stress`, in a process group of its own, with the key in its environment. What it
//! prints is read within bounds. When the server is gone its standard input ends, and so does the run.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::id::{ChannelId, RunId};
use crate::domain::progress::ProgressEvent;
use crate::domain::run::{Plan, Rate, Scenario};
use crate::domain::secret::Secret;

/// Bytes of a line that is read. A report is longer; it is read from the database.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of standard error that are kept, the last.
const COMPLAINT_BYTES_MAX: usize = 4096;
/// Characters of a complaint that a run keeps as its reason.
const REASON_CHARACTERS_MAX: usize = 500;
/// Lines that wait until they are taken in.
const EVENTS_MAX: usize = 4;
/// How long a process whose output has ended may take to end, too.
const END_MAX: Duration = Duration::from_secs(5);
/// Holds the key. An argument would show in the list of processes.
const KEY: &str = "PORTA_API_KEY";

/// What of the events of `porta stress` is looked at.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The load begins.
    Start,
    /// A second is over.
    Progress(Box<ProgressEvent>),
    /// All is sent and answered.
    Sent(Box<ProgressEvent>),
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What the process is to do.
pub struct Task {
    pub run: RunId,
    pub plan: Plan,
    pub scenario: Option<Scenario>,
    /// `None` for one that was made for the run.
    pub channel: Option<ChannelId>,
    pub key: Secret,
    /// Of this server.
    pub url: String,
    pub database: PathBuf,
}

/// The running process.
pub struct Generator {
    process: Child,
    input: Option<ChildStdin>,
    /// Ends with its output.
    pub events: mpsc::Receiver<Event>,
    complaint: JoinHandle<Vec<u8>>,
}

impl Generator {
    /// Starts it, on the present runtime.
    pub fn start(executable: &PathBuf, task: &Task) -> io::Result<Self> {
        let mut command = Command::new(executable);
        command.args(arguments(task)).arg("--db").arg(&task.database);
        // Nothing of the server's settings and secrets; it reads no file with them either.
        command.env_clear().env(KEY, task.key.reveal()).current_dir("/");
        // A Ctrl+C in the server's terminal is for the server, which then ends this in its own way.
        command.process_group(0);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let gone = || io::Error::other("its standard streams are not there");
        let output = process.stdout.take().ok_or_else(gone)?;
        let errors = process.stderr.take().ok_or_else(gone)?;
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(read_events(output, sender));
        let input = process.stdin.take();
        Ok(Self { process, input, events, complaint: tokio::spawn(read_tail(errors)) })
    }

    /// Asks it to send nothing more, and to keep what it has measured.
    pub async fn ask_to_end(&mut self, reason: &str) {
        let Some(input) = &mut self.input else { return };
        // It fits into the pipe. A process that is gone says so by its output.
        let _ = input.write_all(format!("{reason}\n").as_bytes()).await;
    }

    /// Tells it to end at once, when it was asked before.
    pub fn hurry(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal to it and to whatever it may have started.
    fn signal(&self, signal: Signal) {
        // There is none once it was waited for.
        let Some(pid) = self.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) else { return };
        if let Err(error) = kill_process_group(pid, signal) {
            tracing::debug!(%error, "the generator was not there for a signal");
        }
    }

    /// Waits for the end of a process whose output has ended, and returns what it has complained of.
    pub async fn end(mut self) -> (io::Result<ExitStatus>, String) {
        let status = match tokio::time::timeout(END_MAX, self.process.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.kill();
                self.process.wait().await
            }
        };
        let complaint = tokio::time::timeout(END_MAX, self.complaint).await;
        let complaint = complaint.ok().and_then(Result::ok).unwrap_or_default();
        (status, reason(&String::from_utf8_lossy(&complaint)))
    }
}

fn arguments(task: &Task) -> Vec<String> {
    let Plan { workers, rate, duration, timeout, .. } = task.plan;
    let mut arguments = vec!["stress".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    add("for-server", task.run.to_string());
    add("url", task.url.clone());
    if let Some(channel) = task.channel {
        add("channel", channel.to_string());
    }
    if let Some(scenario) = task.scenario {
        add("scenario", scenario.as_str().into());
    }
    add("workers", workers.to_string());
    // Limits are about rates: there is no other plan here.
    if let Rate::PerSecond(rps) = rate {
        add("rps", rps.to_string());
    }
    add("duration", format!("{}ms", duration.as_millis()));
    add("timeout", format!("{}ms", timeout.as_millis()));
    add("format", "json".into());
    add("log-level", "warn".into());
    add("log-format", "text".into());
    arguments
}

/// Reads lines until there are no more. One that is too long is passed over, and costs no memory.
async fn read_events(output: impl AsyncRead + Unpin, events: mpsc::Sender<Event>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut output).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if line.ends_with(b"\n") => {}
            Ok(_) => {
                if !skip_line(&mut output).await {
                    return;
                }
                continue;
            }
        }
        match serde_json::from_slice(&line) {
            // Nobody listens any more: what is written is still to be read, so that its writer can go on.
            Ok(event) => _ = events.send(event).await,
            Err(error) => tracing::debug!(%error, "a line of the generator was not understood"),
        }
    }
}

/// Reads to the end of a line, and returns whether there is one.
async fn skip_line(output: &mut (impl AsyncBufReadExt + Unpin)) -> bool {
    loop {
        let (used, is_end) = match output.fill_buf().await {
            Ok([]) | Err(_) => return false,
            Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (bytes.len(), false),
            },
        };
        output.consume(used);
        if is_end {
            return true;
        }
    }
}

/// Reads to the end, and keeps the last bytes.
async fn read_tail(mut errors: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut tail = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = errors.read(&mut buffer).await {
        tail.extend_from_slice(&buffer[..read]);
        tail.drain(..tail.len().saturating_sub(COMPLAINT_BYTES_MAX));
    }
    tail
}

/// What of a complaint says why: the error that a command ends with, on one line.
fn reason(complaint: &str) -> String {
    let last = complaint.rsplit_once("error: ").map_or(complaint, |(_, error)| error);
    let words: Vec<_> = last.split_whitespace().collect();
    words.join(" ").chars().take(REASON_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(output: &str) -> Vec<String> {
        let (sender, mut events) = mpsc::channel(EVENTS_MAX);
        let output = output.as_bytes().to_vec();
        tokio::spawn(async move { read_events(output.as_slice(), sender).await });
        let mut seen = Vec::new();
        while let Some(event) = events.recv().await {
            seen.push(match event {
                Event::Progress(event) | Event::Sent(event) => format!("progress {}", event.progress.total),
                other => format!("{other:?}"),
            });
        }
        seen
    }

    #[tokio::test]
    async fn long_lines_and_nonsense_are_passed_over() {
        let long = "x".repeat(3 * LINE_BYTES_MAX as usize);
        let output = format!(
            "{{\"event\":\"start\",\"run_id\":7}}\n{{\"event\":\"report\",\"report\":\"{long}\"}}\nnonsense\n\
             {{\"event\":\"new\"}}\n{{\"event\":\"start\"}}\n{long}"
        );
        assert_eq!(events(&output).await, ["Start", "Other", "Start"]);
        // A line of the greatest length is read, and one that is longer by a byte is not.
        let padded = |length: usize| format!("{{\"event\":\"start\"}}{}\n", " ".repeat(length - 18));
        assert_eq!(events(&padded(LINE_BYTES_MAX as usize)).await, ["Start"]);
        assert_eq!(events(&padded(LINE_BYTES_MAX as usize + 1)).await, [""; 0]);
    }

    #[tokio::test]
    async fn of_a_long_complaint_the_end_is_kept() {
        let complaint = format!("{}error: cannot: it\n       Do this.\n", "WARN x\n".repeat(10_000));
        let tail = read_tail(complaint.as_bytes()).await;
        assert_eq!(tail.len(), COMPLAINT_BYTES_MAX);
        assert_eq!(reason(&String::from_utf8_lossy(&tail)), "cannot: it Do this.");
        assert_eq!(reason("  WARN a\n"), "WARN a");
        assert_eq!(reason(&"é".repeat(1000)).chars().count(), REASON_CHARACTERS_MAX);
    }
}
