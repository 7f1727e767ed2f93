//! A run as events: second by second, after a lost connection, to its end and to the server's.

use rusqlite::params;
use serde_json::json;

use crate::support::browser::{ADMIN, Browser};
use crate::support::stress_test::{Admin, Event, left_of_runs, listen};
use crate::support::watch::{errors, until, until_deserted};
use crate::support::{Server, Workspace};

/// A run of ten minutes that has begun.
fn begun(workspace: &Workspace, admin: &Admin) -> (Server, i64) {
    // Streams take longer, and are no requests that do.
    let server = workspace.serve(&["--worker-timeout", "2s"]);
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 20, "duration": 600 }));
    admin.until_measuring(&server, id);
    (server, id)
}

fn second(event: &Event) -> u64 {
    event.id.parse().unwrap()
}

#[test]
fn load_who_comes_back_gets_what_was_missed_and_lastly_the_end() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let (server, id) = begun(&workspace, &admin);
    let (head, events) = admin.listen(&server, id, None);
    assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{head}");
    for header in ["Content-Type: text/event-stream", "Cache-Control: no-cache", "X-Accel-Buffering: no"] {
        assert!(head.contains(header), "{head}");
    }
    let first: Vec<_> = events.take(4).collect();
    for pair in first.windows(2) {
        assert_eq!(second(&pair[1]), second(&pair[0]) + 1, "{pair:#?}");
        let total = |event: &Event| event.data["total_requests"].as_u64().unwrap();
        assert!(total(&pair[1]) > total(&pair[0]), "{pair:#?}");
    }
    let last = first.last().unwrap();
    assert_eq!((&last.data["id"], &last.data["status"]), (&id.into(), &"running".into()));
    let points = last.data["series"].as_array().unwrap();
    assert_eq!(points.len(), 1, "what this second has brought: {points:?}");
    for figure in ["second", "total", "failed", "rps", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms"] {
        assert!(points[0][figure].is_number(), "{figure}: {points:?}");
    }
    assert!(last.data["progress"]["remaining"].as_f64().unwrap() > 500.0);

    let (_, again) = admin.listen(&server, id, Some("1"));
    let missed: Vec<_> = again.take(3).collect();
    assert_eq!(missed.iter().map(second).collect::<Vec<_>>(), [2, 3, 4]);
    let (_, nonsense) = admin.listen(&server, id, Some("x"));
    let newest = nonsense.take(1).next().unwrap();
    assert!(second(&newest) >= 4, "as if nothing had been seen: {newest:?}");

    let (_, events) = admin.listen(&server, id, None);
    let (_, at_once) = admin.listen(&server, id, None);
    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
    for events in [events, at_once] {
        let events: Vec<_> = events.collect();
        let end = events.last().unwrap();
        assert_eq!((end.name.as_str(), end.id.as_str()), ("end", "end"));
        assert_eq!(end.data["status"], "cancelled", "{end:?}");
        assert!(events[..events.len() - 1].iter().all(|event| event.name == "progress"));
        let last = &events[events.len() - 2].data;
        assert_eq!(last["phase"], "counting", "that all is answered is said before the end: {last:#}");
        assert_eq!(last["total_requests"], end.data["total_requests"], "{last:#}");
    }
    let (_, after) = admin.listen(&server, id, Some("2"));
    let after: Vec<_> = after.collect();
    assert_eq!(after.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["end"]);
    let (head, nothing) = admin.listen(&server, id, Some("end"));
    assert!(head.contains(" 204 "), "a browser need not come back: {head}");
    assert_eq!(nothing.count(), 0);
}

#[test]
fn load_who_listens_does_not_keep_the_server_from_its_end() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let (server, id) = begun(&workspace, &admin);
    let (_, mut events) = admin.listen(&server, id, None);
    events.next().expect("a first one");
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("still unanswered"), "{}", ended.stderr);
    let end = events.last().unwrap();
    assert_eq!((end.name.as_str(), &end.data["status"]), ("end", &"cancelled".into()), "{end:?}");
    assert_eq!(end.data["error_message"], "the server was stopped");
    assert_eq!(left_of_runs(&workspace), (0, 0));
}

#[test]
fn a_stream_ends_with_the_token_that_opened_it() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    let (server, id) = begun(&workspace, &admin);
    let guest = Admin::with_token(token["token"].as_str().unwrap());
    let (_, mut events) = guest.listen(&server, id, None);
    events.next().expect("a first one");
    assert_eq!(workspace.porta(&["admin", "token", "revoke", &token["id"].to_string()]).code, Some(0));
    assert!(events.all(|event| event.name == "progress"), "it ends without an end");
    assert_eq!(admin.run(&server, id)["status"], "running");
}

/// A page that is left open is no sign that somebody is there.
#[test]
fn a_stream_ends_with_its_session_and_does_not_prolong_it() {
    const HOUR: i64 = 3_600_000;
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::logged_in(&server, ADMIN);
    let admin = Admin::new(&workspace);
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 20, "duration": 600 }));
    admin.until_measuring(&server, id);
    // As an `EventSource` asks: with cookies, and no header of its own.
    let (head, mut events) = listen(&server, id, &[("Cookie", &browser.cookie_header())]);
    assert!(head.contains(" 200 "), "{head}");
    let first = second(&events.next().expect("a first one"));
    let database = workspace.database();
    let set_seen = |ago: i64| {
        let at = porta::clock::utc().0 - ago;
        assert_eq!(database.execute("UPDATE sessions SET last_seen_at_ms = ?1", params![at]).unwrap(), 1);
        at
    };
    let seen = || -> i64 {
        database.query_row("SELECT last_seen_at_ms FROM sessions", [], |row| row.get(0)).unwrap()
    };
    let before = set_seen(11 * HOUR);
    // Every ten seconds it is looked whether who listens still may.
    assert!(events.by_ref().any(|event| second(&event) >= first + 13), "the session is not over");
    assert_eq!(seen(), before);
    set_seen(12 * HOUR);
    assert!(events.all(|event| event.name == "progress"), "it ends without an end");
    assert_eq!(admin.run(&server, id)["status"], "running");
}

#[test]
fn load_there_are_so_many_streams_and_the_next_is_refused() {
    const STREAMS: usize = 512;
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    // They are no requests in flight: of those there can be fewer.
    let server = workspace.serve(&["--max-requests", "64"]);
    let id = admin.start(&server, &json!({ "scratch": true, "workers": 1, "rps": 5, "duration": 600 }));
    let mut streams: Vec<_> = (0..STREAMS).map(|_| admin.listen(&server, id, None).1).collect();
    let refused = || admin.ask(&server, "GET", &format!("/{id}/events"), "");
    let (status, answer) = refused();
    assert_eq!((status, &answer["error"]["code"]), (503, &"overloaded".into()), "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("event streams"), "{message}");
    assert_eq!(errors(&server, "event_streams"), 1.0);
    assert!(streams.iter_mut().all(|events| events.next().is_some()), "all the others are served");
    streams.truncate(STREAMS - 1);
    until("its place is free again", || {
        let (head, _) = admin.listen(&server, id, None);
        head.contains(" 200 ")
    });
    drop(streams);
    assert_eq!(admin.ask(&server, "POST", &format!("/{id}/cancel"), "").0, 202);
    assert_eq!(admin.until_ended(&server, id)["status"], "cancelled");
    until_deserted(&server);
}
