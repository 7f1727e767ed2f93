//! Start, stop, settings of `porta serve`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::Client;
use rustix::process::Signal;

use crate::support::client::update;
use crate::support::wire::{HALF, half_a_request};
use crate::support::{Server, Workspace};

#[tokio::test]
async fn the_first_line_names_the_bound_address_and_health_answers_there() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(server.first_line, format!("porta {version} listening on {}\n", server.url));
    let health = reqwest::get(format!("{}/health", server.url)).await.unwrap();
    assert_eq!(health.text().await.unwrap(), r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn a_stop_finishes_what_was_accepted_and_leaves_one_tidy_file() {
    for signal in [Signal::TERM, Signal::INT] {
        let workspace = Workspace::new();
        let channel = workspace.create_channel("stopped");
        let server = workspace.serve(&[]);
        let body = format!("api_key={}&field1=1", channel.write_key);
        let mut stream = half_a_request(&server, "/update", &body);
        assert!(update(&Client::new(), &server.url, &channel.write_key, "0").await.is_some());
        server.signal(signal);
        while TcpStream::connect(server.address()).is_ok() {
            tokio::task::yield_now().await;
        }
        stream.write_all(&body.as_bytes()[HALF..]).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.ends_with("\r\n\r\n2"), "{response}");
        assert_eq!(server.wait().code, Some(0));
        assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"], "the write-ahead log was checkpointed");
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let workspace = Workspace::new();
    let server = workspace.serve(&["--shutdown-timeout", "1h"]);
    // A request that never becomes whole keeps the graceful stop waiting.
    let _stream = half_a_request(&server, "/update", "api_key=1&field1=1");
    server.signal(Signal::TERM);
    while TcpStream::connect(server.address()).is_ok() {}
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, Some(130));
}

#[test]
fn an_address_in_use_is_a_clear_error() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let ended = workspace.porta(&["serve", "--listen", server.address()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("cannot listen on {}", server.address())), "{}", ended.stderr);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}

#[test]
fn settings_come_from_flag_environment_and_env_file_in_this_order() {
    let workspace = Workspace::new();
    let refused = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    std::fs::write(workspace.path().join(".env"), "WORKERS=300\n").unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    assert!(refused(&mut workspace.command(&serve)).contains("'300'"));
    assert!(refused(workspace.command(&serve).env("WORKERS", "400")).contains("'400'"));
    let flag = [serve.as_slice(), &["--workers", "500"]].concat();
    assert!(refused(workspace.command(&flag).env("WORKERS", "400")).contains("'500'"));
    // WORKERS belongs to serve alone, and what is valid is taken.
    assert_eq!(workspace.porta(&["migrate"]).code, Some(0));
    assert!(
        workspace.command(&["stress", "--help"]).env("WORKERS", "400").output().unwrap().status.success()
    );
    drop(Server::start(workspace.command(&[serve.as_slice(), &["--workers", "2"]].concat())));
}

#[test]
fn a_broken_env_file_is_named_and_its_secrets_are_not() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path().join(".env"), "PORTA_API_KEY='SECRET\n").unwrap();
    let ended = workspace.porta(&["migrate", "status"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cannot read .env"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
}

#[test]
fn debug_is_a_word_in_the_environment() {
    let workspace = Workspace::new();
    let mut command = workspace.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DEBUG", "false");
    drop(Server::start(command));
    let output = workspace.command(&["serve"]).env("DEBUG", "perhaps").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn debug_logs_every_request_without_its_query() {
    let workspace = Workspace::new();
    let server = Server::start(workspace.command(&["serve", "--listen", "localhost:0", "--debug"]));
    reqwest::get(format!("{}/update?api_key=SECRETSECRETSECR", server.url)).await.unwrap();
    let ended = server.stop();
    assert!(
        ended.stderr.contains("answered") && ended.stderr.contains("route=\"GET /update\""),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("SECRET"), "{}", ended.stderr);
}
