//! A target whose behaviour is known: it answers HTTP, or something else, or nothing, and can freeze.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, RwLock};

use super::tls;

/// Requests of which the text is kept.
const SEEN_MAX: usize = 1000;

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
    /// What an agent bridge answers; but `/meta` has failed.
    Bridge,
    /// An entry id; of a hundred requests the first one, 300 ms late, and nine more, 100 ms late.
    Late,
}

pub struct Target {
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: AtomicU64,
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    seen: std::sync::Mutex<Vec<String>>,
    gate: RwLock<()>,
    turn: Mutex<()>,
    frozen_for: Mutex<Option<Duration>>,
}

impl Target {
    pub async fn start(behaviour: Behaviour) -> Self {
        Self::listen(behaviour, false).await
    }

    /// The same behind TLS, with a certificate for 127.0.0.1 of the tests' own authority.
    pub async fn start_tls(behaviour: Behaviour) -> Self {
        Self::listen(behaviour, true).await
    }

    async fn listen(behaviour: Behaviour, over_tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let acceptor = over_tls.then(tls::acceptor);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    prepare(&stream, behaviour);
                    match acceptor {
                        None => answer(stream, behaviour, &state).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(stream, behaviour, &state).await;
                            }
                        }
                    }
                });
            }
        });
        let scheme = if over_tls { "https" } else { "http" };
        Self { url: format!("{scheme}://{address}"), state }
    }

    /// Answers nobody for `length` once `after` requests have come. The freeze is what is tested: it takes its time.
    pub fn freeze(&self, after: u64, length: Duration) {
        let state = Arc::clone(&self.state);
        tokio::spawn(async move {
            while state.requests.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
            let closed = state.gate.write().await;
            #[allow(clippy::disallowed_methods, reason = "the freeze's real length is what is compared with")]
            let begun = Instant::now();
            tokio::time::sleep(length).await;
            *state.frozen_for.lock().await = Some(begun.elapsed());
            drop(closed);
        });
    }

    /// How long the freeze was in fact.
    pub async fn frozen_for(&self) -> Duration {
        self.state.frozen_for.lock().await.expect("a freeze that is over")
    }

    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// The most requests that were under way at a time.
    pub fn in_flight_max(&self) -> u64 {
        self.state.in_flight_max.load(Ordering::Relaxed)
    }

    /// The texts of the first requests.
    pub fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

fn prepare(stream: &TcpStream, behaviour: Behaviour) {
    stream.set_nodelay(true).unwrap();
    if matches!(behaviour, Behaviour::Reset) {
        // Closing a socket whose lingering is off, with input unread or not, resets the connection.
        rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, behaviour: Behaviour, state: &State) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let number = state.requests.fetch_add(1, Ordering::Relaxed);
        let in_flight = state.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        state.in_flight_max.fetch_max(in_flight, Ordering::Relaxed);
        if number < SEEN_MAX as u64 {
            state.seen.lock().unwrap().push(request.clone());
        }
        drop(state.gate.read().await);
        let response = match behaviour {
            Behaviour::Answer(status, body) => http(status, body),
            Behaviour::CloseAfterAnswer => http(200, "1"),
            Behaviour::Slow(time) => {
                tokio::time::sleep(time).await;
                http(200, "1")
            }
            Behaviour::OneByOne(time) => {
                let _alone = state.turn.lock().await;
                tokio::time::sleep(time).await;
                http(200, "1")
            }
            Behaviour::Garbage => "I am not HTTP at all\r\n\r\n".into(),
            Behaviour::Reset => return,
            Behaviour::Silent => std::future::pending().await,
            Behaviour::Bridge => answer_agent(&request),
            Behaviour::Late => {
                tokio::time::sleep(lateness(number)).await;
                http(200, "1")
            }
        };
        state.in_flight.fetch_sub(1, Ordering::Relaxed);
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
        if matches!(behaviour, Behaviour::CloseAfterAnswer) {
            return;
        }
    }
}

fn http(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answer_agent(request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap();
    match path {
        "/meta" => http(500, "{}"),
        "/run_bash" | "/agent/pipeline" => http(200, r#"{"success": true}"#),
        _ => http(200, r#"{"status": "ok"}"#),
    }
}

fn lateness(number: u64) -> Duration {
    Duration::from_millis(match number % 100 {
        0 => 300,
        place if place % 10 == 0 => 100,
        _ => 0,
    })
}

/// Reads up to the end of a request with a body of known length, and takes it off the buffer.
async fn read_request(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = request_end(buffer) {
            return Some(String::from_utf8(buffer.drain(..end).collect()).unwrap());
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
