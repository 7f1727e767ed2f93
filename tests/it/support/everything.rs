//! A server that has one of everything that pages show.

use serde_json::json;

use super::bridge::{self, TOKEN};
use super::stress_test::Admin;
use super::wire::{exchange, request};
use super::{Server, Workspace};

/// A channel, an agent and its command, runs 1 and 2 that can be compared, 3 that has failed, and 4 that goes on.
pub fn serve(workspace: &Workspace) -> Server {
    let channel = workspace.create_channel("greenhouse");
    let server = bridge::serve(workspace, &["--exec", "shell"]);
    let update = format!(
        "/update?api_key={}&field1=21.5&status=fine&elevation=7&latitude=1&longitude=2",
        channel.write_key
    );
    let answer = exchange(&server, &request("GET", &update, &[], ""));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    command(&server, "night watch", "echo hello");
    let admin = Admin::new(workspace);
    let wanted = |rps: u32, seconds: u32| json!({ "channel_id": channel.id, "workers": 1, "rps": rps, "duration": seconds });
    let run = admin.start(&server, &wanted(20, 1));
    admin.until_ended(&server, run);
    let database = workspace.database();
    // Columns that follow from others cannot be written.
    let columns: String = database
        .query_row("SELECT group_concat(name) FROM pragma_table_info('stress_test_runs')", [], |row| {
            row.get(0)
        })
        .unwrap();
    let again = format!("INSERT INTO stress_test_runs ({columns}) SELECT {columns} FROM run");
    database
        .execute_batch(&format!(
            "CREATE TEMP TABLE run AS SELECT {columns} FROM stress_test_runs WHERE id = {run};
             UPDATE run SET id = 2; {again};
             UPDATE run SET id = 3, results_json = NULL, status = 'failed', error_message = 'the server was stopped'; {again};"
        ))
        .unwrap();
    let running = admin.start(&server, &wanted(1, 60));
    assert_eq!((run, running), (1, 4));
    admin.until_measuring(&server, running);
    for _ in 0..2 {
        assert!(workspace.porta(&["criteria", "check"]).code.is_some_and(|code| code < 4));
    }
    server
}

/// Has a command run for an agent.
pub fn command(server: &Server, agent: &str, command: &str) {
    let headers = [("X-PORTA-TOKEN", TOKEN), ("Content-Type", "application/json")];
    let body = json!({ "agent_id": agent, "cmd": command }).to_string();
    let answer = exchange(server, &request("POST", "/run_bash", &headers, &body));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
