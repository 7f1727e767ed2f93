//! `porta criteria checklist`.

use std::path::Path;

use super::judged;
use crate::cli::{Judged, ListFormat};
use crate::command::{print, to_json, width};
use crate::domain::criteria::checklist::checklist;
use crate::exit::Failure;
use crate::render::criteria::lists;
use crate::render::wrap;

/// Decides each item from what the database shows.
pub fn run(judged: &Judged, format: ListFormat, db: &Path) -> Result<(), Failure> {
    let judgement = judged::judge(judged, db)?;
    let items = checklist(&judgement.observation.facts());
    print(&match format {
        ListFormat::Table => wrap::wrapped(&lists::checklist(&items), width()),
        ListFormat::Json => to_json(&items)? + "\n",
        ListFormat::Markdown => lists::checklist_markdown(&items),
    })
}
