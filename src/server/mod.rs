//! The HTTP server: takes a bound listener and a shutdown future, answers until the future is ready, then finishes
//! what it has accepted.

mod admin;
mod assets;
mod auth;
mod body;
mod channels;
mod device;
mod error;
mod feed_cache;
mod feeds;
mod health;
mod pages;
pub mod retention;
pub mod routes;
mod workers;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::assets::Web;
use self::feed_cache::FeedCache;
use self::pages::Site;
use self::workers::Workers;
use crate::clock;
use crate::store::SharedStore;

/// Connections at once. Each has at most one request in flight, so that this bounds the requests, too.
pub const CONNECTIONS_MAX: usize = 8192;
/// How long a client may take to send the head of a request, and how long an idle connection is kept.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a request's body, other than a bulk update's.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the body of a bulk update: 14400 updates with eight values of a sensor each, as JSON.
pub const BULK_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long the body of a bulk update may take to arrive: until then it holds a place.
pub const BULK_BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// Bulk updates at once; the next is told to come back later.
pub const BULK_PLACES: usize = 8;
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
    /// Read templates and assets from `web/` at every request.
    pub debug: bool,
}

/// What every handler sees.
pub struct State {
    store: SharedStore,
    web: Web,
    /// `None` when it is read again for every page.
    site: Option<Site>,
    worker_timeout: Duration,
    bulk_places: Semaphore,
    feeds: FeedCache,
    started: Instant,
}

/// Answers requests on `listener` until `shutdown` is ready, then finishes those it has accepted, for at most
/// `options.shutdown_timeout`. The store stays open.
///
/// # Errors
/// When the worker threads cannot be started, or a template is wrong.
pub async fn serve(
    listener: TcpListener,
    store: SharedStore,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let web = Web::new(options.debug);
    let site = if options.debug { None } else { Some(Site::read(&web).map_err(std::io::Error::other)?) };
    let state = Arc::new(State {
        store,
        web,
        site,
        worker_timeout: options.worker_timeout,
        bulk_places: Semaphore::new(BULK_PLACES),
        feeds: FeedCache::new(),
        started: clock::instant(),
    });
    let mut workers = Workers::start(options.workers, &routes::router(state), options.shutdown_timeout)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepting = async {
            // Who finds no place waits in the listener's backlog.
            let place = Arc::clone(&places).acquire_owned().await.map_err(std::io::Error::other)?;
            Ok((listener.accept().await?.0, place))
        };
        let taken = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepting => accepted.and_then(|(stream, place)| workers.take(stream, place)),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
    drop(listener);
    workers.finish().await;
    Ok(())
}
