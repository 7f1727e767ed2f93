//! From thresholds and an observation to a check: the one way of it, for the command and for the server.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::criteria::check::Check;
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::id::RunId;
use crate::domain::observation::{Observation, Wanted};
use crate::domain::unit::UtcMillis;

/// The name of the file with the thresholds.
const FILE_NAME: &str = "criteria.toml";
/// Stored checks that are read for damping, and for the history of the database's size: two weeks of one every five
/// minutes, a year of one an hour.
const CHECKS_READ: u32 = 4032;

/// Where the thresholds of a database are.
#[derive(Clone, Debug)]
pub struct ThresholdsFile {
    path: PathBuf,
    is_named: bool,
}

/// Why there are no thresholds.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdsError {
    /// What is in the file is wrong, in these words.
    #[error("{0}")]
    Wrong(String),
    /// The file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ThresholdsError {
    /// What to do about it, where there is more to it than to mend the file.
    pub fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Wrong(_) => None,
            Self::Unreadable { .. } => Some("Name another with --config, or write one: porta criteria init"),
        }
    }

    /// A check that could not be made because of it.
    pub fn check(&self, at: UtcMillis) -> Check {
        Check::impossible(self.to_string(), self.next_step().map(str::to_owned), at)
    }
}

impl ThresholdsFile {
    /// The one that is named, else `criteria.toml` beside the database.
    pub fn new(named: Option<&Path>, db: &Path) -> Self {
        let path = named.map_or_else(|| db.with_file_name(FILE_NAME), Path::to_owned);
        Self { path, is_named: named.is_some() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it; the built-in thresholds where none was named and there is none.
    ///
    /// # Errors
    /// For its first mistake, and when it cannot be read.
    pub fn read(&self) -> Result<Thresholds, ThresholdsError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => {
                Thresholds::parse(&self.path.display().to_string(), &text).map_err(ThresholdsError::Wrong)
            }
            Err(error) if !self.is_named && is_absent(error.kind()) => Ok(Thresholds::default()),
            Err(error) => Err(ThresholdsError::Unreadable { path: self.path.clone(), error }),
        }
    }
}

/// A folder that is not there has no file in it either: what is wrong with the database is said when that is opened.
fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What is to be read for a check by these thresholds. `run` is the stress run that counts; `None` for the latest valid
/// one.
pub fn wanted(thresholds: &Thresholds, run: Option<RunId>, at: UtcMillis) -> Wanted {
    let before =
        |age: Duration| UtcMillis(at.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    Wanted {
        at,
        since: before(thresholds.evidence.window),
        run,
        runs_since: before(thresholds.evidence.run_age_max),
        checks: CHECKS_READ,
    }
}

/// A check, and what it was made from.
pub struct Judgement {
    /// The thresholds; the built-in ones where those of the file cannot be read.
    pub thresholds: Thresholds,
    /// What was read.
    pub observation: Observation,
    /// What it says.
    pub evidence: Evidence,
    /// What it comes to.
    pub check: Check,
}

impl Judgement {
    /// Judges what was read.
    pub fn of(observation: Observation, thresholds: Thresholds) -> Self {
        let evidence = observation.evidence();
        let check = Check::judge(&evidence, &thresholds, observation.at);
        Self { thresholds, observation, evidence, check }
    }

    /// Of what was read without thresholds to judge it by.
    pub fn impossible(observation: Observation, error: &ThresholdsError) -> Self {
        let evidence = observation.evidence();
        Self { thresholds: Thresholds::default(), check: error.check(observation.at), observation, evidence }
    }
}
