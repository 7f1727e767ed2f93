//! What stands before every handler: a place among the requests in flight, a time limit, an id for the log, and a line
//! in the metrics, whatever comes of the request.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::extract::{Request, State as Extract};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::error::{Cause, Refusal};
use super::metrics::Metrics;
use super::pages::Reader;
use super::routes::{self, ROUTES, Route};
use super::{State, cors, pages, security, session};
use crate::clock;
use crate::domain::metrics::{Purpose, Traffic};

/// Marks the requests of a stress test.
const RUN_HEADER: HeaderName = HeaderName::from_static("x-porta-run");
/// Names a request in the log and in its answer.
const ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// How long what runs commands may take: longer than any pipeline is let run, so that its own limits decide.
const COMMANDS_TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// Characters of an id that a client may bring.
const ID_CHARACTERS_MAX: usize = 64;

/// A route's guard. `route` is its place in [`ROUTES`], or [`routes::OTHER`].
#[derive(Clone)]
pub struct Post {
    pub state: Arc<State>,
    pub route: usize,
}

/// Stands before a handler.
pub async fn guard(Extract(post): Extract<Post>, request: Request, next: Next) -> Response {
    guarded(&post.state, post.route, request, |request| next.run(request)).await
}

/// Lets `answer` answer a request, if there is a place for it, and counts what came of it.
pub async fn guarded<F: Future<Output = Response>>(
    state: &State,
    route: usize,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let head = Head::of(&request);
    let reader = is_for_people(route, &request).then(|| Reader::of(&mut request));
    let traffic = traffic(request.headers());
    let mut counted =
        Counted { metrics: &state.metrics, route, traffic, begun: clock::instant(), done: false };
    // Whoever watches an overloaded server must be let in.
    let is_watching = ROUTES.get(route).is_some_and(Route::is_for_watching);
    // What takes as long as a command does has limits of its own for that.
    let runs_commands = ROUTES.get(route).is_some_and(|route| route.purpose() == Purpose::Commands);
    let timeout = if runs_commands { COMMANDS_TIMEOUT } else { state.worker_timeout };
    let place = if is_watching { None } else { Some(state.requests.try_acquire()) };
    let mut response = if let Some(Err(_)) = place {
        refused(&head, Refusal::Unavailable(Cause::word("requests_in_flight")))
    } else {
        match tokio::time::timeout(timeout, pages::at(&head.method, &head.uri, answer(request))).await {
            Ok(response) => {
                let held = state.unsent.hold(response).await;
                held.unwrap_or_else(|refusal| refused(&head, refusal))
            }
            Err(_) => refused(&head, Refusal::Slow(timeout)),
        }
    };
    if let Some(reader) = reader {
        let page = async { pages::for_people(state, &reader, response) };
        response = pages::at(&head.method, &head.uri, page).await;
    }
    counted.finish(response.status());
    // An answer of 503 is what who asks for it is there for, not an error.
    head.sign(state, route, is_watching, &mut response);
    security::forbid_sniffing(&mut response);
    if cors::is_for_devices(head.uri.path()) {
        return cors::allow_any_origin(response);
    }
    if !routes::is_for_agents(head.uri.path()) {
        security::protect(&mut response);
    }
    response
}

/// Whether the answer is looked at by people: that of a page, and that of none when a browser has asked.
fn is_for_people(route: usize, request: &Request) -> bool {
    let path = request.uri().path();
    let is_for_programs =
        || path.starts_with("/api/") || cors::is_for_devices(path) || routes::is_for_agents(path);
    let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_browser = || accepted.is_some_and(|accepted| accepted.contains("text/html"));
    pages::is_for_people(path) || route == routes::OTHER && !is_for_programs() && is_browser()
}

/// Who sends a request.
pub fn traffic(headers: &HeaderMap) -> Traffic {
    if headers.contains_key(RUN_HEADER) { Traffic::Stress } else { Traffic::Live }
}

/// A refusal before a handler had a say, in the shape of the path.
fn refused(head: &Head, refusal: Refusal) -> Response {
    routes::refused(head.uri.path(), refusal)
}

/// Counts a request once: with its status, or as gone when it is dropped before that.
struct Counted<'a> {
    metrics: &'a Metrics,
    route: usize,
    traffic: Traffic,
    begun: Instant,
    done: bool,
}

impl Counted<'_> {
    fn finish(&mut self, status: StatusCode) {
        self.done = true;
        self.metrics.record(self.route, self.traffic, Some(status.as_u16()), self.begun.elapsed());
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.metrics.record(self.route, self.traffic, None, self.begun.elapsed());
        }
    }
}

/// What of a request is needed when it is answered. Neither path nor query is logged, since either may hold a key.
struct Head {
    method: Method,
    uri: Uri,
    id: Option<HeaderValue>,
}

impl Head {
    fn of(request: &Request) -> Self {
        let id = brought_id(request.headers());
        Self { method: request.method().clone(), uri: request.uri().clone(), id }
    }

    /// Logs what is worth it, counts an error of the server with its cause, and writes the request's id into the answer
    /// where it may be asked for: when the client has brought one, and on every error.
    fn sign(&self, state: &State, route: usize, is_watching: bool, response: &mut Response) {
        let route = state.metrics.names()[route].as_str();
        let status = response.status();
        let is_error = status.is_client_error() || status.is_server_error();
        if !is_error && self.id.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let id = self.id.clone().unwrap_or_else(new_id);
        let text = id.to_str().unwrap_or_default();
        if status.is_server_error() && !is_watching {
            let cause = response.extensions().get::<Cause>().cloned().unwrap_or(Cause::word("unknown"));
            state.metrics.count_error(cause.word);
            let (status, detail) = (status.as_u16(), cause.detail.as_deref().unwrap_or_default());
            if status == 503 {
                tracing::warn!(request = text, route, status, cause = cause.word, detail, "refused");
            } else {
                tracing::error!(request = text, route, status, cause = cause.word, detail, "failed");
            }
        } else {
            tracing::debug!(request = text, route, status = status.as_u16(), "answered");
        }
        if is_error || self.id.is_some() {
            response.headers_mut().insert(ID_HEADER, id);
        }
    }
}

/// The id that a client has given its request, if it can stand in a log.
fn brought_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(ID_HEADER)?;
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let fits = (1..=ID_CHARACTERS_MAX).contains(&id.len()) && id.as_bytes().iter().all(allowed);
    fits.then(|| id.clone())
}

/// Unique among the servers of a machine, and from one start to the next.
fn new_id() -> HeaderValue {
    static START: LazyLock<i64> = LazyLock::new(|| clock::utc().0);
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = format!("{:x}-{:x}-{}", *START, std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
}

/// The answer to what no route is for.
pub async fn unknown(Extract(state): Extract<Arc<State>>, request: Request) -> Response {
    beside_the_routes(&state, request, |method, path| {
        Refusal::NotFound(format!("nothing answers {method} {path}"))
    })
    .await
}

/// The answer to another method than those of a path.
pub async fn not_allowed(Extract(state): Extract<Arc<State>>, request: Request) -> Response {
    beside_the_routes(&state, request, |method, path| {
        Refusal::Method(format!("{path} does not take {method}"))
    })
    .await
}

async fn beside_the_routes(
    state: &State,
    request: Request,
    refusal: fn(&Method, &str) -> Refusal,
) -> Response {
    guarded(state, routes::OTHER, request, |request| async move {
        let (mut parts, _) = request.into_parts();
        session::find_reader(&mut parts, state).await;
        let (method, path) = (&parts.method, parts.uri.path());
        if cors::is_preflight(method, path) {
            cors::preflight()
        } else {
            routes::refused(path, refusal(method, path))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_line_of_the_log_is_not_taken() {
        let brought = |id: &[u8]| {
            let value = HeaderValue::from_bytes(id).expect("a header's value");
            brought_id(&HeaderMap::from_iter([(ID_HEADER, value)])).is_some()
        };
        assert!(brought(b"7f3a.B-1_x"));
        assert!(brought(&[b'a'; 64]));
        for id in [&b""[..], b"a b", b"a\tb", b"\xe9", b"a=b", &[b'a'; 65]] {
            assert!(!brought(id), "{id:?}");
        }
    }
}
