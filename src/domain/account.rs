//! Who may administer.

use serde::Serialize;

use super::id::TokenId;
use super::unit::UtcMillis;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// See how the server is, at `/`.
    Viewer,
}

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
