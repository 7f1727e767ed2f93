//! Whom `porta criteria check` tells, when, and what it keeps.

use serde_json::json;

use crate::criteria::{check, judged};
use crate::support::Workspace;
use crate::support::island::Island;
use crate::support::remembered::{self, Minute};

pub const BAD: Minute = Minute { status: 503, ..Minute::QUIET };

/// What the hook has been told, one line a time.
pub fn told(workspace: &Workspace) -> Vec<String> {
    let text = std::fs::read_to_string(workspace.path().join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

pub fn hook(workspace: &Workspace) -> String {
    format!("echo $PORTA_PREVIOUS $PORTA_VERDICT $PORTA_EXIT_CODE >> {}/told", workspace.path().display())
}

/// Makes the metrics those of another minute.
pub fn become_(workspace: &Workspace, minute: Minute) {
    let column = format!("status_{}xx", minute.status / 100);
    let zero = "UPDATE request_metrics SET status_2xx = 0, status_5xx = 0";
    workspace.database().execute(zero, []).unwrap();
    workspace.database().execute(&format!("UPDATE request_metrics SET {column} = 600"), []).unwrap();
}

#[test]
fn the_hook_runs_on_a_change_that_lasts_and_only_then() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook, "--damping", "2"]).code;
    assert_eq!((run(), told(&workspace)), (Some(0), vec![]), "an OK at first is no news");
    become_(&workspace, BAD);
    assert_eq!((run(), told(&workspace)), (Some(2), vec![]), "once is not enough");
    assert_eq!((run(), told(&workspace)), (Some(2), vec!["ok critical 2".to_owned()]));
    assert_eq!((run(), told(&workspace).len()), (Some(2), 1), "and not again");
    become_(&workspace, Minute::QUIET);
    assert_eq!((run(), told(&workspace).len()), (Some(0), 1));
    assert_eq!((run(), told(&workspace)[1..].to_vec()), (Some(0), vec!["critical ok 0".to_owned()]));
    become_(&workspace, BAD);
    let now = check(&workspace, &["--hook", &hook, "--damping", "1"]);
    assert_eq!((now.code, told(&workspace).len()), (Some(2), 3));
    let history = workspace.json(&["criteria", "history", "--limit", "3", "--format", "json"]);
    let pairs: Vec<_> =
        history.as_array().unwrap().iter().map(|check| (&check["verdict"], &check["settled"])).collect();
    assert_eq!(
        pairs,
        [
            (&json!("critical"), &json!("critical")),
            (&json!("ok"), &json!("ok")),
            (&json!("ok"), &json!("critical"))
        ]
    );
}

#[test]
fn another_damping_drops_no_change() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = |damping: &str| check(&workspace, &["--hook", &hook, "--damping", damping]).code;
    assert_eq!(run("4"), Some(0));
    become_(&workspace, BAD);
    for _ in 0..3 {
        assert_eq!((run("4"), told(&workspace)), (Some(2), vec![]));
    }
    assert_eq!((run("2"), told(&workspace)), (Some(2), vec!["ok critical 2".to_owned()]));
}

/// Somebody looks, whoever and by whatever: the checks from cron tell what they would have told.
#[test]
fn checks_by_hand_steer_no_alert() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook]).code;
    assert_eq!(run(), Some(0));
    become_(&workspace, BAD);
    assert_eq!((run(), told(&workspace)), (Some(2), vec![]));
    assert_eq!(check(&workspace, &[]).code, Some(2), "it settles the change, and has nobody to tell");
    assert_eq!((run(), told(&workspace)), (Some(2), vec!["ok critical 2".to_owned()]));
    // Other thresholds say nothing about these.
    let lenient = workspace.path().join("lenient.toml");
    std::fs::write(&lenient, "[red]\nserver_errors_percent = 100\n").unwrap();
    for _ in 0..2 {
        assert_eq!(check(&workspace, &["--config", lenient.to_str().unwrap()]).code, Some(0));
    }
    assert_eq!((run(), told(&workspace).len()), (Some(2), 1));
    become_(&workspace, Minute::QUIET);
    for _ in 0..2 {
        assert_eq!(run(), Some(0));
    }
    assert_eq!(told(&workspace)[1..], ["critical ok 0".to_owned()]);
    let stored = || workspace.json(&["criteria", "history", "--format", "json"]).as_array().unwrap().len();
    let before = (stored(), std::fs::read(workspace.path().join("porta.db.check.lock")).unwrap());
    // In this window there is nothing.
    for look in [&["--since", "5m"][..], &["--run", "7"]] {
        for _ in 0..3 {
            let looked = check(&workspace, &[look, &["--hook", &hook]].concat());
            assert_eq!(looked.code, Some(3), "{looked:?}");
            assert!(looked.stderr.contains("nobody is told of a check with --run or --since"), "{looked:?}");
        }
    }
    assert_eq!(told(&workspace).len(), 2);
    assert_eq!((stored(), std::fs::read(workspace.path().join("porta.db.check.lock")).unwrap()), before);
}

/// One looks every minute and is content with one result, another tells only what lasts.
#[test]
fn a_check_tells_by_its_own_damping() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook, "--damping", "3"]).code;
    assert_eq!(run(), Some(0));
    become_(&workspace, BAD);
    assert_eq!(check(&workspace, &["--damping", "1"]).code, Some(2));
    assert_eq!((run(), told(&workspace)), (Some(2), vec![]));
    assert_eq!((run(), told(&workspace)), (Some(2), vec!["ok critical 2".to_owned()]));
}

/// What counts for alerts needs no database.
#[test]
fn what_cannot_be_stored_is_told_all_the_same_and_once() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook]);
    assert_eq!(run().code, Some(0));
    become_(&workspace, BAD);
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON criteria_checks BEGIN SELECT RAISE(FAIL, 'no room'); END";
    workspace.database().execute_batch(refuse).unwrap();
    for lines in [0, 1, 1] {
        let ended = run();
        assert!(ended.code == Some(2) && ended.stderr.contains("the check was not stored"), "{ended:?}");
        assert_eq!(told(&workspace).len(), lines);
    }
    assert_eq!(told(&workspace), ["ok critical 2"]);
    // Nor is there a place to remember anything: then rather once too often than never.
    let state = workspace.path().join("porta.db.check.lock");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    for lines in [2, 3] {
        assert_eq!((run().code, told(&workspace).len()), (Some(2), lines));
    }
    become_(&workspace, Minute::QUIET);
    assert_eq!((run().code, told(&workspace).len()), (Some(0), 3));
}

/// As after the database was moved, or by a porta that kept no such file.
#[test]
fn where_nothing_is_remembered_the_history_counts() {
    let workspace = remembered::database(&[BAD]);
    let hook = hook(&workspace);
    let run = || check(&workspace, &["--hook", &hook]).code;
    assert_eq!((run(), told(&workspace).len()), (Some(2), 1));
    std::fs::remove_file(workspace.path().join("porta.db.check.lock")).unwrap();
    assert_eq!((run(), told(&workspace).len()), (Some(2), 1), "it was told then");
    become_(&workspace, Minute::QUIET);
    assert_eq!(run(), Some(0));
    std::fs::remove_file(workspace.path().join("porta.db.check.lock")).unwrap();
    assert_eq!((run(), told(&workspace)[1..].to_vec()), (Some(0), vec!["critical ok 0".to_owned()]));
}

#[test]
fn quiet_says_nothing_while_an_ok_stays_ok() {
    let workspace = remembered::database(&[Minute::QUIET]);
    let quiet = || check(&workspace, &["--quiet", "--format", "nagios"]).stdout;
    assert_eq!((quiet(), quiet()), (String::new(), String::new()));
    become_(&workspace, BAD);
    assert!(quiet().starts_with("PORTA CRITICAL - "));
    assert!(quiet().starts_with("PORTA CRITICAL - "));
    become_(&workspace, Minute::QUIET);
    assert!(quiet().starts_with("PORTA OK - "), "that it is well again is news");
    assert_eq!(quiet(), "");
}

#[test]
fn nothing_is_stored_where_that_is_not_wanted() {
    let workspace = remembered::database(&[BAD]);
    let before = std::fs::read(workspace.db()).unwrap();
    assert_eq!(check(&workspace, &["--no-store"]).code, Some(2));
    assert!(std::fs::read(workspace.db()).unwrap() == before, "not a byte has changed");
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"]);
    assert_eq!(workspace.json(&["criteria", "history", "--format", "json"]), json!([]));
}

/// The verdict is what matters: that it cannot be stored is said, and changes nothing.
#[test]
fn a_full_disk_only_warns() {
    let workspace = Workspace::new();
    let Some(island) = Island::new(workspace.path(), "1m") else { return };
    assert_eq!(island.porta(&["migrate"]).code, Some(0));
    let filled = island.run("sh", &["-c", "cat /dev/zero > filler; true"]);
    assert_eq!(filled.code, Some(0), "{filled:?}");
    let ended = island.porta(&["criteria", "check", "--format", "nagios"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.starts_with("PORTA UNKNOWN - what is known is well"), "{ended:?}");
    assert!(ended.stderr.contains("the check was not stored"), "{ended:?}");
}

#[test]
fn the_checks_that_are_kept_are_bounded_and_can_be_judged_again() {
    let workspace = remembered::database(&[Minute::QUIET]);
    assert_eq!(check(&workspace, &[]).code, Some(0));
    let database = workspace.database();
    let copies = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050)
        INSERT INTO criteria_checks (checked_at_ms, verdict, settled, rung, reason, red_flags, evidence)
        SELECT checked_at_ms - (10051 - i) * 300000, verdict, settled, rung, reason, red_flags, iif(i % 12 = 0, evidence, NULL)
        FROM criteria_checks JOIN n ON id = 1";
    database.execute(copies, []).unwrap();
    assert_eq!(check(&workspace, &[]).code, Some(0));
    let kept: i64 = database.query_row("SELECT count(*) FROM criteria_checks", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 10_000);
    let again = workspace.json(&["criteria", "backtest", "--days", "30", "--format", "json"]);
    assert!(again["checks"].as_u64().is_some_and(|checks| (700..=722).contains(&checks)), "{again}");
    assert_eq!((&again["changes"], &again["verdicts"]["ok"]), (&json!(0), &again["checks"]));
    std::fs::write(workspace.path().join("strict.toml"), "[criteria]\nrps = 5\n").unwrap();
    let strict = workspace.json(&["criteria", "backtest", "--config", "strict.toml", "--format", "json"]);
    assert_eq!(
        (&strict["crossed"]["rps"], &strict["verdicts"]["warning"]),
        (&strict["checks"], &strict["checks"])
    );
    let evidence = "SELECT count(*) FROM criteria_checks WHERE evidence IS NOT NULL";
    assert!(database.query_row(evidence, [], |row| row.get::<_, i64>(0)).unwrap() <= 1500);
}

#[test]
fn the_checklist_knows_what_was_done() {
    let workspace = remembered::database(&[]);
    let states = || {
        let items = workspace.json(&["criteria", "checklist", "--format", "json"]);
        let items = items.as_array().unwrap().clone();
        assert_eq!(items.len(), 12);
        let done = items.iter().filter(|item| item["state"] == "done");
        done.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(), [""; 0]);
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let key = &channel.write_key;
    let update =
        format!("GET /update?api_key={key}&field1=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(crate::support::wire::exchange(&server, &update).starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(states(), ["metrics", "logs"]);
    assert_eq!(workspace.porta(&["migrate", "backup", "b.db"]).code, Some(0));
    assert_eq!(workspace.porta(&["migrate", "plan", "plan.md"]).code, Some(0));
    assert_eq!(workspace.porta(&["criteria", "hook-test", "--hook", "true"]).code, Some(0));
    assert_ne!(check(&workspace, &[]).code, None);
    assert_eq!(states(), ["migration_plan", "backup", "metrics", "logs", "alerts"]);
    let plan = std::fs::read_to_string(workspace.path().join("plan.md")).unwrap();
    assert!(
        plan.contains(
            "- channels: 1\n- channels that keep everything: 1\n- updates that were acknowledged: 1\n"
        ),
        "{plan}"
    );
    workspace.database().execute("UPDATE criteria_checks SET red_flags = 1", []).unwrap();
    assert!(states().contains(&"red_flag".to_owned()));
    let table = workspace.porta(&["criteria", "checklist"]).stdout;
    assert!(
        table.contains("✓ done") && table.contains("✗ not done") && table.contains("– not possible yet"),
        "{table}"
    );
    let _ = judged(&workspace, &[]);
}
