//! What a check has come to: a judgement, or why there can be none.

use std::path::Path;

use super::judged::{self, Judgement};
use crate::cli::Judged;
use crate::clock;
use crate::domain::criteria::check::Check;
use crate::domain::criteria::thresholds::Thresholds;
use crate::exit::Failure;

/// What a check has come to. Either way it has a verdict, which is shown, counted and told.
pub enum Outcome {
    /// The installation was judged.
    Judged(Box<Judgement>),
    /// It could not be: the database cannot be read, or the file with the thresholds.
    Impossible(Box<Impossible>),
}

/// Why there is no judgement.
pub struct Impossible {
    /// For people, with what to do.
    pub failure: Failure,
    /// The same as a check.
    check: Check,
    /// The thresholds; the built-in ones when they are what cannot be read.
    thresholds: Thresholds,
}

impl Outcome {
    /// Judges the installation.
    pub fn of(arguments: &Judged, db: &Path) -> Self {
        match judged::thresholds(&arguments.config, db) {
            Ok(thresholds) => match Judgement::by(thresholds.clone(), arguments, db) {
                Ok(judgement) => Self::Judged(Box::new(judgement)),
                Err(failure) => Self::impossible(failure, thresholds),
            },
            Err(failure) => Self::impossible(failure, Thresholds::default()),
        }
    }

    fn impossible(failure: Failure, thresholds: Thresholds) -> Self {
        let step = failure.what_to_do().map(|step| step.trim_end_matches('.').to_owned());
        let check = Check::impossible(failure.message().to_owned(), step, clock::utc());
        Self::Impossible(Box::new(Impossible { failure, check, thresholds }))
    }

    /// The verdict, and all that stands behind it.
    pub fn check(&self) -> &Check {
        match self {
            Self::Judged(judgement) => &judgement.check,
            Self::Impossible(impossible) => &impossible.check,
        }
    }

    /// What it was judged by.
    pub fn thresholds(&self) -> &Thresholds {
        match self {
            Self::Judged(judgement) => &judgement.thresholds,
            Self::Impossible(impossible) => &impossible.thresholds,
        }
    }

    /// What it was judged from.
    pub fn judgement(&self) -> Option<&Judgement> {
        match self {
            Self::Judged(judgement) => Some(judgement),
            Self::Impossible(_) => None,
        }
    }
}
