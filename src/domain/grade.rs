//! The grade of a run. Its borders are the source's: excellent is success > 99 %, average < 100 ms, p95 < 200 ms,
//! efficiency > 90 %; acceptable is 95–99 %, 100–500 ms, 200–1000 ms, 70–90 %; below is a problem. The worst metric
//! decides.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A p95 below this, in milliseconds, is excellent.
pub const P95_EXCELLENT_BELOW_MS: f64 = 200.0;

/// How good a run was, worst first, so that the minimum decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GradeLevel)]
pub enum Level {
    /// Below what is acceptable.
    Problem,
    /// Works, and does not have much room.
    Acceptable,
    /// Well within what the box can do.
    Excellent,
}

impl Level {
    /// The word, as it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Acceptable => "acceptable",
            Self::Excellent => "excellent",
        }
    }
}

/// What is graded, in the order in which ties are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GradeMetric)]
pub enum Metric {
    /// Percent of the requests that succeeded.
    Success,
    /// 95th percentile of the latency from the due time.
    P95,
    /// Mean latency from the due time.
    Average,
    /// Percent of the target rate that was reached.
    Efficiency,
}

impl Metric {
    /// The name as a sentence uses it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success rate",
            Self::P95 => "p95",
            Self::Average => "average latency",
            Self::Efficiency => "efficiency",
        }
    }
}

/// The figures that are graded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// 0–100.
    pub success_percent: f64,
    /// Milliseconds.
    pub average_ms: f64,
    /// Milliseconds.
    pub p95_ms: f64,
    /// Percent of the target rate; `None` when the run had no target.
    pub efficiency_percent: Option<f64>,
}

/// The verdict on a valid run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grade {
    /// How good it was.
    pub level: Level,
    /// The metric that kept the level from being better; `None` when it is excellent.
    pub decided_by: Option<Metric>,
    /// What to do, most useful first.
    pub advice: Vec<String>,
}

impl Figures {
    /// Grades the figures.
    pub fn grade(&self) -> Grade {
        let levels = self.levels();
        let level = levels.iter().map(|(_, level)| *level).min().unwrap_or(Level::Problem);
        let short: Vec<Metric> = levels
            .iter()
            .filter(|(_, at)| *at == level && level < Level::Excellent)
            .map(|(metric, _)| *metric)
            .collect();
        let advice = short.iter().map(|metric| advice(*metric, level).to_owned()).collect();
        Grade { level, decided_by: short.first().copied(), advice }
    }

    /// Whether another level would come out if the generator had never been late: its lag makes latencies longer and
    /// lowers the rate, and never makes a run better.
    pub fn hinge_on(&self, send_lag_ms: f64) -> bool {
        let in_time = Self {
            average_ms: self.average_ms - send_lag_ms,
            p95_ms: self.p95_ms - send_lag_ms,
            efficiency_percent: None,
            ..*self
        };
        in_time.grade().level != self.grade().level
    }

    fn levels(&self) -> Vec<(Metric, Level)> {
        let mut levels = vec![
            (Metric::Success, higher_is_better(self.success_percent, 99.0, 95.0)),
            (Metric::P95, lower_is_better(self.p95_ms, P95_EXCELLENT_BELOW_MS, 1000.0)),
            (Metric::Average, lower_is_better(self.average_ms, 100.0, 500.0)),
        ];
        levels.extend(
            self.efficiency_percent.map(|value| (Metric::Efficiency, higher_is_better(value, 90.0, 70.0))),
        );
        levels
    }
}

fn higher_is_better(value: f64, excellent_above: f64, acceptable_from: f64) -> Level {
    if value > excellent_above {
        Level::Excellent
    } else if value >= acceptable_from {
        Level::Acceptable
    } else {
        Level::Problem
    }
}

fn lower_is_better(value: f64, excellent_below: f64, acceptable_to: f64) -> Level {
    if value < excellent_below {
        Level::Excellent
    } else if value <= acceptable_to {
        Level::Acceptable
    } else {
        Level::Problem
    }
}

fn advice(metric: Metric, level: Level) -> &'static str {
    match (metric, level) {
        (_, Level::Excellent) => "",
        (Metric::Success, Level::Problem) => {
            "See the errors below: they name what failed. Repeat at half the rate to find what this box can serve."
        }
        (Metric::Success, Level::Acceptable) => {
            "A few requests failed: the errors below say how. Devices should retry on 503 and on a lost connection."
        }
        (Metric::P95, Level::Problem) => {
            "One request in twenty waits over a second. Look at the slowest seconds: a stall there is usually the disk."
        }
        (Metric::P95, Level::Acceptable) => {
            "One request in twenty waits over 200 ms. Compare the service time: if it is low, requests queue, and the rate is near the limit."
        }
        (Metric::Average, Level::Problem) => {
            "Requests wait half a second on average: the server is past its limit. Lower the rate, or give it a faster disk."
        }
        (Metric::Average, Level::Acceptable) => {
            "The average is over 100 ms: there is little room left. Repeat at a lower rate to see where it starts."
        }
        (Metric::Efficiency, Level::Problem) => {
            "Less than 70 % of the target rate was reached: the rate shown is about what this box can do."
        }
        (Metric::Efficiency, Level::Acceptable) => {
            "The target rate was not quite reached: plan with the rate shown, not with the target."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: Figures =
        Figures { success_percent: 100.0, average_ms: 1.0, p95_ms: 2.0, efficiency_percent: Some(100.0) };

    #[test]
    fn the_borders_are_exact() {
        use Level::{Acceptable, Excellent, Problem};
        let level = |figures: Figures| figures.grade().level;
        for (success_percent, expected) in
            [(99.01, Excellent), (99.0, Acceptable), (95.0, Acceptable), (94.99, Problem)]
        {
            assert_eq!(level(Figures { success_percent, ..GOOD }), expected, "success {success_percent}");
        }
        for (average_ms, expected) in
            [(99.99, Excellent), (100.0, Acceptable), (500.0, Acceptable), (500.01, Problem)]
        {
            assert_eq!(level(Figures { average_ms, ..GOOD }), expected, "average {average_ms}");
        }
        for (p95_ms, expected) in
            [(199.99, Excellent), (200.0, Acceptable), (1000.0, Acceptable), (1000.1, Problem)]
        {
            assert_eq!(level(Figures { p95_ms, ..GOOD }), expected, "p95 {p95_ms}");
        }
        for (efficiency, expected) in
            [(90.01, Excellent), (90.0, Acceptable), (70.0, Acceptable), (69.99, Problem)]
        {
            assert_eq!(
                level(Figures { efficiency_percent: Some(efficiency), ..GOOD }),
                expected,
                "{efficiency}"
            );
        }
    }

    #[test]
    fn the_worst_metric_decides_and_is_named() {
        let grade = Figures { p95_ms: 1200.0, average_ms: 200.0, ..GOOD }.grade();
        assert_eq!((grade.level, grade.decided_by), (Level::Problem, Some(Metric::P95)));
        assert_eq!(grade.advice.len(), 1);
        let grade = GOOD.grade();
        assert_eq!((grade.level, grade.decided_by, grade.advice.len()), (Level::Excellent, None, 0));
    }

    #[test]
    fn without_a_target_rate_efficiency_is_not_graded() {
        assert_eq!(Figures { efficiency_percent: None, ..GOOD }.grade().level, Level::Excellent);
    }

    #[test]
    fn a_grade_hinges_on_lag_that_could_have_changed_it() {
        assert!(!GOOD.hinge_on(50.0), "excellent in spite of it");
        let slow = Figures { p95_ms: 300.0, average_ms: 150.0, ..GOOD };
        assert!(!slow.hinge_on(2.0), "acceptable with it and without it");
        assert!(slow.hinge_on(120.0));
        assert!(Figures { efficiency_percent: Some(50.0), ..GOOD }.hinge_on(2.0), "the rate was not reached");
    }

    proptest! {
        #[test]
        fn improving_a_metric_never_lowers_the_grade(
            success_percent in 0.0..100.0f64, average_ms in 0.0..2000.0f64, p95_ms in 0.0..2000.0f64,
            efficiency in prop::option::of(0.0..110.0f64), better_by in 0.0..500.0f64
        ) {
            let figures = Figures { success_percent, average_ms, p95_ms, efficiency_percent: efficiency };
            let better = [
                Figures { success_percent: (success_percent + better_by).min(100.0), ..figures },
                Figures { average_ms: (average_ms - better_by).max(0.0), ..figures },
                Figures { p95_ms: (p95_ms - better_by).max(0.0), ..figures },
                Figures { efficiency_percent: efficiency.map(|value| value + better_by), ..figures },
            ];
            let level = figures.grade().level;
            for improved in better {
                prop_assert!(improved.grade().level >= level, "{:?} is worse than {:?}", improved, figures);
            }
        }

        #[test]
        fn whoever_is_not_excellent_is_told_why_and_what_to_do(
            success_percent in 0.0..100.0f64, average_ms in 0.0..2000.0f64, p95_ms in 0.0..2000.0f64
        ) {
            let grade = Figures { success_percent, average_ms, p95_ms, efficiency_percent: None }.grade();
            prop_assert_eq!(grade.decided_by.is_some(), grade.level < Level::Excellent);
            prop_assert_eq!(grade.advice.is_empty(), grade.level == Level::Excellent);
            prop_assert!(grade.advice.iter().all(|text| !text.is_empty()));
        }
    }
}
