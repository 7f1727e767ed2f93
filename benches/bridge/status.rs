//! `/agent/status` against `/health`.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, Request};
use crate::figures::{Goal, Row, interleaved};
use crate::server::Server;
use crate::{Failure, in_parallel, repeated};

const AGENTS: usize = 5;
const REPEATS: usize = 5;
const OK: &str = "\"status\":\"ok\"";

pub fn compare(server: &Server, duration: Duration) -> Result<Vec<Row>, Failure> {
    let request = |side: usize, agent: &str| match side {
        0 => Request::get("/health", ""),
        1 => Request::get(&format!("/agent/status?agent_id={agent}"), OK),
        _ => Request::post("/agent/status", &json!({ "agent_id": agent }), OK),
    };
    let rate = |side: usize| {
        let asked = in_parallel(AGENTS, |place| {
            let (mut client, request) = (Client::open(server)?, request(side, &format!("agent-{place}")));
            Ok(repeated(duration, || client.ask(&request).map(drop))?.len())
        });
        Ok([asked?.into_iter().sum::<usize>() as f64 / duration.as_secs_f64()])
    };
    let [[health], [by_query], [by_body]] =
        interleaved("rps of /health, /agent/status by query, by body", REPEATS, rate)?;
    let row = |method: &str, value| Row {
        figure: format!("{method} /agent/status, {AGENTS} connections"),
        value,
        against: health,
        unit: "rps",
        goal: Goal::AtLeast(0.7),
        note: "/health of the same server; the older bridge's status: 83 to 235 rps",
    };
    Ok(vec![row("GET", by_query), row("POST", by_body)])
}
