//! One GET with a time limit, by http or https: for a service that tells people.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::Stream;
use super::target::Destination;
use crate::domain::unit;

/// Bytes of an answer that are shown.
const ANSWER_BYTES_MAX: usize = 4096;

/// Sends a GET and returns the status and the answer, if that is short.
///
/// # Errors
/// When there was no answer within `limit`, or none that says that it went well.
pub async fn ping(destination: &Destination, limit: Duration) -> Result<String, String> {
    match timeout(limit, get(destination)).await {
        Ok(Ok((status, answer))) if status.is_success() => Ok(format!("{status} {answer}").trim_end().into()),
        Ok(Ok((status, _))) => Err(format!("the answer was {status}")),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(format!("no answer within {}", unit::duration(limit))),
    }
}

async fn get(destination: &Destination) -> Result<(StatusCode, String), String> {
    let (address, tls) = destination.reach().await.map_err(|error| error.to_string())?;
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let stream = match &tls {
        Some(tls) => tls.connect(stream).await.map_err(|failure| failure.describe().to_owned())?,
        None => Stream::Plain(stream),
    };
    let of_http = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(of_http)?;
    // It ends with its sender, and what went wrong is told to that.
    tokio::spawn(async {
        let _ = connection.await;
    });
    let path = destination.path_and_query().map_err(|error| error.to_string())?;
    let host = destination.host_header().map_err(|error| error.to_string())?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path;
    request.headers_mut().insert(HOST, host);
    let agent = hyper::header::HeaderValue::from_static(concat!("porta/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(USER_AGENT, agent);
    let response = sender.send_request(request).await.map_err(of_http)?;
    let status = response.status();
    // What counts is the status: a long answer is as good as none.
    let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let answer = answer.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    Ok((status, answer.unwrap_or_default()))
}
