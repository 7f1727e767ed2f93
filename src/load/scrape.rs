//! What the target says of itself while it is loaded: one small request a second for its `/metrics`, over a connection of
//! its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::target::Target;
use crate::domain::server_side::Reading;

/// How long an answer is waited for: one that comes later belongs to another second.
const PATIENCE: Duration = Duration::from_millis(800);
/// Bytes of an answer that are read.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

type Sender = http1::SendRequest<Empty<Bytes>>;

/// Asks the target for its metrics.
pub struct Scraper {
    address: SocketAddr,
    path: Uri,
    headers: HeaderMap,
    sender: Option<Sender>,
}

impl Scraper {
    /// Of the server that `target` is on; `None` where only its own machine may ask, or what answers TLS stands before it.
    pub fn new(target: &Target) -> Option<Self> {
        let (path, headers) = target.traffic.metrics()?;
        let is_asked = target.address.ip().is_loopback() && target.tls.is_none();
        is_asked.then(|| Self { address: target.address, path, headers, sender: None })
    }

    /// The counters as they are now; `None` where they do not come in time, or are not a porta's.
    pub async fn read(&mut self) -> Option<Reading> {
        let text = tokio::time::timeout(PATIENCE, self.fetch()).await.ok().flatten();
        if text.is_none() {
            self.sender = None;
        }
        reading(&text?)
    }

    async fn fetch(&mut self) -> Option<String> {
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.ok()?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        let response = sender.send_request(request).await.ok()?;
        if response.status() != 200 {
            return None;
        }
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
        self.sender = Some(sender);
        String::from_utf8(body.into()).ok()
    }

    async fn connect(&self) -> Option<Sender> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        // It ends with its sender, and what went wrong is told to that.
        tokio::spawn(async {
            let _ = connection.await;
        });
        Some(sender)
    }
}

/// Reads the series that matter here; `None` for somebody else's metrics.
fn reading(text: &str) -> Option<Reading> {
    let mut reading = Reading::default();
    let mut known = false;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        let place = match name {
            "porta_writer_observed_seconds_total" => {
                known = true;
                &mut reading.observed
            }
            "porta_writer_busy_seconds_total" => &mut reading.busy,
            "porta_commit_seconds_count" => &mut reading.commits,
            "porta_commit_seconds_sum" => &mut reading.commit_time,
            "porta_longest_commit_seconds" => &mut reading.longest_commit,
            "porta_queue_wait_seconds_count" => &mut reading.queue_waits,
            "porta_queue_wait_seconds_sum" => &mut reading.queue_wait_time,
            "porta_longest_queue_wait_seconds" => &mut reading.longest_queue_wait,
            "porta_checkpoints_total" => &mut reading.checkpoints,
            "porta_checkpoint_seconds_total" => &mut reading.checkpoint_time,
            "porta_database_busy_wait_seconds_total" => &mut reading.busy_wait_time,
            "porta_wal_frames" => &mut reading.wal_frames,
            "process_cpu_seconds_total" => &mut reading.cpu,
            _ => continue,
        };
        *place = value.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
    }
    known.then_some(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_porta_are_read_and_others_are_not() {
        let text = "# TYPE porta_writer_busy_seconds_total counter\n\
                    porta_writer_busy_seconds_total 1.5\n\
                    porta_writer_observed_seconds_total 3\n\
                    porta_commit_seconds_bucket{le=\"0.1\"} 7\n\
                    porta_commit_seconds_count 8\n";
        let expected = Reading { observed: 3.0, busy: 1.5, commits: 8.0, ..Reading::default() };
        assert_eq!(reading(text), Some(expected));
        for other in ["", "1", "process_cpu_seconds_total 3\n", "porta_writer_observed_seconds_total x\n"] {
            assert_eq!(reading(other), None, "{other}");
        }
    }
}
