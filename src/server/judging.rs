//! The check that pages and the API show.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::error::Refusal;
use super::fresh::Fresh;
use crate::clock;
use crate::judgement::{self, Judgement, ThresholdsError, ThresholdsFile};
use crate::store::SharedStore;

/// How long a check is shown before another one is made: it reads thousands of distributions.
const KEPT: Duration = Duration::from_secs(5);

/// The newest check.
pub struct Judging {
    thresholds: ThresholdsFile,
    /// The inner error is what is wrong with the thresholds.
    newest: Fresh<Result<Arc<Judgement>, String>>,
}

impl Judging {
    /// By the thresholds of this file, which is read each time.
    pub fn new(thresholds: ThresholdsFile) -> Self {
        Self { thresholds, newest: Fresh::new(KEPT) }
    }

    /// A check that is not older than a few seconds.
    ///
    /// # Errors
    /// [`Refusal::Unprocessable`] for thresholds that cannot be read, in words that say why; and what is wrong with the
    /// database.
    pub async fn judge(&self, store: &SharedStore) -> Result<Arc<Judgement>, Refusal> {
        self.newest.get(|| self.judge_now(store)).await?.map_err(Refusal::Unprocessable)
    }

    async fn judge_now(&self, store: &SharedStore) -> Result<Result<Arc<Judgement>, String>, Refusal> {
        let file = self.thresholds.clone();
        let thresholds = match on_another_thread(move || file.read()).await? {
            Ok(thresholds) => thresholds,
            Err(error @ ThresholdsError::Unreadable { .. }) => return Ok(Err(error.to_string())),
            Err(ThresholdsError::Wrong(message)) => return Ok(Err(message)),
        };
        let wanted = judgement::wanted(&thresholds, None, clock::utc());
        let observation = store.observe(wanted).await?;
        let judged = on_another_thread(move || Judgement::of(observation, thresholds)).await?;
        Ok(Ok(Arc::new(judged)))
    }
}

/// Work that a worker thread should not be held up by.
async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|error| Refusal::Internal(error.to_string()))
}
