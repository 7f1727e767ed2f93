//! The threads that answer requests. Each has a runtime of its own, and a connection stays on its thread: what a request
//! wakes is then never on another one.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream as BlockingTcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_io_timeout::TimeoutStream;

use super::operations::Peer;
use super::{State, root, routes};

/// Blocking threads of one worker, which read the bodies of bulk updates.
const BLOCKING_THREADS_MAX: usize = 4;

/// A connection that was accepted, and its place among all that are open.
pub struct Accepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub place: OwnedSemaphorePermit,
}

/// A connection on its way to a thread.
struct Handed {
    stream: BlockingTcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
}

/// The threads, as whoever accepts connections sees them.
pub struct Workers {
    threads: Vec<Worker>,
    next: usize,
}

struct Worker {
    connections: mpsc::Sender<Handed>,
    ended: oneshot::Receiver<()>,
}

impl Workers {
    /// Starts `count` threads, which answer for `state`.
    pub fn start(count: usize, state: &Arc<State>, shutdown_timeout: Duration) -> std::io::Result<Self> {
        let router = routes::router(state);
        let start = |_| {
            let (connections, handed) = mpsc::channel(state.bounds.connections);
            let (end, ended) = oneshot::channel();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS_MAX)
                .build()?;
            let (router, state) = (router.clone(), Arc::clone(state));
            std::thread::Builder::new().name("worker".into()).spawn(move || {
                state.metrics.count_on_this_thread();
                runtime.block_on(answer(handed, &router, &state, shutdown_timeout));
                // Only a server that nobody waits for any more has no receiver.
                let _ = end.send(());
            })?;
            Ok(Worker { connections, ended })
        };
        Ok(Self { threads: (0..count).map(start).collect::<std::io::Result<_>>()?, next: 0 })
    }

    /// Hands a connection to the next thread in turn.
    pub fn take(&mut self, accepted: Accepted) -> std::io::Result<()> {
        let Accepted { stream, peer, place } = accepted;
        stream.set_nodelay(true)?;
        let handed = Handed { stream: stream.into_std()?, peer, place };
        self.next = (self.next + 1) % self.threads.len();
        self.threads[self.next]
            .connections
            .try_send(handed)
            .map_err(|_| std::io::Error::other("its thread takes no more"))
    }

    /// Lets the threads finish what they have accepted, and waits for that.
    pub async fn finish(self) {
        let ends: Vec<_> = self.threads.into_iter().map(|worker| worker.ended).collect();
        for end in ends {
            // A thread that is gone has nothing left to finish.
            let _ = end.await;
        }
    }
}

/// Answers connections until no more can come, then finishes their requests.
async fn answer(
    mut handed: mpsc::Receiver<Handed>,
    router: &Router,
    state: &Arc<State>,
    shutdown_timeout: Duration,
) {
    let bounds = state.bounds;
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Arduino clients search the response for the literal `Content-Length:`. Responses are small: one write is cheaper
    // than a gathered one.
    http.title_case_headers(true).writev(false).max_buf_size(bounds.head_bytes);
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout);
    while let Some(Handed { stream, peer, place }) = handed.recv().await {
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                continue;
            }
        };
        let mut stream = Box::pin(TimeoutStream::new(stream));
        // A client that takes nothing of its answer must not keep it here.
        stream.as_mut().set_write_timeout_pinned(Some(bounds.send_timeout));
        let connection =
            http.serve_connection(TokioIo::new(stream), with_peer(router.clone(), peer, Arc::clone(state)));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off or talks nonsense is its own affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    if tokio::time::timeout(shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(timeout = ?shutdown_timeout, "requests were still unanswered at the end of the shutdown");
    }
}

/// The routes for one connection: its requests know where they come from.
fn with_peer(
    router: Router,
    peer: SocketAddr,
    state: Arc<State>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<axum::body::Body>,
    Error = Infallible,
    Future: Send + 'static,
> {
    let routes = TowerToHyperService::new(router);
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        root::strip(request.uri_mut(), &state.root_path);
        routes.call(request)
    })
}
