//! Bounds, tested at the bound.

use std::sync::Arc;

use porta::domain::channel::{NewChannel, Settings};
use porta::domain::secret::Secret;
use porta::domain::update::Update;
use porta::store::sqlite::{Sqlite, migrate};
use porta::store::{ChannelStore as _, EntryStore as _, SharedStore, Store as _};
use reqwest::{Client, StatusCode};
use tokio::task::JoinSet;

use crate::support::client::update;
use crate::support::{Workspace, serve_within};

const QUEUE: usize = 4;

fn new_channel() -> NewChannel {
    NewChannel {
        id: None,
        settings: Settings::new("c".into()),
        write_key: Secret::api_key(1),
        read_key: Secret::api_key(2),
    }
}

/// The writer is made slow by a transaction of somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_answered_with_503_at_once_and_everything_queued_is_stored() {
    let workspace = Workspace::new();
    migrate::prepare(&workspace.db()).unwrap();
    let store = Arc::new(Sqlite::open(&workspace.db(), QUEUE).unwrap());
    let key = new_channel().write_key;
    let channel = store.create_channel(new_channel()).await.unwrap().id;
    let shared: SharedStore = Arc::clone(&store) as SharedStore;
    let (url, stop, serving) = serve_within(shared).await;
    let client = Client::new();
    assert_eq!(update(&client, &url, key.reveal(), "first").await.unwrap().1, "1");

    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = JoinSet::new();
    // The writer holds one batch, at most QUEUE wait, and the next is refused: so many sends must show it.
    for value in 0..2 * QUEUE + 2 {
        let (client, url, key) = (client.clone(), url.clone(), key.clone());
        waiting.spawn(async move { update(&client, &url, key.reveal(), &value.to_string()).await.unwrap() });
    }
    let mut stored = 1;
    let (status, body) = waiting.join_next().await.expect("a refusal").unwrap();
    assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "0"));
    let response =
        client.post(format!("{url}/update?api_key={}&field1=1", key.reveal())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["Retry-After"], "1");
    let health = client.get(format!("{url}/health")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK, "what does not write goes on");

    other.execute_batch("COMMIT").unwrap();
    while let Some(answered) = waiting.join_next().await {
        match answered.unwrap() {
            (StatusCode::OK, _) => stored += 1,
            (status, _) => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    assert_eq!(store.count_entries(channel).await.unwrap(), stored);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    store.close().await.unwrap();
    let mut late = Update::default();
    late.set("field1", "late").unwrap();
    assert!(store.append(key.hash(), late).await.is_err(), "a closed store takes nothing");
}

/// A request that waits for a stuck writer longer than the worker timeout.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_worker_timeout_is_ended_with_503() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("stuck");
    let server = workspace.serve(&["--worker-timeout", "200ms"]);
    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let client = Client::new();
    let (status, body) = update(&client, &server.url, &channel.write_key, "1").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("longer than the server allows"), "{body}");
    other.execute_batch("COMMIT").unwrap();
    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("cause=\"timeout\""), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&channel.write_key), "the log has no keys");
}
