//! When requests are due. Arrival `k` of a constant rate is due at `start + k / rps`, whatever the server does: the
//! open model, in which a stalled server cannot slow the load down.

use std::time::Duration;

const NANOS: u128 = 1_000_000_000;

/// One generator thread's share of the arrivals of a constant rate: of the arrivals 0, 1, 2, … those that are
/// congruent to `offset` modulo `stride`. Everything is a closed form in integers, so that neither rounding nor the
/// number of threads moves an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rps: u32,
    total: u64,
    offset: u64,
    stride: u64,
}

impl Schedule {
    /// All arrivals at `rps` (1 or more) requests a second that are due before `duration` has passed.
    pub fn constant(rps: u32, duration: Duration) -> Self {
        debug_assert!(rps > 0);
        let total = (duration.as_nanos() * u128::from(rps)).div_ceil(NANOS);
        Self { rps, total: u64::try_from(total).unwrap_or(u64::MAX), offset: 0, stride: 1 }
    }

    /// The share of thread `index` of `threads`.
    pub fn share(self, index: u64, threads: u64) -> Self {
        debug_assert!(index < threads && self.stride == 1);
        Self { offset: index, stride: threads, ..self }
    }

    /// Arrivals in this share.
    pub fn total(&self) -> u64 {
        self.total.saturating_sub(self.offset).div_ceil(self.stride)
    }

    /// Time from the start of the run to this share's arrival `index`.
    pub fn due(&self, index: u64) -> Duration {
        let arrival = u128::from(self.offset) + u128::from(index) * u128::from(self.stride);
        let nanos = arrival * NANOS / u128::from(self.rps);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many of this share's arrivals are due once `elapsed` has passed: the inverse of [`Schedule::due`].
    pub fn due_by(&self, elapsed: Duration) -> u64 {
        // Arrival a is due when floor(a·10⁹/rps) ≤ e, that is when a < (e+1)·rps/10⁹.
        let all = ((elapsed.as_nanos() + 1) * u128::from(self.rps)).div_ceil(NANOS);
        let all = u64::try_from(all).unwrap_or(u64::MAX).min(self.total);
        all.saturating_sub(self.offset).div_ceil(self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_minute_at_a_hundred_is_six_thousand_arrivals() {
        let schedule = Schedule::constant(100, Duration::from_secs(60));
        assert_eq!(schedule.total(), 6000);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(5999), Duration::from_millis(59_990));
        assert_eq!(schedule.due_by(Duration::from_millis(9)), 1);
        assert_eq!(schedule.due_by(Duration::from_millis(10)), 2);
    }

    proptest! {
        #[test]
        fn due_by_is_the_inverse_of_due(
            rps in 1u32..=100_000, seconds in 1u64..1000, threads in 1u64..9, at in 0u64..10_000_000
        ) {
            let whole = Schedule::constant(rps, Duration::from_secs(seconds));
            let share = whole.share(at % threads, threads);
            prop_assume!(share.total() > 0);
            let index = at % share.total();
            let due = share.due(index);
            prop_assert_eq!(share.due_by(due), index + 1);
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                prop_assert_eq!(share.due_by(before), index);
            }
            prop_assert!(due < Duration::from_secs(seconds));
        }

        #[test]
        fn shares_add_up_to_the_whole(
            rps in 1u32..=100_000, millis in 1u64..100_000, threads in 1u64..9, at_ms in 0u64..200_000
        ) {
            let whole = Schedule::constant(rps, Duration::from_millis(millis));
            let shares = (0..threads).map(|index| whole.share(index, threads));
            prop_assert_eq!(shares.clone().map(|share| share.total()).sum::<u64>(), whole.total());
            let at = Duration::from_millis(at_ms);
            prop_assert_eq!(shares.map(|share| share.due_by(at)).sum::<u64>(), whole.due_by(at));
        }
    }
}
