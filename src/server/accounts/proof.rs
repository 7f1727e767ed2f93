//! Whether somebody knows the password of an account, at the login and where they change it.

use std::time::Duration;

use super::cookies::Presented;
use super::throttle::Attempt;
use crate::clock;
use crate::domain::account::{Credentials, Email};
use crate::domain::id::AccountId;
use crate::domain::password::{Password, PasswordFault, PasswordHash};
use crate::domain::secret::SecretHash;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::store::{Look, look};

/// Why it is not shown that somebody knows a password.
pub struct Unproven {
    /// Whose it would have been, if there is such an account.
    pub account: Option<AccountId>,
    /// How long to wait before it is looked at; `None` when it was, and is wrong.
    pub wait: Option<Duration>,
}

/// What somebody has written to show who they are.
pub struct Claim<'a> {
    /// The account's address, as far as it is one.
    pub email: &'a str,
    /// In the clear.
    pub password: &'a str,
    /// The cookie of a browser that may be known.
    pub browser: Option<&'a Presented>,
}

/// The credentials of an account whose password somebody knows. It takes as long where there is no such account.
///
/// # Errors
/// When there are too many logins at once, or the database cannot be asked.
pub async fn prove(
    state: &State,
    claim: &Claim<'_>,
    arrival: &Arrival,
) -> Result<Result<Credentials, Unproven>, Refusal> {
    let email: Option<Email> = claim.email.parse().ok();
    let account = SecretHash::of(email.as_ref().map_or(claim.email, Email::as_str));
    let (browser, now) = (claim.browser.map(Presented::hash), clock::utc());
    let found = match email {
        None => None,
        Some(email) => {
            look(&*state.store, Look::Short, move |view| view.credentials(&email, browser.as_ref(), now))
                .await?
        }
    };
    let known_browser = browser.filter(|_| found.as_ref().is_some_and(|found| found.knows_browser));
    let attempt = Attempt { client: arrival.client, account, known_browser };
    let unproven = |wait| Unproven { account: found.as_ref().map(|found| found.account), wait };
    let turn = state.accounts.hashing.turn().await?;
    let throttle = state.accounts.throttle.clone();
    let ticket = match throttle.begin(&attempt, clock::instant()) {
        Ok(ticket) => ticket,
        Err(wait) => return Ok(Err(unproven(Some(wait)))),
    };
    let Some(password) = Password::presented(claim.password) else { return Ok(Err(unproven(None))) };
    let hash = found.as_ref().map_or_else(PasswordHash::nobodys, |found| found.password.clone());
    let is_right = turn.verify(hash, password, move || throttle.succeeded(ticket)).await?;
    let unproven = unproven(None);
    Ok(found.filter(|_| is_right).ok_or(unproven))
}

/// A new password, which was written twice.
///
/// # Errors
/// Why it cannot be one, as translations name it.
pub fn chosen_twice(password: &str, again: &str, email: &Email) -> Result<Password, &'static str> {
    let chosen = Password::chosen(password, email).map_err(PasswordFault::id)?;
    if password == again { Ok(chosen) } else { Err("different") }
}
