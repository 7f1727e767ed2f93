//! One HTTP/1.1 connection of a worker. It is driven from the worker's own task: a task of its own would cost a switch
//! for each request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::stream::Stream;
use super::target::Target;
use super::traffic::Endpoint;
use crate::domain::summary::Failure;

/// Bytes of a response body that are read where it matters. A connection with more to come is closed.
const BODY_BYTES_MAX: usize = 64 * 1024;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// A response as far as it matters here.
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// A connection that is opened when it is needed, and again after it was lost.
pub struct Connection {
    target: Arc<Target>,
    open: Option<Box<Open>>,
    opened: u64,
    deadline: Deadline,
}

struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
}

/// Why an exchange ended without an answer.
enum Lost {
    /// The request was not sent; it can be sent again.
    Unsent,
    Failed(Failure),
}

impl Connection {
    pub fn new(target: Arc<Target>) -> Self {
        Self { target, open: None, opened: 0, deadline: Deadline::new() }
    }

    /// How many times it was opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Opens the connection ahead of the first request. A failure will show when a request is sent.
    pub async fn warm_up(&mut self, patience: Duration) {
        let opening = tokio::time::timeout(patience, open(&self.target)).await;
        self.open = opening.ok().and_then(Result::ok);
        self.opened += u64::from(self.open.is_some());
    }

    /// Sends a request to the target's endpoint `endpoint` and waits for its answer until `until`. A connection that the
    /// target had closed before the request was sent is opened again.
    pub async fn exchange(
        &mut self,
        endpoint: usize,
        body: Bytes,
        until: Instant,
    ) -> Result<Answer, Failure> {
        let Self { target, open: slot, opened, deadline } = self;
        let endpoint = &target.traffic.endpoints[endpoint];
        let exchange = std::pin::pin!(async {
            let reused = slot.is_some();
            if !reused {
                *slot = Some(reopen(target, opened).await?);
            }
            match attempt(slot, endpoint, body.clone()).await {
                Err(Lost::Unsent) if reused => {
                    *slot = Some(reopen(target, opened).await?);
                    attempt(slot, endpoint, body).await
                }
                result => result,
            }
        });
        match deadline.limit(until, exchange).await {
            Ok(answer) => Ok(answer),
            Err(Some(Lost::Failed(failure))) => Err(failure),
            Err(Some(Lost::Unsent)) => Err(Failure::Reset),
            Err(None) => Err(Failure::Timeout),
        }
    }
}

async fn reopen(target: &Target, opened: &mut u64) -> Result<Box<Open>, Lost> {
    let connection = open(target).await.map_err(Lost::Failed)?;
    *opened += 1;
    Ok(connection)
}

async fn open(target: &Target) -> Result<Box<Open>, Failure> {
    let stream = TcpStream::connect(target.address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Failure::Refused,
        std::io::ErrorKind::ConnectionReset => Failure::Reset,
        _ => Failure::Connect,
    })?;
    // Without it a small request can wait for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
    let stream = match &target.tls {
        None => Stream::Plain(stream),
        Some(tls) => tls.connect(stream).await?,
    };
    // Head and body of an update are small: one write is cheaper than a gathered one.
    let handshake = http1::Builder::new().writev(false).handshake(TokioIo::new(stream));
    let (sender, driver) = handshake.await.map_err(|_| Failure::Connect)?;
    Ok(Box::new(Open { sender, driver: Some(driver) }))
}

/// Takes the connection and puts it back after a whole answer only: what is lost, or late, is closed.
async fn attempt(slot: &mut Option<Box<Open>>, endpoint: &Endpoint, body: Bytes) -> Result<Answer, Lost> {
    let mut connection = slot.take().ok_or(Lost::Unsent)?;
    let Open { sender, driver } = &mut *connection;
    // A waker that does nothing must not be what a used-up budget is reported to.
    let sending = tokio::task::unconstrained(async {
        let response = sender.try_send_request(request(endpoint, body)).await.map_err(|mut error| {
            if error.take_message().is_some() {
                Lost::Unsent
            } else {
                Lost::Failed(failure_of(&error.into_error()))
            }
        })?;
        read(response, endpoint.judge.reads_body()).await
    });
    let (answer, complete) = Driven { driver, request: std::pin::pin!(sending) }.await?;
    if complete && connection.driver.is_some() {
        *slot = Some(connection);
    }
    Ok(answer)
}

fn request(endpoint: &Endpoint, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = endpoint.method.clone();
    *request.uri_mut() = endpoint.uri.clone();
    *request.headers_mut() = endpoint.headers.clone();
    request
}

/// Reads a response, keeps its body if that matters, and says whether it was read to its end.
async fn read(response: Response<Incoming>, keep: bool) -> Result<(Answer, bool), Lost> {
    let status = response.status().as_u16();
    let mut incoming = response.into_body();
    let mut body = Bytes::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| Lost::Failed(failure_of(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        if !keep {
            continue;
        }
        if body.len() + data.len() > BODY_BYTES_MAX {
            // Nothing that is waited for is as long as this.
            return Ok((Answer { status, body: Bytes::new() }, false));
        }
        // An entry id comes in one piece, which needs no copy.
        body = if body.is_empty() { data } else { [body, data].concat().into() };
    }
    Ok((Answer { status, body }, true))
}

fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_parse() { Failure::Protocol } else { Failure::Reset }
}

/// Polls a request and the connection that carries it together, in one task.
struct Driven<'a, F> {
    driver: &'a mut Option<Driver>,
    request: Pin<&'a mut F>,
}

impl<F: Future> Future for Driven<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Only the connection makes a request go on, and it is polled here: a wake from it would poll twice.
        let mut unwoken = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = this.request.as_mut().poll(&mut unwoken) {
            return Poll::Ready(result);
        }
        if let Some(driver) = this.driver
            && Pin::new(driver).poll(context).is_ready()
        {
            // Only dropping it gives a request that it has not sent back.
            *this.driver = None;
        }
        this.request.as_mut().poll(&mut unwoken)
    }
}

/// A time limit whose timer outlives the request: it is set again only after it has fired, not for each request.
struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn new() -> Self {
        Self { timer: None }
    }

    /// The future's result, or `Err(None)` at `until`. Limits never go back in time.
    async fn limit<T, E>(
        &mut self,
        until: Instant,
        mut future: Pin<&mut impl Future<Output = Result<T, E>>>,
    ) -> Result<T, Option<E>> {
        let until = until.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        std::future::poll_fn(move |context| {
            if let Poll::Ready(result) = future.as_mut().poll(context) {
                return Poll::Ready(result.map_err(Some));
            }
            while timer.as_mut().poll(context).is_ready() {
                if timer.deadline() >= until {
                    return Poll::Ready(Err(None));
                }
                timer.as_mut().reset(until);
            }
            Poll::Pending
        })
        .await
    }
}
