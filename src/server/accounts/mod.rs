//! People log in: the pages for that, and what keeps those out who should not.

pub mod cookies;
mod hashing;
mod login;
mod own;
mod proof;
mod set_up;
mod throttle;

use std::sync::Arc;

use moka::sync::Cache;

use self::cookies::{Kind, Presented};
use self::hashing::Hashing;
pub use self::login::{log_in, log_out, login_page, login_path};
pub use self::own::{account_page, change};
pub use self::set_up::{set_up, set_up_page};
use self::throttle::Throttle;
use super::State;
use super::error::Refusal;
use super::forwarded::Arrival;
use super::seldom::Seldom;
use crate::clock;
use crate::domain::id::AccountId;
use crate::domain::password::PasswordHash;
use crate::domain::secret::{Secret, SecretHash};
use crate::domain::session::{Login, NewSession, SEEN_EVERY};
use crate::domain::unit::UtcMillis;
use crate::entropy;
use crate::store::SharedStore;

/// Sessions of which is remembered that they were noted as seen.
const SEEN_MAX: u64 = 10_000;

/// What a server knows of those who log in.
pub struct Accounts {
    throttle: Throttle,
    hashing: Hashing,
    held_up: Seldom,
    seen: Cache<SecretHash, ()>,
}

impl Accounts {
    pub fn new() -> Self {
        Self {
            throttle: Throttle::new(),
            hashing: Hashing::new(),
            held_up: Seldom::new(),
            seen: Cache::builder().max_capacity(SEEN_MAX).time_to_live(SEEN_EVERY).build(),
        }
    }

    /// Notes that a session's browser was seen, once a minute, without anybody waiting for it.
    pub fn note_seen(&self, store: &SharedStore, session: SecretHash, now: UtcMillis) {
        // Of several requests at once one does it.
        if !self.seen.entry(session).or_insert(()).is_fresh() {
            return;
        }
        let store = Arc::clone(store);
        tokio::spawn(async move {
            if let Err(error) = store.see_session(session, now).await {
                tracing::debug!(%error, "that a session was seen was not noted");
            }
        });
    }
}

/// The tokens that a browser gets when it logs in.
struct Tokens {
    session: Secret,
    browser: Secret,
}

impl Tokens {
    fn fresh() -> Result<Self, Refusal> {
        let token = || entropy::token().map_err(Refusal::Internal);
        Ok(Self { session: token()?, browser: token()? })
    }

    /// The session that they are for, in the place of those that the browser has presented.
    fn login(
        &self,
        account: AccountId,
        password: PasswordHash,
        session_before: Option<&Presented>,
        browser_before: Option<&Presented>,
    ) -> Login {
        let session = NewSession {
            account,
            hash: self.session.hash(),
            replaces: session_before.map(Presented::hash),
            browser: self.browser.hash(),
            browser_before: browser_before.map(Presented::hash),
            at: clock::utc(),
        };
        Login { session, password }
    }

    /// The cookies that they are in. The form that they were got for has had its use.
    fn cookies(
        &self,
        arrival: &Arrival,
        state: &State,
    ) -> [(axum::http::HeaderName, axum::http::HeaderValue); 3] {
        [
            cookies::set(Kind::Session, &self.session, arrival, state),
            cookies::set(Kind::Browser, &self.browser, arrival, state),
            cookies::removed(Kind::Form, arrival, state),
        ]
    }
}
