//! The bridge and its agents, as administrators see them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::wire::{Activity, InProgress, Past};
use super::{Bridge, Policy};
use crate::clock;
use crate::domain::agent::{Agent, AgentFilter, AgentId, Operation, OperationType};
use crate::domain::unit::UtcMillis;
use crate::server::State;
use crate::server::auth::Admin;
use crate::server::error::{Api, Refusal};
use crate::server::query::{Query, within};
use crate::store::SharedStore;

/// Agents or operations in one answer.
const LIMIT_MAX: u32 = 1000;
/// The same, unless told otherwise.
const LIMIT_DEFAULT: u32 = 100;

/// Which agents are asked for.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Agents in the answer, 1 to 1000.
    #[serde(default = "limit_default")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: u32,
    /// All but the first so many, by name.
    #[serde(default)]
    pub offset: u64,
    /// Those that were seen not long ago, or the others.
    pub status: Option<Activity>,
}

/// Which operations are asked for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// Of which agent.
    pub agent_id: AgentId,
    /// Operations in the answer, 1 to 1000.
    #[serde(default = "limit_default")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: u32,
    /// Of one type only.
    pub operation_type: Option<OperationType>,
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

/// What is in force of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BridgeState {
    /// Whether there is a token that opens it.
    pub open: bool,
    /// What is run for agents.
    pub execution: ExecutionMode,
    /// Commands and pipelines that are being run.
    pub running: usize,
}

/// What is run for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionMode {
    /// Nothing.
    Off,
    /// The commands of a list.
    Allowlist,
    /// Anything that bash can.
    Shell,
}

/// An agent and what it does.
#[derive(Serialize, ToSchema)]
pub struct AgentNow {
    /// Its name.
    pub id: AgentId,
    /// When it was first seen.
    pub created_at: UtcMillis,
    /// When it was last seen.
    pub last_seen: UtcMillis,
    /// Whether that is not long ago.
    pub status: Activity,
    /// Operations that were begun for it.
    pub total_operations: u64,
    /// What runs for it in this server.
    pub running: Vec<InProgress>,
}

/// The bridge, and some of its agents.
#[derive(Serialize, ToSchema)]
pub struct AgentOverview {
    /// What is in force.
    pub bridge: BridgeState,
    /// By name.
    pub agents: Vec<AgentNow>,
    /// How many there are but for limit and offset.
    pub total: u64,
    /// How many were seen not long ago by other than stress tests.
    pub active: u64,
}

/// What was run for an agent.
#[derive(Serialize, ToSchema)]
pub struct AgentHistory {
    /// Which agent.
    pub agent_id: AgentId,
    /// The newest first.
    pub operations: Vec<Past>,
    /// How many are kept.
    pub total: u64,
}

impl Bridge {
    /// What is in force.
    pub fn state(&self) -> BridgeState {
        let execution = match self.options.execution.as_ref().map(|execution| &execution.policy) {
            None => ExecutionMode::Off,
            Some(Policy::Allowlist(_)) => ExecutionMode::Allowlist,
            Some(Policy::Shell(_)) => ExecutionMode::Shell,
        };
        BridgeState { open: self.token.is_some(), execution, running: self.running() }
    }

    /// Agents by name, with what is only in memory yet.
    pub async fn overview(&self, store: &SharedStore, which: Which) -> Result<AgentOverview, Refusal> {
        let since = self.active_since(clock::utc());
        self.presence.flush(store).await;
        let filter = AgentFilter {
            seen_since: (which.status == Some(Activity::Active)).then_some(since),
            seen_before: (which.status == Some(Activity::Inactive)).then_some(since),
            offset: which.offset.min(i64::MAX.cast_unsigned()),
            limit: which.limit,
        };
        let (agents, total) = store.agents(filter).await?;
        let now = |agent: Agent| AgentNow {
            running: InProgress::all(&self.running.of(&agent.id)),
            status: if agent.last_seen >= since { Activity::Active } else { Activity::Inactive },
            id: agent.id,
            created_at: agent.created_at,
            last_seen: agent.last_seen,
            total_operations: agent.total_operations,
        };
        Ok(AgentOverview {
            bridge: self.state(),
            agents: agents.into_iter().map(now).collect(),
            total,
            active: store.active_agents(since).await?,
        })
    }

    /// The newest operations of an agent, the newest first, and how many are kept. Those that have just ended are among
    /// them as such.
    pub async fn operations(
        &self,
        store: &SharedStore,
        whose: &Whose,
    ) -> Result<(Vec<Operation>, u64), Refusal> {
        self.endings.settle(store).await;
        Ok(store.operations(whose.agent_id.clone(), whose.operation_type, whose.limit).await?)
    }
}

/// Agents by name, with what is in force of the bridge.
#[utoipa::path(
    get, path = "/api/admin/agents", tag = "agents",
    params(Which), responses((status = 200, body = AgentOverview))
)]
pub async fn list(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(which): Query<Which>,
) -> Result<Json<AgentOverview>, Api> {
    within("limit", which.limit, &(1..=LIMIT_MAX))?;
    Ok(Json(state.bridge.overview(&state.store, which).await?))
}

/// What was run for an agent, the newest first.
#[utoipa::path(
    get, path = "/api/admin/agents/history", tag = "agents",
    params(Whose), responses((status = 200, body = AgentHistory))
)]
pub async fn history(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Query(whose): Query<Whose>,
) -> Result<Json<AgentHistory>, Api> {
    within("limit", whose.limit, &(1..=LIMIT_MAX))?;
    let (operations, total) = state.bridge.operations(&state.store, &whose).await?;
    let operations = operations.into_iter().map(Past::from).collect();
    Ok(Json(AgentHistory { agent_id: whose.agent_id, operations, total }))
}
