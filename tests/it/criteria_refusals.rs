//! `porta criteria` where there is nothing to judge: code 3, one line that says why, and nothing is made or left.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags};

use crate::criteria::check;
use crate::support::{Ended, Workspace};

fn refused(ended: &Ended, words: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(words), "{words}: {ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "why, and what to do: {ended:?}");
}

#[test]
fn what_is_no_database_is_unknown_and_none_is_made() {
    let workspace = Workspace::new();
    let at = |path: &str| workspace.porta(&["criteria", "check", "--db", path]);
    refused(&at("missing.db"), "missing.db: there is no such file");
    refused(&at("no/such/folder.db"), "there is no such file");
    refused(&at("."), "it is a folder");
    std::fs::write(workspace.path().join("empty.db"), "").unwrap();
    refused(&at("empty.db"), "it is empty");
    std::fs::write(
        workspace.path().join("text.db"),
        "this is no database, and it is longer than a header\n".repeat(99),
    )
    .unwrap();
    refused(&at("text.db"), "file is not a database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let other = Connection::open_with_flags(workspace.path().join("other.db"), flags).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    refused(&at("other.db"), "not one of porta's");
    refused(&at("other.db"), ". Name another file with --db or PORTA_DB.");
    assert_eq!(workspace.files(), ["empty.db", "other.db", "text.db"]);
    for command in [&["criteria", "history"][..], &["criteria", "checklist"], &["criteria", "backtest"]] {
        refused(&workspace.porta(command), "porta.db: there is no such file");
    }
    assert_eq!(workspace.files(), ["empty.db", "other.db", "text.db"]);
}

#[test]
fn another_schema_is_unknown() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    workspace.database().pragma_update(None, "user_version", 99).unwrap();
    refused(&check(&workspace, &[]), "its schema is version 99, this porta knows up to");
    workspace.database().pragma_update(None, "user_version", 3).unwrap();
    refused(&check(&workspace, &[]), "its schema is version 3, this porta needs");
}

#[test]
fn a_database_that_somebody_keeps_to_himself_is_unknown() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let restoring = workspace.lock_file();
    restoring.lock().unwrap();
    refused(&check(&workspace, &[]), "keeps it to itself");
    drop(restoring);
    let alone = workspace.database();
    alone.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    alone.execute("DELETE FROM milestones", []).unwrap();
    let locked = "database is locked. Another program has it to itself: wait until it is done";
    refused(&check(&workspace, &["--no-store"]), locked);
}

#[test]
fn a_damaged_database_is_unknown() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let mut bytes = std::fs::read(workspace.db()).unwrap();
    // All but the first page, which names the schema.
    bytes[4096..].fill(0xff);
    std::fs::write(workspace.db(), bytes).unwrap();
    refused(&check(&workspace, &[]), "malformed. porta migrate verify FILE says what is damaged");
}

#[test]
fn a_check_that_is_under_way_is_not_overtaken() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let lock = std::fs::File::create(workspace.path().join("porta.db.check.lock")).unwrap();
    lock.lock().unwrap();
    refused(&check(&workspace, &[]), "another check is under way: process");
    assert_eq!(check(&workspace, &["--no-store"]).stderr, "", "one that leaves nothing need not wait");
}

#[test]
fn wrong_arguments_are_unknown_and_never_critical() {
    let workspace = Workspace::new();
    for (arguments, words) in [
        (&["check", "--nonsense"][..], "unexpected argument '--nonsense'"),
        (&["check", "--format", "xml"], "possible values: table, json, nagios, prometheus, junit, markdown"),
        (&["check", "--since", "never"], "`never` is not a duration"),
        (&["check", "--since", "1s"], "it takes 1m to 730d"),
        (&["check", "--damping", "0"], "it takes a whole number from 1 to 100"),
        (&["check", "--run", "x"], "is not a number from 1"),
        (&["check", "--ping", "ftp://x"], "it is neither http nor https"),
        (&["check", "--config", "none.toml"], "cannot read none.toml"),
        (&["backtest", "--days", "0"], "it takes a whole number from 1 to 730"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["hook-test"], "name a hook with --hook CMD"),
    ] {
        refused(&workspace.porta(&[&["criteria"], arguments].concat()), words);
    }
    std::fs::write(workspace.path().join("wrong.toml"), "[criteria]\nagents = 5\npf95 = 1\n").unwrap();
    let wrong = workspace.porta(&["criteria", "check", "--config", "wrong.toml"]);
    refused(&wrong, "wrong.toml");
    assert!(wrong.stderr.contains("line 3") && wrong.stderr.contains("pf95"), "{}", wrong.stderr);
    std::fs::write(workspace.path().join(".env"), "nonsense\n").unwrap();
    refused(&workspace.porta(&["criteria", "check"]), "cannot read .env");
    let monitored = workspace.porta(&["criteria", "check", "--format=nagios"]);
    assert!(monitored.stdout.starts_with("PORTA UNKNOWN - cannot read .env"), "{monitored:?}");
    assert_eq!(workspace.porta(&["report"]).code, Some(2), "elsewhere it is wrong usage");
    assert_eq!(workspace.porta(&["criteria"]).code, Some(3));
    assert_eq!(workspace.files(), [".env", "wrong.toml"]);
}

/// Monitoring reads the first line of standard output, and nothing else.
#[test]
fn monitoring_is_told_whatever_is_wrong() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let lock = std::fs::File::create(workspace.path().join("porta.db.check.lock")).unwrap();
    lock.lock().unwrap();
    for (arguments, words) in [
        (&["--wrong-flag"][..], "unexpected argument '--wrong-flag'"),
        (&["--since", "never"], "`never` is not a duration"),
        (&["--ping", "ftp://x"], "it is neither http nor https"),
        (&["--no-store", "--config", "none.toml"], "cannot read none.toml"),
        (&["--no-store", "--run", "7"], "run 7 not found"),
        (&["--no-store", "--db", "none.db"], "there is no such file"),
        (&["--no-store", "--output", "/no/such/folder/x"], "cannot write /no/such/folder/x"),
        (&[], "another check is under way"),
    ] {
        let arguments = [&["criteria", "check", "--format", "nagios"], arguments].concat();
        let ended = workspace.porta(&arguments);
        assert!(ended.stdout.starts_with("PORTA UNKNOWN - ") && ended.stdout.contains(words), "{ended:?}");
        assert_eq!((ended.code, ended.stdout.lines().count()), (Some(3), 1), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

/// Another user's shell, where this one may start it.
fn as_nobody(workspace: &Workspace, arguments: &[&str]) -> Option<Ended> {
    if !rustix::process::getuid().is_root() {
        crate::support::skip("only root can be somebody else");
        return None;
    }
    // The executable may lie where others cannot reach it.
    let executable = workspace.path().join("porta");
    std::fs::copy(env!("CARGO_BIN_EXE_porta"), &executable).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(executable).args(arguments);
    Some(command.current_dir("/").env_clear().output().unwrap().into())
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn who_may_not_read_it_is_told_and_who_may_leaves_nothing_there() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    let db = workspace.db();
    let arguments = ["criteria", "check", "--db", db.to_str().unwrap()];
    mode(workspace.path(), 0o755);
    mode(&db, 0o600);
    let Some(ended) = as_nobody(&workspace, &arguments) else { return };
    refused(&ended, "Permission denied");
    mode(&db, 0o644);
    // A folder that all may write to is where a reader's log would stop the server.
    mode(workspace.path(), 0o777);
    let before = workspace.files();
    let ended = as_nobody(&workspace, &[&arguments[..], &["--no-store"]].concat()).unwrap();
    assert!(ended.code == Some(3) && ended.stdout.contains("UNKNOWN"), "{ended:?}");
    assert_eq!(workspace.files(), before);
    let ended = as_nobody(&workspace, &arguments).unwrap();
    assert!(
        ended.stdout.contains("UNKNOWN") && ended.stderr.contains("the check was not stored"),
        "{ended:?}"
    );
    assert!(!workspace.files().iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")));
}

/// The same for whoever is not root.
#[test]
fn a_database_without_permissions_is_unknown() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    mode(&workspace.db(), 0o000);
    if std::fs::File::open(workspace.db()).is_ok() {
        return crate::support::skip("root may read what nobody may");
    }
    refused(&check(&workspace, &[]), "Permission denied");
}

/// Who may read but not write remembers beside the database whom he has told, and tells each time where he cannot.
#[test]
fn who_may_only_read_it_tells_all_the_same() {
    for (folder, lines) in [(0o777, 1), (0o755, 3)] {
        let workspace = Workspace::new();
        assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
        mode(workspace.path(), folder);
        let told = tempfile::tempdir().unwrap();
        mode(told.path(), 0o777);
        let hook = format!("echo $PORTA_PREVIOUS $PORTA_VERDICT >> {}/told", told.path().display());
        let db = workspace.db();
        for _ in 0..3 {
            let arguments = ["criteria", "check", "--db", db.to_str().unwrap(), "--hook", &hook];
            let Some(ended) = as_nobody(&workspace, &arguments) else { return };
            assert_eq!(ended.code, Some(3), "{ended:?}");
        }
        let told = std::fs::read_to_string(told.path().join("told")).unwrap();
        assert_eq!(told, "ok unknown\n".repeat(lines), "{folder:o}");
    }
}

/// Root looks once by hand: the server's user goes on to remember.
#[test]
fn what_root_has_left_belongs_to_the_databases_owner() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    if !rustix::process::getuid().is_root() {
        return crate::support::skip("only root can be somebody else");
    }
    std::os::unix::fs::chown(workspace.db(), Some(65534), Some(65534)).unwrap();
    assert_eq!(check(&workspace, &[]).code, Some(3));
    let state = workspace.path().join("porta.db.check.lock").metadata().unwrap();
    assert_eq!((state.uid(), state.gid()), (65534, 65534));
}
