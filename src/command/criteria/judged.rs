//! From the arguments to a check: thresholds, observation, evidence, judgement.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{beside, cannot_judge};
use crate::cli::{Config, Judged};
use crate::clock;
use crate::domain::criteria::check::{Check, Provenance};
use crate::domain::criteria::evidence::{Evidence, Source};
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::observation::{Observation, Wanted};
use crate::domain::report::Report;
use crate::domain::run::RunStatus;
use crate::domain::unit::UtcMillis;
use crate::domain::validity::Verdict as Validity;
use crate::exit::Failure;
use crate::store::sqlite::criteria as stored;

/// Stored checks that are read for damping, and for the history of the database's size: two weeks of one every five
/// minutes, a year of one an hour.
const CHECKS_READ: u32 = 4032;

/// A check, and what it was made from.
pub struct Judgement {
    /// The thresholds.
    pub thresholds: Thresholds,
    /// What was read.
    pub observation: Observation,
    /// What it says.
    pub evidence: Evidence,
    /// What it comes to.
    pub check: Check,
}

impl Judgement {
    /// Reads the database and judges it.
    ///
    /// # Errors
    /// What is wrong with the thresholds or the database.
    pub fn make(arguments: &Judged, db: &Path) -> Result<Self, Failure> {
        Self::by(thresholds(&arguments.config, db)?, arguments, db)
    }

    /// The same by these thresholds.
    ///
    /// # Errors
    /// What is wrong with the database.
    pub fn by(mut thresholds: Thresholds, arguments: &Judged, db: &Path) -> Result<Self, Failure> {
        if let Some(since) = arguments.since {
            thresholds.evidence.window = since;
        }
        let at = clock::utc();
        let before = |age: Duration| {
            UtcMillis(at.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
        };
        let wanted = Wanted {
            at,
            since: before(thresholds.evidence.window),
            run: arguments.run,
            runs_since: before(thresholds.evidence.run_age_max),
            checks: CHECKS_READ,
        };
        let observation = stored::observe(db, wanted).map_err(|error| cannot_judge(db, error))?;
        let evidence = observation.evidence();
        let mut check = Check::judge(&evidence, &thresholds, at);
        if let Some(run) = observation.run.as_ref().filter(|_| arguments.run.is_some()) {
            say_what_it_is(run, &mut check);
        }
        Ok(Self { thresholds, observation, evidence, check })
    }
}

/// The file that is named, else the one beside the database, be it there or not.
pub fn file(config: &Config, db: &Path) -> PathBuf {
    config.config.clone().unwrap_or_else(|| beside(db))
}

/// The thresholds of the file that is named, else of the one beside the database, else the built-in ones.
pub fn thresholds(config: &Config, db: &Path) -> Result<Thresholds, Failure> {
    let file = file(config, db);
    let name = file.display().to_string();
    match std::fs::read_to_string(&file) {
        Ok(text) => Thresholds::parse(&name, &text).map_err(Failure::usage),
        Err(error) if config.config.is_none() && is_absent(error.kind()) => Ok(Thresholds::default()),
        Err(error) => Err(Failure::new(format!("cannot read {name}"), error)
            .next_step("Name another with --config, or write one: porta criteria init")),
    }
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

/// A folder that is not there has no file in it either: what is wrong with the database is said when that is opened.
fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
