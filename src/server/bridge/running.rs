//! What is being run, in memory: how far it is, and what ends it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::wire::Item;
use crate::clock;
use crate::domain::agent::{AgentId, JobId, OperationType};
use crate::domain::unit::UtcMillis;
use crate::server::bounds::Bounds;
use crate::server::error::{Cause, Refusal};

/// How long a stop waits for what runs to have ended.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Why something is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nobody wants it any more.
    Cancelled,
    /// The server ends.
    Interrupted,
}

/// A command or a pipeline that is to be run, or is.
pub struct Run {
    pub job: Option<JobId>,
    pub agent: Option<AgentId>,
    pub operation_type: OperationType,
    pub commands: Vec<String>,
    /// Of each command.
    pub timeout: Duration,
    /// The address that asked.
    pub peer: String,
    pub started_at: UtcMillis,
    pub started: Instant,
    results: Mutex<Vec<Item>>,
    output_bytes: AtomicUsize,
    stop: watch::Sender<Option<Stop>>,
}

impl Run {
    pub fn new(
        agent: Option<AgentId>,
        operation_type: OperationType,
        commands: Vec<String>,
        timeout: Duration,
        peer: String,
    ) -> Self {
        Self {
            job: None,
            agent,
            operation_type,
            commands,
            timeout,
            peer,
            started_at: clock::utc(),
            started: clock::instant(),
            results: Mutex::default(),
            output_bytes: AtomicUsize::new(0),
            stop: watch::Sender::new(None),
        }
    }

    /// Takes in what has come of its next command.
    pub fn keep(&self, item: Item) {
        self.output_bytes.fetch_add(item.stdout.len() + item.stderr.len(), Ordering::Relaxed);
        self.results().push(item);
    }

    /// Bytes of output that it holds.
    pub fn output_bytes(&self) -> usize {
        self.output_bytes.load(Ordering::Relaxed)
    }

    /// What of it has ended.
    pub fn results(&self) -> MutexGuard<'_, Vec<Item>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, unless it was told so before.
    pub fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| {
            let is_first = stop.is_none();
            stop.get_or_insert(why);
            is_first
        });
    }

    /// Why it is to end, if it is.
    pub fn stopped(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Ready once it is to end.
    pub async fn until_stopped(&self) {
        // Its sender is here, too.
        let _ = self.stop.subscribe().wait_for(Option::is_some).await;
    }
}

/// Everything that is being run.
pub struct Running {
    runs: watch::Sender<Runs>,
    next: AtomicU64,
    runs_max: usize,
    runs_per_agent_max: usize,
}

#[derive(Default)]
struct Runs {
    by_number: HashMap<u64, Arc<Run>>,
    closed: bool,
}

impl Runs {
    fn job(&self, id: &JobId) -> Option<&Arc<Run>> {
        self.by_number.values().find(|run| run.job.as_ref() == Some(id))
    }
}

/// Takes a run out again when it is dropped.
pub struct Place {
    running: Arc<Running>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.runs.send_modify(|runs| _ = runs.by_number.remove(&self.number));
    }
}

impl Running {
    pub fn new(bounds: &Bounds) -> Self {
        Self {
            runs: watch::Sender::default(),
            next: AtomicU64::new(0),
            runs_max: bounds.commands,
            runs_per_agent_max: bounds.commands_per_agent,
        }
    }

    /// Takes a run in, if there is a place for it.
    pub fn enter(self: &Arc<Self>, run: &Arc<Run>) -> Result<Place, Refusal> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut refused = None;
        self.runs.send_if_modified(|runs| {
            refused = self.refusal(runs, run);
            if refused.is_none() {
                runs.by_number.insert(number, Arc::clone(run));
            }
            refused.is_none()
        });
        match refused {
            Some(refusal) => Err(refusal),
            None => Ok(Place { running: Arc::clone(self), number }),
        }
    }

    fn refusal(&self, runs: &Runs, run: &Run) -> Option<Refusal> {
        if runs.closed {
            return Some(Refusal::Unavailable(Cause::word("closing")));
        }
        if runs.by_number.len() >= self.runs_max {
            return Some(Refusal::Unavailable(Cause::word("commands")));
        }
        let agent = run.agent.as_ref()?;
        let of_agent = runs.by_number.values().filter(|other| other.agent.as_ref() == Some(agent)).count();
        (of_agent >= self.runs_per_agent_max).then(|| {
            let max = self.runs_per_agent_max;
            Refusal::Busy(format!("{agent} runs {max} commands or pipelines already, as many as it may"))
        })
    }

    /// Bytes of output that all of them hold.
    pub fn output_bytes(&self) -> usize {
        self.runs.borrow().by_number.values().map(|run| run.output_bytes()).sum()
    }

    pub fn count(&self) -> usize {
        self.runs.borrow().by_number.len()
    }

    /// What runs for an agent, the oldest first.
    pub fn of(&self, agent: &AgentId) -> Vec<Arc<Run>> {
        let runs = self.runs.borrow();
        let mut found: Vec<_> =
            runs.by_number.iter().filter(|(_, run)| run.agent.as_ref() == Some(agent)).collect();
        found.sort_unstable_by_key(|(number, _)| **number);
        found.into_iter().map(|(_, run)| Arc::clone(run)).collect()
    }

    pub fn job(&self, id: &JobId) -> Option<Arc<Run>> {
        self.runs.borrow().job(id).map(Arc::clone)
    }

    /// Ready once a job does not run any more.
    pub async fn until_ended(&self, id: &JobId) {
        // Its sender is here, too.
        let _ = self.runs.subscribe().wait_for(|runs| runs.job(id).is_none()).await;
    }

    /// Takes nothing more, ends all, and waits for that.
    pub async fn stop(&self) {
        self.runs.send_modify(|runs| {
            runs.closed = true;
            runs.by_number.values().for_each(|run| run.stop(Stop::Interrupted));
        });
        let mut changes = self.runs.subscribe();
        let ended = changes.wait_for(|runs| runs.by_number.is_empty());
        if tokio::time::timeout(STOP_MAX, ended).await.is_err() {
            tracing::warn!(running = self.count(), "commands had not ended when the server did");
        }
    }
}
