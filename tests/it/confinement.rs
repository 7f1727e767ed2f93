//! Commands that mean harm, or cannot help doing it: each comes to a bounded end.

use serde_json::{Value, json};

use crate::support::bridge::{self, Answer, get, is_running, post, serve, serve_shell};
use crate::support::watch::until;
use crate::support::{Server, Workspace, skip};

fn run(server: &Server, command: &str) -> Answer {
    post(server, "/run_bash", &json!({ "cmd": command }))
}

fn confinement(server: &Server) -> Value {
    get(server, "/meta").body["security"]["execution"]["confinement"].clone()
}

#[test]
fn a_hundred_megabytes_of_output_are_cut_and_said_to_be() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-output", "4KiB"]);
    let answer = run(
        &server,
        "head -c 100000000 /dev/zero | tr '\\0' x; head -c 100000000 /dev/zero | tr '\\0' y >&2",
    );
    assert_eq!((answer.status, &answer.body["exit_code"]), (200, &json!(0)), "{answer:?}");
    assert_eq!(answer.body["truncated"], true);
    assert_eq!(answer.body["stdout"], "x".repeat(4096));
    assert_eq!(answer.body["stderr"], "y".repeat(4096));
    let endless = post(&server, "/run_bash", &json!({ "cmd": "yes", "timeout": 0.3 }));
    assert_eq!((endless.status, &endless.body["truncated"]), (408, &json!(true)), "{endless:?}");
}

#[test]
fn output_that_is_no_text_is_answered_all_the_same() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-output", "1KiB"]);
    let answer = run(&server, r"printf 'a\xffb\xc3'; printf '\xf0\x28' >&2");
    assert_eq!(answer.body["stdout"], "a\u{fffd}b\u{fffd}", "{answer:?}");
    assert_eq!(answer.body["stderr"], "\u{fffd}(");
    // A character that the limit cuts in two is none.
    let cut = run(&server, "printf x; for i in $(seq 600); do printf ж; done");
    assert_eq!(
        (&cut.body["stdout"], &cut.body["truncated"]),
        (&json!(format!("x{}", "ж".repeat(511))), &json!(true))
    );
    let bytes = run(&server, "head -c 1024 /dev/urandom");
    assert_eq!(bytes.status, 200, "{bytes:?}");
}

#[test]
fn a_command_that_closes_its_streams_and_sleeps_is_ended_at_its_deadline() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let body = json!({ "cmd": "echo said; exec >&- 2>&-; sleep 86395.1", "timeout": 0.5 });
    let answer = post(&server, "/run_bash", &body);
    assert_eq!((answer.status, &answer.body["stdout"]), (408, &json!("said")), "{answer:?}");
    assert_eq!((&answer.body["exit_code"], &answer.body["error"]), (&json!(-1), &json!("timeout")));
    assert!(!is_running("86395."));
}

#[test]
fn what_ignores_signals_or_leaves_its_group_ends_with_its_command() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    for (name, command) in [
        ("ignores SIGTERM", "(trap '' TERM HUP INT; sleep 86394.1) & echo $!"),
        ("a session of its own", "setsid sleep 86394.2 & echo $!"),
        ("forked twice", "(setsid sh -c 'sleep 86394.3 & sleep 86394.4 & wait' &) ; echo x"),
        ("without its parent", "setsid setsid -f sh -c 'trap \"\" TERM; sleep 86394.5; true'; echo x"),
        ("stopped", "sleep 86394.6 & kill -STOP $!; echo x"),
        ("nohup", "nohup sleep 86394.7 >/dev/null 2>&1 & echo x"),
    ] {
        let answer = run(&server, command);
        assert_eq!((answer.status, &answer.body["exit_code"]), (200, &json!(0)), "{name}: {answer:?}");
        assert!(!is_running("86394."), "{name}");
        let late = post(
            &server,
            "/run_bash",
            &json!({ "cmd": format!("{command}; sleep 86394.8"), "timeout": 0.3 }),
        );
        assert_eq!(late.status, 408, "{name}: {late:?}");
        assert!(!is_running("86394."), "{name}, at the deadline");
    }
    // What runs beside them is not theirs to end.
    let (_, location) = bridge::begin(
        &server,
        "/run_bash",
        &json!({ "cmd": "touch begun; until test -e go; do sleep 0.01; done" }),
    );
    until("it has begun", || workspace.path().join("porta-exec/begun").exists());
    assert_eq!(run(&server, "setsid sleep 86394.9 & echo x").status, 200);
    assert_eq!(get(&server, &location).body["state"], "running");
    std::fs::write(workspace.path().join("porta-exec/go"), "").unwrap();
    assert_eq!(bridge::ended(&server, &location)["success"], true);
}

#[test]
fn a_fork_bomb_ends_and_the_server_goes_on() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-processes", "64"]);
    if confinement(&server)["processes_bounded_by"].is_null() {
        skip("nothing here bounds the number of root's processes");
        return;
    }
    let bomb = json!({ "cmd": "echo begun; b() { b | b & }; b; sleep 60", "timeout": 1 });
    for _ in 0..2 {
        let answer = post(&server, "/run_bash", &bomb);
        assert_eq!((answer.status, &answer.body["stdout"]), (408, &json!("begun")), "{answer:?}");
    }
    assert_eq!(run(&server, "echo alive").body["stdout"], "alive");
    assert_eq!(get(&server, "/agent/status?agent_id=a").status, 200);
}

#[test]
fn a_process_has_only_so_much_memory_and_writes_only_such_files() {
    let workspace = Workspace::new();
    let limits = ["--exec", "shell", "--max-process-memory", "64MiB", "--max-file", "1MiB"];
    let server = serve(&workspace, &limits);
    let greedy = run(&server, "head -c 500M /dev/zero | tail -c 400M | wc -c");
    assert_ne!(greedy.body["stdout"], "419430400", "{greedy:?}");
    let large = run(&server, "head -c 5M /dev/zero > large; stat -c %s large");
    assert_eq!(large.body["stdout"], "1048576", "{large:?}");
}

#[test]
fn a_pipeline_that_is_too_long_is_refused_and_a_long_one_is_run() {
    let workspace = Workspace::new();
    let server = serve(&workspace, &["--exec", "shell", "--max-body", "1MiB"]);
    let commands = |count: usize| json!({ "agent_id": "a", "commands": vec!["true"; count] });
    let refused = post(&server, "/agent/pipeline", &commands(10_000));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body["error"].as_str().unwrap().contains("at most 256"), "{refused:?}");
    let answer = post(&server, "/agent/pipeline", &commands(256)).body;
    assert_eq!((&answer["executed_commands"], &answer["success"]), (&json!(256), &json!(true)), "{answer}");
    assert_eq!(post(&server, "/agent/history", &json!({ "agent_id": "a" })).body["total"], 256);
}

#[test]
fn secrets_are_out_of_reach() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path().join("token"), bridge::TOKEN).unwrap();
    std::fs::write(workspace.path().join(".env"), "PORTA_API_KEY=SECRETSECRET1234\n").unwrap();
    let server = serve(&workspace, &["--exec", "shell", "--token-file", "token"]);
    if confinement(&server)["landlock"] == 0 {
        skip("this kernel has no Landlock");
        return;
    }
    let pid = get(&server, "/meta").body["pid"].as_u64().unwrap();
    let here = workspace.path().display();
    for command in [
        format!("cat {here}/porta.db"),
        format!("cat {here}/token ../token"),
        format!("cat {here}/.env"),
        format!("ls {here}"),
        format!("echo x > {here}/new"),
        format!("echo x >> {here}/porta.db"),
        format!("rm -f {here}/porta.db"),
        format!("ln {here}/porta.db db"),
        format!("mv {here}/token ."),
        "ln -s .. up; cat up/token".into(),
        "echo x > /tmp/porta-was-here".into(),
        format!("cat /proc/{pid}/environ"),
        format!("cat /proc/{pid}/fd/*"),
        format!("cat /proc/{pid}/cwd/token"),
        format!("cat /proc/{pid}/root{here}/token"),
        format!("dd if=/proc/{pid}/mem bs=1 count=1"),
        "cat /proc/$PPID/environ /proc/$PPID/cwd/etc/shadow".into(),
    ] {
        let answer = run(&server, &command);
        assert_ne!(answer.body["exit_code"], 0, "{command}: {answer:?}");
        assert!(!answer.body.to_string().contains(bridge::TOKEN), "{command}: {answer:?}");
    }
    let environment = run(&server, "env");
    let text = environment.body["stdout"].as_str().unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(
        names.iter().all(|name| ["HOME", "LANG", "PATH", "PWD", "SHLVL", "TMPDIR", "_"].contains(name)),
        "{text}"
    );
    assert_eq!(run(&server, "cat; echo ended").body["stdout"], "ended", "there is no input");
    assert_eq!(run(&server, "echo x > /dev/null; sort <<< y > sorted; cat sorted").body["stdout"], "y");
    if confinement(&server)["landlock"].as_u64() >= Some(6) {
        for command in
            [format!("kill -9 {pid}"), "kill -9 $PPID".into(), "kill -9 -1; sleep 0.2; echo x".into()]
        {
            run(&server, &command);
            assert_eq!(run(&server, "echo alive").body["stdout"], "alive", "{command}");
        }
    }
}

#[test]
fn a_database_behind_a_link_is_out_of_reach_too() {
    let workspace = Workspace::new();
    let here = workspace.path();
    for folder in ["here", "real"] {
        std::fs::create_dir(here.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(here.join("real/porta.db"), here.join("here/link.db")).unwrap();
    let server = serve(&workspace, &["--exec", "shell", "--db", "here/link.db"]);
    if confinement(&server)["landlock"] == 0 {
        skip("this kernel has no Landlock");
        return;
    }
    for path in ["real/porta.db", "here/link.db"] {
        let answer = run(&server, &format!("cat {}/{path}", here.display()));
        assert_ne!(answer.body["exit_code"], 0, "{path}: {answer:?}");
    }
}

#[test]
fn a_runner_that_is_stopped_is_given_up() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let body = json!({ "agent_id": "a", "cmd": "echo $PPID > runner; sleep 86392.1", "timeout": 1 });
    let (_, location) = bridge::begin(&server, "/run_bash", &body);
    let file = workspace.path().join("porta-exec/runner");
    until("it has begun", || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let job = bridge::ended(&server, &location);
    assert!(job["results"][0]["error"].as_str().unwrap().contains("does not answer"), "{job}");
    assert_eq!(get(&server, "/agent/status?agent_id=a").body["state"], "idle");
    until("the runner is gone", || rustix::process::test_kill_process(pid).is_err());
}

#[test]
fn nobody_gains_rights() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let answer = run(&server, "grep NoNewPrivs /proc/self/status");
    assert_eq!(answer.body["stdout"], "NoNewPrivs:\t1", "{answer:?}");
}

#[test]
fn as_root_commands_run_as_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        skip("only root can be somebody else");
        return;
    }
    let workspace = Workspace::new();
    // The way to it has to be open to that user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(workspace.path(), open).unwrap();
    let mut command = workspace.command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--exec",
        "shell",
        "--exec-user",
        "65534:65534",
        "--max-processes",
        "64",
    ]);
    command.env("PORTA_TOKEN", bridge::TOKEN);
    let server = Server::start(command);
    let who = run(&server, "id -u; id -g; id -G; touch mine && echo written");
    assert_eq!(who.body["stdout"], "65534\n65534\n65534\nwritten", "{who:?}");
    let bomb = json!({ "cmd": "b() { b | b & }; b; sleep 60", "timeout": 1 });
    assert_eq!(post(&server, "/run_bash", &bomb).status, 408);
    assert_eq!(run(&server, "echo alive").body["stdout"], "alive");
}

#[test]
fn a_folder_that_the_user_cannot_write_to_is_found_out_at_the_start() {
    if !rustix::process::geteuid().is_root() {
        skip("only root can be somebody else");
        return;
    }
    let workspace = Workspace::new();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(workspace.path(), closed).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--exec", "shell", "--exec-user", "65534:65534"];
    let mut command = workspace.command(&arguments);
    let ended = crate::support::Ended::from(command.env("PORTA_TOKEN", bridge::TOKEN).output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("porta-exec: Permission denied"), "{ended:?}");
    assert!(ended.stderr.contains("--exec-dir"), "{ended:?}");
}

#[test]
fn a_runner_that_is_killed_is_replaced() {
    let workspace = Workspace::new();
    let server = serve_shell(&workspace);
    let (_, location) =
        bridge::begin(&server, "/run_bash", &json!({ "cmd": "echo $PPID > runner; sleep 86393.1" }));
    let file = workspace.path().join("porta-exec/runner");
    until("it has begun", || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let job = bridge::ended(&server, &location);
    assert_eq!(job["success"], false, "{job}");
    assert!(job["results"][0]["error"].as_str().unwrap().contains("has ended"), "{job}");
    assert_eq!(run(&server, "echo again").body["stdout"], "again");
    let groups = confinement(&server)["control_groups"].as_array().unwrap().len();
    if groups > 0 {
        until("its control group has ended what it left", || !is_running("86393."));
    } else {
        skip("without a control group, what a killed runner leaves is on its own");
    }
}
