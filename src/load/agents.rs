//! Simulated agents: what they ask of an agent bridge, and how often. Each worker is one, with a name of its own.

use bytes::Bytes;
use hyper::Method;

use super::judge::Judge;

/// A request that agents make.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    /// Of a hundred requests, so many are this one.
    pub weight: u32,
    pub judge: Judge,
    /// The body, in which `AGENT` stands for the agent's name; empty where there is none.
    body: &'static str,
}

/// What agents do: mostly tell that they are there, and at times run something.
pub const OPERATIONS: [Operation; 5] = [
    Operation {
        method: Method::POST,
        path: "/agent/status",
        weight: 50,
        judge: Judge::Object,
        body: r#"{"agent_id":"AGENT"}"#,
    },
    Operation {
        method: Method::POST,
        path: "/run_bash",
        weight: 20,
        judge: Judge::Success,
        body: r#"{"agent_id":"AGENT","cmd":"echo hello"}"#,
    },
    Operation {
        method: Method::POST,
        path: "/agent/pipeline",
        weight: 10,
        judge: Judge::Success,
        body: r#"{"agent_id":"AGENT","commands":["echo one","echo two"]}"#,
    },
    Operation { method: Method::GET, path: "/meta", weight: 10, judge: Judge::Object, body: "" },
    Operation { method: Method::GET, path: "/public_url", weight: 10, judge: Judge::Object, body: "" },
];

/// The next operation, by its place in [`OPERATIONS`].
pub fn choose(random: &mut fastrand::Rng) -> usize {
    let all: u32 = OPERATIONS.iter().map(|operation| operation.weight).sum();
    let mut left = random.u32(..all);
    for (place, operation) in OPERATIONS.iter().enumerate() {
        match left.checked_sub(operation.weight) {
            None => return place,
            Some(rest) => left = rest,
        }
    }
    0
}

/// The body of an operation of agent `number`, counted from 0.
pub fn body(operation: usize, number: u64) -> Bytes {
    let body = OPERATIONS[operation].body;
    if body.is_empty() { Bytes::new() } else { body.replacen("AGENT", &name(number), 1).into() }
}

/// The name by which agent `number`, counted from 0, calls itself.
fn name(number: u64) -> String {
    format!("porta-stress-{}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::AgentId;

    #[test]
    fn the_weights_are_percent_and_are_kept_to() {
        assert_eq!(OPERATIONS.iter().map(|operation| operation.weight).sum::<u32>(), 100);
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = [0u32; OPERATIONS.len()];
        (0..100_000).for_each(|_| counts[choose(&mut random)] += 1);
        for (operation, count) in OPERATIONS.iter().zip(counts) {
            assert!(count.abs_diff(operation.weight * 1000) < 1000, "{}: {count}", operation.path);
        }
    }

    #[test]
    fn bodies_are_json_with_a_name_that_the_bridge_takes() {
        for (place, operation) in OPERATIONS.iter().enumerate() {
            let body = body(place, 999);
            assert_eq!(body.is_empty(), operation.method == Method::GET);
            if body.is_empty() {
                continue;
            }
            let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(json["agent_id"], "porta-stress-1000");
        }
        assert!(AgentId::try_from(name(999)).is_ok());
    }
}
