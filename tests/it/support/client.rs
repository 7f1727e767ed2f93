//! Clients that are not porta's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{Client, StatusCode};

/// What a server acknowledged: the entry id, and the value it was given for.
pub type Acknowledged = (i64, String);

/// Sends one update. `None` when the connection broke.
pub async fn update(client: &Client, url: &str, key: &str, value: &str) -> Option<(StatusCode, String)> {
    let body = format!("api_key={key}&field1={value}");
    let request = client
        .post(format!("{url}/update"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    let response = request.send().await.ok()?;
    let status = response.status();
    Some((status, response.text().await.ok()?))
}

/// `clients` tasks send updates to `urls` in turn until `limit` have been tried or a connection breaks, and return
/// what was acknowledged. Each value is sent once only: `first_value`, `first_value` + 1, …
pub async fn update_until(
    urls: &[String],
    key: &str,
    clients: usize,
    first_value: u64,
    limit: u64,
    on_acknowledged: impl Fn(u64) + Send + Sync + 'static,
) -> Vec<Acknowledged> {
    let next = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let on_acknowledged = Arc::new(on_acknowledged);
    let tasks: Vec<_> = (0..clients)
        .map(|index| {
            let (url, key) = (urls[index % urls.len()].clone(), key.to_owned());
            let (next, done, on_acknowledged) =
                (Arc::clone(&next), Arc::clone(&done), Arc::clone(&on_acknowledged));
            tokio::spawn(async move {
                let client = Client::new();
                let mut acknowledged = Vec::new();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= limit {
                        break;
                    }
                    let value = (first_value + turn).to_string();
                    let Some((status, body)) = update(&client, &url, &key, &value).await else { break };
                    assert_eq!(status, StatusCode::OK, "{body}");
                    acknowledged.push((body.parse().unwrap(), value));
                    on_acknowledged(done.fetch_add(1, Ordering::Relaxed) + 1);
                }
                acknowledged
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    all
}
