//! Whether a run's figures are about the server at all.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::concurrency::Workers;
use super::latency::is_enough_for;
use super::steadiness::Steadiness;
use super::unit;

/// Send lag above this at p99, in milliseconds, makes the generator the limit where the grade hinges on it.
pub const SEND_LAG_P99_MS_MAX: f64 = 1.0;
/// Generator CPU above this, in percent of its cores, makes the generator the limit.
pub const GENERATOR_CPU_PERCENT_MAX: f64 = 80.0;
/// The percentile that is graded.
const GRADED_PERCENTILE: f64 = 95.0;

/// The verdict on a run's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = RunVerdict)]
pub enum Verdict {
    /// The figures are about the server.
    Valid,
    /// The generator, not the server, was saturated.
    GeneratorLimited,
    /// The figures were still moving at the end: a longer run would find others.
    NotSteady,
    /// There are too few requests for a p95.
    TooFewSamples,
}

impl Verdict {
    /// The word, as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::GeneratorLimited => "generator-limited",
            Self::NotSteady => "not-steady",
            Self::TooFewSamples => "too-few-samples",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunValidity)]
pub struct Validity {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence with the figures; and what to do when it is not valid.
    pub reason: String,
    /// The second from which on the run was at rest; `null` when that was not judged, or it was not.
    #[serde(default)]
    pub steady_from_second: Option<u64>,
    /// What should be known beside a verdict that stands.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// What is known of the generator during a run.
#[derive(Clone, Debug, PartialEq)]
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
    /// Whether its workers were enough.
    pub workers: Workers,
}

impl Generator {
    fn is_late(&self) -> bool {
        self.grade_hinges_on_lag && self.send_lag_p99_ms.is_some_and(|lag| lag > SEND_LAG_P99_MS_MAX)
    }

    /// Judges whether the run says something about the server.
    pub fn validity(&self, steadiness: &Steadiness) -> Validity {
        let (verdict, reason) = self.verdict(steadiness);
        let steady_from_second = match steadiness {
            Steadiness::Steady { from_second } => Some(*from_second),
            Steadiness::NotJudged | Steadiness::Moving(_) | Steadiness::NotSteady(_) => None,
        };
        let remarks = if verdict == Verdict::Valid { self.remarks(steadiness) } else { Vec::new() };
        Validity { verdict, reason, steady_from_second, remarks }
    }

    /// The first thing that makes a run invalid, since what follows may follow from it: with too few workers latency grows
    /// as long as the run lasts.
    fn verdict(&self, steadiness: &Steadiness) -> (Verdict, String) {
        let lag = unit::millis(Some(self.send_lag_p99_ms.unwrap_or(0.0)));
        let cpu = unit::percent(self.cpu_percent);
        if !is_enough_for(self.requests, GRADED_PERCENTILE) {
            let requests = unit::count(self.requests);
            let reason = format!(
                "{requests} requests are too few for a p95, which needs 200. Run longer, or at a higher rate."
            );
            return (Verdict::TooFewSamples, reason);
        }
        if self.is_late() || self.cpu_percent > GENERATOR_CPU_PERCENT_MAX {
            let reason = format!(
                "the generator was the limit: send lag p99 {lag}, {cpu} of its CPU. The server was not measured. \
                 Stop other programs, give the generator cores of its own, or ask for fewer requests a second \
                 ({:.0} were reached here).",
                self.actual_rps
            );
            return (Verdict::GeneratorLimited, reason);
        }
        match (&self.workers, steadiness) {
            (Workers::TooFew(reason), _) => (Verdict::GeneratorLimited, reason.clone()),
            (_, Steadiness::NotSteady(reason)) => (Verdict::NotSteady, reason.clone()),
            _ => (Verdict::Valid, format!("the generator kept up: send lag p99 {lag}, {cpu} of its CPU")),
        }
    }

    fn remarks(&self, steadiness: &Steadiness) -> Vec<String> {
        let workers = match &self.workers {
            Workers::Perhaps(remark) => Some(remark.clone()),
            Workers::Enough | Workers::TooFew(_) => None,
        };
        let course = match steadiness {
            Steadiness::Moving(words) => Some(sentence(words)),
            Steadiness::Steady { from_second } if *from_second > 0 => {
                Some(format!("The first {from_second} s were a warm-up: they differ from the rest."))
            }
            Steadiness::NotJudged | Steadiness::Steady { .. } | Steadiness::NotSteady(_) => None,
        };
        let late = self.send_lag_p99_ms.filter(|lag| *lag > SEND_LAG_P99_MS_MAX).map(|lag| {
            let lag = unit::millis(Some(lag));
            format!("One request in a hundred was sent {lag} late or more: latencies of that size may be the generator's.")
        });
        workers.into_iter().chain(course).chain(late).collect()
    }
}

/// With a capital at the beginning.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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
        workers: Workers::Enough,
    };
    const STEADY: Steadiness = Steadiness::Steady { from_second: 0 };

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
            assert_eq!(generator.validity(&STEADY).verdict, expected, "{generator:?}");
        }
    }

    #[test]
    fn the_cause_comes_before_what_follows_from_it() {
        let restless = Steadiness::NotSteady("it moved".into());
        let too_few = Generator { workers: Workers::TooFew("1 worker".into()), ..GOOD };
        let verdict = |generator: &Generator, steadiness| generator.validity(steadiness).verdict;
        assert_eq!(verdict(&too_few, &restless), Verdict::GeneratorLimited);
        assert_eq!(verdict(&GOOD, &restless), Verdict::NotSteady);
        assert_eq!(
            verdict(&Generator { requests: 10, ..too_few.clone() }, &restless),
            Verdict::TooFewSamples
        );
        assert_eq!(too_few.validity(&STEADY).reason, "1 worker");
    }

    #[test]
    fn what_should_be_known_beside_a_valid_run_is_remarked() {
        let generator = Generator { workers: Workers::Perhaps("More workers would show it.".into()), ..GOOD };
        let validity = generator.validity(&Steadiness::Moving("it grew.".into()));
        assert_eq!(validity.verdict, Verdict::Valid);
        assert_eq!(validity.remarks, ["More workers would show it.", "It grew."]);
        let warm_up = GOOD.validity(&Steadiness::Steady { from_second: 8 });
        assert_eq!((warm_up.steady_from_second, warm_up.remarks.len()), (Some(8), 1));
        assert!(GOOD.validity(&STEADY).remarks.is_empty());
    }
}
