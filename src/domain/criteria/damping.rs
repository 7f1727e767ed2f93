//! When a change of the verdict counts: after so many equal results in a row, so that one odd minute wakes nobody.

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// Where checks stand: what counts, and what the last results were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The verdict that counts.
    pub settled: Verdict,
    /// The last result.
    pub last: Verdict,
    /// Results equal to it in a row, itself included.
    pub in_a_row: u64,
}

impl Standing {
    /// From results and what counted after each of them, the newest first; `None` without any.
    pub fn of(newest_first: impl IntoIterator<Item = (Verdict, Verdict)>) -> Option<Self> {
        let mut checks = newest_first.into_iter();
        let (last, settled) = checks.next()?;
        let before = checks.take_while(|(verdict, _)| *verdict == last).count();
        Some(Self { settled, last, in_a_row: before as u64 + 1 })
    }
}

/// Where checks stand after the result `now`. The first of all counts at once, a change once it was the result `results` times
/// in a row. Earlier results are not settled again: what counted stays, whatever `results` was then.
pub fn settle(before: Option<Standing>, now: Verdict, results: u64) -> Standing {
    let Some(before) = before else { return Standing { settled: now, last: now, in_a_row: 1 } };
    let in_a_row = if now == before.last { before.in_a_row.saturating_add(1) } else { 1 };
    let settled = if in_a_row >= results { now } else { before.settled };
    Standing { settled, last: now, in_a_row }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Critical, Ok, Unknown, Warning};
    use super::*;
    use proptest::prelude::*;

    /// What counts after each result, where so many in a row count.
    fn settled(verdicts: &[Verdict], results: u64) -> Vec<Verdict> {
        let mut standing = None;
        verdicts.iter().map(|verdict| standing.insert(settle(standing, *verdict, results)).settled).collect()
    }

    #[test]
    fn a_change_counts_after_so_many_equal_results() {
        for (verdicts, expected) in [
            (&[Ok, Warning, Warning, Warning][..], &[Ok, Ok, Warning, Warning][..]),
            (&[Critical, Ok, Ok], &[Critical, Critical, Ok]),
            (&[Ok, Warning, Critical, Critical], &[Ok, Ok, Ok, Critical]),
            (&[Ok, Warning, Ok, Warning, Ok], &[Ok, Ok, Ok, Ok, Ok]),
            (&[Ok, Unknown, Unknown], &[Ok, Ok, Unknown]),
            (&[], &[]),
        ] {
            assert_eq!(settled(verdicts, 2), expected, "{verdicts:?}");
        }
        assert_eq!(
            settled(&[Ok, Critical, Ok], 1),
            [Ok, Critical, Ok],
            "one is enough where one is asked for"
        );
    }

    #[test]
    fn another_damping_drops_no_change() {
        let twice_bad = Standing { settled: Ok, last: Critical, in_a_row: 2 };
        assert_eq!(settle(Some(twice_bad), Critical, 4).settled, Ok);
        assert_eq!(settle(Some(twice_bad), Critical, 2).settled, Critical, "it has not counted before");
        let bad = settle(Some(Standing { settled: Ok, last: Ok, in_a_row: 9 }), Critical, 1);
        assert_eq!(settle(Some(bad), Critical, 3).settled, Critical, "what has counted counts");
    }

    #[test]
    fn where_checks_stand_is_read_from_their_history() {
        assert_eq!(Standing::of([]), None);
        let stored = [(Critical, Ok), (Critical, Ok), (Ok, Ok), (Critical, Critical)];
        assert_eq!(Standing::of(stored), Some(Standing { settled: Ok, last: Critical, in_a_row: 2 }));
    }

    proptest! {
        #[test]
        fn what_counts_has_been_a_result_so_often(
            verdicts in prop::collection::vec(0usize..4, 1..20), results in 1u64..5
        ) {
            let verdicts: Vec<Verdict> = verdicts.iter().map(|index| Verdict::ALL[*index]).collect();
            let settled = settled(&verdicts, results);
            for (number, counts) in settled.iter().enumerate() {
                let so_far = &verdicts[..=number];
                let longest = so_far
                    .chunk_by(|a, b| a == b)
                    .filter(|run| run[0] == *counts)
                    .map(<[Verdict]>::len)
                    .max();
                let is_first = so_far[0] == *counts;
                prop_assert!(is_first || longest.is_some_and(|longest| longest as u64 >= results));
            }
        }

        #[test]
        fn enough_equal_results_always_count(
            settled in 0usize..4, last in 0usize..4, in_a_row in 1u64..9, now in 0usize..4, results in prop::collection::vec(1u64..5, 5)
        ) {
            let [settled, last, now] = [settled, last, now].map(|index| Verdict::ALL[index]);
            let mut standing = Standing { settled, last, in_a_row };
            // Whatever the damping is meanwhile.
            for results in results {
                standing = settle(Some(standing), now, results);
            }
            prop_assert_eq!(standing.settled, now);
        }
    }
}
