//! What `porta stress` measures: a server of the run's own, or one that is named.

use std::path::Path;

use super::private_server::{Options, PrivateServer};
use super::reconcile::{self, Afterwards};
use super::traffic;
use crate::cli::Stress;
use crate::domain::acknowledged::Acknowledged;
use crate::domain::id::ChannelId;
use crate::domain::rows::Rows;
use crate::domain::run::Plan;
use crate::domain::run_config::RunConfig;
use crate::exit::Failure;
use crate::load::target::Target;
use crate::store::sqlite::Sqlite;

/// What is measured.
pub enum Subject {
    Private(Box<PrivateServer>),
    /// With the channel as --db has it, or why its rows cannot be counted.
    Given {
        url: String,
        channel: Option<ChannelId>,
        rows: Result<reconcile::Channel, String>,
        afterwards: Afterwards,
    },
}

impl Subject {
    /// Starts the private server, or looks at the target that is named.
    pub async fn choose(arguments: &Stress, db: &Path, store: &Sqlite) -> Result<(Self, Target), Failure> {
        if arguments.wants_private_server() {
            let options = Options { with_bridge: arguments.agents.is_some(), ..Options::default() };
            let server = PrivateServer::start(db, options).await?;
            let (destination, traffic) = match &server.bridge_token {
                None => traffic::updates(&server.url, server.write_key.reveal())?,
                Some(token) => traffic::agents(&server.url, token.reveal())?,
            };
            let target = traffic::resolve(&server.url, &destination, traffic).await?;
            return Ok((Self::Private(Box::new(server)), target));
        }
        let url = arguments.url_or_default();
        let (destination, traffic) = traffic::of(arguments, url)?;
        let target = traffic::resolve(url, &destination, traffic).await?;
        let rows = match &arguments.api_key {
            _ if arguments.agents.is_some() => Err("agents write no rows".into()),
            _ if arguments.custom.is_given() => Err("what such requests write is not known".into()),
            Some(api_key) => reconcile::Channel::find(store, api_key).await,
            None => Err("there is no key of a channel".into()),
        };
        let afterwards = afterwards(arguments);
        // One that goes with the run is none that anybody could look at later.
        let is_lasting = afterwards != Afterwards::LeaveInChannel;
        let found = || rows.as_ref().ok().map(reconcile::Channel::id).filter(|_| is_lasting);
        let channel = arguments.channel.or_else(found);
        Ok((Self::Given { url: target.traffic.base_url.clone(), channel, rows, afterwards }, target))
    }

    /// What is asked for.
    pub fn config(&self, plan: &Plan) -> RunConfig {
        match self {
            Self::Private(server) => RunConfig::new(plan, server.url.clone(), true, Some(server.channel)),
            Self::Given { url, channel, .. } => RunConfig::new(plan, url.clone(), false, *channel),
        }
    }

    /// Whether it is a porta for certain, and takes one request more than the load.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Private(_) | Self::Given { rows: Ok(_), .. })
    }

    /// Where rows stay that nobody deletes; `None` where they go with the private server.
    pub fn place_of_rows(&self) -> Option<String> {
        match self {
            Self::Private(_) | Self::Given { afterwards: Afterwards::LeaveInChannel, .. } => None,
            Self::Given { channel: Some(id), .. } => Some(format!("channel {id}")),
            Self::Given { channel: None, .. } => Some("the channel".into()),
        }
    }

    /// Ends what was started, and counts the rows where that is possible.
    pub async fn finish(
        self,
        store: &Sqlite,
        acknowledged: &Acknowledged,
    ) -> Result<(Option<u64>, Rows), Failure> {
        match self {
            Self::Private(server) => {
                // Agents write no rows.
                let counts = server.bridge_token.is_none();
                let (stored, rows) = server.finish(acknowledged).await?;
                Ok((counts.then_some(stored), rows))
            }
            Self::Given { rows: Ok(channel), afterwards, .. } => {
                let rows = channel.settle(store, acknowledged, afterwards).await?;
                Ok((rows.missing.map(|missing| rows.acknowledged - missing), rows))
            }
            Self::Given { rows: Err(why), .. } => Ok((None, Rows::new(acknowledged).noted(why))),
        }
    }
}

fn afterwards(arguments: &Stress) -> Afterwards {
    if arguments.keep_rows {
        Afterwards::Keep
    } else if arguments.for_server.is_some() && arguments.channel.is_none() {
        Afterwards::LeaveInChannel
    } else {
        Afterwards::Remove
    }
}
