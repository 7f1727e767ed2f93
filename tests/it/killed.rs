//! kill -9 in the middle of a backup, a restore and a migration: what is there afterwards is whole.

use std::path::Path;
use std::process::Child;

use crate::migrate::{old_database, version};
use crate::support::Workspace;
use crate::support::wire::{FORM, exchange, post};

/// Entries of the database, and its size: writing a copy takes a while.
const ENTRIES: i64 = 50_000;
const BYTES: u64 = 25_000_000;
/// Sizes of a file that is being written, at which its writer is killed.
const MOMENTS: [u64; 3] = [1, BYTES / 2, BYTES * 9 / 10];

/// Gives channel 1 entries 1 to [`ENTRIES`], of 500 bytes each.
fn fill(workspace: &Workspace, owner: &str) {
    let sql = format!(
        "DELETE FROM entries;
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ENTRIES})
         INSERT INTO entries ({owner}, created_at_ms, entry_id, field1)
         SELECT 1, n * 1000, n, hex(zeroblob(250)) FROM numbers;
         UPDATE channels SET last_entry_id = {ENTRIES};"
    );
    workspace.database().execute_batch(&sql).unwrap();
}

/// Kills a command as soon as `is_time`, unless it has ended before.
fn kill_when(mut child: Child, is_time: impl Fn() -> bool) {
    while !is_time() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether a file is there and has so many bytes.
fn has(path: &Path, bytes: u64) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() >= bytes)
}

fn entries_of(workspace: &Workspace, file: &str) -> i64 {
    workspace.verified(file)["channels"][0]["entries"].as_i64().unwrap()
}

#[test]
fn a_killed_backup_is_complete_or_absent_and_the_database_goes_on() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("large");
    fill(&workspace, "series_id");
    let server = workspace.serve(&[]);
    let (target, partial) = (workspace.path().join("x.db"), workspace.path().join("x.db.partial"));
    let mut stored = ENTRIES;
    let mut update = || {
        stored += 1;
        let update = post("/update", FORM, &format!("api_key={}&field1=x", channel.write_key));
        assert!(exchange(&server, &update).ends_with(&format!("\r\n\r\n{stored}")));
    };
    let mut midway = 0;
    for bytes in MOMENTS {
        let child = workspace.command(&["migrate", "backup", "x.db"]).spawn().unwrap();
        kill_when(child, || has(&partial, bytes));
        midway += u32::from(partial.exists());
        update();
        if target.exists() {
            assert!(entries_of(&workspace, "x.db") >= ENTRIES);
            std::fs::remove_file(&target).unwrap();
        }
    }
    assert!(midway > 0, "not one was killed midway");
    let child = workspace.command(&["migrate", "backup", "x.db"]).spawn().unwrap();
    kill_when(child, || target.exists());
    assert!(entries_of(&workspace, "x.db") >= ENTRIES, "with its name it is complete");
    std::fs::remove_file(&target).unwrap();

    update();
    let made = workspace.porta(&["migrate", "backup", "x.db"]);
    assert_eq!(made.code, Some(0), "what was left is not in the way: {made:?}");
    assert_eq!(entries_of(&workspace, "x.db"), stored);
    assert!(!workspace.files().iter().any(|file| file.contains(".partial")), "{:?}", workspace.files());
    assert_eq!(entries_of(&workspace, "porta.db"), stored);
}

#[test]
fn a_killed_restore_leaves_the_old_database_or_the_new_one() {
    let workspace = Workspace::new();
    workspace.create_channel("large");
    fill(&workspace, "series_id");
    assert_eq!(workspace.porta(&["migrate", "backup", "new.db"]).code, Some(0));
    workspace.create_channel("another");
    let fingerprint = |file| workspace.verified(file)["fingerprint"].clone();
    let (old, new) = (fingerprint("porta.db"), fingerprint("new.db"));
    let partial = workspace.path().join("porta.db.restoring");
    let restore = || workspace.command(&["migrate", "restore", "new.db", "--yes"]).spawn().unwrap();
    let mut midway = 0;
    for bytes in MOMENTS {
        kill_when(restore(), || has(&partial, bytes));
        if partial.exists() {
            midway += 1;
            assert_eq!(fingerprint("porta.db"), old);
        }
    }
    assert!(midway > 0, "not one was killed midway");
    kill_when(restore(), || workspace.files().iter().any(|file| file.contains(".before-restore-")));
    let left = fingerprint("porta.db");
    assert!(left == old || left == new, "{left}");

    let restored = workspace.porta(&["migrate", "restore", "new.db", "--yes"]);
    assert_eq!(restored.code, Some(0), "what was left is not in the way: {restored:?}");
    assert_eq!(fingerprint("porta.db"), new);
    assert!(!partial.exists());
    drop(workspace.serve(&[]));
}

#[test]
fn a_killed_migration_leaves_the_old_schema_or_the_new_one() {
    let workspace = Workspace::new();
    drop(old_database(&workspace));
    fill(&workspace, "channel_id");
    workspace.database().pragma_update(None, "journal_mode", "WAL").unwrap();
    let partial = workspace.path().join("porta.db.backup.partial");
    let log = workspace.path().join("porta.db-wal");
    let backup = || workspace.files().into_iter().find(|file| file.contains(".backup-v1-"));
    let migrate = || workspace.command(&["migrate"]).spawn().unwrap();
    let check = || {
        let version = version(&workspace.db());
        assert!(version == 1 || version == porta::store::sqlite::migrate::SCHEMA_VERSION, "{version}");
        assert_eq!(entries_of(&workspace, "porta.db"), ENTRIES);
        if let Some(backup) = backup() {
            assert_eq!(entries_of(&workspace, &backup), ENTRIES, "a backup with its name is complete");
            std::fs::remove_file(workspace.path().join(backup)).unwrap();
        }
    };
    let mut midway = 0;
    for bytes in MOMENTS {
        kill_when(migrate(), || has(&partial, bytes));
        midway += u32::from(version(&workspace.db()) == 1);
        check();
    }
    for bytes in MOMENTS {
        kill_when(migrate(), || backup().is_some() && has(&log, bytes));
        midway += u32::from(version(&workspace.db()) == 1);
        check();
    }
    assert!(midway > 0, "not one was killed midway");
    let migrated = workspace.porta(&["migrate"]);
    assert_eq!(migrated.code, Some(0), "what was left is not in the way: {migrated:?}");
    assert!(!partial.exists());
    assert_eq!(workspace.entries(1).len() as i64, ENTRIES);
}
