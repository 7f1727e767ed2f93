//! Requests and responses as bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::Server;

pub const FORM: &str = "application/x-www-form-urlencoded";

/// After so long without a byte a test fails.
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SILENCE_MAX)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection on which bytes were sent.
pub fn sent(server: &Server, request: &str) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Sends bytes and reads to the end of the connection.
pub fn exchange(server: &Server, request: &str) -> String {
    rest(sent(server, request))
}

/// What comes until the end of the connection.
pub fn rest(mut stream: TcpStream) -> String {
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8(response).unwrap()
}

/// Sends bytes on a connection that stays open, and reads as far as the `Content-Length:` of the response says.
pub fn exchange_open(server: &Server, request: &str) -> String {
    answer_on(&mut sent(server, request))
}

/// Reads one response from a connection that stays open.
pub fn answer_on(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&response);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("Content-Length: ").expect("a length").1;
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() >= length {
                return text.into_owned();
            }
        }
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&response));
        response.extend_from_slice(&buffer[..read]);
    }
}

/// Bytes of the body that [`half_a_request`] sends.
pub const HALF: usize = 3;

/// Sends the head and a little of the body of a form, once the server has begun to handle it.
pub fn half_a_request(server: &Server, path: &str, body: &str) -> TcpStream {
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n");
    let length = body.len();
    let mut stream = sent(server, &format!("{head}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"));
    let mut begun = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut begun).unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&begun));
    stream.write_all(&body.as_bytes()[..HALF]).unwrap();
    stream
}

/// A request after which the connection ends.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

pub fn get(path: &str) -> String {
    request("GET", path, &[], "")
}

pub fn post(path: &str, content_type: &str, body: &str) -> String {
    request("POST", path, &[("Content-Type", content_type)], body)
}
