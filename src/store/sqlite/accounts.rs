//! Accounts of people, and the link that creates the first administrator.

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, params};

use super::{Sqlite, sessions};
use crate::clock;
use crate::domain::account::{ACCOUNTS_MAX, Account, Email, NewAccount, Role};
use crate::domain::id::AccountId;
use crate::domain::password::PasswordHash;
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::store::{AccountStore, Result, StoreError};

/// In the order in which [`from_row`] takes them.
const COLUMNS: &str = "id, email, role, created_at_ms, password_changed_at_ms, last_login_at_ms";

#[async_trait]
impl AccountStore for Sqlite {
    async fn create_account(&self, account: NewAccount) -> Result<Account> {
        self.write(move |transaction| create(transaction, &account)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM accounts ORDER BY email");
            let accounts =
                connection.prepare_cached(&sql)?.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?;
            Ok(accounts)
        })
        .await
    }

    async fn reset_password(&self, email: Email, password: PasswordHash) -> Result<Account> {
        self.write(move |transaction| {
            let sql = format!(
                "UPDATE accounts SET password_hash = ?2, password_changed_at_ms = ?3 WHERE email = ?1
                 RETURNING {COLUMNS}"
            );
            let account = transaction
                .query_row(&sql, params![email.as_str(), password.as_str(), clock::utc().0], from_row)
                .optional()?
                .ok_or_else(|| unknown(&email))?;
            sessions::end_all(transaction, account.id)?;
            Ok(account)
        })
        .await
    }

    async fn delete_account(&self, email: Email) -> Result<Account> {
        self.write(move |transaction| {
            let sql = format!("DELETE FROM accounts WHERE email = ?1 RETURNING {COLUMNS}");
            let deleted = transaction.query_row(&sql, [email.as_str()], from_row).optional()?;
            deleted.ok_or_else(|| unknown(&email))
        })
        .await
    }

    async fn offer_set_up(&self, link: SecretHash, valid_until: UtcMillis) -> Result<bool> {
        // Most databases have an administrator: nothing need be written for them.
        if self.read(|connection| Ok(has_admin(connection)?)).await? {
            return Ok(false);
        }
        self.write(move |transaction| {
            if has_admin(transaction)? {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO set_up_link (only, hash, valid_until_ms) VALUES (1, ?1, ?2)
                 ON CONFLICT DO UPDATE SET hash = ?1, valid_until_ms = ?2",
                params![link.0, valid_until.0],
            )?;
            Ok(true)
        })
        .await
    }

    async fn set_up(&self, link: SecretHash, account: NewAccount, now: UtcMillis) -> Result<Account> {
        self.write(move |transaction| {
            if !is_set_up_link(transaction, &link, now)? {
                return Err(StoreError::NotFound("a set-up link that is good".into()));
            }
            create(transaction, &account)
        })
        .await
    }
}

fn create(transaction: &Transaction<'_>, account: &NewAccount) -> Result<Account> {
    let count: u32 = transaction.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
    if count >= ACCOUNTS_MAX {
        return Err(StoreError::Conflict(format!("there are {ACCOUNTS_MAX} accounts, and cannot be more")));
    }
    let sql = format!(
        "INSERT INTO accounts (email, role, password_hash, created_at_ms, password_changed_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?4) RETURNING {COLUMNS}"
    );
    let NewAccount { email, role, password } = account;
    let values = params![email.as_str(), role.as_str(), password.as_str(), clock::utc().0];
    let created =
        transaction.query_row(&sql, values, from_row).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => {
                StoreError::Conflict(format!("there is an account {email} already"))
            }
            _ => error.into(),
        })?;
    if *role == Role::Admin {
        transaction.execute("DELETE FROM set_up_link", [])?;
    }
    Ok(created)
}

fn unknown(email: &Email) -> StoreError {
    StoreError::NotFound(format!("account {email}"))
}

/// Whether there is an administrator.
pub fn has_admin(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE role = ?1)";
    connection.prepare_cached(sql)?.query_row([Role::Admin.as_str()], |row| row.get(0))
}

/// Whether a link creates the first administrator.
pub fn is_set_up_link(connection: &Connection, link: &SecretHash, now: UtcMillis) -> rusqlite::Result<bool> {
    let stored: Option<SecretHash> = connection
        .prepare_cached("SELECT hash FROM set_up_link WHERE valid_until_ms > ?1")?
        .query_row([now.0], |row| row.get(0).map(SecretHash))
        .optional()?;
    Ok(stored.is_some_and(|stored| stored == *link) && !has_admin(connection)?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(0)?),
        email: email(row, 1)?,
        role: role(row, 2)?,
        created_at: UtcMillis(row.get(3)?),
        password_changed_at: UtcMillis(row.get(4)?),
        last_login_at: row.get::<_, Option<i64>>(5)?.map(UtcMillis),
    })
}

pub fn email(row: &Row<'_>, column: usize) -> rusqlite::Result<Email> {
    parsed(row, column)
}

pub fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    parsed(row, column)
}

fn parsed<T: std::str::FromStr<Err = String>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let parsed = row.get_ref(column)?.as_str()?.parse();
    parsed
        .map_err(|error: String| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
