//! Stress tests that administrators start here.
//!
//! A run is entered as pending, with a key of its own, in one transaction; then a child process takes it over and makes the load,
//! so that the generator is never within the server that it measures. Whoever ends a run takes its key away with that: the
//! child with its report, this server when the child is gone, another one later when this server is.

pub mod api;
mod child;
pub mod events;
mod limits;
pub mod live;
mod start;
mod supervision;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

pub use self::api::{Stopping, end, found, remove, run_id, with_live_figures};
pub use self::events::{Follower, recheck, respond};
pub use self::limits::Limits;
pub use self::live::{Live, Phase};
pub use self::start::{StartRequest, start};
use self::supervision::{Ending, Run};
use super::error::Refusal;
use super::fresh::Fresh;
use crate::domain::id::RunId;
use crate::store::SharedStore;

/// Event streams that are open at a time.
const STREAMS_MAX: usize = 512;
/// Of the time that a stop waits for a run, how much that has to end well, and then to end at once.
const GRACE_SHARE: f32 = 0.5;
const HURRY_SHARE: f32 = 0.25;
/// How often it is looked how a run of another process goes on, however many watch.
const LOOK: Duration = Duration::from_secs(1);
/// What a run says that a stop of the server has ended.
const STOPPED: &str = "the server was stopped";

/// What an operator can set, and where things are.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a run may ask for.
    pub limits: Limits,
    /// `porta`, of the same version as this.
    pub executable: PathBuf,
    /// The database that this server uses; an absolute path.
    pub database: PathBuf,
    /// How long a run of few rows may take after its last answer.
    pub settling: Duration,
}

impl Options {
    /// Time to count and delete the rows of a short run on a slow disk.
    pub const SETTLING: Duration = Duration::from_secs(60);
}

/// The run that was started here last, and what it takes to start another.
pub struct StressTests {
    shared: Arc<Shared>,
    streams: Arc<Semaphore>,
    /// The run that goes on, as its row says.
    going_on: Fresh<Option<Arc<Live>>>,
    /// True once no event is to come any more.
    is_over: watch::Sender<bool>,
}

struct Shared {
    options: Options,
    /// Of this server.
    url: String,
    /// Children are started and followed on the runtime that this was made on.
    runtime: Handle,
    /// Held by who starts a run; true once none is to be started any more.
    is_closed: tokio::sync::Mutex<bool>,
    newest: Mutex<Option<Arc<Run>>>,
}

impl Shared {
    fn newest(&self) -> Option<Arc<Run>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_newest(&self, run: Arc<Run>) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }
}

impl StressTests {
    /// For a server that listens at `address`.
    pub fn new(options: Options, address: SocketAddr) -> Self {
        let shared = Shared {
            options,
            url: format!("http://{}", reachable(address)),
            runtime: Handle::current(),
            is_closed: tokio::sync::Mutex::new(false),
            newest: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            going_on: Fresh::new(LOOK),
            is_over: watch::Sender::new(false),
        }
    }

    /// What a run may ask for.
    pub fn limits(&self) -> Limits {
        self.shared.options.limits
    }

    /// A run while it goes on, second by second, and then how it has ended; `None` for one that another process has started, or
    /// that is not the newest of this one.
    pub fn live(&self, id: RunId) -> Option<watch::Receiver<Arc<Live>>> {
        self.run(id).map(|run| run.live.subscribe())
    }

    fn run(&self, id: RunId) -> Option<Arc<Run>> {
        self.shared.newest().filter(|run| run.id == id)
    }

    /// A run of another process that goes on, of not long ago.
    ///
    /// # Errors
    /// What the store has to say.
    async fn elsewhere(&self, store: &SharedStore, id: RunId) -> Result<Option<Arc<Live>>, Refusal> {
        let look = async || Ok(store.run_going_on().await?.map(|run| Arc::new(Live::elsewhere(run))));
        Ok(self.going_on.get(look).await?.filter(|live| live.run.id == id))
    }

    /// Starts none any more, tells the one that goes on that it is to end within `limit`, and waits until its last request is
    /// answered, at most for its grace: until then it needs a server.
    pub async fn begin_stop(&self, limit: Duration) {
        let (grace, hurry) = (limit.mul_f32(GRACE_SHARE), limit.mul_f32(HURRY_SHARE));
        let sending = async {
            // After whoever is about to start one.
            *self.shared.is_closed.lock().await = true;
            let Some(run) = self.shared.newest() else { return };
            run.end(Ending { reason: STOPPED, grace, hurry });
            let is_done = |live: &Arc<Live>| live.phase >= Phase::Counting || live.ended.is_some();
            // Its sender is here, too.
            let _ = run.live.subscribe().wait_for(is_done).await;
        };
        // It is pressed to end after that.
        let _ = tokio::time::timeout(grace, sending).await;
    }

    /// Waits for the end of the run that was told to end, at most for `limit`. Then event streams end, too.
    pub async fn stop(&self, limit: Duration) {
        let ending = async {
            let Some(run) = self.shared.newest() else { return };
            // Its sender is here, too.
            let _ = run.live.subscribe().wait_for(|live| live.ended.is_some()).await;
        };
        if tokio::time::timeout(limit, ending).await.is_err() {
            tracing::warn!("a stress test had not ended when the server did; it ends by itself");
        }
        self.is_over.send_replace(true);
    }
}

/// The address by which this machine itself reaches a server.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_at_the_machines_own() {
        for (bound, reached) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(bound.parse().expect("an address")).to_string(), reached);
        }
    }
}
