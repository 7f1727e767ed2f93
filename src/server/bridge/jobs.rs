//! What was asked for with `Prefer: respond-async`: begun, looked at, and cancelled.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use moka::sync::Cache;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::execution::{Execution, run_to_end, without_token};
use super::running::{Run, Stop};
use super::wire::{Item, seconds};
use crate::clock;
use crate::domain::agent::{AgentId, Job, JobId, JobState, OUTPUT_KEPT_BYTES_MAX, OperationType};
use crate::domain::unit::UtcMillis;
use crate::entropy;
use crate::instance;
use crate::server::State;
use crate::server::auth::Agent;
use crate::server::error::{Plain, Refusal};
use crate::server::path::Path;

/// Bytes of answers that are kept in memory, whole. The database keeps the beginning of each output.
const FINISHED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How long they are.
const FINISHED_TTL: Duration = Duration::from_secs(3600);
/// How long a request to cancel waits for the end.
const CANCEL_MAX: Duration = Duration::from_secs(5);

type Answer<T> = Result<T, Plain>;

/// Jobs that have ended, with all their output.
pub struct Finished(Cache<JobId, Arc<Value>>);

impl Finished {
    pub fn new() -> Self {
        let weight = |_: &JobId, answer: &Arc<Value>| {
            let items = answer["results"].as_array().into_iter().flatten();
            let bytes = items.map(|item| item.to_string().len() + 256).sum::<usize>() + 1024;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(
            Cache::builder()
                .max_capacity(FINISHED_BYTES_MAX)
                .weigher(weight)
                .time_to_live(FINISHED_TTL)
                .build(),
        )
    }
}

/// What is told of a job.
#[derive(Serialize)]
struct View<'r> {
    job_id: &'r JobId,
    state: JobState,
    agent_id: Option<&'r AgentId>,
    operation_type: OperationType,
    started_at: UtcMillis,
    ended_at: Option<UtcMillis>,
    total_commands: usize,
    executed_commands: usize,
    /// Seconds.
    execution_time: f64,
    /// `null` while it runs.
    success: Option<bool>,
    results: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'r> View<'r> {
    fn of(run: &'r Run, job_id: &'r JobId, state: JobState, error: Option<String>) -> Self {
        let results = run.results().clone();
        let is_running = state == JobState::Running;
        let all_ran = results.len() == run.commands.len() && results.iter().all(|item| item.success);
        Self {
            job_id,
            state,
            agent_id: run.agent.as_ref(),
            operation_type: run.operation_type,
            started_at: run.started_at,
            ended_at: (!is_running).then(clock::utc),
            total_commands: run.commands.len(),
            executed_commands: results.len(),
            execution_time: seconds(run.started.elapsed()),
            success: (!is_running).then_some(all_ran),
            results,
            error,
        }
    }

    /// As the database keeps it: the beginning of each text, without secrets.
    async fn into_job(mut self, server: &State) -> Result<Job, Refusal> {
        let texts = self.results.iter_mut().flat_map(Item::texts);
        let texts = texts.map(|text| without_token(server, text)).collect();
        let mut kept = server.store.without_secrets(texts, OUTPUT_KEPT_BYTES_MAX).await?.into_iter();
        for item in &mut self.results {
            let mut is_whole = true;
            for text in item.texts() {
                let (beginning, is_all) = kept.next().unwrap_or_default();
                is_whole &= is_all;
                *text = beginning;
            }
            item.truncated |= !is_whole;
        }
        let answer = serde_json::to_string(&self).map_err(|error| Refusal::Internal(error.to_string()))?;
        Ok(Job {
            id: self.job_id.clone(),
            state: self.state,
            instance: server.bridge.instance.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            answer,
        })
    }
}

/// Runs it on, and answers where to ask for it.
pub async fn begin(state: &Arc<State>, execution: Arc<Execution>, mut run: Run) -> Result<Response, Refusal> {
    let id = entropy::job_id().map_err(Refusal::Internal)?;
    run.job = Some(id.clone());
    let run = Arc::new(run);
    let place = state.bridge.running.enter(&run)?;
    let answer = Json(View::of(&run, &id, JobState::Running, None)).into_response();
    let (server, running) = (Arc::clone(state), Arc::clone(&run));
    let (begun, has_begun) = oneshot::channel();
    // Whoever has asked may go away at any moment: from here on that is not asked about.
    state.bridge.runtime.spawn(async move {
        let saved = save(&server, &running, JobState::Running, None).await;
        let is_saved = saved.is_ok();
        let _ = begun.send(saved);
        if is_saved {
            let ran = run_to_end(&server, &execution, &running).await;
            finish(&server, &running, ran.err().map(Refusal::message)).await;
        }
        // Only now: until then it is found here.
        drop(place);
    });
    has_begun.await.map_err(|error| Refusal::Internal(error.to_string()))??;
    let location = format!("{}/agent/jobs/{id}", state.root_path);
    let headers =
        [(LOCATION, location.as_str()), (HeaderName::from_static("preference-applied"), "respond-async")];
    Ok((StatusCode::ACCEPTED, headers, answer).into_response())
}

async fn save(server: &State, run: &Run, state: JobState, error: Option<String>) -> Result<(), Refusal> {
    let Some(id) = &run.job else { return Ok(()) };
    let job = View::of(run, id, state, error).into_job(server).await?;
    Ok(server.store.save_job(job).await?)
}

async fn finish(server: &State, run: &Run, error: Option<String>) {
    let Some(id) = &run.job else { return };
    let whole = run.results().len() == run.commands.len();
    let state = match run.stopped() {
        Some(Stop::Cancelled) if !whole || run.results().last().is_some_and(|item| item.error.is_some()) => {
            JobState::Cancelled
        }
        Some(Stop::Interrupted) => JobState::Interrupted,
        _ => JobState::Done,
    };
    if let Ok(answer) = serde_json::to_value(View::of(run, id, state, error.clone())) {
        server.bridge.finished.0.insert(id.clone(), Arc::new(answer));
    }
    if let Err(refusal) = save(server, run, state, error).await {
        let error = refusal.message();
        tracing::error!(error, job = %id, "what has become of a job is kept in memory only");
    }
}

/// `GET /agent/jobs/{job}`: its state, and what has come of its commands so far.
pub async fn job(
    _: Agent,
    Extract(state): Extract<Arc<State>>,
    Path(job): Path<String>,
) -> Answer<Json<Value>> {
    let id = JobId::parse(&job).ok_or_else(|| unknown(&job))?;
    Ok(Json(find(&state, &id).await?))
}

async fn find(state: &State, id: &JobId) -> Result<Value, Refusal> {
    // First: as long as it has a place among what runs, it is not over for whoever waits to ask for more.
    if let Some(run) = state.bridge.running.job(id) {
        let view = View::of(&run, id, JobState::Running, None);
        return serde_json::to_value(view).map_err(|error| Refusal::Internal(error.to_string()));
    }
    if let Some(answer) = state.bridge.finished.0.get(id) {
        return Ok((*answer).clone());
    }
    let job = state.store.job(id.clone()).await?.ok_or_else(|| unknown(id.as_str()))?;
    let mut answer: Value =
        serde_json::from_str(&job.answer).map_err(|error| Refusal::Internal(error.to_string()))?;
    // Its server may have ended without a word.
    let is_left = job.state == JobState::Running && !instance::is_alive(&job.instance);
    let state = if is_left { JobState::Interrupted } else { job.state };
    answer["state"] = state.name().into();
    if state != JobState::Running && answer["success"].is_null() {
        answer["success"] = false.into();
    }
    Ok(answer)
}

/// `DELETE /agent/jobs/{job}`: ends it, and answers with what has come of it.
pub async fn cancel_job(
    _: Agent,
    Extract(state): Extract<Arc<State>>,
    Path(job): Path<String>,
) -> Answer<Json<Value>> {
    let id = JobId::parse(&job).ok_or_else(|| unknown(&job))?;
    let Some(run) = state.bridge.running.job(&id) else {
        let found = find(&state, &id).await?;
        let message = match found["state"].as_str() {
            Some("running") => "the job runs in another server".to_owned(),
            ended => format!("the job is over: {}", ended.unwrap_or("unknown")),
        };
        return Err(Refusal::Conflict(message).into());
    };
    run.stop(Stop::Cancelled);
    // One that does not end yet is answered as it is.
    let _ = tokio::time::timeout(CANCEL_MAX, state.bridge.running.until_ended(&id)).await;
    Ok(Json(find(&state, &id).await?))
}

fn unknown(id: &str) -> Refusal {
    Refusal::NotFound(format!("job {id} not found"))
}
