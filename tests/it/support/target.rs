//! A target whose behaviour is known: it answers HTTP, or something else, or nothing, and can freeze.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, RwLock};

const ONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";

#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// This status and this body.
    Answer(u16, &'static str),
    /// Bytes that are not HTTP.
    Garbage,
    /// The connection is reset once a request has come.
    Reset,
    /// No answer ever.
    Silent,
    /// The connection is closed after each answer, without saying so.
    CloseAfterAnswer,
    /// `1` after this time, to however many at once.
    Slow(Duration),
    /// `1` after this time, to one after the other.
    OneByOne(Duration),
}

pub struct Target {
    pub url: String,
    requests: Arc<AtomicU64>,
    gate: Arc<RwLock<()>>,
    frozen_for: Arc<Mutex<Option<Duration>>>,
}

impl Target {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let gate = Arc::new(RwLock::new(()));
        let (counter, open) = (Arc::clone(&requests), Arc::clone(&gate));
        let turn = Arc::new(Mutex::new(()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, open, turn) = (Arc::clone(&counter), Arc::clone(&open), Arc::clone(&turn));
                tokio::spawn(answer(stream, behaviour, counter, open, turn));
            }
        });
        Self { url: format!("http://{address}"), requests, gate, frozen_for: Arc::default() }
    }

    /// Answers nobody for `length` once `after` requests have come. The freeze is what is tested: it takes its time.
    pub fn freeze(&self, after: u64, length: Duration) {
        let (requests, gate, frozen_for) =
            (Arc::clone(&self.requests), Arc::clone(&self.gate), Arc::clone(&self.frozen_for));
        tokio::spawn(async move {
            while requests.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
            let closed = gate.write().await;
            #[allow(clippy::disallowed_methods, reason = "the freeze's real length is what is compared with")]
            let begun = Instant::now();
            tokio::time::sleep(length).await;
            *frozen_for.lock().await = Some(begun.elapsed());
            drop(closed);
        });
    }

    /// How long the freeze was in fact.
    pub async fn frozen_for(&self) -> Duration {
        self.frozen_for.lock().await.expect("a freeze that is over")
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn answer(
    mut stream: TcpStream,
    behaviour: Behaviour,
    requests: Arc<AtomicU64>,
    gate: Arc<RwLock<()>>,
    turn: Arc<Mutex<()>>,
) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while read_request(&mut stream, &mut buffer).await.is_some() {
        requests.fetch_add(1, Ordering::Relaxed);
        drop(gate.read().await);
        let response = match behaviour {
            Behaviour::Answer(status, body) => {
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            Behaviour::CloseAfterAnswer => ONE.into(),
            Behaviour::Slow(time) => {
                tokio::time::sleep(time).await;
                ONE.into()
            }
            Behaviour::OneByOne(time) => {
                let _alone = turn.lock().await;
                tokio::time::sleep(time).await;
                ONE.into()
            }
            Behaviour::Garbage => "I am not HTTP at all\r\n\r\n".into(),
            Behaviour::Reset => {
                // Closing a socket whose lingering is off, with input unread or not, resets the connection.
                let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
                return;
            }
            Behaviour::Silent => std::future::pending().await,
        };
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
        if matches!(behaviour, Behaviour::CloseAfterAnswer) {
            return;
        }
    }
}

/// Reads up to the end of a request with a body of known length, and takes it off the buffer.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    loop {
        if let Some(end) = request_end(buffer) {
            buffer.drain(..end);
            return Some(());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn request_end(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).unwrap().to_ascii_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let end: usize = head + length;
    (buffer.len() >= end).then_some(end)
}
