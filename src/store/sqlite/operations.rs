//! The audit trail: what was run for agents, and what came of it.

use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};

use crate::domain::agent::{
    AgentId, Ending, JobId, NewOperation, OPERATIONS_KEPT_MAX, Operation, OperationId, OperationState,
    OperationType,
};
use crate::domain::unit::UtcMillis;
use crate::store::{IsAlive, Result, StoreError};

/// Operations that one call deletes.
const EXPIRED_MAX: u32 = 500;

const COLUMNS: &str =
    "operation_type, command, peer, job_id, place, started_at_ms, state, took_us, exit_code, stdout,
  stderr, truncated";

/// Keeps that an operation is about to begin.
pub fn begin(transaction: &Transaction<'_>, begun: &NewOperation) -> Result<OperationId> {
    if let Some(agent) = &begun.agent {
        // One whose last operation was deleted may be gone although it was seen not long ago.
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO agents (id, created_at_ms, last_seen_at_ms) VALUES (?1, ?2, ?2)",
            )?
            .execute(params![agent.as_str(), begun.started_at.0])?;
    }
    let id = transaction
        .prepare_cached(
            "INSERT INTO agent_operations (agent_id, operation_type, command, peer, job_id, place, state, instance,
               started_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7, ?8) RETURNING id",
        )?
        .query_row(
            params![
                begun.agent.as_ref().map(AgentId::as_str),
                begun.operation_type.name(),
                begun.command,
                begun.peer,
                begun.job.as_ref().map(JobId::as_str),
                begun.place,
                begun.instance,
                begun.started_at.0
            ],
            |row| row.get(0).map(OperationId),
        )?;
    Ok(id)
}

/// Keeps how an operation has ended.
pub fn end(transaction: &Transaction<'_>, id: OperationId, ending: &Ending) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE agent_operations SET state = ?2, took_us = ?3, exit_code = ?4, stdout = ?5, stderr = ?6, truncated = ?7
             WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            ending.state.name(),
            u64::try_from(ending.took.as_micros()).unwrap_or(u64::MAX),
            ending.exit_code,
            ending.stdout,
            ending.stderr,
            ending.truncated
        ])?;
    Ok(())
}

/// The newest operations of an agent, the newest first, and how many are kept.
pub fn newest(
    connection: &Connection,
    agent: &AgentId,
    operation_type: Option<OperationType>,
    limit: u32,
) -> Result<(Vec<Operation>, u64)> {
    let agent = agent.as_str();
    if !connection.prepare_cached("SELECT 1 FROM agents WHERE id = ?1")?.exists([agent])? {
        return Err(StoreError::NotFound(format!("agent {agent}")));
    }
    let of_type = operation_type.map(OperationType::name);
    let total = connection
        .prepare_cached(
            "SELECT coalesce(sum(kept), 0) FROM agent_operation_counts
             WHERE agent_id = ?1 AND (?2 IS NULL OR operation_type = ?2)",
        )?
        .query_row(params![agent, of_type], |row| row.get(0))?;
    let (condition, values): (_, &[&dyn rusqlite::ToSql]) = match &of_type {
        Some(of_type) => ("AND operation_type = ?3", &[&agent, &limit, of_type]),
        None => ("", &[&agent, &limit]),
    };
    let operations = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM agent_operations WHERE agent_id = ?1 {condition}
             ORDER BY started_at_ms DESC, id DESC LIMIT ?2"
        ))?
        .query_map(values, from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok((operations, total))
}

/// Marks what runs in servers that are no more.
pub fn interrupt(transaction: &Transaction<'_>, is_alive: IsAlive) -> rusqlite::Result<usize> {
    interrupt_in(transaction, "agent_operations", is_alive)
}

/// The same in any table with a state and an instance.
pub fn interrupt_in(
    transaction: &Transaction<'_>,
    table: &str,
    is_alive: IsAlive,
) -> rusqlite::Result<usize> {
    let instances = transaction
        .prepare(&format!("SELECT DISTINCT instance FROM {table} WHERE state = 'running'"))?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut interrupt = transaction.prepare(&format!(
        "UPDATE {table} SET state = 'interrupted' WHERE state = 'running' AND instance = ?1"
    ))?;
    instances
        .iter()
        .filter(|instance| !is_alive(instance))
        .map(|instance| interrupt.execute([instance]))
        .sum()
}

/// Deletes some that are too old or too many.
pub fn expire(transaction: &Transaction<'_>, oldest_kept: UtcMillis) -> rusqlite::Result<usize> {
    let old = transaction
        .prepare_cached(
            "DELETE FROM agent_operations WHERE id IN (
               SELECT id FROM agent_operations WHERE started_at_ms < ?1 AND state <> 'running'
               ORDER BY started_at_ms LIMIT ?2)",
        )?
        .execute(params![oldest_kept.0, EXPIRED_MAX])?;
    // Ids are given in turn, so that no more rows than this can be in between. To count them would be to read them all.
    let newest: i64 = transaction
        .prepare_cached("SELECT coalesce(max(id), 0) FROM agent_operations")?
        .query_row([], |row| row.get(0))?;
    let too_many = transaction
        .prepare_cached(
            "DELETE FROM agent_operations WHERE id IN (
               SELECT id FROM agent_operations WHERE id <= ?1 AND state <> 'running' ORDER BY id LIMIT ?2)",
        )?
        .execute(params![newest - OPERATIONS_KEPT_MAX.cast_signed(), EXPIRED_MAX])?;
    Ok(old + too_many)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        operation_type: named(row, 0, &OperationType::ALL, OperationType::name)?,
        command: row.get(1)?,
        peer: row.get(2)?,
        job: row.get::<_, Option<String>>(3)?.as_deref().and_then(JobId::parse),
        place: row.get(4)?,
        started_at: UtcMillis(row.get(5)?),
        state: named(row, 6, &OperationState::ALL, OperationState::name)?,
        took: row.get::<_, Option<u64>>(7)?.map(Duration::from_micros),
        exit_code: row.get(8)?,
        stdout: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
        stderr: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        truncated: row.get(11)?,
    })
}

/// The one of `all` whose name stands in a column.
pub fn named<T: Copy>(
    row: &Row<'_>,
    column: usize,
    all: &[T],
    name: fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let found = row.get_ref(column)?.as_str()?;
    all.iter().copied().find(|one| name(*one) == found).ok_or_else(|| {
        let error = format!("`{found}` is not known here");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}
