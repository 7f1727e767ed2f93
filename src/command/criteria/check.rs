//! `porta criteria check`: judge, remember, show, tell.

use std::path::Path;

use super::alert::{Receivers, facts};
use super::outcome::Outcome;
use super::output;
use super::record::Record;
use crate::cli::Check as Arguments;
use crate::domain::criteria::verdict::Verdict;
use crate::exit::{Exit, Failure};

pub fn run(arguments: &Arguments, db: &Path) -> Result<Exit, Failure> {
    let receivers = Receivers::of(&arguments.notify)?;
    let record = Record::of(arguments, db);
    // Other checks are kept away while this one judges and stores. Not while somebody is told, which may take its time.
    let lock = record.lock()?;
    let outcome = Outcome::of(&arguments.judged, db);
    let news = record.keep(lock, &outcome, receivers.is_anybody());
    let shown = if arguments.quiet && news.stays_ok && arguments.output.is_none() {
        Ok(())
    } else {
        output::show(arguments, &outcome, db)
    };
    // Whoever is to be told is told, whether the result could be shown or not.
    if let Some(previous) = news.changed_from
        && receivers.tell(&facts(outcome.check(), previous, outcome.thresholds(), db))
    {
        record.told(&outcome);
    }
    let verdict = outcome.check().verdict;
    if let Outcome::Impossible(impossible) = outcome {
        // It is an answer, and was shown as one; on standard error stands what to do about it.
        impossible.failure.report_in_one_line();
    }
    shown.map(|()| exit(verdict))
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Ok => Exit::Done,
        Verdict::Warning => Exit::Warning,
        Verdict::Critical => Exit::Critical,
        Verdict::Unknown => Exit::Unknown,
    }
}
