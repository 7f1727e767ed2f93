//! Sessions of browsers, and the browsers that are known by them.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Sqlite, accounts};
use crate::domain::account::{Credentials, Email};
use crate::domain::id::AccountId;
use crate::domain::password::PasswordHash;
use crate::domain::secret::SecretHash;
use crate::domain::session::{
    self, BROWSER_KNOWN, BROWSERS_MAX, IDLE_MAX, LIFETIME_MAX, Login, NewSession, SESSIONS_MAX, SessionState,
};
use crate::domain::unit::UtcMillis;
use crate::store::{Result, SessionStore, StoreError};

/// What lets browsers in. It belongs to a moment, and a backup of it is not put back.
pub const ACCESS_TABLES: [&str; 3] = ["sessions", "known_browsers", "set_up_link"];
/// Sessions and browsers, each, that one call of [`expire`] deletes.
const ENDED_MAX: u32 = 1000;

#[async_trait]
impl SessionStore for Sqlite {
    async fn log_in(&self, login: Login) -> Result<()> {
        self.write(move |transaction| {
            let Login { session, password } = &login;
            let noted = transaction.execute(
                "UPDATE accounts SET last_login_at_ms = ?3 WHERE id = ?1 AND password_hash = ?2",
                params![session.account.0, password.as_str(), session.at.0],
            )?;
            begin(transaction, session, noted)
        })
        .await
    }

    async fn change_password(&self, login: Login, password: PasswordHash) -> Result<()> {
        self.write(move |transaction| {
            let Login { session, password: before } = &login;
            let changed = transaction.execute(
                "UPDATE accounts SET password_hash = ?3, password_changed_at_ms = ?4
                 WHERE id = ?1 AND password_hash = ?2",
                params![session.account.0, before.as_str(), password.as_str(), session.at.0],
            )?;
            if changed > 0 {
                end_all(transaction, session.account)?;
            }
            begin(transaction, session, changed)
        })
        .await
    }

    async fn see_session(&self, session: SecretHash, at: UtcMillis) -> Result<()> {
        self.join(move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE sessions SET last_seen_at_ms = max(last_seen_at_ms, ?2) WHERE hash = ?1",
                )?
                .execute(params![session.0, at.0])?;
            Ok(())
        })
        .await
    }

    async fn end_session(&self, session: SecretHash) -> Result<()> {
        self.write(move |transaction| Ok(end(transaction, &session)?)).await
    }

    async fn end_sessions(&self, account: AccountId) -> Result<()> {
        self.write(move |transaction| Ok(end_all(transaction, account)?)).await
    }
}

/// Begins a session of an account, of which `found` rows were found.
fn begin(transaction: &Transaction<'_>, session: &NewSession, found: usize) -> Result<()> {
    if found == 0 {
        return Err(StoreError::NotFound("an account with this password".into()));
    }
    let NewSession { account, hash, replaces, browser, browser_before, at } = session;
    if let Some(before) = replaces {
        end(transaction, before)?;
    }
    transaction.execute(
        "INSERT INTO sessions (hash, account_id, created_at_ms, last_seen_at_ms) VALUES (?1, ?2, ?3, ?3)",
        params![hash.0, account.0, at.0],
    )?;
    transaction.execute(
        "DELETE FROM sessions WHERE account_id = ?1 AND hash NOT IN (
           SELECT hash FROM sessions WHERE account_id = ?1 ORDER BY hash = ?2 DESC, last_seen_at_ms DESC LIMIT ?3
         )",
        params![account.0, hash.0, SESSIONS_MAX],
    )?;
    if let Some(before) = browser_before {
        transaction.execute(
            "DELETE FROM known_browsers WHERE hash = ?1 AND account_id = ?2",
            params![before.0, account.0],
        )?;
    }
    transaction.execute(
        "INSERT INTO known_browsers (hash, account_id, logged_in_at_ms) VALUES (?1, ?2, ?3)",
        params![browser.0, account.0, at.0],
    )?;
    transaction.execute(
        "DELETE FROM known_browsers WHERE account_id = ?1 AND hash NOT IN (
           SELECT hash FROM known_browsers WHERE account_id = ?1 ORDER BY hash = ?2 DESC, logged_in_at_ms DESC LIMIT ?3
         )",
        params![account.0, browser.0, BROWSERS_MAX],
    )?;
    Ok(())
}

fn end(transaction: &Transaction<'_>, session: &SecretHash) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM sessions WHERE hash = ?1", [session.0]).map(drop)
}

/// Ends all sessions of an account, and forgets its browsers: what was stolen of them is worth nothing.
pub fn end_all(transaction: &Transaction<'_>, account: AccountId) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM sessions WHERE account_id = ?1", [account.0])?;
    transaction.execute("DELETE FROM known_browsers WHERE account_id = ?1", [account.0])?;
    Ok(())
}

/// Ends everything that lets a browser in without a password or makes it known, of whatever schema the database is.
pub fn end_all_of_all(connection: &Connection) -> rusqlite::Result<()> {
    for table in ACCESS_TABLES {
        if connection.table_exists(None, table)? {
            connection.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    Ok(())
}

/// Deletes a bounded number of sessions that are over, and of browsers that are known no more. Returns whether there may be
/// others.
pub fn expire(transaction: &Transaction<'_>, now: UtcMillis) -> rusqlite::Result<bool> {
    let (oldest, idle) = (session::before(now, LIFETIME_MAX), session::before(now, IDLE_MAX));
    let ended = transaction
        .prepare_cached(
            "DELETE FROM sessions WHERE hash IN (
               SELECT hash FROM sessions
               WHERE created_at_ms <= ?1 OR last_seen_at_ms <= ?2 OR created_at_ms > ?3 LIMIT ?4
             )",
        )?
        .execute(params![oldest.0, idle.0, session::latest(now).0, ENDED_MAX])?;
    let forgotten = transaction
        .prepare_cached(
            "DELETE FROM known_browsers WHERE hash IN (
               SELECT hash FROM known_browsers WHERE logged_in_at_ms <= ?1 LIMIT ?2
             )",
        )?
        .execute(params![session::before(now, BROWSER_KNOWN).0, ENDED_MAX])?;
    Ok(ended + forgotten > 0)
}

/// A session, whether it is over or not.
pub fn find(connection: &Connection, session: &SecretHash) -> Result<Option<SessionState>> {
    let found = connection
        .prepare_cached(
            "SELECT account_id, email, role, sessions.created_at_ms, last_seen_at_ms, hash
             FROM sessions JOIN accounts ON accounts.id = account_id WHERE hash = ?1",
        )?
        .query_row([session.0], |row| {
            let state = SessionState {
                account: AccountId(row.get(0)?),
                email: accounts::email(row, 1)?,
                role: accounts::role(row, 2)?,
                created_at: UtcMillis(row.get(3)?),
                last_seen_at: UtcMillis(row.get(4)?),
            };
            Ok((state, SecretHash(row.get(5)?)))
        })
        .optional()?;
    Ok(found.filter(|(_, stored)| stored == session).map(|(state, _)| state))
}

/// What is needed to tell whether somebody may log in.
pub fn credentials(
    connection: &Connection,
    email: &Email,
    browser: Option<&SecretHash>,
    now: UtcMillis,
) -> Result<Option<Credentials>> {
    let known_since = session::before(now, BROWSER_KNOWN);
    let found = connection
        .prepare_cached(
            "SELECT id, password_hash, EXISTS (
               SELECT 1 FROM known_browsers WHERE hash = ?2 AND account_id = id AND logged_in_at_ms > ?3
             ) FROM accounts WHERE email = ?1",
        )?
        .query_row(params![email.as_str(), browser.map(|hash| hash.0), known_since.0], |row| {
            Ok(Credentials {
                account: AccountId(row.get(0)?),
                password: PasswordHash::stored(row.get(1)?),
                knows_browser: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found)
}
