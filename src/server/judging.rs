//! The check that pages and the API show.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::error::Refusal;
use super::fresh::Renewed;
use crate::clock;
use crate::judgement::{self, Judgement, ThresholdsFile};
use crate::store::SharedStore;

/// How long a check is shown before another one is made: it reads thousands of distributions.
const KEPT: Duration = Duration::from_secs(5);
/// How often one is made although nobody looks, so that whoever does need not wait for it.
const PERIOD: Duration = Duration::from_secs(60);
/// Of the time, checks that nobody asked for take one part in so many at most.
const PARTS: u32 = 200;
/// An older one is not shown: it is waited for another.
const AGE_MAX: Duration = Duration::from_secs(300);

/// The newest check.
pub struct Judging {
    thresholds: ThresholdsFile,
    newest: Renewed<Arc<Judgement>>,
}

impl Judging {
    /// By the thresholds of this file, which is read each time.
    pub fn new(thresholds: ThresholdsFile) -> Self {
        Self { thresholds, newest: Renewed::new(KEPT, AGE_MAX) }
    }

    /// A check of the last minute or so; another one is made for whoever comes next. Where the thresholds cannot be read it says
    /// so, as the command does.
    ///
    /// # Errors
    /// What is wrong with the database.
    pub async fn judge(&self, store: &SharedStore) -> Result<Arc<Judgement>, Refusal> {
        self.newest.get(|| self.judge_now(store)).await
    }

    /// Makes checks, until it is dropped.
    pub async fn keep(&self, store: &SharedStore) {
        self.newest.keep(PERIOD, PARTS, || self.judge_now(store)).await;
    }

    async fn judge_now(&self, store: &SharedStore) -> Result<Arc<Judgement>, Refusal> {
        let file = self.thresholds.clone();
        let read = on_another_thread(move || file.read()).await?;
        let known = read.as_ref().ok().cloned().unwrap_or_default();
        let observation = store.observe(judgement::wanted(&known, None, clock::utc())).await?;
        let judge = move || match read {
            Ok(thresholds) => Judgement::of(observation, thresholds),
            Err(error) => Judgement::impossible(observation, &error),
        };
        Ok(Arc::new(on_another_thread(judge).await?))
    }
}

/// Work that a worker thread should not be held up by.
async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|error| Refusal::Internal(error.to_string()))
}
