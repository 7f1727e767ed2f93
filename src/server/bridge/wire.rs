//! What agents send and are sent, as `wire.md` of the bridge has it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use utoipa::ToSchema;

use super::running::Run;
use crate::domain::agent::{AgentId, Operation, OperationState, OperationType};
use crate::domain::unit::UtcMillis;
use crate::exec::{End, Outcome};
use crate::server::State;
use crate::server::body;
use crate::server::error::Refusal;

/// `POST /run_bash`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunBash {
    pub cmd: String,
    pub agent_id: Option<AgentId>,
    /// Seconds.
    pub timeout: Option<f64>,
}

/// `POST /agent/pipeline`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    pub agent_id: AgentId,
    pub commands: Vec<String>,
    /// Seconds, of each command.
    pub timeout: Option<f64>,
}

/// `POST /agent/status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusOf {
    pub agent_id: AgentId,
}

/// `POST /agent/list`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    #[serde(default = "List::limit_default")]
    pub limit: u32,
    #[serde(default)]
    pub offset: u64,
    pub status: Option<Activity>,
}

impl List {
    fn limit_default() -> u32 {
        50
    }
}

/// Whether an agent was seen not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Active,
    Inactive,
}

/// `POST /agent/history`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryOf {
    pub agent_id: AgentId,
    #[serde(default = "HistoryOf::limit_default")]
    pub limit: u32,
    pub operation_type: Option<OperationType>,
}

impl HistoryOf {
    fn limit_default() -> u32 {
        20
    }
}

/// Reads a body of JSON. An empty one is `{}`.
pub async fn read<T: DeserializeOwned>(state: &State, request: Request) -> Result<T, Refusal> {
    let bytes = body::read(request.into_body(), &state.bounds).await?;
    let bytes = if bytes.is_empty() { &b"{}"[..] } else { &bytes[..] };
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Refusal::Unprocessable(format!("the body does not fit: {error}")),
        _ => Refusal::Body(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")),
    })
}

/// What came of one command of a pipeline.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub command: String,
    pub index: u32,
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
    pub returncode: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether there was more output.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    #[serde(skip)]
    pub state: OperationState,
}

impl Item {
    /// Of a command that has run.
    pub fn ran(command: String, index: u32, outcome: Outcome) -> Self {
        let (returncode, error, state) = match outcome.end {
            End::Exited(code) => (code, None, OperationState::Done),
            // As shells have it.
            End::Signalled(signal) => (128 + signal, None, OperationState::Done),
            End::TimedOut => (-1, Some("timeout".into()), OperationState::Timeout),
            End::Stopped => (-1, Some("cancelled".into()), OperationState::Cancelled),
            // The same: no such program.
            End::NotStarted(why) => (127, Some(why), OperationState::Done),
        };
        Self {
            command,
            index,
            success: returncode == 0,
            stdout: outcome.stdout.text.trim().to_owned(),
            stderr: outcome.stderr.text.trim().to_owned(),
            returncode,
            error,
            truncated: outcome.stdout.truncated || outcome.stderr.truncated,
            state,
        }
    }

    /// Of one that has not.
    pub fn failed(command: String, index: u32, state: OperationState, why: String) -> Self {
        let (stdout, stderr) = (String::new(), String::new());
        Self {
            command,
            index,
            success: false,
            stdout,
            stderr,
            returncode: -1,
            error: Some(why),
            truncated: false,
            state,
        }
    }

    /// What of it can hold a secret.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.command, &mut self.stdout, &mut self.stderr].into_iter().chain(self.error.as_mut())
    }

    /// What its command has returned, where it has ended by itself.
    pub fn exit_code(&self) -> Option<i32> {
        (self.state == OperationState::Done).then_some(self.returncode)
    }
}

/// The answer to `POST /run_bash`.
#[derive(Serialize)]
pub struct Ran {
    stdout: String,
    stderr: String,
    exit_code: i32,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Ran {
    pub fn new(agent_id: Option<AgentId>, item: Item) -> Self {
        let Item { stdout, stderr, returncode, success, truncated, error, .. } = item;
        Self { stdout, stderr, exit_code: returncode, success, agent_id, truncated, error }
    }
}

/// The answer to `POST /agent/pipeline`.
#[derive(Serialize)]
pub struct Pipelined {
    success: bool,
    agent_id: Option<AgentId>,
    total_commands: usize,
    executed_commands: usize,
    /// Seconds.
    execution_time: f64,
    results: Vec<Item>,
}

impl Pipelined {
    pub fn new(run: &Run) -> Self {
        let results = run.results().clone();
        Self {
            success: results.len() == run.commands.len() && results.iter().all(|item| item.success),
            agent_id: run.agent.clone(),
            total_commands: run.commands.len(),
            executed_commands: results.len(),
            execution_time: seconds(run.started.elapsed()),
            results,
        }
    }
}

/// What is told of something that runs.
#[derive(Serialize, ToSchema)]
pub struct InProgress {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    job_id: Option<String>,
    operation_type: OperationType,
    total_commands: usize,
    executed_commands: usize,
    started_at: UtcMillis,
    execution_time: f64,
}

impl InProgress {
    pub fn all(runs: &[Arc<Run>]) -> Vec<Self> {
        runs.iter().map(|run| Self::new(run)).collect()
    }

    fn new(run: &Run) -> Self {
        Self {
            job_id: run.job.as_ref().map(ToString::to_string),
            operation_type: run.operation_type,
            total_commands: run.commands.len(),
            executed_commands: run.results().len(),
            started_at: run.started_at,
            execution_time: seconds(run.started.elapsed()),
        }
    }
}

/// An operation in a history.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentOperation)]
pub struct Past {
    operation_type: OperationType,
    details: Details,
    timestamp: UtcMillis,
    /// `null` while it runs.
    success: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AgentOperationDetails)]
pub struct Details {
    command: String,
    state: OperationState,
    exit_code: Option<i32>,
    /// Seconds.
    execution_time: Option<f64>,
    stdout: String,
    stderr: String,
    truncated: bool,
    peer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    job_id: Option<String>,
    index: u32,
}

impl From<Operation> for Past {
    fn from(operation: Operation) -> Self {
        let ended = operation.state != OperationState::Running;
        Self {
            operation_type: operation.operation_type,
            timestamp: operation.started_at,
            success: ended.then_some(operation.exit_code == Some(0)),
            details: Details {
                command: operation.command,
                state: operation.state,
                exit_code: operation.exit_code,
                execution_time: operation.took.map(seconds),
                stdout: operation.stdout,
                stderr: operation.stderr,
                truncated: operation.truncated,
                peer: operation.peer,
                job_id: operation.job.map(|id| id.to_string()),
                index: operation.place,
            },
        }
    }
}

/// Seconds to the microsecond.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}
