//! Where `porta criteria check` takes its evidence from, and what it leaves out.

use porta::clock;
use serde_json::{Value, json};

use crate::criteria::{judged, of};
use crate::support::Workspace;
use crate::support::remembered::{self, MINUTE, Minute};

/// Agents that were last seen so many minutes ago.
fn add_agents(workspace: &Workspace, count: usize, ago: i64) {
    let at = clock::utc().0 - ago * MINUTE;
    for number in 0..count {
        let insert = "INSERT INTO agents (id, created_at_ms, last_seen_at_ms, last_live_at_ms) VALUES (?1, ?2, ?2, ?2)";
        workspace.database().execute(insert, (format!("agent-{ago}-{number}"), at)).unwrap();
    }
}

fn agents(workspace: &Workspace, arguments: &[&str]) -> Value {
    of(&judged(workspace, arguments), "criteria", "agents").clone()
}

#[test]
fn agents_are_of_the_window_or_of_now_and_say_so() {
    let workspace = remembered::database(&[
        Minute { ago: 30, agents: 6, ..Minute::QUIET },
        Minute { ago: 20, ..Minute::QUIET },
    ]);
    let of_window = agents(&workspace, &["--since", "90m"]);
    let evidence = &of_window["evidence"];
    assert_eq!((&of_window["value"], &evidence["source"]["kind"]), (&json!(6.0), &json!("live")));
    assert_eq!(evidence["source"]["window_seconds"], 5400);
    assert!(evidence["text"].as_str().unwrap().starts_with("last 1h 30m live, "), "{evidence}");
    assert!(evidence["age_seconds"].as_u64().unwrap() >= 18 * 60, "as old as the newest minute: {evidence}");
    add_agents(&workspace, 7, 1);
    let of_now = agents(&workspace, &[]);
    assert_eq!((&of_now["value"], &of_now["evidence"]["text"]), (&json!(7.0), &json!("the agents table")));
    assert_eq!(of_now["evidence"]["age_seconds"], 0);
}

#[test]
fn agents_are_active_for_as_long_as_the_server_was_told() {
    let workspace = Workspace::new();
    for (arguments, expected) in [(&["--agent-window", "2h"][..], 1.0), (&[], 0.0)] {
        assert_eq!(workspace.serve(arguments).stop().code, Some(0));
        if expected > 0.0 {
            add_agents(&workspace, 1, 60);
        }
        assert_eq!(agents(&workspace, &[])["value"], expected, "{arguments:?}");
    }
}
