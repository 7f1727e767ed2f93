//! Checks: what they read, without leaving a trace, and the short write that stores them.

use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, MAIN_DB, Row, Transaction, TransactionBehavior, params};

use super::at_rest::Rest;
use super::lock::{self, DatabaseLock};
use super::migrate::{self, OpenError};
use super::{Sqlite, connection, observation};
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::verdict::Verdict;
use crate::domain::metrics::Resolution;
use crate::domain::observation::{Milestone, Observation, StoredCheck, Wanted};
use crate::domain::unit::UtcMillis;
use crate::store::{CriteriaStore, Look, Result, StoreError};

/// Checks that are kept: 35 days of one every five minutes, in 2 MB.
const KEPT_MAX: i64 = 10_000;
/// Of these, such as keep their evidence: one an hour for two months, in 3 MB.
const EVIDENCE_KEPT_MAX: i64 = 1500;
/// Times that a database is read that changes meanwhile. Whoever opens it to write and closes it again every few milliseconds is
/// no server.
const READS_MAX: usize = 10;

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// It cannot be opened, or is not the database it should be.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] StoreError),
}

impl From<rusqlite::Error> for ObserveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Open(error.into())
    }
}

#[async_trait]
impl CriteriaStore for Sqlite {
    async fn observe(&self, wanted: Wanted) -> Result<Observation> {
        let db = self.vitals.path().to_owned();
        self.readers
            .read(Look::Long, move |connection| {
                observation::observe(connection, &db, None, lock::servers(&db), wanted)
            })
            .await
    }

    async fn checks(&self, limit: u32) -> Result<Vec<StoredCheck>> {
        self.read(move |connection| Ok(newest(connection, limit)?)).await
    }
}

/// Reads what an installation is judged by. The database is opened to read only, and nothing is left beside it.
///
/// # Errors
/// When it is not a database of the present schema, or cannot be read.
pub fn observe(db: &Path, wanted: Wanted) -> std::result::Result<Observation, ObserveError> {
    read(db, |connection, journal_mode| {
        Ok(observation::observe(connection, db, journal_mode, lock::servers(db), wanted)?)
    })
}

/// The newest checks, newest first.
///
/// # Errors
/// As [`observe`].
pub fn checks(db: &Path, limit: u32) -> std::result::Result<Vec<StoredCheck>, ObserveError> {
    read(db, |connection, _| Ok(newest(connection, limit)?))
}

/// Evidence of earlier checks, the oldest first: of one an hour, from `since` on.
///
/// # Errors
/// As [`observe`].
pub fn evidence(
    db: &Path,
    since: UtcMillis,
) -> std::result::Result<Vec<(UtcMillis, Evidence)>, ObserveError> {
    read(db, |connection, _| {
        let kept = connection
            .prepare(
                "SELECT checked_at_ms, evidence FROM criteria_checks
                 WHERE evidence IS NOT NULL AND checked_at_ms >= ?1 ORDER BY id",
            )?
            .query_map([since.0], |row| Ok((UtcMillis(row.get(0)?), row.get::<_, String>(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        // What an older porta has kept, and this one does not understand, is left out.
        let parsed = kept.into_iter().filter_map(|(at, json)| Some((at, serde_json::from_str(&json).ok()?)));
        Ok(parsed.collect())
    })
}

/// Stores a check with its evidence, and forgets what is too old.
///
/// # Errors
/// When the database cannot be written: then nothing is stored.
pub fn save(db: &Path, check: &StoredCheck, evidence: &Evidence) -> std::result::Result<(), OpenError> {
    let evidence = serde_json::to_string(evidence).map_err(|error| OpenError::Io(error.to_string()))?;
    write(db, |transaction| {
        let hour = Resolution::Hour.start_of(check.checked_at).0;
        transaction.execute(
            "UPDATE criteria_checks SET evidence = NULL WHERE evidence IS NOT NULL AND checked_at_ms >= ?1",
            [hour],
        )?;
        transaction.execute(
            "INSERT INTO criteria_checks (checked_at_ms, verdict, settled, rung, reason, agents, p95, cv, db_size, rps,
               red_flags, evidence)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                check.checked_at.0,
                check.verdict.name(),
                check.settled.name(),
                check.rung,
                check.reason,
                check.agents,
                check.p95,
                check.cv,
                check.db_size,
                check.rps,
                check.red_flags,
                evidence
            ],
        )?;
        transaction.execute(
            "UPDATE criteria_checks SET evidence = NULL WHERE evidence IS NOT NULL AND id < (
               SELECT id FROM criteria_checks WHERE evidence IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?1)",
            [EVIDENCE_KEPT_MAX - 1],
        )?;
        transaction.execute(
            "DELETE FROM criteria_checks WHERE id <= (SELECT max(id) FROM criteria_checks) - ?1",
            [KEPT_MAX],
        )?;
        Ok(())
    })
}

/// Notes that something was done.
///
/// # Errors
/// As [`save`].
pub fn note(db: &Path, milestone: Milestone, at: UtcMillis) -> std::result::Result<(), OpenError> {
    write(db, |transaction| {
        transaction.execute(
            "INSERT OR REPLACE INTO milestones (name, at_ms) VALUES (?1, ?2)",
            params![milestone.name(), at.0],
        )?;
        Ok(())
    })
}

/// What was done, and when last.
pub fn milestones(connection: &Connection) -> rusqlite::Result<Vec<(Milestone, UtcMillis)>> {
    let all = connection
        .prepare("SELECT name, at_ms FROM milestones")?
        .query_map([], |row| Ok((row.get::<_, String>(0)?, UtcMillis(row.get(1)?))))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let known = |(name, at): (String, UtcMillis)| {
        let milestone = Milestone::ALL.into_iter().find(|milestone| milestone.name() == name)?;
        Some((milestone, at))
    };
    Ok(all.into_iter().filter_map(known).collect())
}

/// One short transaction on a connection of its own. The settings of the file are left as they are: what is wrong with them is
/// to be found by checks, not mended by them.
fn write(
    db: &Path,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> std::result::Result<(), OpenError> {
    // Before there is a lock: beside what is not there, no file is made.
    connection::require_file(db)?;
    let _lock = DatabaseLock::shared(db)?;
    let mut connection = connection::open_existing(db)?;
    // Before anything is read: what opens a log that is not there makes one.
    if connection.is_readonly(MAIN_DB)? {
        return Err(OpenError::ReadOnly);
    }
    migrate::require_current(&connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// The newest checks, newest first.
pub fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<StoredCheck>> {
    connection
        .prepare(
            "SELECT checked_at_ms, verdict, settled, rung, reason, agents, p95, cv, db_size, rps,
               red_flags
             FROM criteria_checks ORDER BY id DESC LIMIT ?1",
        )?
        .query_map([limit], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredCheck> {
    let verdict = |column: usize| -> rusqlite::Result<Verdict> {
        Ok(Verdict::from_name(row.get_ref(column)?.as_str()?).unwrap_or(Verdict::Unknown))
    };
    Ok(StoredCheck {
        checked_at: UtcMillis(row.get(0)?),
        verdict: verdict(1)?,
        settled: verdict(2)?,
        rung: row.get(3)?,
        reason: row.get(4)?,
        agents: row.get(5)?,
        p95: row.get(6)?,
        cv: row.get(7)?,
        db_size: row.get(8)?,
        rps: row.get(9)?,
        red_flags: row.get(10)?,
    })
}

/// Runs `work` on a connection that can only read. It is told the journal mode where the connection does not know it.
fn read<T>(
    db: &Path,
    work: impl Fn(&Connection, Option<&'static str>) -> std::result::Result<T, ObserveError>,
) -> std::result::Result<T, ObserveError> {
    connection::require_file(db)?;
    let _lock = DatabaseLock::shared_if_there(db)?;
    for _ in 0..READS_MAX {
        let rest = Rest::before_reading(db)?;
        let connection = rest.open(db)?;
        let done = migrate::require_known(&connection)
            .and_then(|_| migrate::require_current(&connection))
            .map_err(ObserveError::from)
            .and_then(|()| work(&connection, rest.journal_mode()));
        drop(connection);
        // Somebody has written meanwhile, and may be gone again: what was read may be half of the old and half of the new.
        if rest == Rest::InUse || rest == Rest::of(db)? {
            return done;
        }
    }
    Err(StoreError::Busy.into())
}

/// Alone among checks.
#[derive(Debug)]
pub struct CheckLock {
    _file: File,
}

impl CheckLock {
    /// Keeps other checks of this database away, after waiting for one that is under way.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when that one does not end, [`OpenError::NoLock`] when there can be no lock file, and as [`observe`].
    pub fn take(db: &Path) -> std::result::Result<Self, ObserveError> {
        // Beside what is no database of porta's, no file is made.
        if !lock::is_known_to_checks(db) {
            checks(db, 1)?;
        }
        Ok(Self { _file: lock::alone(db)? })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::beside;
    use super::*;

    fn database(folder: &Path) -> std::path::PathBuf {
        let db = folder.join("porta.db");
        migrate::prepare(&db).expect("a database");
        db
    }

    fn plans(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT at_ms FROM milestones WHERE name = 'plan'", [], |row| row.get(0))
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("a name")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Whoever opens, writes and closes while the file is read leaves no log behind that would tell of it.
    #[test]
    fn what_was_written_and_closed_meanwhile_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = database(folder.path());
        note(&db, Milestone::Plan, UtcMillis(1)).expect("a note");
        let (reads, writes) = (Cell::new(0), 3);
        let read_plan = |connection: &Connection, _: Option<&str>| {
            let found = plans(connection)?;
            reads.set(reads.get() + 1);
            if reads.get() <= writes {
                note(&db, Milestone::Plan, UtcMillis(found + 1))?;
            }
            Ok(found)
        };
        assert_eq!(read(&db, read_plan).expect("a plan"), 1 + writes);
        assert_eq!(reads.get(), writes + 1);
        assert_eq!(files(folder.path()), ["porta.db", "porta.db.lock"]);
    }

    #[test]
    fn a_database_that_is_written_all_the_time_is_busy_and_not_read_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = database(folder.path());
        let at = Cell::new(0);
        let result = read(&db, |_, _| {
            at.set(at.get() + 1);
            Ok(note(&db, Milestone::Plan, UtcMillis(at.get()))?)
        });
        assert!(matches!(result, Err(ObserveError::Read(StoreError::Busy))), "{result:?}");
        assert_eq!(at.get(), READS_MAX as i64);
    }

    /// A log that its server has left behind, without an index.
    #[test]
    fn a_log_without_an_index_is_read_and_gets_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = database(folder.path());
        let other = tempfile::tempdir().expect("a folder");
        let server = connection::open_existing(&db).expect("a server");
        server.execute("INSERT INTO milestones VALUES ('plan', 7)", []).expect("a commit");
        let copy = other.path().join("porta.db");
        std::fs::copy(&db, &copy).expect("a copy");
        std::fs::copy(beside::named(&db, beside::LOG), beside::named(&copy, beside::LOG)).expect("its log");
        let content = || ["porta.db", "porta.db-wal"].map(|name| std::fs::read(other.path().join(name)).ok());
        let before = content();
        assert_eq!(read(&copy, |connection, _| Ok(plans(connection)?)).expect("what is in the log"), 7);
        assert_eq!(files(other.path()), ["porta.db", "porta.db-wal"]);
        assert!(content() == before, "not a byte is another");
        std::fs::write(beside::named(&copy, beside::LOG), "").expect("an empty log");
        assert!(read(&copy, |connection, _| Ok(plans(connection)?)).is_err(), "it was in the log only");
        assert_eq!(files(other.path()), ["porta.db", "porta.db-wal"], "an empty log needs no index");
    }

    #[test]
    fn beside_what_is_not_there_no_lock_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let noted = note(&folder.path().join("porta.db"), Milestone::Alert, UtcMillis(1));
        assert!(matches!(noted, Err(OpenError::Missing)), "{noted:?}");
        assert!(files(folder.path()).is_empty());
    }
}
