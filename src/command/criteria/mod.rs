//! `porta criteria`: is this installation still fine, what to tune, and is it time to move?

mod alert;
mod check;
mod checklist;
mod hook_test;
mod judged;
mod notify;
mod outcome;
mod output;
mod record;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{cannot_open, print, print_as};
use crate::cli::{self, Criteria};
use crate::clock;
use crate::domain::criteria::backtest::backtest;
use crate::domain::unit::UtcMillis;
use crate::exit::{Exit, Failure};
use crate::render::criteria::{lists, nagios};
use crate::store::StoreError;
use crate::store::sqlite::criteria::{self as stored, ObserveError};

pub use self::judged::Judgement;
pub use self::output::replace;
pub use self::record::note;

/// The name of the file with the thresholds.
const FILE_NAME: &str = "criteria.toml";
const DAY_MS: i64 = 86_400_000;

pub fn run(arguments: &Criteria, db: &Path) -> Result<Exit, Failure> {
    match arguments {
        Criteria::List { config, output } => {
            let thresholds = judged::thresholds(config, db)?;
            print_as(output.format, &lists::listed(&thresholds), |_| lists::criteria(&thresholds))?;
        }
        Criteria::Check(arguments) => return check::run(arguments, db),
        Criteria::History { limit, output } => {
            let checks = stored::checks(db, *limit).map_err(|error| cannot_judge(db, error))?;
            print_as(output.format, &checks, |checks| lists::history(checks))?;
        }
        Criteria::Checklist { judged, format } => checklist::run(judged, *format, db)?,
        Criteria::Init { file } => init(file.as_deref(), db)?,
        Criteria::HookTest { notify } => return hook_test::run(notify, db),
        Criteria::Backtest { days, config, output } => {
            let thresholds = judged::thresholds(config, db)?;
            let since = UtcMillis(clock::utc().0 - i64::from(*days) * DAY_MS);
            let history = stored::evidence(db, since).map_err(|error| cannot_judge(db, error))?;
            let result = backtest(&history, &thresholds);
            print_as(output.format, &result, |result| lists::backtest(result, *days))?;
        }
    }
    Ok(Exit::Done)
}

/// How `porta criteria` ends when it could not do what was asked for: with a line on standard error, another on standard output
/// where monitoring reads that, and the code that monitoring knows.
pub fn refuse(failure: Failure) -> ExitCode {
    if cli::asks_for_nagios() {
        // Where it cannot be printed the code still says it.
        let _ = print(&nagios::unknown(failure.message()));
    }
    failure.exit(Exit::Unknown).report_in_one_line()
}

/// Writes the commented default.
fn init(file: Option<&Path>, db: &Path) -> Result<(), Failure> {
    let file = file.map_or_else(|| beside(db), Path::to_owned);
    let attempted = format!("cannot write {}", file.display());
    let text = crate::domain::criteria::thresholds::Thresholds::commented_default();
    let created = OpenOptions::new().write(true).create_new(true).open(&file);
    let written = created.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(|error| {
        let failure = Failure::new(attempted, &error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.next_step("Name another, or remove that one."),
            _ => failure.next_step("Name another, or make its folder writable."),
        }
    })?;
    print(&format!("{} has all thresholds with their defaults.\n", file.display()))
}

/// Where the thresholds of a database are.
fn beside(db: &Path) -> PathBuf {
    db.with_file_name(FILE_NAME)
}

fn cannot_judge(db: &Path, error: ObserveError) -> Failure {
    let error = match error {
        ObserveError::Open(error) => return cannot_open(db, &error),
        ObserveError::Read(error) => error,
    };
    let step = match &error {
        StoreError::NotFound(_) => "porta report list shows the runs.",
        StoreError::Busy => "Wait until that is done, and try again.",
        _ => "porta migrate verify FILE says whether it is whole.",
    };
    Failure::new(format!("cannot read {}", db.display()), error).next_step(step)
}
