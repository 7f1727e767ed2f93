//! The threads that answer requests. Each has a runtime of its own, and a connection stays on its thread: what a request
//! wakes is then never on another one.

use std::net::TcpStream as BlockingTcpStream;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEADER_TIMEOUT};

/// Blocking threads of one worker, which read the bodies of bulk updates.
const BLOCKING_THREADS_MAX: usize = 4;

/// A connection that was accepted, and its place among all that are open.
struct Accepted {
    stream: BlockingTcpStream,
    place: OwnedSemaphorePermit,
}

/// The threads, as whoever accepts connections sees them.
pub struct Workers {
    threads: Vec<Worker>,
    next: usize,
}

struct Worker {
    connections: mpsc::Sender<Accepted>,
    ended: oneshot::Receiver<()>,
}

impl Workers {
    /// Starts `count` threads, which answer with `router`.
    pub fn start(count: usize, router: &Router, shutdown_timeout: Duration) -> std::io::Result<Self> {
        let start = |_| {
            let (connections, accepted) = mpsc::channel(CONNECTIONS_MAX);
            let (end, ended) = oneshot::channel();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS_MAX)
                .build()?;
            let router = router.clone();
            std::thread::Builder::new().name("worker".into()).spawn(move || {
                runtime.block_on(answer(accepted, router, shutdown_timeout));
                // Only a server that nobody waits for any more has no receiver.
                let _ = end.send(());
            })?;
            Ok(Worker { connections, ended })
        };
        Ok(Self { threads: (0..count).map(start).collect::<std::io::Result<_>>()?, next: 0 })
    }

    /// Hands a connection to the next thread in turn.
    pub fn take(&mut self, stream: TcpStream, place: OwnedSemaphorePermit) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let accepted = Accepted { stream: stream.into_std()?, place };
        self.next = (self.next + 1) % self.threads.len();
        self.threads[self.next]
            .connections
            .try_send(accepted)
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
async fn answer(mut accepted: mpsc::Receiver<Accepted>, router: Router, shutdown_timeout: Duration) {
    let service = TowerToHyperService::new(router);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Arduino clients search the response for the literal `Content-Length:`. Responses are small: one write is cheaper
    // than a gathered one.
    http.title_case_headers(true).writev(false).max_buf_size(HEAD_BYTES_MAX);
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    while let Some(Accepted { stream, place }) = accepted.recv().await {
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => TokioIo::new(stream),
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                continue;
            }
        };
        let connection = graceful.watch(http.serve_connection(stream, service.clone()));
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
