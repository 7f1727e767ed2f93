//! The store's contract about runs: who has the one place, what is pending, and what goes with a run.

use porta::clock;
use porta::domain::channel::{KeyKind, NewChannel, Settings};
use porta::domain::id::{ChannelId, RunId};
use porta::domain::run::{Claim, Place, Plan, Rate, RunAccess, RunOverview, RunStatus};
use porta::domain::secret::{Secret, SecretHash};
use porta::domain::update::Update;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{Look, Store, StoreError, WhyGone, look};
use std::time::Duration;

use crate::support::Workspace;

const IS_THERE: WhyGone = |_, _| None;
const IS_GONE: WhyGone = |owner, _| Some(format!("{owner} is gone"));

fn claim(channel: Option<ChannelId>) -> Claim {
    let plan = Plan {
        workers: 3,
        rate: Rate::PerSecond(7),
        duration: Duration::from_secs(5),
        timeout: Duration::from_secs(1),
        warm_up: Duration::ZERO,
    };
    Claim { plan, channel, started_at: clock::utc(), owner: "server".into() }
}

fn new_channel(number: u128) -> NewChannel {
    let (write_key, read_key) = (Secret::api_key(2 * number), Secret::api_key(2 * number + 1));
    NewChannel { id: None, settings: Settings::new(format!("channel {number}")), write_key, read_key }
}

async fn taken(store: &dyn Store, channel: Option<ChannelId>, access: RunAccess) -> RunId {
    match store.order_run(claim(channel), access, IS_THERE).await.unwrap() {
        Place::Taken(id) => id,
        occupied @ Place::Occupied { .. } => panic!("{occupied:?}"),
    }
}

async fn opened(store: &dyn Store, key: SecretHash) -> Option<(ChannelId, KeyKind)> {
    look(store, Look::Short, move |view| view.key(&key)).await.unwrap()
}

async fn status(store: &dyn Store, id: RunId) -> String {
    store.run_overview(id).await.unwrap().unwrap().status
}

async fn a_run_has_a_key_until_it_ends(store: &dyn Store) {
    let channel = store.create_channel(new_channel(1)).await.unwrap().id;
    let key = Secret::api_key(100);
    let claimed = claim(Some(channel));
    let place = store.order_run(claimed.clone(), RunAccess::Key(key.clone()), IS_THERE).await.unwrap();
    let Place::Taken(id) = place else { panic!("{place:?}") };
    assert_eq!(store.run_overview(id).await.unwrap(), Some(claimed.overview(id)));
    assert_eq!(opened(store, key.hash()).await, Some((channel, KeyKind::Write)));
    let of_runs: Vec<_> = store.keys(channel).await.unwrap().iter().map(|key| key.run_id).collect();
    assert_eq!(of_runs, [None, None, Some(id)], "it is told from the others");

    for place in [
        store.begin_run(claim(None), IS_THERE).await.unwrap(),
        store.order_run(claim(None), RunAccess::Scratch(Box::new(new_channel(9))), IS_THERE).await.unwrap(),
    ] {
        assert!(
            matches!(place, Place::Occupied { by, .. } if by == id),
            "one that is pending counts: {place:?}"
        );
    }
    store.adopt_run(id, "generator".into()).await.unwrap();
    assert_eq!(status(store, id).await, "running");
    assert!(matches!(store.adopt_run(id, "x".into()).await, Err(StoreError::NotFound(_))), "only once");
    assert!(matches!(store.delete_run(id).await, Err(StoreError::Conflict(_))));
    store.give_up_run(id, RunStatus::Cancelled, "enough".into()).await.unwrap();
    assert_eq!(opened(store, key.hash()).await, None);
    assert_eq!(store.keys(channel).await.unwrap().len(), 2, "the others stay");
    store.give_up_run(id, RunStatus::Failed, "late".into()).await.unwrap();
    let ended = store.run_overview(id).await.unwrap().unwrap();
    assert_eq!((ended.ended(), ended.error_message.as_deref()), (Some(RunStatus::Cancelled), Some("enough")));
    assert!(matches!(store.adopt_run(id, "x".into()).await, Err(StoreError::NotFound(_))));
}

async fn a_scratch_channel_goes_with_its_run(store: &dyn Store) {
    let before = store.channels().await.unwrap().len();
    let new = new_channel(2);
    let (key, read_key) = (new.write_key.hash(), new.read_key.hash());
    let id = taken(store, None, RunAccess::Scratch(Box::new(new.clone()))).await;
    assert!(opened(store, key).await.is_some() && opened(store, read_key).await.is_some());
    assert_eq!(store.channels().await.unwrap().len(), before + 1);
    store.append(key, Update::default()).await.unwrap();
    // Its process ends without a word, before it has taken the run over or after.
    assert_eq!(store.fail_abandoned_runs(clock::utc(), IS_THERE).await.unwrap(), 0);
    assert_eq!(store.fail_abandoned_runs(clock::utc(), IS_GONE).await.unwrap(), 1);
    let failed = store.run_overview(id).await.unwrap().unwrap();
    assert_eq!(
        (failed.ended(), failed.error_message.as_deref()),
        (Some(RunStatus::Failed), Some("server is gone"))
    );
    assert_eq!(store.channels().await.unwrap().len(), before);
    assert_eq!((opened(store, key).await, opened(store, read_key).await), (None, None));

    let next = taken(store, None, RunAccess::Scratch(Box::new(new.clone()))).await;
    store.adopt_run(next, "generator".into()).await.unwrap();
    let place =
        store.order_run(claim(None), RunAccess::Scratch(Box::new(new_channel(3))), IS_GONE).await.unwrap();
    let Place::Taken(last) = place else { panic!("{place:?}") };
    assert_eq!(status(store, next).await, "failed", "whoever comes next clears up");
    assert_eq!(opened(store, key).await, None);
    store.withdraw_run(last).await.unwrap();
    assert_eq!(store.run_overview(last).await.unwrap(), None);
    assert_eq!(store.channels().await.unwrap().len(), before, "nothing is left of what was taken back");
}

async fn what_cannot_be_ordered_leaves_nothing(store: &dyn Store) {
    let before = (store.channels().await.unwrap().len(), store.runs(None, 100).await.unwrap().len());
    let absent = ChannelId(99);
    let ordered = store.order_run(claim(Some(absent)), RunAccess::Key(Secret::api_key(7)), IS_THERE).await;
    assert!(matches!(ordered, Err(StoreError::NotFound(_))));
    let mut nameless = new_channel(4);
    nameless.settings.name.clear();
    let ordered = store.order_run(claim(None), RunAccess::Scratch(Box::new(nameless)), IS_THERE).await;
    assert!(matches!(ordered, Err(StoreError::Setting(_))));
    let after = (store.channels().await.unwrap().len(), store.runs(None, 100).await.unwrap().len());
    assert_eq!(after, before);
}

async fn runs_are_listed_page_by_page_and_deleted(store: &dyn Store) {
    let ids = |runs: Vec<RunOverview>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    let all = ids(store.runs(None, 100).await.unwrap());
    assert!(all.len() >= 3 && all.is_sorted_by(|a, b| a > b), "{all:?}");
    assert_eq!(ids(store.runs(None, 2).await.unwrap()), all[..2]);
    assert_eq!(ids(store.runs(Some(all[1]), 100).await.unwrap()), all[2..]);
    store.delete_run(all[1]).await.unwrap();
    assert!(matches!(store.delete_run(all[1]).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.run_overview(all[1]).await.unwrap(), None);
    assert_eq!(store.runs(None, 100).await.unwrap().len(), all.len() - 1);
}

/// A channel has as many keys as it can, and can be measured all the same.
async fn a_runs_key_does_not_count(store: &dyn Store) {
    let channel = store.create_channel(new_channel(5)).await.unwrap().id;
    let key = |number: u128| Secret::api_key(1000 + number);
    let mut keys = 2;
    while store.create_key(channel, KeyKind::Read, key(keys)).await.is_ok() {
        keys += 1;
    }
    let id = taken(store, Some(channel), RunAccess::Key(Secret::api_key(2000))).await;
    assert_eq!(store.keys(channel).await.unwrap().len() as u128, keys + 1);
    assert!(matches!(
        store.create_key(channel, KeyKind::Read, key(keys)).await,
        Err(StoreError::Conflict(_))
    ));
    store.delete_channel(channel).await.unwrap();
    assert_eq!(status(store, id).await, "pending", "a run outlives its channel");
    store.give_up_run(id, RunStatus::Failed, "its channel is gone".into()).await.unwrap();
}

#[tokio::test]
async fn sqlite_keeps_the_contract_about_runs() {
    let workspace = Workspace::new();
    migrate::prepare(&workspace.db()).unwrap();
    let store = Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap();
    a_run_has_a_key_until_it_ends(&store).await;
    a_scratch_channel_goes_with_its_run(&store).await;
    what_cannot_be_ordered_leaves_nothing(&store).await;
    runs_are_listed_page_by_page_and_deleted(&store).await;
    a_runs_key_does_not_count(&store).await;
    store.close().await.unwrap();
    let verified = workspace.verified("porta.db");
    assert_eq!(verified["channels"].as_array().unwrap().len(), 1, "the database is whole: {verified:#}");
}
