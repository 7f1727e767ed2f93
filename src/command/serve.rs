//! `porta serve`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::net::{TcpListener, TcpSocket};

use super::signals::Signals;
use super::{block_on, cannot, cannot_open, prepare, print};
use super::{bridge, set_up_link};
use crate::cli::{CommandLimits, Limits, LogFormat, Serve, StressTestLimits};
use crate::clock;
use crate::domain::observation::ServerStart;
use crate::exit::{Exit, Failure};
use crate::judgement::ThresholdsFile;
use crate::server::bounds::Bounds;
use crate::server::{self, ServeError, retention, root, stress_test};
use crate::store::sqlite::Sqlite;
use crate::store::{MetricsStore as _, SharedStore, Store as _};

/// Connections that wait to be accepted; the system may allow fewer. What is beyond is not refused but lost, and tries
/// again after one second, after three, after seven: all devices of a site may come at once when its power is back.
const BACKLOG: u32 = 4096;

pub fn run(arguments: &Serve, db: &Path, log_format: LogFormat) -> Result<Exit, Failure> {
    if arguments.with_parent {
        set_parent_process_death_signal(Some(Signal::TERM))
            .map_err(|error| Failure::new("cannot tie this server to its parent process", error))?;
    }
    if !arguments.no_migrate {
        prepare(db)?;
    }
    // This thread accepts; the server's workers have runtimes of their own. After a second signal nothing is waited for.
    block_on(serve_until_stopped(arguments, db, log_format))
}

async fn serve_until_stopped(arguments: &Serve, db: &Path, log_format: LogFormat) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let store = Arc::new(
        Sqlite::open(db, arguments.limits.max_queue as usize).map_err(|error| cannot_open(db, &error))?,
    );
    let address = arguments.listen;
    let listener =
        listen(address).map_err(|error| Failure::new(format!("cannot listen on {address}"), error)).map_err(
            |failure| failure.next_step("Stop what listens there, or choose another address with --listen."),
        )?;
    let bound =
        listener.local_addr().map_err(|error| Failure::new("cannot tell the bound address", error))?;
    let bridge = bridge::options(&arguments.bridge, db, bound).await?;
    let root_path = root_path(arguments)?;
    let options = server::Options {
        workers: if arguments.debug { 1 } else { arguments.workers as usize },
        worker_timeout: arguments.worker_timeout,
        shutdown_timeout: arguments.shutdown_timeout,
        bounds: bounds(&arguments.limits, &arguments.bridge.limits),
        bridge,
        root_path: root_path.clone(),
        trusted_proxies: arguments.proxy.trusted_proxy.clone(),
        stress_test: stress_test_options(&arguments.stress_tests, db)?,
        thresholds: ThresholdsFile::new(arguments.criteria.as_deref(), db),
        debug: arguments.debug,
    };
    // Before anybody is told of it: a database that is locked would keep those waiting who come then.
    note_start(&store, &options, arguments).await;
    // A server that another process has for itself gets no visitors.
    let link = if arguments.with_parent { None } else { set_up_link::offer(&*store).await? };
    print(&format!("porta {} listening on http://{bound}\n", env!("CARGO_PKG_VERSION")))?;
    if let Some(link) = link {
        set_up_link::show(&link, bound, &root_path, log_format);
    }
    let shared: SharedStore = Arc::clone(&store) as SharedStore;
    let retention = tokio::spawn(retention::keep(Arc::clone(&shared), arguments.bridge.agent_retention));
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let serving = async {
        // A sender that is gone means stop, too.
        let served = server::serve(listener, shared, options, async { _ = stopping.await }).await;
        retention.abort();
        let closed = store.close().await.map_err(cannot("cannot close the database"));
        served.map_err(|error| ended(db, &error)).and(closed)
    };
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        result = &mut serving => return result.map(|()| Exit::Done),
        name = signals.next() => tracing::info!(signal = name, "stopping; a second signal stops at once"),
    }
    // The receiver is gone only when the server has ended.
    let _ = stop.send(());
    tokio::select! {
        result = serving => result.map(|()| Exit::Done),
        name = signals.next() => {
            tracing::warn!(signal = name, "stopped at once");
            Ok(Exit::Interrupted)
        }
    }
}

fn stress_test_options(limits: &StressTestLimits, db: &Path) -> Result<stress_test::Options, Failure> {
    let failed = |error: std::io::Error| Failure::new("cannot tell where the database is", error);
    Ok(stress_test::Options {
        limits: stress_test::Limits {
            workers: limits.stress_test_max_workers,
            rps: limits.stress_test_max_rps,
            duration: limits.stress_test_max_duration,
        },
        // This one, also where an upgrade has put another in its place.
        executable: "/proc/self/exe".into(),
        database: std::path::absolute(db).map_err(failed)?,
        settling: stress_test::Options::SETTLING,
    })
}

/// Remembers how this server was started, for `porta criteria`. The server is the same without.
async fn note_start(store: &Sqlite, options: &server::Options, arguments: &Serve) {
    let start = ServerStart {
        started_at: clock::utc(),
        workers: u32::try_from(options.workers).unwrap_or(u32::MAX),
        cores: std::thread::available_parallelism()
            .map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        queue_capacity: arguments.limits.max_queue.into(),
        agent_window: arguments.bridge.agent_window,
    };
    if let Err(error) = store.note_start(start).await {
        tracing::warn!(%error, "how this server was started was not noted");
    }
}

fn root_path(arguments: &Serve) -> Result<String, Failure> {
    let path = &arguments.proxy.root_path;
    root::parse(path).map_err(|why| Failure::usage(format!("cannot serve below {path}: {why}")))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait until the system has forgotten the connections of the server before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn ended(db: &Path, error: &ServeError) -> Failure {
    match error {
        ServeError::Start(error) => Failure::new("cannot start the server", error),
        ServeError::Fault(condition) => {
            Failure::new(format!("stopped answering for {}", db.display()), error)
                .next_step(condition.fault.next_step())
        }
    }
}

fn bounds(limits: &Limits, of_commands: &CommandLimits) -> Bounds {
    Bounds {
        connections: limits.max_connections as usize,
        requests: limits.max_requests as usize,
        bulk_updates: limits.max_bulk_updates as usize,
        head_bytes: limits.max_head,
        body_bytes: limits.max_body,
        bulk_body_bytes: limits.max_bulk_body,
        unsent_bytes: limits.max_unsent,
        commands: of_commands.max_commands as usize,
        commands_per_agent: of_commands.max_agent_commands as usize,
        pipeline_commands: of_commands.max_pipeline as usize,
        command_output_bytes: of_commands.max_output,
        command_timeout: of_commands.max_command_time,
        head_timeout: limits.head_timeout,
        body_timeout: limits.body_timeout,
        send_timeout: limits.send_timeout,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::store::sqlite::QUEUE_CAPACITY;

    #[test]
    fn the_defaults_are_those_that_the_server_has() {
        let cli = Cli::try_parse_from(["porta", "serve"]).expect("arguments");
        let Command::Serve(serve) = cli.command else { panic!("not serve") };
        assert_eq!(bounds(&serve.limits, &serve.bridge.limits), Bounds::DEFAULT);
        assert_eq!(serve.limits.max_queue as usize, QUEUE_CAPACITY);
        let stress_test = stress_test_options(&serve.stress_tests, Path::new("porta.db")).expect("options");
        assert_eq!(stress_test.limits, stress_test::Limits::DEFAULT);
    }
}
