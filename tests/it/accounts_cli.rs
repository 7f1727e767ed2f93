//! `porta admin user`, on a terminal and without one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::support::Workspace;
use crate::support::browser::{ADMIN, PASSWORD, VIEWER};

#[test]
fn accounts_are_created_listed_and_deleted() {
    let workspace = Workspace::new();
    let create = |email: &str, more: &[&str], password: &str| {
        let mut all = vec!["admin", "user", "create", email, "--password-stdin"];
        all.extend(more);
        workspace.porta_with_input(&all, password)
    };
    let created = create(" Ann@Example.org", &[], &format!("{PASSWORD}\r\n"));
    assert_eq!(created.stdout, "Account 1  ann@example.org can log in as admin.\n", "{created:?}");
    let viewer = create(VIEWER, &["--role", "viewer", "--format", "json"], PASSWORD);
    let viewer: serde_json::Value = serde_json::from_str(&viewer.stdout).unwrap();
    assert_eq!(
        (&viewer["id"], &viewer["email"], &viewer["role"]),
        (&json!(2), &json!(VIEWER), &json!("viewer"))
    );
    let again = create(ADMIN, &[], PASSWORD);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("there is an account ann@example.org already"), "{}", again.stderr);
    let list = workspace.porta(&["admin", "user", "list"]).stdout;
    let lines: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[1][..3], ["1", ADMIN, "admin"], "{list}");
    assert_eq!((&lines[2][..3], lines[2].last()), (&["2", VIEWER, "viewer"][..], Some(&"never")), "{list}");
    let all = workspace.porta(&["admin", "user", "list", "--format", "json"]).stdout;
    assert!(!all.contains("argon2") && !all.contains("password_hash"), "{all}");

    let kept = workspace.porta(&["admin", "user", "delete", VIEWER]);
    assert_eq!(kept.code, Some(2), "{kept:?}");
    assert_eq!(
        workspace.porta(&["admin", "user", "delete", VIEWER, "--yes"]).stdout,
        "Account 2  vic@example.org is deleted.\n"
    );
    for unknown in [
        workspace.porta(&["admin", "user", "delete", VIEWER, "--yes"]),
        workspace
            .porta_with_input(&["admin", "user", "reset-password", VIEWER, "--password-stdin"], PASSWORD),
    ] {
        assert_eq!(unknown.code, Some(1));
        assert!(unknown.stderr.contains("account vic@example.org not found"), "{}", unknown.stderr);
    }
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let workspace = Workspace::new();
    for (email, role, password, words) in [
        ("ann", "admin", PASSWORD, "it takes an e-mail address"),
        ("ann@example.org", "root", PASSWORD, "an account is for an `admin` or a `viewer`"),
        ("ann@example.org", "admin", "short", "at least 10 characters"),
        ("ann@example.org", "admin", "", "at least 10 characters"),
        ("ann@example.org", "admin", "ann@example.org", "among the first that are tried"),
        ("ann@example.org", "admin", "kettle-moon\nriver\n", "no control characters"),
        ("ann@example.org", "admin", &"kettle-moon ".repeat(30), "at most 256 bytes"),
    ] {
        let ended = workspace.porta_with_input(
            &["admin", "user", "create", email, "--role", role, "--password-stdin"],
            password,
        );
        assert_eq!(ended.code, Some(2), "{email} {role}: {ended:?}");
        assert!(ended.stderr.contains(words), "{email} {role}: {}", ended.stderr);
        assert!(
            password.len() < 3 || !ended.stderr.contains(password) || password == email,
            "{}",
            ended.stderr
        );
    }
    let without = workspace.porta(&["admin", "user", "create", ADMIN]);
    assert_eq!(without.code, Some(2));
    assert!(without.stderr.contains("--password-stdin"), "{}", without.stderr);
    assert!(!workspace.db().exists(), "nothing was begun");
}

/// A terminal, and a command that has it as its own.
struct Terminal {
    other_end: File,
    child: Child,
    shown: String,
}

impl Terminal {
    fn start(workspace: &Workspace, arguments: &[&str]) -> Self {
        let other_end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&other_end).unwrap();
        unlockpt(&other_end).unwrap();
        let name = ptsname(&other_end, Vec::new()).unwrap();
        let end: OwnedFd = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let mut command = workspace.command(arguments);
        command.stdin(end.try_clone().unwrap()).stderr(end).stdout(Stdio::piped());
        Self { child: command.spawn().unwrap(), other_end: other_end.into(), shown: String::new() }
    }

    /// Waits for the question, and types.
    fn answer(&mut self, question: &str, typed: &str) {
        while !self.shown.contains(question) {
            let mut bytes = [0; 256];
            let read = self.other_end.read(&mut bytes).unwrap();
            assert!(read > 0, "{}", self.shown);
            self.shown.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        self.other_end.write_all(typed.as_bytes()).unwrap();
    }

    /// How the command ended, with what the terminal has shown and whether it shows again what is typed.
    fn end(mut self) -> (Option<i32>, String, String) {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        // What typed afterwards is shown says that the terminal is as it was before.
        self.other_end.write_all(b"echo\n").unwrap();
        let mut bytes = [0; 1024];
        while !self.shown.contains("echo") {
            let read = self.other_end.read(&mut bytes).unwrap_or(0);
            if read == 0 {
                break;
            }
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        (code, stdout, self.shown)
    }
}

#[test]
fn a_terminal_is_asked_twice_and_does_not_show_the_password() {
    let workspace = Workspace::new();
    let mut terminal = Terminal::start(&workspace, &["admin", "user", "create", ADMIN]);
    terminal.answer("Password: ", &format!("{PASSWORD}\n"));
    terminal.answer("The same again: ", &format!("{PASSWORD}\n"));
    let (code, stdout, shown) = terminal.end();
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "Account 1  ann@example.org can log in as admin.\n"),
        "{shown}"
    );
    assert!(!shown.contains("kettle"), "{shown}");

    let mut terminal = Terminal::start(&workspace, &["admin", "user", "reset-password", ADMIN]);
    terminal.answer("Password: ", &format!("{PASSWORD}\n"));
    terminal.answer("The same again: ", "kettle-moon-lake\n");
    let (code, _, shown) = terminal.end();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the two passwords are not the same") && !shown.contains("kettle"), "{shown}");

    let mut terminal = Terminal::start(&workspace, &["admin", "user", "reset-password", ADMIN]);
    terminal.answer("Password: ", "kettle\x03");
    let (code, _, shown) = terminal.end();
    assert_eq!(code, Some(130), "{shown}");
    assert!(!shown.contains("kettle"), "{shown}");
}
