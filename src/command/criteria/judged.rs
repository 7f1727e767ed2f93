//! From the arguments to a check: thresholds, observation, judgement.

use std::path::Path;

use super::cannot_judge;
use crate::cli::{Config, Judged};
use crate::clock;
use crate::domain::criteria::check::{Check, Provenance};
use crate::domain::criteria::evidence::Source;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::report::Report;
use crate::domain::run::RunStatus;
use crate::domain::validity::Verdict as Validity;
use crate::exit::Failure;
use crate::judgement::{self, Judgement, ThresholdsError, ThresholdsFile};
use crate::store::sqlite::criteria as stored;

/// Reads the database and judges it.
///
/// # Errors
/// What is wrong with the thresholds or the database.
pub fn judge(arguments: &Judged, db: &Path) -> Result<Judgement, Failure> {
    judge_by(thresholds(&arguments.config, db)?, arguments, db)
}

/// The same by these thresholds.
///
/// # Errors
/// What is wrong with the database.
pub fn judge_by(mut thresholds: Thresholds, arguments: &Judged, db: &Path) -> Result<Judgement, Failure> {
    if let Some(since) = arguments.since {
        thresholds.evidence.window = since;
    }
    let wanted = judgement::wanted(&thresholds, arguments.run, clock::utc());
    let observation = stored::observe(db, wanted).map_err(|error| cannot_judge(db, error))?;
    let mut judgement = Judgement::of(observation, thresholds);
    if let Some(run) = judgement.observation.run.as_ref().filter(|_| arguments.run.is_some()) {
        say_what_it_is(run, &mut judgement.check);
    }
    Ok(judgement)
}

/// Where the thresholds are.
pub fn file(config: &Config, db: &Path) -> ThresholdsFile {
    ThresholdsFile::new(config.config.as_deref(), db)
}

/// The thresholds of the file that is named, else of the one beside the database, else the built-in ones.
pub fn thresholds(config: &Config, db: &Path) -> Result<Thresholds, Failure> {
    file(config, db).read().map_err(|error| {
        let step = error.next_step();
        let failure = match error {
            ThresholdsError::Wrong(message) => Failure::usage(message),
            ThresholdsError::Unreadable { path, error } => {
                Failure::new(format!("cannot read {}", path.display()), error)
            }
        };
        match step {
            Some(step) => failure.next_step(step),
            None => failure,
        }
    })
}

/// A run that was asked for counts, be it what it may: if no check would take it by itself, that is said wherever the check is shown.
fn say_what_it_is(run: &Report, check: &mut Check) {
    let (word, why) = match (run.status, run.validity.verdict) {
        (RunStatus::Completed, Validity::Valid) => return,
        (RunStatus::Completed, verdict) => {
            let reason = run.validity.reason.split(". ").next().unwrap_or_default();
            ("not valid", format!("is not valid ({}): {}", verdict.as_str(), reason.trim_end_matches('.')))
        }
        (RunStatus::Cancelled, _) => ("ended early", "was ended early".into()),
        (RunStatus::Failed, _) => ("failed", "has failed".into()),
    };
    let of_run = |evidence: &&mut Provenance| matches!(evidence.source, Source::Run { .. });
    for evidence in check.criteria.iter_mut().filter_map(|it| it.evidence.as_mut()).filter(of_run) {
        evidence.text = format!("{}, {word}", evidence.text);
    }
    let id = run.run_id.map(|id| format!(" {}", id.0)).unwrap_or_default();
    check.reason = format!("run{id} {why}; by its figures, {}", check.reason);
}
