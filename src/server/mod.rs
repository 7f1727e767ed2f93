//! The HTTP server: takes a bound listener and a shutdown future, answers until the future is ready, then finishes
//! what it has accepted.

mod accounts;
mod admin;
mod assets;
mod auth;
mod body;
pub mod bounds;
pub mod bridge;
mod channels;
mod cors;
mod criteria;
mod device;
mod error;
mod feed_cache;
mod feeds;
mod forwarded;
mod fresh;
mod guard;
mod judging;
mod metrics;
mod openapi;
mod operations;
mod origin;
mod pages;
mod path;
mod query;
mod refusals;
mod requests;
pub mod retention;
pub mod root;
pub mod routes;
mod security;
mod seldom;
mod session;
pub mod stress_test;
mod unsent;
mod workers;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use self::accounts::Accounts;
use self::assets::Web;
use self::bounds::Bounds;
use self::bridge::Bridge;
use self::feed_cache::FeedCache;
use self::judging::Judging;
use self::metrics::{Metrics, keeper};
use self::pages::Site;
use self::pages::channels::{FreshKeys, Outlines};
use self::pages::dashboard::Recent;
use self::refusals::Refusals;
use self::stress_test::StressTests;
use self::unsent::Unsent;
use self::workers::{Accepted, Workers};
use crate::clock;
use crate::domain::clock_watch::StepBack;
use crate::domain::fault::Condition;
use crate::domain::metrics::IncidentKind;
use crate::domain::unit::UtcMillis;
use crate::judgement::ThresholdsFile;
use crate::store::SharedStore;

/// Of the time that a stop waits for answers, how much commands and a stress test have to end by themselves.
const COMMANDS_SHARE: f32 = 0.8;
/// How long the listener rests when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that answer requests, 1 or more.
    pub workers: usize,
    /// A request that takes longer is ended with 503.
    pub worker_timeout: Duration,
    /// How long accepted requests may take after the shutdown has begun.
    pub shutdown_timeout: Duration,
    /// How much of everything there can be at a time.
    pub bounds: Bounds,
    /// What agents may do.
    pub bridge: bridge::Options,
    /// What stands before each path where a proxy serves this below one: `/porta`, or nothing.
    pub root_path: String,
    /// Addresses of proxies whose word is believed on where a request comes from.
    pub trusted_proxies: Vec<IpAddr>,
    /// What runs administrators may start.
    pub stress_test: stress_test::Options,
    /// What the installation is judged by.
    pub thresholds: ThresholdsFile,
    /// Read templates and assets from `web/` at every request.
    pub debug: bool,
}

/// Why a server has ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It could not start.
    #[error("{0}")]
    Start(#[from] std::io::Error),
    /// Its database has a fault that only a restart ends.
    #[error("{}: {}", .0.fault.description(), .0.detail)]
    Fault(Condition),
}

/// What every handler sees.
pub struct State {
    store: SharedStore,
    web: Web,
    /// `None` when it is read again for every page.
    site: Option<Site>,
    /// What a proxy has before every path, such as `/porta`; empty when there is nothing.
    root_path: String,
    /// What describes the API, once somebody has asked.
    description: OnceLock<Bytes>,
    fragments: pages::stress_test::Fragments,
    worker_timeout: Duration,
    bounds: Bounds,
    connections: Arc<Semaphore>,
    requests: Semaphore,
    bulk_updates: Arc<Semaphore>,
    unsent: Unsent,
    feeds: FeedCache,
    metrics: Metrics,
    bridge: Bridge,
    stress_tests: StressTests,
    address: SocketAddr,
    accounts: Accounts,
    trusted_proxies: Vec<IpAddr>,
    judging: Judging,
    recent: Recent,
    asked: pages::requests::Asked,
    outlines: Outlines,
    fresh_keys: FreshKeys,
    clock_step: Mutex<Option<StepBack>>,
    started: Instant,
    started_at: UtcMillis,
}

impl State {
    fn new(store: SharedStore, address: SocketAddr, options: &Options) -> std::io::Result<Self> {
        let web = Web::new(options.debug);
        let root_path = options.root_path.clone();
        let site = match options.debug {
            true => None,
            false => Some(Site::read(&web, &root_path).map_err(std::io::Error::other)?),
        };
        let bounds = options.bounds;
        Ok(Self {
            store,
            web,
            site,
            root_path,
            description: OnceLock::new(),
            fragments: pages::stress_test::Fragments::default(),
            worker_timeout: options.worker_timeout,
            bounds,
            connections: Arc::new(Semaphore::new(bounds.connections)),
            requests: Semaphore::new(bounds.requests),
            bulk_updates: Arc::new(Semaphore::new(bounds.bulk_updates)),
            unsent: Unsent::new(bounds.unsent_bytes),
            feeds: FeedCache::new(),
            metrics: Metrics::new(),
            bridge: Bridge::new(options.bridge.clone(), &bounds),
            stress_tests: StressTests::new(options.stress_test.clone(), address),
            address,
            accounts: Accounts::new(),
            trusted_proxies: options.trusted_proxies.clone(),
            judging: Judging::new(options.thresholds.clone()),
            recent: Recent::new(),
            asked: pages::requests::Asked::new(),
            outlines: Outlines::default(),
            fresh_keys: FreshKeys::new(),
            clock_step: Mutex::new(None),
            started: clock::instant(),
            started_at: clock::utc(),
        })
    }

    fn clock_step(&self) -> Option<StepBack> {
        *self.clock_step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_clock_step(&self, step: Option<StepBack>) {
        *self.clock_step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}

/// Answers requests on `listener` until `shutdown` is ready, then finishes those it has accepted, for at most
/// `options.shutdown_timeout`. The store stays open.
///
/// # Errors
/// When the worker threads cannot be started, a template is wrong, or the database gets a fault that only a restart ends.
pub async fn serve(
    listener: TcpListener,
    store: SharedStore,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let state = Arc::new(State::new(store, listener.local_addr()?, &options)?);
    let mut workers = Workers::start(options.workers, &state, options.shutdown_timeout)?;
    let stop_storing = Notify::new();
    let serving = async {
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            () = accept(&listener, &state, &mut workers) => Ok(()),
            condition = keeper::watch(&state) => Err(ServeError::Fault(condition)),
            () = state.judging.keep(&state.store) => Ok(()),
        };
        let patience = options.shutdown_timeout.mul_f32(COMMANDS_SHARE);
        // What its run has sent is still to be answered: a stop is no failure of the server that was measured.
        tokio::select! {
            () = state.stress_tests.begin_stop(patience) => {}
            () = accept(&listener, &state, &mut workers) => {}
        }
        drop(listener);
        let finishing = async {
            let mut finishing = std::pin::pin!(workers.finish());
            tokio::select! {
                () = &mut finishing => {}
                // So that who waits for a command is still told that it was ended.
                () = tokio::time::sleep(patience) => {
                    state.bridge.stop().await;
                    finishing.await;
                }
            }
        };
        tokio::join!(finishing, state.stress_tests.stop(patience));
        state.bridge.stop().await;
        stop_storing.notify_one();
        ended
    };
    tokio::join!(serving, keeper::store_until(&state, &stop_storing)).0
}

/// Takes connections for ever.
async fn accept(listener: &TcpListener, state: &State, workers: &mut Workers) {
    let refusals = Refusals::new();
    loop {
        let taken = match listener.accept().await {
            Err(error) => Err(error),
            Ok((stream, peer)) => match Arc::clone(&state.connections).try_acquire_owned() {
                Ok(place) => workers.take(Accepted { stream, peer, place }),
                Err(_) => {
                    state.metrics.count(IncidentKind::ServerError, "connections", 1);
                    tracing::warn!(
                        connections = state.bounds.connections,
                        "a connection was refused: there are as many as can be"
                    );
                    refusals.refuse(stream);
                    Ok(())
                }
            },
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}
