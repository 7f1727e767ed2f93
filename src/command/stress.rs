//! `porta stress`: the main job.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use tokio::sync::watch;

use super::private_server::{Options, PrivateServer};
use super::run_place::RunPlace;
use super::server_side::Watch;
use super::signals::Signals;
use super::{
    dry_run, generate_data, prepare, print, reconcile, stderr_is_terminal, to_json, traffic, tune, width,
    with_store,
};
use crate::cli::{Stress, StressFormat};
use crate::clock;
use crate::domain::acknowledged::Acknowledged;
use crate::domain::id::ChannelId;
use crate::domain::progress::Progress;
use crate::domain::report::{Circumstances, Report};
use crate::domain::rows::Rows;
use crate::domain::run::{Plan, RunStatus};
use crate::domain::run_config::RunConfig;
use crate::domain::validity::Verdict;
use crate::exit::{Exit, Failure};
use crate::load;
use crate::load::target::Target;
use crate::machine;
use crate::render::{live, terminal};
use crate::store::sqlite::Sqlite;

pub fn run(arguments: &Stress, db: &Path) -> Result<Exit, Failure> {
    if let Some(size) = arguments.generate_data {
        return generate_data::run(arguments, size, db);
    }
    let plan = arguments.plan().map_err(|why| Failure::usage(format!("cannot make this run: {why}")))?;
    if arguments.dry_run {
        return dry_run::show(arguments, &plan);
    }
    // First: what cannot take the report should not be found out after the run.
    prepare(db)?;
    check_output(arguments)?;
    if !arguments.tune_workers.is_empty() {
        return with_store(db, async |store| tune::run(arguments, &plan, db, store).await);
    }
    with_store(db, async |store| measure(arguments, &plan, db, store).await)
}

fn check_output(arguments: &Stress) -> Result<(), Failure> {
    let Some(file) = &arguments.output else { return Ok(()) };
    let opened = OpenOptions::new().append(true).create(true).open(file);
    opened.map(drop).map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write the report to {}", file.display()), error)
}

async fn measure(arguments: &Stress, plan: &Plan, db: &Path, store: &Sqlite) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let place = RunPlace::take(store, plan, arguments.channel).await?;
    let chosen = tokio::select! {
        chosen = Subject::choose(arguments, db, store) => Some(chosen),
        _ = signals.next() => None,
    };
    let (subject, target) = match chosen {
        Some(Ok(chosen)) => chosen,
        not_begun => {
            place.withdraw().await;
            return not_begun.map_or(Ok(stopped_at_once()), |refused| refused.map(|_| Exit::Failed));
        }
    };
    match load(arguments, plan, store, &mut signals, subject, target).await {
        Ok(Some((report, uncounted))) => conclude(arguments, place, report, uncounted).await,
        Ok(None) => {
            place.give_up(RunStatus::Cancelled, "stopped at once").await;
            Ok(stopped_at_once())
        }
        Err(failure) => {
            place.give_up(RunStatus::Failed, failure.message()).await;
            Err(failure)
        }
    }
}

/// Makes the run. Returns its report and why its rows could not be counted, or nothing when it was stopped at once.
async fn load(
    arguments: &Stress,
    plan: &Plan,
    store: &Sqlite,
    signals: &mut Signals,
    subject: Subject,
    target: Target,
) -> Result<Option<(Report, Option<Failure>)>, Failure> {
    let config = traffic::described(subject.config(plan), arguments, &target.traffic);
    let endpoints = target.traffic.endpoint_names();
    let mut display = Display::new(arguments);
    display.start(&config)?;

    let mut server_side = if subject.is_known() { Watch::start(&target, plan).await } else { None };
    let started_at = clock::utc();
    let note = display.note_on_stop();
    let (stop, stopped) = watch::channel(false);
    let on_second = |progress: &Progress| {
        display.progress(progress);
        server_side.iter_mut().for_each(Watch::second_ended);
    };
    let measured = tokio::select! {
        measured = load::run(*plan, target, stopped.clone(), on_second) => Some(measured),
        () = stop_on_signal(signals, stop, note) => None,
    };
    display.end();
    let Some(measured) = measured else { return Ok(None) };
    let cancelled = *stopped.borrow();
    let summary = measured.map_err(|error| Failure::new("cannot generate load", error))?;
    let server = match server_side {
        Some(watch) => watch.finish().await,
        None => Vec::new(),
    };
    // What was measured stands, whether the rows could be counted or not.
    let counted = tokio::select! {
        counted = subject.finish(store, &summary.acknowledged, arguments.keep_rows) => counted,
        _ = signals.next() => Ok((None, Rows::new(&summary.acknowledged).noted("the counting was stopped"))),
    };
    let (counted, uncounted) = match counted {
        Ok(counted) => (Some(counted), None),
        Err(failure) => (None, Some(failure)),
    };
    let (rows_stored, rows) = counted.unwrap_or_else(|| (None, Rows::new(&summary.acknowledged)));
    let machine = machine::fingerprint();
    let circumstances = Circumstances { started_at, cancelled, config, machine, endpoints, rows_stored };
    let mut report = Report::new(summary, circumstances);
    report.server = server;
    report.rows = (rows.acknowledged > 0).then_some(rows);
    Ok(Some((report, uncounted)))
}

fn stopped_at_once() -> Exit {
    draw("stopped at once: of this run there is no report\n");
    Exit::Interrupted
}

/// Stores and shows the report, and decides the exit code. `uncounted` says why the rows could not be counted.
async fn conclude(
    arguments: &Stress,
    place: RunPlace<'_>,
    mut report: Report,
    uncounted: Option<Failure>,
) -> Result<Exit, Failure> {
    report.assertions = arguments.fail_on.iter().map(|assertion| assertion.check(&report)).collect();
    let wrong = uncounted.or_else(|| failure(&report));
    let saved = place.end(report.clone(), wrong.as_ref().map(|failure| failure.message().to_owned())).await;
    // A report that cannot be stored is shown all the same: it cannot be made again.
    let not_saved = match saved {
        Ok(saved) => {
            report = saved;
            None
        }
        Err(error) => Some(Failure::new("cannot store the report", error)),
    };
    match arguments.format {
        StressFormat::Text => print(&terminal::report(&report, width()))?,
        StressFormat::Json => print_event(&json!({ "event": "report", "report": report }))?,
    }
    if let Some(file) = &arguments.output {
        std::fs::write(file, to_json(&report)? + "\n").map_err(|error| cannot_write(file, &error))?;
    }
    if let Some(failure) = wrong.or(not_saved) {
        return Err(failure);
    }
    Ok(match (report.status, report.validity.verdict) {
        (RunStatus::Cancelled, _) => Exit::Interrupted,
        (_, Verdict::Valid) if report.assertions.iter().any(|checked| !checked.passed) => Exit::Broken,
        (_, Verdict::Valid) => Exit::Done,
        _ => Exit::Invalid,
    })
}

/// What makes a run a failure rather than an answer.
fn failure(report: &Report) -> Option<Failure> {
    let url = &report.config.base_url;
    if let Some(wrong) = report.unaccounted() {
        return Some(Failure::new(format!("{url} does not keep what it acknowledges"), wrong));
    }
    let reason = report.failure_reason()?;
    Some(
        Failure::new(format!("cannot measure {url}"), reason)
            .next_step("Is the server running, and is this its address?"),
    )
}

/// Turns `stop` true on the first signal, and is ready on the second.
async fn stop_on_signal(signals: &mut Signals, stop: watch::Sender<bool>, note: &str) {
    signals.next().await;
    stop.send_replace(true);
    draw(note);
    signals.next().await;
}

/// What is measured.
enum Subject {
    Private(Box<PrivateServer>),
    /// With the channel as --db has it, or why its rows cannot be counted.
    Given {
        url: String,
        channel: Option<ChannelId>,
        rows: Result<reconcile::Channel, String>,
    },
}

impl Subject {
    async fn choose(arguments: &Stress, db: &Path, store: &Sqlite) -> Result<(Self, Target), Failure> {
        if arguments.wants_private_server() {
            let options = Options { with_bridge: arguments.agents.is_some(), ..Options::default() };
            let server = PrivateServer::start(db, options).await?;
            let (destination, traffic) = match &server.bridge_token {
                None => traffic::updates(&server.url, server.write_key.reveal())?,
                Some(token) => traffic::agents(&server.url, token.reveal())?,
            };
            let target = traffic::resolve(&server.url, &destination, traffic).await?;
            return Ok((Self::Private(Box::new(server)), target));
        }
        let url = arguments.url_or_default();
        let (destination, traffic) = traffic::of(arguments, url)?;
        let target = traffic::resolve(url, &destination, traffic).await?;
        let rows = match &arguments.api_key {
            _ if arguments.agents.is_some() => Err("agents write no rows".into()),
            _ if arguments.custom.is_given() => Err("what such requests write is not known".into()),
            Some(api_key) => reconcile::Channel::find(store, api_key).await,
            None => Err("there is no key of a channel".into()),
        };
        let channel = arguments.channel.or_else(|| rows.as_ref().ok().map(reconcile::Channel::id));
        Ok((Self::Given { url: target.traffic.base_url.clone(), channel, rows }, target))
    }

    fn config(&self, plan: &Plan) -> RunConfig {
        match self {
            Self::Private(server) => RunConfig::new(plan, server.url.clone(), true, Some(server.channel)),
            Self::Given { url, channel, .. } => RunConfig::new(plan, url.clone(), false, *channel),
        }
    }

    /// Whether it is a porta for certain, and takes one request more than the load.
    fn is_known(&self) -> bool {
        matches!(self, Self::Private(_) | Self::Given { rows: Ok(_), .. })
    }

    /// Ends what was started, and counts the rows where that is possible.
    async fn finish(
        self,
        store: &Sqlite,
        acknowledged: &Acknowledged,
        keep_rows: bool,
    ) -> Result<(Option<u64>, Rows), Failure> {
        match self {
            Self::Private(server) => {
                // Agents write no rows.
                let counts = server.bridge_token.is_none();
                let (stored, rows) = server.finish(acknowledged).await?;
                Ok((counts.then_some(stored), rows))
            }
            Self::Given { rows: Ok(channel), .. } => {
                let rows = channel.settle(store, acknowledged, keep_rows).await?;
                Ok((rows.missing.map(|missing| rows.acknowledged - missing), rows))
            }
            Self::Given { rows: Err(why), .. } => Ok((None, Rows::new(acknowledged).noted(why))),
        }
    }
}

/// Where progress is shown.
enum Display {
    Quiet,
    Events,
    Lines,
    /// A block that is drawn over itself.
    Block(live::Block),
}

impl Display {
    fn new(arguments: &Stress) -> Self {
        match arguments.format {
            StressFormat::Json if arguments.quiet => Self::Quiet,
            StressFormat::Json => Self::Events,
            StressFormat::Text if arguments.quiet => Self::Quiet,
            StressFormat::Text if stderr_is_terminal() && !dumb_terminal() => {
                Self::Block(live::Block::default())
            }
            StressFormat::Text => Self::Lines,
        }
    }

    fn start(&self, config: &RunConfig) -> Result<(), Failure> {
        match self {
            Self::Quiet => {}
            Self::Events => print_event(&json!({ "event": "start", "config": config }))?,
            Self::Lines | Self::Block(_) => {
                let private = if config.private_server { "a private server, " } else { "" };
                let channel = config.channel_id.map_or_else(String::new, |id| format!("channel {id}, "));
                draw(&format!("porta stress → {private}{}\n  {channel}{}\n", config.target(), config.load()));
            }
        }
        Ok(())
    }

    fn progress(&mut self, progress: &Progress) {
        match self {
            Self::Quiet => {}
            Self::Events => {
                // Only a reader that is gone makes this fail, and the report will say so.
                let _ = print_event(&json!({ "event": "progress", "progress": progress }));
            }
            Self::Lines => draw(&(live::line(progress) + "\n")),
            Self::Block(block) => draw(&block.draw(progress, window())),
        }
    }

    /// What to add when the run is ended early. The block is drawn over itself, and would be torn by a line of text.
    fn note_on_stop(&self) -> &'static str {
        match self {
            Self::Lines => "ending early: answers are waited for; a second signal ends at once\n",
            Self::Quiet | Self::Events | Self::Block(_) => "",
        }
    }

    /// Takes the block away: the report says it all.
    fn end(&mut self) {
        if let Self::Block(block) = self {
            draw(&block.clear(window()));
        }
    }
}

/// The terminal on standard error, as it is now.
fn window() -> live::Window {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(live::Window::default(), |(width, height)| {
        live::Window { columns: usize::from(width.0), rows: usize::from(height.0) }
    })
}

/// Progress goes to standard error; if nobody reads it there, nothing is lost.
fn draw(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn print_event(event: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{event}\n"))
}

#[allow(clippy::disallowed_methods, reason = "TERM describes the terminal; it is no setting of porta's")]
fn dumb_terminal() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}
