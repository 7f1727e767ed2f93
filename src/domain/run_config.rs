//! What was asked for, as a report keeps it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::ChannelId;
use super::run::{Plan, Ramp, Rate};
use super::unit;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunConfig {
    /// `http://host:port` and a path: what updates and agents' routes lie below, or the URL itself, without its query.
    pub base_url: String,
    /// Whether the target was a server of the run's own.
    pub private_server: bool,
    /// The channel that was written to, when it is known.
    pub channel_id: Option<ChannelId>,
    /// Connections.
    pub workers: u32,
    /// The mean where it changes, rounded; `null`: as fast as possible.
    pub target_rps: Option<u32>,
    /// The rate at the start and at the end, where they differ.
    #[serde(default)]
    pub ramp: Option<Ramp>,
    /// Seconds, without the warm-up.
    pub duration: f64,
    /// Seconds of load before the measurement.
    #[serde(default)]
    pub warm_up: f64,
    /// Seconds that one response was waited for.
    pub timeout: f64,
    /// The preset; `null` when there was none.
    pub scenario: Option<String>,
    /// The number of requests, where the plan was one.
    pub requests: Option<u64>,
    /// The number of simulated agents, where there were any.
    pub agents: Option<u32>,
    /// The method of a request of the operator's own; `null` for updates and agents.
    #[serde(default)]
    pub method: Option<String>,
    /// Tells requests of the operator's own apart; `null` for updates and agents.
    #[serde(default)]
    pub request_hash: Option<String>,
}

impl RunConfig {
    /// The configuration of `plan` against `base_url`.
    pub fn new(plan: &Plan, base_url: String, private_server: bool, channel_id: Option<ChannelId>) -> Self {
        let ramp = if let Rate::Ramp(ramp) = plan.rate { Some(ramp) } else { None };
        let requests = if let Rate::Requests(requests) = plan.rate { Some(requests) } else { None };
        Self {
            base_url,
            private_server,
            channel_id,
            workers: plan.workers,
            target_rps: plan.target_rps(),
            ramp,
            duration: plan.duration.as_secs_f64(),
            warm_up: plan.warm_up.as_secs_f64(),
            timeout: plan.timeout.as_secs_f64(),
            scenario: None,
            requests,
            agents: None,
            method: None,
            request_hash: None,
        }
    }

    /// Requests a second over the whole run, exactly; `None`: as fast as possible.
    pub fn mean_rps(&self) -> Option<f64> {
        match (self.ramp, self.requests) {
            (Some(Ramp { from, to }), _) => Some((f64::from(from) + f64::from(to)) / 2.0),
            (None, Some(requests)) => Some(requests as f64 / self.duration),
            (None, None) => self.target_rps.map(f64::from),
        }
    }

    /// Whether the load was meant to be the same from the beginning to the end, so that figures that move say something.
    pub fn has_constant_load(&self) -> bool {
        self.ramp.is_none()
    }

    /// The load in words: `10 workers, 100 rps, 60 s`.
    pub fn load(&self) -> String {
        let rate = match (self.ramp, self.requests, self.target_rps) {
            (Some(Ramp { from, to }), ..) => format!("{from} to {to} rps"),
            (None, Some(requests), _) => format!("{} requests", unit::count(requests)),
            (None, None, Some(rps)) => format!("{rps} rps"),
            (None, None, None) => "max rps".into(),
        };
        let who = if self.agents.is_some() { "agents" } else { "workers" };
        let scenario = self.scenario.as_ref().map_or_else(String::new, |name| format!("{name}, "));
        let warm_up = if self.warm_up > 0.0 { format!(" after {} s", self.warm_up) } else { String::new() };
        format!("{scenario}{} {who}, {rate}, {} s{warm_up}", self.workers, self.duration)
    }

    /// What requests go to, in words: a URL, with the method where it is not plain which.
    pub fn target(&self) -> String {
        match (&self.method, self.agents) {
            (Some(method), _) => format!("{method} {}", self.base_url),
            (None, Some(_)) => self.base_url.clone(),
            (None, None) => format!("{}/update", self.base_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(rate: Rate) -> RunConfig {
        let plan = Plan {
            workers: 5,
            rate,
            duration: Duration::from_secs(300),
            timeout: Duration::from_secs(30),
            warm_up: Duration::ZERO,
        };
        RunConfig::new(&plan, "http://h".into(), false, None)
    }

    #[test]
    fn every_rate_has_words_and_a_mean() {
        for (rate, rounded, mean, words) in [
            (Rate::PerSecond(100), Some(100), Some(100.0), "5 workers, 100 rps, 300 s"),
            (
                Rate::Ramp(Ramp { from: 100, to: 5000 }),
                Some(2550),
                Some(2550.0),
                "5 workers, 100 to 5000 rps, 300 s",
            ),
            (Rate::Requests(1000), Some(3), Some(1000.0 / 300.0), "5 workers, 1 000 requests, 300 s"),
            (Rate::Requests(10), Some(1), Some(10.0 / 300.0), "5 workers, 10 requests, 300 s"),
            (Rate::Max, None, None, "5 workers, max rps, 300 s"),
        ] {
            let config = config(rate);
            assert_eq!(
                (config.target_rps, config.mean_rps(), config.load().as_str()),
                (rounded, mean, words)
            );
        }
        let config = RunConfig { agents: Some(5), warm_up: 2.5, ..config(Rate::PerSecond(50)) };
        assert_eq!(config.load(), "5 agents, 50 rps, 300 s after 2.5 s");
        let config = RunConfig { agents: None, scenario: Some("soak".into()), ..config };
        assert_eq!(config.load(), "soak, 5 workers, 50 rps, 300 s after 2.5 s");
    }
}
