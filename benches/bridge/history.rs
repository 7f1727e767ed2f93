//! `/agent/history` of many operations against few.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;

use crate::client::{Client, Request};
use crate::figures::{Goal, Row, interleaved, percentile};
use crate::server::Server;
use crate::{Failure, repeated};

/// Of the two databases; porta keeps no more than the second has.
const OPERATIONS: [u32; 2] = [6_000, 1_000_000];
/// The first of them has half of all operations.
const AGENTS: u32 = 20;
const LIMIT: usize = 20;
/// Short rounds in turn, and many: whatever else runs on the machine then hits both sides.
const ROUND: Duration = Duration::from_millis(500);
const TRANSACTION_ROWS: u32 = 10_000;
/// A million of them are younger than what porta forgets.
const BETWEEN_OPERATIONS_MS: i64 = 1000;
/// Each operation has it in an answer.
const ONE: &str = "\"operation_type\":";

pub fn compare(porta: &Path, rounds: usize) -> Result<Vec<Row>, Failure> {
    let [few, many] = OPERATIONS;
    let servers = [Server::start(porta, few)?, Server::start(porta, many)?];
    let compare = |(what, of_type): (&str, Option<&str>)| {
        let request = |agent| {
            let body = json!({ "agent_id": name(agent), "limit": LIMIT, "operation_type": of_type });
            Request::post("/agent/history", &body, ONE)
        };
        let requests: Vec<_> = (0..AGENTS).map(request).collect();
        let [[of_few], [of_many]] = interleaved(&format!("ms of /agent/history {what}"), rounds, |side| {
            let mut client = Client::open(&servers[side])?;
            let mut agents = requests.iter().cycle();
            let took = repeated(ROUND, || {
                let operations = client.ask(agents.next().ok_or("no agent")?)?.matches(ONE).count();
                if operations == LIMIT { Ok(()) } else { Err(format!("{operations} operations").into()) }
            })?;
            Ok([percentile(took, 50)])
        })?;
        Ok(Row {
            figure: format!("/agent/history {what}, {many} operations, p50"),
            value: of_many,
            against: of_few,
            unit: "ms",
            goal: Goal::AtMost(1.2),
            note: "6000 operations; the older bridge: 6.9 ms of those, 132 ms of a million",
        })
    };
    [("of both types", None), ("of one type", Some("run_bash"))].into_iter().map(compare).collect()
}

fn name(agent: u32) -> String {
    format!("agent-{agent:02}")
}

/// Gives a database a past: single commands, and pipelines of three, one operation a second until now.
#[allow(
    clippy::disallowed_methods,
    reason = "the server is not there yet, and nothing of this has to be durable"
)]
pub fn fill(db: &Path, operations: u32) -> Result<(), Failure> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let first_ms = now_ms - i64::from(operations) * BETWEEN_OPERATIONS_MS;
    let mut database = Connection::open(db)?;
    database.pragma_update(None, "foreign_keys", true)?;
    database.pragma_update(None, "synchronous", "OFF")?;
    let agents = if operations == 0 { 0 } else { AGENTS };
    for agent in 0..agents {
        database.execute(
            "INSERT INTO agents (id, created_at_ms, last_seen_at_ms, last_live_at_ms) VALUES (?1, ?2, ?3, ?3)",
            params![name(agent), first_ms, now_ms],
        )?;
    }
    let mut first = 0;
    while first < operations {
        let end = operations.min(first + TRANSACTION_ROWS);
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO agent_operations (agent_id, operation_type, command, peer, place, state, instance,
               started_at_ms, took_us, exit_code, stdout, stderr)
             VALUES (?1, ?2, ?3, '127.0.0.1', ?4, 'done', 'bench/1/1', ?5, ?6, 0, ?7, '')",
        )?;
        for operation in first..end {
            // Of each ten four are single commands, and six are two pipelines.
            let (run, place) = match operation % 10 {
                single @ 0..4 => (operation / 10 * 6 + single, None),
                step => (operation / 10 * 6 + 4 + (step - 4) / 3, Some((step - 4) % 3)),
            };
            let agent = if run % 2 == 0 { 0 } else { 1 + run / 2 % (AGENTS - 1) };
            let operation_type = if place.is_some() { "pipeline" } else { "run_bash" };
            insert.execute(params![
                name(agent),
                operation_type,
                format!("systemctl is-active sensor-{} && df --output=pcent /", operation % 97),
                place.unwrap_or_default(),
                first_ms + i64::from(operation) * BETWEEN_OPERATIONS_MS,
                1500 + operation % 4000,
                format!("active\nUse%\n {}%", operation % 100),
            ])?;
        }
        drop(insert);
        transaction.commit()?;
        first = end;
    }
    Ok(())
}
