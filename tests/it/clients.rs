//! Clients that go away, dawdle, take nothing, or are too many: they cost others nothing, and nothing of theirs stays.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::support::watch::{errors, metric, until, until_deserted};
use crate::support::wire::{FORM, answer_on, connect, exchange, get, half_a_request, sent};
use crate::support::{Channel, Server, Workspace};

/// An update on a connection that stays open.
fn update(channel: &Channel, value: impl std::fmt::Display) -> String {
    let body = format!("api_key={}&field1={value}", channel.write_key);
    let length = body.len();
    format!(
        "POST /update HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn id(response: &str) -> i64 {
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    response.rsplit_once("\r\n").unwrap().1.parse().unwrap()
}

/// Fills a channel with more than the buffers of a connection hold, and returns requests for all of it.
fn fill(workspace: &Workspace, channel: &Channel) -> [String; 2] {
    let value = "x".repeat(250);
    let mut rows = "created_at,field1,field2,field3,field4,field5,field6,field7,field8\n".to_owned();
    for second in 0..8000 {
        write!(rows, "{}", 1_500_000_000 + second).unwrap();
        (0..8).for_each(|_| write!(rows, ",{value}").unwrap());
        rows.push('\n');
    }
    std::fs::write(workspace.path().join("feeds.csv"), rows).unwrap();
    let id = channel.id.to_string();
    let ended = workspace.porta(&["migrate", "import", "thingspeak", "feeds.csv", "--channel", &id]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    let token = token["token"].as_str().unwrap();
    let feeds = format!("/channels/{id}/feeds.csv?results=8000&api_key={}", channel.write_key);
    let export = format!("/api/admin/channels/{id}/entries.csv");
    [feeds, export]
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"))
}

/// A connection whose answer has begun, and of which nothing more is read.
fn begun(server: &Server, request: &str) -> TcpStream {
    let mut stream = sent(server, request);
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    stream
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_disconnected() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("large");
    let requests = fill(&workspace, &channel);
    let server = workspace.serve(&["--send-timeout", "200ms"]);
    for request in &requests {
        let mut stream = begun(&server, request);
        until_deserted(&server);
        let mut taken = Vec::new();
        // A connection with something left to send is reset.
        let _ = stream.read_to_end(&mut taken);
        assert!(taken.len() < 8000 * 8 * 250, "the answer was cut: {}", taken.len());
    }
    // Answers without a body, too.
    let mut stream = connect(&server);
    let many = "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    while stream.write_all(many.as_bytes()).is_ok() {}
    until_deserted(&server);
}

#[test]
fn answers_that_nobody_takes_have_so_much_memory_and_no_more() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("large");
    let [feeds, _] = fill(&workspace, &channel);
    // Two of these answers have room in it.
    let server = workspace.serve(&["--max-unsent", "32MiB"]);
    let closing = feeds.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let (first, mut second) = (begun(&server, &feeds), begun(&server, &closing));
    let refused = exchange(&server, &closing);
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("Retry-After: 1"), "{refused}");
    assert_eq!(errors(&server, "unsent_answers"), 1.0);
    assert!(exchange(&server, &get("/health")).starts_with("HTTP/1.1 200 "), "small ones go on");
    drop(first);
    until("there is room again", || exchange(&server, &closing).starts_with("HTTP/1.1 200 "));
    // Who takes it gets all of it.
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).unwrap();
    let (head, body) = std::str::from_utf8(&rest).unwrap().split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert_eq!(body.lines().count(), 8001);
}

/// More of each kind at once than there are places.
const CLIENTS: usize = 40;

#[test]
fn clients_that_go_away_leave_nothing_behind_whatever_they_have_sent() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("left");
    let [feeds, export] = fill(&workspace, &channel);
    let server =
        workspace.serve(&["--max-requests", "4", "--max-connections", "64", "--max-bulk-updates", "2"]);
    let update = update(&channel, "1");
    let bulk = format!(
        "POST /channels/{}/bulk_update.csv HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n\
         Content-Length: 1000\r\n\r\nwrite_api_key={}&upd",
        channel.id, channel.write_key
    );
    let head = update.find("\r\n\r\n").unwrap() + 4;
    let stages = [
        ("connected", ""),
        ("in the head", &update[..head / 2]),
        ("after the head", &update[..head]),
        ("in the body", &update[..head + 5]),
        ("in a bulk update's body", &bulk),
        ("before the answer", &update),
        ("before a large answer", &feeds),
        ("before an export", &export),
    ];
    for (stage, request) in stages {
        let clients: Vec<_> = (0..CLIENTS).map(|_| sent(&server, request)).collect();
        drop(clients);
        until_deserted(&server);
        until(stage, || metric(&server, "porta_writer_queue") == 0.0);
    }
    for _ in 0..CLIENTS / 4 {
        let half: Vec<_> = (0..2).map(|_| half_a_request(&server, "/update", "api_key=1")).collect();
        let whole: Vec<_> = (0..2).map(|_| begun(&server, &export)).collect();
        drop((half, whole));
    }
    until_deserted(&server);
    let mut stream = connect(&server);
    let mut last = 0;
    for _ in 0..50 {
        stream.write_all(update.as_bytes()).unwrap();
        let stored = id(&answer_on(&mut stream));
        assert!(stored > last, "{stored} after {last}");
        last = stored;
    }
    assert_eq!(workspace.entries(channel.id).len() as i64, last, "ids without a gap");
}

#[test]
fn updates_whose_clients_go_away_behind_a_stuck_writer_are_counted_as_gone_and_hold_no_place() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("gone");
    let server = workspace.serve(&["--max-requests", "4"]);
    let gone = |server: &Server| {
        let labels = r#"{method="POST",route="/update",traffic="live",status="gone"}"#;
        metric(server, &format!("porta_requests_total{labels}"))
    };
    let lock = workspace.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    for round in 1..=3 {
        let stuck: Vec<_> = (0..4).map(|value| sent(&server, &update(&channel, value))).collect();
        until("four in flight", || metric(&server, "porta_requests_in_flight") == 4.0);
        drop(stuck);
        until_deserted(&server);
        assert_eq!(gone(&server), f64::from(4 * round));
    }
    lock.execute_batch("COMMIT").unwrap();
    let last = id(&answer_on(&mut sent(&server, &update(&channel, "here"))));
    let entries = workspace.entries(channel.id);
    assert_eq!(entries.last(), Some(&(last, "here".into())));
    assert_eq!(entries.len() as i64, last, "ids without a gap");
}

/// Lets this process have more connections than the usual limit allows.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

/// When a system tries again to connect.
const SECOND_TRY: Duration = Duration::from_secs(1);
/// Clients that come at once, as devices do when the power is back.
const CROWD: usize = 1000;

#[test]
fn a_crowd_that_comes_at_once_is_let_in_without_a_second_try() {
    raise_file_limit();
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    let most = most.map_or(CROWD, |most| most.trim().parse().unwrap());
    let workspace = Workspace::new();
    let channel = workspace.create_channel("crowd");
    let server = workspace.serve(&[]);
    let address = server.address().parse().unwrap();
    // Whoever cannot wait at the door of a process that stands still is turned away by the system.
    server.signal(Signal::STOP);
    let connected = |_| TcpStream::connect_timeout(&address, SECOND_TRY / 2).unwrap();
    let mut crowd: Vec<_> = (0..CROWD.min(most)).map(connected).collect();
    server.signal(Signal::CONT);
    for stream in &mut crowd {
        stream.write_all(update(&channel, "back").as_bytes()).unwrap();
    }
    let mut ids: Vec<_> = crowd.iter_mut().map(|stream| id(&answer_on(stream))).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());
}

const IDLE: usize = 1000;
const SLOW: usize = 50;
const UPDATES: usize = 200;

#[test]
fn a_thousand_idle_clients_and_fifty_slow_ones_are_in_nobodys_way() {
    raise_file_limit();
    let workspace = Workspace::new();
    let channel = workspace.create_channel("crowded");
    let server = workspace.serve(&[]);
    let ask = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    // Half have never asked for anything, half have had their answer.
    let mut idle: Vec<_> = (0..IDLE).map(|number| (number, connect(&server))).collect();
    for (_, stream) in idle.iter_mut().filter(|(number, _)| number % 2 == 0) {
        stream.write_all(ask.as_bytes()).unwrap();
        assert!(answer_on(stream).starts_with("HTTP/1.1 200 "));
    }
    let slowly: Vec<_> = (0..SLOW).map(|number| update(&channel, format!("slow{number}"))).collect();
    let mut slow: Vec<_> =
        slowly.iter().map(|request| (connect(&server), request.as_bytes().iter())).collect();
    let mut normal: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    let mut ids = HashSet::new();
    for number in 0..UPDATES {
        for (stream, bytes) in &mut slow {
            if let Some(byte) = bytes.next() {
                stream.write_all(&[*byte]).unwrap();
            }
        }
        let stream = &mut normal[number % 4];
        stream.write_all(update(&channel, number).as_bytes()).unwrap();
        ids.insert(id(&answer_on(stream)));
    }
    assert_eq!(ids.len(), UPDATES);
    for (stream, bytes) in &mut slow {
        stream.write_all(bytes.as_slice()).unwrap();
        ids.insert(id(&answer_on(stream)));
    }
    assert_eq!(ids.len(), UPDATES + SLOW);
    assert_eq!(workspace.entries(channel.id).len(), UPDATES + SLOW);
    assert_eq!(metric(&server, "porta_connections"), (IDLE + SLOW + 4 + 1) as f64);
    drop((idle, slow, normal));
    until_deserted(&server);
}

const PLACES: usize = 8;
const REQUESTS: usize = 4000;

/// Sends updates one after the other, as fast as they are answered, and returns the ids that were acknowledged.
fn hammer(server: &Server, channel: &Channel, turns: &AtomicUsize, refused: &mpsc::Sender<()>) -> Vec<i64> {
    let mut stream = connect(server);
    let mut acknowledged = Vec::new();
    while turns.fetch_add(1, Ordering::Relaxed) < REQUESTS {
        stream.write_all(update(channel, "1").as_bytes()).unwrap();
        let response = answer_on(&mut stream);
        if response.starts_with("HTTP/1.1 503 ") {
            assert!(response.contains("\r\nRetry-After: 1\r\n"), "{response}");
            assert!(response.ends_with("\r\n\r\n0"), "{response}");
            refused.send(()).unwrap();
        } else {
            acknowledged.push(id(&response));
        }
    }
    acknowledged
}

/// The writer is held until the first refusal, so that there is one on any machine.
#[test]
fn ten_times_as_many_as_there_are_places_are_stored_or_refused() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("overload");
    let server = workspace.serve(&["--max-requests", &PLACES.to_string()]);
    let lock = workspace.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let turns = AtomicUsize::new(0);
    let (refused, refusals) = mpsc::channel();
    let mut acknowledged = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..10 * PLACES)
            .map(|_| {
                let (refused, server, channel, turns) = (refused.clone(), &server, &channel, &turns);
                scope.spawn(move || hammer(server, channel, turns, &refused))
            })
            .collect();
        refusals.recv().unwrap();
        lock.execute_batch("COMMIT").unwrap();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    acknowledged.sort_unstable();
    let refused = 1 + refusals.try_iter().count();
    assert_eq!(acknowledged.len() + refused, REQUESTS);
    assert!(acknowledged.len() >= PLACES, "{}", acknowledged.len());
    let stored: Vec<_> = workspace.entries(channel.id).into_iter().map(|(id, _)| id).collect();
    assert_eq!(acknowledged, stored);
    assert_eq!(errors(&server, "requests_in_flight"), refused as f64);
    assert!(exchange(&server, &get("/ready")).starts_with("HTTP/1.1 200 "));
}
