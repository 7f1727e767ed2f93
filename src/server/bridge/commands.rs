//! `POST /run_bash` and `POST /agent/pipeline`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::execution::{Execution, run_to_end};
use super::jobs;
use super::running::{Run, Stop};
use super::wire::{self, Pipeline, Pipelined, Ran, RunBash};
use crate::domain::agent::{OperationState, OperationType};
use crate::domain::metrics::Traffic;
use crate::server::State;
use crate::server::auth::Agent;
use crate::server::error::{Cause, Plain, Refusal};
use crate::server::forwarded::Arrival;
use crate::server::guard;

/// What a command has unless told otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

type Answer<T> = Result<T, Plain>;

/// `POST /run_bash`: runs one command.
pub async fn run_bash(
    _: Agent,
    arrival: Arrival,
    Extract(state): Extract<Arc<State>>,
    request: Request,
) -> Answer<Response> {
    let execution = Arc::clone(state.bridge.execution()?);
    let asked = Asked::of(&request, &arrival);
    let RunBash { cmd, agent_id, timeout } = wire::read(&state, request).await?;
    let timeout = timeout_of(&state, timeout)?;
    let commands = execution.check(vec![cmd]).await?;
    if let Some(agent) = &agent_id {
        state.bridge.see(&state.store, agent, asked.traffic).await?;
    }
    let run = Run::new(agent_id.clone(), OperationType::RunBash, commands, timeout, asked.peer);
    if asked.is_async {
        return Ok(jobs::begin(&state, execution, run).await?);
    }
    let run = run_here(&state, execution, run).await?;
    let item = run.results().pop();
    let item = item.ok_or_else(|| Refusal::Internal("a command has left no result".into()))?;
    let status = match item.state {
        OperationState::Timeout => StatusCode::REQUEST_TIMEOUT,
        OperationState::Interrupted => return Err(Refusal::Unavailable(Cause::word("closing")).into()),
        OperationState::Failed => {
            return Err(Refusal::Unavailable(Cause { word: "executor", detail: item.error }).into());
        }
        _ => StatusCode::OK,
    };
    Ok((status, Json(Ran::new(agent_id, item))).into_response())
}

/// `POST /agent/pipeline`: runs commands one after the other, until one fails.
pub async fn pipeline(
    _: Agent,
    arrival: Arrival,
    Extract(state): Extract<Arc<State>>,
    request: Request,
) -> Answer<Response> {
    let execution = Arc::clone(state.bridge.execution()?);
    let asked = Asked::of(&request, &arrival);
    let Pipeline { agent_id, commands, timeout } = wire::read(&state, request).await?;
    let commands_max = state.bounds.pipeline_commands;
    if commands.len() > commands_max {
        let message =
            format!("a pipeline has at most {commands_max} commands, and this one has {}", commands.len());
        return Err(Refusal::Unprocessable(message).into());
    }
    let timeout = timeout_of(&state, timeout)?;
    let commands = execution.check(commands).await?;
    state.bridge.see(&state.store, &agent_id, asked.traffic).await?;
    let run = Run::new(Some(agent_id), OperationType::Pipeline, commands, timeout, asked.peer);
    if asked.is_async {
        return Ok(jobs::begin(&state, execution, run).await?);
    }
    let run = run_here(&state, execution, run).await?;
    Ok(Json(Pipelined::new(&run)).into_response())
}

/// What of a request is not in its body.
struct Asked {
    traffic: Traffic,
    peer: String,
    is_async: bool,
}

impl Asked {
    fn of(request: &Request, arrival: &Arrival) -> Self {
        Self {
            traffic: guard::traffic(request.headers()),
            peer: arrival.client.map(|client| client.to_string()).unwrap_or_default(),
            is_async: prefers_async(request.headers()),
        }
    }
}

/// RFC 7240.
fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// A timeout that was asked for, in seconds.
fn timeout_of(state: &State, seconds: Option<f64>) -> Result<Duration, Refusal> {
    let max = state.bounds.command_timeout;
    let Some(seconds) = seconds else { return Ok(TIMEOUT_DEFAULT.min(max)) };
    let timeout = Duration::try_from_secs_f64(seconds).ok();
    timeout.filter(|timeout| !timeout.is_zero() && *timeout <= max).ok_or_else(|| {
        Refusal::Unprocessable(format!(
            "timeout: it takes more than 0 and at most {} seconds",
            max.as_secs_f64()
        ))
    })
}

/// Runs it while whoever has asked waits. When the client goes away, so does the command.
async fn run_here(state: &Arc<State>, execution: Arc<Execution>, run: Run) -> Result<Arc<Run>, Refusal> {
    let run = Arc::new(run);
    let place = state.bridge.running.enter(&run)?;
    let _waiting = Waiting(Arc::clone(&run));
    let (server, running) = (Arc::clone(state), Arc::clone(&run));
    // The task goes on when the client is gone: it has yet to say how the command has ended.
    let task = state.bridge.runtime.spawn(async move {
        let _place = place;
        run_to_end(&server, &execution, &running).await
    });
    task.await.map_err(|error| match error.is_cancelled() {
        true => Refusal::Unavailable(Cause::word("closing")),
        false => Refusal::Internal(format!("a command's task has failed: {error}")),
    })??;
    Ok(run)
}

/// Ends a run when nobody waits for it any more.
struct Waiting(Arc<Run>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.stop(Stop::Cancelled);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_client_says_that_it_does_not_wait() {
        let prefers = |values: &[&'static str]| {
            let value =
                |value: &&'static str| (HeaderName::from_static("prefer"), HeaderValue::from_static(value));
            prefers_async(&HeaderMap::from_iter(values.iter().map(value)))
        };
        assert!(prefers(&["respond-async"]));
        assert!(prefers(&["wait=10, Respond-Async"]));
        assert!(prefers(&["wait=10", "respond-async"]));
        for other in [&[][..], &["respond-asynchronously"], &["return=minimal"]] {
            assert!(!prefers(other), "{other:?}");
        }
    }
}
