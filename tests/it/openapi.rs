//! The description of the API, against the table of routes, another reader of such descriptions, and real answers.

use std::collections::BTreeSet;

use porta::server::routes::{Access, ROUTES};
use serde_json::{Map, Value, json};

use crate::support::stress_test::Admin;
use crate::support::wire::{exchange, request};
use crate::support::{Server, Workspace};

fn description(server: &Server) -> Value {
    let answer = exchange(server, &request("GET", "/api/openapi.json", &[], ""));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/json"), "{head}");
    serde_json::from_str(body).unwrap()
}

/// `GET /path` of each operation, and the operation.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &'_ Value)| -> Vec<(String, Value)> {
        let methods = item.as_object().unwrap().iter();
        methods
            .map(|(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
            .collect()
    };
    let named: Vec<_> = paths.iter().flat_map(of).collect();
    named
        .into_iter()
        .map(|(name, _)| {
            let (method, path) = name.split_once(' ').unwrap();
            let operation = &document["paths"][path][method.to_lowercase()];
            (name.clone(), operation)
        })
        .collect()
}

#[test]
fn every_route_of_the_api_is_described_and_nothing_else() {
    let workspace = Workspace::new();
    let document = description(&workspace.serve(&["--workers", "1"]));
    let described = operations(&document);
    let names: BTreeSet<_> = described.iter().map(|(name, _)| name.clone()).collect();
    let routes = ROUTES.iter().filter(|route| route.path.starts_with("/api/"));
    let table: BTreeSet<_> = routes.clone().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(names, table, "left: described in server/openapi.rs; right: in server/routes.rs");
    let mut ids = BTreeSet::new();
    for route in routes {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let what = format!("{} {}", route.method, route.path);
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let in_path: BTreeSet<_> = in_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let in_table = route.path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
        assert_eq!(in_path, in_table.collect(), "{what}");
        let security = operation["security"].as_array().map_or(0, Vec::len);
        assert_eq!(security, if route.access == Access::Open { 0 } else { 2 }, "{what}");
        let changes = route.method != "GET";
        if security > 0 {
            assert!(operation["security"][0].get("bearer").is_some(), "{what}");
            assert!(operation["security"][1].get("session").is_some(), "{what}");
            assert_eq!(operation["security"][1].get("csrf").is_some(), changes, "{what}");
        }
        let error = &operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(error, "#/components/schemas/Error", "{what}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{what}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.values().all(|response| response["description"].is_string()), "{what}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: an id that is had already");
    }
}

#[test]
fn another_reader_understands_it() {
    let workspace = Workspace::new();
    let document = description(&workspace.serve(&["--workers", "1"]));
    let spec: oas3::OpenApiV3Spec = serde_json::from_value(document.clone()).unwrap();
    spec.validate_version().unwrap();
    let mut references = Vec::new();
    find_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["bearer", "csrf", "session"]);
}

fn find_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| find_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| find_references(item, found)),
        _ => {}
    }
}

#[test]
fn the_description_is_frozen() {
    let workspace = Workspace::new();
    let document = description(&workspace.serve(&["--workers", "1"]));
    insta::assert_json_snapshot!(document, { ".info.version" => "[version]" });
}

/// In what is answered, each member that may be `null` is there; what may be sent is never said to be `null` by default; and
/// what is made of parts can be: none of them forbids the others.
#[test]
fn a_member_is_null_or_absent_and_not_both() {
    let workspace = Workspace::new();
    let document = description(&workspace.serve(&["--workers", "1"]));
    let sent: BTreeSet<_> = operations(&document)
        .iter()
        .filter_map(|(_, operation)| {
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()
        })
        .map(|reference| reference.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        sent.iter().copied().collect::<Vec<_>>(),
        ["ChannelChange", "NewChannel", "NewKey", "StressTestStart"]
    );
    let (mut wrong, mut nullable) = (Vec::new(), 0);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        each_schema(schema, &mut |schema| {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (member, of) in schema["properties"].as_object().into_iter().flatten() {
                let words =
                    std::slice::from_ref(of).iter().chain(of["oneOf"].as_array().into_iter().flatten());
                let may_be_null = words.into_iter().any(|of| {
                    of["type"] == "null"
                        || of["type"].as_array().is_some_and(|words| words.contains(&"null".into()))
                });
                nullable += usize::from(may_be_null);
                let is_required = required.contains(&member.as_str().into());
                if may_be_null && !is_required && !sent.contains(name.as_str())
                    || of.get("default") == Some(&Value::Null)
                {
                    wrong.push(format!("{name}.{member}"));
                }
            }
            let parts = schema["allOf"].as_array().into_iter().flatten();
            if parts.into_iter().any(|part| part["additionalProperties"] == false) {
                wrong.push(name.clone());
            }
        });
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(nullable > 100, "{nullable}");
}

fn each_schema(schema: &Value, look: &mut dyn FnMut(&Value)) {
    look(schema);
    let several = ["allOf", "oneOf"].into_iter().flat_map(|of| schema[of].as_array().into_iter().flatten());
    let members = schema["properties"].as_object().into_iter().flat_map(Map::values);
    several.chain(members).chain(schema.get("items")).for_each(|part| each_schema(part, look));
}

/// What is wrong with an exchange by the description: what was sent, if it was taken, and what came of it.
fn misdescribed(
    document: &Value,
    (method, path): (&str, &str),
    sent: &str,
    (status, answer): (u16, &Value),
) -> Vec<String> {
    let operation = &document["paths"][path][method.to_lowercase()];
    let mut wrong = Vec::new();
    if !sent.is_empty() {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut misfit = Vec::new();
        compare(document, body, &serde_json::from_str(sent).unwrap(), "sent", &mut misfit);
        match status {
            200..300 => wrong.extend(misfit),
            400 if misfit.is_empty() => wrong.push(format!("{sent} was refused, and fits {body}")),
            _ => {}
        }
    }
    let responses = &operation["responses"];
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    match &response["content"]["application/json"]["schema"] {
        Value::Null if answer.is_null() => {}
        Value::Null => wrong.push(format!("an answer of {status} is not described")),
        schema => compare(document, schema, answer, "answered", &mut wrong),
    }
    wrong
}

/// What a server takes and answers has the form that is described.
#[test]
fn answers_are_as_described() {
    let workspace = Workspace::new();
    let token = workspace.json(&["admin", "token", "create", "--format", "json"])["token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let server = crate::support::bridge::serve(&workspace, &["--workers", "1"]);
    let document = description(&server);
    let agent = [("X-PORTA-TOKEN", crate::support::bridge::TOKEN), ("Content-Type", "application/json")];
    exchange(&server, &request("POST", "/agent/status", &agent, r#"{"agent_id":"one"}"#));
    assert_eq!(workspace.porta(&["criteria", "check"]).code, Some(3));
    for (method, path, query, body, expected) in [
        ("POST", "/channels", "", r#"{"name":"one","latitude":52.5}"#, 201),
        ("POST", "/channels", "", r#"{"name":"two","id":77,"longitude":"13.4","elevation":null}"#, 201),
        ("POST", "/channels", "", "{}", 400),
        ("POST", "/channels", "", r#"{"id":78}"#, 400),
        ("POST", "/channels", "", r#"{"name":"three","id":null}"#, 400),
        ("POST", "/channels", "", r#"{"name":"three","number":7}"#, 400),
        ("GET", "/channels", "?limit=1&offset=1", "", 200),
        ("GET", "/channels", "?limit=1001", "", 400),
        ("GET", "/channels/1", "", "", 200),
        ("PATCH", "/channels/1", "", r#"{"field8":null,"metadata":null,"public":true}"#, 200),
        ("PATCH", "/channels/1", "", r#"{"name":null}"#, 400),
        ("PATCH", "/channels/1", "", r#"{"latitude":[]}"#, 400),
        ("GET", "/channels/1/keys", "", "", 200),
        ("POST", "/channels/1/keys", "", r#"{"kind":"read"}"#, 201),
        ("POST", "/channels/1/keys", "", r#"{"kind":"both"}"#, 400),
        ("POST", "/channels/1/keys/1/rotate", "", "", 201),
        ("DELETE", "/channels/1/keys/2", "", "", 204),
        ("DELETE", "/channels/1/entries", "", "", 204),
        ("DELETE", "/channels/77", "", "", 204),
        ("GET", "/channels/77", "", "", 404),
        ("GET", "/requests", "?hours=1", "", 200),
        ("GET", "/agents", "?limit=10", "", 200),
        ("GET", "/agents/history", "?agent_id=one", "", 200),
        ("GET", "/agents/history", "", "", 400),
        ("GET", "/criteria", "", "", 200),
        ("GET", "/criteria/history", "?limit=5", "", 200),
        ("GET", "/criteria/history", "?limit=0", "", 400),
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let asked = request(method, &format!("/api/admin{path}{query}"), &headers, body);
        let answered = exchange(&server, &asked);
        let (head, text) = answered.split_once("\r\n\r\n").unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(status, expected, "{method} {path} {body}: {answered}");
        let answer = if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap() };
        let described = format!("/api/admin{path}")
            .replace("/1/keys/1", "/1/keys/{key}")
            .replace("/1/keys/2", "/1/keys/{key}")
            .replace("/channels/1", "/channels/{channel}")
            .replace("/channels/77", "/channels/{channel}");
        let wrong = misdescribed(&document, (method, &described), body, (status, &answer));
        assert_eq!(wrong, Vec::<String>::new(), "{method} {path} {body}: {answer}");
    }
}

/// The same of stress tests: while one goes on, second by second, and once it has ended.
#[test]
fn load_answers_about_stress_tests_are_as_described() {
    let workspace = Workspace::new();
    let admin = Admin::new(&workspace);
    let server = workspace.serve(&[]);
    let document = description(&server);
    let ask = |method: &str, described: &str, run: i64, body: &Value, expected: u16| -> Value {
        let path = described.replace("{run}", &run.to_string());
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = admin.ask(&server, method, &path, &text);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let described = format!("/api/admin/stress-test{described}");
        let response = &document["paths"][&described][method.to_lowercase()]["responses"][status.to_string()];
        assert!(response.is_object(), "{method} {path}: {status} is not described");
        let wrong = misdescribed(&document, (method, &described), &text, (status, &answer));
        assert_eq!(wrong, Vec::<String>::new(), "{method} {path}: {answer}");
        answer
    };
    let nothing = Value::Null;
    let short = json!({ "scratch": true, "workers": 1, "rps": 20, "duration": 2 });
    ask("POST", "/start", 0, &json!({ "channel_id": 77, "scenario": "medium" }), 404);
    let run = ask("POST", "/start", 0, &short, 202)["test_id"].as_i64().unwrap();
    ask("POST", "/start", 0, &short, 409);
    ask("POST", "/start", 0, &json!({ "scratch": true, "workers": 0 }), 422);
    ask("POST", "/start", 0, &json!({ "scratch": true, "speed": 1 }), 400);
    ask("DELETE", "/{run}", run, &nothing, 400);
    ask("GET", "/{run}", run, &nothing, 200);
    let (_, events) = admin.listen(&server, run, None);
    let events: Vec<_> = events.collect();
    assert!(events.len() > 2, "{events:?}");
    for event in &events {
        let mut wrong = Vec::new();
        let second = &document["components"]["schemas"]["StressTestSecond"];
        compare(&document, second, &event.data, &event.id, &mut wrong);
        assert_eq!(wrong, Vec::<String>::new(), "{event:?}");
    }
    ask("POST", "/{run}/cancel", run, &nothing, 409);
    ask("GET", "/{run}", run, &nothing, 200);
    let report = ask("GET", "/{run}/report", run, &nothing, 200);
    assert_eq!(report["results"]["status_codes"]["200"], report["results"]["total"]);
    assert_eq!(ask("GET", "/history/list", 0, &nothing, 200).as_array().map(Vec::len), Some(1));
    ask("DELETE", "/{run}", run, &nothing, 204);
    for (method, path) in [("GET", "/{run}"), ("DELETE", "/{run}"), ("POST", "/{run}/cancel")] {
        ask(method, path, run, &nothing, 404);
    }
    for path in ["/{run}/report", "/{run}/events"] {
        ask("GET", path, run, &nothing, 404);
    }
}

/// Behind a proxy that has a path before every path, whoever follows what porta says gets there.
#[test]
fn places_have_the_root_path() {
    let workspace = Workspace::new();
    let token = workspace.json(&["admin", "token", "create", "--format", "json"])["token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let server = crate::support::bridge::serve(&workspace, &["--exec", "shell", "--root-path", "/porta"]);
    assert_eq!(description(&server)["servers"], json!([{ "url": "/porta" }]));
    let body = r#"{"scratch":true,"workers":1,"rps":1,"duration":1}"#;
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let started = exchange(&server, &request("POST", "/porta/api/admin/stress-test/start", &headers, body));
    assert!(started.to_lowercase().contains("\r\nlocation: /porta/api/admin/stress-test/1\r\n"), "{started}");
    let asynchronously = [("Prefer", "respond-async")];
    let command = r#"{"cmd":"true"}"#;
    let begun =
        crate::support::bridge::ask_with(&server, "POST", "/porta/run_bash", &asynchronously, command);
    assert!(begun.head.to_lowercase().contains("\r\nlocation: /porta/agent/jobs/"), "{begun:?}");
    let server = workspace.serve(&[]);
    assert_eq!(description(&server)["servers"], json!([{ "url": "/" }]));
}

/// Says where a value is not what a schema allows: types, words, what must and what may be there.
fn compare(document: &Value, schema: &Value, value: &Value, place: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        return compare(document, document.pointer(pointer).unwrap(), value, place, wrong);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut wrong = Vec::new();
            compare(document, choice, value, place, &mut wrong);
            wrong.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            wrong.push(format!("{place}: {value} is not one of {choices:?}"));
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |word: &&str| match *word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        wrong.push(format!("{place}: {value} is none of {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        wrong.push(format!("{place}: {value} is none of {}", schema["enum"]));
    }
    if let (Some(items), Some(item)) = (value.as_array(), schema.get("items")) {
        items.iter().for_each(|value| compare(document, item, value, &format!("{place}[]"), wrong));
    }
    if let Some(members) = value.as_object() {
        let known = properties(document, schema);
        for (name, member) in members {
            match known.get(name) {
                Some(schema) => compare(document, schema, member, &format!("{place}.{name}"), wrong),
                None if schema["additionalProperties"].is_object() => {
                    let schema = &schema["additionalProperties"];
                    compare(document, schema, member, &format!("{place}.{name}"), wrong);
                }
                None => wrong.push(format!("{place}.{name} is not described")),
            }
        }
        for name in required(document, schema).iter().filter(|name| !members.contains_key(*name)) {
            wrong.push(format!("{place}.{name} is missing"));
        }
    }
}

/// The parts of a schema that is made of several.
fn parts<'d>(document: &'d Value, schema: &'d Value) -> Vec<&'d Value> {
    let resolved = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    };
    let parts = resolved["allOf"].as_array().into_iter().flatten();
    std::iter::once(resolved).chain(parts.flat_map(|part| self::parts(document, part))).collect()
}

fn properties(document: &Value, schema: &Value) -> Map<String, Value> {
    let parts = parts(document, schema);
    parts.into_iter().filter_map(|part| part["properties"].as_object().cloned()).flatten().collect()
}

fn required(document: &Value, schema: &Value) -> Vec<String> {
    let parts = parts(document, schema);
    let names = parts.into_iter().filter_map(|part| part["required"].as_array()).flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}
