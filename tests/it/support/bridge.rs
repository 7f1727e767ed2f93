//! Agents: a server with a bridge, and requests to it.

use rustix::process::geteuid;
use serde_json::Value;

use super::watch::until;
use super::wire::{exchange, request};
use super::{Server, Workspace};

/// The bridge's token in tests.
pub const TOKEN: &str = "3f9c51d27ab8460e9d1c7e52f8a604b3";

/// Starts a server with a bridge. Tests may run as root, which has to be allowed.
pub fn serve(workspace: &Workspace, arguments: &[&str]) -> Server {
    let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"];
    if geteuid().is_root() {
        all.push("--exec-allow-root");
    }
    all.extend(arguments);
    let mut command = workspace.command(&all);
    command.env("PORTA_TOKEN", TOKEN);
    Server::start(command)
}

/// The same, which runs any command.
pub fn serve_shell(workspace: &Workspace) -> Server {
    serve(workspace, &["--exec", "shell"])
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Answer {
    fn of(response: &str) -> Self {
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        Self { status, head: head.to_owned(), body }
    }
}

/// Sends a request with the token and more headers.
pub fn ask_with(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut all = vec![("X-PORTA-TOKEN", TOKEN), ("Content-Type", "application/json")];
    all.extend(headers);
    Answer::of(&exchange(server, &request(method, path, &all, body)))
}

pub fn get(server: &Server, path: &str) -> Answer {
    ask_with(server, "GET", path, &[], "")
}

pub fn post(server: &Server, path: &str, body: &Value) -> Answer {
    ask_with(server, "POST", path, &[], &body.to_string())
}

/// Waits until a job is not running any more.
pub fn ended(server: &Server, location: &str) -> Value {
    let mut last = Value::Null;
    until("the job is over", || {
        last = get(server, location).body;
        last["state"] != "running"
    });
    last
}

/// Asks for a job, and returns the answer and where the job is.
pub fn begin(server: &Server, path: &str, body: &Value) -> (Answer, String) {
    let answer = ask_with(server, "POST", path, &[("Prefer", "respond-async")], &body.to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
    let location = answer.head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().to_owned();
    (answer, location)
}

/// Whether there is a process with this in its arguments.
pub fn is_running(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    arguments.into_iter().any(|arguments| {
        // The test's own command has it, too, where the test is named on the command line.
        String::from_utf8_lossy(&arguments).split('\0').any(|word| word.starts_with(argument))
    })
}
