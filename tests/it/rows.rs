//! The rows of a run on a channel that is not its own: counted, told from those of others, and deleted.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::wire::{FORM, exchange, post};
use crate::support::{Channel, Ended, Server, Workspace};

fn arguments<'a>(server: &'a Server, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["stress", "--url", &server.url, "--rps", "200", "--duration", "2s"];
    arguments.extend(more);
    arguments
}

/// Runs against the server, does something after the first second, and returns the end and the report.
fn stress(
    workspace: &Workspace,
    channel: &Channel,
    arguments: &[&str],
    after_a_second: impl FnOnce(),
) -> (Ended, Value) {
    let mut command = workspace.command(arguments);
    command.env("PORTA_API_KEY", &channel.write_key).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("1 s  sent")).expect("a first second");
    after_a_second();
    let stderr = lines.collect::<Vec<_>>().join("\n");
    let ended = Ended { stderr, ..child.wait_with_output().unwrap().into() };
    (ended, workspace.json(&["report", "--format", "json"]))
}

fn update(server: &Server, channel: &Channel, value: &str) -> i64 {
    let body = format!("api_key={}&field1={value}", channel.write_key);
    let answer = exchange(server, &post("/update", FORM, &body));
    answer.rsplit("\r\n").next().unwrap().trim().parse().unwrap_or_else(|_| panic!("{answer}"))
}

#[test]
fn load_rows_of_a_run_are_counted_and_deleted_and_those_of_others_stay() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let server = workspace.serve(&[]);
    update(&server, &channel, "before");
    let feed = format!(
        "GET /channels/{}/feeds.json?api_key={}&results=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        channel.id, channel.write_key
    );
    let (ended, report) = stress(&workspace, &channel, &arguments(&server, &[]), || {
        update(&server, &channel, "between");
        exchange(&server, &feed);
    });
    assert!([Some(0), Some(5)].contains(&ended.code), "{ended:?}");
    assert_eq!(report["results"]["rows_stored"], report["results"]["success"]);
    let rows = &report["rows"];
    assert_eq!(
        (&rows["acknowledged"], &rows["missing"], &rows["removed"]),
        (&400.into(), &0.into(), &400.into())
    );
    assert_eq!(report["config"]["channel_id"], channel.id);
    assert!(ended.stdout.contains("400 rows of this run were deleted after that"), "{}", ended.stdout);
    let last = update(&server, &channel, "after");
    assert_eq!(last, 403, "ids are not given again");
    let values: Vec<_> = workspace.entries(channel.id).into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["before", "between", "after"]);
    let fresh = exchange(&server, &feed);
    assert!(fresh.contains("\"entry_id\":403") && fresh.contains("\"entry_id\":1,"), "{fresh}");
}

#[test]
fn load_rows_are_kept_where_that_is_asked_for_and_told_apart_by_their_ids() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let server = workspace.serve(&[]);
    update(&server, &channel, "before");
    let (ended, report) = stress(&workspace, &channel, &arguments(&server, &["--keep-rows"]), || ());
    assert!([Some(0), Some(5)].contains(&ended.code), "{ended:?}");
    assert_eq!(report["rows"]["removed"], Value::Null);
    assert_eq!(report["rows"]["entry_ids"], serde_json::json!([[2, 401]]));
    assert_eq!(workspace.entries(channel.id).len(), 401);
    assert!(ended.stdout.contains("rows stay where they are"), "{}", ended.stdout);
}

#[test]
fn load_a_row_that_is_missing_fails_the_run() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let server = workspace.serve(&[]);
    let (ended, report) = stress(&workspace, &channel, &arguments(&server, &[]), || {
        let deleted = workspace.database().execute("DELETE FROM entries WHERE entry_id IN (3, 50)", []);
        assert_eq!(deleted.unwrap(), 2);
    });
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let wrong = "2 acknowledged updates are not in the database";
    assert!(ended.stderr.contains(wrong) && ended.stdout.contains(wrong), "{ended:?}");
    assert_eq!((&report["rows"]["missing"], &report["rows"]["removed"]), (&2.into(), &Value::Null));
    assert_eq!(workspace.entries(channel.id).len(), 398, "what is left is for whoever looks into it");
}

#[test]
fn load_an_id_that_is_given_again_fails_the_run() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("real");
    let server = workspace.serve(&[]);
    // Rows that are gone, and a counter that was set back: the next ids have been given before.
    let (ended, report) = stress(&workspace, &channel, &arguments(&server, &[]), || {
        workspace
            .database()
            .execute_batch(
                "BEGIN IMMEDIATE;
                 DELETE FROM entries WHERE entry_id > (SELECT last_entry_id FROM channels) - 20;
                 UPDATE channels SET last_entry_id = last_entry_id - 20;
                 COMMIT;",
            )
            .unwrap();
    });
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("20 updates got an entry id that another had got already"), "{ended:?}");
    assert_eq!((&report["rows"]["missing"], &report["rows"]["given_twice"]), (&0.into(), &20.into()));
}

#[test]
fn load_a_copy_of_the_database_is_not_taken_for_it() {
    let (original, copy) = (Workspace::new(), Workspace::new());
    let channel = original.create_channel("real");
    let server = original.serve(&[]);
    let target = copy.db();
    assert_eq!(original.porta(&["migrate", "backup", target.to_str().unwrap()]).code, Some(0));
    let (ended, report) = stress(&copy, &channel, &arguments(&server, &[]), || ());
    assert!([Some(0), Some(5)].contains(&ended.code), "{ended:?}");
    let note = report["rows"]["note"].as_str().unwrap();
    assert!(note.contains("--db is not the database that the server uses"), "{note}");
    assert_eq!(report["results"]["rows_stored"], Value::Null);
    assert_eq!(original.entries(channel.id).len(), 400);

    let elsewhere = Workspace::new();
    let (ended, report) = stress(&elsewhere, &channel, &arguments(&server, &[]), || ());
    assert!(ended.stdout.contains("rows stay where they are"), "{}", ended.stdout);
    assert!(report["rows"]["note"].as_str().unwrap().contains("not at hand"), "{report:#}");
}
