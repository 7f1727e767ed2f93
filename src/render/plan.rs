//! A run that was not made: what it would send.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::table::{self, Column};
use crate::domain::run::Plan;
use crate::domain::run_config::RunConfig;
use crate::domain::unit;

/// Characters of a body that are shown.
const BODY_SHOWN: usize = 300;

/// A kind of request.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Percent of the requests.
    pub weight: u32,
    /// A body as it could be; without a key.
    pub body: String,
}

/// The plan in words.
pub fn plan(config: &RunConfig, plan: &Plan, planned: &[Planned]) -> String {
    let mut text = String::from("Dry run: nothing was sent.\n\n");
    let mut say = |name: &str, what: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    let private = if config.private_server { "a private server, then thrown away: " } else { "" };
    say("to", &format!("{private}{}", config.target()));
    say("load", &config.load());
    say("requests", &requests(plan));
    if let Some(warm_up) = warm_up(plan) {
        say("warm-up", &warm_up);
    }
    say("answers", &format!("waited for up to {}", unit::duration(plan.timeout)));
    match planned {
        [only] if only.body.is_empty() => say("body", "none"),
        [only] => say("body", &format!("for example {}", shown(&only.body))),
        several => {
            text.push('\n');
            text.push_str(&by_endpoint(several));
        }
    }
    text
}

fn requests(plan: &Plan) -> String {
    let Some(schedule) = plan.schedule() else {
        return format!(
            "as many as {} workers get answers to in {}, one at a time each",
            plan.workers,
            unit::duration(plan.duration)
        );
    };
    let (first, end) = (schedule.warm_up_total(), schedule.total());
    let last = schedule.due(end.saturating_sub(1)).saturating_sub(plan.warm_up);
    let rate = |at| schedule.rps_at(plan.warm_up + at);
    let middle = plan.duration / 2;
    let rates = if rate(middle) == rate(plan.duration) {
        format!("one every {} ms", unit::significant(1000.0 / rate(middle)))
    } else {
        format!(
            "{:.0} rps at the start, {:.0} in the middle, {:.0} at the end",
            rate(Duration::ZERO),
            rate(middle),
            rate(plan.duration)
        )
    };
    format!("{}: {rates}; the last is due at {:.3} s", unit::count(end - first), last.as_secs_f64())
}

fn warm_up(plan: &Plan) -> Option<String> {
    if plan.warm_up.is_zero() {
        return None;
    }
    let requests =
        plan.schedule().map(|schedule| format!("{} requests, ", unit::count(schedule.warm_up_total())));
    Some(format!(
        "{}{} before that, not measured",
        requests.unwrap_or_default(),
        unit::duration(plan.warm_up)
    ))
}

fn by_endpoint(planned: &[Planned]) -> String {
    let columns = [Column::Right("  share"), Column::Left("request"), Column::Left("body")];
    let row = |planned: &Planned| {
        vec![
            format!("{} %", planned.weight),
            format!("{} {}", planned.method, planned.path),
            shown(&planned.body),
        ]
    };
    table::of(&columns, planned.iter().map(row))
}

/// The beginning of a body in one line.
fn shown(body: &str) -> String {
    let line: String = body.chars().take(BODY_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if body.chars().count() > BODY_SHOWN { line + "…" } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::{Ramp, Rate};

    fn planned(method: &str, path: &str, weight: u32, body: &str) -> Planned {
        Planned { method: method.into(), path: path.into(), weight, body: body.into() }
    }

    #[test]
    fn plans_in_words() {
        let plan = Plan {
            workers: 10,
            rate: Rate::PerSecond(100),
            duration: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            warm_up: Duration::ZERO,
        };
        let updates = [planned("POST", "/update", 100, "api_key=…&field1=21.5")];
        let agents =
            [planned("POST", "/agent/status", 50, r#"{"agent_id":"a"}"#), planned("GET", "/meta", 50, "")];
        let ramp = Rate::Ramp(Ramp { from: 100, to: 5000 });
        let mut text = String::new();
        for (plan, private, kinds) in [
            (plan, true, &updates[..]),
            (Plan { rate: ramp, warm_up: Duration::from_millis(2500), ..plan }, false, &updates),
            (Plan { rate: Rate::Requests(1000), ..plan }, false, &agents),
            (Plan { rate: Rate::Max, warm_up: Duration::from_secs(5), ..plan }, false, &updates),
        ] {
            let config = RunConfig::new(&plan, "http://127.0.0.1:8000".into(), private, None);
            text += &(super::plan(&config, &plan, kinds) + "\n");
        }
        insta::assert_snapshot!(text);
    }
}
