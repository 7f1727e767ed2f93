//! Whether a run's figures are about the server at all.

use serde::{Deserialize, Serialize};

use super::latency::is_enough_for;
use super::unit;

/// Send lag above this at p99, in milliseconds, makes the generator the limit where the grade hinges on it.
pub const SEND_LAG_P99_MS_MAX: f64 = 1.0;
/// Generator CPU above this, in percent of its cores, makes the generator the limit.
pub const GENERATOR_CPU_PERCENT_MAX: f64 = 80.0;
/// The percentile that is graded.
const GRADED_PERCENTILE: f64 = 95.0;

/// The verdict on a run's figures. Later versions add more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The figures are about the server.
    Valid,
    /// The generator, not the server, was saturated.
    GeneratorLimited,
    /// There are too few requests for a p95.
    TooFewSamples,
}

impl Verdict {
    /// The word, as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::GeneratorLimited => "generator-limited",
            Self::TooFewSamples => "too-few-samples",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence with the figures; and what to do when it is not valid.
    pub reason: String,
}

/// What is known of the generator during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generator {
    /// Requests that came to an end.
    pub requests: u64,
    /// 99th percentile of the send lag in milliseconds, `None` when nothing was sent.
    pub send_lag_p99_ms: Option<f64>,
    /// Whether the grade could be another one without that lag. A virtual machine that wakes late now and then does not
    /// make a server that is excellent all the same less so.
    pub grade_hinges_on_lag: bool,
    /// Percent of the generator's cores that it used.
    pub cpu_percent: f64,
    /// Requests a second that the generator came to.
    pub actual_rps: f64,
}

impl Generator {
    fn is_late(&self) -> bool {
        self.grade_hinges_on_lag && self.send_lag_p99_ms.is_some_and(|lag| lag > SEND_LAG_P99_MS_MAX)
    }

    /// Judges whether the run says something about the server.
    pub fn validity(&self) -> Validity {
        let lag_ms = self.send_lag_p99_ms.unwrap_or(0.0);
        let (verdict, reason) = if !is_enough_for(self.requests, GRADED_PERCENTILE) {
            let reason = format!(
                "{} requests are too few for a p95, which needs 200. Run longer, or at a higher rate.",
                unit::count(self.requests)
            );
            (Verdict::TooFewSamples, reason)
        } else if self.is_late() || self.cpu_percent > GENERATOR_CPU_PERCENT_MAX {
            let reason = format!(
                "the generator was the limit: send lag p99 {}, {} of its CPU. The server was not measured. \
                 Stop other programs, give the generator cores of its own, or ask for fewer requests a second \
                 ({:.0} were reached here).",
                unit::millis(Some(lag_ms)),
                unit::percent(self.cpu_percent),
                self.actual_rps
            );
            (Verdict::GeneratorLimited, reason)
        } else {
            let reason = format!(
                "the generator kept up: send lag p99 {}, {} of its CPU",
                unit::millis(Some(lag_ms)),
                unit::percent(self.cpu_percent)
            );
            (Verdict::Valid, reason)
        };
        Validity { verdict, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Generator = Generator {
        requests: 6000,
        send_lag_p99_ms: Some(0.08),
        grade_hinges_on_lag: true,
        cpu_percent: 4.0,
        actual_rps: 100.0,
    };

    #[test]
    fn the_borders_are_exact() {
        use Verdict::{GeneratorLimited, TooFewSamples, Valid};
        for (generator, expected) in [
            (GOOD, Valid),
            (Generator { send_lag_p99_ms: Some(1.0), ..GOOD }, Valid),
            (Generator { send_lag_p99_ms: Some(1.01), ..GOOD }, GeneratorLimited),
            (Generator { send_lag_p99_ms: Some(1.01), grade_hinges_on_lag: false, ..GOOD }, Valid),
            (Generator { cpu_percent: 80.0, ..GOOD }, Valid),
            (Generator { cpu_percent: 80.1, ..GOOD }, GeneratorLimited),
            (Generator { requests: 200, ..GOOD }, Valid),
            (Generator { requests: 199, ..GOOD }, TooFewSamples),
            (Generator { requests: 0, send_lag_p99_ms: None, ..GOOD }, TooFewSamples),
        ] {
            assert_eq!(generator.validity().verdict, expected, "{generator:?}");
        }
    }
}
