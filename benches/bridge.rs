//! What the agent bridge costs, for `scripts/bench`: servers on databases in the current folder, agents on plain connections,
//! and a table of what both sides of each comparison came to.
//!
//! `bridge measure --porta FILE --seconds S` takes some S × 10 s and two minutes more, and 700 MB of disk for a while.
//! SIGTERM ends it, and its servers.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection as Database, TransactionBehavior, params};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, kill_process, pidfd_open};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: bridge measure --porta FILE --seconds S";
const TOKEN: &str = "3f9c51d27ab8460e9d1c7e52f8a604b3";
/// How long a server takes to start or to end, and an answer to come.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
const ANSWER_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const AGENTS: usize = 5;
const STATUS_REPEATS: usize = 5;
/// Operations of the two databases whose histories are compared, half of them of one agent. porta keeps no more.
const OPERATIONS: [u64; 2] = [6_000, 1_000_000];
const OPERATION_AGENTS: u64 = 20;
const TRANSACTION_ROWS: u64 = 10_000;
/// Short rounds in turn, and many: what else runs on the machine then hits both sides.
const ROUND: Duration = Duration::from_millis(500);
const COMMAND: &str = "echo hello";
/// What porta lets a command have of an environment.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];

/// What each agent asks for in turn; the first is what is looked at.
const MIX: usize = 5;
/// Of one agent: 25 commands a second of all of them, which leaves both cores time.
const AGENT_INTERVAL: Duration = Duration::from_millis(100);
const UPDATE_INTERVAL: Duration = Duration::from_millis(100);
const PACED_ROUNDS: usize = 7;
const PACED: Duration = Duration::from_secs(4);
const SLEEPERS: usize = 20;
/// Agents of the sleepers, with fewer each than an agent may run.
const SLEEPER_AGENTS: usize = 4;

const HEADLINE_REQUESTS: usize = 100;
const HEADLINE_PARALLEL: usize = 10;
const HEADLINE_REPEATS: usize = 9;
/// What the older owners got, on their machine: average and p95 in milliseconds, CV in percent.
const HEADLINE_OLDER: [f64; 3] = [998.70, 1813.52, 33.3];

static STOPPED: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["measure", "--porta", porta, "--seconds", seconds] => {
            stop_at_a_signal()?;
            measure(&Path::new(porta).canonicalize()?, seconds.parse()?)
        }
        ["measure", ..] => Err(USAGE.into()),
        // `cargo bench` and `cargo test` start every benchmark, with arguments of their own.
        _ => Ok(()),
    }
}

fn measure(porta: &Path, seconds: u32) -> Result<(), Failure> {
    let rounds = (seconds * 2).max(3) as usize;
    let server = Server::start(porta, 0)?;
    let mut rows = status(&server, Duration::from_secs(seconds.into()))?;
    rows.extend(history(porta, rounds)?);
    for parallel in [1, 4] {
        rows.push(run_bash(&server, parallel, rounds)?);
    }
    rows.extend(beside_sleepers(&server)?);
    rows.extend(headline(&server)?);
    print(&rows);
    Ok(())
}

// --- figures ---

struct Row {
    figure: String,
    value: f64,
    against: f64,
    unit: &'static str,
    goal: Goal,
    note: &'static str,
}

/// Of the ratio.
enum Goal {
    None,
    AtLeast(f64),
    AtMost(f64),
}

#[allow(clippy::print_stdout, reason = "it is the result")]
fn print(rows: &[Row]) {
    let line = |[figure, value, against, ratio, goal, verdict, note]: [&str; 7]| {
        println!("{figure:<52} {value:>14} {against:>14} {ratio:>8}  {goal:<8} {verdict:<8} {note}");
    };
    println!("\nThe agent bridge\n");
    line(["figure", "value", "against", "ratio", "goal", "", "against what"]);
    for row in rows {
        let figure = |value: f64| match row.unit {
            "rps" => format!("{value:.0} rps"),
            unit => format!("{value:.3} {unit}"),
        };
        let ratio = row.value / row.against;
        let (goal, is_met) = match row.goal {
            Goal::None => ("-".to_owned(), None),
            Goal::AtLeast(least) => (format!(">= {least}"), Some(ratio >= least)),
            Goal::AtMost(most) => (format!("<= {most}"), Some(ratio <= most)),
        };
        let verdict = is_met.map_or("-", |is_met| if is_met { "met" } else { "NOT MET" });
        let (value, against) = (figure(row.value), figure(row.against));
        line([&row.figure, &value, &against, &format!("{ratio:.3}"), &goal, verdict, row.note]);
    }
}

#[allow(clippy::print_stderr, reason = "it is progress")]
fn say(text: &str) {
    eprintln!("bridge: {text}");
}

/// Measures each side in turn, again and again; returns the medians of each side's figures.
fn interleaved<const SIDES: usize, const FIGURES: usize>(
    what: &str,
    repeats: usize,
    mut measure: impl FnMut(usize) -> Result<[f64; FIGURES], Failure>,
) -> Result<[[f64; FIGURES]; SIDES], Failure> {
    let mut all = vec![];
    for repeat in 1..=repeats {
        let mut sides = [[0.0; FIGURES]; SIDES];
        // The order changes, since one side leaves the machine warm for the next.
        for place in 0..SIDES {
            let side = if repeat % 2 == 0 { place } else { SIDES - 1 - place };
            sides[side] = measure(side)?;
        }
        say(&format!("{what}, {repeat} of {repeats}: {sides:.3?}"));
        all.push(sides);
    }
    let median = |side: usize, figure: usize| {
        percentile(&mut all.iter().map(|sides| sides[side][figure]).collect::<Vec<f64>>(), 50)
    };
    Ok(std::array::from_fn(|side| std::array::from_fn(|figure| median(side, figure))))
}

/// The nearest rank; 0 of nothing.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or_default()
}

/// What the threads return, in their order.
fn in_parallel<T: Send>(
    threads: usize,
    work: impl Fn(usize) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads).map(|place| scope.spawn(move || work(place))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
    })
}

#[allow(clippy::disallowed_methods, reason = "the clients share no code with porta, its clock included")]
fn now() -> Instant {
    Instant::now()
}

/// Does something until the time is over; returns how many milliseconds each took.
fn repeated(duration: Duration, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
    let mut took = vec![];
    let until = now() + duration;
    while now() < until {
        if STOPPED.load(Ordering::Relaxed) {
            return Err("stopped".into());
        }
        let begun = now();
        work()?;
        took.push(milliseconds(begun.elapsed()));
    }
    Ok(took)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

// --- comparisons ---

fn status(server: &Server, duration: Duration) -> Result<Vec<Row>, Failure> {
    let requests = |agent: &str| {
        let by_query = Request::get(&format!("/agent/status?agent_id={agent}"), "\"status\":\"ok\"");
        let by_body = Request::post("/agent/status", &json!({ "agent_id": agent }), "\"status\":\"ok\"");
        [Request::get("/health", ""), by_query, by_body]
    };
    let rate = |side: usize| {
        let asked = in_parallel(AGENTS, |place| {
            let (mut client, requests) = (Client::open(server)?, requests(&format!("agent-{place}")));
            Ok(repeated(duration, || client.ask(&requests[side]).map(drop))?.len())
        });
        Ok([asked?.iter().sum::<usize>() as f64 / duration.as_secs_f64()])
    };
    let [[health], [by_query], [by_body]] =
        interleaved("/health, /agent/status by query and by body", STATUS_REPEATS, rate)?;
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

fn history(porta: &Path, rounds: usize) -> Result<Vec<Row>, Failure> {
    let [few, many] = OPERATIONS;
    let servers = [Server::start(porta, few)?, Server::start(porta, many)?];
    let mut rows = vec![];
    for (what, of_type) in [("of all types", None), ("of one type", Some("run_bash"))] {
        let requests: Vec<_> = (0..OPERATION_AGENTS)
            .map(|agent| {
                let body = json!({ "agent_id": operation_agent(agent), "limit": 20, "operation_type": of_type });
                Request::post("/agent/history", &body, "\"timestamp\":")
            })
            .collect();
        let [[of_few], [of_many]] = interleaved(&format!("/agent/history {what}"), rounds, |side| {
            let mut client = Client::open(&servers[side])?;
            let mut agents = requests.iter().cycle();
            let mut took = repeated(ROUND, || {
                let answer = client.ask(agents.next().ok_or("no agent")?)?;
                let operations = answer.matches("\"timestamp\":").count();
                if operations == 20 { Ok(()) } else { Err(format!("{operations} operations").into()) }
            })?;
            Ok([percentile(&mut took, 50)])
        })?;
        rows.push(Row {
            figure: format!("/agent/history {what}, {many} operations, p50"),
            value: of_many,
            against: of_few,
            unit: "ms",
            goal: Goal::AtMost(1.2),
            note: "6000 operations; the older bridge: 6.9 ms there, 132 ms at a million",
        });
    }
    Ok(rows)
}

fn run_bash(server: &Server, parallel: usize, rounds: usize) -> Result<Row, Failure> {
    let request = Request::post("/run_bash", &json!({ "cmd": COMMAND, "agent_id": "alpha" }), "\"hello\"");
    let measure = |side: usize| {
        let took = in_parallel(parallel, |_| {
            let mut client = Client::open(server)?;
            repeated(ROUND, || if side == 0 { spawn() } else { client.ask(&request).map(drop) })
        });
        Ok([percentile(&mut took?.concat(), 50)])
    };
    // What runs commands is started when it is needed first.
    measure(1)?;
    let [[bare], [bridged]] = interleaved(&format!("{parallel} at a time, bare and run_bash"), rounds, measure)?;
    Ok(Row {
        figure: format!("run_bash `{COMMAND}`, {parallel} at a time, p50"),
        value: bridged,
        against: bare,
        unit: "ms",
        goal: Goal::AtMost(1.3),
        note: "the same command started, read and waited for by this process",
    })
}

/// As a program does that knows nothing of limits.
fn spawn() -> Result<(), Failure> {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", COMMAND]).env_clear().envs(ENVIRONMENT).stdin(Stdio::null());
    let output = command.output()?;
    if output.stdout == b"hello\n" { Ok(()) } else { Err("the bare command said something else".into()) }
}

/// Status, a command, a pipeline of two, `/meta` and `/public_url`.
fn mix(agent: usize) -> [Request; MIX] {
    let agent = format!("agent-{agent}");
    let pipeline = json!({ "agent_id": agent, "commands": ["echo one", "echo two"] });
    [
        Request::get(&format!("/agent/status?agent_id={agent}"), "\"status\":\"ok\""),
        Request::post("/run_bash", &json!({ "cmd": COMMAND, "agent_id": agent }), "\"hello\""),
        Request::post("/agent/pipeline", &pipeline, "\"executed_commands\":2"),
        Request::get("/meta", "\"uptime\""),
        Request::get("/public_url", "\"available\""),
    ]
}

fn beside_sleepers(server: &Server) -> Result<Vec<Row>, Failure> {
    let [idle, busy] = interleaved("status and /update p95, alone and beside sleepers", PACED_ROUNDS, |side| {
        let jobs = if side == 0 { vec![] } else { begin_sleepers(server)? };
        let latencies = paced_mix(server)?;
        await_end(server, &jobs)?;
        Ok(latencies)
    })?;
    let row = |what: &str, figure: usize| Row {
        figure: format!("{what} p95 beside {SLEEPERS} pipelines of sleep 5"),
        value: busy[figure],
        against: idle[figure],
        unit: "ms",
        goal: Goal::AtMost(1.5),
        note: "without the pipelines; five agents at 10 rps each, updates at 10 rps; from when each was due",
    };
    Ok(vec![row("/agent/status", 0), row("/update", 1)])
}

/// p95 of status and of updates, from when each was due.
fn paced_mix(server: &Server) -> Result<[f64; 2], Failure> {
    let sent = in_parallel(AGENTS + 1, |place| {
        if place == AGENTS {
            return paced(server, &[server.update()], UPDATE_INTERVAL, Duration::ZERO);
        }
        let mut requests = mix(place);
        // Each begins with another, so that all the time there is some of each.
        requests.rotate_left(place);
        let first = AGENT_INTERVAL * place as u32 / AGENTS as u32;
        let all = paced(server, &requests, AGENT_INTERVAL, first)?;
        Ok(all.into_iter().skip(MIX - place).step_by(MIX).collect())
    })?;
    let (updates, of_agents) = sent.split_last().ok_or("nothing was sent")?;
    Ok([percentile(&mut of_agents.concat(), 95), percentile(&mut updates.clone(), 95)])
}

/// Sends requests in turn, the first one after `first`; returns milliseconds from when each was due.
#[allow(clippy::disallowed_methods, reason = "it sends when it is time")]
fn paced(
    server: &Server,
    requests: &[Request],
    interval: Duration,
    first: Duration,
) -> Result<Vec<f64>, Failure> {
    let mut client = Client::open(server)?;
    let begun = now() + first;
    let count = PACED.div_duration_f64(interval) as u32;
    let mut latencies = vec![];
    for (request, arrival) in requests.iter().cycle().zip(0..count) {
        let due = begun + interval * arrival;
        thread::sleep(due.saturating_duration_since(now()));
        client.ask(request)?;
        latencies.push(milliseconds(due.elapsed()));
    }
    Ok(latencies)
}

/// Returns the paths of the jobs.
fn begin_sleepers(server: &Server) -> Result<Vec<String>, Failure> {
    let mut client = Client::open(server)?;
    let begin = |place: usize| {
        let agent = format!("sleeper-{}", place % SLEEPER_AGENTS);
        let body = json!({ "agent_id": agent, "commands": ["sleep 5"] });
        let request = Request::post_asynchronous("/agent/pipeline", &body);
        let answer = client.ask(&request)?;
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        Ok(location.ok_or("no location")?.to_owned())
    };
    (0..SLEEPERS).map(begin).collect()
}

#[allow(clippy::disallowed_methods, reason = "a job is asked about now and then")]
fn await_end(server: &Server, jobs: &[String]) -> Result<(), Failure> {
    let mut client = Client::open(server)?;
    let mut running = |job: &String| {
        Ok::<_, Failure>(client.ask(&Request::get(job, "\"state\":"))?.contains("\"state\":\"running\""))
    };
    let mut over_early = 0;
    for job in jobs {
        over_early += usize::from(!running(job)?);
    }
    if over_early > 0 {
        say(&format!("{over_early} of {SLEEPERS} pipelines were over before the round was"));
    }
    let until = now() + ANSWER_MAX;
    for job in jobs {
        while running(job)? {
            if now() > until {
                return Err("a pipeline does not end".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn headline(server: &Server) -> Result<Vec<Row>, Failure> {
    let requests: Vec<_> = (0..AGENTS).flat_map(mix).collect();
    let [figures] = interleaved("100 requests, 10 in parallel: average, p95, CV", HEADLINE_REPEATS, |_| {
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
        let mut took = took?.concat();
        let mean = took.iter().sum::<f64>() / took.len() as f64;
        let variance = took.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / (took.len() - 1) as f64;
        Ok([mean, percentile(&mut took, 95), 100.0 * variance.sqrt() / mean])
    })?;
    let row = |(place, (what, unit)): (usize, (&str, &'static str))| Row {
        figure: format!("{HEADLINE_REQUESTS} requests of the mix, {HEADLINE_PARALLEL} in parallel, {what}"),
        value: figures[place],
        against: HEADLINE_OLDER[place],
        unit,
        goal: Goal::None,
        note: "what the older owners got, on their machine",
    };
    Ok([("average", "ms"), ("p95", "ms"), ("CV", "%")].into_iter().enumerate().map(row).collect())
}

// --- servers ---

/// A server on a database of its own. It is ended when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    key: String,
    _folder: TempDir,
}

impl Server {
    /// With one channel, and so many operations of the past.
    fn start(porta: &Path, operations: u64) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(".")?;
        let path = folder.path().canonicalize()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(porta);
            command.args(arguments).args(["--log-level", "warn"]).current_dir(&path).env_clear();
            command.env("PORTA_TOKEN", TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
            command
        };
        let created = command(&["admin", "channel", "create", "bench", "--format", "json"]).output()?;
        let created: Value = serde_json::from_slice(&created.stdout)?;
        let key = created["write_api_key"].as_str().ok_or("the channel has no key")?.to_owned();
        if operations > 0 {
            fill(&path.join("porta.db"), operations)?;
        }
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--exec", "shell"];
        if geteuid().is_root() {
            arguments.push("--exec-allow-root");
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child: command(&arguments).spawn()?, address, key, _folder: folder };
        server.address = server.announced()?;
        Ok(server)
    }

    /// The address in the first line of its output.
    fn announced(&mut self) -> Result<SocketAddr, Failure> {
        let stdout = self.child.stdout.take().ok_or("the server has no output")?;
        poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&PATIENCE))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().rsplit_once("http://").ok_or("the server did not start")?.1;
        Ok(address.parse()?)
    }

    fn update(&self) -> Request {
        let body = format!("api_key={}&field1=21.5", self.key);
        Request::new("POST", "/update", "Content-Type: application/x-www-form-urlencoded\r\n", &body, "200 OK")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // It may have ended already.
        let _ = kill_process(pid, Signal::TERM);
        if let Ok(end) = pidfd_open(pid, PidfdFlags::empty()) {
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&PATIENCE));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
