//! The place of the one run that can be going on in a database: taken before the load, given back with what came of it.

use crate::clock;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::report::Report;
use crate::domain::run::{Claim, Place, Plan, RunStatus};
use crate::exit::Failure;
use crate::instance;
use crate::store::sqlite::Sqlite;
use crate::store::{RunStore as _, StoreError};

/// A row of its own among the runs. One that is left behind is marked as failed by the next start.
pub struct RunPlace<'s> {
    store: &'s Sqlite,
    id: RunId,
    /// Whether others have been told of it before it began.
    is_known: bool,
}

impl<'s> RunPlace<'s> {
    /// Takes it, unless another process has it.
    pub async fn take(store: &'s Sqlite, plan: &Plan, channel: Option<ChannelId>) -> Result<Self, Failure> {
        let claim = Claim { plan: *plan, channel, started_at: clock::utc(), owner: instance::own() };
        let attempted = "cannot start a run";
        match store.begin_run(claim, instance::why_gone).await {
            Ok(Place::Taken(id)) => Ok(Self { store, id, is_known: false }),
            Ok(Place::Occupied { by, owner, since }) => {
                let container = if instance::is_elsewhere(&owner) { " of another container" } else { "" };
                let process = instance::pid(&owner)
                    .map_or_else(String::new, |pid| format!(", process {pid}{container}"));
                let since = since.to_minute();
                let reason =
                    format!("run {by} has been going on in this database since {since} UTC{process}");
                Err(Failure::new(attempted, reason).next_step(
                    "Two runs would measure each other: wait for its end, or end it with Ctrl+C where it was started.",
                ))
            }
            Err(error) => Err(Failure::new(attempted, error)),
        }
    }

    /// Takes over the run that a server has begun.
    pub async fn adopt(store: &'s Sqlite, id: RunId) -> Result<Self, Failure> {
        let adopted = store.adopt_run(id, instance::own()).await;
        adopted.map_err(|error| Failure::new(format!("cannot take over run {id}"), error))?;
        Ok(Self { store, id, is_known: true })
    }

    /// The number of the run.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Stores what came of it.
    pub async fn end(self, report: Report, error: Option<String>) -> Result<Report, StoreError> {
        self.store.end_run(self.id, report, error).await
    }

    /// Ends it without a report.
    pub async fn give_up(self, status: RunStatus, reason: &str) {
        // The next start would find it, too.
        if let Err(error) = self.store.give_up_run(self.id, status, reason.to_owned()).await {
            tracing::warn!(%error, run = self.id.0, "the run could not be marked as {}", status.as_str());
        }
    }

    /// Ends it before its load has begun. It is as if nothing had been, unless others know of it: they find `status` and
    /// `reason`.
    pub async fn end_early(self, status: RunStatus, reason: &str) {
        if self.is_known { self.give_up(status, reason).await } else { self.withdraw().await }
    }

    /// Gives it back as if nothing had been begun.
    pub async fn withdraw(self) {
        if let Err(error) = self.store.withdraw_run(self.id).await {
            tracing::warn!(%error, run = self.id.0, "the run could not be taken back");
        }
    }
}
