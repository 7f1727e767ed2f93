//! The only place that reads time. `clippy.toml` bans the others, so that what is measured and when can be found here.

#![allow(clippy::disallowed_methods, reason = "this is the place")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::unit::UtcMillis;

/// By how many milliseconds the wall clock is set back.
static SET_BACK_MS: AtomicI64 = AtomicI64::new(0);

/// The wall clock, for what is stored and shown.
pub fn utc() -> UtcMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    UtcMillis(now.saturating_sub(SET_BACK_MS.load(Ordering::Relaxed)))
}

/// Sets this process's wall clock back, for tests: the machine's own belongs to all.
pub fn set_back(by: Duration) {
    SET_BACK_MS.store(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
}

/// The monotonic clock, for what is measured.
#[inline]
pub fn instant() -> Instant {
    Instant::now()
}
