//! The HTTP server: takes a bound listener and a shutdown future, answers until the future is ready, then finishes
//! what it has accepted.

mod assets;
mod device;
mod error;
mod health;
mod pages;
pub mod retention;
mod routes;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::assets::Web;
use crate::clock;
use crate::store::SharedStore;

/// Connections at once. Each has at most one request in flight, so that this bounds the requests, too.
pub const CONNECTIONS_MAX: usize = 8192;
/// How long a client may take to send the head of a request, and how long an idle connection is kept.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long the listener rests when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Options {
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
    worker_timeout: Duration,
    started: Instant,
}

/// Answers requests on `listener` until `shutdown` is ready, then finishes those it has accepted, for at most
/// `options.shutdown_timeout`. The store stays open.
pub async fn serve(
    listener: TcpListener,
    store: SharedStore,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let state = Arc::new(State {
        store,
        web: Web::new(options.debug),
        worker_timeout: options.worker_timeout,
        started: clock::instant(),
    });
    let service = TowerToHyperService::new(routes::router(state));
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    // Arduino clients search the response for the literal `Content-Length:`.
    http.title_case_headers(true).writev(false).timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    http.max_buf_size(HEAD_BYTES_MAX).half_close(false);

    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // Waiting clients stay in the listener's backlog.
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = http.serve_connection(prepared(stream), service.clone());
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    // A client that breaks off or talks nonsense is its own affair.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(options.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(timeout = ?options.shutdown_timeout, "requests were still unanswered at the end of the shutdown");
    }
}

fn prepared(stream: TcpStream) -> TokioIo<TcpStream> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    TokioIo::new(stream)
}
