//! A run while it goes on: a page, and a stream of the part of it that changes.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Request, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::stream;
use minijinja::value::Serde;
use minijinja::{Value, context};
use tokio::sync::Mutex;

use super::{PLACE, Page, charts};
use crate::domain::id::RunId;
use crate::domain::run::RunOverview;
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::pages::words::Words;
use crate::server::pages::{fragment, language, render, words, words_in};
use crate::server::path::Path;
use crate::server::session::{AdminPage, Session};
use crate::server::stress_test::{self, Follower, Live};

/// The page of a run that goes on.
pub fn show(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    run: RunOverview,
    is_cancelling: bool,
) -> Page {
    let live = state.stress_tests.live(run.id).map(|live| Arc::clone(&live.borrow()));
    let live = live.unwrap_or_else(|| Arc::new(Live::new(run.clone(), 0)));
    let part = data(&words(state, headers)?, &live);
    let id = run.id;
    let is_here = state.stress_tests.live(id).is_some();
    let data = context! { stream => format!("{}{PLACE}/{id}/live", state.root_path), is_here, is_cancelling, ..part };
    render(state, headers, Some(session), "stress_test_live.html", data)
}

/// What the part of the page shows that changes.
pub(super) fn data(words: &Words, live: &Live) -> Value {
    let target = live.run.target_rps.map(f64::from);
    let phase = match (&live.progress, live.run.status.as_str()) {
        (Some(progress), _) if progress.remaining <= 0.0 => "finishing",
        (Some(_), _) => "running",
        (None, "pending") => "starting",
        (None, _) => "begun",
    };
    context! {
        run => Serde(&live.run),
        progress => Serde(&live.progress),
        phase,
        latency_chart => charts::latency(words, &live.series),
        rps_chart => charts::rps(words, &live.series, target),
        last_seconds => Serde(live.series.iter().rev().take(LAST_SECONDS).collect::<Vec<_>>()),
    }
}

/// Seconds in the table beneath the charts.
const LAST_SECONDS: usize = 10;

/// The part of the page that changes, as it was written last in each language: once for all who look at it.
#[derive(Default)]
pub struct Fragments(Mutex<Vec<Written>>);

struct Written {
    language: &'static str,
    of: Moment,
    text: Arc<str>,
}

/// What makes one state of a run another one.
#[derive(PartialEq)]
struct Moment {
    run: RunId,
    second: u64,
    status: String,
    total: u64,
}

impl Fragments {
    async fn text(&self, state: &State, language: &'static str, live: &Live) -> Result<Arc<str>, Refusal> {
        let run = &live.run;
        let of = Moment {
            run: run.id,
            second: live.second,
            status: run.status.clone(),
            total: run.total_requests,
        };
        // Whoever comes while it is being written waits for that.
        let mut written = self.0.lock().await;
        if let Some(known) = written.iter().find(|written| written.language == language && written.of == of) {
            return Ok(Arc::clone(&known.text));
        }
        let text: Arc<str> =
            fragment(state, language, "stress_test_fragment.html", data(&words_in(state, language)?, live))?
                .into();
        written.retain(|written| written.language != language);
        written.push(Written { language, of, text: Arc::clone(&text) });
        Ok(text)
    }
}

/// `GET /admin/stress-test/{run}/live`: the part of the page that changes, once a second, and lastly `end`.
pub async fn follow(
    _: AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(run): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let language = language::of(&parts.headers);
    let recheck = stress_test::recheck::<AdminPage>(&state, parts);
    let follower = Follower::new(&state, stress_test::run_id(&run)?, recheck).await?;
    let looking = Looking { state, follower, language, waiting: VecDeque::new() };
    Ok(stress_test::respond(stream::unfold(looking, async |mut looking| {
        looking.next().await.map(|event| (event, looking))
    })))
}

/// One who looks at the page.
struct Looking {
    state: Arc<State>,
    follower: Follower,
    language: &'static str,
    waiting: VecDeque<Event>,
}

impl Looking {
    /// The next event. A part that cannot be written ends the stream: the page can be loaded again, and says why.
    async fn next(&mut self) -> Option<Event> {
        if self.waiting.is_empty() {
            let live = self.follower.next().await?;
            if live.ended.is_some() {
                self.waiting.push_back(Event::default().event("end").data("end"));
            } else {
                let text = self.state.fragments.text(&self.state, self.language, &live).await.ok()?;
                self.waiting
                    .push_back(Event::default().event("fragment").id(live.second.to_string()).data(text));
            }
        }
        self.waiting.pop_front()
    }
}
