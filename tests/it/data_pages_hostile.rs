//! Pages of what strangers send: markup, huge values, and a database that does not answer.

use serde_json::json;

use crate::support::bridge::{self, TOKEN};
use crate::support::people::Admin;
use crate::support::wire::{exchange, request};
use crate::support::{Server, Workspace};

/// Markup that would do something, were it not taken for text.
const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}";

fn form(server: &Server, body: &str) -> String {
    let headers = [("Content-Type", crate::support::wire::FORM)];
    exchange(server, &request("POST", "/update", &headers, body))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn whatever_strangers_write_is_text() {
    let workspace = Workspace::new();
    let server = bridge::serve(&workspace, &["--exec", "shell"]);
    let admin = Admin::new(&workspace, &server);
    let fields = [("name", MARKUP), ("description", MARKUP), ("field1", MARKUP), ("field2", "Numbers")];
    let created = admin.send_and_follow("/admin/channels", &fields);
    assert_eq!(created.status, 200, "{}", created.text);
    let key = created.text.split("api_key=").nth(1).unwrap().split("&amp;").next().unwrap().to_owned();
    let value = encoded(MARKUP);
    let answer = form(
        &server,
        &format!("api_key={key}&field1={value}&field2=7&status={value}&latitude=1&longitude=2"),
    );
    assert!(answer.ends_with("\r\n\r\n1"), "{answer}");
    let name = &MARKUP[..60];
    let command = json!({ "agent_id": name, "cmd": format!("printf '%s' '{}'; printf '%s' '<b>' >&2", MARKUP.replace('\'', "")) });
    let agent = [("X-PORTA-TOKEN", TOKEN), ("Content-Type", "application/json")];
    let ran = exchange(&server, &request("POST", "/run_bash", &agent, &command.to_string()));
    assert!(ran.starts_with("HTTP/1.1 200"), "{ran}");
    std::fs::write(workspace.path().join("criteria.toml"), "\"<script>\" = 1\n").unwrap();
    let history = format!("/admin/agents/history?agent_id={}", encoded(name));
    for language in ["en", "ru"] {
        for path in [
            "/admin",
            "/admin/channels",
            "/admin/channels/1",
            "/admin/channels/1?field=1&range=365d",
            "/admin/channels/1?field=2",
            "/admin/channels/1/clear",
            "/admin/channels/1/delete",
            "/admin/channels/1/keys/1",
            "/admin/agents",
            &history,
            "/admin/requests",
            "/admin/criteria",
            "/admin/channels/%3Cscript%3E",
            "/admin/agents/history?agent_id=%3Cscript%3E",
            "/admin/requests?range=%22%3E%3Cscript%3E",
        ] {
            let seen = admin.see(path, language);
            assert!([200, 404].contains(&seen.status), "{path}: {}", seen.text);
            // The page's own script is the only one, and has an address.
            assert_eq!(seen.text.matches("<script").count(), 1, "{path}: {}", seen.text);
            // `49` behind a sign of the markup would come of a template that was made of what is shown.
            for bad in ["<img src=x", "onerror=alert(1)>", "<b>", "&gt;49"] {
                assert!(!seen.text.contains(bad), "{bad} in {path}: {}", seen.text);
            }
            assert!(!seen.text.contains("alert(1)</script>"), "{path}: {}", seen.text);
        }
    }
    let wrong = admin.send("/admin/channels/1/settings", &[("name", MARKUP), ("timezone", MARKUP)]);
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.text.matches("<script").count(), 1, "{}", wrong.text);
    assert!(wrong.text.contains("{{7*7}}"), "templates are not made of what is shown: {}", wrong.text);
}

#[test]
fn huge_and_strange_values_make_a_page() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel(&"Ж".repeat(127));
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    let values =
        ["1e308", "-1e308", "1e-308", "0", "-0", "nan", "inf", "1,5", "9".repeat(200).as_str(), " ", "1e999"]
            .map(str::to_owned);
    for (at, value) in values.iter().enumerate() {
        let at = 1_700_000_000 + at * 7;
        let body = format!("api_key={}&field1={}&created_at={at}", channel.write_key, encoded(value));
        assert!(form(&server, &body).starts_with("HTTP/1.1 200"), "{value}");
    }
    let body = format!("api_key={}&field1=5&created_at=9999-12-31T23:59:59Z", channel.write_key);
    form(&server, &body);
    let many = "x".repeat(255);
    let all = (1..=8).map(|field| format!("field{field}={many}")).collect::<Vec<_>>().join("&");
    assert!(form(&server, &format!("api_key={}&{all}", channel.write_key)).starts_with("HTTP/1.1 200"));
    workspace.database().execute("UPDATE channels SET last_entry_id = 9007199254740991", []).unwrap();
    let recent = format!("api_key={}&field1=", channel.write_key);
    for value in ["1e308", "0.00002"] {
        assert!(form(&server, &format!("{recent}{value}")).starts_with("HTTP/1.1 200"), "{value}");
    }
    let numbers = admin.see("/admin/channels/1?field=1&range=1h", "en").text;
    assert!(numbers.contains("2.00e-5") && numbers.contains("1.00e308"), "{numbers}");
    for path in [
        "/admin",
        "/admin/channels",
        "/admin/channels/1?field=1&range=365d",
        "/admin/channels/1?field=8",
        "/admin/channels/1?field=99&range=x&page=-1",
    ] {
        for language in ["en", "ru"] {
            let seen = admin.see(path, language);
            assert_eq!(seen.status, 200, "{path}: {}", seen.text);
            assert!(!seen.text.contains("NaN") && !seen.text.contains("inf "), "{path}: {}", seen.text);
            assert!(!seen.text.contains(&"0".repeat(99)), "three digits and a power: {path}: {}", seen.text);
        }
    }
}

/// What is wrong with the database is what a dashboard says first.
#[test]
fn a_locked_database_is_said_on_the_dashboard() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&["--worker-timeout", "30s"]);
    let admin = Admin::new(&workspace, &server);
    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = form(&server, &format!("api_key={}&field1=1", channel.write_key));
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    let seen = admin.see("/admin", "en");
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert!(seen.text.contains("<title>✕ It does not store updates · porta</title>"), "{}", seen.text);
    assert!(seen.text.contains("fuser porta.db"), "the next step: {}", seen.text);
    let russian = admin.see("/admin", "ru");
    assert!(russian.text.contains("другой процесс держит базу"), "{}", russian.text);
    other.execute_batch("COMMIT").unwrap();
}
