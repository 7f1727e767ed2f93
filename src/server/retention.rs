//! Deletes what channels no longer want to keep, in steps small enough for devices not to notice.

use std::time::Duration;

use crate::clock;
use crate::store::SharedStore;

/// How often channels are looked at.
const PERIOD: Duration = Duration::from_secs(60);
/// Between two steps: devices' updates go first.
const PAUSE: Duration = Duration::from_millis(20);

/// Deletes expired entries once a minute, until it is dropped.
pub async fn keep(store: SharedStore) {
    let mut period = tokio::time::interval(PERIOD);
    loop {
        period.tick().await;
        loop {
            match store.expire(clock::utc()).await {
                Ok(true) => tokio::time::sleep(PAUSE).await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "retention could not delete; it tries again in a minute");
                    break;
                }
            }
        }
    }
}
