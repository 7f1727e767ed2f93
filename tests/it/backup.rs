//! `porta migrate backup` and `verify`.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::migrate::old_database;
use crate::support::Workspace;
use crate::support::client::update_until;

/// A channel with three entries, and no server.
fn with_entries() -> Workspace {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let rows = "created_at,field1\n2014-02-26,a\n2014-02-27,b\n2014-02-28,c\n";
    std::fs::write(workspace.path().join("feeds.csv"), rows).unwrap();
    let imported = workspace.porta(&["migrate", "import", "thingspeak", "feeds.csv", "--channel", "1"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    workspace
}

/// Overwrites the page in which the entries' table begins.
fn damage(workspace: &Workspace, file: &str) {
    let root: u64 = workspace
        .database()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'", [], |row| row.get(0))
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(workspace.path().join(file)).unwrap();
    file.write_all_at(&[0xff; 4096], (root - 1) * 4096).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_all_that_was_acknowledged_before_it_and_no_gap() {
    const BEFORE: u64 = 500;
    const MEANWHILE: u64 = 6000;
    let workspace = Workspace::new();
    let channel = workspace.create_channel("busy");
    let server = workspace.serve(&[]);
    let (urls, key) = ([server.url.clone()], &channel.write_key);
    let before = update_until(&urls, key, 16, 0, BEFORE, |_| {}).await;

    let begun = Arc::new(Notify::new());
    let notify = Arc::clone(&begun);
    let load = update_until(&urls, key, 16, BEFORE, MEANWHILE, move |count| {
        if count == 100 {
            notify.notify_one();
        }
    });
    let backups = async {
        begun.notified().await;
        tokio::task::block_in_place(|| {
            for file in ["1.db", "2.db", "3.db"] {
                let made = workspace.porta(&["migrate", "backup", file]);
                assert_eq!(made.code, Some(0), "{made:?}");
            }
        });
    };
    let (meanwhile, ()) = tokio::join!(load, backups);
    let sent: Vec<_> = before.iter().chain(&meanwhile).cloned().collect();
    assert_eq!(server.stop().code, Some(0));

    for file in ["1.db", "2.db", "3.db"] {
        let elsewhere = Workspace::new();
        let backup = workspace.path().join(file);
        let restored = elsewhere.porta(&["migrate", "restore", backup.to_str().unwrap()]);
        assert_eq!(restored.code, Some(0), "{restored:?}");
        let entries = elsewhere.entries(channel.id);
        assert!(entries.len() >= BEFORE as usize + 100, "{} entries", entries.len());
        // All were acknowledged in the end, in the order of their ids.
        assert_eq!(entries, sent[..entries.len()]);
        let server = elsewhere.serve(&[]);
        let next = update_until(std::slice::from_ref(&server.url), key, 1, 0, 1, |_| {}).await;
        assert_eq!(next[0].0, entries.len() as i64 + 1, "its ids go on from there");
    }
}

#[test]
fn a_backup_is_one_file_that_holds_the_same() {
    let workspace = with_entries();
    std::fs::set_permissions(workspace.db(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let original = workspace.verified("porta.db");
    let made = workspace.porta(&["migrate", "backup", "copy.db"]);
    let fingerprint = original["fingerprint"].as_str().unwrap();
    assert_eq!(
        made.stdout,
        format!(
            "copy.db holds what porta.db held: 1 channel with 3 entries, schema {}.\n  fingerprint  {fingerprint}\n",
            original["schema_version"]
        )
    );
    let mut copy = workspace.verified("copy.db");
    copy["file"] = "porta.db".into();
    assert_eq!(copy, original);
    let mode = workspace.path().join("copy.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "no more people may read it");
    assert_eq!(workspace.files(), ["copy.db", "feeds.csv", "porta.db", "porta.db.lock"]);

    std::fs::write(workspace.path().join("feeds.csv"), "created_at,field1\n2014-03-01,d\n").unwrap();
    workspace.porta(&["migrate", "import", "thingspeak", "feeds.csv", "--channel", "1"]);
    assert_ne!(workspace.verified("porta.db")["fingerprint"], fingerprint);
    let channel = &original["channels"][0];
    assert_eq!((&channel["first_entry_id"], &channel["last_entry_id"]), (&1.into(), &3.into()));
}

#[test]
fn a_backup_takes_nothing_elses_place() {
    let workspace = with_entries();
    std::fs::write(workspace.path().join("taken"), "mine").unwrap();
    std::fs::create_dir(workspace.path().join("folder")).unwrap();
    let partial = std::fs::File::create(workspace.path().join("busy.db.partial")).unwrap();
    partial.lock().unwrap();
    for (arguments, words) in [
        (&["taken"][..], "to taken: there is such a file already\n       Name another"),
        (&["porta.db"], "there is such a file already"),
        (&["folder"], "it is a folder"),
        (&["no/x.db"], "there is no folder no\n"),
        (&["no/x", "--keep", "2"], "there is no folder no\n"),
        (&["taken", "--keep", "2"], "it is no folder"),
        (&["busy.db"], "another process is writing busy.db.partial"),
        (&["x.db", "--db", "missing.db"], "there is no such file"),
        (&["x", "--keep", "2", "--db", "missing.db"], "there is no such file"),
    ] {
        let ended = workspace.porta(&[&["migrate", "backup"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(workspace.porta(&["migrate", "backup", "x", "--keep", "0"]).code, Some(2));
    assert_eq!(std::fs::read(workspace.path().join("taken")).unwrap(), b"mine");
    let expected = ["busy.db.partial", "feeds.csv", "folder", "porta.db", "porta.db.lock", "taken"];
    assert_eq!(workspace.files(), expected);
}

#[test]
fn a_disk_that_is_full_leaves_no_half_of_a_backup() {
    let workspace = with_entries();
    let script =
        format!("trap '' XFSZ; ulimit -f 40; exec '{}' migrate backup x.db", env!("CARGO_BIN_EXE_porta"));
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &script]).current_dir(workspace.path()).env_clear().output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot back up porta.db to x.db") && stderr.contains("the space on the disk"),
        "{stderr}"
    );
    assert!(!workspace.files().iter().any(|file| file.starts_with("x.db")), "{:?}", workspace.files());
}

#[test]
fn the_newest_backups_are_kept_and_nothing_else_is_touched() {
    let workspace = with_entries();
    let folder = workspace.path().join("backups");
    let names = || {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let backup = |keep: &str| {
        let made = workspace.porta(&["migrate", "backup", "backups", "--keep", keep]);
        assert_eq!(made.code, Some(0), "{made:?}");
        made.stdout
    };
    backup("3");
    assert_eq!(names().len(), 1, "the folder is made");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let foreign = [
        "notes.txt",
        "other-20260101T000000Z.db",
        "porta-20260101T000000Z.db.gz",
        "porta-20260101T000000Z.sqlite",
        "porta-before-holidays.db",
        "porta.db",
    ];
    for name in foreign {
        std::fs::write(folder.join(name), "mine").unwrap();
    }
    std::fs::create_dir(folder.join("porta-20260101T000000Z.db")).unwrap();
    // The newest by their names are from a clock that was wrong.
    for old in ["porta-20260102T000000Z.db", "porta-20260102T000000Z-2.db", "porta-29990101T000000Z.db"] {
        std::fs::write(folder.join(old), "old").unwrap();
    }
    std::fs::write(folder.join("porta.db.partial"), "of one that was killed").unwrap();

    let shown = backup("3");
    assert!(shown.contains("  deleted      backups/porta-20260102T000000Z.db\n"), "{shown}");
    assert!(!shown.contains("Z-2.db"), "{shown}");
    let shown = backup("1");
    assert_eq!(shown.matches("deleted").count(), 3, "{shown}");
    let left: Vec<_> = names().into_iter().filter(|name| !foreign.contains(&&**name)).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0], "porta-20260101T000000Z.db", "a folder is no backup");
    workspace.verified(&format!("backups/{}", left[1]));
    for name in foreign {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), b"mine", "{name}");
    }
}

#[test]
fn what_is_damaged_is_found_and_makes_no_backup() {
    let workspace = with_entries();
    assert_eq!(workspace.porta(&["migrate", "backup", "good.db"]).code, Some(0));
    assert_eq!(workspace.porta(&["migrate", "backup", "bad.db"]).code, Some(0));
    damage(&workspace, "bad.db");
    let found = workspace.porta(&["migrate", "verify", "bad.db"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stderr.starts_with("error: bad.db is damaged: "), "{}", found.stderr);
    assert!(found.stderr.ends_with("       Use another backup.\n"), "{}", found.stderr);
    let found = workspace.porta(&["migrate", "verify", "bad.db", "--format", "json"]);
    assert_eq!(found.code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["whole"], false);
    assert!(!found["problems"].as_array().unwrap().is_empty());

    let whole = std::fs::read(workspace.path().join("good.db")).unwrap();
    std::fs::write(workspace.path().join("short.db"), &whole[..whole.len() / 2]).unwrap();
    let found = workspace.porta(&["migrate", "verify", "short.db"]);
    assert!(found.stderr.starts_with("error: short.db is damaged: "), "{}", found.stderr);

    damage(&workspace, "porta.db");
    let found = workspace.porta(&["migrate", "verify"]);
    assert!(found.stderr.contains("porta.db is damaged: "), "{}", found.stderr);
    assert!(found.stderr.contains("porta migrate restore FILE"), "{}", found.stderr);
    for arguments in [&["x.db"][..], &["backups", "--keep", "1"]] {
        let ended = workspace.porta(&[&["migrate", "backup"], arguments].concat());
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("porta.db is damaged\n"), "{}", ended.stderr);
    }
    assert!(!workspace.path().join("x.db").exists());
    assert_eq!(std::fs::read_dir(workspace.path().join("backups")).unwrap().count(), 0);
}

#[test]
fn what_porta_relies_on_is_checked_and_a_long_list_is_cut_short() {
    let workspace = with_entries();
    let change = |sql: &str| workspace.database().execute_batch(sql).unwrap();
    let found = || {
        let ended = workspace.porta(&["migrate", "verify"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.stderr
    };
    change("UPDATE channels SET last_entry_id = 2");
    assert!(found().contains("channel 1 has an entry 3, but has counted only to 2"));
    change("UPDATE channels SET last_entry_id = 3; UPDATE entries SET series_id = 9");
    assert!(found().contains("3 entries belong to series 9, which is not there"));
    change("UPDATE entries SET series_id = 1; INSERT INTO schema_migrations VALUES (99, 'x', '0', 0)");
    assert!(found().contains("steps are noted"));
    change("DELETE FROM schema_migrations WHERE version = 99; DELETE FROM api_keys; PRAGMA foreign_keys = OFF;
            INSERT INTO api_keys (channel_id, kind, prefix, hash, created_at_ms) VALUES (7, 'read', '', zeroblob(32), 0)");
    assert!(found().contains("a row of api_keys refers to one of channels that is not there"));
    change("DELETE FROM api_keys");
    workspace.verified("porta.db");
    for id in 100..130 {
        change(&format!("INSERT INTO channels (id, name, created_at_ms) VALUES ({id}, '', 0)"));
    }
    let found = found();
    assert_eq!(found.matches("has no series").count(), 20, "{found}");
    assert!(found.contains("and more"), "{found}");
}

#[test]
fn what_is_none_of_portas_is_named_as_what_it_is() {
    let workspace = with_entries();
    let path = |name: &str| workspace.path().join(name);
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("text"), "this is no database at all, and was never one").unwrap();
    std::fs::copy(workspace.db(), path("foreign")).unwrap();
    std::fs::copy(workspace.db(), path("newer")).unwrap();
    for (file, pragma, value) in [("foreign", "application_id", 7), ("newer", "user_version", 99)] {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = rusqlite::Connection::open_with_flags(path(file), flags).unwrap();
        connection.pragma_update(None, pragma, value).unwrap();
    }
    let before = workspace.verified("porta.db");
    for (file, words) in [
        ("missing", "there is no such file"),
        (".", "it is a folder"),
        ("empty", "it is empty"),
        ("text", "file is not a database"),
        ("foreign", "not one of porta's"),
        ("newer", "its schema is version 99"),
    ] {
        for command in [&["verify"][..], &["restore", "--yes"]] {
            let ended = workspace.porta(&[&["migrate"], command, &[file]].concat());
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.stderr.starts_with("error: cannot open "), "{}", ended.stderr);
            assert!(ended.stderr.contains(words), "{}", ended.stderr);
        }
        let locks = workspace.files().into_iter().filter(|file| file.ends_with(".lock")).count();
        assert_eq!(locks, 1, "what is only looked into gets no lock file");
    }
    assert_eq!(workspace.verified("porta.db"), before);
}

#[test]
fn an_old_schema_is_backed_up_and_checked_as_it_is() {
    let workspace = Workspace::new();
    old_database(&workspace);
    assert_eq!(workspace.porta(&["migrate", "backup", "old.db"]).code, Some(0));
    let old = workspace.verified("old.db");
    assert_eq!((&old["schema_version"], &old["channels"][0]["entries"]), (&1.into(), &2.into()));
    let shown = workspace.porta(&["migrate", "verify", "old.db"]).stdout;
    let lines: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0].join(" "), "old.db is whole: 1 channel with 2 entries, schema 1.");
    assert_eq!(lines[3], ["1", "kept", "2", "1", "2"]);
}
