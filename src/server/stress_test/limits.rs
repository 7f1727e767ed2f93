//! What runs that are started here may ask for.

use std::time::Duration;

use crate::domain::run::{DURATION_MIN, Plan, RPS, Rate, TIMEOUT_MAX, WORKERS};
use crate::domain::unit;
use crate::server::error::Refusal;

/// How long one response is waited for, as `porta stress` does unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
const _: () = assert!(TIMEOUT.as_secs() <= TIMEOUT_MAX.as_secs());

/// The limits of runs that are started through the server, so that whoever may start one cannot bring the machine down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections, within [`WORKERS`].
    pub workers: u32,
    /// Requests a second, within [`RPS`].
    pub rps: u32,
    /// How long requests are sent, from [`DURATION_MIN`] on.
    pub duration: Duration,
}

impl Limits {
    /// What holds unless told otherwise.
    pub const DEFAULT: Self = Self { workers: 100, rps: 10_000, duration: Duration::from_secs(600) };

    /// The plan with these numbers. `duration` is seconds.
    ///
    /// # Errors
    /// 422 with the field that is out of its limit, and the limit's name.
    pub fn plan(&self, workers: i64, rps: i64, duration: f64) -> Result<Plan, Refusal> {
        let workers = within(workers, *WORKERS.start(), self.workers)
            .ok_or_else(|| out("workers", WORKERS.start(), &self.workers, "STRESS_TEST_MAX_WORKERS"))?;
        let rps = within(rps, *RPS.start(), self.rps)
            .ok_or_else(|| out("rps", RPS.start(), &self.rps, "STRESS_TEST_MAX_RPS"))?;
        let range = DURATION_MIN..=self.duration;
        let duration = Duration::try_from_secs_f64(duration).ok().filter(|duration| range.contains(duration));
        let duration = duration.ok_or_else(|| {
            let (least, most) = (unit::duration(DURATION_MIN), unit::duration(self.duration));
            out("duration", &least, &most, "STRESS_TEST_MAX_DURATION")
        })?;
        // The generator takes whole milliseconds.
        let duration = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let rate = Rate::PerSecond(rps);
        Ok(Plan { workers, rate, duration, timeout: TIMEOUT, warm_up: Duration::ZERO })
    }
}

fn within(number: i64, least: u32, most: u32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| (least..=most).contains(number))
}

fn out(
    field: &'static str,
    least: &dyn std::fmt::Display,
    most: &dyn std::fmt::Display,
    limit: &str,
) -> Refusal {
    let message = format!("it takes {least} to {most} here, as {limit} says");
    Refusal::OutOfLimits { field, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_checked_at_its_bounds() {
        let limits = Limits::DEFAULT;
        for (workers, rps, duration, wrong) in [
            (1, 1, 1.0, None),
            (100, 10_000, 600.0, None),
            (0, 1, 1.0, Some("workers")),
            (101, 1, 1.0, Some("workers")),
            (-1, 1, 1.0, Some("workers")),
            (i64::MAX, 1, 1.0, Some("workers")),
            (1, 0, 1.0, Some("rps")),
            (1, 10_001, 1.0, Some("rps")),
            (1, 1, 0.9999, Some("duration")),
            (1, 1, 600.001, Some("duration")),
            (1, 1, -5.0, Some("duration")),
            (1, 1, f64::NAN, Some("duration")),
            (1, 1, f64::INFINITY, Some("duration")),
        ] {
            let field = match limits.plan(workers, rps, duration) {
                Ok(plan) => {
                    assert_eq!(plan.duration.as_secs_f64(), duration);
                    None
                }
                Err(Refusal::OutOfLimits { field, message }) => {
                    assert!(message.contains("STRESS_TEST_MAX_"), "{message}");
                    Some(field)
                }
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(field, wrong, "{workers}, {rps}, {duration}");
        }
        let message = limits.plan(1, 1, 601.0).map_err(Refusal::message);
        assert_eq!(message, Err("it takes 1s to 10m here, as STRESS_TEST_MAX_DURATION says".into()));
    }
}
