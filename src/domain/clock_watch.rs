//! Notices a wall clock that goes back: entries then get times before those of earlier ones.

use std::time::Duration;

use serde::Serialize;

use super::unit::UtcMillis;

/// A wall clock may fall behind the monotonic one by so much between two looks: it is corrected in small steps all the
/// time.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Compares the wall clock with the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    utc: UtcMillis,
    elapsed: Duration,
    step: Option<StepBack>,
}

/// A wall clock that has gone back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepBack {
    /// When, by the clock as it was before.
    pub at: UtcMillis,
    /// By how many milliseconds.
    pub by_ms: i64,
}

impl ClockWatch {
    /// Begins with what both clocks show now; the monotonic one since some start.
    pub fn new(utc: UtcMillis, elapsed: Duration) -> Self {
        Self { utc, elapsed, step: None }
    }

    /// Looks again. Returns the step when the wall clock has gone back since the last look.
    pub fn look(&mut self, utc: UtcMillis, elapsed: Duration) -> Option<StepBack> {
        let passed = elapsed.saturating_sub(self.elapsed).as_millis() as i64;
        let expected = self.utc.0.saturating_add(passed);
        (self.utc, self.elapsed) = (utc, elapsed);
        if self.step.is_some_and(|step| utc.0 >= step.at.0) {
            self.step = None;
        }
        let by_ms = expected.saturating_sub(utc.0);
        if by_ms <= TOLERANCE.as_millis() as i64 {
            return None;
        }
        let at = self.step.map_or(expected, |earlier| earlier.at.0.max(expected));
        let step = StepBack { at: UtcMillis(at), by_ms };
        self.step = Some(step);
        Some(step)
    }

    /// The step that the clock has not made up for yet.
    pub fn behind(&self) -> Option<StepBack> {
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_step_back_is_noticed_once_and_over_when_the_clock_has_caught_up() {
        let mut watch = ClockWatch::new(UtcMillis(HOUR_MS), at(0));
        assert_eq!(watch.look(UtcMillis(HOUR_MS + 1000), at(1)), None);
        let step = StepBack { at: UtcMillis(HOUR_MS + 2000), by_ms: HOUR_MS };
        assert_eq!(watch.look(UtcMillis(2000), at(2)), Some(step));
        assert_eq!(watch.look(UtcMillis(3000), at(3)), None);
        assert_eq!(watch.behind(), Some(step));
        assert_eq!(watch.look(UtcMillis(2000 + HOUR_MS), at(2 + 3600)), None);
        assert_eq!(watch.behind(), None);
    }

    #[test]
    fn a_second_step_back_does_not_forget_how_far_the_clock_has_been() {
        let mut watch = ClockWatch::new(UtcMillis(HOUR_MS), at(0));
        let first = watch.look(UtcMillis(60_000), at(1)).expect("a step");
        let second = watch.look(UtcMillis(0), at(2)).expect("another");
        assert_eq!(second.at, first.at);
    }

    #[test]
    fn small_corrections_and_steps_ahead_are_none() {
        let mut watch = ClockWatch::new(UtcMillis(0), at(0));
        assert_eq!(watch.look(UtcMillis(500), at(1)), None);
        assert_eq!(watch.look(UtcMillis(HOUR_MS), at(2)), None);
        assert_eq!(watch.behind(), None);
    }
}
