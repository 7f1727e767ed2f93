//! When requests are due, whatever the server does: the open model, in which a stalled server cannot slow the load down.
//!
//! - At a constant rate arrival `k` is due at `k / rps`.
//! - Of `n` requests spread over a time `d` it is due at `k·d / n`.
//! - On a ramp from rate `a` to rate `b` it is due when `a·t + (b − a)·t² / 2d`, the number of arrivals up to `t`, has
//!   come to `k`.

use std::time::Duration;

const NANOS: u64 = 1_000_000_000;

/// How arrivals follow each other from time zero on. Everything is a closed form in integers, so that neither rounding nor
/// the number of threads moves an arrival. With rates up to 100 000 and times up to a day, nothing exceeds 2^127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// So many in each period, evenly.
    Even { count: u64, period_ns: u64 },
    /// A rate a second that changes in a straight line from one to the other.
    Ramp { from: u32, to: u32, over_ns: u64 },
}

impl Pace {
    /// Nanoseconds to arrival `arrival`.
    fn due_ns(self, arrival: u64) -> u64 {
        match self {
            Self::Even { count, period_ns } => {
                let nanos = u128::from(arrival) * u128::from(period_ns) / u128::from(count);
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
            Self::Ramp { from, to, over_ns } => Ramp { from, to, over_ns }.due_ns(arrival),
        }
    }

    /// How many are due once `elapsed_ns` have passed: the inverse of [`Pace::due_ns`].
    fn due_by_ns(self, elapsed_ns: u64) -> u64 {
        let due = match self {
            // Arrival a is due when floor(a·period/count) ≤ e, that is when a < (e+1)·count/period.
            Self::Even { count, period_ns } => {
                ((u128::from(elapsed_ns) + 1) * u128::from(count)).div_ceil(u128::from(period_ns))
            }
            Self::Ramp { from, to, over_ns } => Ramp { from, to, over_ns }.due_by_ns(elapsed_ns),
        };
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    fn rps_at(self, elapsed_ns: u64) -> f64 {
        match self {
            Self::Even { count, period_ns } => count as f64 * NANOS as f64 / period_ns as f64,
            Self::Ramp { from, to, over_ns } => {
                let share = elapsed_ns.min(over_ns) as f64 / over_ns as f64;
                f64::from(from) + (f64::from(to) - f64::from(from)) * share
            }
        }
    }
}

/// The arithmetic of a ramp. `arrived(t)` counts arrivals in units of 1 / [`Ramp::one_arrival`], in which it is an integer.
#[derive(Clone, Copy)]
struct Ramp {
    from: u32,
    to: u32,
    over_ns: u64,
}

impl Ramp {
    fn one_arrival(self) -> i128 {
        2 * i128::from(self.over_ns) * i128::from(NANOS)
    }

    fn slope(self) -> i128 {
        i128::from(self.to) - i128::from(self.from)
    }

    fn arrived(self, elapsed_ns: i128) -> i128 {
        (2 * i128::from(self.over_ns) * i128::from(self.from) + self.slope() * elapsed_ns) * elapsed_ns
    }

    fn due_by_ns(self, elapsed_ns: u64) -> u128 {
        let arrived = self.arrived(elapsed_ns.min(self.over_ns).into());
        // The first one is due at zero.
        (arrived / self.one_arrival() + 1).unsigned_abs()
    }

    /// The first nanosecond at which `arrival` have arrived: the root of a quadratic, rounded up.
    fn due_ns(self, arrival: u64) -> u64 {
        let wanted = i128::from(arrival) * self.one_arrival();
        let begin = i128::from(self.over_ns) * i128::from(self.from);
        let discriminant = (begin * begin + self.slope() * wanted).max(0);
        let root = discriminant.unsigned_abs().isqrt().cast_signed();
        let below = match self.slope() {
            slope if slope > 0 => (root - begin) / slope,
            // The root is rounded down, which here is towards later.
            slope => (begin - root - 1).max(0) / -slope,
        };
        // The integer root is less than one too small, so that the first that has arrived is one of these.
        let due = (below..=below + 2).find(|nanos| self.arrived(*nanos) >= wanted).unwrap_or(below + 2);
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

/// One generator thread's share of the arrivals of a run: of the arrivals 0, 1, 2, … those that are congruent to `offset`
/// modulo `stride`. The warm-up's arrivals are the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pace: Pace,
    /// Arrivals after the warm-up.
    measured: u64,
    warm_up_ns: u64,
    warm_up_pace: Pace,
    warm_up: u64,
    offset: u64,
    stride: u64,
}

impl Schedule {
    /// All arrivals at `rps` (1 or more) requests a second that are due before `duration` has passed.
    pub fn constant(rps: u32, duration: Duration) -> Self {
        debug_assert!(rps > 0);
        Self::of(Pace::Even { count: rps.into(), period_ns: NANOS }, nanos(duration))
    }

    /// `requests` (1 or more) arrivals, evenly over `duration`.
    pub fn spread(requests: u64, duration: Duration) -> Self {
        debug_assert!(requests > 0);
        Self::of(Pace::Even { count: requests, period_ns: nanos(duration).max(1) }, nanos(duration))
    }

    /// Arrivals at a rate that changes from `from` to `to` (1 or more) requests a second over `duration`.
    pub fn ramp(from: u32, to: u32, duration: Duration) -> Self {
        debug_assert!(from > 0 && to > 0);
        if from == to {
            return Self::constant(from, duration);
        }
        let over_ns = nanos(duration).max(1);
        Self::of(Pace::Ramp { from, to, over_ns }, over_ns)
    }

    fn of(pace: Pace, duration_ns: u64) -> Self {
        let measured = duration_ns.checked_sub(1).map_or(0, |last| pace.due_by_ns(last));
        Self { pace, measured, warm_up_ns: 0, warm_up_pace: pace, warm_up: 0, offset: 0, stride: 1 }
    }

    /// The same after a warm-up at the rate that it begins with.
    #[must_use]
    pub fn after_warm_up(self, warm_up: Duration) -> Self {
        let pace = match self.pace {
            Pace::Ramp { from, .. } => Pace::Even { count: from.into(), period_ns: NANOS },
            even @ Pace::Even { .. } => even,
        };
        let Self { measured, .. } = Self::of(pace, nanos(warm_up));
        Self { warm_up_ns: nanos(warm_up), warm_up_pace: pace, warm_up: measured, ..self }
    }

    /// The share of thread `index` of `threads`.
    #[must_use]
    pub fn share(self, index: u64, threads: u64) -> Self {
        debug_assert!(index < threads && self.stride == 1);
        Self { offset: index, stride: threads, ..self }
    }

    /// Arrivals in this share, those of the warm-up among them.
    pub fn total(&self) -> u64 {
        self.in_share(self.warm_up + self.measured)
    }

    /// Arrivals of the warm-up in this share.
    pub fn warm_up_total(&self) -> u64 {
        self.in_share(self.warm_up)
    }

    /// Time from the start of the warm-up to this share's arrival `index`.
    pub fn due(&self, index: u64) -> Duration {
        let arrival = self.offset.saturating_add(index.saturating_mul(self.stride));
        Duration::from_nanos(match arrival.checked_sub(self.warm_up) {
            None => self.warm_up_pace.due_ns(arrival),
            Some(measured) => self.warm_up_ns.saturating_add(self.pace.due_ns(measured)),
        })
    }

    /// How many of this share's arrivals are due once `elapsed` has passed: the inverse of [`Schedule::due`].
    pub fn due_by(&self, elapsed: Duration) -> u64 {
        let elapsed_ns = nanos(elapsed);
        let all = match elapsed_ns.checked_sub(self.warm_up_ns) {
            None => self.warm_up_pace.due_by_ns(elapsed_ns).min(self.warm_up),
            Some(measured_ns) => self.warm_up + self.pace.due_by_ns(measured_ns).min(self.measured),
        };
        self.in_share(all)
    }

    /// Requests a second of the whole run once `elapsed` has passed.
    pub fn rps_at(&self, elapsed: Duration) -> f64 {
        let elapsed_ns = nanos(elapsed);
        match elapsed_ns.checked_sub(self.warm_up_ns) {
            None => self.warm_up_pace.rps_at(elapsed_ns),
            Some(measured_ns) => self.pace.rps_at(measured_ns),
        }
    }

    /// How many of the first `all` arrivals are in this share.
    fn in_share(&self, all: u64) -> u64 {
        all.saturating_sub(self.offset).div_ceil(self.stride)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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

    #[test]
    fn requests_are_spread_over_the_whole_time() {
        let schedule = Schedule::spread(1000, Duration::from_secs(300));
        assert_eq!((schedule.total(), schedule.due(1)), (1000, Duration::from_millis(300)));
        assert_eq!(schedule.due(999), Duration::from_millis(299_700));
    }

    #[test]
    fn a_ramp_has_the_arrivals_of_its_mean_rate_and_most_of_them_late() {
        for (from, to, early) in [(100, 5000, 6625), (5000, 100, 18_875)] {
            let ramp = Schedule::ramp(from, to, Duration::from_secs(10));
            assert_eq!(ramp.total(), 25_500);
            // After half the time: (100 + 2550) / 2 rps, or (5000 + 2550) / 2 rps, for five seconds.
            assert_eq!(ramp.due_by(Duration::from_secs(5)), early + 1, "and the one that is due just then");
            assert_eq!(ramp.rps_at(Duration::from_secs(5)), 2550.0);
        }
        assert_eq!(
            Schedule::ramp(7, 7, Duration::from_secs(9)),
            Schedule::constant(7, Duration::from_secs(9))
        );
    }

    #[test]
    fn the_warm_up_comes_first_at_the_rate_that_the_run_begins_with() {
        let warm_up = Duration::from_millis(2500);
        let ramp = Schedule::ramp(10, 20, Duration::from_secs(2)).after_warm_up(warm_up);
        assert_eq!((ramp.warm_up_total(), ramp.total()), (25, 25 + 30));
        assert_eq!((ramp.due(24), ramp.due(25)), (Duration::from_millis(2400), warm_up));
        assert_eq!(ramp.rps_at(Duration::from_secs(2)), 10.0);
    }

    /// Every kind of run, up to the bounds.
    fn whole() -> impl Strategy<Value = (Schedule, Duration)> {
        let duration = (1u64..=86_400_000).prop_map(Duration::from_millis);
        let kind = (1u32..=100_000, 1u32..=100_000, 0u8..3);
        (kind, duration, 0u64..100_000).prop_map(|((a, b, kind), duration, warm_up_ms)| {
            let schedule = match kind {
                0 => Schedule::constant(a, duration),
                1 => Schedule::ramp(a, b, duration),
                _ => Schedule::spread(u64::from(a) * u64::from(b), duration),
            };
            let warm_up = Duration::from_millis(warm_up_ms);
            (schedule.after_warm_up(warm_up), warm_up + duration)
        })
    }

    proptest! {
        #[test]
        fn due_by_is_the_inverse_of_due((whole, end) in whole(), threads in 1u64..9, at in any::<u64>()) {
            let share = whole.share(at % threads, threads);
            prop_assume!(share.total() > 0);
            let index = at % share.total();
            let due = share.due(index);
            // Arrivals that follow each other within a nanosecond are due together.
            let together = (index..share.total()).take_while(|next| share.due(*next) == due).count() as u64;
            let first = (0..=index).rev().take_while(|earlier| share.due(*earlier) == due).last();
            prop_assert_eq!(share.due_by(due), index + together);
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                prop_assert_eq!(Some(share.due_by(before)), first);
            }
            prop_assert!(due < end);
        }

        #[test]
        fn arrivals_are_due_in_their_order((whole, _) in whole(), at in any::<u64>()) {
            prop_assume!(whole.total() > 1);
            let index = at % (whole.total() - 1);
            prop_assert!(whole.due(index) <= whole.due(index + 1));
        }

        #[test]
        fn shares_add_up_to_the_whole((whole, end) in whole(), threads in 1u64..9, at in 0.0..1.1f64) {
            let shares = (0..threads).map(|index| whole.share(index, threads));
            prop_assert_eq!(shares.clone().map(|share| share.total()).sum::<u64>(), whole.total());
            prop_assert_eq!(shares.clone().map(|share| share.warm_up_total()).sum::<u64>(), whole.warm_up_total());
            let at = end.mul_f64(at);
            prop_assert_eq!(shares.map(|share| share.due_by(at)).sum::<u64>(), whole.due_by(at));
        }

        #[test]
        fn a_ramp_follows_its_formula(from in 1u32..=1000, to in 1u32..=1000, seconds in 1u32..1000, at in any::<u64>()) {
            let ramp = Schedule::ramp(from, to, Duration::from_secs(seconds.into()));
            let index = at % ramp.total();
            let t = ramp.due(index).as_secs_f64();
            let (a, b, d) = (f64::from(from), f64::from(to), f64::from(seconds));
            let arrived = a * t + (b - a) * t * t / (2.0 * d);
            prop_assert!((arrived - index as f64).abs() < 1e-3, "{} arrived, not {}", arrived, index);
        }
    }
}
