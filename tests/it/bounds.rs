//! What an operator can bound, each tested at its bound.

use std::io::Write as _;
use std::sync::mpsc;

use crate::support::watch::{errors, metric, until};
use crate::support::wire::{
    FORM, HALF, answer_on, connect, exchange, get, half_a_request, post, request, rest, sent,
};
use crate::support::{Channel, Server, Workspace};

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_else(|| panic!("no status: {response:?}"))
}

/// A refusal as a device knows it.
fn assert_refused(response: &str) {
    assert!(response.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{response}");
    assert!(response.contains("\r\nRetry-After: 1\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\n0"), "{response}");
}

fn an_update(channel: &Channel) -> String {
    post("/update", FORM, &format!("api_key={}&field1=1", channel.write_key))
}

/// Ids that were answered, in order.
fn ids<'r>(responses: impl IntoIterator<Item = &'r String>) -> Vec<i64> {
    let id = |response: &String| {
        assert_eq!(status(response), "200", "{response}");
        response.rsplit_once("\r\n").unwrap().1.parse().unwrap()
    };
    let mut ids: Vec<i64> = responses.into_iter().map(id).collect();
    ids.sort_unstable();
    ids
}

fn stored_ids(workspace: &Workspace, channel: &Channel) -> Vec<i64> {
    workspace.entries(channel.id).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_connection_too_many_is_refused_and_a_closed_one_makes_room() {
    let workspace = Workspace::new();
    let server = workspace.serve(&["--max-connections", "2"]);
    let ask = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut open: Vec<_> = (0..2).map(|_| sent(&server, ask)).collect();
    for stream in &mut open {
        assert_eq!(status(&answer_on(stream)), "200");
    }
    let refused = rest(connect(&server));
    assert_refused(&refused);
    assert!(refused.contains("\r\nConnection: close\r\n"), "{refused}");
    for stream in &mut open {
        stream.write_all(ask.as_bytes()).unwrap();
        assert_eq!(status(&answer_on(stream)), "200", "those that are in are served on");
    }
    drop(open.pop());
    until("a place for a connection", || status(&exchange(&server, &get("/health"))) == "200");
    drop(open);
    until("a place for another", || status(&exchange(&server, &get("/metrics"))) == "200");
    assert!(errors(&server, "connections") >= 1.0);
}

#[test]
fn a_request_too_many_is_refused_while_those_in_flight_wait_and_watchers_are_answered() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("busy");
    let server = workspace.serve(&["--max-requests", "2", "--workers", "1"]);
    let lock = workspace.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting: Vec<_> = (0..2).map(|_| sent(&server, &an_update(&channel))).collect();
    until("two requests in flight", || metric(&server, "porta_requests_in_flight") == 2.0);
    assert_refused(&exchange(&server, &an_update(&channel)));
    let api = exchange(&server, &get("/api/admin/channels"));
    assert!(status(&api) == "503" && api.contains(r#""code":"overloaded""#), "{api}");
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(status(&exchange(&server, &get(path))), "200", "{path}");
    }
    assert_eq!(errors(&server, "requests_in_flight"), 2.0);
    lock.execute_batch("COMMIT").unwrap();
    let answers: Vec<_> = waiting.into_iter().map(rest).collect();
    assert_eq!(ids(&answers), [1, 2]);
    assert_eq!(stored_ids(&workspace, &channel), [1, 2]);
    assert_eq!(ids([&exchange(&server, &an_update(&channel))]), [3]);
}

/// The writer holds one update, one more waits.
#[test]
fn an_update_beyond_the_queue_is_refused_and_those_in_it_are_stored() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("queue");
    let server = workspace.serve(&["--max-queue", "1"]);
    let lock = workspace.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (answered, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (answered, server, channel) = (answered.clone(), &server, &channel);
            scope.spawn(move || answered.send(exchange(server, &an_update(channel))).unwrap());
        }
        drop(answered);
        for _ in 0..2 {
            assert_refused(&answers.recv().unwrap());
        }
        assert!(errors(&server, "queue") >= 2.0);
        lock.execute_batch("COMMIT").unwrap();
        let (stored, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|response| status(response) == "200");
        refused.iter().for_each(|response| assert_refused(response));
        assert_eq!(ids(&stored), stored_ids(&workspace, &channel));
    });
}

#[test]
fn a_bulk_update_too_many_is_refused_and_one_whose_client_is_gone_makes_room() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("bulk");
    let server = workspace.serve(&["--max-bulk-updates", "1"]);
    let path = format!("/channels/{}/bulk_update.csv", channel.id);
    let body = format!("write_api_key={}&time_format=relative&updates=1,2", channel.write_key);
    let whole = post(&path, FORM, &body);
    let mut first = half_a_request(&server, &path, &body);
    assert_refused(&exchange(&server, &whole));
    assert_eq!(ids([&exchange(&server, &an_update(&channel))]), [1], "single updates are not bulk updates");
    first.write_all(&body.as_bytes()[HALF..]).unwrap();
    assert_eq!(status(&answer_on(&mut first)), "202");
    assert_eq!(status(&exchange(&server, &whole)), "202");

    let gone = half_a_request(&server, &path, &body);
    assert_refused(&exchange(&server, &whole));
    assert_eq!(errors(&server, "bulk_updates"), 2.0);
    drop(gone);
    until("a place for a bulk update", || status(&exchange(&server, &whole)) == "202");
}

/// Its updates are with the writer still, or in its queue.
#[test]
fn a_bulk_update_that_nobody_waits_for_holds_its_place_as_long_as_it_is_in_memory() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("queued");
    let server = workspace.serve(&["--max-bulk-updates", "1", "--worker-timeout", "500ms"]);
    let path = format!("/channels/{}/bulk_update.csv", channel.id);
    let body = format!("write_api_key={}&time_format=relative&updates=1,2", channel.write_key);
    let bulk = post(&path, FORM, &body);
    let lock = workspace.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let late = exchange(&server, &bulk);
    assert!(late.contains("longer than the server allows"), "{late}");
    assert_refused(&exchange(&server, &bulk));
    assert_eq!(errors(&server, "bulk_updates"), 1.0);
    lock.execute_batch("COMMIT").unwrap();
    until("a place for a bulk update", || status(&exchange(&server, &bulk)) == "202");
}

#[test]
fn a_head_is_taken_up_to_its_bound() {
    let workspace = Workspace::new();
    let server = workspace.serve(&["--max-head", "8KiB"]);
    let of = |bytes: usize| {
        let empty = request("GET", "/health", &[("X-Padding", "")], "");
        let padding = "x".repeat(bytes - empty.len());
        request("GET", "/health", &[("X-Padding", &padding)], "")
    };
    assert_eq!(status(&exchange(&server, &of(8192))), "200");
    assert_eq!(status(&exchange(&server, &of(8193))), "431");
    // In the query, and arriving in parts.
    let mut stream = sent(&server, &format!("GET /health?{}", "x".repeat(5000)));
    stream.write_all("x".repeat(5000).as_bytes()).unwrap();
    assert_eq!(status(&answer_on(&mut stream)), "431");
    assert_eq!(status(&exchange(&server, &get("/health"))), "200");
}

#[test]
fn a_head_has_at_most_a_hundred_headers() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let of = |headers: usize| {
        let names: Vec<_> = (0..headers).map(|number| format!("x-{number}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        request("GET", "/health", &headers, "")
    };
    // Three are in every request.
    assert_eq!(status(&exchange(&server, &of(97))), "200");
    assert_eq!(status(&exchange(&server, &of(98))), "431");
    assert_eq!(status(&exchange(&server, &of(1000))), "431");
}

/// The same request without a length, in chunks.
fn chunked(path: &str, content_type: &str, body: &str) -> String {
    let (first, second) = body.split_at(body.len() / 2);
    let chunks = [first, second].map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).concat();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    )
}

#[test]
fn a_body_is_taken_up_to_its_bound() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("bodies");
    let server = workspace.serve(&["--max-body", "1KiB", "--max-bulk-body", "2KiB"]);
    let update = |bytes: usize| {
        let body = format!("api_key={}&field1=1&padding=", channel.write_key);
        let padding = "x".repeat(bytes - body.len());
        body + padding.as_str()
    };
    let bulk = |bytes: usize| {
        let body =
            format!(r#"{{"write_api_key":"{}","updates":[{{"delta_t":1,"field1":2}}]}}"#, channel.write_key);
        let padding = " ".repeat(bytes - body.len());
        body + padding.as_str()
    };
    let path = format!("/channels/{}/bulk_update.json", channel.id);
    for in_chunks in [false, true] {
        let send = |path: &str, content_type: &str, body: &str| {
            let request = if in_chunks { chunked } else { post }(path, content_type, body);
            status(&exchange(&server, &request)).to_owned()
        };
        assert_eq!(send("/update", FORM, &update(1024)), "200");
        assert_eq!(send("/update", FORM, &update(1025)), "413");
        assert_eq!(send(&path, "application/json", &bulk(2048)), "202");
        assert_eq!(send(&path, "application/json", &bulk(2049)), "413");
    }
    assert_eq!(stored_ids(&workspace, &channel), [1, 2, 3, 4]);
}

#[test]
fn a_head_that_stays_away_ends_the_connection_and_so_does_idleness() {
    let workspace = Workspace::new();
    let server = workspace.serve(&["--head-timeout", "200ms"]);
    assert_eq!(rest(sent(&server, "GET /health HTTP/1.1\r\nHo")), "");
    assert_eq!(rest(connect(&server)), "", "nothing at all was sent");
    let idle = rest(sent(&server, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(idle.ends_with(r#"{"status":"ok"}"#), "one answer, then the end: {idle}");
}

#[test]
fn a_body_that_stays_away_is_answered_with_408() {
    let workspace = Workspace::new();
    let server = workspace.serve(&["--body-timeout", "200ms", "--max-bulk-updates", "1"]);
    for path in ["/update", "/channels/1/bulk_update.csv"] {
        let late = rest(half_a_request(&server, path, "api_key=1"));
        assert_eq!(status(&late), "408", "{late}");
    }
    assert_eq!(metric(&server, "porta_requests_in_flight"), 0.0);
}

#[test]
fn bounds_that_cannot_be_are_wrong_usage() {
    let workspace = Workspace::new();
    for (flag, value, words) in [
        ("--max-connections", "0", "it takes a whole number from 1 to 100000"),
        ("--max-requests", "0", "it takes a whole number from 1 to 100000"),
        ("--max-requests", "100001", "it takes a whole number from 1 to 100000"),
        ("--max-queue", "-1", "it takes a whole number from 1 to 100000"),
        ("--max-bulk-updates", "many", "it takes a whole number from 1 to 100000"),
        ("--max-head", "1", "it takes 8192 to 1048576 bytes"),
        ("--max-body", "5", "it takes 1024 to 1073741824 bytes"),
        ("--max-bulk-body", "2GiB", "it takes 1024 to 1073741824 bytes"),
        ("--max-body", "big", "64KiB"),
        ("--head-timeout", "0", "it takes 1ms to 36500d"),
        ("--body-timeout", "0", "it takes 1ms to 36500d"),
        ("--send-timeout", "soon", "write 10s"),
    ] {
        let ended = workspace.porta(&["serve", flag, value]);
        assert_eq!(ended.code, Some(2), "{flag} {value}: {ended:?}");
        assert!(ended.stderr.contains(flag) && ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(workspace.files(), [] as [&str; 0], "nothing was begun");
}

/// The bound is checked for the whole server, whatever thread a connection is on.
#[test]
fn a_bound_is_that_of_all_workers_together() {
    let workspace = Workspace::new();
    let server: Server = workspace.serve(&["--max-requests", "3", "--workers", "4"]);
    let held: Vec<_> = (0..3).map(|_| half_a_request(&server, "/update", "api_key=1")).collect();
    for _ in 0..4 {
        assert_refused(&exchange(&server, &post("/update", FORM, "api_key=1")));
    }
    drop(held);
    until("a place for a request", || {
        status(&exchange(&server, &post("/update", FORM, "api_key=1"))) == "400"
    });
}
