//! Requests and responses as bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::Server;

pub const FORM: &str = "application/x-www-form-urlencoded";

/// Sends bytes and reads to the end of the connection.
pub fn exchange(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Sends bytes on a connection that stays open, and reads as far as the `Content-Length:` of the response says.
pub fn exchange_open(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
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
