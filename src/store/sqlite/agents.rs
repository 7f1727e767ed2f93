//! Agents.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Sqlite, jobs, operations};
use crate::domain::agent::{
    AGENTS_MAX, Agent, AgentFilter, AgentId, COMMAND_KEPT_BYTES_MAX, Ending, Job, JobId, NewOperation,
    OUTPUT_KEPT_BYTES_MAX, Operation, OperationId, OperationType, Sighting,
};
use crate::domain::redaction::{beginning, is_suspicious};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::store::{AgentStore, IsAlive, Result, StoreError};

#[async_trait]
impl AgentStore for Sqlite {
    async fn register_agent(&self, id: AgentId, sighting: Sighting) -> Result<Agent> {
        self.join(move |transaction| register(transaction, &id, sighting)).await
    }

    async fn see_agents(&self, sightings: Arc<Vec<(AgentId, Sighting)>>) -> Result<()> {
        self.join(move |transaction| {
            let mut see = transaction.prepare_cached(
                "UPDATE agents SET last_seen_at_ms = max(last_seen_at_ms, ?2),
                   last_live_at_ms = max(coalesce(last_live_at_ms, ?3), coalesce(?3, last_live_at_ms))
                 WHERE id = ?1",
            )?;
            for (id, sighting) in sightings.iter() {
                see.execute(params![id.as_str(), sighting.at.0, sighting.live_at.map(|at| at.0)])?;
            }
            Ok(())
        })
        .await
    }

    async fn agents(&self, filter: AgentFilter) -> Result<(Vec<Agent>, u64)> {
        self.read(move |connection| {
            let since = filter.seen_since.map_or(i64::MIN, |at| at.0);
            let before = filter.seen_before.map_or(i64::MAX, |at| at.0);
            let total = connection
                .prepare_cached(
                    "SELECT count(*) FROM agents WHERE last_seen_at_ms >= ?1 AND last_seen_at_ms < ?2",
                )?
                .query_row([since, before], |row| row.get(0))?;
            let agents = connection
                .prepare_cached(
                    "SELECT id, created_at_ms, last_seen_at_ms, total_operations FROM agents
                     WHERE last_seen_at_ms >= ?1 AND last_seen_at_ms < ?2 ORDER BY id LIMIT ?3 OFFSET ?4",
                )?
                .query_map(params![since, before, filter.limit, filter.offset], from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((agents, total))
        })
        .await
    }

    async fn active_agents(&self, since: UtcMillis) -> Result<u64> {
        self.read(move |connection| {
            let active = connection
                .prepare_cached("SELECT count(*) FROM agents WHERE last_live_at_ms >= ?1")?
                .query_row([since.0], |row| row.get(0))?;
            Ok(active)
        })
        .await
    }

    async fn audit(
        &self,
        mut ended: Vec<(OperationId, Ending)>,
        begun: Option<NewOperation>,
    ) -> Result<Option<OperationId>> {
        self.take_secrets_out(&mut ended).await?;
        let begun = match begun {
            Some(mut begun) => {
                let commands = vec![std::mem::take(&mut begun.command)];
                let clean = self.without_secrets(commands, COMMAND_KEPT_BYTES_MAX).await?;
                begun.command = clean.into_iter().map(|(command, _)| command).collect();
                Some(begun)
            }
            None => None,
        };
        self.join(move |transaction| {
            ended.iter().try_for_each(|(id, ending)| operations::end(transaction, *id, ending))?;
            begun.as_ref().map(|begun| operations::begin(transaction, begun)).transpose()
        })
        .await
    }

    async fn operations(
        &self,
        agent: AgentId,
        operation_type: Option<OperationType>,
        limit: u32,
    ) -> Result<(Vec<Operation>, u64)> {
        self.read(move |connection| operations::newest(connection, &agent, operation_type, limit)).await
    }

    async fn without_secrets(&self, texts: Vec<String>, bytes_max: usize) -> Result<Vec<(String, bool)>> {
        let cut = move |texts: &[String], look: &mut dyn FnMut(&str) -> rusqlite::Result<bool>| {
            texts
                .iter()
                .map(|text| beginning(text, bytes_max, &mut *look))
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        // Most texts have nothing in them that could be a secret.
        if !texts.iter().any(|text| is_suspicious(text)) {
            return Ok(cut(&texts, &mut |_| Ok(false))?);
        }
        self.read(move |connection| {
            let mut look = connection.prepare_cached("SELECT 1 FROM api_keys WHERE hash = ?1")?;
            Ok(cut(&texts, &mut |word| look.exists([SecretHash::of(word).0]))?)
        })
        .await
    }

    async fn save_job(&self, job: Job) -> Result<()> {
        self.join(move |transaction| jobs::save(transaction, &job)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.read(move |connection| Ok(jobs::find(connection, &id)?)).await
    }

    async fn interrupt(&self, is_alive: IsAlive) -> Result<usize> {
        self.write(move |transaction| {
            Ok(operations::interrupt(transaction, is_alive)? + jobs::interrupt(transaction, is_alive)?)
        })
        .await
    }

    async fn expire_operations(&self, oldest_kept: UtcMillis) -> Result<bool> {
        self.write(move |transaction| {
            let deleted = operations::expire(transaction, oldest_kept)?
                + jobs::expire(transaction, oldest_kept)?
                + expire(transaction, oldest_kept)?;
            Ok(deleted > 0)
        })
        .await
    }
}

impl Sqlite {
    async fn take_secrets_out(&self, ended: &mut [(OperationId, Ending)]) -> Result<()> {
        let streams = ended.iter_mut().flat_map(|(_, ending)| [&mut ending.stdout, &mut ending.stderr]);
        let streams = streams.map(std::mem::take).collect();
        let mut clean = self.without_secrets(streams, OUTPUT_KEPT_BYTES_MAX).await?.into_iter();
        for (_, ending) in ended {
            for stream in [&mut ending.stdout, &mut ending.stderr] {
                let (beginning, is_all) = clean.next().unwrap_or_default();
                ending.truncated |= !is_all;
                *stream = beginning;
            }
        }
        Ok(())
    }
}

fn register(transaction: &Transaction<'_>, id: &AgentId, sighting: Sighting) -> Result<Agent> {
    let known = transaction
        .prepare_cached(
            "UPDATE agents SET last_seen_at_ms = max(last_seen_at_ms, ?2),
               last_live_at_ms = max(coalesce(last_live_at_ms, ?3), coalesce(?3, last_live_at_ms))
             WHERE id = ?1 RETURNING id, created_at_ms, last_seen_at_ms, total_operations",
        )?
        .query_row(params![id.as_str(), sighting.at.0, sighting.live_at.map(|at| at.0)], from_row)
        .optional()?;
    if let Some(agent) = known {
        return Ok(agent);
    }
    let agents: u64 =
        transaction.prepare_cached("SELECT count(*) FROM agents")?.query_row([], |row| row.get(0))?;
    if agents >= AGENTS_MAX {
        return Err(StoreError::Conflict(format!("there are {AGENTS_MAX} agents, as many as can be")));
    }
    let agent = transaction
        .prepare_cached(
            "INSERT INTO agents (id, created_at_ms, last_seen_at_ms, last_live_at_ms) VALUES (?1, ?2, ?2, ?3)
             RETURNING id, created_at_ms, last_seen_at_ms, total_operations",
        )?
        .query_row(params![id.as_str(), sighting.at.0, sighting.live_at.map(|at| at.0)], from_row)?;
    Ok(agent)
}

/// Agents that have not been seen for long, and of which nothing is kept.
fn expire(transaction: &Transaction<'_>, oldest_kept: UtcMillis) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM agents WHERE last_seen_at_ms < ?1
               AND NOT EXISTS (SELECT 1 FROM agent_operations WHERE agent_id = agents.id)",
        )?
        .execute([oldest_kept.0])
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        id: agent_id(row, 0)?,
        created_at: UtcMillis(row.get(1)?),
        last_seen: UtcMillis(row.get(2)?),
        total_operations: row.get(3)?,
    })
}

fn agent_id(row: &Row<'_>, column: usize) -> rusqlite::Result<AgentId> {
    AgentId::try_from(row.get::<_, String>(column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
