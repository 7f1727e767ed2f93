//! `porta admin`.

use crate::support::Workspace;

#[test]
fn a_channel_is_created_with_keys_and_listed_without() {
    let workspace = Workspace::new();
    let keys = workspace.json(&["admin", "channel", "create", "greenhouse", "--format", "json"]);
    assert_eq!(keys["id"], 1);
    for kind in ["write_api_key", "read_api_key"] {
        let key = keys[kind].as_str().unwrap();
        assert!(
            key.len() == 16 && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
            "{key}"
        );
    }
    let created = workspace.porta(&["admin", "channel", "create", "attic", "--retention", "30d"]);
    assert!(created.stdout.starts_with("Channel 2  attic\n  write key  "), "{}", created.stdout);
    let list = workspace.porta(&["admin", "channel", "list"]).stdout;
    let lines: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[1][..5], ["1", "greenhouse", "0", "private", "all"]);
    assert_eq!(lines[2][..5], ["2", "attic", "0", "private", "30d"]);
    assert!(!list.contains(keys["write_api_key"].as_str().unwrap()));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let workspace = Workspace::new();
    let long = "x".repeat(256);
    for (name, words) in
        [("", "needs a name"), ("a\tb", "no control characters"), (&*long, "at most 255 bytes")]
    {
        let ended = workspace.porta(&["admin", "channel", "create", name]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(workspace.json(&["admin", "channel", "list", "--format", "json"]), serde_json::json!([]));
}

#[test]
fn a_token_is_shown_once_listed_by_prefix_and_revoked() {
    let workspace = Workspace::new();
    let created = workspace.json(&["admin", "token", "create", "--name", "laptop", "--format", "json"]);
    let token = created["token"].as_str().unwrap();
    assert!(token.starts_with("porta_") && token.len() == 70, "{token}");
    let list = workspace.porta(&["admin", "token", "list"]).stdout;
    assert!(list.contains("laptop") && list.contains(&token[..12]) && list.contains("valid"), "{list}");
    assert!(!list.contains(token));
    assert_eq!(workspace.porta(&["admin", "token", "revoke", "1"]).stdout, "Token 1  laptop is revoked.\n");
    let revoked = workspace.json(&["admin", "token", "list", "--format", "json"]);
    assert!(revoked[0]["revoked_at"].is_string());
    assert_eq!(workspace.porta(&["admin", "token", "revoke", "1"]).code, Some(0), "again changes nothing");
    assert_eq!(workspace.json(&["admin", "token", "list", "--format", "json"]), revoked);
    let unknown = workspace.porta(&["admin", "token", "revoke", "7"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("token 7 not found"), "{}", unknown.stderr);
}
