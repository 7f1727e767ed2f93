//! Whatever ends a run that was started through the server, its status says so, and its key is gone.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::island::Island;
use crate::support::stress_test::{Admin, generator, left_of_runs, proc_file, signal};
use crate::support::watch::until;
use crate::support::{Channel, Server, Workspace};

/// A run of ten minutes on a channel that is there, which has begun.
fn begun(workspace: &Workspace, admin: &Admin, server: &Server) -> (Channel, i64) {
    let channel = workspace.create_channel("greenhouse");
    let wanted = json!({ "channel_id": channel.id, "workers": 2, "rps": 50, "duration": 600 });
    let id = admin.start(server, &wanted);
    admin.until_measuring(server, id);
    assert_eq!(left_of_runs(workspace), (1, 0));
    (channel, id)
}

fn reason(run: &Value) -> &str {
    run["error_message"].as_str().unwrap_or_default()
}

#[test]
fn load_a_generator_that_is_killed_is_a_failed_run_at_once() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (channel, id) = begun(&workspace, &admin, &server);
    let (_, events) = admin.listen(&server, id, None);
    signal(generator(&server), Signal::KILL);
    let end = events.last().unwrap();
    assert_eq!((end.name.as_str(), &end.data["status"]), ("end", &"failed".into()), "{end:?}");
    let ended = admin.run(&server, id);
    assert_eq!(ended["status"], "failed");
    let expected = format!("killed by signal 9; rows of it may be left in channel {}", channel.id);
    assert!(reason(&ended).ends_with(&expected), "{ended:#}");
    assert!(ended["completed_at"].is_string());
    assert_eq!(left_of_runs(&workspace), (0, 0));
    let next = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 10, "duration": 1 }));
    assert_eq!(admin.until_ended(&server, next)["status"], "completed", "its place is free again");
}

#[test]
fn load_a_run_whose_server_is_killed_ends_itself_and_says_why() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (channel, id) = begun(&workspace, &admin, &server);
    let pid = generator(&server);
    server.kill();
    // Whoever has taken it in as a child may not have looked yet.
    until("the generator has ended", || {
        std::fs::read_to_string(proc_file(pid, "stat")).map_or(true, |stat| stat.contains(") Z"))
    });
    let server = workspace.serve(&[]);
    let run = admin.run(&server, id);
    assert_eq!(run["status"], "failed", "{run:#}");
    assert_eq!(reason(&run), "the server that had started it, and that it measured, has ended");
    assert!(run["total_requests"].as_u64().unwrap() > 0 && run["grade"].is_null(), "{run:#}");
    assert_eq!(workspace.entries(channel.id), [], "it takes its rows along");
    assert_eq!(left_of_runs(&workspace), (0, 0));
    let (_, events) = admin.listen(&server, id, Some("1"));
    assert_eq!(events.map(|event| event.name).collect::<Vec<_>>(), ["end"]);
}

#[test]
fn load_when_both_are_killed_the_next_server_says_so() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (_, id) = begun(&workspace, &admin, &server);
    let pid = generator(&server);
    // Neither is to have a last word.
    signal(pid, Signal::STOP);
    server.kill();
    signal(pid, Signal::KILL);
    until("the generator has ended", || {
        std::fs::read_to_string(proc_file(pid, "stat")).map_or(true, |stat| stat.contains(") Z"))
    });
    let server = workspace.serve(&[]);
    let ended = admin.until_ended(&server, id);
    assert_eq!(ended["status"], "failed");
    assert!(reason(&ended).starts_with("its process ended without a word"), "{ended:#}");
    assert_eq!(left_of_runs(&workspace), (0, 0));
}

#[test]
fn load_a_server_that_is_stopped_ends_its_run_even_one_that_does_not_listen() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (channel, id) = begun(&workspace, &admin, &server);
    assert_eq!(server.stop().code, Some(0));
    let server = workspace.serve(&["--shutdown-timeout", "2s"]);
    let run = admin.run(&server, id);
    assert_eq!((&run["status"], reason(&run)), (&"cancelled".into(), "the server was stopped"), "{run:#}");
    assert_eq!(run["failed_requests"], 0, "it was answered to its end: {run:#}");
    assert_eq!(admin.get(&server, &format!("/{id}/report")).0, 200, "what was measured is kept");
    assert_eq!(workspace.entries(channel.id), []);

    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 10, "duration": 600 }));
    admin.until_measuring(&server, id);
    signal(generator(&server), Signal::STOP);
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let run = &workspace.json(&["report", "list", "--limit", "1", "--format", "json"])[0];
    assert_eq!((&run["id"], &run["status"]), (&id.into(), &"cancelled".into()));
    assert_eq!(reason(run), "the server was stopped, and its process was killed, since it did not end");
    assert_eq!(left_of_runs(&workspace), (0, 0));
}

/// Its process may not even have begun to hear.
#[test]
fn load_a_run_can_be_ended_as_soon_as_it_is_started() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    for _ in 0..3 {
        let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 10, "duration": 600 }));
        assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
        let ended = admin.until_ended(&server, id);
        assert_eq!(ended["status"], "cancelled", "{ended:#}");
        assert_eq!(left_of_runs(&workspace), (0, 0));
    }
}

#[test]
fn load_a_server_whose_executable_was_replaced_starts_its_own() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let executable = workspace.path().join("porta");
    std::fs::copy(env!("CARGO_BIN_EXE_porta"), &executable).unwrap();
    let mut command = std::process::Command::new(&executable);
    command.current_dir(workspace.path()).args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
    let server = Server::start(command);
    std::fs::remove_file(&executable).unwrap();
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 10, "duration": 1 }));
    let ended = admin.until_ended(&server, id);
    assert_eq!(ended["status"], "completed", "{ended:#}");
}

#[test]
fn load_whoever_watches_is_told_of_an_end_that_cannot_be_looked_up() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (_, id) = begun(&workspace, &admin, &server);
    let (_, events) = admin.listen(&server, id, None);
    let rename = |from: &str, to: &str| {
        workspace.database().execute(&format!("ALTER TABLE {from} RENAME TO {to}"), []).unwrap();
    };
    rename("stress_test_runs", "lost");
    signal(generator(&server), Signal::KILL);
    let end = events.last().unwrap();
    assert_eq!((end.name.as_str(), &end.data["status"]), ("end", &"failed".into()), "{end:?}");
    rename("lost", "stress_test_runs");
    until("it is written once that is possible", || {
        let runs = workspace.json(&["report", "list", "--format", "json"]);
        runs[0]["status"] == "failed"
    });
}

/// As a service manager does it. Two signals of a person's would end the run at once, without its report.
#[test]
fn load_what_is_told_to_all_processes_at_once_ends_a_run_as_it_should() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let (channel, id) = begun(&workspace, &admin, &server);
    let pid = generator(&server);
    server.signal(Signal::TERM);
    [Signal::TERM, Signal::HUP, Signal::TERM].into_iter().for_each(|told| signal(pid, told));
    assert_eq!(server.wait().code, Some(0));
    let run = &workspace.json(&["report", "list", "--limit", "1", "--format", "json"])[0];
    assert_eq!((&run["id"], &run["status"]), (&id.into(), &"cancelled".into()));
    assert_eq!(workspace.porta(&["report", "show", &id.to_string()]).code, Some(0), "there is a report");
    assert_eq!(workspace.entries(channel.id), []);
    assert_eq!(left_of_runs(&workspace), (0, 0));
}

#[test]
fn load_a_full_disk_is_the_reason_that_a_run_has_failed() {
    let workspace = Workspace::new();
    let Some(island) = Island::new(workspace.path(), "8m") else { return };
    assert_eq!(island.porta(&["migrate"]).code, Some(0));
    let created = island.porta(&["admin", "token", "create", "--format", "json"]).stdout;
    let token: Value = serde_json::from_str(&created).unwrap();
    let admin = Admin::with_token(token["token"].as_str().unwrap());
    let server = island.serve(&[]);
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 2, "rps": 50, "duration": 600 }));
    admin.until_measuring(&server, id);
    island.run("dd", &["if=/dev/zero", "of=filler", "bs=4k"]);
    until("updates are refused", || admin.run(&server, id)["failed_requests"].as_u64().unwrap() > 0);
    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
    let ended = admin.until_ended(&server, id);
    assert_eq!(ended["status"], "failed", "{ended:#}");
    assert!(reason(&ended).contains("disk"), "{ended:#}");
    assert_eq!(island.run("rm", &["filler"]).code, Some(0));
    until("it is written once there is space", || {
        let runs = island.porta(&["report", "list", "--format", "json"]);
        let runs: Value = serde_json::from_str(&runs.stdout).unwrap();
        runs[0]["status"] == "failed" && reason(&runs[0]).contains("disk")
    });
}
