//! Stress tests that are started through the server: an administrator's requests, events, and the process that makes the load.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::watch::until;
use super::wire::{exchange, request, sent};
use super::{Server, Workspace};

/// An administrator, by token.
pub struct Admin {
    bearer: String,
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

/// Events as they come, until the server ends them.
pub struct Events(BufReader<TcpStream>);

impl Admin {
    pub fn new(workspace: &Workspace) -> Self {
        let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
        Self::with_token(token["token"].as_str().unwrap())
    }

    pub fn with_token(token: &str) -> Self {
        Self { bearer: format!("Bearer {token}") }
    }

    /// Sends a request to what lies below `/api/admin/stress-test`; an answer without a body is `null`.
    pub fn ask(&self, server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.ask_at(server, method, &format!("/api/admin/stress-test{path}"), body)
    }

    /// Asks for another key in the place of one.
    pub fn rotate(&self, server: &Server, channel: i64, key: i64) -> (u16, Value) {
        self.ask_at(server, "POST", &format!("/api/admin/channels/{channel}/keys/{key}/rotate"), "")
    }

    fn ask_at(&self, server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
        let answer = exchange(server, &request(method, path, &[("Authorization", &self.bearer)], body));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() })
    }

    pub fn get(&self, server: &Server, path: &str) -> (u16, Value) {
        self.ask(server, "GET", path, "")
    }

    /// Starts a run that must begin, and returns its number.
    pub fn start(&self, server: &Server, wanted: &Value) -> i64 {
        let (status, started) = self.ask(server, "POST", "/start", &wanted.to_string());
        assert_eq!(status, 202, "{started}");
        assert_eq!(started["status"], "started");
        started["test_id"].as_i64().unwrap()
    }

    /// A run as it is now.
    pub fn run(&self, server: &Server, id: i64) -> Value {
        let (status, run) = self.get(server, &format!("/{id}"));
        assert_eq!(status, 200, "{run}");
        run
    }

    /// Waits until a run has measured something.
    pub fn until_measuring(&self, server: &Server, id: i64) {
        until("requests are counted", || {
            let run = self.run(server, id);
            assert!(is_going_on(&run), "{run:#}");
            run["total_requests"].as_u64().unwrap() > 0
        });
    }

    /// Waits until a run has ended, and returns it.
    pub fn until_ended(&self, server: &Server, id: i64) -> Value {
        let mut run = Value::Null;
        until("the run has ended", || {
            run = self.run(server, id);
            !is_going_on(&run)
        });
        run
    }

    /// Listens to a run.
    pub fn listen(&self, server: &Server, id: i64, last_event_id: Option<&str>) -> (String, Events) {
        let mut headers = vec![("Authorization", self.bearer.as_str())];
        headers.extend(last_event_id.map(|id| ("Last-Event-ID", id)));
        listen(server, id, &headers)
    }
}

/// Listens to a run with these headers only.
pub fn listen(server: &Server, id: i64, headers: &[(&str, &str)]) -> (String, Events) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // A client of 1.0 gets the body as it is, without chunks.
    let request = format!("GET /api/admin/stress-test/{id}/events HTTP/1.0\r\n{headers}\r\n");
    let mut reader = BufReader::new(sent(server, &request));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    (head, Events(reader))
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut event = Event { name: String::new(), id: String::new(), data: Value::Null };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => event.name = name.into(),
                Some(("id", id)) => event.id = id.into(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                Some(("retry", _)) => {}
                // An empty line ends an event; a comment is a sign of life.
                _ if line.trim_end().is_empty() && !event.name.is_empty() => return Some(event),
                _ => assert!(line.trim_end().is_empty() || line.starts_with(':'), "{line}"),
            }
        }
    }
}

pub fn is_going_on(run: &Value) -> bool {
    ["pending", "running"].contains(&run["status"].as_str().unwrap())
}

/// The process that makes the load for a server, once it is there.
pub fn generator(server: &Server) -> u32 {
    let mut found = None;
    until("there is a generator", || {
        found = children(server.pid()).into_iter().find(|pid| {
            let arguments = std::fs::read(proc_file(*pid, "cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains("--for-server")
        });
        found.is_some()
    });
    found.unwrap()
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(proc_file(*pid, "stat")).unwrap_or_default();
        let parent_of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent_of == Some(parent)
    })
    .collect()
}

pub fn proc_file(pid: u32, name: &str) -> PathBuf {
    format!("/proc/{pid}/{name}").into()
}

pub fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// What is left of what opens the targets of runs: keys and channels.
pub fn left_of_runs(workspace: &Workspace) -> (i64, i64) {
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE run_id IS NOT NULL");
        workspace.database().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    (count("api_keys"), count("channels"))
}
