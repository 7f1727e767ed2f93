//! Running what an agent asks for: what is permitted, for how long, with how much output, and with a line in the audit trail
//! before and after.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::RwLock;

use super::running::{Run, Stop};
use super::wire::Item;
use crate::clock;
use crate::domain::agent::{Ending, NewOperation, OperationId, OperationState};
use crate::domain::redaction::without_secret;
use crate::exec::allowlist::{Allowlist, Denied};
use crate::exec::executor::Executor;
use crate::exec::{End, Invocation};
use crate::server::State;
use crate::server::error::{Cause, Refusal};
use crate::store::{SharedStore, StoreError};

/// Bytes of a command.
const COMMAND_BYTES_MAX: usize = 64 * 1024;
/// How long a pipeline may take, whatever its commands may.
const PIPELINE_DURATION_MAX: Duration = Duration::from_secs(3600);
/// A pipeline has room for so many full outputs. What comes later is cut.
const PIPELINE_OUTPUTS: usize = 16;
/// Bytes of output of all that runs. What comes later is cut.
const OUTPUT_HELD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Ends of operations that wait to be stored while the database takes nothing.
const ENDINGS_MAX: usize = 1000;
/// How long one waits for an operation to go along with.
const ENDINGS_PATIENCE: Duration = Duration::from_millis(200);
/// How long somebody who looks waits for the last ends of operations to be stored.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// What may be run.
#[derive(Debug)]
pub enum Policy {
    /// What a file permits, without a shell.
    Allowlist(Arc<Allowlist>),
    /// Anything, by this shell.
    Shell(PathBuf),
}

/// How commands are run.
pub struct Execution {
    /// Which are.
    pub policy: Policy,
    /// What runs them.
    pub executor: Executor,
    /// How many run of each that has a limit of its own.
    limited: Mutex<HashMap<String, usize>>,
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// One that may be run.
struct Permitted<'e> {
    argv: Vec<String>,
    timeout: Option<Duration>,
    output_bytes_max: Option<usize>,
    /// Kept while it runs.
    turn: Option<Turn<'e>>,
}

/// One of those that may run of a command at a time.
struct Turn<'e> {
    execution: &'e Execution,
    name: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut limited = self.execution.limited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = limited.get_mut(&self.name) {
            *running -= 1;
        }
    }
}

impl Execution {
    /// With nothing under way.
    pub fn new(policy: Policy, executor: Executor) -> Self {
        Self { policy, executor, limited: Mutex::default() }
    }

    /// Refuses what would not be run, and gives the commands back.
    pub async fn check(self: &Arc<Self>, commands: Vec<String>) -> Result<Vec<String>, Refusal> {
        let is_alone = commands.len() == 1;
        let check = move |policy: &Policy| {
            for (place, command) in commands.iter().enumerate() {
                let about = |refusal: Refusal| match is_alone {
                    true => refusal,
                    false => refusal.about(&format!("command {place}")),
                };
                check(policy, command).map_err(about)?;
            }
            Ok(commands)
        };
        match &self.policy {
            Policy::Shell(_) => check(&self.policy),
            Policy::Allowlist(_) => {
                let execution = Arc::clone(self);
                // A parameter can be a path, and its disk slow.
                let checked = tokio::task::spawn_blocking(move || check(&execution.policy)).await;
                checked.map_err(|error| Refusal::Internal(error.to_string()))?
            }
        }
    }

    async fn permit(&self, command: &str) -> Result<Permitted<'_>, Refusal> {
        if !self.executor.has_space() {
            return Err(Refusal::Unavailable(Cause::word("disk_space")));
        }
        match &self.policy {
            Policy::Shell(shell) => {
                let argv = vec![shell.to_string_lossy().into_owned(), "-c".into(), command.into()];
                Ok(Permitted { argv, timeout: None, output_bytes_max: None, turn: None })
            }
            Policy::Allowlist(allowlist) => {
                let (allowlist, command) = (Arc::clone(allowlist), command.to_owned());
                let permit = move || {
                    let permitted = allowlist.permit(&command).map_err(denied)?;
                    let turns = permitted.running_max.map(|max| (permitted.name.to_owned(), max));
                    Ok::<_, Refusal>((permitted.argv, permitted.timeout, permitted.output_bytes_max, turns))
                };
                let permitted = tokio::task::spawn_blocking(permit).await;
                let permitted = permitted.map_err(|error| Refusal::Internal(error.to_string()))?;
                let (argv, timeout, output_bytes_max, turns) = permitted?;
                let turn = turns.map(|(name, max)| self.turn(&name, max)).transpose()?;
                Ok(Permitted { argv, timeout, output_bytes_max, turn })
            }
        }
    }

    fn turn(&self, name: &str, max: usize) -> Result<Turn<'_>, Refusal> {
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let running = limited.entry(name.to_owned()).or_default();
        if *running >= max {
            return Err(Refusal::Busy(format!("`{name}` runs {max} times already, as often as it may")));
        }
        *running += 1;
        Ok(Turn { execution: self, name: name.to_owned() })
    }
}

fn check(policy: &Policy, command: &str) -> Result<(), Refusal> {
    if command.len() > COMMAND_BYTES_MAX {
        return Err(Refusal::Unprocessable(format!("a command has at most {COMMAND_BYTES_MAX} bytes")));
    }
    if command.contains('\0') {
        return Err(Refusal::Unprocessable("a command has no NUL character".into()));
    }
    match policy {
        Policy::Allowlist(allowlist) => allowlist.permit(command).map(|_| ()).map_err(denied),
        Policy::Shell(_) if command.trim().is_empty() => {
            Err(Refusal::Unprocessable("there is no command".into()))
        }
        Policy::Shell(_) => Ok(()),
    }
}

fn denied(denied: Denied) -> Refusal {
    let message = denied.to_string();
    match denied {
        Denied::Unknown { .. } => Refusal::Forbidden(message),
        Denied::Invalid { .. } => Refusal::Unprocessable(message),
    }
}

/// Runs what there is to run, one command after the other, until one fails. What has come of each stands in the run.
///
/// # Errors
/// When nothing was run: the first command had no turn, or could not be noted in the audit trail.
pub async fn run_to_end(state: &State, execution: &Execution, run: &Run) -> Result<(), Refusal> {
    for (place, command) in (0_u32..).zip(&run.commands) {
        if run.stopped().is_some() {
            break;
        }
        let begun = async {
            let permitted = execution.permit(command).await?;
            let operation = operation(state, run, place, command);
            let id = state.bridge.endings.begin(&state.store, operation).await?;
            Ok::<_, Refusal>((permitted, id))
        };
        let item = match begun.await {
            Err(refusal) if place == 0 => return Err(refusal),
            Err(refusal) => Item::failed(command.clone(), place, OperationState::Failed, refusal.message()),
            Ok((Permitted { argv, timeout, output_bytes_max, turn }, id)) => {
                let invocation = Invocation {
                    argv,
                    timeout: time_left(run, timeout),
                    output_bytes_max: room_left(state, run).min(output_bytes_max.unwrap_or(usize::MAX)),
                };
                let begun = clock::instant();
                let item = run_one(execution, run, place, command, invocation).await;
                drop(turn);
                if let Some(id) = id {
                    state.bridge.endings.add(state, (id, ending(state, &item, begun.elapsed())));
                }
                item
            }
        };
        let goes_on = item.success;
        run.keep(item);
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// How long the next command of a run may take.
fn time_left(run: &Run, of_command: Option<Duration>) -> Duration {
    let of_run = (run.started + PIPELINE_DURATION_MAX).saturating_duration_since(clock::instant());
    of_command.unwrap_or(run.timeout).min(run.timeout).min(of_run)
}

/// Bytes of each stream that are kept of the next command of a run.
fn room_left(state: &State, run: &Run) -> usize {
    let most = state.bounds.command_output_bytes;
    let of_run = (2 * PIPELINE_OUTPUTS * most).saturating_sub(run.output_bytes());
    let of_all = OUTPUT_HELD_BYTES_MAX.saturating_sub(state.bridge.running.output_bytes());
    most.min(of_run / 2).min(of_all / 2)
}

async fn run_one(
    execution: &Execution,
    run: &Run,
    place: u32,
    command: &str,
    invocation: Invocation,
) -> Item {
    let ran = execution.executor.run(invocation, run.until_stopped()).await;
    match ran {
        Ok(outcome) => {
            let is_stopped = outcome.end == End::Stopped;
            let mut item = Item::ran(command.to_owned(), place, outcome);
            if is_stopped && run.stopped() == Some(Stop::Interrupted) {
                item.state = OperationState::Interrupted;
                item.error = Some("the server was stopped".into());
            }
            item
        }
        Err(error) => {
            tracing::warn!(%error, "a command could not be run");
            Item::failed(command.to_owned(), place, OperationState::Failed, error.to_string())
        }
    }
}

fn operation(state: &State, run: &Run, place: u32, command: &str) -> NewOperation {
    NewOperation {
        agent: run.agent.clone(),
        operation_type: run.operation_type,
        command: without_token(state, command),
        peer: run.peer.clone(),
        job: run.job.clone(),
        place,
        started_at: clock::utc(),
        instance: state.bridge.instance.clone(),
    }
}

fn ending(state: &State, item: &Item, took: Duration) -> Ending {
    let stderr = item.error.as_deref().filter(|_| item.stderr.is_empty()).unwrap_or(&item.stderr);
    Ending {
        state: item.state,
        exit_code: item.exit_code(),
        took,
        stdout: without_token(state, &item.stdout),
        stderr: without_token(state, stderr),
        truncated: item.truncated,
    }
}

/// A text without the bridge's own token.
pub fn without_token(state: &State, text: &str) -> String {
    match &state.bridge.options.token {
        Some(token) => without_secret(text, token.reveal()),
        None => text.to_owned(),
    }
}

/// Ends of operations that are to be written. Nobody is kept waiting for that, and each goes along with the next operation
/// that begins, if one does soon. Should the server be killed before, the operation is marked as interrupted.
#[derive(Default)]
pub struct Endings {
    waiting: Mutex<Vec<(OperationId, Ending)>>,
    /// Shared by what is on its way, so that whoever looks can wait for it.
    on_their_way: RwLock<()>,
}

impl Endings {
    fn add(self: &Arc<Self>, state: &State, ending: (OperationId, Ending)) {
        if self.put(vec![ending]) == 0 {
            let (endings, store) = (Arc::clone(self), Arc::clone(&state.store));
            state.bridge.runtime.spawn(async move {
                tokio::time::sleep(ENDINGS_PATIENCE).await;
                endings.flush(&store).await;
            });
        }
    }

    /// Notes that an operation is about to begin, and how others have ended.
    async fn begin(
        &self,
        store: &SharedStore,
        begun: NewOperation,
    ) -> Result<Option<OperationId>, StoreError> {
        let _on_its_way = self.on_their_way.read().await;
        let ended = self.take();
        let audited = store.audit(ended.clone(), Some(begun)).await;
        if audited.is_err() {
            self.put(ended);
        }
        audited
    }

    /// Waits, for a while, until what has ended is written.
    pub async fn settle(&self, store: &SharedStore) {
        // Where the database takes nothing there is nothing newer to see.
        let _ = tokio::time::timeout(SETTLE_MAX, self.flush(store)).await;
    }

    /// Writes what waits. What cannot be written waits on.
    pub async fn flush(&self, store: &SharedStore) {
        let _alone = self.on_their_way.write().await;
        let ended = self.take();
        if !ended.is_empty() && store.audit(ended.clone(), None).await.is_err() {
            self.put(ended);
        }
    }

    fn take(&self) -> Vec<(OperationId, Ending)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets more wait. Returns how many did before.
    fn put(&self, ended: Vec<(OperationId, Ending)>) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.len();
        waiting.extend(ended);
        if waiting.len() > ENDINGS_MAX {
            tracing::error!("how operations have ended is lost: the database takes nothing");
            waiting.truncate(ENDINGS_MAX);
        }
        before
    }
}
