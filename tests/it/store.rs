//! The store's contract: the same story for each database behind the traits.

use porta::clock;
use porta::domain::channel::{NewChannel, Settings};
use porta::domain::id::EntryId;
use porta::domain::secret::Secret;
use porta::domain::unit::UtcMillis;
use porta::domain::update::Update;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{ChannelStore as _, EntryStore as _, Store, StoreError};
use std::time::Duration;

use crate::support::Workspace;

fn channel(number: u128, retention: Option<Duration>) -> NewChannel {
    let (write_key, read_key) = (Secret::api_key(2 * number), Secret::api_key(2 * number + 1));
    let mut settings = Settings::new(format!("channel {number}"));
    settings.retention_ms = retention.map(|retention| retention.as_millis() as i64);
    NewChannel { id: None, settings, write_key, read_key }
}

fn update(value: &str) -> Update {
    let mut update = Update::default();
    update.set("field1", value).unwrap();
    update
}

async fn story(store: &dyn Store) {
    let (first, second) = (channel(1, None), channel(2, None));
    let (first_key, second_key) = (first.write_key.hash(), second.write_key.hash());
    let read_key = first.read_key.hash();
    let first = store.create_channel(first).await.unwrap();
    store.create_channel(second).await.unwrap();

    for expected in 1..=3 {
        assert_eq!(store.append(first_key, update("x")).await.unwrap().id, EntryId(expected));
    }
    assert_eq!(store.append(second_key, update("x")).await.unwrap().id, EntryId(1), "ids are per channel");
    for wrong in [read_key, Secret::api_key(99).hash()] {
        assert!(matches!(store.append(wrong, update("x")).await, Err(StoreError::NotFound(_))));
    }
    let ids: Vec<_> = store.channels().await.unwrap().iter().map(|channel| channel.last_entry_id).collect();
    assert_eq!(ids, [3, 1]);
    assert_eq!(store.count_entries(first.id).await.unwrap(), 3);
    let statistics = store.statistics().await.unwrap();
    assert_eq!((statistics.channels, statistics.updates), (2, 4));

    let token = store.create_token("a".into(), Secret::token([7; 32])).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), std::slice::from_ref(&token));
    let revoked = store.revoke_token(token.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert_eq!(store.revoke_token(token.id).await.unwrap(), revoked);
    let duplicate = store.create_token("b".into(), Secret::token([7; 32])).await;
    assert!(duplicate.is_err(), "a token is unique");
    assert_eq!(store.tokens().await.unwrap(), [revoked], "what failed has left nothing");

    store.close().await.unwrap();
    assert!(matches!(store.append(first_key, update("x")).await, Err(StoreError::Closed)));
    assert!(store.channels().await.is_err());
    store.close().await.unwrap();
}

fn open(workspace: &Workspace) -> Sqlite {
    migrate::prepare(&workspace.db()).unwrap();
    Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap()
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let workspace = Workspace::new();
    story(&open(&workspace)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_the_old_keeps_the_young_and_gives_space_back() {
    const ENTRIES: usize = 5000;
    let workspace = Workspace::new();
    let store = std::sync::Arc::new(open(&workspace));
    let new = channel(1, Some(Duration::from_secs(3600)));
    let key = new.write_key.hash();
    let id = store.create_channel(new).await.unwrap().id;
    let keeps_all = channel(2, None);
    let other_key = keeps_all.write_key.hash();
    let other = store.create_channel(keeps_all).await.unwrap().id;
    let mut writing = tokio::task::JoinSet::new();
    for _ in 0..ENTRIES {
        let store = std::sync::Arc::clone(&store);
        writing.spawn(async move { while store.append(key, update(&"x".repeat(200))).await.is_err() {} });
    }
    writing.join_all().await;
    store.append(other_key, update("kept")).await.unwrap();
    let now = clock::utc();
    while store.expire(now).await.unwrap() {}
    assert_eq!(store.count_entries(id).await.unwrap(), ENTRIES as u64, "nothing is an hour old");

    // Half of the entries become old.
    let half = ENTRIES as i64 / 2;
    workspace
        .database()
        .execute("UPDATE entries SET created_at_ms = 0 WHERE entry_id <= ?1", [half])
        .unwrap();
    let pages = |workspace: &Workspace| -> i64 {
        workspace.database().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
    };
    let before = pages(&workspace);
    while store.expire(now).await.unwrap() {}
    assert_eq!(store.count_entries(id).await.unwrap(), half as u64);
    assert_eq!(store.count_entries(other).await.unwrap(), 1);
    assert!(pages(&workspace) < before * 2 / 3, "{} of {before} pages are left", pages(&workspace));

    let later = UtcMillis(now.0 + 2 * 3_600_000);
    while store.expire(later).await.unwrap() {}
    assert_eq!(store.count_entries(id).await.unwrap(), 0);
    let next = store.append(key, update("y")).await.unwrap().id;
    assert_eq!(next, EntryId(ENTRIES as i64 + 1), "an id is not given again");
    store.close().await.unwrap();
}
