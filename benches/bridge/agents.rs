//! Agents that ask for a bit of everything: beside slow commands, and as many at a time as in the older owners' test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::client::{ANSWER_MAX, Client, Request};
use crate::figures::{Goal, Row, interleaved, percentile, say};
use crate::server::Server;
use crate::{Failure, in_parallel, milliseconds, now};

const AGENTS: usize = 5;
/// Requests of the mix.
const MIX: usize = 5;

/// Between two requests of an agent. All of them together start 30 commands a second, which leaves both cores time.
const AGENT_INTERVAL: Duration = Duration::from_millis(100);
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// Less than the sleepers sleep.
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 7;
const SLEEPERS: usize = 20;
/// Who asks for them; an agent has 8 at most.
const SLEEPER_AGENTS: usize = 4;

const HEADLINE_REQUESTS: usize = 100;
const HEADLINE_PARALLEL: usize = 10;
const HEADLINE_REPEATS: usize = 9;
/// Average and p95 in milliseconds, and CV in percent, as the older owners have published them.
const HEADLINE_OLDER: [f64; 3] = [998.70, 1813.52, 33.3];

/// Status first, which is looked at; then a command, a pipeline of two, `/meta` and `/public_url`.
fn mix(agent: usize) -> [Request; MIX] {
    let agent = format!("agent-{agent}");
    let pipeline = json!({ "agent_id": agent, "commands": ["echo one", "echo two"] });
    [
        Request::get(&format!("/agent/status?agent_id={agent}"), "\"status\":\"ok\""),
        Request::post("/run_bash", &json!({ "cmd": "echo hello", "agent_id": agent }), "\"hello\""),
        Request::post("/agent/pipeline", &pipeline, "\"executed_commands\":2"),
        Request::get("/meta", "\"uptime\""),
        Request::get("/public_url", "\"available\""),
    ]
}

// --- beside slow commands ---

pub fn beside_sleepers(server: &Server) -> Result<Vec<Row>, Failure> {
    let what = "p95 of status and of updates, alone and beside sleepers";
    let [alone, beside] = interleaved(what, ROUNDS, |side| {
        let jobs = if side == 0 { vec![] } else { begin_sleepers(server)? };
        let latencies = send_mix(server)?;
        await_end(server, &jobs)?;
        Ok(latencies)
    })?;
    let row = |what: &str, figure: usize| Row {
        figure: format!("{what} p95 beside {SLEEPERS} pipelines of `sleep 5`"),
        value: beside[figure],
        against: alone[figure],
        unit: "ms",
        goal: Goal::AtMost(1.5),
        note: "without them; five agents at 10 rps each, updates at 10 rps, from when each was due",
    };
    Ok(vec![row("/agent/status", 0), row("/update", 1)])
}

/// p95 of status and of updates.
fn send_mix(server: &Server) -> Result<[f64; 2], Failure> {
    let mut latencies = in_parallel(AGENTS + 1, |place| {
        if place == AGENTS {
            return send(server, &[Request::update(&server.key)], UPDATE_INTERVAL, Duration::ZERO);
        }
        let mut requests = mix(place);
        // Each begins with another, so that there is some of each all the time.
        requests.rotate_left(place);
        let first_status = (MIX - place) % MIX;
        let begin = AGENT_INTERVAL * u32::try_from(place)? / u32::try_from(AGENTS)?;
        let all = send(server, &requests, AGENT_INTERVAL, begin)?;
        Ok(all.into_iter().skip(first_status).step_by(MIX).collect())
    })?;
    let of_updates = latencies.pop().ok_or("nothing was sent")?;
    Ok([percentile(latencies.concat(), 95), percentile(of_updates, 95)])
}

/// Sends requests in turn, the first one when `begin` is over; returns milliseconds from when each was due.
#[allow(clippy::disallowed_methods, reason = "it waits until a request is due")]
fn send(
    server: &Server,
    requests: &[Request],
    interval: Duration,
    begin: Duration,
) -> Result<Vec<f64>, Failure> {
    let mut client = Client::open(server)?;
    let begun = now() + begin;
    let count = u32::try_from(ROUND.as_millis() / interval.as_millis())?;
    let arrivals = (0..count).zip(requests.iter().cycle());
    arrivals
        .map(|(arrival, request)| {
            let due = begun + interval * arrival;
            thread::sleep(due.saturating_duration_since(now()));
            client.ask(request)?;
            Ok(milliseconds(due.elapsed()))
        })
        .collect()
}

/// Returns the paths of the jobs.
fn begin_sleepers(server: &Server) -> Result<Vec<String>, Failure> {
    let mut client = Client::open(server)?;
    let mut begin = |place: usize| {
        let agent = format!("sleeper-{}", place % SLEEPER_AGENTS);
        let request =
            Request::begin("/agent/pipeline", &json!({ "agent_id": agent, "commands": ["sleep 5"] }));
        let location = client.ask(&request)?.lines().find_map(|line| line.strip_prefix("Location: "));
        Ok(location.ok_or("a job without a location")?.to_owned())
    };
    (0..SLEEPERS).map(&mut begin).collect()
}

#[allow(clippy::disallowed_methods, reason = "a job is asked about now and then")]
fn await_end(server: &Server, jobs: &[String]) -> Result<(), Failure> {
    let mut client = Client::open(server)?;
    let mut is_running = |job: &String| {
        let answer = client.ask(&Request::get(job, "\"state\":"))?;
        Ok::<_, Failure>(answer.contains("\"state\":\"running\""))
    };
    let mut over = 0;
    for job in jobs {
        over += usize::from(!is_running(job)?);
    }
    if over > 0 {
        say(&format!("{over} pipelines were over before their round was"));
    }
    let until = now() + ANSWER_MAX;
    for job in jobs {
        while is_running(job)? {
            if now() > until {
                return Err(format!("{job} does not end").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

// --- the older owners' test ---

pub fn headline(server: &Server) -> Result<Vec<Row>, Failure> {
    let what = format!("average ms, p95 ms, CV % of {HEADLINE_REQUESTS} requests");
    let [figures] = interleaved(&what, HEADLINE_REPEATS, |_| {
        let took = send_in_parallel(server)?;
        let mean = took.iter().sum::<f64>() / took.len() as f64;
        let variance = took.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / took.len() as f64;
        Ok([mean, percentile(took, 95), 100.0 * variance.sqrt() / mean])
    })?;
    let row = |(place, (what, unit)): (usize, (&str, &'static str))| Row {
        figure: format!("{HEADLINE_REQUESTS} requests, {HEADLINE_PARALLEL} in parallel, {what}"),
        value: figures[place],
        against: HEADLINE_OLDER[place],
        unit,
        goal: Goal::None,
        note: "the older owners' own figure, of another machine",
    };
    Ok([("average", "ms"), ("p95", "ms"), ("CV", "%")].into_iter().enumerate().map(row).collect())
}

/// Milliseconds of each request.
fn send_in_parallel(server: &Server) -> Result<Vec<f64>, Failure> {
    let requests: Vec<_> = (0..AGENTS).flat_map(mix).collect();
    let next = AtomicUsize::new(0);
    let took = in_parallel(HEADLINE_PARALLEL, |_| {
        let mut client = Client::open(server)?;
        let mut took = vec![];
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= HEADLINE_REQUESTS {
                return Ok(took);
            }
            let begun = now();
            client.ask(&requests[turn % requests.len()])?;
            took.push(milliseconds(begun.elapsed()));
        }
    });
    Ok(took?.concat())
}
