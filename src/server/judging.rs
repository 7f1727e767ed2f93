//! The check that pages and the API show: made when somebody asks, at most once in a while, however many ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::error::Refusal;
use crate::clock;
use crate::judgement::{self, Judgement, ThresholdsError, ThresholdsFile};
use crate::store::SharedStore;

/// How long a check is shown before another one is made.
const KEPT: Duration = Duration::from_secs(5);

/// The newest check.
pub struct Judging {
    thresholds: ThresholdsFile,
    /// Whoever finds none makes one, and others wait for that: it reads thousands of distributions.
    newest: Mutex<Option<(Instant, Result<Arc<Judgement>, String>)>>,
}

impl Judging {
    /// By the thresholds of this file, which is read each time.
    pub fn new(thresholds: ThresholdsFile) -> Self {
        Self { thresholds, newest: Mutex::new(None) }
    }

    /// A check that is not older than a few seconds.
    ///
    /// # Errors
    /// [`Refusal::Unprocessable`] for thresholds that cannot be read, in words that say why; and what is wrong with the
    /// database.
    pub async fn judge(&self, store: &SharedStore) -> Result<Arc<Judgement>, Refusal> {
        let mut newest = self.newest.lock().await;
        let now = clock::instant();
        let judged = match &*newest {
            Some((at, judged)) if now.saturating_duration_since(*at) < KEPT => judged.clone(),
            _ => {
                let judged = self.judge_now(store).await?;
                *newest = Some((clock::instant(), judged.clone()));
                judged
            }
        };
        judged.map_err(Refusal::Unprocessable)
    }

    /// The inner error is what is wrong with the thresholds.
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
