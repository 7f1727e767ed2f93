//! The agent bridge, over HTTP.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::bridge::{
    Answer, TOKEN, ask_with, begin, ended, get, is_running, post, serve, serve_shell,
};
use crate::support::watch::{metric, until};
use crate::support::wire::{request, sent};
use crate::support::{Server, Workspace};

/// An answer without what is different each time.
fn shown(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    blur(&mut body);
    json!({ "status": answer.status, "body": body })
}

fn blur(value: &mut Value) {
    let fleeting = [
        "timestamp",
        "created_at",
        "last_seen",
        "started_at",
        "ended_at",
        "execution_time",
        "uptime",
        "pid",
        "port",
        "address",
        "job_id",
        "confinement",
        "version",
    ];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if fleeting.contains(&name.as_str()) && !member.is_null() {
                    *member = format!("[{name}]").into();
                } else {
                    blur(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blur),
        _ => {}
    }
}

fn run(server: &Server, command: &str) -> Answer {
    post(server, "/run_bash", &json!({ "cmd": command }))
}

#[test]
fn every_answer_has_the_form_that_agents_know() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    std::fs::write(workspace.path().join("ngrok.url"), "https://porta.example\n").unwrap();
    let agent = json!({ "agent_id": "alpha" });
    let commands =
        json!({ "agent_id": "alpha", "commands": ["echo one", "echo two; echo bad >&2; exit 3", "echo 3"] });
    let slow = json!({ "agent_id": "alpha", "commands": ["echo one", "sleep 60"], "timeout": 0.2 });
    let answers: Vec<_> = [
        ("run_bash", post(&server, "/run_bash", &json!({ "cmd": "echo hello", "agent_id": "alpha" }))),
        ("run_bash without an agent", run(&server, "echo  out ; echo err >&2; exit 7")),
        ("run_bash killed by a signal", run(&server, "kill -9 $$")),
        (
            "run_bash too slow",
            post(&server, "/run_bash", &json!({ "cmd": "echo begun; sleep 60", "timeout": 0.2 })),
        ),
        ("pipeline", post(&server, "/agent/pipeline", &commands)),
        ("pipeline too slow", post(&server, "/agent/pipeline", &slow)),
        ("empty pipeline", post(&server, "/agent/pipeline", &json!({ "agent_id": "beta", "commands": [] }))),
        ("status by query", get(&server, "/agent/status?agent_id=alpha")),
        ("status by body", post(&server, "/agent/status", &agent)),
        ("status of all", get(&server, "/agent/status")),
        ("list", post(&server, "/agent/list", &json!({ "status": "active" }))),
        ("list of the second", post(&server, "/agent/list", &json!({ "limit": 1, "offset": 1 }))),
        ("history", post(&server, "/agent/history", &agent)),
        (
            "history of one type",
            post(
                &server,
                "/agent/history",
                &json!({ "agent_id": "alpha", "operation_type": "run_bash", "limit": 1 }),
            ),
        ),
        ("meta", get(&server, "/meta")),
        ("public_url", get(&server, "/public_url")),
    ]
    .iter()
    .map(|(name, answer)| json!({ *name: shown(answer) }))
    .collect();
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(answers); });
}

#[test]
fn what_is_wrong_is_said() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-pipeline", "2", "--max-body", "4KiB"]);
    let long = "x".repeat(5000);
    let answers: Vec<_> = [
        ("POST", "/run_bash", "not json".to_owned()),
        ("POST", "/run_bash", "{}".to_owned()),
        ("POST", "/run_bash", json!({ "cmd": "true", "user": "root" }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "cwd": "/" }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": ["true"] }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "" }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "a\0b" }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "timeout": 0 }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "timeout": -1 }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "timeout": 1e300 }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "timeout": 301 }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": "true", "agent_id": "" }).to_string()),
        ("POST", "/run_bash", json!({ "cmd": long }).to_string()),
        ("POST", "/agent/pipeline", json!({ "agent_id": "a", "commands": ["1", "2", "3"] }).to_string()),
        ("POST", "/agent/pipeline", json!({ "agent_id": "a", "commands": ["true", "\0"] }).to_string()),
        ("POST", "/agent/pipeline", json!({ "commands": [] }).to_string()),
        ("POST", "/agent/status", json!({ "agent_id": "a\nb" }).to_string()),
        ("GET", "/agent/status?agent=a", String::new()),
        ("POST", "/agent/list", json!({ "limit": 1001 }).to_string()),
        ("POST", "/agent/list", json!({ "status": "asleep" }).to_string()),
        ("POST", "/agent/history", json!({ "agent_id": "nobody" }).to_string()),
        ("POST", "/agent/history", json!({ "agent_id": "a", "operation_type": "x" }).to_string()),
        ("GET", "/agent/jobs/00000000000000000000000000000000", String::new()),
        ("DELETE", "/agent/jobs/../../etc/passwd", String::new()),
        ("DELETE", "/agent/jobs/x", String::new()),
        ("GET", "/run_bash", String::new()),
        ("GET", "/agent/nothing", String::new()),
    ]
    .into_iter()
    .map(|(method, path, body)| {
        let answer = ask_with(&server, method, path, &[], &body);
        let sent = if body.len() > 200 { format!("{} bytes", body.len()) } else { body };
        json!({ format!("{method} {path} {sent}"): shown(&answer) })
    })
    .collect();
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(answers); });
    assert_eq!(get(&server, "/public_url").body["available"], false);
}

#[test]
fn without_exec_nothing_is_run_and_the_rest_works() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &[]);
    for (path, body) in [
        ("/run_bash", json!({ "cmd": "touch ran" })),
        ("/agent/pipeline", json!({ "agent_id": "a", "commands": ["touch ran"] })),
    ] {
        let answer = post(&server, path, &body);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body["error"].as_str().unwrap().contains("--exec"), "{answer:?}");
    }
    assert_eq!(get(&server, "/agent/status?agent_id=a").status, 200);
    assert_eq!(get(&server, "/meta").body["security"]["execution"]["mode"], "off");
    assert!(!workspace.files().iter().any(|file| file == "ran" || file == "porta-exec"));
}

#[test]
fn what_is_permitted_runs_without_a_shell_and_nothing_else_does() {
    let workspace = Workspace::new();
    let allowlist = "[[command]]\nname = \"echo\"\nargv = [\"/bin/echo\", \"{words...}\"]\nmax_running = 1\n\
                     [command.parameters.words]\ntype = \"text\"\n";
    std::fs::write(workspace.path().join("allowlist.toml"), allowlist).unwrap();
    let server = serve(&workspace, &["--exec", "allowlist"]);
    assert_eq!(run(&server, "echo hello").body["stdout"], "hello");
    for injected in
        ["$(touch ran)", "`touch ran`", "; touch ran", "| touch ran", "&& touch ran", "> ran", "$HOME *"]
    {
        let answer = run(&server, &format!("echo a {injected}"));
        assert_eq!(answer.body["stdout"], format!("a {injected}"), "{answer:?}");
    }
    let denied = run(&server, "touch ran");
    assert_eq!(denied.status, 403, "{denied:?}");
    assert_eq!(run(&server, "echo -n x").status, 422);
    let answer =
        post(&server, "/agent/pipeline", &json!({ "agent_id": "a", "commands": ["echo 1", "touch ran"] }));
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body["error"].as_str().unwrap().starts_with("command 1: "), "{answer:?}");
    assert_eq!(get(&server, "/meta").body["security"]["execution"]["commands"], json!(["echo"]));
    assert_eq!(std::fs::read_dir(workspace.path().join("porta-exec")).unwrap().count(), 0);
}

#[test]
fn a_job_is_answered_at_once_and_shows_how_far_it_is() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let commands = json!({ "agent_id": "a", "commands": ["echo first", "until test -e go; do sleep 0.01; done", "echo last"] });
    let (begun, location) = begin(&server, "/agent/pipeline", &commands);
    assert!(begun.head.contains("\r\nPreference-Applied: respond-async"), "{begun:?}");
    assert_eq!((&begun.body["state"], &begun.body["success"]), (&json!("running"), &Value::Null));
    until("the first command is over", || get(&server, &location).body["executed_commands"] == 1);
    let status = get(&server, "/agent/status?agent_id=a").body;
    assert_eq!(
        (&status["state"], &status["running"][0]["executed_commands"]),
        (&json!("running"), &json!(1))
    );
    let all = get(&server, "/agent/status").body;
    assert_eq!(all["agents"][0]["running"][0]["total_commands"], 3, "{all}");
    assert_eq!(
        ask_with(&server, "DELETE", "/agent/jobs/00000000000000000000000000000000", &[], "").status,
        404
    );
    std::fs::write(workspace.path().join("porta-exec/go"), "").unwrap();
    let job = ended(&server, &location);
    let shown = shown(&Answer { status: 200, head: String::new(), body: job });
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(shown); });
    let again = ask_with(&server, "DELETE", &location, &[], "");
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(get(&server, "/agent/status?agent_id=a").body["state"], "idle");
}

#[test]
fn a_cancelled_job_ends_with_all_that_it_has_started() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let (_, location) = begin(
        &server,
        "/run_bash",
        &json!({ "cmd": "echo begun; touch begun; sleep 86399.1 & sleep 86399.2" }),
    );
    until("it has begun", || workspace.path().join("porta-exec/begun").exists());
    let cancelled = ask_with(&server, "DELETE", &location, &[], "");
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("cancelled")), "{cancelled:?}");
    assert_eq!(cancelled.body["success"], false);
    assert_eq!(cancelled.body["results"][0]["stdout"], "begun", "what it had written is kept");
    until("nothing of it is left", || !is_running("86399."));
}

#[test]
fn a_job_of_a_killed_server_is_interrupted_and_nothing_of_it_runs_on() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let (_, location) = begin(
        &server,
        "/agent/pipeline",
        &json!({ "agent_id": "a", "commands": ["echo 1", "touch begun; sleep 86398.1"] }),
    );
    until("it has begun", || workspace.path().join("porta-exec/begun").exists());
    server.kill();
    until("its command is gone", || !is_running("86398."));
    let server = serve_shell(&workspace);
    let job = ended(&server, &location);
    assert_eq!((&job["state"], &job["success"]), (&json!("interrupted"), &json!(false)), "{job}");
    until("its operations are marked", || {
        let history = post(&server, "/agent/history", &json!({ "agent_id": "a" })).body;
        let operations = history["operations"].as_array().unwrap();
        let states: Vec<_> = operations.iter().map(|operation| &operation["details"]["state"]).collect();
        states == ["interrupted", "done"]
    });
}

#[test]
fn a_stopped_server_ends_what_it_runs_and_says_so() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let (_, location) =
        begin(&server, "/run_bash", &json!({ "agent_id": "a", "cmd": "touch begun; sleep 86397.1" }));
    until("it has begun", || workspace.path().join("porta-exec/begun").exists());
    assert_eq!(server.stop().code, Some(0));
    assert!(!is_running("86397."));
    let server = serve_shell(&workspace);
    assert_eq!(get(&server, &location).body["state"], "interrupted");
}

#[test]
fn a_client_that_goes_away_takes_its_command_with_it() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let begun = workspace.path().join("porta-exec/begun");
    for (path, body) in [
        ("/run_bash", json!({ "agent_id": "a", "cmd": "touch begun; sleep 86396.1" })),
        (
            "/agent/pipeline",
            json!({ "agent_id": "a", "commands": ["true", "touch begun; sleep 86396.2", "true"] }),
        ),
    ] {
        let headers = [("X-PORTA-TOKEN", TOKEN), ("Content-Type", "application/json")];
        let waiting = sent(&server, &request("POST", path, &headers, &body.to_string()));
        until("it has begun", || begun.exists());
        drop(waiting);
        until("its command is gone", || !is_running("86396."));
        until("its end is noted", || {
            let history = post(&server, "/agent/history", &json!({ "agent_id": "a" })).body;
            history["operations"][0]["details"]["state"] == "cancelled"
        });
        std::fs::remove_file(&begun).unwrap();
    }
    assert_eq!(get(&server, "/agent/status?agent_id=a").body["state"], "idle");
}

#[test]
fn there_are_only_so_many_commands_and_places_come_back() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-commands", "2", "--max-agent-commands", "1"]);
    let wait = |agent: &str| json!({ "agent_id": agent, "cmd": "until test -e go; do sleep 0.01; done" });
    let (_, first) = begin(&server, "/run_bash", &wait("a"));
    let of_agent = post(&server, "/run_bash", &wait("a"));
    assert_eq!(of_agent.status, 429, "{of_agent:?}");
    assert!(of_agent.head.contains("\r\nRetry-After: "), "{of_agent:?}");
    let (_, second) = begin(&server, "/run_bash", &wait("b"));
    let of_all = post(&server, "/run_bash", &wait("c"));
    assert_eq!(of_all.status, 503, "{of_all:?}");
    assert!(of_all.head.contains("\r\nRetry-After: "), "{of_all:?}");
    std::fs::write(workspace.path().join("porta-exec/go"), "").unwrap();
    for location in [first, second] {
        assert_eq!(ended(&server, &location)["success"], true);
    }
    assert_eq!(post(&server, "/run_bash", &wait("a")).status, 200);
}

#[test]
fn the_usual_time_of_a_command_is_within_what_is_allowed() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-command-time", "5s"]);
    assert_eq!(run(&server, "echo x").body["stdout"], "x");
    let pipeline = post(&server, "/agent/pipeline", &json!({ "agent_id": "a", "commands": ["echo x"] }));
    assert_eq!(pipeline.body["success"], true, "{pipeline:?}");
    assert_eq!(post(&server, "/run_bash", &json!({ "cmd": "true", "timeout": 6 })).status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_agents_that_register_at_once_are_two_hundred() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &[]);
    let client = Client::new();
    let url = format!("{}/agent/status", server.url);
    let register = |number: usize| {
        let request = client.post(&url).header("X-PORTA-TOKEN", TOKEN).timeout(Duration::from_secs(30));
        // Some more than once, at the same moment.
        let request = request.body(json!({ "agent_id": format!("agent {}", number % 200) }).to_string());
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    };
    let asked: Vec<_> = (0..400).map(register).collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    tokio::task::block_in_place(|| {
        let list = post(&server, "/agent/list", &json!({ "limit": 1000 })).body;
        assert_eq!((&list["total"], list["agents"].as_array().unwrap().len()), (&json!(200), 200));
        let answered =
            "porta_requests_total{method=\"POST\",route=\"/agent/status\",traffic=\"live\",status=\"2xx\"}";
        let expected =
            [("porta_active_agents", 200.0), ("porta_database_busy_waits_total", 0.0), (answered, 400.0)];
        for (series, value) in expected {
            assert_eq!(metric(&server, series), value, "{series}");
        }
    });
}

#[test]
fn an_agent_of_a_stress_test_is_not_an_active_one() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &[]);
    let answer = ask_with(&server, "GET", "/agent/status?agent_id=tester", &[("X-Porta-Run", "1")], "");
    assert_eq!(answer.status, 200);
    let active = || metric(&server, "porta_active_agents");
    assert_eq!(active(), 0.0);
    assert_eq!(get(&server, "/agent/status?agent_id=tester").status, 200);
    // It is in the database once the list was asked for.
    assert_eq!(post(&server, "/agent/list", &json!({})).body["total"], 1);
    assert_eq!(active(), 1.0);
}

#[test]
fn while_it_is_remembered_an_agent_costs_no_look_at_the_database() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &[]);
    assert_eq!(get(&server, "/agent/status?agent_id=a").status, 200);
    let database = workspace.database();
    database.execute("DELETE FROM agents", []).unwrap();
    assert_eq!(get(&server, "/agent/status?agent_id=a").status, 200);
    let agents: i64 = database.query_row("SELECT count(*) FROM agents", [], |row| row.get(0)).unwrap();
    assert_eq!(agents, 0, "it was not looked up");
}

#[test]
fn exec_is_refused_where_it_would_be_dangerous() {
    let workspace = Workspace::new();
    let refused = |arguments: &[&str], token: Option<&str>| {
        let mut all = vec!["serve", "--exec", "shell"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let mut command = workspace.command(&all);
        command.envs(token.map(|token| ("PORTA_TOKEN", token)));
        crate::support::Ended::from(command.output().unwrap())
    };
    let no_token = refused(&["--exec-allow-root"], None);
    assert_eq!(no_token.code, Some(2), "{no_token:?}");
    assert!(no_token.stderr.contains("there is no bridge token"), "{no_token:?}");
    let weak = refused(&["--exec-allow-root"], Some("changeme"));
    assert_eq!(weak.code, Some(2), "{weak:?}");
    assert!(!weak.stderr.contains("changeme") && weak.stderr.contains("openssl rand"), "{weak:?}");
    let remote = refused(&["--exec-allow-root", "--listen", "0.0.0.0:0"], Some(TOKEN));
    assert!(remote.stderr.contains("--exec-allow-remote"), "{remote:?}");
    if rustix::process::geteuid().is_root() {
        let root = refused(&[], Some(TOKEN));
        assert!(root.stderr.contains("--exec-allow-root") && root.stdout.is_empty(), "{root:?}");
    }
    let above = refused(&["--exec-allow-root", "--exec-dir", "."], Some(TOKEN));
    assert_eq!(above.code, Some(1), "{above:?}");
    assert!(above.stderr.contains("contains") && above.stderr.contains("--exec-dir"), "{above:?}");
}

#[test]
fn the_token_can_come_from_a_file() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let server = workspace.serve(&["--token-file", "token"]);
    assert_eq!(get(&server, "/meta").status, 200);
    let bearer = format!("Bearer {TOKEN}");
    let answer = crate::support::wire::exchange(
        &server,
        &request("GET", "/meta", &[("Authorization", bearer.as_str())], ""),
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
