//! `porta stress`: the main job.

use std::fs::OpenOptions;
use std::path::Path;

use serde_json::json;
use tokio::sync::watch;

use super::display::{Display, Screens, event_line};
use super::orders::Order;
use super::progress::Writer;
use super::run_place::RunPlace;
use super::server_side::Watch;
use super::signals::Signals;
use super::subject::Subject;
use super::{dry_run, generate_data, prepare, to_json, traffic, tune, width, with_store};
use crate::cli::{Stress, StressFormat};
use crate::clock;
use crate::domain::acknowledged::Acknowledged;
use crate::domain::id::RunId;
use crate::domain::progress::Progress;
use crate::domain::report::{Circumstances, Report};
use crate::domain::rows::Rows;
use crate::domain::run::{Plan, RunStatus};
use crate::domain::validity::Verdict;
use crate::exit::{Exit, Failure};
use crate::load::Load;
use crate::load::target::Target;
use crate::machine;
use crate::render::terminal;
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

/// Why a run ends whose server is not there any more.
const GONE: &str = "the server that had started it, and that it measured, has ended";

/// What came of the load.
enum Ended {
    Measured(Box<Measured>),
    /// By a second signal. With what is known of the rows that stay.
    AtOnce(Option<String>),
}

struct Measured {
    report: Report,
    /// Why the rows could not be counted.
    uncounted: Option<Failure>,
    /// What is to be said when a signal ended the counting.
    interrupted: Option<String>,
}

async fn measure(arguments: &Stress, plan: &Plan, db: &Path, store: &Sqlite) -> Result<Exit, Failure> {
    let screens = Screens::start()?;
    let (mut signals, place) = match arguments.for_server {
        None => (Signals::new()?, RunPlace::take(store, plan, arguments.channel).await?),
        Some(run) => (Signals::with_orders()?, RunPlace::adopt(store, run).await?),
    };
    let chosen = tokio::select! {
        chosen = Subject::choose(arguments, db, store) => Some(chosen),
        _ = signals.next() => None,
    };
    let (subject, target) = match chosen {
        Some(Ok(chosen)) => chosen,
        Some(Err(refused)) => {
            place.end_early(RunStatus::Failed, refused.message()).await;
            return Err(refused);
        }
        None => {
            let (status, reason) = stopped_at(&mut signals, None);
            place.end_early(status, &reason).await;
            return stopped_at_once(None, &screens).await;
        }
    };
    let run = Run { arguments, plan, store, screens: &screens, id: place.id() };
    match load(run, &mut signals, subject, target).await {
        Ok(Ended::Measured(measured)) => conclude(arguments, place, *measured, &screens, &mut signals).await,
        Ok(Ended::AtOnce(left)) => {
            let (status, reason) = stopped_at(&mut signals, left.as_deref());
            place.give_up(status, &reason).await;
            stopped_at_once(left, &screens).await
        }
        Err(failure) => {
            place.give_up(RunStatus::Failed, failure.message()).await;
            Err(failure)
        }
    }
}

/// What there is of a run from its beginning to its end.
#[derive(Clone, Copy)]
struct Run<'a> {
    arguments: &'a Stress,
    plan: &'a Plan,
    store: &'a Sqlite,
    screens: &'a Screens,
    id: RunId,
}

async fn load(
    run: Run<'_>,
    signals: &mut Signals,
    subject: Subject,
    target: Target,
) -> Result<Ended, Failure> {
    let Run { arguments, plan, store, screens, id } = run;
    let config = traffic::described(subject.config(plan), arguments, &target.traffic);
    let endpoints = target.traffic.endpoint_names();
    let mut display = Display::new(arguments);
    display.start(id, &config, screens).await?;

    let mut server_side = if subject.is_known() { Watch::start(&target, plan).await } else { None };
    let started_at = clock::utc();
    let note = display.note_on_stop();
    let (stop, stopped) = watch::channel(false);
    let mut seconds = 0;
    let on_second = |progress: &Progress| {
        display.progress(progress, screens);
        // Where the generator was late, several have ended.
        while seconds < progress.elapsed as u64 {
            seconds += 1;
            server_side.iter_mut().for_each(Watch::second_ended);
        }
    };
    let mut load = Load::new(*plan, target);
    let measured = tokio::select! {
        measured = load.run(stopped.clone(), on_second) => Some(measured),
        () = stop_on_signal(signals, stop, note, &screens.error) => None,
    };
    display.end(screens).await?;
    let left = |load: Load| rows_left(subject.place_of_rows(), load.entry_ids());
    match measured {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            let rows = left(load).map_or_else(String::new, |left| format!("; {left}"));
            return Err(Failure::new("cannot generate load", format!("{error}{rows}")));
        }
        None => return Ok(Ended::AtOnce(left(load))),
    }
    let cancelled = *stopped.borrow();
    let summary = load.into_summary();
    display.sent(&Progress::at_end(&summary), screens);
    let server = match server_side {
        Some(watch) => watch.finish().await,
        None => Vec::new(),
    };
    let Counted { rows_stored, rows, uncounted, interrupted } =
        count(store, signals, subject, &summary.acknowledged).await;
    let machine = machine::fingerprint();
    let circumstances = Circumstances { started_at, cancelled, config, machine, endpoints, rows_stored };
    let mut report = Report::new(summary, circumstances);
    report.server = server;
    report.rows = (rows.acknowledged > 0).then_some(rows);
    Ok(Ended::Measured(Box::new(Measured { report, uncounted, interrupted })))
}

struct Counted {
    rows_stored: Option<u64>,
    rows: Rows,
    uncounted: Option<Failure>,
    interrupted: Option<String>,
}

/// Counts the rows, unless a signal comes. What was measured stands in any case. A server's order is to end the load, which
/// has ended.
async fn count(
    store: &Sqlite,
    signals: &mut Signals,
    subject: Subject,
    acknowledged: &Acknowledged,
) -> Counted {
    let place = subject.place_of_rows();
    let counted = tokio::select! {
        counted = subject.finish(store, acknowledged) => Some(counted),
        () = signals.next_that_insists() => None,
    };
    let rows = Rows::new(acknowledged);
    match counted {
        Some(Ok((rows_stored, rows))) => Counted { rows_stored, rows, uncounted: None, interrupted: None },
        Some(Err(failure)) => {
            Counted { rows_stored: None, rows, uncounted: Some(failure), interrupted: None }
        }
        None => {
            let note = counting_stopped(signals.order(), place, acknowledged.bounds());
            let rows = rows.noted(&note);
            Counted { rows_stored: None, rows, uncounted: None, interrupted: Some(note) }
        }
    }
}

/// What is to be said of rows that were being counted or deleted.
fn counting_stopped(order: Option<&Order>, place: Option<String>, entry_ids: Option<(u64, u64)>) -> String {
    let why = if let Some(Order::End(Some(why))) = order { format!("{why}: ") } else { String::new() };
    let left = place.zip(entry_ids).map_or_else(String::new, |(place, (first, last))| {
        format!(", and rows of this run may be left in {place}: entry ids {first} to {last}")
    });
    format!("{why}the counting was stopped{left}")
}

/// What is to be said of rows that nobody counts or deletes any more. Between the ids may be some of other clients.
fn rows_left(place: Option<String>, entry_ids: Option<(u64, u64)>) -> Option<String> {
    let (place, (first, last)) = place.zip(entry_ids)?;
    Some(format!(
        "rows of this run were left in {place}: entry ids {first} to {last}, and what was not answered yet"
    ))
}

/// What becomes of a run that was stopped at once, and why.
fn stopped_at(signals: &mut Signals, left: Option<&str>) -> (RunStatus, String) {
    let rows = left.map_or_else(String::new, |left| format!(": {left}"));
    match signals.order() {
        Some(Order::Gone) => (RunStatus::Failed, format!("{GONE}{rows}")),
        Some(Order::End(Some(why))) => (RunStatus::Cancelled, format!("stopped at once, since {why}{rows}")),
        Some(Order::End(None)) | None => (RunStatus::Cancelled, format!("stopped at once{rows}")),
    }
}

async fn stopped_at_once(left: Option<String>, screens: &Screens) -> Result<Exit, Failure> {
    let rows = left.map_or_else(String::new, |left| format!("{left}\n"));
    screens.error.say(format!("{rows}stopped at once: of this run there is no report\n")).await?;
    Ok(Exit::Interrupted)
}

/// Stores and shows the report, and decides the exit code.
async fn conclude(
    arguments: &Stress,
    place: RunPlace<'_>,
    measured: Measured,
    screens: &Screens,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let Measured { mut report, uncounted, interrupted } = measured;
    report.assertions = arguments.fail_on.iter().map(|assertion| assertion.check(&report)).collect();
    let wrong = uncounted.or_else(|| failure(&report));
    let is_cut_short = report.status == RunStatus::Cancelled;
    let order = signals.order().filter(|_| is_cut_short).cloned();
    let is_gone = order == Some(Order::Gone);
    if is_gone {
        report.fail();
    }
    let message = said_of(order, wrong.as_ref());
    let saved = place.end(report.clone(), message.or_else(|| interrupted.clone())).await;
    // A report that cannot be stored is shown all the same: it cannot be made again.
    let not_saved = match saved {
        Ok(saved) => {
            report = saved;
            None
        }
        Err(error) => Some(Failure::new("cannot store the report", error)),
    };
    // Before it is shown: it is there even where nobody reads what is printed.
    let written = match &arguments.output {
        Some(file) => {
            std::fs::write(file, to_json(&report)? + "\n").map_err(|error| cannot_write(file, &error))
        }
        None => Ok(()),
    };
    let text = match arguments.format {
        StressFormat::Text => terminal::report(&report, width()),
        StressFormat::Json => event_line(&json!({ "event": "report", "report": report })),
    };
    let printed = screens.output.print_until_signal(text, signals).await?;
    written?;
    // There is nobody to tell.
    if is_gone {
        return Ok(Exit::Failed);
    }
    if let Some(failure) = wrong.or(not_saved) {
        return Err(failure);
    }
    if let Some(note) = &interrupted {
        screens.error.say(format!("{note}\n")).await?;
    }
    if !printed || interrupted.is_some() {
        return Ok(Exit::Interrupted);
    }
    Ok(match (report.status, report.validity.verdict) {
        (RunStatus::Cancelled, _) => Exit::Interrupted,
        (_, Verdict::Valid) if report.assertions.iter().any(|checked| !checked.passed) => Exit::Broken,
        (_, Verdict::Valid) => Exit::Done,
        _ => Exit::Invalid,
    })
}

/// What a run says of how it has ended, where there is something to say.
fn said_of(order: Option<Order>, wrong: Option<&Failure>) -> Option<String> {
    let early = match order {
        Some(Order::Gone) => Some(GONE.to_owned()),
        Some(Order::End(why)) => why,
        None => None,
    };
    let said: Vec<_> = early.into_iter().chain(wrong.map(|failure| failure.message().to_owned())).collect();
    (!said.is_empty()).then(|| said.join("; "))
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
async fn stop_on_signal(signals: &mut Signals, stop: watch::Sender<bool>, note: &str, screen: &Writer) {
    signals.next().await;
    stop.send_replace(true);
    screen.show(|| note.to_owned());
    signals.next_that_insists().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_may_be_left_are_named_where_they_are_not_the_runs_own() {
        let note = counting_stopped(None, Some("channel 7".into()), Some((2, 401)));
        assert_eq!(
            note,
            "the counting was stopped, and rows of this run may be left in channel 7: entry ids 2 to 401"
        );
        for (place, ids) in [(None, Some((2, 401))), (Some("channel 7".into()), None)] {
            assert_eq!(counting_stopped(None, place.clone(), ids), "the counting was stopped");
            assert_eq!(rows_left(place, ids), None);
        }
        let order = Order::End(Some("the server was stopped".into()));
        let note = counting_stopped(Some(&order), None, None);
        assert_eq!(note, "the server was stopped: the counting was stopped");
    }
}
