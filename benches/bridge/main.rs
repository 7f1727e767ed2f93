//! What the agent bridge costs, for `scripts/bench`: servers on databases in the current folder, agents on plain connections,
//! and a table of what both sides of each comparison came to.
//!
//! `bridge measure --porta FILE --seconds S` takes S × 25 s and two minutes, and 1 GB of disk for a while. SIGTERM and Ctrl+C
//! end it, and with it its servers.

mod agents;
mod client;
mod commands;
mod figures;
mod history;
mod server;
mod status;

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use self::server::Server;

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: bridge measure --porta FILE --seconds S";

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
    let rounds = 2 * seconds as usize + 1;
    let server = Server::start(porta, 0)?;
    let mut rows = status::compare(&server, Duration::from_secs(seconds.into()))?;
    rows.extend(history::compare(porta, rounds)?);
    for parallel in [1, 4] {
        rows.push(commands::compare(&server, parallel, rounds)?);
    }
    rows.extend(agents::beside_sleepers(&server)?);
    rows.extend(agents::headline(&server)?);
    figures::print(&rows);
    Ok(())
}

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Notes a signal. The next measurement then fails, and whoever has a server ends it.
fn stop_at_a_signal() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _within = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
        });
        STOPPED.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Fails once there was a signal.
fn go_on() -> Result<(), Failure> {
    if STOPPED.load(Ordering::Relaxed) { Err("stopped by a signal".into()) } else { Ok(()) }
}

#[allow(clippy::disallowed_methods, reason = "the clients share no code with porta, its clock included")]
fn now() -> Instant {
    Instant::now()
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

/// Does something until the time is over; returns how many milliseconds each took.
fn repeated(duration: Duration, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
    let mut took = vec![];
    let until = now() + duration;
    while now() < until {
        let begun = now();
        work()?;
        took.push(milliseconds(begun.elapsed()));
    }
    Ok(took)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
