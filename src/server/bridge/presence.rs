//! Which agents are there. That an agent is registered is remembered for a while, and when it was last seen is written to
//! the database later, with other things: a status call costs no look at the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::agent::{AGENTS_MAX, Agent, AgentFilter, AgentId, Sighting};
use crate::domain::unit::UtcMillis;
use crate::store::{Result, SharedStore};

/// Agents in an overview of all.
const OVERVIEW_MAX: u32 = 1000;

pub struct Presence {
    known: Cache<AgentId, Arc<Agent>>,
    /// All agents, and how many there are.
    overview: Cache<(), Arc<(Vec<Agent>, u64)>>,
    /// When agents were last seen. Not more than there are agents.
    seen: Mutex<HashMap<AgentId, Seen>>,
}

struct Seen {
    sighting: Sighting,
    is_written: bool,
}

impl Presence {
    pub fn new(ttl: Duration) -> Self {
        Self {
            known: Cache::builder().max_capacity(AGENTS_MAX).time_to_live(ttl).build(),
            overview: Cache::builder().max_capacity(1).time_to_live(ttl).build(),
            seen: Mutex::default(),
        }
    }

    /// Notes that an agent was seen. A new one is registered first.
    pub async fn see(&self, store: &SharedStore, id: &AgentId, sighting: Sighting) -> Result<Arc<Agent>> {
        if let Some(agent) = self.known.get(id) {
            note(&mut self.seen(), id, sighting);
            return Ok(agent);
        }
        let agent = Arc::new(store.register_agent(id.clone(), sighting).await?);
        if agent.created_at == sighting.at {
            self.overview.invalidate_all();
        }
        self.known.insert(id.clone(), Arc::clone(&agent));
        Ok(agent)
    }

    /// When an agent was last seen, whether that is in the database yet or not.
    pub fn last_seen(&self, agent: &Agent) -> UtcMillis {
        self.seen().get(&agent.id).map_or(agent.last_seen, |seen| seen.sighting.at.max(agent.last_seen))
    }

    /// All agents, by name, as they were a little while ago, and how many there are.
    pub async fn overview(&self, store: &SharedStore) -> Result<Arc<(Vec<Agent>, u64)>> {
        if let Some(overview) = self.overview.get(&()) {
            return Ok(overview);
        }
        let filter = AgentFilter { limit: OVERVIEW_MAX, ..AgentFilter::default() };
        let overview = Arc::new(store.agents(filter).await?);
        self.overview.insert((), Arc::clone(&overview));
        Ok(overview)
    }

    /// Writes when agents were last seen. What cannot be written waits.
    pub async fn flush(&self, store: &SharedStore) {
        let mut sightings = Vec::new();
        for (id, seen) in self.seen().iter_mut().filter(|(_, seen)| !seen.is_written) {
            seen.is_written = true;
            sightings.push((id.clone(), seen.sighting));
        }
        if sightings.is_empty() {
            return;
        }
        let sightings = Arc::new(sightings);
        if let Err(error) = store.see_agents(Arc::clone(&sightings)).await {
            tracing::debug!(%error, "when agents were last seen was not stored; it waits");
            let mut seen = self.seen();
            sightings.iter().for_each(|(id, sighting)| note(&mut seen, id, *sighting));
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<AgentId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(seen: &mut HashMap<AgentId, Seen>, id: &AgentId, sighting: Sighting) {
    if let Some(known) = seen.get_mut(id) {
        *known = Seen { sighting: known.sighting.or(sighting), is_written: false };
    } else if (seen.len() as u64) < AGENTS_MAX {
        seen.insert(id.clone(), Seen { sighting, is_written: false });
    }
}
