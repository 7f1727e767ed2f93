//! From the arguments to a check: thresholds, observation, judgement.

use std::path::Path;

use super::cannot_judge;
use crate::cli::{Config, Judged};
use crate::clock;
use crate::domain::criteria::thresholds::Thresholds;
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
    Ok(Judgement::of(observation, thresholds))
}

/// The thresholds of the file that is named, else of the one beside the database, else the built-in ones.
pub fn thresholds(config: &Config, db: &Path) -> Result<Thresholds, Failure> {
    ThresholdsFile::new(config.config.as_deref(), db).read().map_err(|error| match error {
        ThresholdsError::Wrong(message) => Failure::usage(message),
        ThresholdsError::Unreadable { path, error } => {
            Failure::new(format!("cannot read {}", path.display()), error)
                .next_step("Name another with --config, or write one: porta criteria init")
        }
    })
}
