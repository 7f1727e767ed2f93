//! Deletes what is not to be kept any longer, in steps small enough for devices not to notice, and tidies up after servers
//! that have ended without a word.

use std::time::Duration;

use crate::clock;
use crate::domain::unit::UtcMillis;
use crate::instance;
use crate::store::{SharedStore, StoreError};

/// How often there is a look.
const PERIOD: Duration = Duration::from_secs(60);
/// Between two steps: devices' updates go first.
const PAUSE: Duration = Duration::from_millis(20);

/// Deletes once a minute what is past its time, until it is dropped. What was done for agents is kept for
/// `operations_kept`.
pub async fn keep(store: SharedStore, operations_kept: Duration) {
    let mut period = tokio::time::interval(PERIOD);
    loop {
        period.tick().await;
        if let Err(error) = store.interrupt(instance::is_alive).await {
            tracing::warn!(%error, "what ended servers have left could not be marked; that is tried again in a minute");
        }
        if let Err(error) = store.fail_abandoned_runs(clock::utc(), instance::why_gone).await {
            tracing::warn!(%error, "runs whose process has ended could not be marked; that is tried again in a minute");
        }
        if let Err(error) = expire(&store, operations_kept).await {
            tracing::warn!(%error, "retention could not delete; it tries again in a minute");
        }
    }
}

async fn expire(store: &SharedStore, operations_kept: Duration) -> Result<(), StoreError> {
    let kept_ms = i64::try_from(operations_kept.as_millis()).unwrap_or(i64::MAX);
    loop {
        let now = clock::utc();
        let oldest_kept = UtcMillis(now.0.saturating_sub(kept_ms));
        if !(store.expire(now).await? | store.expire_operations(oldest_kept).await?) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
