//! Who uses the agent bridge, and what was run? `/admin/agents`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::asked_or_default;
use crate::domain::agent::{AgentId, Operation, OperationState};
use crate::server::State;
use crate::server::bridge::Past;
use crate::server::bridge::overview::{AgentNow, Which, Whose};
use crate::server::error::Refusal;
use crate::server::session::AdminPage;

/// Agents on a page.
const AGENTS_SHOWN: u32 = 100;
/// Operations on a page.
const OPERATIONS_SHOWN: u32 = 25;
/// The newest operations that pages lead to.
const OPERATIONS_REACHED: u32 = 1000;

/// What the address asks for.
#[derive(Default, Deserialize)]
pub struct Asked {
    /// From 1.
    page: Option<u32>,
}

/// `GET /admin/agents?page=1`.
pub async fn list(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let which = |page: u32| {
        let offset = u64::from(page.saturating_sub(1)) * u64::from(AGENTS_SHOWN);
        Which { limit: AGENTS_SHOWN, offset, status: None }
    };
    let wanted = asked_or_default(asked).page.unwrap_or(1).max(1);
    let mut overview = state.bridge.overview(&state.store, which(wanted)).await?;
    let pages = overview.total.div_ceil(u64::from(AGENTS_SHOWN)).max(1);
    // Beyond the last page is the last.
    let page = wanted.min(u32::try_from(pages).unwrap_or(u32::MAX));
    if page < wanted {
        overview = state.bridge.overview(&state.store, which(page)).await?;
    }
    let data = context! {
        bridge => Value::from(Serde(overview.bridge)),
        agents => overview.agents.iter().map(agent).collect::<Vec<_>>(),
        active => overview.active,
        total => overview.total,
        page,
        pages,
    };
    super::render(&state, &headers, Some(&session), "agents.html", data)
}

fn agent(agent: &AgentNow) -> Value {
    context! {
        id => agent.id.as_str(),
        query => query(&agent.id),
        created_at => Value::from(Serde(agent.created_at)),
        last_seen => Value::from(Serde(agent.last_seen)),
        status => Value::from(Serde(agent.status)),
        operations => agent.total_operations,
        running => agent.running.len(),
    }
}

fn query(id: &AgentId) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("agent_id", id.as_str()).finish()
}

/// Which agent.
#[derive(Default, Deserialize)]
pub struct Name {
    agent_id: String,
    /// From 1.
    page: Option<u32>,
}

/// `GET /admin/agents/history?agent_id=…&page=1`.
pub async fn history(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    name: Result<Query<Name>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let Name { agent_id, page } = asked_or_default(name);
    let agent_id = AgentId::try_from(agent_id).map_err(Refusal::NotFound)?;
    let whose = Whose { agent_id, limit: OPERATIONS_REACHED, operation_type: None };
    let (operations, total) = state.bridge.operations(&state.store, &whose).await?;
    let (reached, a_page) = (operations.len(), OPERATIONS_SHOWN as usize);
    let pages = reached.div_ceil(a_page).max(1);
    let page = usize::try_from(page.unwrap_or(1)).unwrap_or(usize::MAX).clamp(1, pages);
    let shown = operations.into_iter().skip((page - 1) * a_page).take(a_page);
    let data = context! {
        agent_id => whose.agent_id.as_str(),
        query => query(&whose.agent_id),
        operations => shown.map(operation).collect::<Vec<_>>(),
        total,
        reached,
        page,
        pages,
    };
    super::render(&state, &headers, Some(&session), "agent_history.html", data)
}

/// As the API has it, with how good that is.
fn operation(operation: Operation) -> Value {
    let state = match (operation.state, operation.exit_code) {
        (OperationState::Running, _) => "quiet",
        (OperationState::Done, Some(0)) => "good",
        (OperationState::Cancelled | OperationState::Interrupted, _) => "warning",
        _ => "bad",
    };
    context! { state, ..Value::from(Serde(Past::from(operation))) }
}
