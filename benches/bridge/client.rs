//! A connection that sends a request and reads the answer, and the next.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::server::Server;

/// What opens the bridges of this benchmark.
pub const TOKEN: &str = "3f9c51d27ab8460e9d1c7e52f8a604b3";
/// How long an answer may take.
pub const ANSWER_MAX: Duration = Duration::from_secs(20);
/// The longest answer, head and body.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// A request, as it is sent, and what its answer has in it.
pub struct Request {
    bytes: Vec<u8>,
    expected: &'static str,
}

impl Request {
    /// With an agent's token.
    pub fn get(path: &str, expected: &'static str) -> Self {
        Self::new("GET", path, &format!("X-PORTA-TOKEN: {TOKEN}\r\n"), "", expected)
    }

    /// The same, with JSON.
    pub fn post(path: &str, body: &Value, expected: &'static str) -> Self {
        Self::post_with(path, "", body, expected)
    }

    /// The same, for a job.
    pub fn begin(path: &str, body: &Value) -> Self {
        Self::post_with(path, "Prefer: respond-async\r\n", body, "\r\nLocation: ")
    }

    fn post_with(path: &str, header: &str, body: &Value, expected: &'static str) -> Self {
        let headers = format!("X-PORTA-TOKEN: {TOKEN}\r\nContent-Type: application/json\r\n{header}");
        Self::new("POST", path, &headers, &body.to_string(), expected)
    }

    /// As a device sends it.
    pub fn update(key: &str) -> Self {
        let header = "Content-Type: application/x-www-form-urlencoded\r\n";
        Self::new("POST", "/update", header, &format!("api_key={key}&field1=21.5"), "200 OK")
    }

    fn new(method: &str, path: &str, headers: &str, body: &str, expected: &'static str) -> Self {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        Self { bytes: request.into_bytes(), expected }
    }
}

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    pub fn open(server: &Server) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream, answer: vec![] })
    }

    /// The whole answer, which must be the expected one.
    pub fn ask(&mut self, request: &Request) -> Result<&str, Failure> {
        self.stream.write_all(&request.bytes)?;
        self.answer.clear();
        let mut unread = [0; READ_BYTES];
        while expected_bytes(&self.answer).is_none_or(|bytes| self.answer.len() < bytes) {
            let read = self.stream.read(&mut unread)?;
            if read == 0 || self.answer.len() > ANSWER_BYTES_MAX {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            self.answer.extend_from_slice(&unread[..read]);
        }
        let answer = std::str::from_utf8(&self.answer)?;
        if answer.starts_with("HTTP/1.1 20") && answer.contains(request.expected) {
            Ok(answer)
        } else {
            Err(format!("{:?} was answered with {answer:?}", String::from_utf8_lossy(&request.bytes)).into())
        }
    }
}

/// Of an answer whose head is there; the server writes the header's name like this.
fn expected_bytes(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length: usize =
        text.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "))?.parse().ok()?;
    Some(head + 4 + length)
}
