//! Something that takes a while to find out: found out when somebody asks, at most once in a while, however many ask.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::error::Refusal;
use crate::clock;

/// The newest of it.
pub struct Fresh<T> {
    kept: Duration,
    /// Held while it is found out, so that others wait for that.
    newest: Mutex<Option<(Instant, T)>>,
}

impl<T> Fresh<T> {
    /// Nothing yet; what is found out is kept for so long.
    pub const fn new(kept: Duration) -> Self {
        Self { kept, newest: Mutex::const_new(None) }
    }
}

impl<T: Clone> Fresh<T> {
    /// What was found out not long ago, else what `find` finds out now. A failure is not kept.
    ///
    /// # Errors
    /// As `find`.
    pub async fn get<F: Future<Output = Result<T, Refusal>>>(
        &self,
        find: impl FnOnce() -> F,
    ) -> Result<T, Refusal> {
        let mut newest = self.newest.lock().await;
        if let Some((at, known)) = &*newest
            && clock::instant().saturating_duration_since(*at) < self.kept
        {
            return Ok(known.clone());
        }
        let found = find().await?;
        *newest = Some((clock::instant(), found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_cost_one_look_and_a_failure_is_not_kept() {
        let fresh = Fresh::new(Duration::from_secs(3600));
        let looks = AtomicUsize::new(0);
        let failed = fresh.get(async || Err(Refusal::Unauthorized)).await;
        assert!(failed.is_err());
        let find = async || {
            looks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(7)
        };
        let (first, second, third) = tokio::join!(fresh.get(find), fresh.get(find), fresh.get(find));
        assert_eq!([first, second, third].map(|found| found.expect("found")), [7; 3]);
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_old_is_found_out_anew() {
        let fresh = Fresh::new(Duration::ZERO);
        let mut found = Vec::new();
        for number in 0..2 {
            found.push(fresh.get(async || Ok(number)).await.expect("found"));
        }
        assert_eq!(found, [0, 1]);
    }
}
