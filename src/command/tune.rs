//! `porta stress --tune-workers`: the same load on servers that differ in one setting.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::display::{Screens, event_line};
use super::private_server::{Options, PrivateServer};
use super::run_place::RunPlace;
use super::signals::Signals;
use super::{to_json, traffic};
use crate::cli::{Stress, StressFormat};
use crate::clock;
use crate::domain::report::{Circumstances, Report};
use crate::domain::run::Plan;
use crate::domain::run_config::RunConfig;
use crate::domain::tuning::{Figure, REPEATS, Repeat, SETTINGS_MAX, Tuning, rank};
use crate::domain::unit;
use crate::domain::validity::Verdict;
use crate::exit::{Exit, Failure};
use crate::load::Load;
use crate::machine;
use crate::render::tuning;
use crate::store::sqlite::Sqlite;

/// What starting and ending a private server takes, about.
const AROUND: Duration = Duration::from_secs(1);
const ATTEMPT: &str = "cannot tune the workers";

pub async fn run(arguments: &Stress, plan: &Plan, db: &Path, store: &Sqlite) -> Result<Exit, Failure> {
    let settings = settings(&arguments.tune_workers)?;
    let total = (plan.sending_time() + AROUND) * settings.len() as u32 * REPEATS;
    let place = RunPlace::take(store, &Plan { duration: total, ..*plan }, None).await?;
    let mut signals = Signals::new()?;
    let screens = Screens::start()?;
    announce(arguments, plan, &settings, total, &screens).await?;
    // Only the answer is kept: a run is of a server as it is meant to be.
    let measured = tokio::select! {
        measured = measure(arguments, plan, db, &settings, &screens) => Some(measured),
        _ = signals.next() => None,
    };
    place.withdraw().await;
    match measured {
        Some(measured) => conclude(arguments, plan, measured?, &screens, &mut signals).await,
        None => {
            screens.error.say("stopped: settings are compared only after all repeats\n".into()).await?;
            Ok(Exit::Interrupted)
        }
    }
}

/// Each once, in the order in which they were named.
fn settings(named: &[u32]) -> Result<Vec<u32>, Failure> {
    let mut settings: Vec<u32> = Vec::new();
    for workers in named {
        if !settings.contains(workers) {
            settings.push(*workers);
        }
    }
    if settings.len() < 2 {
        return Err(Failure::usage(format!("{ATTEMPT}: name two settings at least, such as 1,2,4,8")));
    }
    if settings.len() > SETTINGS_MAX {
        return Err(Failure::usage(format!("{ATTEMPT}: {SETTINGS_MAX} settings at most are compared")));
    }
    Ok(settings)
}

async fn announce(
    arguments: &Stress,
    plan: &Plan,
    settings: &[u32],
    total: Duration,
    screens: &Screens,
) -> Result<(), Failure> {
    if arguments.format == StressFormat::Json {
        let start =
            json!({ "event": "start", "settings": settings, "repeats": REPEATS, "seconds": total.as_secs() });
        return screens.output.say(event_line(&start)).await;
    }
    if !arguments.quiet {
        let named: Vec<_> = settings.iter().map(u32::to_string).collect();
        let heading = format!(
            "porta stress → private servers with --workers {}\n  {} connections, {}, {REPEATS} repeats of {} in turn: \
             about {} in all\n",
            named.join(", "),
            plan.workers,
            plan.rate,
            unit::duration(plan.duration),
            unit::duration(total),
        );
        screens.error.say(heading).await?;
    }
    Ok(())
}

/// Every setting once in each repeat, each time beginning with another: what changes on the machine meanwhile changes all.
async fn measure(
    arguments: &Stress,
    plan: &Plan,
    db: &Path,
    settings: &[u32],
    screens: &Screens,
) -> Result<Vec<(u32, Vec<Repeat>)>, Failure> {
    let mut measured: Vec<_> = settings.iter().map(|workers| (*workers, Vec::new())).collect();
    for repeat in 0..REPEATS {
        for turn in 0..settings.len() {
            let index = (turn + repeat as usize) % settings.len();
            let (workers, repeats) = &mut measured[index];
            let fresh = repeat_once(plan, db, *workers).await?;
            show(arguments, repeat, *workers, &fresh, screens);
            repeats.push(fresh);
        }
    }
    Ok(measured)
}

async fn repeat_once(plan: &Plan, db: &Path, workers: u32) -> Result<Repeat, Failure> {
    let server = PrivateServer::start(db, Options { workers: Some(workers), ..Options::default() }).await?;
    let (destination, traffic) = traffic::updates(&server.url, server.write_key.reveal())?;
    let target = traffic::resolve(&server.url, &destination, traffic).await?;
    let endpoints = target.traffic.endpoint_names();
    let config = RunConfig::new(plan, server.url.clone(), true, Some(server.channel));
    let started_at = clock::utc();
    let (_stop, stopped) = watch::channel(false);
    let mut load = Load::new(*plan, target);
    let measured = load.run(stopped, |_| ()).await;
    measured.map_err(|error| Failure::new("cannot generate load", error))?;
    let summary = load.into_summary();
    let (stored, rows) = server.finish(&summary.acknowledged).await?;
    let machine = machine::fingerprint();
    let circumstances =
        Circumstances { started_at, cancelled: false, config, machine, endpoints, rows_stored: Some(stored) };
    let mut report = Report::new(summary, circumstances);
    report.rows = Some(rows);
    if let Some(wrong) = report.unaccounted().or_else(|| report.failure_reason()) {
        return Err(Failure::new(format!("{ATTEMPT}: the server with {workers}"), wrong));
    }
    let results = &report.results;
    let p95 = results.latency.p95_latency_ms;
    Ok(Repeat {
        p95_latency_ms: p95.ok_or_else(|| Failure::new(ATTEMPT, "nothing was sent"))?,
        actual_rps: results.actual_rps,
        total: results.total,
        failed: results.failed,
        generator_limited: report.validity.verdict == Verdict::GeneratorLimited,
    })
}

fn show(arguments: &Stress, repeat: u32, workers: u32, fresh: &Repeat, screens: &Screens) {
    let number = repeat + 1;
    match arguments.format {
        _ if arguments.quiet => {}
        StressFormat::Json => screens.output.show(|| {
            event_line(&json!({ "event": "repeat", "repeat": number, "workers": workers, "figures": fresh }))
        }),
        StressFormat::Text => screens.error.show(|| {
            let (p95, rps) = (unit::millis(Some(fresh.p95_latency_ms)), unit::rate(fresh.actual_rps));
            format!("  repeat {number} of {REPEATS}, --workers {workers:<3}  p95 {p95}, {rps} rps\n")
        }),
    }
}

async fn conclude(
    arguments: &Stress,
    plan: &Plan,
    measured: Vec<(u32, Vec<Repeat>)>,
    screens: &Screens,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let ranked: Tuning = rank(Figure::of(plan.rate), measured)
        .ok_or_else(|| Failure::new(ATTEMPT, "there is nothing to compare"))?;
    // First: it is there even where nobody reads what is printed.
    let written = match &arguments.output {
        Some(file) => std::fs::write(file, to_json(&ranked)? + "\n")
            .map_err(|error| Failure::new(format!("cannot write the result to {}", file.display()), error)),
        None => Ok(()),
    };
    let text = match arguments.format {
        StressFormat::Text => tuning::tuning(&ranked),
        StressFormat::Json => event_line(&json!({ "event": "tuning", "tuning": ranked })),
    };
    let printed = screens.output.print_until_signal(text, signals).await?;
    written?;
    Ok(if printed { Exit::Done } else { Exit::Interrupted })
}
