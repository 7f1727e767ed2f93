//! Channels and keys: ThingSpeak's routes, the admin API, and `porta admin`.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, Workspace};

/// The admin API with a token.
struct Api<'s> {
    server: &'s Server,
    token: String,
    client: Client,
}

impl<'s> Api<'s> {
    fn new(workspace: &Workspace, server: &'s Server) -> Self {
        let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
        Self { server, token: token["token"].as_str().unwrap().into(), client: Client::new() }
    }

    async fn text(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String) {
        let mut request =
            self.client.request(method, format!("{}{path}", self.server.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn json(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let (status, text) = self.text(method, path, body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// An update with a key; what the server answers.
    async fn update(&self, key: &Value) -> String {
        let url = format!("{}/update?api_key={}&field1=1", self.server.url, key.as_str().unwrap());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn the_admin_api_from_the_first_channel_to_the_last() {
    let workspace = Workspace::new();
    workspace.porta(&["migrate"]);
    let server = workspace.serve(&[]);
    let api = Api::new(&workspace, &server);
    let new = json!({ "name": "greenhouse", "id": 1417, "field2": "Humidity", "field3": null, "retention_ms": 86_400_000 });
    let (status, created) = api.json(Method::POST, "/api/admin/channels", Some(new.clone())).await;
    assert_eq!(
        (status, &created["id"], &created["field3"]),
        (StatusCode::CREATED, &json!(1417), &Value::Null)
    );
    let (status, error) = api.json(Method::POST, "/api/admin/channels", Some(new)).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("conflict")));

    for id in [json!(0), json!(-5), json!(9_007_199_254_740_992_i64), json!("7")] {
        let (status, error) =
            api.json(Method::POST, "/api/admin/channels", Some(json!({ "name": "x", "id": id }))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    }

    let channel = "/api/admin/channels/1417";
    let (_, mut shown) = api.json(Method::GET, channel, None).await;
    for time in ["created_at", "updated_at"] {
        assert!(shown[time].is_string());
        shown[time] = json!("…");
    }
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(shown); });

    let change = json!({ "public": true, "timezone": "Europe/Berlin", "field2": "" });
    let (_, changed) = api.json(Method::PATCH, channel, Some(change)).await;
    assert_eq!(changed["timezone"], "Europe/Berlin");
    assert_eq!((&changed["name"], &changed["field2"]), (&json!("greenhouse"), &Value::Null));
    for (change, field) in [
        (json!({ "timezone": "Mars" }), json!("timezone")),
        (json!({ "retention_ms": 0 }), json!("retention_ms")),
        (json!({ "nmae": "x" }), Value::Null),
        (json!([1]), Value::Null),
    ] {
        let (status, error) = api.json(Method::PATCH, channel, Some(change.clone())).await;
        assert_eq!(
            (status, &error["error"]["field"]),
            (StatusCode::BAD_REQUEST, &field),
            "{change}: {error}"
        );
    }

    assert_eq!(api.update(&created["write_api_key"]).await, "1");
    assert_eq!(api.update(&created["write_api_key"]).await, "2");
    assert_eq!(api.text(Method::DELETE, &format!("{channel}/entries"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.update(&created["write_api_key"]).await, "1", "a cleared channel starts at 1 again");
    assert_eq!(api.text(Method::DELETE, channel, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.update(&created["write_api_key"]).await, "0");
    assert_eq!(api.json(Method::GET, channel, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.json(Method::GET, "/api/admin/channels", None).await.1, json!([]));
}

#[tokio::test]
async fn keys_count_at_once_in_every_server_on_the_database() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let servers = [workspace.serve(&[]), workspace.serve(&[])];
    let api = Api::new(&workspace, &servers[0]);
    let other = Api { server: &servers[1], token: api.token.clone(), client: Client::new() };
    let keys = format!("/api/admin/channels/{}/keys", channel.id);
    let brought = json!({ "kind": "write", "key": "brought-along_1" });
    let (status, created) = api.json(Method::POST, &keys, Some(brought.clone())).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(other.update(&created["key"]).await, "1");
    assert_eq!(api.json(Method::POST, &keys, Some(brought)).await.0, StatusCode::CONFLICT);

    let (_, listed) = api.json(Method::GET, &keys, None).await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!((&listed[2]["prefix"], &listed[2]["kind"]), (&json!("brou"), &json!("write")));
    assert!(!listed.to_string().contains("brought-along_1"));

    let one = format!("{keys}/{}", created["id"]);
    let (_, rotated) = api.json(Method::POST, &format!("{one}/rotate"), None).await;
    assert_eq!(rotated["key"].as_str().unwrap().len(), 16);
    assert_eq!(other.update(&created["key"]).await, "0", "the old key has ended in the other server, too");
    assert_eq!(other.update(&rotated["key"]).await, "2");
    let rotated_key = format!("{keys}/{}", rotated["id"]);
    assert_eq!(other.text(Method::DELETE, &rotated_key, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.update(&rotated["key"]).await, "0");
    assert_eq!(api.text(Method::DELETE, &rotated_key, None).await.0, StatusCode::NOT_FOUND);
    for (body, words) in [
        (json!({ "kind": "both" }), "unknown variant"),
        (json!({ "kind": "read", "key": "short" }), "8 to 64 printable"),
        (json!({ "kind": "read", "for": 1 }), "unknown field"),
    ] {
        let (status, error) = api.json(Method::POST, &keys, Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_channel_has_a_bounded_number_of_keys() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let api = Api::new(&workspace, &server);
    let keys = format!("/api/admin/channels/{}/keys", channel.id);
    for _ in 0..98 {
        assert_eq!(
            api.json(Method::POST, &keys, Some(json!({ "kind": "read" }))).await.0,
            StatusCode::CREATED
        );
    }
    let (status, error) = api.json(Method::POST, &keys, Some(json!({ "kind": "read" }))).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(error["error"]["message"].as_str().unwrap().contains("100 keys"), "{error}");
}

#[tokio::test]
async fn thingspeaks_routes_for_owners() {
    let workspace = Workspace::new();
    workspace.porta(&["migrate"]);
    let server = workspace.serve(&[]);
    let api = Api::new(&workspace, &server);
    // The token as ThingSpeak's clients send a user's key: in the form.
    let form = format!("api_key={}&name=My+House&field1=Light&public_flag=true&tags=a,b", api.token);
    let created = api
        .client
        .post(format!("{}/channels.json", server.url))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), StatusCode::OK);
    let created: Value = serde_json::from_str(&created.text().await.unwrap()).unwrap();
    assert_eq!((&created["id"], &created["name"]), (&json!(1), &json!("My House")));
    let write_key = &created["api_keys"][0]["api_key"];
    assert_eq!(created["api_keys"][0]["write_flag"], true);
    assert_eq!(api.update(write_key).await, "1");

    let (_, public) = api.json(Method::GET, "/channels/public.json", None).await;
    assert_eq!(public["pagination"], json!({ "current_page": 1, "per_page": 15, "total_entries": 1 }));
    assert_eq!(public["channels"][0]["last_entry_id"], 1);
    assert_eq!(api.json(Method::GET, "/channels/public.json?page=2", None).await.1["channels"], json!([]));

    let (status, changed) = api
        .json(
            Method::PUT,
            "/channels/1.json",
            Some(json!({ "name": "Shed", "public_flag": false, "tags": ["a"] })),
        )
        .await;
    assert_eq!(
        (status, &changed["name"], &changed["public_flag"]),
        (StatusCode::OK, &json!("Shed"), &json!(false))
    );
    let path = format!("/channels.json?api_key={}", api.token);
    let listed = reqwest::get(format!("{}{path}", server.url)).await.unwrap().text().await.unwrap();
    assert!(
        listed.contains("\"name\":\"Shed\"") && !listed.contains(write_key.as_str().unwrap()),
        "{listed}"
    );
    assert_eq!(api.json(Method::GET, "/channels/public.json", None).await.1["channels"], json!([]));

    assert_eq!(api.json(Method::DELETE, "/channels/1/feeds.json", None).await, (StatusCode::OK, json!([])));
    assert_eq!(api.update(write_key).await, "1");
    let (status, deleted) = api.json(Method::DELETE, "/channels/1.json", None).await;
    assert_eq!((status, &deleted["name"]), (StatusCode::OK, &json!("Shed")));
    let (status, error) = api.json(Method::DELETE, "/channels/1.json", None).await;
    assert_eq!((status, &error["status"]), (StatusCode::NOT_FOUND, &json!("404")));
    let (status, error) = api.json(Method::POST, "/channels.json", Some(json!({ "latitude": "far" }))).await;
    assert_eq!((status, &error["status"]), (StatusCode::BAD_REQUEST, &json!("400")));
    assert!(error["error"]["message"].as_str().unwrap().starts_with("latitude: "), "{error}");
}

/// Somebody moves from another server: the channel keeps its number, and devices their key.
#[test]
fn the_shell_manages_channels_and_keys() {
    let workspace = Workspace::new();
    let created = workspace.json(&["admin", "channel", "create", "attic", "--id", "42", "--format", "json"]);
    assert_eq!(created["id"], 42);
    let brought = std::process::Stdio::piped();
    let mut command = workspace.command(&[
        "admin",
        "key",
        "create",
        "42",
        "--kind",
        "write",
        "--key-stdin",
        "--format",
        "json",
    ]);
    let mut child = command.stdin(brought).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"OLDKEY0123456789\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let key: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(key, json!({ "id": 3, "kind": "write", "prefix": "OLDK" }), "it is known, and not repeated");
    let keys = workspace.porta(&["admin", "channel", "keys", "42"]).stdout;
    assert!(keys.contains("OLDK…") && !keys.contains("OLDKEY0123456789"), "{keys}");

    let edited = workspace.porta(&["admin", "channel", "edit", "42", "--name", "Attic", "--field", "9=x"]);
    assert_eq!(edited.code, Some(2));
    assert!(edited.stderr.contains("write the number of a field, 1 to 8"), "{}", edited.stderr);
    let edited = workspace.porta(&["admin", "channel", "edit", "42", "--timezone", "Mars"]);
    assert_eq!(edited.code, Some(2));
    assert!(edited.stderr.contains("cannot change channel 42: timezone: `Mars`"), "{}", edited.stderr);
    let edited = workspace.json(&[
        "admin",
        "channel",
        "edit",
        "42",
        "--name",
        "Attic",
        "--longitude",
        "-79.9",
        "--field",
        "1=Dust",
        "--retention",
        "30d",
        "--format",
        "json",
    ]);
    assert_eq!(
        (&edited["name"], &edited["field1"], &edited["longitude"]),
        (&json!("Attic"), &json!("Dust"), &json!("-79.9"))
    );
    assert_eq!(edited["retention_ms"], 2_592_000_000_i64);

    for destructive in [&["admin", "channel", "clear", "42"][..], &["admin", "channel", "delete", "42"]] {
        let refused = workspace.porta(destructive);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("say --yes"), "{}", refused.stderr);
        let sure = [destructive, &["--yes"]].concat();
        assert_eq!(workspace.porta(&sure).code, Some(0));
    }
    for gone in [
        &["admin", "channel", "keys", "42"][..],
        &["admin", "channel", "edit", "42", "--name", "x"],
        &["admin", "key", "create", "42", "--kind", "read"],
    ] {
        let ended = workspace.porta(gone);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("channel 42 not found\n       List them: porta admin channel list"),
            "{}",
            ended.stderr
        );
    }
}
