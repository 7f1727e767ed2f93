//! The answer to connections that there is no place for: 503, at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Connections that are told so at the same time. What is beyond is closed without a word.
const REFUSALS_MAX: usize = 256;
/// How long a client may take to hear it.
const HEARING: Duration = Duration::from_secs(1);
/// As a device knows it: the body `0`.
const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    X-Content-Type-Options: nosniff\r\nContent-Length: 1\r\nRetry-After: 1\r\nConnection: close\r\n\r\n0";

/// Refuses connections.
pub struct Refusals(Arc<Semaphore>);

impl Refusals {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(REFUSALS_MAX)))
    }

    /// Tells a client that there is no place for it.
    pub fn refuse(&self, mut stream: TcpStream) {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tokio::spawn(async move {
            // A client that does not hear it is its own affair.
            let _ = tokio::time::timeout(HEARING, tell(&mut stream)).await;
            drop(place);
        });
    }
}

async fn tell(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // What is closed with something unread in it is reset, and a reset can overtake the answer.
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
