//! The seam to the database: traits named by intention, which take and return domain types. No SQL and no type of a
//! database driver passes it; one method is one transaction.

pub mod sqlite;
mod view;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::account::{Account, Email, NewAccount, Token};
use crate::domain::agent::{
    Agent, AgentFilter, AgentId, Ending, Job, JobId, NewOperation, Operation, OperationId, OperationType,
    Sighting,
};
use crate::domain::channel::{ApiKey, Change, Channel, KeyKind, NewChannel, SettingError};
use crate::domain::entry::Stored;
use crate::domain::fault::{Condition, Fault};
use crate::domain::id::{AccountId, ChannelId, KeyId, RunId, SeriesId, TokenId};
use crate::domain::metrics::{History, Record, Summary, Writing};
use crate::domain::observation::{Observation, ServerStart, StoredCheck, Wanted};
use crate::domain::password::PasswordHash;
use crate::domain::report::Report;
use crate::domain::rows::Series;
use crate::domain::run::{Claim, Place, RunAccess, RunOverview, RunStatus};
use crate::domain::run_order::RunOrder;
use crate::domain::secret::{Secret, SecretHash};
use crate::domain::session::Login;
use crate::domain::traffic::{Slot, Span};
use crate::domain::unit::UtcMillis;
use crate::domain::update::Update;

pub use self::view::{Look, Reading, View, look};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or no key opens it.
    #[error("{0} not found")]
    NotFound(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// A value cannot be stored as it is.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// One of several updates was an error, in these words.
    #[error("{0}")]
    Rejected(String),
    /// The channel has had an update not long ago, and allows only so many.
    #[error("the channel takes no update so soon after the last one")]
    TooSoon,
    /// Another process has held the database for longer than the busy timeout.
    #[error("another process is holding the database; it may have a long transaction open")]
    Busy,
    /// The queue to the writer is full.
    #[error("the queue to the database is full")]
    Full,
    /// The database has a fault for now, or for good.
    #[error("{}: {detail}", fault.description())]
    Fault {
        /// Which.
        fault: Fault,
        /// What the database said.
        detail: String,
    },
    /// The store is closed, or closing.
    #[error("the database is closed")]
    Closed,
    /// Anything else, in the database's words.
    #[error("{0}")]
    Other(String),
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Channels and their keys. What one process changes holds at once in all that have the database open.
#[async_trait]
pub trait ChannelStore {
    /// Creates a channel with its first write key and read key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its number or a key of it is taken.
    async fn create_channel(&self, channel: NewChannel) -> Result<Channel>;

    /// All channels, by id.
    async fn channels(&self) -> Result<Vec<Channel>>;
    /// Ids and names of so many channels, those with the lowest ids.
    async fn channel_names(&self, limit: u32) -> Result<Vec<(ChannelId, String)>>;

    /// A page of the channels, by id: at most `limit` of those behind the first `offset`, and how many there are in all.
    async fn channels_page(&self, offset: u64, limit: u32) -> Result<(Vec<Channel>, u64)>;

    /// Changes what `change` names.
    ///
    /// # Errors
    /// [`StoreError::Setting`] when a value cannot be; nothing is changed then.
    async fn change_channel(&self, id: ChannelId, change: Change) -> Result<Channel>;

    /// Deletes a channel, its keys and its entries. Their space is given back bit by bit, by [`EntryStore::expire`].
    async fn delete_channel(&self, id: ChannelId) -> Result<Channel>;

    /// Deletes a channel's entries; the next one has the id 1 again. Their space is given back as for a channel's.
    async fn clear_channel(&self, id: ChannelId) -> Result<Channel>;

    /// The keys of a channel, by id.
    async fn keys(&self, channel: ChannelId) -> Result<Vec<ApiKey>>;

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a channel has it already, or has as many as can be.
    async fn create_key(&self, channel: ChannelId, kind: KeyKind, key: Secret) -> Result<ApiKey>;

    /// Puts a new key in the place of one that ends with this.
    async fn rotate_key(&self, channel: ChannelId, id: KeyId, key: Secret) -> Result<ApiKey>;

    /// Ends a key.
    async fn revoke_key(&self, channel: ChannelId, id: KeyId) -> Result<ApiKey>;
}

/// Updates on their way into a channel, one after the other. An error in place of one ends them all.
pub type Updates = Box<dyn Iterator<Item = std::result::Result<Update, String>> + Send>;

/// What devices write.
#[async_trait]
pub trait EntryStore {
    /// Stores an update in the channel that `write_key` opens, and returns once it is committed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a key that opens nothing, [`StoreError::TooSoon`], and [`StoreError::Full`] and
    /// [`StoreError::Busy`] when the update should be sent again later.
    async fn append(&self, write_key: SecretHash, update: Update) -> Result<Stored>;

    /// Stores all of `updates` or none, and returns how many there were. `write_key` must open that very channel; `None`
    /// is for its owner.
    ///
    /// # Errors
    /// As [`EntryStore::append`], and [`StoreError::Rejected`] with the text of the first error among `updates`.
    async fn append_all(
        &self,
        channel: ChannelId,
        write_key: Option<SecretHash>,
        updates: Updates,
    ) -> Result<u64>;

    /// Number of stored entries of a channel.
    async fn count_entries(&self, channel: ChannelId) -> Result<u64>;

    /// Deletes a bounded number of entries that are older than their channel's retention, or whose channel was cleared
    /// or deleted, and of sessions that have ended, merges a bounded number of old metrics, and gives a bounded number of
    /// free pages back to the file system. Returns whether there is more to do.
    async fn expire(&self, now: UtcMillis) -> Result<bool>;
}

/// Admin bearer tokens.
#[async_trait]
pub trait TokenStore {
    /// Creates a token.
    async fn create_token(&self, name: String, token: Secret) -> Result<Token>;

    /// All tokens, revoked ones too, by id.
    async fn tokens(&self) -> Result<Vec<Token>>;

    /// Ends a token. Ending it again changes nothing.
    async fn revoke_token(&self, id: TokenId) -> Result<Token>;
}

/// Accounts of people. What one process changes holds at once in all that have the database open.
#[async_trait]
pub trait AccountStore {
    /// Creates an account. With an administrator no set-up link is good any more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is one with this address, or as many as can be.
    async fn create_account(&self, account: NewAccount) -> Result<Account>;

    /// All accounts, by address.
    async fn accounts(&self) -> Result<Vec<Account>>;

    /// Gives an account another password, and ends its sessions.
    async fn reset_password(&self, email: Email, password: PasswordHash) -> Result<Account>;

    /// Deletes an account, and ends its sessions.
    async fn delete_account(&self, email: Email) -> Result<Account>;

    /// Makes this the one link that creates the first administrator, until then. Returns whether it is: there may be one.
    async fn offer_set_up(&self, link: SecretHash, valid_until: UtcMillis) -> Result<bool>;

    /// Creates the first administrator, for who has the link.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the link is not good, or not any more.
    async fn set_up(&self, link: SecretHash, account: NewAccount, now: UtcMillis) -> Result<Account>;
}

/// Sessions of browsers.
#[async_trait]
pub trait SessionStore {
    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such account any more, or its password has changed meanwhile.
    async fn log_in(&self, login: Login) -> Result<()>;

    /// Gives an account another password in the place of one, ends all its sessions, and begins this one.
    ///
    /// # Errors
    /// As [`SessionStore::log_in`].
    async fn change_password(&self, login: Login, password: PasswordHash) -> Result<()>;

    /// Notes that the browser of a session was seen, unless the session has ended.
    async fn see_session(&self, session: SecretHash, at: UtcMillis) -> Result<()>;

    /// Ends a session. Ending it again changes nothing.
    async fn end_session(&self, session: SecretHash) -> Result<()>;

    /// Ends all sessions of an account, and forgets its browsers.
    async fn end_sessions(&self, account: AccountId) -> Result<()>;
}

/// Stress-test runs.
#[async_trait]
pub trait RunStore {
    /// Takes the place of the one run that can be going on, unless another has it whose process is still there.
    async fn begin_run(&self, claim: Claim, why_gone: WhyGone) -> Result<Place>;

    /// The same for a run that another process is to make: it is pending until that has taken it over. What opens its target
    /// is there with the run, and goes in the transaction that ends it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no channel of the claim's number.
    async fn order_run(&self, claim: Claim, access: RunAccess, why_gone: WhyGone) -> Result<Place>;

    /// Takes over a run that is pending: `owner` is the name of the process that makes it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when none is pending under this number any more.
    async fn adopt_run(&self, id: RunId, owner: String) -> Result<()>;

    /// Stores what came of a run that was begun, and returns its report with its number. `error` says why it failed, if it
    /// did.
    async fn end_run(&self, id: RunId, report: Report, error: Option<String>) -> Result<Report>;

    /// Ends a run that was begun and of which there is no report. One that has ended stays as it is.
    async fn give_up_run(&self, id: RunId, status: RunStatus, reason: String) -> Result<()>;

    /// Takes back that a run was begun: nothing of it is kept.
    async fn withdraw_run(&self, id: RunId) -> Result<()>;

    /// Marks runs as failed whose process is not there any more. Returns how many.
    async fn fail_abandoned_runs(&self, now: UtcMillis, why_gone: WhyGone) -> Result<usize>;

    /// The report of a run.
    async fn run(&self, id: RunId) -> Result<Report>;

    /// The newest run's report; `None` before the first.
    async fn latest_run(&self) -> Result<Option<Report>>;

    /// The newest runs, newest first; only those from before a run, if one is named.
    async fn runs(&self, before: Option<RunId>, limit: u32) -> Result<Vec<RunOverview>>;

    /// A page of the runs in an order: at most `limit` of those behind the first `offset`, and how many there are in all.
    async fn runs_in_order(
        &self,
        order: RunOrder,
        offset: u64,
        limit: u32,
    ) -> Result<(Vec<RunOverview>, u64)>;

    /// The run that is going on, if one is: there is one at a time.
    async fn run_going_on(&self) -> Result<Option<RunOverview>>;

    /// The newest runs that went to their end with the configuration and on the machine of this one, which may be among them;
    /// the oldest first, at most `limit`.
    async fn similar_runs(&self, id: RunId, limit: u32) -> Result<Vec<RunOverview>>;

    /// A run as lists show it; `None` when there is none of that number.
    async fn run_overview(&self, id: RunId) -> Result<Option<RunOverview>>;

    /// Deletes a run with its report.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::Conflict`] while it is going on.
    async fn delete_run(&self, id: RunId) -> Result<()>;
}

/// The rows of a run, told from those of others by their ids.
#[async_trait]
pub trait RowStore {
    /// The entries of a channel as they are now; `None` when there is no such channel.
    async fn series(&self, channel: ChannelId) -> Result<Option<Series>>;

    /// How many entries of a series have an id in one of `ranges`.
    async fn count_rows(&self, series: SeriesId, ranges: Vec<IdRange>) -> Result<u64>;

    /// Deletes the entries of a series that have an id in one of `ranges`, in one transaction, and returns how many there
    /// were. Their ids are not given again.
    async fn remove_rows(&self, series: SeriesId, ranges: Vec<IdRange>) -> Result<u64>;
}

/// The first and the last of entry ids without a gap.
pub type IdRange = (u64, u64);

/// Why the process of a name is not there any more; `None` while it is. Told whether its run should have ended long ago.
pub type WhyGone = fn(&str, bool) -> Option<String>;

/// What servers remember of themselves.
#[async_trait]
pub trait MetricsStore {
    /// Adds to what is remembered. It is written along with updates, in a transaction that there is anyway, where there
    /// are any.
    ///
    /// # Errors
    /// As [`EntryStore::append`]; nothing of it is stored then.
    async fn record(&self, record: Arc<Record>) -> Result<()>;

    /// What is remembered of `since` and later in one, and all incidents.
    async fn summary(&self, since: UtcMillis) -> Result<Summary>;

    /// What is remembered of `since` and later, period by period, and all incidents: 30 kB for each route and period.
    async fn history(&self, since: UtcMillis) -> Result<History>;

    /// What servers were asked over time, the oldest slot first. There is none where no server was there.
    async fn traffic(&self, span: Span) -> Result<Vec<Slot>>;

    /// Both of a span, read once.
    async fn summary_over_time(&self, span: Span) -> Result<(Summary, Vec<Slot>)>;

    /// What the writer has done since this was last called.
    fn take_writing(&self) -> Writing;

    /// Keeps how the server was started last.
    async fn note_start(&self, start: ServerStart) -> Result<()>;
}

/// Whether the server of this name is still there.
pub type IsAlive = fn(&str) -> bool;

/// Agents, the audit trail of what was run for them, and their jobs. What is written goes along with updates, in a
/// transaction that there is anyway, where there are any.
#[async_trait]
pub trait AgentStore {
    /// Notes that an agent was seen, and registers it if it is new.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there are as many agents as can be.
    async fn register_agent(&self, id: AgentId, sighting: Sighting) -> Result<Agent>;

    /// Notes when agents were last seen. Those that are not registered any more are passed over.
    async fn see_agents(&self, sightings: Arc<Vec<(AgentId, Sighting)>>) -> Result<()>;

    /// Agents by name, and how many there are but for offset and limit.
    async fn agents(&self, filter: AgentFilter) -> Result<(Vec<Agent>, u64)>;

    /// How many agents were seen at `since` or later, by other than stress tests.
    async fn active_agents(&self, since: UtcMillis) -> Result<u64>;

    /// Keeps what has become of operations that have ended, and that another is about to begin, if one is. None of them
    /// keeps an API key or an admin token, nor more of a text than it may.
    async fn audit(
        &self,
        ended: Vec<(OperationId, Ending)>,
        begun: Option<NewOperation>,
    ) -> Result<Option<OperationId>>;

    /// The newest operations of an agent, at most `limit`, of one type or of all, the newest first, and how many are kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an agent that is not registered.
    async fn operations(
        &self,
        agent: AgentId,
        operation_type: Option<OperationType>,
        limit: u32,
    ) -> Result<(Vec<Operation>, u64)>;

    /// The beginnings of texts, at most so many bytes of each, without admin tokens and API keys of this database, and whether
    /// that is all of it.
    async fn without_secrets(&self, texts: Vec<String>, bytes_max: usize) -> Result<Vec<(String, bool)>>;

    /// Keeps a job as it is now. Its answer has no secrets any more.
    async fn save_job(&self, job: Job) -> Result<()>;

    /// A job; `None` when it is not kept.
    async fn job(&self, id: JobId) -> Result<Option<Job>>;

    /// Marks as interrupted what runs in a server that `is_alive` does not know. Returns how many operations and jobs.
    async fn interrupt(&self, is_alive: IsAlive) -> Result<usize>;

    /// Deletes a bounded number of operations, jobs and agents that are older than `oldest_kept` or too many. Returns
    /// whether there is more to do.
    async fn expire_operations(&self, oldest_kept: UtcMillis) -> Result<bool>;
}

/// What an installation is judged by.
#[async_trait]
pub trait CriteriaStore {
    /// Reads what an installation is judged by, in one consistent state of the database.
    async fn observe(&self, wanted: Wanted) -> Result<Observation>;

    /// The newest checks, newest first.
    async fn checks(&self, limit: u32) -> Result<Vec<StoredCheck>>;
}

/// What a page or a person wants to know of the store at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Statistics {
    /// Channels.
    pub channels: u64,
    /// Updates that were acknowledged in channels that still exist, since they were last cleared.
    pub updates: u64,
    /// Size of the database file.
    pub database_bytes: u64,
    /// Size of the write-ahead log beside it.
    pub wal_bytes: u64,
}

/// A whole store.
#[async_trait]
pub trait Store:
    ChannelStore
    + EntryStore
    + TokenStore
    + AccountStore
    + SessionStore
    + RunStore
    + RowStore
    + MetricsStore
    + AgentStore
    + CriteriaStore
    + Send
    + Sync
{
    /// What is in the store.
    async fn statistics(&self) -> Result<Statistics>;

    /// Lends `reading` one consistent state of the database, on a thread that may block. [`look`] returns what it finds.
    /// When nobody waits for it any more its reading is cut short.
    async fn lend(&self, look: Look, reading: Reading) -> Result<()>;

    /// What is wrong with the database, as far as is known.
    fn condition(&self) -> Option<Condition>;

    /// Looks whether something is wrong with the database that no transaction has noticed, or is not wrong any more.
    async fn check(&self);

    /// Bytes that the database takes, with what is still in a log beside it.
    async fn size(&self) -> Result<u64>;

    /// Whether another process has the database open.
    fn is_shared(&self) -> bool;

    /// Jobs that wait for the writer.
    fn queue_length(&self) -> usize;

    /// Finishes what was queued, brings the file in order and closes it. Later calls fail with [`StoreError::Closed`].
    async fn close(&self) -> Result<()>;
}

/// A store that handlers share.
pub type SharedStore = Arc<dyn Store>;
