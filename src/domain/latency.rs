//! A distribution of latencies. Nothing is averaged across percentiles: distributions are merged, then asked.

mod buckets;
mod coarse;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer};

pub use self::buckets::Bucket;

/// Finest step, in nanoseconds.
const LOWEST_NS: u64 = 100;
/// A latency above this counts as this: one hour, in nanoseconds.
const HIGHEST_NS: u64 = 3_600_000_000_000;
/// Significant decimal digits that are kept.
const DIGITS: u8 = 3;
/// Digits of a [`Latency::coarse`] distribution, 8 times smaller.
const DIGITS_COARSE: u8 = 2;
/// Samples that must lie above a percentile before it says anything: n(1−p) ≥ 10.
const SAMPLES_ABOVE_MIN: f64 = 10.0;

/// Latencies from 100 ns to one hour with three significant digits, in about 200 kB whatever their number.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        Self::with_digits(DIGITS)
    }
}

impl Latency {
    /// Like the default, with two significant digits in about 30 kB: for a live display, and for what is kept.
    pub fn coarse() -> Self {
        Self::with_digits(DIGITS_COARSE)
    }

    #[allow(clippy::expect_used, reason = "the bounds are constants, checked by every test")]
    fn with_digits(digits: u8) -> Self {
        let histogram = Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, digits);
        Self { histogram: histogram.expect("constant bounds are valid") }
    }

    /// Adds one latency.
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(nanos);
    }

    /// Adds all latencies of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count() == 0 {
            return;
        }
        // Both have the same bounds, so that no value of the one is out of range for the other.
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok());
    }

    /// Removes all latencies and keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
    }

    /// Number of latencies.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether enough latencies lie above percentile `percent` for it to say anything: n(1−p) ≥ 10.
    pub fn is_enough_for(&self, percent: f64) -> bool {
        is_enough_for(self.count(), percent)
    }

    /// Milliseconds at percentile `percent` (0–100), `None` when empty.
    pub fn percentile_ms(&self, percent: f64) -> Option<f64> {
        self.known(|histogram| histogram.value_at_quantile(percent / 100.0) as f64)
    }

    /// The same; `None`, too, when there are too few for it to say anything.
    pub fn sound_percentile_ms(&self, percent: f64) -> Option<f64> {
        self.percentile_ms(percent).filter(|_| self.is_enough_for(percent))
    }

    /// Arithmetic mean in milliseconds, `None` when empty.
    pub fn mean_ms(&self) -> Option<f64> {
        self.known(Histogram::mean)
    }

    /// Smallest latency in milliseconds, `None` when empty.
    pub fn min_ms(&self) -> Option<f64> {
        self.known(|histogram| histogram.min() as f64)
    }

    /// Largest latency in milliseconds, `None` when empty.
    pub fn max_ms(&self) -> Option<f64> {
        self.known(|histogram| histogram.max() as f64)
    }

    /// The largest latency; zero when empty.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.histogram.max())
    }

    /// Standard deviation in milliseconds, `None` when empty.
    pub fn stdev_ms(&self) -> Option<f64> {
        self.known(Histogram::stdev)
    }

    /// Coefficient of variation in percent: standard deviation / mean. `None` when empty or all are zero.
    pub fn cv_percent(&self) -> Option<f64> {
        let mean = self.mean_ms().filter(|mean| *mean > 0.0)?;
        Some(round(self.stdev_ms()? / mean * 100.0))
    }

    fn known(&self, ask: impl Fn(&Histogram<u64>) -> f64) -> Option<f64> {
        (self.count() > 0).then(|| round(ask(&self.histogram) / 1e6))
    }

    /// Latencies up to `limit`, within the resolution.
    pub fn count_up_to(&self, limit: Duration) -> u64 {
        self.histogram.count_between(0, u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The recorded latencies in ascending order, in milliseconds, each with the number of latencies up to it.
    pub fn cumulative(&self) -> Vec<(u64, f64)> {
        let mut up_to = 0;
        self.histogram
            .iter_recorded()
            .map(|step| {
                up_to += step.count_at_value();
                (up_to, round(step.value_iterated_to() as f64 / 1e6))
            })
            .collect()
    }

    /// The sum of all latencies, within the resolution.
    pub fn sum(&self) -> Duration {
        Duration::from_secs_f64(self.histogram.mean() * self.count() as f64 / 1e9)
    }

    /// Adds all latencies of a [`Latency::coarse`] distribution's [`Latency::to_bytes`], without making that of it: there can be
    /// thousands. Returns whether it is one; nothing is added otherwise.
    pub fn merge_coarse_bytes(&mut self, bytes: &[u8]) -> bool {
        let Some(counts) = coarse::counts(bytes) else { return false };
        for (nanos, count) in counts {
            self.histogram.saturating_record_n(nanos, count);
        }
        true
    }

    /// The HdrHistogram V2 encoding, in nanoseconds: some hundred bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = V2Serializer::new().serialize(&self.histogram, &mut bytes);
        debug_assert!(written.is_ok(), "writing to memory");
        bytes
    }

    /// The inverse of [`Latency::to_bytes`] for a coarse distribution; `None` for anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes).ok()?;
        let coarse = Self::coarse();
        let fits = histogram.sigfig() == DIGITS_COARSE
            && histogram.low() == coarse.histogram.low()
            && histogram.high() == coarse.histogram.high();
        fits.then_some(Self { histogram })
    }

    /// Base64 of the HdrHistogram V2 deflate encoding, in nanoseconds.
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes);
        debug_assert!(written.is_ok(), "writing to memory");
        STANDARD.encode(bytes)
    }

    /// The inverse of [`Latency::to_base64`]; `None` for anything else.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
        Some(Self { histogram })
    }
}

/// Whether `count` samples are enough for percentile `percent`: n(1−p) ≥ 10.
pub fn is_enough_for(count: u64, percent: f64) -> bool {
    // The small term keeps 10,000 samples enough for p99.9, where binary fractions fall just short of 10.
    count as f64 * (100.0 - percent) / 100.0 + 1e-6 >= SAMPLES_ABOVE_MIN
}

/// To a millionth: beyond the distribution's resolution, and readable.
pub fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        millis.into_iter().for_each(|ms| latency.record(Duration::from_millis(ms)));
        latency
    }

    fn near(actual: Option<f64>, expected: f64) {
        let actual = actual.expect("a value");
        assert!((actual - expected).abs() <= expected * 0.002, "{actual} is not near {expected}");
    }

    #[test]
    fn figures_of_a_known_distribution() {
        let latency = of(1..=1000);
        near(latency.mean_ms(), 500.5);
        near(latency.percentile_ms(50.0), 500.0);
        near(latency.percentile_ms(95.0), 950.0);
        near(latency.percentile_ms(99.0), 990.0);
        near(latency.max_ms(), 1000.0);
        near(latency.min_ms(), 1.0);
        near(latency.stdev_ms(), 288.67);
        near(latency.cv_percent(), 57.68);
    }

    #[test]
    fn an_empty_distribution_knows_nothing() {
        let latency = Latency::default();
        assert_eq!(latency.percentile_ms(50.0), None);
        assert_eq!(latency.mean_ms(), None);
        assert_eq!(latency.cv_percent(), None);
    }

    #[test]
    fn percentiles_need_ten_samples_above_them() {
        for (count, percent, enough) in [
            (19, 50.0, false),
            (20, 50.0, true),
            (199, 95.0, false),
            (200, 95.0, true),
            (999, 99.0, false),
            (1000, 99.0, true),
            (9_999, 99.9, false),
            (10_000, 99.9, true),
        ] {
            assert_eq!(is_enough_for(count, percent), enough, "{count} for p{percent}");
        }
    }

    #[test]
    fn a_latency_beyond_an_hour_counts_as_an_hour() {
        near(of([7_200_000]).max_ms(), 3_600_000.0);
    }

    proptest! {
        #[test]
        fn merging_equals_recording_together(
            left in prop::collection::vec(0u64..100_000, 0..50), right in prop::collection::vec(0u64..100_000, 0..50)
        ) {
            let mut merged = of(left.clone());
            merged.merge(&of(right.clone()));
            let together = of(left.into_iter().chain(right));
            prop_assert_eq!(merged.count(), together.count());
            prop_assert_eq!(merged.percentile_ms(95.0), together.percentile_ms(95.0));
            prop_assert_eq!(merged.mean_ms(), together.mean_ms());
        }

        #[test]
        fn base64_keeps_the_distribution(samples in prop::collection::vec(0u64..1_000_000, 0..50)) {
            let latency = of(samples);
            let back = Latency::from_base64(&latency.to_base64()).expect("what was written");
            prop_assert_eq!(back.count(), latency.count());
            prop_assert_eq!(back.percentile_ms(99.0), latency.percentile_ms(99.0));
        }

        #[test]
        fn bytes_keep_a_coarse_distribution(samples in prop::collection::vec(0u64..1_000_000, 0..50)) {
            let mut latency = Latency::coarse();
            samples.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
            let back = Latency::from_bytes(&latency.to_bytes()).expect("what was written");
            prop_assert_eq!(&back.histogram, &latency.histogram);
            prop_assert_eq!(back.count_up_to(Duration::from_secs(3600)), latency.count());
        }

        #[test]
        fn from_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Latency::from_bytes(&bytes).is_none());
        }

        #[test]
        fn from_base64_never_panics(text in ".*") {
            let _ = Latency::from_base64(&text);
        }
    }
}
