//! Schema versions, as somebody who upgrades porta meets them.

use std::path::{Path, PathBuf};

use porta::store::sqlite::migrate::SCHEMA_VERSION;
use rusqlite::{Connection, OpenFlags};

use crate::support::Workspace;

/// A database as the first version of the schema made it, with a channel in it.
pub fn old_database(workspace: &Workspace) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(workspace.db(), flags).unwrap();
    connection.execute_batch(include_str!("../../migrations/0001_channels.sql")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO schema_migrations VALUES (1, 'channels', '0.1.0', 1000);
             INSERT INTO channels (name, last_entry_id, created_at_ms) VALUES ('kept', 2, 1000);
             INSERT INTO entries (channel_id, entry_id, created_at_ms, field1) VALUES (1, 1, 1000, 'a'), (1, 2, 900, 'b');
             PRAGMA application_id = 1886351988; PRAGMA user_version = 1;",
        )
        .unwrap();
    connection
}

fn backups(workspace: &Workspace) -> Vec<PathBuf> {
    let files = std::fs::read_dir(workspace.path()).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains(".backup-")).collect()
}

pub fn version(path: &Path) -> i64 {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_new_database_is_created_and_gives_space_back() {
    let workspace = Workspace::new();
    let plan = workspace.porta(&["migrate", "--dry-run"]);
    assert_eq!(plan.code, Some(0));
    assert!(
        plan.stdout.starts_with("porta.db would be created:\n  apply 0001 channels\n"),
        "{}",
        plan.stdout
    );
    assert!(!workspace.db().exists(), "a dry run changes nothing");
    let said = |words: &str| format!("porta.db is {words} schema {SCHEMA_VERSION}.\n");
    assert_eq!(workspace.porta(&["migrate"]).stdout, said("new, at"));
    assert_eq!(workspace.porta(&["migrate"]).stdout, said("up to date at"));
    let vacuum: i64 = workspace.database().pragma_query_value(None, "auto_vacuum", |row| row.get(0)).unwrap();
    assert_eq!(vacuum, 2, "incremental");
    assert_eq!(backups(&workspace), [] as [PathBuf; 0]);
}

#[test]
fn an_old_database_is_backed_up_and_brought_up_to_date() {
    let workspace = Workspace::new();
    old_database(&workspace);
    let status = workspace.json(&["migrate", "status", "--format", "json"]);
    let pending: Vec<_> =
        status.as_array().unwrap().iter().map(|step| step["applied_at"].is_null()).collect();
    assert_eq!(pending[..2], [false, true]);
    assert!(pending[1..].iter().all(|is_pending| *is_pending) && pending.len() as i64 == SCHEMA_VERSION);
    let plan = workspace.porta(&["migrate", "--dry-run"]).stdout;
    assert!(plan.starts_with("porta.db would be backed up beside itself, and then:\n  apply 0002"), "{plan}");
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (1, 0), "a dry run changes nothing");

    let ended = workspace.porta(&["migrate"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.ends_with(&format!("porta.db went from schema 1 to {SCHEMA_VERSION}.\n")),
        "{}",
        ended.stdout
    );
    let backups = backups(&workspace);
    assert_eq!(backups.len(), 1);
    assert!(ended.stdout.contains(backups[0].file_name().unwrap().to_str().unwrap()));
    assert_eq!(version(&backups[0]), 1, "the backup is as it was");
    let channels = workspace.json(&["admin", "channel", "list", "--format", "json"]);
    assert_eq!(channels[0]["name"], "kept");
    assert_eq!((&channels[0]["field8"], &channels[0]["timezone"]), (&"Field 8".into(), &"UTC".into()));
    assert_eq!(workspace.entries(1), [(1, "a".to_owned()), (2, "b".to_owned())]);
    assert!(
        workspace
            .porta(&["migrate", "export", "--channel", "1"])
            .stdout
            .ends_with("01.000Z,1,a,,,,,,,,,,,\n")
    );
}

#[test]
fn serve_migrates_an_old_database_unless_told_not_to() {
    let workspace = Workspace::new();
    old_database(&workspace);
    let refused = workspace.porta(&["serve", "--listen", "127.0.0.1:0", "--no-migrate"]);
    assert_eq!(refused.code, Some(1));
    let needs = format!("its schema is version 1, this porta needs {SCHEMA_VERSION}");
    assert!(refused.stderr.contains(&needs), "{}", refused.stderr);
    assert!(refused.stderr.contains("porta migrate"), "{}", refused.stderr);
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (1, 0));
    drop(workspace.serve(&[]));
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (SCHEMA_VERSION, 1));
}

/// An older porta that runs on the database would meet tables that it does not know.
#[test]
fn an_old_database_that_is_in_use_is_not_migrated() {
    let workspace = Workspace::new();
    old_database(&workspace);
    let used = workspace.lock_file();
    used.lock_shared().unwrap();
    let words = format!("this porta needs {SCHEMA_VERSION}, and process {} (", std::process::id());
    let refused = |command: &[&str]| {
        let refused = workspace.porta(command);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
        assert!(refused.stderr.contains("Stop that first"), "{}", refused.stderr);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| refused(&["migrate"]));
        scope.spawn(|| refused(&["serve", "--listen", "127.0.0.1:0"]));
    });
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (1, 0));
    drop(used);
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
}

#[test]
fn an_old_database_that_is_damaged_is_not_migrated() {
    let workspace = Workspace::new();
    old_database(&workspace).execute("UPDATE channels SET last_entry_id = 1", []).unwrap();
    let refused = workspace.porta(&["migrate"]);
    assert_eq!(refused.code, Some(1));
    let words =
        "it is damaged: channel 1 has an entry 2, but has counted only to 1\n       Nothing was changed.";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (1, 0));
}

#[test]
fn servers_that_start_at_once_on_an_old_database_migrate_it_once() {
    let workspace = Workspace::new();
    old_database(&workspace);
    std::thread::scope(|scope| {
        let servers = [(); 3].map(|()| scope.spawn(|| workspace.serve(&[])));
        for server in servers {
            assert_eq!(server.join().unwrap().stop().code, Some(0));
        }
    });
    assert_eq!((version(&workspace.db()), backups(&workspace).len()), (SCHEMA_VERSION, 1));
}

#[test]
fn a_newer_database_is_refused_by_every_command_and_left_alone() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let database = workspace.database();
    database.execute("INSERT INTO schema_migrations VALUES (99, 'later', '0.9.0', 1000)", []).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    for command in [
        &["migrate"][..],
        &["migrate", "status"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["stress", "--duration", "1s"],
        &["report"],
        &["admin", "channel", "list"],
        &["admin", "channel", "create", "x"],
    ] {
        let ended = workspace.porta(command);
        assert_eq!(ended.code, Some(1), "{command:?}: {ended:?}");
        assert!(
            ended
                .stderr
                .contains(&format!("its schema is version 99, this porta knows up to {SCHEMA_VERSION}")),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("Install the porta that wrote it (0.9.0 or newer)"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(version(&workspace.db()), 99);
}

#[test]
fn what_is_not_a_porta_database_is_left_alone() {
    let workspace = Workspace::new();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let other = Connection::open_with_flags(workspace.db(), flags).unwrap();
    other.execute_batch("CREATE TABLE somebody_elses (x)").unwrap();
    drop(other);
    let ended = workspace.porta(&["migrate"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("not one of porta's"), "{}", ended.stderr);

    std::fs::write(workspace.db(), "this is no database at all, and was never one").unwrap();
    let ended = workspace.porta(&["report"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("file is not a database"), "{}", ended.stderr);
    assert_eq!(std::fs::read(workspace.db()).unwrap().len(), 45);
}

#[test]
fn reports_do_not_create_a_database() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["report"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("there is no such file"), "{}", ended.stderr);
    assert!(!workspace.db().exists());
}

#[test]
fn a_path_that_is_no_file_is_named_as_what_it_is() {
    let workspace = Workspace::new();
    for (path, words) in [(".", "it is a folder"), ("no/such/porta.db", "there is no folder no/such")] {
        let ended = workspace.porta(&["migrate", "--db", path]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}
