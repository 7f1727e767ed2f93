//! `porta migrate plan`.

use std::path::Path;

use super::criteria::{judge, note, replace};
use super::print;
use crate::cli::Judged;
use crate::domain::observation::Milestone;
use crate::exit::Failure;
use crate::render::criteria::migration_plan;

/// Writes the plan, and notes that there is one.
pub fn run(db: &Path, file: Option<&Path>, judged: &Judged) -> Result<(), Failure> {
    let judgement = judge(judged, db)?;
    let text = migration_plan::plan(&judgement.check, &judgement.observation);
    match file {
        Some(file) => {
            replace(file, &text)?;
            print(&format!("{} has the plan.\n", file.display()))?;
        }
        None => print(&text)?,
    }
    note(db, Milestone::Plan);
    Ok(())
}
