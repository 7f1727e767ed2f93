//! `run_bash` against a bare spawn.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::client::{Client, Request};
use crate::figures::{Goal, Row, interleaved, percentile};
use crate::server::Server;
use crate::{Failure, in_parallel, repeated};

/// Short rounds in turn, and many: whatever else runs on the machine then hits both sides.
const ROUND: Duration = Duration::from_millis(500);
const COMMAND: &str = "echo hello";
/// What porta lets a command have of an environment, beside its folder.
const ENVIRONMENT: [(&str, &str); 4] =
    [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("HOME", "/tmp"), ("TMPDIR", "/tmp")];

pub fn compare(server: &Server, parallel: usize, rounds: usize) -> Result<Row, Failure> {
    let request = Request::post("/run_bash", &json!({ "cmd": COMMAND, "agent_id": "alpha" }), "\"hello\"");
    let measure = |side: usize| {
        let took = in_parallel(parallel, |_| {
            let mut client = Client::open(server)?;
            repeated(ROUND, || if side == 0 { spawn() } else { client.ask(&request).map(drop) })
        });
        Ok([percentile(took?.concat(), 50)])
    };
    // What runs commands is started when it is needed first.
    measure(1)?;
    let what = format!("ms of a bare spawn and of run_bash, {parallel} at a time");
    let [[bare], [bridged]] = interleaved(&what, rounds, measure)?;
    Ok(Row {
        figure: format!("run_bash `{COMMAND}`, {parallel} at a time, p50"),
        value: bridged,
        against: bare,
        unit: "ms",
        goal: Goal::AtMost(1.3),
        note: "the same started, read and waited for by the benchmark itself",
    })
}

/// As a program does that knows of no limits.
fn spawn() -> Result<(), Failure> {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", COMMAND]).env_clear().envs(ENVIRONMENT).stdin(Stdio::null());
    let output = command.output()?;
    if output.stdout == b"hello\n" { Ok(()) } else { Err("the bare command says something else".into()) }
}
