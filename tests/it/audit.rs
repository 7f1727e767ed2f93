//! What is kept of the commands of agents.

use serde_json::json;

use crate::support::Workspace;
use crate::support::bridge::{TOKEN, begin, ended, get, post, serve_shell};
use crate::support::watch::until;

#[test]
fn what_is_kept_of_a_command_has_no_secret_in_it() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("secret");
    let admin = workspace.json(&["admin", "token", "create", "--format", "json"])["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let server = serve_shell(&workspace);
    let secrets = [TOKEN, channel.write_key.as_str(), admin.as_str()];
    for secret in secrets {
        let command = format!("echo 'x={secret}&y'; echo {secret} >&2");
        let body = json!({ "agent_id": "a", "cmd": command });
        let answer = post(&server, "/run_bash", &body).body;
        assert_eq!(answer["stderr"], secret, "who asks gets it whole: {answer}");
        let (_, location) =
            begin(&server, "/agent/pipeline", &json!({ "agent_id": "a", "commands": [command] }));
        assert_eq!(ended(&server, &location)["success"], true);
    }
    let history = post(&server, "/agent/history", &json!({ "agent_id": "a" })).body.to_string();
    assert!(history.contains("echo 'x=[redacted]&y'"), "{history}");
    let log = server.stop().stderr;
    let database = workspace.database();
    let texts: Vec<String> = database
        .prepare("SELECT command || stdout || stderr FROM agent_operations UNION ALL SELECT answer FROM jobs")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(texts.len(), 9);
    for secret in secrets {
        assert!(!history.contains(secret) && !log.contains(secret));
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} in {texts:?}");
    }
}

#[test]
fn a_secret_that_is_cut_in_two_is_not_kept_either() {
    let workspace = Workspace::new();
    let key = workspace.create_channel("secret").write_key;
    let server = serve_shell(&workspace);
    for before in [1000, 1010, 1020] {
        for secret in [TOKEN, &key] {
            let command = format!("printf %0{before}d 0; echo ' {secret} and more {}'", "y".repeat(500));
            let (_, location) = begin(&server, "/run_bash", &json!({ "agent_id": "a", "cmd": command }));
            assert!(ended(&server, &location)["results"][0]["stdout"].as_str().unwrap().contains(secret));
        }
    }
    server.stop();
    let query = "SELECT stdout FROM agent_operations UNION ALL SELECT answer FROM jobs";
    let database = workspace.database();
    let mut statement = database.prepare(query).unwrap();
    let texts = statement.query_map([], |row| row.get(0)).unwrap();
    let texts: Vec<String> = texts.collect::<rusqlite::Result<_>>().unwrap();
    assert_eq!(texts.len(), 12);
    for text in texts {
        assert!(!text.contains(&TOKEN[..4]) && !text.contains(&key[..4]), "{text}");
    }
}

#[test]
fn an_operation_is_noted_before_its_command_begins() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let (_, location) = begin(
        &server,
        "/run_bash",
        &json!({ "agent_id": "a", "cmd": "touch begun; until test -e go; do sleep 0.01; done" }),
    );
    until("it has begun", || workspace.path().join("porta-exec/begun").exists());
    let state = |database: &rusqlite::Connection| -> (String, String) {
        let query = "SELECT state, command FROM agent_operations";
        database.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let (running, command) = state(&workspace.database());
    assert_eq!(running, "running");
    assert!(command.starts_with("touch begun"), "{command}");
    std::fs::write(workspace.path().join("porta-exec/go"), "").unwrap();
    ended(&server, &location);
    until("its end is noted", || state(&workspace.database()).0 == "done");
}

#[test]
fn an_agent_that_was_forgotten_meanwhile_can_go_on() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    assert_eq!(get(&server, "/agent/status?agent_id=a").status, 200);
    workspace.database().execute("DELETE FROM agents", []).unwrap();
    let answer = post(&server, "/run_bash", &json!({ "agent_id": "a", "cmd": "echo x" }));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(post(&server, "/agent/history", &json!({ "agent_id": "a" })).body["total"], 1);
}
