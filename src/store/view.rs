//! Reading: one consistent state of the database, with rows that are lent instead of copied.

use std::ops::ControlFlow;

use super::{Result, Store, StoreError};
use crate::domain::account::{Credentials, Email};
use crate::domain::channel::{Channel, ChannelState, KeyKind, ListedChannel};
use crate::domain::entry::{Row, Selection, Which};
use crate::domain::id::ChannelId;
use crate::domain::secret::SecretHash;
use crate::domain::session::SessionState;
use crate::domain::unit::UtcMillis;

/// How much there is to read. Long looks wait for each other, so that they leave room for the short ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A few pages of the database.
    Short,
    /// Possibly a whole channel.
    Long,
}

/// One consistent state of the database. All methods may block.
pub trait View {
    /// A channel; `None` when there is none of that number.
    fn channel(&self, id: ChannelId) -> Result<Option<Channel>>;

    /// The state of a channel, which is less to read than [`View::channel`].
    fn channel_state(&self, id: ChannelId) -> Result<Option<ChannelState>>;

    /// All channels for a list, by id: all but the first `skip`, at most `limit`, and how many there are.
    fn channels(&self, skip: u64, limit: u32) -> Result<(Vec<ListedChannel>, u64)>;

    /// Public channels, by id: all but the first `skip`, at most `limit`, and how many there are.
    fn public_channels(&self, skip: u64, limit: u32) -> Result<(Vec<Channel>, u64)>;

    /// What a key opens.
    fn key(&self, key: &SecretHash) -> Result<Option<(ChannelId, KeyKind)>>;

    /// Whether this is a valid admin token.
    fn is_token(&self, token: &SecretHash) -> Result<bool>;

    /// A session, whether it is over or not; `None` when there is none.
    fn session(&self, session: &SecretHash) -> Result<Option<SessionState>>;

    /// What is needed to tell whether somebody may log in, from a browser with this token if it has one; `None` when there
    /// is no such account.
    fn credentials(
        &self,
        email: &Email,
        browser: Option<&SecretHash>,
        now: UtcMillis,
    ) -> Result<Option<Credentials>>;

    /// Whether there is an administrator.
    fn has_admin(&self) -> Result<bool>;

    /// Whether a link creates the first administrator.
    fn is_set_up_link(&self, link: &SecretHash, now: UtcMillis) -> Result<bool>;

    /// Shows `visit` the selected entries of a channel until it breaks.
    fn entries(
        &self,
        channel: ChannelId,
        selection: &Selection,
        visit: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Shows `visit` one entry, with its position and status. Not called when there is none.
    fn entry(&self, channel: ChannelId, which: Which, visit: &mut dyn FnMut(&Row<'_>)) -> Result<()>;

    /// The newest entry's time among the selected; `None` when there is none.
    fn newest(&self, channel: ChannelId, selection: &Selection) -> Result<Option<UtcMillis>>;
}

/// What is done with a [`View`].
pub type Reading = Box<dyn for<'v> FnOnce(&'v dyn View) -> Result<()> + Send>;

/// Runs `work` on one consistent state of the database and returns what it found.
///
/// # Errors
/// As `work`, and when the database is closed or cannot be read.
pub async fn look<T, F>(store: &dyn Store, look: Look, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&dyn View) -> Result<T> + Send + 'static,
{
    let (answer, mut answered) = tokio::sync::oneshot::channel();
    let reading: Reading = Box::new(move |view| {
        // Whoever asked may be gone.
        let _ = answer.send(work(view)?);
        Ok(())
    });
    store.lend(look, reading).await?;
    answered.try_recv().map_err(|_| StoreError::Closed)
}
