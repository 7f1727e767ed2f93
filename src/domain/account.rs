//! Who may administer.

use serde::Serialize;

use super::id::TokenId;
use super::unit::UtcMillis;

/// An admin bearer token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// When it was created.
    pub created_at: UtcMillis,
    /// When it stopped working.
    pub revoked_at: Option<UtcMillis>,
}
