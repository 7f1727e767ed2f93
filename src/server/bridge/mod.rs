//! The agent bridge: agents run commands on this machine, ask how they are, and what was done.
//!
//! A command never holds a worker thread or a database connection: it runs in a process of its own, below the executor's,
//! and what waits for it is a task.

mod about;
mod agents;
mod commands;
mod execution;
mod jobs;
pub mod overview;
mod presence;
mod running;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::about::{meta, public_url};
pub use self::agents::{history, list, status, status_of};
pub use self::commands::{pipeline, run_bash};
use self::execution::Endings;
pub use self::execution::{Execution, Policy};
use self::jobs::Finished;
pub use self::jobs::{cancel_job, job};
use self::presence::Presence;
use self::running::Running;
pub use self::wire::Past;
use super::bounds::Bounds;
use super::error::Refusal;
use super::seldom::Seldom;
use crate::clock;
use crate::domain::agent::{Agent, AgentId, Sighting};
use crate::domain::metrics::Traffic;
use crate::domain::observation::AGENT_WINDOW;
use crate::domain::secret::{Secret, SecretHash};
use crate::domain::unit::UtcMillis;
use crate::instance;
use crate::store::SharedStore;

/// What an operator can set of the bridge.
#[derive(Clone, Debug)]
pub struct Options {
    /// Opens it; without one it is closed.
    pub token: Option<Secret>,
    /// How commands are run; `None` where they are not.
    pub execution: Option<Arc<Execution>>,
    /// How long it is taken for granted that an agent is registered.
    pub status_ttl: Duration,
    /// For how long an agent counts as active after it was seen.
    pub active_window: Duration,
    /// Holds the address by which this server is known elsewhere.
    pub public_url_file: PathBuf,
}

impl Options {
    /// A closed bridge.
    pub fn closed() -> Self {
        Self {
            token: None,
            execution: None,
            status_ttl: Duration::from_secs(30),
            active_window: AGENT_WINDOW,
            public_url_file: PathBuf::from("ngrok.url"),
        }
    }
}

/// What there is of the bridge in a server.
pub struct Bridge {
    options: Options,
    token: Option<SecretHash>,
    instance: String,
    presence: Presence,
    running: Arc<Running>,
    finished: Finished,
    endings: Arc<Endings>,
    wrong_tokens: Seldom,
    /// Runs commands to their end, whatever becomes of the worker that was asked.
    runtime: tokio::runtime::Handle,
}

impl Bridge {
    /// A bridge whose tasks run on the present runtime.
    pub fn new(options: Options, bounds: &Bounds) -> Self {
        Self {
            token: options.token.as_ref().map(Secret::hash),
            instance: instance::own(),
            presence: Presence::new(options.status_ttl),
            running: Arc::new(Running::new(bounds)),
            finished: Finished::new(),
            endings: Arc::new(Endings::default()),
            wrong_tokens: Seldom::new(),
            runtime: tokio::runtime::Handle::current(),
            options,
        }
    }

    /// Refuses whoever does not present the token.
    pub fn admit(&self, presented: Option<SecretHash>) -> Result<(), Refusal> {
        let Some(token) = self.token else {
            let message = "no bridge token is set: start porta serve with PORTA_TOKEN or --token-file";
            return Err(Refusal::Forbidden(message.into()));
        };
        match presented {
            None => Err(Refusal::TokenMissing),
            Some(presented) if presented == token => Ok(()),
            Some(_) => Err(Refusal::TokenInvalid),
        }
    }

    /// Counts a wrong token. `Some` when there is to be a line of the log about it: how many there were since the last.
    pub fn count_wrong_token(&self, now: Instant) -> Option<u64> {
        self.wrong_tokens.count(now)
    }

    /// How commands are run.
    pub fn execution(&self) -> Result<&Arc<Execution>, Refusal> {
        self.options.execution.as_ref().ok_or_else(|| {
            let message =
                "commands are not run here: start porta serve with --exec allowlist or --exec shell";
            Refusal::Forbidden(message.into())
        })
    }

    /// Notes that an agent was seen.
    pub async fn see(
        &self,
        store: &SharedStore,
        agent: &AgentId,
        traffic: Traffic,
    ) -> Result<Arc<Agent>, Refusal> {
        Ok(self.presence.see(store, agent, Sighting::new(clock::utc(), traffic)).await?)
    }

    /// From when on an agent must have been seen to be active now.
    pub fn active_since(&self, now: UtcMillis) -> UtcMillis {
        let window = i64::try_from(self.options.active_window.as_millis()).unwrap_or(i64::MAX);
        UtcMillis(now.0.saturating_sub(window))
    }

    /// Commands and pipelines that are being run.
    pub fn running(&self) -> usize {
        self.running.count()
    }

    /// Writes what has gathered to the database.
    pub async fn flush(&self, store: &SharedStore) {
        self.presence.flush(store).await;
        self.endings.flush(store).await;
    }

    /// Ends what runs, and takes nothing more.
    pub async fn stop(&self) {
        self.running.stop().await;
        if let Some(execution) = &self.options.execution {
            execution.executor.stop().await;
        }
    }
}
