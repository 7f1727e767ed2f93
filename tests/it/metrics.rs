//! What the server remembers of itself, and how it says so: `/metrics`, `/api/admin/requests`, the log.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use porta::domain::metrics::{
    Incident, IncidentKind, Record, Requests, Resolution, RoutePeriod, ServerPeriod, Traffic, Writing,
};
use porta::domain::traffic::Span;
use porta::domain::unit::UtcMillis;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{EntryStore as _, MetricsStore as _, Store as _};
use serde_json::Value;

use crate::support::wire::{exchange, get, request};
use crate::support::{Server, Workspace, skip};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").expect("a head").1
}

/// The value of a series of `/metrics`.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("no {series} in {metrics}")).trim().parse().unwrap()
}

fn send_some(server: &Server, write_key: &str) {
    let update = |key: &str, headers: &[(&str, &str)]| {
        exchange(server, &request("GET", &format!("/update?api_key={key}&field1=1"), headers, ""))
    };
    for _ in 0..5 {
        assert!(update(write_key, &[]).starts_with("HTTP/1.1 200"));
    }
    for _ in 0..3 {
        assert!(update(write_key, &[("X-Porta-Run", "7")]).starts_with("HTTP/1.1 200"));
    }
    assert!(update("WRONGWRONGWRONGW", &[]).starts_with("HTTP/1.1 400"));
    assert!(exchange(server, &get("/nothing")).starts_with("HTTP/1.1 404"));
}

#[test]
fn requests_are_counted_by_route_traffic_and_class() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("counted");
    let server = workspace.serve(&[]);
    send_some(&server, &channel.write_key);
    let response = exchange(&server, &get("/metrics"));
    let metrics = body(&response);
    let of = |route: &str, traffic: &str, status: &str| {
        let labels = format!("method=\"GET\",route=\"{route}\",traffic=\"{traffic}\",status=\"{status}\"");
        value(metrics, &format!("porta_requests_total{{{labels}}}"))
    };
    assert_eq!(of("/update", "live", "2xx"), 5.0);
    assert_eq!(of("/update", "live", "4xx"), 1.0);
    assert_eq!(of("/update", "stress", "2xx"), 3.0);
    let labels = "{method=\"GET\",route=\"/update\",traffic=\"live\"}";
    assert_eq!(value(metrics, &format!("porta_request_duration_seconds_count{labels}")), 6.0);
    assert!(value(metrics, &format!("porta_request_duration_seconds_sum{labels}")) > 0.0);
    assert_eq!(value(metrics, "porta_requests_in_flight "), 0.0, "who watches does not count");
    let labels = "le=\"+Inf\",method=\"GET\",route=\"/update\",traffic=\"live\"";
    assert_eq!(value(metrics, &format!("porta_request_duration_seconds_bucket{{{labels}}}")), 6.0);
    assert!(is_well_formed(metrics));
    server.stop();
}

/// As Prometheus's own tool sees it.
fn is_well_formed(metrics: &str) -> bool {
    let started = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn();
    let Ok(mut promtool) = started else {
        skip("promtool is not installed");
        return true;
    };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    promtool.wait().unwrap().success()
}

#[test]
fn what_was_counted_is_kept_over_restarts_and_by_all_servers_together() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("kept");
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    for _ in 0..2 {
        let servers = [workspace.serve(&[]), workspace.serve(&[])];
        servers.iter().for_each(|server| send_some(server, &channel.write_key));
        servers.into_iter().for_each(|server| assert_eq!(server.stop().code, Some(0)));
    }
    let server = workspace.serve(&[]);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let ask = |path: &str| {
        let response = exchange(&server, &request("GET", path, &[("Authorization", &bearer)], ""));
        (response.split(' ').nth(1).unwrap().to_owned(), body(&response).to_owned())
    };
    let history: Value = serde_json::from_str(&ask("/api/admin/requests?hours=2").1).unwrap();
    let route = |traffic: &str| {
        let routes = history["routes"].as_array().unwrap();
        let found = routes.iter().find(|line| line["route"] == "/update" && line["traffic"] == traffic);
        found.unwrap_or_else(|| panic!("{history}")).clone()
    };
    assert_eq!((&route("live")["total"], &route("live")["status"]["2xx"]), (&24.into(), &20.into()));
    assert_eq!(route("stress")["total"], 12);
    assert!(route("live")["p95_latency_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    assert_eq!(history["server"]["updates"], 32);
    assert!(history["server"]["writer_utilisation"].as_f64().is_some_and(|share| share > 0.0 && share < 1.0));
    assert!(history["server"]["commit_ms"]["p50"].as_f64().is_some_and(|ms| ms > 0.0));
    assert!(history["server"]["memory_bytes_max"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
    for wrong in ["hours=0", "hours=17521", "hours=x", "days=1"] {
        let (status, body) = ask(&format!("/api/admin/requests?{wrong}"));
        assert_eq!((status.as_str(), body.contains("hours")), ("400", true), "{wrong}: {body}");
    }
}

fn requests(status: u16, millis: &[u64]) -> Requests {
    let mut requests = Requests::default();
    millis.iter().for_each(|ms| requests.record(Some(status), Duration::from_millis(*ms)));
    requests
}

fn record(minute: i64, millis: &[u64]) -> Record {
    let writing = Writing {
        observed: Duration::from_secs(60),
        busy: Duration::from_secs(6),
        wal_frames_max: minute as u64 / 60_000,
        ..Writing::default()
    };
    Record {
        minute: UtcMillis(minute),
        routes: vec![RoutePeriod {
            route: "GET /x".into(),
            traffic: Traffic::Live,
            requests: requests(200, millis),
        }],
        server: ServerPeriod { live_requests: millis.len() as u64, writing, ..ServerPeriod::default() },
        incidents: vec![Incident {
            kind: IncidentKind::ServerError,
            cause: "queue".into(),
            count: 1,
            first_at: UtcMillis(minute),
            last_at: UtcMillis(minute + 1),
        }],
    }
}

/// Distributions are merged, never averaged, and nothing is lost on the way from minutes to days.
#[tokio::test]
async fn old_minutes_become_hours_and_hours_days_with_all_that_was_in_them() {
    let workspace = Workspace::new();
    migrate::prepare(&workspace.db()).unwrap();
    let store = Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap();
    let mut all = Requests::default();
    for minute in 0..180 {
        let millis = [1 + minute as u64, 1000];
        all += &requests(200, &millis);
        store.record(Arc::new(record(minute * MINUTE, &millis))).await.unwrap();
    }
    // The same minute again: another server's.
    store.record(Arc::new(record(0, &[5]))).await.unwrap();
    all += &requests(200, &[5]);

    let span = Span { from: UtcMillis(0), to: UtcMillis(DAY), slot_ms: HOUR };
    let (summary, slots) = store.summary_over_time(span).await.unwrap();
    let alone = store.summary(UtcMillis(0)).await.unwrap();
    for route in [&summary.routes[0], &alone.routes[0]] {
        assert_eq!((route.requests.answered, summary.routes.len()), (all.answered, 1));
        assert_eq!(route.requests.latency.to_bytes(), all.latency.to_bytes());
    }
    assert_eq!(summary.server.live_requests, 361);
    let counts: Vec<_> = slots.iter().map(|slot| slot.live.requests).collect();
    assert_eq!(counts, [121, 120, 120]);
    let traffic: Vec<_> = store.traffic(span).await.unwrap().iter().map(|slot| slot.live.requests).collect();
    assert_eq!(traffic, counts);

    let thin = async |now: i64| {
        while store.expire(UtcMillis(now)).await.unwrap() {}
        store.history(UtcMillis(0)).await.unwrap()
    };
    let sum = |history: &porta::domain::metrics::History| {
        let mut sum = Requests::default();
        history.routes.iter().for_each(|(_, _, period)| sum += &period.requests);
        sum
    };
    let steps = [
        // The clock's day is full when its last hour is: minutes go by the hour.
        (DAY, Resolution::Minute, 180, 180),
        (DAY + 2 * HOUR, Resolution::Hour, 62, 2),
        (DAY + 3 * HOUR, Resolution::Hour, 3, 3),
        (31 * DAY, Resolution::Day, 1, 1),
    ];
    for (now, first, periods, _) in steps {
        let history = thin(now).await;
        assert_eq!(history.routes.len(), periods, "at {now}");
        assert_eq!(history.server.len(), periods, "at {now}");
        assert_eq!(history.routes[0].0, first, "at {now}");
        let merged = sum(&history);
        assert_eq!(merged.answered, all.answered, "at {now}");
        for percent in [1.0, 50.0, 95.0, 100.0] {
            assert_eq!(merged.latency.percentile_ms(percent), all.latency.percentile_ms(percent), "at {now}");
        }
        let mut server = ServerPeriod::default();
        history.server.iter().for_each(|(_, _, part)| server.add_part(part));
        assert_eq!((server.live_requests, server.live_requests_per_minute_max), (361, 3), "at {now}");
        assert_eq!((server.writing.utilisation(), server.writing.wal_frames_max), (Some(0.1), 179));
        let incident = &history.incidents[0];
        assert_eq!((incident.count, incident.first_at.0, incident.last_at.0), (181, 0, 179 * MINUTE + 1));
    }
    assert_eq!(thin(800 * DAY).await.routes.len(), 0, "two years are kept");
    store.close().await.unwrap();
}

#[test]
fn an_error_has_an_id_in_the_answer_and_in_the_log_and_the_log_has_no_key() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("logged");
    let server = workspace.serve(&["--worker-timeout", "50ms", "--log-format", "json"]);
    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let path = format!("/update?api_key={}&field1=1", channel.write_key);
    let answers: Vec<_> = (0..8).map(|_| exchange(&server, &get(&path))).collect();
    let mine = exchange(&server, &request("GET", &path, &[("X-Request-Id", "mine-1")], ""));
    other.execute_batch("COMMIT").unwrap();
    let id = |answer: &str| {
        let (_, rest) = answer.split_once("X-Request-Id: ").unwrap_or_else(|| panic!("{answer}"));
        rest.split("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(id(&mine), "mine-1");
    let ended = server.stop();
    assert!(!ended.stderr.contains(&channel.write_key), "{}", ended.stderr);
    let lines: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<_> = lines.iter().filter(|line| line["fields"]["message"] == "refused").collect();
    assert_eq!(refused.len(), 5, "what repeats is held back: {}", ended.stderr);
    for (line, answer) in refused.iter().zip(&answers) {
        assert_eq!(line["fields"]["request"].as_str().unwrap(), id(answer));
        assert_eq!((&line["fields"]["cause"], &line["fields"]["status"]), (&"timeout".into(), &503.into()));
    }
    let held_back = lines.iter().find(|line| line["fields"]["times"].is_number());
    assert!(held_back.is_some_and(|line| line["fields"]["times"] == 4), "{}", ended.stderr);
}
