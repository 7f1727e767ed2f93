//! The description of the API, against the table of routes, another reader of such descriptions, and real answers.

use std::collections::BTreeSet;

use porta::server::routes::{Access, ROUTES};
use serde_json::{Map, Value};

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

/// What a server answers has the form that is described.
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
    let ask = |method: &str, path: &str, body: &str| -> (u16, Value) {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = exchange(&server, &request(method, path, &headers, body));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    };
    let mut tried = 0;
    for (method, described, path, body) in [
        ("POST", "/api/admin/channels", "/api/admin/channels", r#"{"name":"one","latitude":52.5}"#),
        ("GET", "/api/admin/channels", "/api/admin/channels", ""),
        ("GET", "/api/admin/channels/{channel}", "/api/admin/channels/1", ""),
        ("PATCH", "/api/admin/channels/{channel}", "/api/admin/channels/1", r#"{"field8":null}"#),
        ("GET", "/api/admin/channels/{channel}/keys", "/api/admin/channels/1/keys", ""),
        ("POST", "/api/admin/channels/{channel}/keys", "/api/admin/channels/1/keys", r#"{"kind":"read"}"#),
        (
            "POST",
            "/api/admin/channels/{channel}/keys/{key}/rotate",
            "/api/admin/channels/1/keys/1/rotate",
            "",
        ),
        ("GET", "/api/admin/requests", "/api/admin/requests?hours=1", ""),
        ("GET", "/api/admin/agents", "/api/admin/agents?limit=10", ""),
        ("GET", "/api/admin/agents/history", "/api/admin/agents/history?agent_id=one", ""),
        ("GET", "/api/admin/criteria", "/api/admin/criteria", ""),
        ("GET", "/api/admin/criteria/history", "/api/admin/criteria/history?limit=5", ""),
        ("GET", "/api/admin/channels/{channel}", "/api/admin/channels/77", ""),
        ("GET", "/api/admin/criteria/history", "/api/admin/criteria/history?limit=0", ""),
    ] {
        let (status, answer) = ask(method, path, body);
        let responses = &document["paths"][described][method.to_lowercase()]["responses"];
        let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path}: {status}");
        let mut wrong = Vec::new();
        compare(&document, schema, &answer, path, &mut wrong);
        assert_eq!(wrong, Vec::<String>::new(), "{method} {path}: {answer}");
        tried += 1;
    }
    assert_eq!(tried, 14);
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
