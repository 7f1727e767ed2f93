//! `porta criteria check`.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::notify::{self, Facts};
use super::{cannot_judge, judged};
use crate::cli::{Check as Arguments, CheckFormat, Notify};
use crate::command::{block_on, print, to_json, width};
use crate::domain::criteria::check::Check;
use crate::domain::criteria::damping::{Settled, settle};
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::criteria::verdict::{Colour, Verdict};
use crate::domain::observation::{Milestone, StoredCheck};
use crate::exit::{Exit, Failure};
use crate::load::target::Destination;
use crate::render::criteria::{junit, markdown, nagios, prometheus, terminal};
use crate::render::wrap;
use crate::store::sqlite::criteria::{self as stored, CheckLock, ObserveError};
use crate::store::sqlite::migrate::OpenError;

pub fn run(arguments: &Arguments, db: &Path) -> Result<Exit, Failure> {
    let checked = checked(arguments, db);
    // Monitoring shows what stands on standard output, and nothing else.
    if let (Err(failure), CheckFormat::Nagios, None) = (&checked, arguments.format, &arguments.output) {
        print(&nagios::unknown(failure.message()))?;
    }
    checked
}

fn checked(arguments: &Arguments, db: &Path) -> Result<Exit, Failure> {
    let ping = destination(&arguments.notify)?;
    let thresholds = judged::thresholds(&arguments.judged.config, db)?;
    let _alone = alone(arguments, db)?;
    let judgement = judged::judge_by(thresholds, &arguments.judged, db)?;
    let (check, thresholds) = (&judgement.check, &judgement.thresholds);
    let results = arguments.damping.map_or(thresholds.change.results, u64::from);
    let earlier = earlier(&judgement.observation.checks, results);
    let settled = settle(&earlier, check.verdict, results);
    let stays_ok = check.verdict == Verdict::Ok && earlier.last().is_none_or(|last| *last == Verdict::Ok);
    // Whoever is to be told is told, whether the result can be shown or not.
    let shown = if arguments.quiet && stays_ok && arguments.output.is_none() {
        Ok(())
    } else {
        show(arguments, check, thresholds, db)
    };
    let tell = |before: Verdict| {
        let facts = facts(check, before, thresholds, db);
        tell(&arguments.notify, ping.as_ref(), &facts)
    };
    let told = settled.changed_from.map(tell).transpose()?;
    // What nobody was told has not changed yet: the next check tries again.
    let counted = match (told, settled.changed_from) {
        (Some(Told::Nobody), Some(before)) => Settled { verdict: before, ..settled },
        _ => settled,
    };
    let last = earlier.first().copied();
    if !arguments.no_store
        && !store(db, &kept(check, counted), &judgement.evidence)
        && let Some(before) = last.filter(|before| told.is_none() && *before != check.verdict)
    {
        // Results in a row cannot be counted where none is kept: rather once too often than never.
        tell(before)?;
    }
    if told == Some(Told::Somebody) && !arguments.no_store {
        note(db, Milestone::Alert);
    }
    shown.map(|()| exit(check.verdict))
}

fn show(arguments: &Arguments, check: &Check, thresholds: &Thresholds, db: &Path) -> Result<(), Failure> {
    let text = text(arguments.format, check, thresholds, db)?;
    match &arguments.output {
        Some(file) => replace(file, &text),
        None => print(&text),
    }
}

/// The address to ping, found wrong before anything is done.
pub fn destination(notify: &Notify) -> Result<Option<Destination>, Failure> {
    let parse = |url: &String| {
        Destination::parse(url).map_err(|error| Failure::usage(format!("cannot use --ping: {error}")))
    };
    notify.ping.as_ref().map(parse).transpose()
}

/// One check at a time. Where no lock file can be, as beside a database that this user may only read, nothing can be stored either.
fn alone(arguments: &Arguments, db: &Path) -> Result<Option<CheckLock>, Failure> {
    if arguments.no_store {
        return Ok(None);
    }
    match CheckLock::take(db) {
        Ok(lock) => Ok(Some(lock)),
        Err(ObserveError::Open(OpenError::InUse { holders })) => {
            Err(Failure::new("cannot check", format!("another check is under way: {holders}"))
                .next_step("Wait until it has ended, or check less often."))
        }
        Err(ObserveError::Open(OpenError::NoLock { file, reason })) => {
            tracing::debug!(reason, file = %file.display(), "no lock against other checks");
            Ok(None)
        }
        Err(error) => Err(cannot_judge(db, error)),
    }
}

/// What damping looks at: the verdict that counted, and the results since, the oldest first.
fn earlier(newest_first: &[StoredCheck], results: u64) -> Vec<Verdict> {
    let results = usize::try_from(results).unwrap_or(usize::MAX);
    let counted = newest_first.first().map(|check| check.settled);
    let recent = newest_first.iter().take(results).rev().map(|check| check.verdict);
    counted.into_iter().chain(recent).collect()
}

fn text(format: CheckFormat, check: &Check, thresholds: &Thresholds, db: &Path) -> Result<String, Failure> {
    let db = db.display().to_string();
    Ok(match format {
        CheckFormat::Table => wrap::wrapped(&terminal::check(check, &db), width()),
        CheckFormat::Json => to_json(check)? + "\n",
        CheckFormat::Nagios => nagios::line(check, thresholds),
        CheckFormat::Prometheus => prometheus::text(check),
        CheckFormat::Junit => junit::suite(check),
        CheckFormat::Markdown => markdown::report(check, &db),
    })
}

/// Writes a file beside `file` and gives it that name: whoever reads it has the old one or the new one.
pub fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot write {}", file.display()), error);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut partial = tempfile::Builder::new();
    // The collector, which is another user, reads it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut partial =
        partial.prefix(".porta-criteria-").permissions(mode).tempfile_in(folder).map_err(failed)?;
    partial.write_all(anstream::adapter::strip_str(text).to_string().as_bytes()).map_err(failed)?;
    partial.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn kept(check: &Check, settled: Settled) -> StoredCheck {
    let value = |measure: Measure| {
        check.criteria.iter().find(|criterion| criterion.id == measure).and_then(|criterion| criterion.value)
    };
    let is_red = |flag: &&crate::domain::criteria::check::Flag| {
        flag.colour == Colour::Red && flag.raised == Some(true)
    };
    StoredCheck {
        checked_at: check.checked_at,
        verdict: check.verdict,
        settled: settled.verdict,
        rung: check.rung.map(|rung| rung.as_str().to_lowercase()),
        reason: check.reason.clone(),
        agents: value(Measure::Agents),
        p95: value(Measure::P95),
        cv: value(Measure::Cv),
        db_size: value(Measure::DbSize),
        rps: value(Measure::Rps),
        red_flags: check.flags.iter().filter(is_red).count() as u64,
    }
}

/// Keeps the check, and returns whether it could. The verdict stands either way.
fn store(db: &Path, check: &StoredCheck, evidence: &Evidence) -> bool {
    // Both are read anew each time; of the past they are nothing but long.
    let evidence = Evidence { p95_series: Vec::new(), history: Default::default(), ..evidence.clone() };
    let saved = stored::save(db, check, &evidence);
    if let Err(error) = &saved {
        tracing::warn!(%error, "the check was not stored");
    }
    saved.is_ok()
}

/// Notes what the checklist asks for, where that can be.
pub fn note(db: &Path, milestone: Milestone) {
    if let Err(error) = stored::note(db, milestone, crate::clock::utc()) {
        tracing::debug!(%error, milestone = milestone.name(), "it was not noted");
    }
}

/// The variables of a hook.
pub fn facts(check: &Check, before: Verdict, thresholds: &Thresholds, db: &Path) -> Facts {
    let db = std::path::absolute(db).unwrap_or_else(|_| db.to_owned());
    vec![
        ("PORTA_VERDICT", check.verdict.name().into()),
        ("PORTA_PREVIOUS", before.name().into()),
        ("PORTA_EXIT_CODE", check.exit_code.to_string()),
        ("PORTA_STEP", check.rung.map_or("", |rung| rung.as_str()).to_lowercase()),
        ("PORTA_REASON", check.reason.clone()),
        ("PORTA_SUMMARY", nagios::line(check, thresholds).trim_end().into()),
        ("PORTA_CHECKED_AT", check.checked_at.to_string()),
        ("PORTA_DB", db.display().to_string()),
    ]
}

/// Who was told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// There is neither a hook nor a ping.
    NoneIsThere,
    /// Both have failed.
    Nobody,
    /// One of them has succeeded.
    Somebody,
}

/// Runs hook and ping. What goes wrong with them changes no verdict.
fn tell(notify: &Notify, ping: Option<&Destination>, facts: &Facts) -> Result<Told, Failure> {
    let limit: Duration = notify.hook_timeout;
    if notify.hook.is_none() && ping.is_none() {
        return Ok(Told::NoneIsThere);
    }
    block_on(async {
        let mut told = false;
        if let Some(command) = &notify.hook {
            let hook = notify::run_hook(command, facts, limit).await;
            match hook.outcome {
                Ok(_) => told = true,
                Err(error) => tracing::warn!(error, stderr = hook.stderr.trim_end(), "the hook failed"),
            }
        }
        if let Some(destination) = ping {
            match crate::load::ping::ping(destination, limit).await {
                Ok(_) => told = true,
                Err(error) => tracing::warn!(error, "the ping failed"),
            }
        }
        Ok(if told { Told::Somebody } else { Told::Nobody })
    })
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Ok => Exit::Done,
        Verdict::Warning => Exit::Warning,
        Verdict::Critical => Exit::Critical,
        Verdict::Unknown => Exit::Unknown,
    }
}
