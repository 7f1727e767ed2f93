//! `porta migrate backup`, `restore` and `verify`.

use std::path::Path;

use serde::Serialize;

use super::criteria::note;
use super::{cannot_open, confirm, print, to_json};
use crate::cli::Format;
use crate::domain::contents::{ChannelContents, Contents};
use crate::domain::id::EntryId;
use crate::domain::observation::Milestone;
use crate::domain::unit;
use crate::exit::Failure;
use crate::render::table::{self, Column::Left, Column::Right};
use crate::store::sqlite::backup::{self, BackupError};
use crate::store::sqlite::migrate::{OpenError, SCHEMA_VERSION};
use crate::store::sqlite::restore;

/// What to do about a database that is damaged.
const RESTORE: &str = "Put the latest backup that is whole in its place: porta migrate restore FILE";

/// Copies the database to `target`: a file, or with `keep` a folder of so many backups.
pub fn back_up(db: &Path, target: &Path, keep: Option<u32>) -> Result<(), Failure> {
    let made = match keep {
        Some(keep) => backup::to_folder(db, target, keep as usize),
        None => backup::to_file(db, target),
    };
    let made = made.map_err(|error| match error {
        BackupError::File(error) | BackupError::Database(error) => cannot_open(db, &error),
        error => {
            let attempted = format!("cannot back up {} to {}", db.display(), target.display());
            explained(&attempted, db, &error)
        }
    })?;
    note(db, Milestone::Backup);
    let file = made.file.display();
    let mut text = format!("{file} holds what {} held: {}.\n", db.display(), summary(&made.contents));
    text.push_str(&format!("  fingerprint  {}\n", made.contents.fingerprint));
    for old in &made.deleted {
        text.push_str(&format!("  deleted      {}\n", old.display()));
    }
    print(&text)
}

/// Puts a backup in the place of the database.
pub fn restore(db: &Path, file: &Path, yes: bool) -> Result<(), Failure> {
    if db.exists() {
        let what = format!("put {} in the place of {}", file.display(), db.display());
        confirm(yes, &what, "what was stored since is then only in the file that is kept beside it")?;
    }
    let attempted = format!("cannot restore {} from {}", db.display(), file.display());
    let restored = restore::from_file(file, db).map_err(|error| match error {
        BackupError::Database(error @ (OpenError::InUse { .. } | OpenError::Locked { .. })) => {
            Failure::new(&attempted, &error).next_step(error.next_step())
        }
        BackupError::Database(error) => cannot_open(db, &error),
        BackupError::File(error) => cannot_open_file(file, &error),
        error => explained(&attempted, file, &error),
    })?;
    let name = db.display();
    let mut text = format!("{name} holds what {} holds: {}.\n", file.display(), summary(&restored.contents));
    text.push_str(&format!("  fingerprint  {}\n", restored.contents.fingerprint));
    if let Some(kept) = restored.kept {
        text.push_str(&format!("  kept         {}\n", kept.display()));
    }
    text.push_str(
        "Passwords, keys and tokens are those of the backup: revoke again what was revoked since. All sessions have ended.\n",
    );
    if restored.contents.schema_version < SCHEMA_VERSION {
        text.push_str(&format!(
            "Its schema is that of an older porta: `porta migrate` or the next `porta serve` brings it to {SCHEMA_VERSION}.\n"
        ));
    }
    print(&text)
}

/// What was found, for programs.
#[derive(Serialize)]
struct Verdict<'a> {
    file: String,
    whole: bool,
    problems: &'a [String],
    #[serde(flatten)]
    contents: Option<&'a Contents>,
}

/// Checks a file, or else the database.
pub fn verify(db: &Path, file: Option<&Path>, format: Format) -> Result<(), Failure> {
    let path = file.unwrap_or(db);
    let name = path.display().to_string();
    let as_json = |problems: &[String], contents| {
        print(
            &(to_json(&Verdict { file: name.clone(), whole: problems.is_empty(), problems, contents })?
                + "\n"),
        )
    };
    match (backup::verify(path), format) {
        (Ok(contents), Format::Json) => as_json(&[], Some(&contents)),
        (Ok(contents), Format::Table) => print(&found(&name, &contents)),
        (Err(BackupError::Database(error) | BackupError::File(error)), _) => Err(match file {
            Some(file) => cannot_open_file(file, &error),
            None => cannot_open(db, &error),
        }),
        (Err(BackupError::Damaged(problems)), format) => {
            if format == Format::Json {
                as_json(&problems, None)?;
            }
            let step = if file.is_some() { "Use another backup." } else { RESTORE };
            Err(Failure::new(format!("{name} is damaged"), listed(&problems)).next_step(step))
        }
        (Err(error), _) => Err(explained(&format!("cannot check {name}"), path, &error)),
    }
}

fn found(name: &str, contents: &Contents) -> String {
    let id = |id: Option<EntryId>| id.map_or_else(|| "–".into(), |id| id.to_string());
    let row = |channel: &ChannelContents| {
        vec![
            channel.id.to_string(),
            channel.name.clone(),
            unit::count(channel.entries),
            id(channel.first_entry_id),
            id(channel.last_entry_id),
        ]
    };
    let columns = [Right("channel"), Left("name"), Right("entries"), Right("first id"), Right("last id")];
    let channels = table::of(&columns, contents.channels.iter().map(row));
    let (summary, fingerprint) = (summary(contents), contents.fingerprint);
    format!("{name} is whole: {summary}.\n\n{channels}\nfingerprint  {fingerprint}\n")
}

/// `2 channels with 37 012 entries, schema 4`.
fn summary(contents: &Contents) -> String {
    let channels = counted(contents.channels.len() as u64, "channel", "channels");
    let entries = counted(contents.entries(), "entry", "entries");
    format!("{channels} with {entries}, schema {}", contents.schema_version)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", unit::count(count), if count == 1 { one } else { many })
}

fn listed(problems: &[String]) -> String {
    problems.join("\n         ")
}

/// Why not, and what to do. `source` is the file that was to be copied or checked.
fn explained(attempted: &str, source: &Path, error: &BackupError) -> Failure {
    let failure = match error {
        BackupError::Damaged(problems) => {
            Failure::new(attempted, format!("{} is damaged\n         {}", source.display(), listed(problems)))
        }
        error => Failure::new(attempted, error),
    };
    failure.next_step(match error {
        BackupError::Damaged(_) => {
            "Nothing was changed. Look for one that is whole: porta migrate verify FILE"
        }
        BackupError::Exists => "Name another, or remove that one.",
        BackupError::Folder => "Name a file in it, or say how many backups to keep in it: --keep 7",
        BackupError::NoFolder => "With --keep, name the folder of the backups.",
        BackupError::MissingFolder(_) => "Make the folder, or name another.",
        BackupError::Itself => "Name a backup.",
        BackupError::OpenElsewhere => "Close it there, and try again.",
        BackupError::NotRotated { .. } => "Delete it yourself, or let this user write to its folder.",
        BackupError::Different => {
            "Nothing was changed. Try again; if it is so again, suspect the disk or the memory."
        }
        _ => "Nothing was changed. Check the path, the permissions of its folder, and the space on the disk.",
    })
}

fn cannot_open_file(file: &Path, error: &OpenError) -> Failure {
    let step = match error {
        OpenError::Newer { .. } | OpenError::Locked { .. } | OpenError::NoLock { .. } | OpenError::Io(_) => {
            error.next_step()
        }
        _ => "Name a database or a backup that porta has made.".into(),
    };
    cannot_open(file, error).next_step(step)
}
