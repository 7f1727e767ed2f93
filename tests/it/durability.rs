//! Nothing acknowledged is ever lost, and no id is ever given twice: shown by doing it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::support::Workspace;
use crate::support::client::{Acknowledged, update_until};

const UPDATES: u64 = 20_000;
const CLIENTS: usize = 64;

/// Ids are 1..=N without a gap, and each row holds the value that its id was given for.
fn assert_gapless(workspace: &Workspace, channel: i64, acknowledged: &[Acknowledged]) {
    let ids: Vec<i64> = acknowledged.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=UPDATES.cast_signed()).collect::<Vec<_>>());
    assert_eq!(workspace.entries(channel), acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_concurrent_clients_get_distinct_gapless_ids() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("one server");
    let server = workspace.serve(&[]);
    let urls = [server.url.clone()];
    let acknowledged = update_until(&urls, &channel.write_key, CLIENTS, 0, UPDATES, |_| {}).await;
    assert_gapless(&workspace, channel.id, &acknowledged);
    assert_eq!(server.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn load_two_servers_on_one_file_give_distinct_gapless_ids() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("two servers");
    let servers = [workspace.serve(&[]), workspace.serve(&[])];
    let urls = servers.each_ref().map(|server| server.url.clone());
    let acknowledged = update_until(&urls, &channel.write_key, CLIENTS, 0, UPDATES, |_| {}).await;
    assert_gapless(&workspace, channel.id, &acknowledged);
    for server in servers {
        assert_eq!(server.stop().code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn load_a_killed_server_has_every_acknowledged_row() {
    const ROUNDS: u64 = 20;
    const ACKNOWLEDGED_BEFORE_KILL: u64 = 150;
    const VALUES_PER_ROUND: u64 = 1_000_000;
    let workspace = Workspace::new();
    let channel = workspace.create_channel("killed");
    let mut acknowledged: HashMap<i64, String> = HashMap::new();
    for round in 0..ROUNDS {
        let server = workspace.serve(&[]);
        let urls = [server.url.clone()];
        let enough = Arc::new(Notify::new());
        let notify = Arc::clone(&enough);
        let on_acknowledged = move |count| {
            if count == ACKNOWLEDGED_BEFORE_KILL + round * 7 {
                notify.notify_one();
            }
        };
        let killed = async {
            enough.notified().await;
            server.kill();
        };
        let first_value = round * VALUES_PER_ROUND;
        let key = &channel.write_key;
        let (round_acknowledged, ()) = tokio::join!(
            update_until(&urls, key, 16, first_value, VALUES_PER_ROUND, on_acknowledged),
            killed
        );
        for (id, value) in round_acknowledged {
            let before = acknowledged.insert(id, value);
            assert_eq!(before, None, "id {id} was given twice");
        }
    }
    let stored: HashMap<i64, String> = workspace.entries(channel.id).into_iter().collect();
    for (id, value) in &acknowledged {
        assert_eq!(stored.get(id), Some(value), "entry {id} was acknowledged");
    }
    assert!(acknowledged.len() as u64 >= ROUNDS * ACKNOWLEDGED_BEFORE_KILL);
    let newest = stored.keys().max().copied().unwrap_or(0);
    assert_eq!(stored.len() as i64, newest, "ids have no gap");
}
