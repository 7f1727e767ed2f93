//! Server-sent events: a run second by second, for as many as want to see it.
//!
//! Who listens is given what is newest when there is room for it, so that a slow reader costs no memory and misses seconds that
//! it can ask for when it comes back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::LOOK;
use super::api;
use super::live::{Frame, Live};
use crate::domain::id::RunId;
use crate::server::auth::Admin;
use crate::server::error::{Api, Cause, Refusal};
use crate::server::openapi::ErrorBody;
use crate::server::path::Path;
use crate::server::{State, session};

/// Holds the id of the last event that a client has seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The id of the last event of all.
const END: &str = "end";
/// Tells a proxy (nginx) to pass each event on as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// After how long a client tries to connect again.
const RECONNECT: Duration = Duration::from_secs(1);
/// Between two signs of life where there is nothing to say.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked whether who listens still may.
const RECHECK: Duration = Duration::from_secs(10);

/// Answers whether who listens still may.
pub type Recheck = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send>;

/// Looks again at a request's credentials, which may be taken away while its answer goes on.
pub fn recheck<A>(state: &Arc<State>, mut parts: Parts) -> Recheck
where
    A: FromRequestParts<Arc<State>> + Send + 'static,
{
    session::look_again(&mut parts);
    let state = Arc::clone(state);
    Box::new(move || {
        let (state, mut parts) = (Arc::clone(&state), parts.clone());
        Box::pin(async move { A::from_request_parts(&mut parts, &state).await.is_ok() })
    })
}

/// Where a run is seen.
enum Source {
    /// It was started here.
    Here(watch::Receiver<Arc<Live>>),
    /// Another process makes it, and only its row is known.
    Row(RunId, Interval),
    /// It has ended.
    Ended(Option<Arc<Live>>),
}

/// One who follows a run to its end, in a place of theirs among all that do.
pub struct Follower {
    state: Arc<State>,
    source: Source,
    is_over: watch::Receiver<bool>,
    recheck: Recheck,
    rechecks: Interval,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// Begins to follow a run.
    ///
    /// # Errors
    /// When there is no such run, or as many follow runs as can.
    pub async fn new(state: &Arc<State>, id: RunId, recheck: Recheck) -> Result<Self, Refusal> {
        let tests = &state.stress_tests;
        let run = api::found(state, id).await?;
        let place = Arc::clone(&tests.streams).try_acquire_owned();
        let place = place.map_err(|_| Refusal::Unavailable(Cause::word("event_streams")))?;
        let source = match tests.live(id) {
            // So that its first state is one that has changed.
            Some(mut live) if run.ended().is_none() => {
                live.mark_changed();
                Source::Here(live)
            }
            _ if run.ended().is_none() => Source::Row(id, interval(LOOK)),
            _ => Source::Ended(Some(Arc::new(Live::elsewhere(run)))),
        };
        let mut rechecks = interval(RECHECK);
        // The first comes at once, and the credentials were just looked at.
        rechecks.reset();
        let (state, is_over) = (Arc::clone(state), tests.is_over.subscribe());
        Ok(Self { state, source, is_over, recheck, rechecks, _place: place })
    }

    /// The run as it is now, and then once a second; lastly how it has ended. `None` after that, when the server stops, and
    /// when who follows may not any more.
    pub async fn next(&mut self) -> Option<Arc<Live>> {
        loop {
            let live = tokio::select! {
                biased;
                live = self.source.next(&self.state) => live?,
                () = until_over(&mut self.is_over) => return None,
                _ = self.rechecks.tick() => {
                    if (self.recheck)().await { continue } else { return None }
                }
            };
            if live.ended.is_some() {
                self.source = Source::Ended(None);
            }
            return Some(live);
        }
    }
}

impl Source {
    async fn next(&mut self, state: &State) -> Option<Arc<Live>> {
        match self {
            Self::Here(live) => {
                // Its sender stays until another run is started: then this one has ended.
                live.changed().await.ok()?;
                Some(Arc::clone(&live.borrow_and_update()))
            }
            Self::Row(id, looks) => {
                looks.tick().await;
                match state.stress_tests.elsewhere(&state.store, *id).await.ok()? {
                    Some(live) => Some(live),
                    // It is not the one that goes on: it has ended, or has just begun.
                    None => Some(Arc::new(Live::elsewhere(api::found(state, *id).await.ok()?))),
                }
            }
            Self::Ended(live) => live.take(),
        }
    }
}

async fn until_over(is_over: &mut watch::Receiver<bool>) {
    if is_over.wait_for(|is_over| *is_over).await.is_err() {
        pending::<()>().await;
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A run second by second, as server-sent events.
///
/// `progress` comes once a second, with the second as its id, and lastly `end`; the data of both is a `StressTestSecond` in
/// JSON. A browser's `EventSource` can read it with the session alone.
#[utoipa::path(
    get, path = "/api/admin/stress-test/{run}/events", tag = "stress tests",
    params(
        ("run" = RunId, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen: what was missed comes first")
    ),
    responses(
        (status = 200, description = "Events, until the run has ended", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The end was seen: there is nothing more to come"),
        (status = 404, description = "There is no such run", body = ErrorBody)
    )
)]
pub async fn events(
    _: Admin,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    request: Request,
) -> Result<Response, Api> {
    let (parts, _) = request.into_parts();
    let seen = last_seen(&parts.headers);
    let follower = Follower::new(&state, api::run_id(&run)?, recheck::<Admin>(&state, parts)).await?;
    if seen == Some(Seen::End) && matches!(follower.source, Source::Ended(_)) {
        // A browser comes back whenever its connection ends, until it is told that there is nothing more.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let second = if let Some(Seen::Second(second)) = seen { Some(second) } else { None };
    let waiting = VecDeque::new();
    let listening = Listening { follower, seen: second, waiting, ended: None, is_first: true };
    Ok(respond(stream::unfold(listening, async |mut listening| {
        listening.next().await.map(|event| (event, listening))
    })))
}

/// An answer that consists of events, with a sign of life where none comes for a while.
pub fn respond(events: impl stream::Stream<Item = Event> + Send + 'static) -> Response {
    let events = stream::StreamExt::map(events, Ok::<_, Infallible>);
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(ACCEL_BUFFERING, HeaderValue::from_static("no"))], events).into_response()
}

/// What a client has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Second(u64),
    End,
}

fn last_seen(headers: &HeaderMap) -> Option<Seen> {
    let id = headers.get(LAST_EVENT_ID)?.to_str().ok()?.trim();
    if id == END { Some(Seen::End) } else { id.parse().ok().map(Seen::Second) }
}

struct Listening {
    follower: Follower,
    /// The second that was said last.
    seen: Option<u64>,
    /// What is to be said, shared with all who listen: of each only what is on its way has a copy.
    waiting: VecDeque<Arc<Frame>>,
    /// The end, which is said after that.
    ended: Option<Arc<Live>>,
    is_first: bool,
}

impl Listening {
    async fn next(&mut self) -> Option<Event> {
        let event = loop {
            if let Some(frame) = self.waiting.pop_front() {
                break Event::default().event("progress").id(frame.second.to_string()).data(&frame.data);
            }
            if let Some(live) = self.ended.take() {
                break Event::default().event("end").id(END).data(live.last_words());
            }
            let live = self.follower.next().await?;
            self.waiting.extend(live.frames_after(self.seen).cloned());
            self.seen = Some(live.second);
            self.ended = live.ended.is_some().then_some(live);
        };
        Some(if std::mem::take(&mut self.is_first) { event.retry(RECONNECT) } else { event })
    }
}
