//! Looks whether passwords are right: each takes a core for some 20 ms and 19 MiB of memory, so only a few at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::password::{Password, PasswordHash};
use crate::entropy;
use crate::server::error::{Cause, Refusal};

/// Passwords that are hashed at the same time.
const AT_ONCE: usize = 2;
/// Those that wait for it. The next is answered with 503.
const WAITING_MAX: usize = 16;

/// Hashes passwords on threads that may block.
pub struct Hashing {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// The turn to hash one password.
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Hashing {
    pub fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Waits for a turn, in the order of asking.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when as many wait as may.
    pub async fn turn(&self) -> Result<Turn, Refusal> {
        let full = || Refusal::Unavailable(Cause::word("logins"));
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| full())?;
        Ok(Turn { _place: place, _turn: turn })
    }
}

impl Turn {
    /// Whether a hash is of a password. When it is, `right` is called, even if nobody waits for the answer any more.
    pub async fn verify(
        self,
        hash: PasswordHash,
        password: Password,
        right: impl FnOnce() + Send + 'static,
    ) -> Result<bool, Refusal> {
        self.work(move || {
            let is_right = hash.is_of(&password);
            if is_right {
                right();
            }
            Ok(is_right)
        })
        .await
    }

    /// The hash of a password that was chosen.
    pub async fn hash(self, password: Password) -> Result<PasswordHash, Refusal> {
        self.work(move || password.hash(entropy::salt()?)).await
    }

    /// The turn ends with the work, not with whoever waits for it: a client that goes makes no room for another.
    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(self);
            result
        });
        let result = done.await.map_err(|error| error.to_string()).and_then(|result| result);
        result.map_err(Refusal::Internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_take_turns_and_the_next_is_refused() {
        let hashing = Arc::new(Hashing::new());
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(hashing.turn().await.expect("a turn"));
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(hashing.turn())).collect();
        for turn in &mut waiting {
            assert!(futures_pending(turn.as_mut()).await, "it waits");
        }
        assert!(matches!(hashing.turn().await, Err(Refusal::Unavailable(cause)) if cause.word == "logins"));
        let first = turns.pop().expect("a turn");
        assert!(
            !first
                .verify(PasswordHash::nobodys(), Password::presented("x").expect("short"), || ())
                .await
                .expect("an answer")
        );
        let next = waiting.remove(0).await.expect("whoever waited the longest is next");
        drop((next, waiting, turns));
        for _ in 0..AT_ONCE {
            drop(hashing.turn().await.expect("nobody has kept a turn"));
        }
    }

    #[tokio::test]
    async fn a_right_password_counts_although_its_client_has_gone() {
        let hashing = Hashing::new();
        let password = || Password::presented("kettle-moon").expect("short");
        let hash = password().hash([7; crate::domain::password::SALT_BYTES]).expect("a hash");
        let (told, hear) = tokio::sync::oneshot::channel();
        let turn = hashing.turn().await.expect("a turn");
        let mut verifying = Box::pin(turn.verify(hash, password(), || told.send(()).expect("heard")));
        assert!(futures_pending(verifying.as_mut()).await, "it has begun");
        drop(verifying);
        assert_eq!(hear.await, Ok(()));
    }

    /// Whether a future is not ready yet.
    async fn futures_pending<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
