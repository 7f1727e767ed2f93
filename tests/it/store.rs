//! The store's contract: the same story for each database behind the traits.

use porta::clock;
use porta::domain::channel::{Change, KeyKind, NewChannel, Settings};
use porta::domain::entry::{Order, Selection, Which};
use porta::domain::id::{ChannelId, EntryId};
use porta::domain::secret::{Secret, SecretHash};
use porta::domain::unit::UtcMillis;
use porta::domain::update::Update;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{ChannelStore as _, EntryStore as _, Look, Store, StoreError, look};
use std::ops::ControlFlow;
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

    entries_are_read_as_they_are_selected(store, first.id, first_key).await;
    channels_change_and_go(store).await;

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

/// Ids of the selected entries, in the order in which they are shown.
async fn ids(store: &dyn Store, channel: ChannelId, selection: Selection) -> Vec<i64> {
    let read = look(store, Look::Long, move |view| {
        let mut ids = Vec::new();
        view.entries(channel, &selection, &mut |row| {
            ids.push(row.id.unwrap().0);
            ControlFlow::Continue(())
        })?;
        Ok(ids)
    });
    read.await.unwrap()
}

/// The channel has entries 1 to 3 of now. Two more come from the past, out of order.
async fn entries_are_read_as_they_are_selected(store: &dyn Store, channel: ChannelId, key: SecretHash) {
    let at = |millis: i64, field: &str| {
        let mut update = Update::default();
        update.set(field, "v").unwrap();
        update.set_created_at(UtcMillis(millis));
        Ok(update)
    };
    let many = |key, updates: Vec<Result<Update, String>>| {
        store.append_all(channel, key, Box::new(updates.into_iter()))
    };
    assert_eq!(
        many(Some(key), vec![at(2000, "field2"), at(1000, "field1"), at(1000, "field1")]).await.unwrap(),
        3
    );
    let broken = many(None, vec![at(1, "field1"), Err("no".into())]).await;
    assert!(matches!(broken, Err(StoreError::Rejected(reason)) if reason == "no"));
    let wrong = many(Some(Secret::api_key(99).hash()), vec![at(1, "field1")]).await;
    assert!(matches!(wrong, Err(StoreError::NotFound(_))));

    let all = Selection::ALL;
    let backwards = Selection { order: Order::NewestFirst, ..all };
    for (selection, expected) in [
        (all, vec![5, 6, 4, 1, 2, 3]),
        (backwards, vec![3, 2, 1, 4, 6, 5]),
        (Selection { newest: Some(4), ..all }, vec![4, 1, 2, 3]),
        (Selection { newest: Some(4), ..backwards }, vec![3, 2, 1, 4]),
        (Selection { newest: Some(0), ..all }, vec![]),
        (Selection { to: UtcMillis(1999), ..all }, vec![5, 6]),
        (Selection { from: UtcMillis(1000), to: UtcMillis(2000), newest: Some(2), ..all }, vec![6, 4]),
        (Selection { from: UtcMillis(1001), to: UtcMillis(2000), ..all }, vec![4]),
        (Selection { first_id: EntryId(2), last_id: EntryId(5), ..all }, vec![5, 4, 2, 3]),
        (Selection { first_id: EntryId(2), last_id: EntryId(5), newest: Some(3), ..all }, vec![5, 4, 3]),
        (Selection { after: Some((UtcMillis(1000), EntryId(5))), ..all }, vec![6, 4, 1, 2, 3]),
    ] {
        assert_eq!(ids(store, channel, selection).await, expected, "{selection:?}");
    }
    assert!(ids(store, ChannelId(99), all).await.is_empty());

    for (which, expected) in [
        (Which::Last, Some(6)),
        (Which::Id(EntryId(2)), Some(2)),
        (Which::Id(EntryId(7)), None),
        (Which::LastWith { field: 1, first_id: EntryId(1) }, Some(4)),
        (Which::LastWith { field: 1, first_id: EntryId(5) }, None),
        (Which::LastWith { field: 7, first_id: EntryId(1) }, None),
    ] {
        let found = look(store, Look::Short, move |view| {
            let mut found = None;
            view.entry(channel, which, &mut |row| found = row.id.map(|id| id.0))?;
            Ok(found)
        });
        assert_eq!(found.await.unwrap(), expected, "{which:?}");
    }
}

async fn channels_change_and_go(store: &dyn Store) {
    let new = channel(3, None);
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.hash());
    let id = store.create_channel(NewChannel { id: Some(ChannelId(77)), ..new.clone() }).await.unwrap().id;
    assert_eq!(id, ChannelId(77));
    assert!(matches!(
        store.create_channel(NewChannel { id: Some(id), ..channel(4, None) }).await,
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(store.create_channel(new).await, Err(StoreError::Conflict(_))), "a key is unique");
    assert_eq!(store.channels().await.unwrap().len(), 3, "what failed has left nothing");
    for (offset, limit, found) in [(0, 2, 2), (2, 2, 1), (3, 2, 0), (u64::MAX, 1, 0)] {
        let (page, total) = store.channels_page(offset, limit).await.unwrap();
        assert_eq!((page.len(), total), (found, 3), "{offset}");
    }
    assert_eq!(store.channels_page(2, 1).await.unwrap().0[0].id, id);

    let opened = |key: SecretHash| look(store, Look::Short, move |view| view.key(&key));
    assert_eq!(opened(read_key).await.unwrap(), Some((id, KeyKind::Read)));
    let keys = store.keys(id).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.kind).collect::<Vec<_>>(), [KeyKind::Write, KeyKind::Read]);
    let rotated = store.rotate_key(id, keys[0].id, Secret::api_key(1234)).await.unwrap();
    assert_eq!(rotated.kind, KeyKind::Write);
    assert!(matches!(store.append(write_key.hash(), update("x")).await, Err(StoreError::NotFound(_))));
    let key = Secret::api_key(1234).hash();
    assert_eq!(store.append(key, update("x")).await.unwrap().id, EntryId(1));
    assert!(store.revoke_key(ChannelId(1), rotated.id).await.is_err(), "the key is another channel's");

    let change =
        Change { public: Some(true), update_interval_ms: Some(Some(3_600_000)), ..Change::default() };
    let changed = store.change_channel(id, change).await.unwrap();
    assert!(changed.settings.public && changed.updated_at > changed.created_at);
    assert!(matches!(store.append(key, update("x")).await, Err(StoreError::TooSoon)));
    let bad = Change { timezone: Some("Mars".into()), name: Some("new".into()), ..Change::default() };
    assert!(matches!(store.change_channel(id, bad).await, Err(StoreError::Setting(_))));
    let (public, total) = look(store, Look::Short, |view| view.public_channels(0, 15)).await.unwrap();
    assert_eq!((public, total), (vec![changed.clone()], 1));

    let cleared = store.clear_channel(id).await.unwrap();
    assert_eq!(cleared.last_entry_id, 0);
    assert!(cleared.updated_at > changed.updated_at, "remembered answers must notice");
    assert!(ids(store, id, Selection::ALL).await.is_empty());
    store.delete_channel(id).await.unwrap();
    assert_eq!(opened(key).await.unwrap(), None);
    for gone in [store.change_channel(id, Change::default()).await, store.delete_channel(id).await] {
        assert!(matches!(gone, Err(StoreError::NotFound(_))));
    }
    assert!(matches!(store.keys(id).await, Err(StoreError::NotFound(_))));
}

/// What a reader no longer waits for does not keep its thread.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_waits_for_is_cut_short() {
    let workspace = Workspace::new();
    let store = std::sync::Arc::new(open(&workspace));
    let new = channel(1, None);
    let id = store.create_channel(new).await.unwrap().id;
    let updates = (0..20_000).map(|_| Ok(update("x")));
    store.append_all(id, None, Box::new(updates)).await.unwrap();
    let (began, beginning) = tokio::sync::oneshot::channel();
    let (ended, ending) = tokio::sync::oneshot::channel();
    let reading = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move {
            let store: &dyn Store = &*store;
            look(store, Look::Long, move |view| {
                began.send(()).unwrap();
                // Over and over, until it is interrupted.
                let result = loop {
                    let read = view.entries(id, &Selection::ALL, &mut |_| ControlFlow::Continue(()));
                    if read.is_err() {
                        break read;
                    }
                };
                _ = ended.send(result.is_err());
                Ok(())
            })
            .await
        }
    });
    beginning.await.unwrap();
    reading.abort();
    assert!(ending.await.unwrap());
    assert_eq!(store.count_entries(id).await.unwrap(), 20_000, "the connection reads on");
    store.close().await.unwrap();
}

/// A channel that is gone gives its space back, without a transaction that is as long as the channel.
#[tokio::test(flavor = "multi_thread")]
async fn what_cleared_and_deleted_channels_leave_goes_away_in_small_steps() {
    let workspace = Workspace::new();
    let store = open(&workspace);
    let (cleared, deleted) = (channel(1, None), channel(2, None));
    let cleared = store.create_channel(cleared).await.unwrap().id;
    let deleted = store.create_channel(deleted).await.unwrap().id;
    for id in [cleared, deleted] {
        let updates = (0..5000).map(|_| Ok(update(&"x".repeat(100))));
        store.append_all(id, None, Box::new(updates)).await.unwrap();
    }
    store.clear_channel(cleared).await.unwrap();
    store.delete_channel(deleted).await.unwrap();
    store.append_all(cleared, None, Box::new(std::iter::once(Ok(update("new"))))).await.unwrap();
    let rows = || -> i64 {
        workspace.database().query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows(), 10_001);
    assert!(store.expire(clock::utc()).await.unwrap());
    assert_eq!(rows(), 8001, "a step is bounded");
    while store.expire(clock::utc()).await.unwrap() {}
    assert_eq!(rows(), 1);
    let pages: i64 = workspace.database().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    assert!(pages < 100, "{pages} pages are left");
    assert_eq!(ids(&store, cleared, Selection::ALL).await, [1]);
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
