//! The HdrHistogram V2 encoding of a coarse distribution, read without a distribution: its header, and for each bucket its
//! count as a zigzag LEB128 number, where a negative one is a run of empty buckets (HdrHistogram, "Encoding").

use super::{DIGITS_COARSE, HIGHEST_NS, LOWEST_NS};

/// The cookie of V2 with counts of up to nine bytes.
const COOKIE: u32 = 0x1c84_9313;
const HEADER_BYTES: usize = 40;
/// A bucket's width is a power of two: the largest that is not above [`LOWEST_NS`] for the finest ones.
const UNIT_MAGNITUDE: u32 = LOWEST_NS.ilog2();
/// Half of the buckets that have the same width, as a power of two: with two digits, values up to 200 units are told apart.
const HALF_MAGNITUDE: u32 = 7;
/// More than there are: an hour has 2 ^ 36 units of 64 ns.
const BUCKETS_MAX: u64 = 40 << HALF_MAGNITUDE;

/// The lowest value of each bucket that is not empty, and its count; `None` for what is no such encoding.
pub(super) fn counts(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (header, mut payload) = bytes.split_at_checked(HEADER_BYTES)?;
    let word = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let is_ours = word(0)? == COOKIE
        && usize::try_from(word(4)?).ok()? == payload.len()
        && word(8)? == 0
        && word(12)? == u32::from(DIGITS_COARSE)
        && (long(16)?, long(24)?) == (LOWEST_NS, HIGHEST_NS);
    if !is_ours {
        return None;
    }
    let mut counts = Vec::new();
    let mut bucket = 0_u64;
    while !payload.is_empty() {
        let count = number(&mut payload)?;
        match u64::try_from(count) {
            Ok(count) => {
                if count > 0 {
                    counts.push((lowest(bucket), count));
                }
                bucket += 1;
            }
            Err(_) => bucket = bucket.checked_add(count.unsigned_abs())?,
        }
        if bucket > BUCKETS_MAX {
            return None;
        }
    }
    Some(counts)
}

/// Takes a number off the beginning. The ninth byte has no bit for another one.
fn number(bytes: &mut &[u8]) -> Option<i64> {
    let mut zigzag = 0_u64;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let is_last = byte & 0x80 == 0 || place == 8;
        let bits = if place == 8 { byte } else { byte & 0x7f };
        zigzag |= u64::from(bits) << (7 * place);
        if is_last {
            break;
        }
    }
    Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

/// The lowest value in a bucket. After the first two halves, each half has buckets twice as wide as the one before.
fn lowest(bucket: u64) -> u64 {
    let half = 1 << HALF_MAGNITUDE;
    let halves = bucket >> HALF_MAGNITUDE;
    if halves == 0 {
        return bucket << UNIT_MAGNITUDE;
    }
    let within = bucket % half + half;
    within << (halves - 1 + u64::from(UNIT_MAGNITUDE))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Latency;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_merged_as_the_distribution_is(
            first in prop::collection::vec((0u64..=4_000_000_000_000, 1u64..1000), 0..60),
            second in prop::collection::vec(0u64..=4_000_000_000_000, 0..60),
        ) {
            let mut distribution = Latency::coarse();
            for (nanos, times) in first {
                (0..times.min(3)).for_each(|_| distribution.record(Duration::from_nanos(nanos)));
            }
            let mut expected = Latency::coarse();
            second.iter().for_each(|nanos| expected.record(Duration::from_nanos(*nanos)));
            let mut merged = expected.clone();
            expected.merge(&distribution);
            prop_assert!(merged.merge_coarse_bytes(&distribution.to_bytes()));
            prop_assert_eq!(merged.to_bytes(), expected.to_bytes());
        }

        #[test]
        fn other_bytes_are_refused_or_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..100) {
            let mut latency = Latency::coarse();
            latency.merge_coarse_bytes(&bytes);
            let mut whole = Latency::coarse();
            whole.record(Duration::from_millis(3));
            let whole = whole.to_bytes();
            let mut broken = whole[..cut.min(whole.len())].to_vec();
            broken.extend(bytes);
            latency.merge_coarse_bytes(&broken);
        }
    }

    #[test]
    fn a_fine_distribution_is_not_taken_for_a_coarse_one() {
        let mut fine = Latency::default();
        fine.record(Duration::from_millis(3));
        assert!(!Latency::coarse().merge_coarse_bytes(&fine.to_bytes()));
    }
}
