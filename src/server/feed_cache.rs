//! Answers to readers who ask the same again. Most ask far more often than a channel gets entries.
//!
//! An answer holds as long as its channel is as it was: the same settings, and no entry more. Both stand in the
//! channel's row, which is read for every request anyway, so that another process's writes count at once, too. Entries
//! go away only past the channel's retention, which an answer's oldest one tells; whatever else takes entries away
//! changes [`ChannelState::updated_at`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use moka::sync::Cache;

use crate::domain::channel::ChannelState;
use crate::domain::unit::UtcMillis;

/// Bytes of all answers that are kept.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes that an answer takes besides its own, about.
const OVERHEAD_BYTES: usize = 512;
/// Bytes of one.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// How long an answer is kept that nobody asks for.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// Answers by the path and what of the query shapes them.
#[derive(Clone)]
pub struct FeedCache(Cache<String, Arc<Answer>>);

struct Answer {
    body: Bytes,
    last_entry_id: i64,
    updated_at: UtcMillis,
    /// `None` where no entry is in it.
    oldest: Option<UtcMillis>,
}

impl FeedCache {
    /// An empty one.
    pub fn new() -> Self {
        let weight = |target: &String, answer: &Arc<Answer>| {
            u32::try_from(target.len() + answer.body.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(BYTES_MAX).weigher(weight).time_to_idle(IDLE_MAX).build())
    }

    /// The answer to `target`, if it still holds for the channel as it is.
    pub fn get(&self, target: &str, channel: &ChannelState, now: UtcMillis) -> Option<Bytes> {
        let answer = self.0.get(target)?;
        let same = (answer.last_entry_id, answer.updated_at) == (channel.last_entry_id, channel.updated_at);
        let expired = match (channel.retention_ms, answer.oldest) {
            (Some(retention_ms), Some(oldest)) => oldest.0 < now.0.saturating_sub(retention_ms),
            _ => false,
        };
        (same && !expired).then(|| answer.body.clone())
    }

    /// Keeps an answer to `target`, of which `oldest` is the oldest entry.
    pub fn put(&self, target: String, channel: &ChannelState, oldest: Option<UtcMillis>, body: &Bytes) {
        if body.len() <= ANSWER_BYTES_MAX {
            let (last_entry_id, updated_at) = (channel.last_entry_id, channel.updated_at);
            // A copy of just its size: what it was written into has room for more.
            let body = Bytes::copy_from_slice(body);
            self.0.insert(target, Arc::new(Answer { body, last_entry_id, updated_at, oldest }));
        }
    }
}
