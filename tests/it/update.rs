//! What `/update` refuses; `device.rs` has what it takes.

use crate::support::Workspace;
use crate::support::wire::{FORM, exchange, post};

#[test]
fn what_cannot_be_stored_is_refused_and_nothing_is_lost() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("refusals");
    let server = workspace.serve(&[]);
    let key = &channel.write_key;
    let long = "x".repeat(256);
    let too_long = format!("api_key={key}&field1={}", "x".repeat(65 * 1024));
    for (request, status, body) in [
        (post("/update", FORM, "field1=1"), "400", "0"),
        (post("/update", FORM, "api_key=WRONG&field1=1"), "400", "0"),
        (post("/update", FORM, "api_key=&field1=1"), "400", "0"),
        (post("/update", FORM, &format!("api_key={key}")), "400", "none of field1 to field8"),
        (post("/update", FORM, &format!("api_key={key}&field3={long}")), "400", "field3 has 256 bytes"),
        (post("/update", FORM, &too_long), "413", "error_body"),
        (post("/update", FORM, "\u{0}\u{ffff}%%%=&&&==;"), "400", "0"),
        (post("/nowhere", FORM, ""), "404", "nothing answers POST /nowhere"),
        ("PUT /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405", ""),
        ("nonsense\r\n\r\n".into(), "400", ""),
    ] {
        let response = exchange(&server, &request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.200}\n{response}");
        assert!(response.ends_with(body) || response.contains(body) && body.len() > 1, "{response}");
    }
    assert_eq!(workspace.entries(channel.id), []);
    let response = exchange(&server, &post("/update", FORM, &format!("api_key={key}&field1=1")));
    assert!(response.ends_with("\r\n\r\n1"), "no id was used up: {response}");
}

#[test]
fn a_read_key_does_not_write() {
    let workspace = Workspace::new();
    let keys = workspace.json(&["admin", "channel", "create", "c", "--format", "json"]);
    let server = workspace.serve(&[]);
    let body = format!("api_key={}&field1=1", keys["read_api_key"].as_str().unwrap());
    assert!(exchange(&server, &post("/update", FORM, &body)).ends_with("\r\n\r\n0"));
}

#[test]
fn a_key_made_or_deleted_by_another_process_counts_at_once() {
    let workspace = Workspace::new();
    workspace.create_channel("first");
    let server = workspace.serve(&[]);
    let channel = workspace.create_channel("made while the server runs");
    let update = post("/update", FORM, &format!("api_key={}&field1=1", channel.write_key));
    assert!(exchange(&server, &update).ends_with("\r\n\r\n1"));
    workspace.database().execute("DELETE FROM api_keys WHERE channel_id = ?1", [channel.id]).unwrap();
    assert!(exchange(&server, &update).ends_with("\r\n\r\n0"));
    assert!(exchange(&server, &update).ends_with("\r\n\r\n0"));
}
