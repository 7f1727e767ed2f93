//! The load that lasts: what the minutes without a stress test come to when the busiest of them do not decide.

use std::time::Duration;

/// One in so many minutes may be busier than the load that lasts, as one request in twenty may take longer than p95: a backup
/// or a nightly job makes a few minutes of a day busy, which is no reason to move.
const BUSIER_ONE_IN: u32 = 20;
/// How long it has to be that busy at least. Of a server that was there for less, nothing is known to last.
const BUSY_MIN: Duration = Duration::from_secs(5 * 60);

/// A period without a stress test.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calm {
    /// How long a server was there in it: the whole minute, or what minutes were merged into, or a part.
    pub length: Duration,
    /// The share of the time, 0 to 1, that the writer was at work; `None` when it was not looked at.
    pub utilisation: Option<f64>,
    /// CPU time in percent of one core; `None` when it was not looked at.
    pub cpu_percent: Option<f64>,
    /// Updates in a transaction, on average; `None` without any.
    pub updates_per_batch: Option<f64>,
    /// Frames that a checkpoint had to leave in the log, at most.
    pub checkpoint_lag_max: u64,
}

/// The value that a twentieth of the time reaches, by nearest rank (the 95th percentile over time), and five minutes of it at
/// least. With it comes the period that has it. `None` where less than these five minutes are known.
pub fn lasting(periods: &[Calm], value: impl Fn(&Calm) -> Option<f64>) -> Option<(f64, &Calm)> {
    let known = periods.iter().filter_map(|period| Some((value(period)?, period)));
    let mut known: Vec<(f64, &Calm)> = known.filter(|(value, _)| value.is_finite()).collect();
    known.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let all: Duration = known.iter().map(|(_, period)| period.length).sum();
    let enough = (all / BUSIER_ONE_IN).max(BUSY_MIN);
    let mut busy = Duration::ZERO;
    known.into_iter().find(|(_, period)| {
        busy += period.length;
        busy >= enough
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn of(utilisation: f64) -> Calm {
        Calm { length: MINUTE, utilisation: Some(utilisation), ..Calm::default() }
    }

    fn utilisation(periods: &[Calm]) -> Option<f64> {
        lasting(periods, |period| period.utilisation).map(|(value, _)| value)
    }

    fn day(busy: usize) -> Vec<Calm> {
        (0..24 * 60).map(|minute| of(if minute < busy { 0.9 } else { 0.1 })).collect()
    }

    #[test]
    fn a_few_busy_minutes_do_not_decide_and_a_twentieth_of_the_time_does() {
        for (busy, expected) in [(0, 0.1), (1, 0.1), (71, 0.1), (72, 0.9), (1440, 0.9)] {
            assert_eq!(utilisation(&day(busy)), Some(expected), "{busy} of a day");
        }
        let hour = |busy: usize| day(busy).into_iter().take(60).collect::<Vec<_>>();
        assert_eq!(utilisation(&hour(4)), Some(0.1));
        assert_eq!(utilisation(&hour(5)), Some(0.9));
        assert_eq!(utilisation(&[of(0.9); 4]), None, "it was not there for long");
        assert_eq!(utilisation(&[Calm { length: Duration::from_secs(2), ..of(0.9) }; 9]), None);
        assert_eq!(utilisation(&[]), None);
        assert_eq!(utilisation(&[Calm { utilisation: None, ..of(0.9) }; 60]), None);
    }

    #[test]
    fn an_hour_counts_as_its_minutes() {
        let busy = Calm { length: 60 * MINUTE, ..of(0.9) };
        assert_eq!(utilisation(&[&day(0)[..], &[busy]].concat()), Some(0.1));
        assert_eq!(utilisation(&[&day(0)[..], &[busy, busy]].concat()), Some(0.9));
    }

    proptest! {
        #[test]
        fn a_busier_minute_never_makes_a_lower_load(
            mut values in prop::collection::vec(0.0..1.0f64, 5..200), at in any::<prop::sample::Index>(), by in 0.0..1.0f64
        ) {
            let load = |values: &[f64]| utilisation(&values.iter().map(|value| of(*value)).collect::<Vec<_>>());
            let before = load(&values);
            let at = at.index(values.len());
            values[at] += by;
            prop_assert!(load(&values) >= before);
        }
    }
}
