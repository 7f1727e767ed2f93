//! What can be loaded besides `/update`: agents' routes, and any server.

use serde_json::Value;

use crate::support::stress::{number, stress, stress_with};
use crate::support::target::{Behaviour, Target};
use crate::support::{Workspace, tls};

const TOKEN: &str = "3f9c51d27ab8460e9d1c7e52f8a604b3";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_ones_own_goes_to_the_url_itself() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(204, "")).await;
    let url = format!("{}/a/b?key=secret&c=%20", target.url);
    std::fs::write(workspace.path().join("headers"), "X-One: 1\n\nX-Two: 2: 3\n").unwrap();
    let arguments = [
        "--header",
        "@headers",
        "--header",
        "Host: example.org",
        "--template",
        "{\"n\":{{counter}},\"f\":{{number 0.0..9.0}}}",
        "--header",
        "content-type: application/json",
        "--rps",
        "250",
        "--duration",
        "1s",
    ];
    let (ended, report) = stress(&workspace, &url, &arguments).await;
    assert_eq!(number(&report, "/results/success"), 250.0, "{ended:?}");
    let endpoint = &report["endpoints"][0];
    assert_eq!((&endpoint["method"], &endpoint["path"]), (&"POST".into(), &"/a/b".into()));
    assert!(!report.to_string().contains("secret"), "a query may hold a key");
    assert!(ended.stdout.contains(&format!("POST {}/a/b", target.url)), "{}", ended.stdout);

    let mut numbers = Vec::new();
    for request in target.seen() {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /a/b?key=secret&c=%20 HTTP/1.1\r\n"), "{head}");
        for line in ["x-one: 1", "x-two: 2: 3", "host: example.org", "content-type: application/json"] {
            assert_eq!(head.to_ascii_lowercase().matches(line).count(), 1, "{line} in {head}");
        }
        let body: Value = serde_json::from_str(body).unwrap();
        numbers.push(body["n"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=250).collect::<Vec<_>>(), "each number once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_is_read_and_its_connection_kept() {
    let workspace = Workspace::new();
    let page: &'static str = Box::leak("x".repeat(300_000).into_boxed_str());
    let target = Target::start(Behaviour::Answer(200, page)).await;
    let arguments = ["--method", "GET", "--rps", "200", "--duration", "1s", "--workers", "4"];
    let (_, report) = stress(&workspace, &target.url, &arguments).await;
    assert_eq!(number(&report, "/results/success"), 200.0, "{report:#}");
    assert_eq!(number(&report, "/results/connections_opened"), 4.0);
    assert!(target.seen().iter().all(|request| request.starts_with("GET / HTTP/1.1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expected_status_is_the_operators() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Answer(404, "")).await;
    let load = ["--rps", "250", "--duration", "1s"];
    let (_, report) = stress(&workspace, &target.url, &[&load[..], &["--method", "HEAD"]].concat()).await;
    assert_eq!(number(&report, "/results/errors/status_4xx"), 250.0, "{report:#}");
    let expected = ["--expect-status", "404,410"];
    let (_, report) = stress(&workspace, &target.url, &[&load[..], &expected].concat()).await;
    assert_eq!(number(&report, "/results/success"), 250.0, "{report:#}");
}

#[test]
fn what_no_request_can_be_made_of_is_refused_with_its_place() {
    let workspace = Workspace::new();
    for (arguments, words) in [
        (&["--template", "a {{nothing}}"][..], "at line 1, character 3: `nothing` is no placeholder"),
        (&["--template", "@missing"], "--template @missing: No such file"),
        (&["--header", "no colon"], "it is written as 'NAME: VALUE'"),
        (&["--header", "a b: c"], "that is no name of a header"),
        (&["--method", "G T"], "cannot use --method G T"),
        (&["--expect-status", "99"], "an HTTP status from 100 to 599"),
        (&["--body", "x", "--template", "y"], "cannot be used with"),
    ] {
        let ended = workspace.porta(&[&["stress", "--url", "http://127.0.0.1:9"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_loaded_where_its_certificate_is_trusted() {
    let workspace = Workspace::new();
    let target = Target::start_tls(Behaviour::Answer(200, "1")).await;
    let authority = tls::authority();
    let stranger = authority.with_file_name("server.pem");
    let load = ["--rps", "250", "--duration", "1s", "--workers", "5"];
    let run = async |url: &str, trusted: &std::path::Path| {
        let variables = [("PORTA_API_KEY", "A"), ("SSL_CERT_FILE", trusted.to_str().unwrap())];
        stress_with(&workspace, url, &variables, &load).await
    };
    let (ended, report) = run(&target.url, &authority).await;
    assert_eq!(number(&report, "/results/success"), 250.0, "{ended:?}");
    assert_eq!(number(&report, "/results/connections_opened"), 5.0);
    assert_eq!(report["config"]["base_url"], target.url.as_str());

    let (ended, report) = run(&target.url, &stranger).await;
    assert_eq!(number(&report, "/results/errors/tls"), 250.0, "{ended:?}");
    assert_eq!((ended.code, number(&report, "/results/unknown")), (Some(1), 0.0));
    assert!(ended.stderr.contains("is its certificate one that this machine trusts?"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_judged_by_endpoint() {
    let workspace = Workspace::new();
    let target = Target::start(Behaviour::Bridge).await;
    let variables = [("PORTA_TOKEN", TOKEN)];
    let arguments = ["--agents", "5", "--duration", "2s", "--rps", "500"];
    let (ended, report) = stress_with(&workspace, &target.url, &variables, &arguments).await;
    assert_eq!((&report["config"]["agents"], &report["config"]["workers"]), (&5.into(), &5.into()));
    assert_eq!(number(&report, "/results/total"), 1000.0, "{ended:?}");
    let endpoints = report["endpoints"].as_array().unwrap();
    let figure = |name: &str| endpoints.iter().map(|endpoint| endpoint[name].as_f64().unwrap()).sum::<f64>();
    assert_eq!(figure("total"), 1000.0);
    assert_eq!(figure("failed"), number(&report, "/results/failed"));
    for endpoint in endpoints {
        let (path, total) = (endpoint["path"].as_str().unwrap(), &endpoint["total"]);
        let failed = if path == "/meta" { total.clone() } else { 0.into() };
        assert_eq!(endpoint["failed"], failed, "{path}");
        assert!(endpoint["p50_latency_ms"].as_f64().is_some(), "{path} was asked");
        assert!(ended.stdout.contains(path), "{path} in {}", ended.stdout);
        let seen = target.seen().iter().filter(|request| request.contains(&format!(" {path} "))).count();
        assert_eq!(total, seen, "{path}: what was sent is what has come");
    }
    let seen = target.seen();
    assert!(
        seen.iter().all(|request| request.to_ascii_lowercase().contains(&format!("x-porta-token: {TOKEN}")))
    );
    for agent in 1..=5 {
        assert!(
            seen.iter().any(|request| request.contains(&format!("\"agent_id\":\"porta-stress-{agent}\"")))
        );
    }
    assert!(!format!("{ended:?}{report}").contains(TOKEN));
}

#[test]
fn agents_elsewhere_need_a_token() {
    let ended = Workspace::new().porta(&["stress", "--url", "http://127.0.0.1:9", "--agents", "5"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Put it into PORTA_TOKEN"), "{}", ended.stderr);
}

#[test]
fn agents_have_a_private_server_that_runs_echo() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--agents", "5", "--duration", "4s"]);
    let report = workspace.json(&["report", "--format", "json"]);
    assert_eq!(number(&report, "/results/success"), 200.0, "{ended:?}");
    assert!(
        ended.stderr.starts_with("porta stress → a private server, http://127.0.0.1:"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("5 agents, 50 rps, 4 s"), "{}", ended.stderr);
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 5);
    assert_eq!(workspace.files(), ["porta.db", "porta.db.lock"], "the private server's folder is gone");
}
