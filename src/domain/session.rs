//! Sessions of browsers: how long they last. A browser has a random token in a cookie; the server knows its digest, whose
//! account it is, and when it was seen.

use std::time::Duration;

use super::account::{Email, Role};
use super::id::AccountId;
use super::password::PasswordHash;
use super::secret::SecretHash;
use super::unit::UtcMillis;

/// A session ends when nothing was heard of its browser for so long.
pub const IDLE_MAX: Duration = Duration::from_secs(12 * 3600);
/// A session ends so long after the login, however busy it is.
pub const LIFETIME_MAX: Duration = Duration::from_secs(7 * 86_400);
/// When a browser was seen is noted once in so long.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Sessions of an account. The one that was seen the longest ago makes room for the next.
pub const SESSIONS_MAX: u32 = 32;
/// Browsers that are known by their logins with an account. The one of the oldest login makes room for the next.
pub const BROWSERS_MAX: u32 = 16;
/// How long a browser is known by its last login.
pub const BROWSER_KNOWN: Duration = Duration::from_secs(180 * 86_400);
/// A session that has begun later than so long from now was begun by a clock that was wrong.
const FUTURE_MAX: Duration = Duration::from_secs(300);
/// How long the link is good that creates the first administrator.
pub const SET_UP_LINK_MAX: Duration = Duration::from_secs(3600);

/// A browser that logs in.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// With which account.
    pub account: AccountId,
    /// Of the token that it gets.
    pub hash: SecretHash,
    /// Of the session that it had before, which ends.
    pub replaces: Option<SecretHash>,
    /// Of the token by which it is known the next time.
    pub browser: SecretHash,
    /// Of the one by which it was known until now.
    pub browser_before: Option<SecretHash>,
    /// When.
    pub at: UtcMillis,
}

/// A login: the session, and the hash that its password was found to be of. When that is not the account's any more, there is
/// no session.
#[derive(Clone, Debug)]
pub struct Login {
    /// The browser's.
    pub session: NewSession,
    /// The account's.
    pub password: PasswordHash,
}

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// Whose.
    pub account: AccountId,
    /// By which they log in.
    pub email: Email,
    /// What they may do now, whatever it was when they logged in.
    pub role: Role,
    /// When they logged in.
    pub created_at: UtcMillis,
    /// When something was heard of their browser last, give or take [`SEEN_EVERY`].
    pub last_seen_at: UtcMillis,
}

impl SessionState {
    /// Whether it has ended by itself.
    pub fn is_over(&self, now: UtcMillis) -> bool {
        let (lifetime, idle) = (age(self.created_at, now), age(self.last_seen_at, now));
        lifetime >= LIFETIME_MAX || idle >= IDLE_MAX || self.created_at > latest(now)
    }

    /// Whether it is to be noted that its browser was seen.
    pub fn is_seen_again(&self, now: UtcMillis) -> bool {
        age(self.last_seen_at, now) >= SEEN_EVERY
    }
}

/// The latest time at which a session can have begun.
pub fn latest(now: UtcMillis) -> UtcMillis {
    UtcMillis(now.0.saturating_add(i64::try_from(FUTURE_MAX.as_millis()).unwrap_or(0)))
}

/// Time from one to the other; none when the clock was set back in between.
fn age(since: UtcMillis, now: UtcMillis) -> Duration {
    Duration::from_millis(u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0))
}

/// The latest time of which something is at least so old.
pub fn before(now: UtcMillis, age: Duration) -> UtcMillis {
    UtcMillis(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(created_at: i64, last_seen_at: i64) -> SessionState {
        SessionState {
            account: AccountId(1),
            email: "a@b".parse().expect("an address"),
            role: Role::Viewer,
            created_at: UtcMillis(created_at),
            last_seen_at: UtcMillis(last_seen_at),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        const HOUR: i64 = 3_600_000;
        let session = state(0, 0);
        assert!(!session.is_over(UtcMillis(12 * HOUR - 1)) && session.is_over(UtcMillis(12 * HOUR)));
        let week = 7 * 24 * HOUR;
        let busy = state(0, week - 1);
        assert!(!busy.is_over(UtcMillis(week - 1)) && busy.is_over(UtcMillis(week)));
        let set_back = state(HOUR, HOUR);
        assert!(!set_back.is_over(UtcMillis(HOUR - 300_000)), "the clock may be set back a little");
        assert!(set_back.is_over(UtcMillis(HOUR - 300_001)), "it would outlive its week");
    }

    #[test]
    fn a_browser_is_noted_once_a_minute() {
        let session = state(0, 1000);
        assert!(!session.is_seen_again(UtcMillis(60_999)) && session.is_seen_again(UtcMillis(61_000)));
        assert!(!session.is_seen_again(UtcMillis(0)));
    }
}
