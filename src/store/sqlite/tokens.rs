//! Bearer tokens of administrators.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};

use super::Sqlite;
use crate::clock;
use crate::domain::account::Token;
use crate::domain::id::TokenId;
use crate::domain::secret::Secret;
use crate::domain::unit::UtcMillis;
use crate::store::{Result, StoreError, TokenStore};

#[async_trait]
impl TokenStore for Sqlite {
    async fn create_token(&self, name: String, token: Secret) -> Result<Token> {
        self.write(move |transaction| {
            let created = transaction.query_row(
                "INSERT INTO tokens (name, prefix, hash, created_at_ms) VALUES (?1, ?2, ?3, ?4)
                 RETURNING id, name, prefix, created_at_ms, revoked_at_ms",
                params![name, token.prefix(), token.hash().0, clock::utc().0],
                from_row,
            )?;
            Ok(created)
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        self.read(|connection| {
            let tokens = connection
                .prepare_cached(
                    "SELECT id, name, prefix, created_at_ms, revoked_at_ms FROM tokens ORDER BY id",
                )?
                .query_map([], from_row)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(tokens)
        })
        .await
    }

    async fn revoke_token(&self, id: TokenId) -> Result<Token> {
        self.write(move |transaction| {
            transaction
                .query_row(
                    "UPDATE tokens SET revoked_at_ms = coalesce(revoked_at_ms, ?2) WHERE id = ?1
                     RETURNING id, name, prefix, created_at_ms, revoked_at_ms",
                    params![id.0, clock::utc().0],
                    from_row,
                )
                .optional()?
                .ok_or_else(|| StoreError::NotFound(format!("token {id}")))
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        prefix: row.get(2)?,
        created_at: UtcMillis(row.get(3)?),
        revoked_at: row.get::<_, Option<i64>>(4)?.map(UtcMillis),
    })
}
