//! A check in the format that was asked for, printed or as a file.

use std::io::Write as _;
use std::path::Path;

use super::outcome::Outcome;
use crate::cli::{Check as Arguments, CheckFormat};
use crate::command::{print, to_json, width};
use crate::exit::Failure;
use crate::render::criteria::{junit, markdown, nagios, prometheus, terminal};
use crate::render::wrap;

/// Prints the check, or writes it to the file that was named.
///
/// # Errors
/// When that cannot be written.
pub fn show(arguments: &Arguments, outcome: &Outcome, db: &Path) -> Result<(), Failure> {
    match &arguments.output {
        Some(file) => replace(file, &text(arguments.format, outcome, db)?),
        // Standard error says the same in a line.
        None if arguments.format == CheckFormat::Table && !outcome.check().was_made() => Ok(()),
        None => print(&text(arguments.format, outcome, db)?),
    }
}

fn text(format: CheckFormat, outcome: &Outcome, db: &Path) -> Result<String, Failure> {
    let (check, db) = (outcome.check(), db.display().to_string());
    Ok(match format {
        CheckFormat::Table => wrap::wrapped(&terminal::check(check, &db), width()),
        CheckFormat::Json => to_json(check)? + "\n",
        CheckFormat::Nagios => nagios::line(check, outcome.thresholds()),
        CheckFormat::Prometheus => prometheus::text(check),
        CheckFormat::Junit => junit::suite(check),
        CheckFormat::Markdown => markdown::report(check, &db),
    })
}

/// Writes a file beside `file` and gives it that name: whoever reads it has the old one or the new one.
///
/// # Errors
/// When it cannot be written.
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
