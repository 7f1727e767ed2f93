//! Faults of the database, injected for real and under load: what is acknowledged is there, no id is given twice, the
//! server says what is wrong and what to do, reads go on where they can, and it recovers where it can.

use std::collections::HashMap;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{SharedStore, Store as _};
use reqwest::{Client, StatusCode};
use rusqlite::Connection;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::client::update;
use crate::support::island::Island;
use crate::support::{Channel, Server, Workspace, entries, serve_within, skip};

const CLIENTS: usize = 8;

/// Updates from many clients, until it is stopped. Refusals are what is expected; broken connections are, too.
struct Load {
    clients: Vec<JoinHandle<()>>,
    acknowledged: Arc<Mutex<HashMap<i64, String>>>,
}

impl Load {
    fn start(url: &str, key: &str) -> Self {
        let acknowledged = Arc::new(Mutex::new(HashMap::new()));
        let clients = (0..CLIENTS).map(|number| {
            let (url, key, acknowledged) = (url.to_owned(), key.to_owned(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let client = Client::new();
                for turn in 0_u64.. {
                    let value = format!("{number}-{turn}-{}", "x".repeat(100));
                    let Some((status, body)) = update(&client, &url, &key, &value).await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    if status == StatusCode::OK {
                        let before = acknowledged.lock().unwrap().insert(body.parse().unwrap(), value);
                        assert_eq!(before, None, "id {body} was given twice");
                    } else {
                        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "0"));
                    }
                }
            })
        });
        Self { clients: clients.collect(), acknowledged }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until so many more have been acknowledged.
    async fn more(&self, count: usize) {
        let enough = self.count() + count;
        until("more updates are acknowledged", async || self.count() >= enough).await;
    }

    /// What was acknowledged.
    async fn stop(self) -> HashMap<i64, String> {
        for client in self.clients {
            client.abort();
            let ended = client.await;
            assert!(ended.is_err_and(|error| error.is_cancelled()), "a client found something wrong");
        }
        Arc::into_inner(self.acknowledged).unwrap().into_inner().unwrap()
    }
}

/// Asks until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            turn.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn get(url: &str, path: &str) -> (StatusCode, String) {
    let response = reqwest::get(format!("{url}{path}")).await.unwrap();
    (response.status(), response.text().await.unwrap())
}

/// What `/ready` says: the fault's name, or none.
async fn fault(url: &str) -> Option<String> {
    let (status, body) = get(url, "/ready").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let fault = body["fault"]["fault"].as_str().map(str::to_owned);
    assert_eq!(status == StatusCode::OK, fault.is_none(), "{body}");
    if fault.is_some() {
        assert!(body["fault"]["next_step"].as_str().is_some_and(|step| !step.is_empty()), "{body}");
    }
    fault
}

async fn until_fault(url: &str, name: Option<&str>) {
    until(&format!("the fault is {name:?}"), async || fault(url).await.as_deref() == name).await;
    let (_, metrics) = get(url, "/metrics").await;
    if let Some(name) = name {
        assert!(metrics.contains(&format!("porta_fault{{fault=\"{name}\"}} 1.0")), "{metrics}");
    }
}

/// Reads go on where they can.
async fn assert_readable(url: &str, channel: &Channel) {
    let path = format!("/channels/{}/feeds.json?results=1&api_key={}", channel.id, channel.write_key);
    let (status, body) = get(url, &path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

/// All that was acknowledged is stored with its value. More may be: what was committed and not answered any more.
fn assert_stored(acknowledged: &HashMap<i64, String>, stored: Vec<(i64, String)>) {
    let count = stored.len();
    let stored: HashMap<_, _> = stored.into_iter().collect();
    assert_eq!(stored.len(), count, "ids are unique");
    for (id, value) in acknowledged {
        assert_eq!(stored.get(id), Some(value), "entry {id} was acknowledged");
    }
    assert_eq!(stored.keys().max().copied().unwrap_or(0), count as i64, "ids have no gap");
}

/// What the log must say: the fault, what to do, and that it is over.
fn assert_logged(log: &str, words: &[&str]) {
    for word in words {
        assert!(log.contains(word), "no {word} in {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_updates_until_there_is_space_again() {
    let workspace = Workspace::new();
    let Some(island) = Island::new(workspace.path(), "6m") else { return };
    assert_eq!(island.porta(&["migrate"]).code, Some(0));
    let created = island.porta(&["admin", "channel", "create", "c", "--format", "json"]);
    let keys: Value = serde_json::from_str(&created.stdout).unwrap();
    let channel = Channel {
        id: keys["id"].as_i64().unwrap(),
        write_key: keys["write_api_key"].as_str().unwrap().to_owned(),
    };
    let server = island.serve(&[]);
    let load = Load::start(&server.url, &channel.write_key);
    load.more(200).await;
    // Whatever is left: dd ends when nothing is.
    island.run("dd", &["if=/dev/zero", "of=filler", "bs=4k"]);
    until_fault(&server.url, Some("disk_full")).await;
    assert_readable(&server.url, &channel).await;
    assert_eq!(get(&server.url, "/health").await.0, StatusCode::OK);
    assert_eq!(island.run("rm", &["filler"]).code, Some(0));
    until_fault(&server.url, None).await;
    load.more(200).await;
    let acknowledged = load.stop().await;
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_logged(&ended.stderr, &["fault=\"disk_full\"", "Make space", "updates are taken again"]);
    let exported = island.porta(&["migrate", "export", "--channel", &channel.id.to_string()]).stdout;
    let stored = exported.lines().skip(1).map(|line| {
        let mut columns = line.split(',');
        let id = columns.nth(1).unwrap().parse().unwrap();
        (id, columns.next().unwrap().to_owned())
    });
    assert_stored(&acknowledged, stored.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_too_long_refuses_updates_until_it_is_let_go() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("locked");
    let server = workspace.serve(&[]);
    let load = Load::start(&server.url, &channel.write_key);
    load.more(200).await;
    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    until_fault(&server.url, Some("locked")).await;
    assert_readable(&server.url, &channel).await;
    other.execute_batch("COMMIT").unwrap();
    until_fault(&server.url, None).await;
    load.more(200).await;
    let counted = "porta_incidents_total{kind=\"lock_error\",cause=\"writer\"}";
    until("it is counted", async || get(&server.url, "/metrics").await.1.contains(counted)).await;
    let acknowledged = load.stop().await;
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_logged(&ended.stderr, &["fault=\"locked\"", "updates are taken again"]);
    assert_stored(&acknowledged, workspace.entries(channel.id));
    let kept: Vec<(String, String, i64)> = workspace
        .database()
        .prepare("SELECT kind, cause, count FROM incidents WHERE first_at_ms <= last_at_ms ORDER BY 1, 2")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (kind, cause) in [("fault", "locked"), ("lock_error", "writer"), ("server_error", "locked")] {
        let incident =
            kept.iter().find(|incident| (incident.0.as_str(), incident.1.as_str()) == (kind, cause));
        assert!(incident.is_some_and(|incident| incident.2 > 0), "{kind} {cause}: {kept:?}");
    }
}

/// Takes the permission to write a file from everybody, root too. Not every file system and user can.
fn set_immutable(path: &Path, immutable: bool) -> bool {
    let flag = if immutable { "+i" } else { "-i" };
    Command::new("chattr").arg(flag).arg(path).output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_may_not_be_written_refuse_updates_until_they_may() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("read-only");
    let server = workspace.serve(&[]);
    let load = Load::start(&server.url, &channel.write_key);
    load.more(200).await;
    let log = workspace.path().join("porta.db-wal");
    if !set_immutable(&log, true) {
        skip("this user cannot take its own permission to write");
        return;
    }
    until_fault(&server.url, Some("read_only")).await;
    assert_readable(&server.url, &channel).await;
    // Nobody writes any more: it is found out all the same that it would succeed.
    let mut acknowledged = load.stop().await;
    assert!(set_immutable(&log, false));
    until_fault(&server.url, None).await;
    let load = Load::start(&server.url, &channel.write_key);
    load.more(200).await;
    for (id, value) in load.stop().await {
        assert_eq!(acknowledged.insert(id, value), None, "id {id} was given twice");
    }
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_logged(&ended.stderr, &["fault=\"read_only\"", "updates are taken again"]);
    assert_stored(&acknowledged, workspace.entries(channel.id));
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "as any program would open it")]
async fn a_file_that_was_replaced_ends_the_server_and_everything_acknowledged_is_saved() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("replaced");
    let server = workspace.serve(&[]);
    let load = Load::start(&server.url, &channel.write_key);
    load.more(200).await;
    let copy = workspace.path().join("copy.db");
    std::fs::copy(workspace.db(), &copy).unwrap();
    std::fs::rename(&copy, workspace.db()).unwrap();
    let ended = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    let acknowledged = load.stop().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_logged(
        &ended.stderr,
        &["fault=\"replaced\"", "error: stopped answering", "porta migrate restore"],
    );
    let files = workspace.files();
    let rescued = files.iter().find(|name| name.starts_with("porta.db.rescued-")).expect("a copy");
    assert_logged(&ended.stderr, &[rescued]);
    let rescued = Connection::open(workspace.path().join(rescued)).unwrap();
    assert_stored(&acknowledged, entries(&rescued, channel.id).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_ends_the_server_with_what_to_do() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("damaged");
    let server = workspace.serve(&[]);
    let load = Load::start(&server.url, &channel.write_key);
    load.more(1000).await;
    // What is in the log hides what is in the file.
    let pages = workspace.database().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2));
    assert!(pages.is_ok_and(|pages: i64| pages > 0));
    let file = std::fs::OpenOptions::new().write(true).open(workspace.db()).unwrap();
    let bytes = file.metadata().unwrap().len();
    let rubbish = vec![0xA5; usize::try_from(bytes - 4096).unwrap()];
    file.write_all_at(&rubbish, 4096).unwrap();
    let path = format!("/channels/{}/feeds.json?results=8000&api_key={}", channel.id, channel.write_key);
    let url = server.url.clone();
    let reading = tokio::spawn(async move {
        // Until somebody has looked at a page that is not in memory.
        while reqwest::get(format!("{url}{path}")).await.is_ok() {}
    });
    let ended = tokio::task::spawn_blocking(|| server.wait()).await.unwrap();
    reading.abort();
    load.stop().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_logged(&ended.stderr, &["fault=\"corrupt\"", "error: stopped answering", "porta migrate restore"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_is_noticed_and_ids_go_on() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("clock");
    migrate::prepare(&workspace.db()).unwrap();
    let store = Arc::new(Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap());
    let shared: SharedStore = Arc::clone(&store) as SharedStore;
    let (url, stop, serving) = serve_within(shared).await;
    let load = Load::start(&url, &channel.write_key);
    load.more(100).await;
    let behind = async || {
        let (status, body) = get(&url, "/ready").await;
        assert_eq!(status, StatusCode::OK, "updates are taken: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["clock_stepped_back"]["by_ms"].as_i64()
    };
    assert_eq!(behind().await, None);
    porta::clock::set_back(Duration::from_secs(3600));
    until("the step is noticed", async || behind().await.is_some_and(|by_ms| by_ms > 3_500_000)).await;
    load.more(100).await;
    let (_, metrics) = get(&url, "/metrics").await;
    assert!(
        metrics.contains("porta_incidents_total{kind=\"fault\",cause=\"clock_stepped_back\"} 1"),
        "{metrics}"
    );
    porta::clock::set_back(Duration::ZERO);
    until("the clock has made up", async || behind().await.is_none()).await;
    let acknowledged = load.stop().await;
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    store.close().await.unwrap();
    assert_stored(&acknowledged, workspace.entries(channel.id));
}

/// A server that starts on what it cannot write says so, and what to do.
#[test]
fn a_database_that_cannot_be_written_is_refused_at_the_start() {
    let workspace = Workspace::new();
    workspace.create_channel("refused");
    if !set_immutable(&workspace.db(), true) {
        skip("this user cannot take its own permission to write");
        return;
    }
    let ended = workspace.porta(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(set_immutable(&workspace.db(), false));
    assert_eq!(ended.code, Some(1));
    assert_logged(&ended.stderr, &["cannot open", "permissions"]);
    let server: Server = workspace.serve(&[]);
    assert_eq!(server.stop().code, Some(0));
}
