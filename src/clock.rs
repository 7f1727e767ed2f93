//! The only place that reads time. `clippy.toml` bans the others, so that what is measured and when can be found here.

#![allow(clippy::disallowed_methods, reason = "this is the place")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::unit::UtcMillis;

/// The wall clock, for what is stored and shown.
pub fn utc() -> UtcMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// The monotonic clock, for what is measured.
#[inline]
pub fn instant() -> Instant {
    Instant::now()
}
