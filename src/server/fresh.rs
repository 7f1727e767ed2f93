//! Something that takes a while to find out: found out when somebody asks, at most once in a while, however many ask. What
//! takes longer than a reader should wait is found out before that.

use std::future::Future;
use std::sync::{self, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify};

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

/// The newest of something that is renewed while nobody waits.
pub struct Renewed<T> {
    /// What is younger is not renewed.
    kept: Duration,
    /// What is older is waited for.
    age_max: Duration,
    known: sync::Mutex<Option<(Instant, T)>>,
    /// Held while it is found out.
    turn: Mutex<()>,
    is_asked_for: Notify,
}

impl<T: Clone> Renewed<T> {
    /// Nothing yet.
    pub fn new(kept: Duration, age_max: Duration) -> Self {
        let known = sync::Mutex::new(None);
        Self { kept, age_max, known, turn: Mutex::new(()), is_asked_for: Notify::new() }
    }

    /// What is known. It is renewed for whoever comes next, and waited for where there is nothing, or nothing but what is too
    /// old.
    ///
    /// # Errors
    /// As `find`.
    pub async fn get<F: Future<Output = Result<T, Refusal>>>(
        &self,
        find: impl FnOnce() -> F,
    ) -> Result<T, Refusal> {
        if let Some(known) = self.younger_than(self.kept) {
            return Ok(known);
        }
        if let Some(known) = self.younger_than(self.age_max) {
            self.is_asked_for.notify_one();
            return Ok(known);
        }
        self.renew(find).await
    }

    /// Renews it when somebody has asked, and every `period`, but then for no more than one part in `parts` of the time. A failure
    /// is for whoever asks next.
    pub async fn keep<F: Future<Output = Result<T, Refusal>>>(
        &self,
        period: Duration,
        parts: u32,
        find: impl Fn() -> F,
    ) {
        let mut pause = period;
        loop {
            tokio::select! {
                () = self.is_asked_for.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let begun = clock::instant();
            let _ = self.renew(&find).await;
            pause = period.max(clock::instant().saturating_duration_since(begun).saturating_mul(parts));
        }
    }

    async fn renew<F: Future<Output = Result<T, Refusal>>>(
        &self,
        find: impl FnOnce() -> F,
    ) -> Result<T, Refusal> {
        let _turn = self.turn.lock().await;
        // Whoever had the turn before has found it out.
        if let Some(known) = self.younger_than(self.kept) {
            return Ok(known);
        }
        let found = find().await?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock::instant(), found.clone()));
        Ok(found)
    }

    fn younger_than(&self, age: Duration) -> Option<T> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let young = known.as_ref().filter(|(at, _)| clock::instant().saturating_duration_since(*at) < age);
        young.map(|(_, known)| known.clone())
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

    #[tokio::test]
    async fn nobody_waits_for_what_is_renewed_but_the_first() {
        let hour = Duration::from_secs(3600);
        let renewed = Renewed::new(Duration::ZERO, hour);
        let looks = AtomicUsize::new(0);
        let find = async || Ok(looks.fetch_add(1, Ordering::Relaxed));
        assert_eq!(renewed.get(find).await.expect("found"), 0);
        assert_eq!(renewed.get(find).await.expect("known"), 0);
        let until_renewed = async {
            while renewed.get(find).await.expect("known") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = renewed.keep(hour, 1, find) => {}
            () = until_renewed => {}
        }
        assert!(looks.load(Ordering::Relaxed) > 1);
    }

    #[tokio::test]
    async fn what_is_too_old_is_waited_for_and_a_failure_is_not_kept() {
        let renewed = Renewed::new(Duration::ZERO, Duration::ZERO);
        assert!(renewed.get(async || Err::<u8, _>(Refusal::Unauthorized)).await.is_err());
        for number in 1..3 {
            assert_eq!(renewed.get(async || Ok(number)).await.expect("found"), number);
        }
    }
}
