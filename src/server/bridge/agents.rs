//! `/agent/status`, `/agent/list` and `/agent/history`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{self, Activity, HistoryOf, InProgress, List, Past, StatusOf};
use crate::clock;
use crate::domain::agent::{self, AgentFilter, AgentId};
use crate::domain::metrics::Traffic;
use crate::domain::unit::UtcMillis;
use crate::server::State;
use crate::server::auth::Agent;
use crate::server::error::{Plain, Refusal};
use crate::server::guard;

/// Agents or operations in one answer.
const LIMIT_MAX: u32 = 1000;

type Answer<T> = Result<T, Plain>;

/// The parameters of `GET /agent/status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    agent_id: Option<AgentId>,
}

/// What is told of one agent.
#[derive(Serialize)]
struct Status<'a> {
    status: &'static str,
    agent_id: &'a AgentId,
    timestamp: UtcMillis,
    state: &'static str,
    created_at: UtcMillis,
    last_seen: UtcMillis,
    running: Vec<InProgress>,
}

/// `GET /agent/status`: how an agent is, which is there thereby; or how all are.
pub async fn status(
    _: Agent,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Answer<Response> {
    let Query(whose) =
        whose.map_err(|_| Refusal::Unprocessable("the query takes an agent_id and nothing else".into()))?;
    match whose.agent_id {
        Some(agent) => one(&state, &agent, guard::traffic(&headers)).await,
        None => all(&state).await,
    }
}

/// `POST /agent/status`: the same of one agent.
pub async fn status_of(_: Agent, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Response> {
    let traffic = guard::traffic(request.headers());
    let StatusOf { agent_id } = wire::read(&state, request).await?;
    one(&state, &agent_id, traffic).await
}

async fn one(state: &State, id: &AgentId, traffic: Traffic) -> Answer<Response> {
    let agent = state.bridge.see(&state.store, id, traffic).await?;
    let running = InProgress::all(&state.bridge.running.of(id));
    let timestamp = clock::utc();
    let status = Status {
        status: "ok",
        agent_id: id,
        timestamp,
        state: state_of(&running),
        created_at: agent.created_at,
        last_seen: state.bridge.presence.last_seen(&agent),
        running,
    };
    Ok(Json(status).into_response())
}

async fn all(state: &State) -> Answer<Response> {
    let overview = state.bridge.presence.overview(&state.store).await?;
    let (agents, total) = &*overview;
    let active_since = state.bridge.active_since(clock::utc());
    let line = |agent: &agent::Agent| {
        let running = InProgress::all(&state.bridge.running.of(&agent.id));
        let last_seen = state.bridge.presence.last_seen(agent);
        json!({
            "agent_id": agent.id,
            "last_seen": last_seen,
            "status": activity(last_seen, active_since),
            "state": state_of(&running),
            "running": running,
        })
    };
    let agents: Vec<_> = agents.iter().map(line).collect();
    Ok(Json(json!({ "status": "ok", "timestamp": clock::utc(), "agents": agents, "total": total }))
        .into_response())
}

fn state_of(running: &[InProgress]) -> &'static str {
    if running.is_empty() { "idle" } else { "running" }
}

fn activity(last_seen: UtcMillis, active_since: UtcMillis) -> Activity {
    if last_seen >= active_since { Activity::Active } else { Activity::Inactive }
}

/// `POST /agent/list`: agents by name, a page at a time.
pub async fn list(_: Agent, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Json<Value>> {
    let List { limit, offset, status } = wire::read(&state, request).await?;
    check_limit(limit)?;
    let since = state.bridge.active_since(clock::utc());
    // What is only in memory yet would be missed.
    state.bridge.presence.flush(&state.store).await;
    let filter = AgentFilter {
        seen_since: (status == Some(Activity::Active)).then_some(since),
        seen_before: (status == Some(Activity::Inactive)).then_some(since),
        offset: offset.min(i64::MAX.cast_unsigned()),
        limit,
    };
    let (agents, total) = state.store.agents(filter).await?;
    let line = |agent: agent::Agent| {
        json!({
            "id": agent.id,
            "name": agent.id,
            "created_at": agent.created_at,
            "last_seen": agent.last_seen,
            "total_operations": agent.total_operations,
            "status": activity(agent.last_seen, since),
        })
    };
    let agents: Vec<_> = agents.into_iter().map(line).collect();
    Ok(Json(json!({
        "success": true, "agents": agents, "total": total, "limit": limit, "offset": offset,
    })))
}

/// `POST /agent/history`: the newest operations of an agent, the newest first.
pub async fn history(_: Agent, Extract(state): Extract<Arc<State>>, request: Request) -> Answer<Json<Value>> {
    let HistoryOf { agent_id, limit, operation_type } = wire::read(&state, request).await?;
    check_limit(limit)?;
    state.bridge.endings.settle(&state.store).await;
    let (operations, total) = state.store.operations(agent_id.clone(), operation_type, limit).await?;
    let operations: Vec<_> = operations.into_iter().map(Past::from).collect();
    Ok(Json(json!({
        "success": true, "agent_id": agent_id, "operations": operations, "total": total,
    })))
}

fn check_limit(limit: u32) -> Result<(), Refusal> {
    if limit <= LIMIT_MAX {
        Ok(())
    } else {
        Err(Refusal::Unprocessable(format!("limit: it takes 0 to {LIMIT_MAX}")))
    }
}
