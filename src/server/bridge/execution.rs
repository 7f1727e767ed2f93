//! Running what an agent asks for: what is permitted, for how long, with how much output, and with a line in the audit trail
//! before and after.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::running::{Run, Stop};
use super::wire::Item;
use crate::clock;
use crate::domain::agent::{Ending, NewOperation, OUTPUT_KEPT_BYTES_MAX, OperationId, OperationState, kept};
use crate::domain::redaction::without_secret;
use crate::exec::Invocation;
use crate::exec::allowlist::{Allowlist, Denied};
use crate::exec::executor::Executor;
use crate::server::State;
use crate::server::error::Refusal;
use crate::store::SharedStore;

/// Bytes of a command.
const COMMAND_BYTES_MAX: usize = 64 * 1024;
/// How long a pipeline may take, whatever its commands may.
const PIPELINE_DURATION_MAX: Duration = Duration::from_secs(3600);
/// A pipeline has room for so many full outputs. What comes later is cut.
const PIPELINE_OUTPUTS: usize = 16;
/// Ends of operations that wait to be stored while the database takes nothing.
const ENDINGS_MAX: usize = 1000;
/// How long somebody who looks waits for the last ends of operations to be stored.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// What may be run.
#[derive(Debug)]
pub enum Policy {
    /// What a file permits, without a shell.
    Allowlist(Allowlist),
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
    _turn: Option<Turn<'e>>,
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

    /// Whether a command would be run.
    pub fn check(&self, command: &str) -> Result<(), Refusal> {
        if command.len() > COMMAND_BYTES_MAX {
            return Err(Refusal::Unprocessable(format!("a command has at most {COMMAND_BYTES_MAX} bytes")));
        }
        if command.contains('\0') {
            return Err(Refusal::Unprocessable("a command has no NUL character".into()));
        }
        match &self.policy {
            Policy::Allowlist(allowlist) => allowlist.permit(command).map(|_| ()).map_err(denied),
            Policy::Shell(_) if command.trim().is_empty() => {
                Err(Refusal::Unprocessable("there is no command".into()))
            }
            Policy::Shell(_) => Ok(()),
        }
    }

    fn permit(&self, command: &str) -> Result<Permitted<'_>, Refusal> {
        match &self.policy {
            Policy::Shell(shell) => {
                let argv = vec![shell.to_string_lossy().into_owned(), "-c".into(), command.into()];
                Ok(Permitted { argv, timeout: None, output_bytes_max: None, _turn: None })
            }
            Policy::Allowlist(allowlist) => {
                let permitted = allowlist.permit(command).map_err(denied)?;
                let turn = permitted.running_max.map(|max| self.turn(permitted.name, max)).transpose()?;
                let (timeout, output_bytes_max) = (permitted.timeout, permitted.output_bytes_max);
                Ok(Permitted { argv: permitted.argv, timeout, output_bytes_max, _turn: turn })
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
    let deadline = run.started + PIPELINE_DURATION_MAX;
    let mut output_left = 2 * PIPELINE_OUTPUTS * state.bounds.command_output_bytes;
    let mut ended: Option<(OperationId, Ending)> = None;
    for (place, command) in (0_u32..).zip(&run.commands) {
        if run.stopped().is_some() {
            break;
        }
        let begun = async {
            let permitted = execution.permit(command)?;
            let operation = operation(state, run, place, command);
            Ok::<_, Refusal>((permitted, state.store.audit(ended.clone(), Some(operation)).await?))
        };
        let item = match begun.await {
            Err(refusal) if place == 0 => return Err(refusal),
            Err(refusal) => Item::failed(command.clone(), place, OperationState::Failed, refusal.message()),
            Ok((permitted, id)) => {
                let invocation = Invocation {
                    timeout: permitted
                        .timeout
                        .unwrap_or(run.timeout)
                        .min(run.timeout)
                        .min(deadline.saturating_duration_since(clock::instant())),
                    output_bytes_max: permitted
                        .output_bytes_max
                        .unwrap_or(usize::MAX)
                        .min(state.bounds.command_output_bytes)
                        .min(output_left / 2),
                    argv: permitted.argv.clone(),
                };
                let begun = clock::instant();
                let item = run_one(execution, run, place, command, invocation).await;
                ended = id.map(|id| (id, ending(state, &item, begun.elapsed())));
                item
            }
        };
        output_left = output_left.saturating_sub(item.stdout.len() + item.stderr.len());
        let goes_on = item.success;
        run.results().push(item);
        if !goes_on {
            break;
        }
    }
    if let Some((id, ending)) = ended {
        state.bridge.endings.save(&state.store, &state.bridge.runtime, id, ending);
    }
    Ok(())
}

async fn run_one(
    execution: &Execution,
    run: &Run,
    place: u32,
    command: &str,
    invocation: Invocation,
) -> Item {
    let ran = tokio::select! {
        ran = execution.executor.run(invocation) => ran,
        () = run.until_stopped() => {
            let (state, why) = match run.stopped() {
                Some(Stop::Interrupted) => (OperationState::Interrupted, "the server was stopped"),
                _ => (OperationState::Cancelled, "cancelled"),
            };
            return Item::failed(command.to_owned(), place, state, why.into());
        }
    };
    match ran {
        Ok(outcome) => Item::ran(command.to_owned(), place, outcome),
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
    // What is behind that is not kept, whatever stands in it.
    let beginning = |text: &str| kept(text, 2 * OUTPUT_KEPT_BYTES_MAX).0.to_owned();
    let stderr = item.error.as_deref().filter(|_| item.stderr.is_empty()).unwrap_or(&item.stderr);
    Ending {
        state: item.state,
        exit_code: item.exit_code(),
        took,
        stdout: without_token(state, &beginning(&item.stdout)),
        stderr: without_token(state, &beginning(stderr)),
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

/// Ends of operations on their way to the database. Whoever has asked for a command is not kept waiting for that: should the
/// server be killed in between, the operation is marked as interrupted.
pub struct Endings {
    /// What the database did not take.
    unsaved: Mutex<Vec<(OperationId, Ending)>>,
    under_way: watch::Sender<usize>,
}

impl Default for Endings {
    fn default() -> Self {
        Self { unsaved: Mutex::default(), under_way: watch::Sender::new(0) }
    }
}

impl Endings {
    fn save(
        self: &Arc<Self>,
        store: &SharedStore,
        runtime: &tokio::runtime::Handle,
        id: OperationId,
        ending: Ending,
    ) {
        let (endings, store) = (Arc::clone(self), Arc::clone(store));
        endings.under_way.send_modify(|under_way| *under_way += 1);
        runtime.spawn(async move {
            endings.try_to_save(&store, id, ending).await;
            endings.under_way.send_modify(|under_way| *under_way -= 1);
        });
    }

    async fn try_to_save(&self, store: &SharedStore, id: OperationId, ending: Ending) {
        if let Err(error) = store.audit(Some((id, ending.clone())), None).await {
            let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
            if unsaved.len() < ENDINGS_MAX {
                unsaved.push((id, ending));
            } else {
                tracing::error!(%error, "how an operation has ended is lost");
            }
        }
    }

    /// Waits, for a while, until what has ended is stored.
    pub async fn settle(&self) {
        let mut under_way = self.under_way.subscribe();
        // Where the database takes nothing there is nothing newer to see.
        let _ = tokio::time::timeout(SETTLE_MAX, under_way.wait_for(|under_way| *under_way == 0)).await;
    }

    /// Tries again to store what could not be.
    pub async fn flush(&self, store: &SharedStore) {
        self.settle().await;
        let unsaved = std::mem::take(&mut *self.unsaved.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, ending) in unsaved {
            self.try_to_save(store, id, ending).await;
        }
    }
}
