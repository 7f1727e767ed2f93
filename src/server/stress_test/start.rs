//! Starting a run: what is asked for becomes a plan within the limits, the run gets its place and its key, and a process.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::Shared;
use super::child::{Generator, Task};
use super::live::Live;
use super::supervision::{HURRY_MAX, Run};
use crate::clock;
use crate::domain::channel::Settings;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{Claim, Place, Plan, RunAccess, RunStatus, Scenario};
use crate::domain::secret::Secret;
use crate::entropy;
use crate::instance;
use crate::server::State;
use crate::server::error::{Cause, Refusal};
use crate::store::SharedStore;

/// Rows that are counted and deleted in a second, on a slow disk.
const ROWS_PER_SECOND: f64 = 10_000.0;
/// The name of a channel that is made for a run.
const SCRATCH_NAME: &str = "stress test";
const SCRATCH_DESCRIPTION: &str = "Made for a stress test, and deleted when that ends.";

/// What to start. A number that is missing is the scenario's, or that of `baseline`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StressTestStart)]
pub struct StartRequest {
    /// The channel to write to.
    pub channel_id: Option<i64>,
    /// Write to a channel that is made for the run, and deleted when it ends.
    #[serde(default)]
    pub scratch: bool,
    /// Connections.
    pub workers: Option<i64>,
    /// Requests a second.
    pub rps: Option<i64>,
    /// Seconds.
    pub duration: Option<f64>,
    /// A load with a name; what is given beside it counts more.
    #[schema(value_type = Option<Scenario>)]
    pub scenario: Option<String>,
}

impl StartRequest {
    fn scenario(&self) -> Result<Option<Scenario>, Refusal> {
        let Some(name) = self.scenario.as_deref().filter(|name| !name.is_empty()) else { return Ok(None) };
        let unknown = || {
            let names = Scenario::ALL.map(Scenario::as_str).join(", ");
            Refusal::OutOfLimits { field: "scenario", message: format!("it takes one of {names}") }
        };
        Scenario::named(name).map(Some).ok_or_else(unknown)
    }

    fn channel(&self) -> Result<Option<ChannelId>, Refusal> {
        match (self.channel_id, self.scratch) {
            (Some(id), false) => {
                let unknown = |_| Refusal::NotFound(format!("channel {id} not found"));
                ChannelId::try_from(id).map(Some).map_err(unknown)
            }
            (None, true) => Ok(None),
            _ => {
                let message = "name a channel, or say \"scratch\": true for one that is made for the run";
                Err(Refusal::OutOfLimits { field: "channel_id", message: message.into() })
            }
        }
    }
}

/// What is to be started, once it is known to be within the limits.
struct Order {
    plan: Plan,
    scenario: Option<Scenario>,
    channel: Option<ChannelId>,
    started_by: String,
}

/// Starts a run, and returns as soon as it has its place. `started_by` is for the log.
///
/// # Errors
/// What is out of limits, a channel that is not there, a run that is going on, and what the store has to say. When the process
/// cannot be started the run is there, and has failed.
pub async fn start(state: &State, request: StartRequest, started_by: &str) -> Result<RunId, Refusal> {
    let tests = &state.stress_tests;
    let scenario = request.scenario()?;
    let (workers, rps, duration) = scenario.unwrap_or(Scenario::Baseline).load();
    let plan = tests.limits().plan(
        request.workers.unwrap_or(workers.into()),
        request.rps.unwrap_or(rps.into()),
        request.duration.unwrap_or(duration.as_secs_f64()),
    )?;
    let order = Order { plan, scenario, channel: request.channel()?, started_by: started_by.to_owned() };
    let (shared, store) = (Arc::clone(&tests.shared), Arc::clone(&state.store));
    // To its end, whatever becomes of whoever waits for it: a run that has its place has to have a process.
    let started = tests.shared.runtime.spawn(async move { begin(&shared, &store, order).await });
    started.await.map_err(|error| Refusal::Internal(error.to_string()))?
}

async fn begin(shared: &Arc<Shared>, store: &SharedStore, order: Order) -> Result<RunId, Refusal> {
    let is_closed = shared.is_closed.lock().await;
    if *is_closed {
        return Err(Refusal::Unavailable(Cause::word("closing")));
    }
    let Order { plan, scenario, channel, started_by } = order;
    let (access, key) = access(channel)?;
    let claim = Claim { plan, channel, started_at: clock::utc(), owner: instance::own() };
    let id = match store.order_run(claim.clone(), access, instance::why_gone).await? {
        Place::Taken(id) => id,
        Place::Occupied { by, owner, since } => {
            let since = since.to_minute();
            let process = instance::pid(&owner).map_or_else(String::new, |pid| format!(", process {pid}"));
            let message =
                format!("run {by} has been going on since {since} UTC{process}; one goes on at a time");
            return Err(Refusal::RunGoingOn { run: by, message });
        }
    };
    tracing::info!(run = id.0, started_by, channel = channel.map(|id| id.0), "a stress test was started");
    let task = Task {
        run: id,
        plan,
        scenario,
        channel,
        key,
        url: shared.url.clone(),
        database: shared.options.database.clone(),
    };
    let live = Live::ordered(claim.overview(id));
    let (time_limit, ending_time) = time_limit(&plan, shared.options.settling);
    let (wish, live) = (watch::Sender::new(None), watch::Sender::new(Arc::new(live)));
    let run = Arc::new(Run { id, channel, time_limit, ending_time, hurry: HURRY_MAX, wish, live });
    shared.set_newest(Arc::clone(&run));
    let started = Generator::start(&shared.options.executable, &task);
    let store = Arc::clone(store);
    tokio::spawn(async move {
        match started {
            Ok(generator) => run.supervise(generator, &store).await,
            Err(error) => {
                let reason = format!("its process could not be started: {error}");
                run.conclude(&store, RunStatus::Failed, &reason).await;
            }
        }
    });
    Ok(id)
}

/// A key, and what it opens.
fn access(channel: Option<ChannelId>) -> Result<(RunAccess, Secret), Refusal> {
    if channel.is_some() {
        let key = entropy::api_key().map_err(Refusal::Internal)?;
        return Ok((RunAccess::Key(key.clone()), key));
    }
    let settings = Settings { description: SCRATCH_DESCRIPTION.into(), ..Settings::new(SCRATCH_NAME.into()) };
    let new = entropy::new_channel(None, settings).map_err(Refusal::Internal)?;
    let key = new.write_key.clone();
    Ok((RunAccess::Scratch(Box::new(new)), key))
}

/// How long a run may take in all, and how long of that after its last request.
fn time_limit(plan: &Plan, settling: Duration) -> (Duration, Duration) {
    let rows = plan.mean_rps().unwrap_or(0.0) * plan.sending_time().as_secs_f64();
    let ending_time = plan.timeout + settling + Duration::from_secs((rows / ROWS_PER_SECOND) as u64);
    (plan.sending_time() + ending_time, ending_time)
}
