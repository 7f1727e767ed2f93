//! Who may do what: every line of the route table with every kind of key.

use porta::server::routes::{Access, ROUTES, Route, spellings};
use serde_json::{Value, json};

use crate::support::bridge::{self, TOKEN};
use crate::support::wire::{exchange, request};
use crate::support::{Channel, Server, Workspace};

/// The keys that somebody may present.
struct Keys {
    named: Vec<(&'static str, Option<String>)>,
}

/// A workspace with a private channel of three entries and every kind of key.
fn set_up(workspace: &Workspace) -> (Channel, Keys) {
    let created = workspace.json(&["admin", "channel", "create", "secret garden", "--format", "json"]);
    let other = workspace.create_channel("other");
    let id = created["id"].to_string();
    let key = |name: &str| created[name].as_str().unwrap().to_owned();
    let made =
        |kind: &str| workspace.json(&["admin", "key", "create", &id, "--kind", kind, "--format", "json"]);
    let revoked = made("write");
    let ended = workspace.porta(&["admin", "key", "revoke", &id, &revoked["id"].to_string()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    let old_token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    assert_eq!(workspace.porta(&["admin", "token", "revoke", &old_token["id"].to_string()]).code, Some(0));
    let text = |value: &Value| Some(value.as_str().unwrap().to_owned());
    let channel = Channel { id: created["id"].as_i64().unwrap(), write_key: key("write_api_key") };
    let named = vec![
        ("no key", None),
        ("a wrong key", Some("AAAABBBBCCCCDDDD".into())),
        ("the read key", Some(key("read_api_key"))),
        ("the write key", Some(channel.write_key.clone())),
        ("another channel's key", Some(other.write_key)),
        ("a revoked key", text(&revoked["key"])),
        ("a revoked token", text(&old_token["token"])),
        ("the bridge token", Some(TOKEN.into())),
        ("the admin token", text(&token["token"])),
    ];
    (channel, Keys { named })
}

/// Whether a key opens a route, as the table says.
fn is_let_in(route: &Route, key: &str) -> bool {
    match route.access {
        Access::Open => true,
        // Where the key alone says which channel it is, another channel's writes to that one.
        Access::Write if key == "another channel's key" => !route.path.contains("{channel}"),
        Access::Write => key == "the write key",
        Access::Entries | Access::Entry | Access::Channel => {
            ["the read key", "the write key", "the admin token"].contains(&key)
        }
        Access::Owner | Access::Admin | Access::Watch => key == "the admin token",
        Access::Agent => key == "the bridge token",
        // No key is a session.
        Access::Page | Access::AdminPage => false,
    }
}

/// A path of the table, with what stands for its parameters.
fn filled(path: &str, channel: &str) -> String {
    let field = if path.ends_with("{field}") { "1.json" } else { "1" };
    path.replace("{channel}", channel)
        .replace("{entry}", "last.json")
        .replace("{field}", field)
        .replace("{key}", "1")
        .replace("{run}", "1")
        .replace("{job}", "0123456789abcdef0123456789abcdef")
        .replace("{file}", "porta.css")
}

fn body_for(route: &Route, key: Option<&str>) -> (&'static str, String) {
    match route.path {
        path if path.ends_with("bulk_update.json") => {
            let bulk = json!({ "write_api_key": key, "updates": [{ "delta_t": 1, "field1": 1 }] });
            ("application/json", bulk.to_string())
        }
        path if path.ends_with("bulk_update.csv") => {
            let key = key.unwrap_or_default();
            (crate::support::wire::FORM, format!("write_api_key={key}&time_format=relative&updates=1,2"))
        }
        path if path.ends_with("/stress-test/start") => {
            ("application/json", r#"{"scratch":true,"workers":1,"rps":1,"duration":1}"#.into())
        }
        path if path.ends_with("/keys") => ("application/json", r#"{"kind":"read"}"#.into()),
        "/run_bash" => ("application/json", r#"{"cmd":"true"}"#.into()),
        "/agent/pipeline" => ("application/json", r#"{"agent_id":"a","commands":["true"]}"#.into()),
        "/agent/list" => ("application/json", String::new()),
        path if path.starts_with("/agent") => ("application/json", r#"{"agent_id":"a"}"#.into()),
        "/language" => (crate::support::wire::FORM, "language=ru".into()),
        path if path.starts_with("/api") => ("application/json", r#"{"name":"n"}"#.into()),
        _ => (crate::support::wire::FORM, String::new()),
    }
}

/// Sends a request with the key where this kind of route takes it.
fn send(server: &Server, route: &Route, path: &str, key: Option<&str>) -> (u16, String) {
    let (content_type, body) = body_for(route, key);
    let bearer = format!("Bearer {}", key.unwrap_or_default());
    let mut headers = vec![("Content-Type", content_type)];
    if route.access == Access::Watch {
        // Without it the request would be this machine's own.
        headers.push(("X-Forwarded-For", "192.0.2.7"));
    }
    let mut path = path.to_owned();
    match (route.access, key) {
        (_, None) | (Access::Open, _) => {}
        (Access::Agent, Some(key)) => headers.push(("X-PORTA-TOKEN", key)),
        (Access::Admin | Access::Watch | Access::Page | Access::AdminPage, Some(_)) => {
            headers.push(("Authorization", &bearer))
        }
        (_, Some(key)) => path = format!("{path}?api_key={key}"),
    }
    if route.path == "/api/admin/agents/history" {
        path += "?agent_id=a";
    }
    if route.path.starts_with("/update") {
        path += if key.is_some() { "&field1=1" } else { "?field1=1" };
    }
    let response = exchange(server, &request(route.method, &path, &headers, &body));
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// What everybody else gets.
fn is_refused(access: Access, status: u16, body: &str) -> bool {
    match access {
        Access::Open => false,
        Access::Write => status == 400 && body == "0" || status == 401,
        Access::Entries => status == 400 && body == "-1",
        Access::Entry => status == 200 && body == "\"-1\"",
        Access::Channel => status == 404,
        Access::Owner | Access::Admin | Access::Watch | Access::Agent => status == 401,
        // To the login.
        Access::Page | Access::AdminPage => status == 303,
    }
}

#[test]
fn every_route_lets_in_whom_its_line_of_the_table_says() {
    for route in ROUTES {
        // A route may delete the channel: each has a workspace of its own.
        let workspace = Workspace::new();
        let (channel, keys) = set_up(&workspace);
        let server = bridge::serve(&workspace, &["--workers", "1"]);
        let update = format!("/update?api_key={}&field1=first", channel.write_key);
        assert!(exchange(&server, &request("GET", &update, &[], "")).ends_with("\r\n\r\n1"));
        let spelled = spellings(route.path);
        // The admin token last, since it may be the end of the channel.
        for (name, key) in &keys.named {
            for path in &spelled {
                let path = filled(path, &channel.id.to_string());
                let (status, body) = send(&server, route, &path, key.as_deref());
                let what = format!("{} {path} with {name}: {status} {body}", route.method);
                if is_let_in(route, name) {
                    let gone = path != filled(&spelled[0], &channel.id.to_string()) && status == 404;
                    // There is no such job, nor such an agent, and commands are not run here.
                    let gone = gone || route.access == Access::Agent && [403, 404].contains(&status);
                    // What is open to everybody may still want a form that is filled in.
                    let is_answered = (200..300).contains(&status)
                        || route.path == "/language" && status == 303
                        || ["/login", "/setup"].contains(&route.path) && [403, 410].contains(&status);
                    // Nor is there a run.
                    let gone = gone || route.path.contains("{run}") && status == 404;
                    // Nor has that agent been here.
                    let gone = gone || route.path.ends_with("/agents/history") && status == 404;
                    assert!(gone || is_answered, "{what}");
                    assert!(!is_refused(route.access, status, &body) || gone, "{what}");
                } else {
                    assert!(is_refused(route.access, status, &body), "{what}");
                    for secret in ["secret garden", "first"] {
                        assert!(!body.contains(secret), "{what}");
                    }
                }
            }
        }
        let ended = server.stop();
        for (_, key) in keys.named.iter().filter_map(|(name, key)| Some((name, key.as_ref()?))) {
            assert!(!ended.stderr.contains(key), "the log has no keys: {}", ended.stderr);
        }
    }
}

#[test]
fn the_metrics_are_open_to_this_machine_and_not_to_whom_its_proxy_lets_in() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let ask = |headers: &[(&str, &str)]| exchange(&server, &request("GET", "/metrics", headers, ""));
    assert!(ask(&[]).starts_with("HTTP/1.1 200"));
    for header in
        ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"]
    {
        assert!(ask(&[(header, "anything")]).starts_with("HTTP/1.1 401"), "{header}");
    }
}

/// Where a private channel hides that it is there at all, its answer is that of a channel that is not.
#[test]
fn a_channel_that_hides_looks_like_none() {
    let workspace = Workspace::new();
    let (channel, keys) = set_up(&workspace);
    let server = workspace.serve(&["--workers", "1"]);
    let wrong = keys.named[1].1.as_deref();
    let hides = |route: &&Route| {
        matches!(route.access, Access::Write | Access::Channel | Access::Owner | Access::Admin)
    };
    for route in ROUTES.iter().filter(hides).filter(|route| route.path.contains("{channel}")) {
        let there = filled(&spellings(route.path)[0], &channel.id.to_string());
        let not_there = filled(&spellings(route.path)[0], "9");
        let answer = |path: &str| send(&server, route, path, wrong);
        let (status, body) = answer(&there);
        let expected = (status, body.replace(&format!("channel {}", channel.id), "channel 9"));
        assert_eq!(answer(&not_there), expected, "{} {there}", route.method);
    }
}

#[test]
fn a_public_channel_is_read_by_all_and_written_by_none() {
    let workspace = Workspace::new();
    let (channel, keys) = set_up(&workspace);
    let id = channel.id.to_string();
    assert_eq!(workspace.porta(&["admin", "channel", "edit", &id, "--public", "true"]).code, Some(0));
    let server = workspace.serve(&["--workers", "1"]);
    let update = format!("/update?api_key={}&field1=first", channel.write_key);
    assert!(exchange(&server, &request("GET", &update, &[], "")).ends_with("\r\n\r\n1"));
    for (name, key) in &keys.named {
        for route in ROUTES {
            let path = filled(&spellings(route.path)[0], &id);
            let (status, body) = match route.access {
                Access::Entries | Access::Entry | Access::Channel => {
                    send(&server, route, &path, key.as_deref())
                }
                Access::Write if !is_let_in(route, name) => {
                    let (status, body) = send(&server, route, &path, key.as_deref());
                    assert!(is_refused(route.access, status, &body), "{path} with {name}: {status} {body}");
                    continue;
                }
                _ => continue,
            };
            assert_eq!(status, 200, "{path} with {name}: {body}");
            assert!(!is_refused(route.access, status, &body), "{path} with {name}: {body}");
        }
    }
}

/// Every method on every path of the bridge, with every kind of key: what the table does not have, too.
#[test]
fn the_bridge_opens_to_its_token_only_whatever_the_method() {
    let workspace = Workspace::new();
    let (_, keys) = set_up(&workspace);
    let server = bridge::serve(&workspace, &["--exec", "shell"]);
    let closed_workspace = Workspace::new();
    let closed = closed_workspace.serve(&[]);
    let mut strangers = keys.named;
    strangers.retain(|(name, _)| *name != "the bridge token");
    strangers.push(("a short token", Some(TOKEN[..TOKEN.len() - 1].into())));
    strangers.push(("a long token", Some(format!("{TOKEN}0"))));
    strangers.push(("an empty token", Some(String::new())));
    strangers.push(("a token in other letters", Some(TOKEN.to_uppercase())));
    let status = |server: &Server, method: &str, path: &str, header: Option<(&str, &str)>| -> u16 {
        let body = r#"{"agent_id":"a","cmd":"touch ran"}"#;
        let headers: Vec<_> = header.into_iter().collect();
        let answer = exchange(server, &request(method, path, &headers, body));
        answer.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {path}: {answer}")).parse().unwrap()
    };
    let mut seen = 0;
    for route in ROUTES.iter().filter(|route| route.access == Access::Agent) {
        let path = filled(route.path, "1");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            for (name, key) in &strangers {
                let bearer = format!("Bearer {}", key.as_deref().unwrap_or_default());
                let headers = match key {
                    None => vec![None],
                    Some(key) => {
                        vec![Some(("X-PORTA-TOKEN", key.as_str())), Some(("Authorization", bearer.as_str()))]
                    }
                };
                for header in headers {
                    let status = status(&server, method, &path, header);
                    assert!([401, 405].contains(&status), "{method} {path} with {name}: {status}");
                    seen += usize::from(status == 401);
                }
            }
            let right = Some(("X-PORTA-TOKEN", TOKEN));
            let opened = status(&server, method, &path, right);
            assert!(![401, 403].contains(&opened), "{method} {path} with the token: {opened}");
            let without = status(&closed, method, &path, right);
            assert!([403, 405].contains(&without), "{method} {path} of a server without a token: {without}");
        }
    }
    assert!(seen > 150, "{seen}");
    assert!(!workspace.path().join("ran").exists());
}

/// Bytes that are no text name nothing, whoever asks: that is said in the shape of the path.
#[test]
fn what_is_no_text_in_a_path_is_not_there() {
    let workspace = Workspace::new();
    let (_, keys) = set_up(&workspace);
    let server = bridge::serve(&workspace, &["--exec", "off"]);
    let people = crate::support::people::Admin::new(&workspace, &server);
    let token = keys.named.last().unwrap().1.as_deref();
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        let path = filled(&spellings(route.path)[0], "%FF").replace("/1", "/%FF").replace("porta.css", "%FF");
        let path = path.replace("0123456789abcdef0123456789abcdef", "%FF");
        let (status, text) = match route.access {
            Access::AdminPage if route.method == "GET" => {
                let seen = people.see(&path, "en");
                assert!(seen.text.contains("There is no such page"), "{path}: {}", seen.text);
                (seen.status, String::new())
            }
            // A form says first whose it is.
            Access::AdminPage => continue,
            Access::Agent => send(&server, route, &path, Some(TOKEN)),
            _ => send(&server, route, &path, token),
        };
        assert_eq!(status, 404, "{} {path}: {text}", route.method);
        let shape = match route.access {
            Access::Admin => Some("\"code\":\"resource_not_found\""),
            Access::Agent => Some("{\"error\":\""),
            Access::AdminPage | Access::Page => None,
            _ => Some("\"error_code\":\"error_resource_not_found\""),
        };
        assert!(shape.is_none_or(|shape| text.contains(shape)), "{path}: {text}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
