//! When a change of the verdict counts: after so many equal results in a row, so that one odd minute wakes nobody.

use super::verdict::Verdict;

/// What counts after a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The verdict that counts.
    pub verdict: Verdict,
    /// The one that counted before, when this result has changed it; a first result changes [`Verdict::Ok`].
    pub changed_from: Option<Verdict>,
    /// Equal results in a row, this one included.
    pub in_a_row: u64,
}

/// What counts after the result `now`. `earlier` are the results before it, the oldest first. The first of all counts at
/// once.
pub fn settle(earlier: &[Verdict], now: Verdict, results: u64) -> Settled {
    let (&first, rest) = match earlier.split_first() {
        Some(split) => split,
        None => (&now, &[][..]),
    };
    let mut settled = Settled { verdict: first, changed_from: None, in_a_row: 1 };
    if earlier.is_empty() {
        settled.changed_from = (now != Verdict::Ok).then_some(Verdict::Ok);
        return settled;
    }
    let mut last = first;
    for verdict in rest.iter().copied().chain([now]) {
        settled.in_a_row = if verdict == last { settled.in_a_row + 1 } else { 1 };
        let counts = settled.in_a_row >= results && verdict != settled.verdict;
        settled.changed_from = counts.then_some(settled.verdict);
        if counts {
            settled.verdict = verdict;
        }
        last = verdict;
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Critical, Ok, Unknown, Warning};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_change_counts_after_so_many_equal_results() {
        for (earlier, now, verdict, changed_from) in [
            (&[][..], Ok, Ok, None),
            (&[], Critical, Critical, Some(Ok)),
            (&[Ok], Warning, Ok, None),
            (&[Ok, Warning], Warning, Warning, Some(Ok)),
            (&[Ok, Warning, Warning], Warning, Warning, None),
            (&[Ok, Warning], Critical, Ok, None),
            (&[Ok, Warning, Critical], Critical, Critical, Some(Ok)),
            (&[Ok, Warning, Ok, Warning], Ok, Ok, None),
            (&[Critical], Critical, Critical, None),
            (&[Critical, Ok], Ok, Ok, Some(Critical)),
            (&[Ok, Unknown], Unknown, Unknown, Some(Ok)),
        ] {
            let settled = settle(earlier, now, 2);
            assert_eq!(
                (settled.verdict, settled.changed_from),
                (verdict, changed_from),
                "{earlier:?} {now:?}"
            );
        }
        assert_eq!(settle(&[Ok], Critical, 1).changed_from, Some(Ok), "one is enough where one is asked for");
    }

    proptest! {
        #[test]
        fn what_counts_has_been_a_result_so_often(
            earlier in prop::collection::vec(0usize..4, 0..20), now in 0usize..4, results in 1u64..5
        ) {
            let all: Vec<Verdict> = earlier.iter().map(|index| Verdict::ALL[*index]).collect();
            let now = Verdict::ALL[now];
            let settled = settle(&all, now, results);
            let mut with_now = all.clone();
            with_now.push(now);
            let longest = with_now
                .chunk_by(|a, b| a == b)
                .filter(|run| run[0] == settled.verdict)
                .map(<[Verdict]>::len)
                .max();
            let is_first = with_now[0] == settled.verdict;
            prop_assert!(is_first || longest.is_some_and(|longest| longest as u64 >= results));
        }
    }
}
