//! A distribution in a few buckets, for a chart.

use super::{HIGHEST_NS, LOWEST_NS, Latency};

/// Bounds of a power of ten: about as far apart as each other on a logarithmic scale, and easy to read.
const BOUNDS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// Latencies between the bound of the bucket before and one of its own, which is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The largest latency in it, milliseconds.
    pub up_to_ms: f64,
    /// How many there are.
    pub count: u64,
}

impl Latency {
    /// The distribution in at most 66 buckets that grow with the latency, six for each power of ten, from the first to the last
    /// that is not empty.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut buckets: Vec<Bucket> = bounds().map(|up_to_ms| Bucket { up_to_ms, count: 0 }).collect();
        let mut before = 0;
        for (up_to, ms) in self.cumulative() {
            // The distribution's steps are fine: what ends just above a bound belongs below it.
            let place = buckets.partition_point(|bucket| bucket.up_to_ms * (1.0 + RESOLUTION) < ms);
            if let Some(bucket) = buckets.get_mut(place) {
                bucket.count += up_to - before;
            }
            before = up_to;
        }
        let is_used = |bucket: &Bucket| bucket.count > 0;
        let (first, last) = (buckets.iter().position(is_used), buckets.iter().rposition(is_used));
        match first.zip(last) {
            Some((first, last)) => buckets.drain(first..=last).collect(),
            None => Vec::new(),
        }
    }
}

/// Share of a latency within which it is known.
const RESOLUTION: f64 = 1e-3;

/// From the least latency to beyond the largest.
fn bounds() -> impl Iterator<Item = f64> {
    let (lowest, highest) = (LOWEST_NS as f64 / 1e6, HIGHEST_NS as f64 / 1e6);
    let powers = lowest.log10().round() as i32..=highest.log10().ceil() as i32;
    powers.flat_map(|power| BOUNDS.map(|bound| bound * 10f64.powi(power)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> Latency {
        let mut latency = Latency::default();
        micros.iter().for_each(|micros| latency.record(Duration::from_micros(*micros)));
        latency
    }

    #[test]
    fn each_latency_is_in_the_first_bucket_that_has_room_for_it() {
        let buckets = of(&[1000, 1500, 1600, 2900, 3000, 41_000]).buckets();
        let shown: Vec<_> = buckets.iter().map(|bucket| (bucket.up_to_ms, bucket.count)).collect();
        assert_eq!(shown[..4], [(1.0, 1), (1.5, 1), (2.0, 1), (3.0, 2)]);
        assert_eq!(shown.last(), Some(&(50.0, 1)));
        assert!(Latency::default().buckets().is_empty());
    }

    proptest! {
        #[test]
        fn every_latency_is_in_a_bucket(micros in prop::collection::vec(0..5_000_000_000u64, 0..200)) {
            let buckets = of(&micros).buckets();
            prop_assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), micros.len() as u64);
            prop_assert!(buckets.len() <= 66);
        }
    }
}
