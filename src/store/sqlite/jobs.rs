//! What agents have asked for asynchronously.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::operations::{self, named};
use crate::domain::agent::{Job, JobId, JobState};
use crate::domain::unit::UtcMillis;
use crate::store::{IsAlive, Result};

/// Jobs that are kept, whatever their age.
const KEPT_MAX: u32 = 10_000;
/// Jobs that one call deletes.
const EXPIRED_MAX: u32 = 100;

/// Keeps a job as it is now.
pub fn save(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO jobs (id, state, instance, started_at_ms, ended_at_ms, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            job.id.as_str(),
            job.state.name(),
            job.instance,
            job.started_at.0,
            job.ended_at.map(|at| at.0),
            job.answer
        ])?;
    Ok(())
}

/// A job, if it is kept.
pub fn find(connection: &Connection, id: &JobId) -> rusqlite::Result<Option<Job>> {
    connection
        .prepare_cached("SELECT state, instance, started_at_ms, ended_at_ms, answer FROM jobs WHERE id = ?1")?
        .query_row([id.as_str()], |row| {
            Ok(Job {
                id: id.clone(),
                state: named(row, 0, &JobState::ALL, JobState::name)?,
                instance: row.get(1)?,
                started_at: UtcMillis(row.get(2)?),
                ended_at: row.get::<_, Option<i64>>(3)?.map(UtcMillis),
                answer: row.get(4)?,
            })
        })
        .optional()
}

/// Marks what runs in servers that are no more.
pub fn interrupt(transaction: &Transaction<'_>, is_alive: IsAlive) -> rusqlite::Result<usize> {
    operations::interrupt_in(transaction, "jobs", is_alive)
}

/// Deletes some that are too old or too many.
pub fn expire(transaction: &Transaction<'_>, oldest_kept: UtcMillis) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM jobs WHERE id IN (
               SELECT id FROM jobs
               WHERE state <> 'running' AND started_at_ms < max(?1, coalesce(
                 (SELECT started_at_ms FROM jobs ORDER BY started_at_ms DESC LIMIT 1 OFFSET ?2), ?1))
               ORDER BY started_at_ms LIMIT ?3)",
        )?
        .execute(params![oldest_kept.0, KEPT_MAX - 1, EXPIRED_MAX])
}
