//! The only place that asks the operating system for randomness.

use crate::domain::agent::JobId;
use crate::domain::channel::{NewChannel, Settings};
use crate::domain::id::ChannelId;
use crate::domain::password::SALT_BYTES;
use crate::domain::secret::Secret;

/// A fresh API key.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn api_key() -> Result<Secret, String> {
    Ok(Secret::api_key(u128::from_ne_bytes(random_bytes()?)))
}

/// A fresh bearer token.
///
/// # Errors
/// As [`api_key`].
pub fn token() -> Result<Secret, String> {
    Ok(Secret::token(random_bytes()?))
}

/// A fresh token for an agent bridge.
///
/// # Errors
/// As [`api_key`].
pub fn bridge_token() -> Result<Secret, String> {
    Secret::bridge_token(&format!("{:032x}{:032x}", random_number()?, random_number()?))
}

/// The name of a new job.
///
/// # Errors
/// As [`api_key`].
pub fn job_id() -> Result<JobId, String> {
    Ok(JobId::new(u128::from_ne_bytes(random_bytes()?)))
}

/// What makes equal passwords look different in the database.
///
/// # Errors
/// As [`api_key`].
pub fn salt() -> Result<[u8; SALT_BYTES], String> {
    random_bytes()
}

/// A channel with fresh keys.
///
/// # Errors
/// As [`api_key`].
pub fn new_channel(id: Option<ChannelId>, settings: Settings) -> Result<NewChannel, String> {
    Ok(NewChannel { id, settings, write_key: api_key()?, read_key: api_key()? })
}

fn random_number() -> Result<u128, String> {
    Ok(u128::from_ne_bytes(random_bytes()?))
}

fn random_bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("there is no randomness for a key: {error}"))?;
    Ok(bytes)
}
