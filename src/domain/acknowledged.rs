//! The entry ids that a target has given out: which, and whether one came twice. A bit for each id where they lie apart,
//! nothing where they lie together, so that a day at full speed needs no more memory than a minute.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Ids that share a chunk.
const CHUNK_IDS: u64 = 1 << 16;
/// 64-bit words of a chunk.
const WORDS: usize = (CHUNK_IDS / 64) as usize;
/// Chunks that are kept bit by bit, 8 KiB each. Ids beyond are only counted.
const PARTIAL_CHUNKS_MAX: usize = 1024;

/// A set of entry ids, in at most 8 MiB and 100 bytes for each 65536 ids.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    chunks: BTreeMap<u64, Chunk>,
    partial: usize,
    count: u64,
    given_twice: u64,
    untracked: u64,
}

#[derive(Clone, Debug)]
enum Chunk {
    /// All of its ids.
    Full,
    Partial {
        bits: Box<[u64; WORDS]>,
        count: u64,
    },
}

impl Chunk {
    fn bits(&self, word: usize) -> u64 {
        match self {
            Self::Full => u64::MAX,
            Self::Partial { bits, .. } => bits[word],
        }
    }
}

impl Acknowledged {
    /// Adds an id.
    pub fn insert(&mut self, id: u64) {
        let place = id % CHUNK_IDS;
        self.add(id / CHUNK_IDS, (place / 64) as usize, 1 << (place % 64));
    }

    /// Adds all ids of another set. One that is in both was given twice.
    pub fn merge(&mut self, other: &Self) {
        self.given_twice += other.given_twice;
        self.untracked += other.untracked;
        for (chunk, ids) in &other.chunks {
            for word in 0..WORDS {
                let bits = ids.bits(word);
                if bits != 0 {
                    self.add(*chunk, word, bits);
                }
            }
        }
    }

    fn add(&mut self, chunk: u64, word: usize, new: u64) {
        if !self.chunks.contains_key(&chunk) {
            if self.partial >= PARTIAL_CHUNKS_MAX {
                self.untracked += u64::from(new.count_ones());
                return;
            }
            self.partial += 1;
        }
        let ids = self
            .chunks
            .entry(chunk)
            .or_insert_with(|| Chunk::Partial { bits: Box::new([0; WORDS]), count: 0 });
        let Chunk::Partial { bits, count } = ids else {
            self.given_twice += u64::from(new.count_ones());
            return;
        };
        let twice = u64::from((bits[word] & new).count_ones());
        let added = u64::from(new.count_ones()) - twice;
        bits[word] |= new;
        *count += added;
        self.count += added;
        self.given_twice += twice;
        if *count == CHUNK_IDS {
            *ids = Chunk::Full;
            self.partial -= 1;
        }
    }

    /// Different ids.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How often an id came that had come before.
    pub fn given_twice(&self) -> u64 {
        self.given_twice
    }

    /// Ids too far apart to be kept: whether one of them came twice is not known.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Whether an id is among them.
    pub fn contains(&self, id: u64) -> bool {
        let place = id % CHUNK_IDS;
        self.chunks
            .get(&(id / CHUNK_IDS))
            .is_some_and(|chunk| chunk.bits((place / 64) as usize) & (1 << (place % 64)) != 0)
    }

    /// The ids in ascending order, as ranges without a gap. Two ranges never touch.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        let mut words = self.chunks.iter().flat_map(|(chunk, ids)| {
            (0..WORDS).map(move |word| (chunk * CHUNK_IDS + word as u64 * 64, ids.bits(word)))
        });
        let mut pending: Option<(u64, u64)> = None;
        let mut open: Option<RangeInclusive<u64>> = None;
        std::iter::from_fn(move || {
            loop {
                let Some((first, bits)) = pending.take().or_else(|| words.next()) else { return open.take() };
                if bits == 0 {
                    continue;
                }
                let start = bits.trailing_zeros();
                let length = (bits >> start).trailing_ones();
                let run = first + u64::from(start)..=first + u64::from(start + length - 1);
                let rest =
                    if start + length == 64 { 0 } else { bits >> (start + length) << (start + length) };
                pending = Some((first, rest));
                match &mut open {
                    Some(open) if open.end() + 1 == *run.start() => *open = *open.start()..=*run.end(),
                    open => {
                        if let Some(complete) = open.replace(run) {
                            return Some(complete);
                        }
                    }
                }
            }
        })
    }

    /// The smallest and the largest id.
    pub fn bounds(&self) -> Option<(u64, u64)> {
        // No chunk is empty.
        let (first, first_ids) = self.chunks.first_key_value()?;
        let (last, last_ids) = self.chunks.last_key_value()?;
        let first_word = (0..WORDS).find(|word| first_ids.bits(*word) != 0)?;
        let last_word = (0..WORDS).rfind(|word| last_ids.bits(*word) != 0)?;
        let place = |word: usize, bit: u32| word as u64 * 64 + u64::from(bit);
        Some((
            first * CHUNK_IDS + place(first_word, first_ids.bits(first_word).trailing_zeros()),
            last * CHUNK_IDS + place(last_word, 63 - last_ids.bits(last_word).leading_zeros()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(ids: impl IntoIterator<Item = u64>) -> Acknowledged {
        let mut set = Acknowledged::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }

    #[test]
    fn ids_without_a_gap_take_no_memory() {
        let set = of(1..=10 * CHUNK_IDS);
        assert_eq!((set.count(), set.given_twice(), set.partial), (10 * CHUNK_IDS, 0, 2));
        assert_eq!(set.ranges().collect::<Vec<_>>(), [1..=10 * CHUNK_IDS]);
        assert_eq!(set.bounds(), Some((1, 10 * CHUNK_IDS)));
        let mut again = set.clone();
        again.insert(CHUNK_IDS + 7);
        assert_eq!(again.given_twice(), 1, "in a full chunk, too");
    }

    #[test]
    fn ids_far_apart_are_kept_up_to_a_bound_and_then_counted() {
        let set = of((0..PARTIAL_CHUNKS_MAX as u64 + 3).map(|chunk| 1 + chunk * CHUNK_IDS));
        assert_eq!((set.count(), set.untracked()), (PARTIAL_CHUNKS_MAX as u64, 3));
        assert_eq!(of([u64::MAX, u64::MAX]).given_twice(), 1);
    }

    proptest! {
        #[test]
        fn it_is_a_set_that_counts_what_came_twice(
            first in proptest::collection::vec(0u64..300, 0..200),
            second in proptest::collection::vec(0u64..300, 0..200),
        ) {
            let near_a_border = |ids: &[u64]| ids.iter().map(|id| id + CHUNK_IDS - 150).collect::<Vec<_>>();
            let (first, second) = (near_a_border(&first), near_a_border(&second));
            let mut set = of(first.iter().copied());
            set.merge(&of(second.iter().copied()));
            let all: BTreeSet<u64> = first.iter().chain(&second).copied().collect();
            prop_assert_eq!(set.count(), all.len() as u64);
            prop_assert_eq!(set.given_twice(), (first.len() + second.len() - all.len()) as u64);
            prop_assert_eq!(set.ranges().flatten().collect::<Vec<_>>(), all.iter().copied().collect::<Vec<_>>());
            let ranges: Vec<_> = set.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
            prop_assert_eq!(set.bounds(), all.first().copied().zip(all.last().copied()));
            prop_assert!(all.iter().all(|id| set.contains(*id)) && !set.contains(0));
        }
    }
}
