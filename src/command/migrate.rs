//! `porta migrate`.

use std::path::Path;

use super::{backup, cannot_open, migrate_to_present, migration_plan, print, print_as, transfer};
use crate::cli::{Import, Migrate, MigrateWhat};
use crate::exit::{Exit, Failure};
use crate::render::table::{self, Column::Left, Column::Right};
use crate::store::sqlite::migrate::{self, MigrationStatus, SCHEMA_VERSION};

pub fn run(arguments: &Migrate, db: &Path) -> Result<Exit, Failure> {
    match &arguments.what {
        Some(MigrateWhat::Status { output }) => {
            print_as(output.format, &status(db)?, |migrations| as_table(migrations))?;
        }
        Some(MigrateWhat::Backup { file, keep }) => backup::back_up(db, file, *keep)?,
        Some(MigrateWhat::Restore { file, yes }) => backup::restore(db, file, *yes)?,
        Some(MigrateWhat::Verify { file, output }) => backup::verify(db, file.as_deref(), output.format)?,
        Some(MigrateWhat::Plan { file, judged }) => migration_plan::run(db, file.as_deref(), judged)?,
        Some(MigrateWhat::Import(Import::Thingspeak { file, channel, timezone, again })) => {
            transfer::import(db, file, *channel, timezone, *again)?;
        }
        Some(MigrateWhat::Export { channel, file }) => transfer::export(db, *channel, file.as_deref())?,
        None if arguments.dry_run => print(&plan(db, &status(db)?))?,
        None => apply(db)?,
    }
    Ok(Exit::Done)
}

fn status(db: &Path) -> Result<Vec<MigrationStatus>, Failure> {
    migrate::status(db).map_err(|error| cannot_open(db, &error))
}

fn as_table(migrations: &[MigrationStatus]) -> String {
    let row = |migration: &MigrationStatus| {
        let applied = migration.applied_at.map_or_else(|| "pending".into(), |at| at.to_minute());
        vec![migration.version.to_string(), migration.name.clone(), applied]
    };
    table::of(&[Right("version"), Left("adds"), Left("applied (UTC)")], migrations.iter().map(row))
}

/// What `porta migrate` would do.
fn plan(db: &Path, migrations: &[MigrationStatus]) -> String {
    let pending: Vec<_> = migrations.iter().filter(|migration| migration.applied_at.is_none()).collect();
    let db = db.display();
    let mut plan = match pending.len() {
        0 => return format!("{db} is up to date at schema {SCHEMA_VERSION}; nothing would be done.\n"),
        all if all == migrations.len() => format!("{db} would be created:\n"),
        _ => format!("{db} would be backed up beside itself, and then:\n"),
    };
    for migration in pending {
        plan.push_str(&format!("  apply {:04} {}\n", migration.version, migration.name));
    }
    plan
}

fn apply(db: &Path) -> Result<(), Failure> {
    let migrated = migrate_to_present(db)?;
    let name = db.display();
    if let Some(backup) = &migrated.backup {
        print(&format!("Backup: {}\n", backup.display()))?;
    }
    print(&match migrated.from {
        0 => format!("{name} is new, at schema {SCHEMA_VERSION}.\n"),
        SCHEMA_VERSION => format!("{name} is up to date at schema {SCHEMA_VERSION}.\n"),
        from => format!("{name} went from schema {from} to {SCHEMA_VERSION}.\n"),
    })
}
