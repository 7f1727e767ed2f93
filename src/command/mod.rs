//! One file for each subcommand: arguments become a domain value, the core does the work, the result is printed.

mod admin;
mod backup;
mod bridge;
mod criteria;
mod display;
mod dry_run;
mod generate;
mod generate_data;
mod migrate;
mod migration_plan;
mod orders;
mod private_server;
mod progress;
mod reconcile;
mod report;
mod run_place;
mod serve;
mod server_side;
mod signals;
mod stress;
mod subject;
mod traffic;
mod transfer;
mod tune;

use std::fmt::Display;
use std::future::Future;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Cli, Command, Format, LogFormat, LogLevel};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::store::sqlite::migrate::{Migrated, OpenError};
use crate::store::sqlite::{self, QUEUE_CAPACITY, Sqlite};
use crate::store::{Store as _, StoreError};

/// Columns of a report: longer lines are hard to read.
const WIDTH_MAX: usize = 80;

/// Runs the subcommand.
///
/// # Errors
/// What the subcommand could not do, in words for the person who asked.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let db = cli.settings.db.as_path();
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments, db),
        Command::Stress(arguments) => stress::run(&arguments, db),
        Command::Report(arguments) => report::run(&arguments, db),
        Command::Criteria(arguments) => criteria::run(&arguments, db),
        Command::Migrate(arguments) => migrate::run(&arguments, db),
        Command::Admin(arguments) => admin::run(arguments, db),
        Command::Generate(arguments) => generate::run(&arguments),
    }
}

/// Sends the log to standard error.
pub fn start_log(cli: &Cli) {
    let debugging = matches!(&cli.command, Command::Serve(serve) if serve.debug);
    let level = match cli.settings.log_level {
        LogLevel::Warn | LogLevel::Info if debugging => LevelFilter::DEBUG,
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    log::start(level, cli.settings.log_format == LogFormat::Json);
}

/// Allows as many open files as the system lets this user have: a thousand connections pass the usual limit.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}

/// Prints a result on standard output. A reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write the result", error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, or as the table that `table` makes of it.
fn print_as<T: serde::Serialize>(
    format: Format,
    value: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    match format {
        Format::Table => print(&table(value)),
        Format::Json => print(&(to_json(value)? + "\n")),
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new("cannot write JSON", error))
}

/// Runs a subcommand on this thread. What it leaves in the background is not waited for.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new("cannot start the runtime", error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Runs `work` with the database open, and closes it properly whatever came of it.
fn with_store<T>(db: &Path, work: impl AsyncFnOnce(&Sqlite) -> Result<T, Failure>) -> Result<T, Failure> {
    block_on(async {
        let store = Sqlite::open(db, QUEUE_CAPACITY).map_err(|error| cannot_open(db, &error))?;
        let result = work(&store).await;
        let closed = store
            .close()
            .await
            .map_err(|error| Failure::new(format!("cannot close {}", db.display()), error));
        result.and_then(|value| closed.map(|()| value))
    })
}

/// Creates the database or brings it up to date, and says so when it was changed.
fn prepare(db: &Path) -> Result<(), Failure> {
    let migrated = migrate_to_present(db)?;
    if let Some(backup) = migrated.backup {
        tracing::info!(from = migrated.from, backup = %backup.display(), "the database was migrated");
    }
    Ok(())
}

fn migrate_to_present(db: &Path) -> Result<Migrated, Failure> {
    sqlite::migrate::prepare(db).map_err(|error| cannot_open(db, &error))
}

fn cannot_open(db: &Path, error: &OpenError) -> Failure {
    let path = std::path::absolute(db).unwrap_or_else(|_| db.to_owned());
    Failure::new(format!("cannot open {}", path.display()), error).next_step(error.next_step())
}

/// Turns a store's error into a command's. `attempted` is a phrase such as `cannot list runs`.
fn cannot(attempted: impl Display) -> impl Fn(StoreError) -> Failure {
    move |error| Failure::new(&attempted, error)
}

/// Asks on a terminal; elsewhere `yes` has to be said. `consequence` is what whoever says it should know.
fn confirm(yes: bool, what: &str, consequence: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let refused = || Failure::usage(format!("did not {what}: {consequence}; say --yes"));
    if !std::io::stdin().is_terminal() {
        return Err(refused());
    }
    let mut answer = String::new();
    let asked = write!(anstream::stderr(), "This will {what}: {consequence}. Go on? [y/N] ")
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    match asked {
        Ok(_) if answer.trim().eq_ignore_ascii_case("y") => Ok(()),
        _ => Err(refused()),
    }
}

/// Columns for what is printed on standard output: the window's, at most [`WIDTH_MAX`].
fn width() -> usize {
    let window = terminal_size::terminal_size_of(std::io::stdout());
    window.map_or(WIDTH_MAX, |(width, _)| usize::from(width.0).min(WIDTH_MAX))
}

fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
