//! Lines of the log that a stranger can cause as often as they like: one in a while, with how many it stands for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about the same.
const EVERY: Duration = Duration::from_secs(60);

/// Counts what is not logged each time.
pub struct Seldom(Mutex<Counted>);

struct Counted {
    told_at: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self(Mutex::new(Counted { told_at: None, since: 0 }))
    }

    /// Counts one more. `Some` when there is to be a line about it: how often it has happened since the last.
    pub fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        if counted.told_at.is_some_and(|told_at| now.saturating_duration_since(told_at) < EVERY) {
            return None;
        }
        counted.told_at = Some(now);
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_flood_is_one_line_a_minute_that_says_how_much_it_was() {
        let (seldom, now) = (Seldom::new(), clock::instant());
        assert_eq!(seldom.count(now), Some(1), "the first is told at once");
        for _ in 0..1000 {
            assert_eq!(seldom.count(now), None);
        }
        assert_eq!(seldom.count(now + EVERY), Some(1001));
        assert_eq!(seldom.count(now + EVERY), None);
    }
}
