//! `porta migrate restore`, and the lock that keeps it away from a database in use.

use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::migrate::old_database;
use crate::support::browser::{ADMIN, Browser, PASSWORD};
use crate::support::wire::{FORM, exchange, post};
use crate::support::{Channel, Ended, Server, Workspace};

/// A channel, a backup in which it has one entry, and a database in which it has two.
struct Story {
    workspace: Workspace,
    channel: Channel,
    backup: Value,
    present: Value,
}

impl Story {
    fn new() -> Self {
        let workspace = Workspace::new();
        let channel = workspace.create_channel("restored");
        let server = workspace.serve(&[]);
        assert_eq!(update(&server, &channel, "in the backup"), "1");
        assert_eq!(workspace.porta(&["migrate", "backup", "backup.db"]).code, Some(0));
        assert_eq!(update(&server, &channel, "after it"), "2");
        assert_eq!(server.stop().code, Some(0));
        let (backup, present) = (workspace.verified("backup.db"), workspace.verified("porta.db"));
        Self { workspace, channel, backup, present }
    }

    fn restore(&self) -> Ended {
        self.workspace.porta(&["migrate", "restore", "backup.db", "--yes"])
    }

    fn kept(&self) -> Vec<PathBuf> {
        let files = self.workspace.path().read_dir().unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.to_str().unwrap().contains(".before-restore-")).collect()
    }

    /// The database holds what the backup held, alone, and goes on.
    fn assert_restored(&self) {
        assert_eq!(self.workspace.verified("porta.db")["fingerprint"], self.backup["fingerprint"]);
        assert!(!self.workspace.files().iter().any(|file| file.starts_with("porta.db.restoring")));
        let server = self.workspace.serve(&[]);
        assert_eq!(update(&server, &self.channel, "again"), "2", "ids go on from the backup");
    }
}

fn update(server: &Server, channel: &Channel, value: &str) -> String {
    let body = format!("api_key={}&field1={value}", channel.write_key);
    let response = exchange(server, &post("/update", FORM, &body));
    response.rsplit("\r\n").next().unwrap().into()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_backup_takes_the_databases_place_and_can_be_undone() {
    let story = Story::new();
    std::fs::set_permissions(story.workspace.db(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let unasked = story.workspace.porta(&["migrate", "restore", "backup.db"]);
    assert_eq!(unasked.code, Some(2));
    assert!(unasked.stderr.contains("did not put backup.db in the place of porta.db"), "{}", unasked.stderr);
    let restored = story.restore();
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(
        restored.stdout.starts_with("porta.db holds what backup.db holds: 1 channel with 1 entry, schema "),
        "{}",
        restored.stdout
    );
    assert!(restored.stdout.contains(story.backup["fingerprint"].as_str().unwrap()), "{}", restored.stdout);
    let kept = story.kept();
    assert_eq!(kept.len(), 1);
    assert!(restored.stdout.contains(name(&kept[0])), "{}", restored.stdout);
    assert_eq!(story.workspace.db().metadata().unwrap().mode() & 0o777, 0o640, "as before");
    assert_ne!(story.workspace.db().metadata().unwrap().ino(), kept[0].metadata().unwrap().ino());
    story.assert_restored();

    let undone = story.workspace.porta(&["migrate", "restore", name(&kept[0]), "--yes"]);
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(story.workspace.verified("porta.db")["fingerprint"], story.present["fingerprint"]);
    assert_eq!(story.kept().len(), 2);
}

#[test]
fn a_database_in_use_is_not_replaced_and_its_user_is_named() {
    let story = Story::new();
    let servers = [story.workspace.serve(&[]), story.workspace.serve(&[])];
    let refused = story.restore();
    assert_eq!(refused.code, Some(1));
    let named = |server: &Server| format!("process {} (porta serve) and 1 more is using it", server.pid());
    assert!(servers.iter().any(|server| refused.stderr.contains(&named(server))), "{}", refused.stderr);
    assert!(refused.stderr.contains("Stop that first"), "{}", refused.stderr);
    assert!(story.kept().is_empty());
    assert_eq!(update(&servers[0], &story.channel, "x"), "3", "it goes on");
    let [first, second] = servers;
    first.stop();
    // The kernel ends a lock with its process.
    second.kill();
    assert_eq!(story.restore().code, Some(0));
    story.assert_restored();
    let kept = story.workspace.verified(name(&story.kept()[0]));
    assert_eq!(kept["channels"][0]["entries"], 3, "what was in the write-ahead log is in what is kept");
}

#[test]
fn nobody_opens_a_database_that_is_being_replaced() {
    let story = Story::new();
    let alone = story.workspace.lock_file();
    alone.lock().unwrap();
    let words = format!("process {} (", std::process::id());
    let refused = |command: &[&str]| {
        let refused = story.workspace.porta(command);
        assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
        assert!(refused.stderr.contains(&words), "{command:?}: {}", refused.stderr);
        let step = "keeps it to itself\n       Wait until that is done";
        assert!(refused.stderr.contains(step), "{}", refused.stderr);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| refused(&["serve", "--listen", "127.0.0.1:0"]));
        scope.spawn(|| refused(&["serve", "--listen", "127.0.0.1:0", "--no-migrate"]));
        scope.spawn(|| refused(&["migrate", "backup", "x.db"]));
        scope.spawn(|| refused(&["migrate", "verify"]));
    });
    drop(alone);
    drop(story.workspace.serve(&[]));
}

#[test]
fn another_programs_connection_is_in_the_way_too() {
    let story = Story::new();
    let other = story.workspace.database();
    other.query_row("SELECT count(*) FROM channels", [], |_| Ok(())).unwrap();
    let refused = story.restore();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("another program has the database open"), "{}", refused.stderr);
    drop(other);
    assert_eq!(story.workspace.verified("porta.db")["fingerprint"], story.present["fingerprint"]);
    assert_eq!(story.restore().code, Some(0));
}

#[test]
fn a_database_that_is_gone_is_restored_without_asking() {
    let story = Story::new();
    let server = story.workspace.serve(&[]);
    update(&server, &story.channel, "x");
    server.kill();
    std::fs::remove_file(story.workspace.db()).unwrap();
    assert!(story.workspace.path().join("porta.db-wal").exists());
    let restored = story.workspace.porta(&["migrate", "restore", "backup.db"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(!restored.stdout.contains("kept"), "{}", restored.stdout);
    assert!(
        !story.workspace.path().join("porta.db-wal").exists(),
        "the log of the one that is gone is put aside"
    );
    story.assert_restored();
}

#[test]
fn a_damaged_database_and_its_log_are_put_aside_as_they_are() {
    let story = Story::new();
    let server = story.workspace.serve(&[]);
    update(&server, &story.channel, "x");
    server.kill();
    let db = std::fs::OpenOptions::new().write(true).open(story.workspace.db()).unwrap();
    db.set_len(4096).unwrap();
    db.write_all_at(b"this is no database any more    ", 0).unwrap();
    // A log without its first page, as a power failure may leave it.
    let log = story.workspace.path().join("porta.db-wal");
    std::fs::write(&log, &std::fs::read(&log).unwrap()[..40]).unwrap();
    let before = [story.workspace.db(), log.clone()].map(|file| std::fs::read(file).unwrap());
    let unasked = story.workspace.porta(&["migrate", "restore", "backup.db"]);
    assert_eq!(unasked.code, Some(2), "{unasked:?}");
    assert_eq!(story.restore().code, Some(0));
    let kept = story.kept();
    assert_eq!(kept.len(), 2, "{kept:?}");
    for file in kept {
        let expected = if name(&file).ends_with("-wal") { &before[1] } else { &before[0] };
        assert_eq!(&std::fs::read(&file).unwrap(), expected, "{}", file.display());
    }
    assert!(!log.exists());
    story.assert_restored();
}

#[test]
fn a_database_with_a_damaged_page_is_replaced() {
    let story = Story::new();
    let db = std::fs::OpenOptions::new().write(true).open(story.workspace.db()).unwrap();
    db.write_all_at(&[0xff; 4096], 4 * 4096).unwrap();
    assert_eq!(story.restore().code, Some(0));
    story.assert_restored();
}

#[test]
fn a_newer_database_is_replaced_by_an_older_backup_which_is_then_migrated() {
    let workspace = Workspace::new();
    old_database(&workspace);
    std::fs::rename(workspace.db(), workspace.path().join("old.db")).unwrap();
    workspace.create_channel("new");
    workspace.database().pragma_update(None, "user_version", 99).unwrap();
    let restored = workspace.porta(&["migrate", "restore", "old.db", "--yes"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.contains("Its schema is that of an older porta"), "{}", restored.stdout);
    drop(workspace.serve(&[]));
    assert_eq!(workspace.entries(1).len(), 2);
}

#[test]
fn what_is_not_portas_is_not_replaced_and_the_database_not_by_itself() {
    let story = Story::new();
    let foreign = rusqlite::Connection::open_with_flags(
        story.workspace.path().join("foreign.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_CREATE,
    );
    foreign.unwrap().execute_batch("CREATE TABLE somebody_elses (x)").unwrap();
    std::os::unix::fs::symlink("porta.db", story.workspace.path().join("link.db")).unwrap();
    for (arguments, words) in [
        (&["backup.db", "--yes", "--db", "foreign.db"][..], "not one of porta's"),
        (&["backup.db", "--yes", "--db", "."], "it is a folder"),
        (&["backup.db", "--db", "no/porta.db"], "there is no folder no"),
        (&["porta.db", "--yes"], "it is that database itself"),
        (&["link.db", "--yes"], "it is that database itself"),
    ] {
        let ended = story.workspace.porta(&[&["migrate", "restore"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
    }
    assert!(story.kept().is_empty());
    assert_eq!(story.workspace.verified("porta.db")["fingerprint"], story.present["fingerprint"]);
}

#[test]
fn a_link_to_the_database_stays_one() {
    let story = Story::new();
    let folder = story.workspace.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    std::fs::rename(story.workspace.db(), folder.join("real.db")).unwrap();
    std::os::unix::fs::symlink("data/real.db", story.workspace.db()).unwrap();
    let server = story.workspace.serve(&[]);
    let refused =
        story.workspace.porta(&["migrate", "restore", "backup.db", "--yes", "--db", "data/real.db"]);
    assert!(
        refused.stderr.contains("(porta serve) is using it"),
        "both names have one lock: {}",
        refused.stderr
    );
    server.stop();
    assert_eq!(story.restore().code, Some(0));
    assert!(story.workspace.db().is_symlink());
    story.assert_restored();
}

/// As after a restore that was killed between the database's second name and its replacement.
#[test]
fn a_second_name_of_the_database_is_not_taken_for_one_that_is_kept() {
    let story = Story::new();
    let second = story.workspace.path().join("porta.db.before-restore-20260101T000000Z");
    std::fs::hard_link(story.workspace.db(), &second).unwrap();
    assert_eq!(story.restore().code, Some(0));
    assert!(!second.exists());
    assert_eq!(story.workspace.verified(name(&story.kept()[0]))["fingerprint"], story.present["fingerprint"]);
    story.assert_restored();
}

/// Whoever was logged out since stays so; what opens the installation is what the backup has.
#[test]
fn a_restore_brings_no_session_back() {
    let workspace = Workspace::new();
    workspace.create_user(ADMIN, "admin");
    let server = workspace.serve(&[]);
    let mut browser = Browser::logged_in(&server, ADMIN);
    let stolen = browser.cookies.clone();
    assert_eq!(workspace.porta(&["migrate", "backup", "backup.db"]).code, Some(0));
    browser.submit("/account", &[("action", "log_out_everywhere")]).location();
    assert_eq!(server.stop().code, Some(0));
    let fingerprint = workspace.verified("backup.db")["fingerprint"].clone();
    let restored = workspace.porta(&["migrate", "restore", "backup.db", "--yes"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.contains("Passwords, keys and tokens are those of the backup"), "{restored:?}");
    assert_eq!(workspace.verified("porta.db")["fingerprint"], fingerprint);
    for table in ["sessions", "known_browsers", "set_up_link"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = workspace.database().query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
    let server = workspace.serve(&[]);
    let mut browser = Browser::new(&server);
    browser.cookies = stolen;
    assert!(!browser.is_logged_in());
    assert_eq!(browser.log_in(ADMIN, PASSWORD).location(), "/");
}
