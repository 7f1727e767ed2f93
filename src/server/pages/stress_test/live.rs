//! A run while it goes on: a page, and a stream of the part of it that changes.

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
use crate::server::stress_test::{self, Follower, Live, Phase};

/// The page of a run that goes on.
pub fn show(state: &State, headers: &HeaderMap, session: &Session, run: RunOverview) -> Page {
    let id = run.id;
    let live = match state.stress_tests.live(id) {
        Some(live) => Arc::clone(&live.borrow()),
        None => Arc::new(Live::elsewhere(run)),
    };
    let part = data(&words(state, headers)?, &live);
    let data = context! { stream => format!("{}{PLACE}/{id}/live", state.root_path), ..part };
    render(state, headers, Some(session), "stress_test_live.html", data)
}

/// What the part of the page shows that changes.
pub(super) fn data(words: &Words, live: &Live) -> Value {
    let target = live.run.target_rps.map(f64::from);
    context! {
        run => Serde(&live.run),
        progress => Serde(&live.progress),
        second => live.second,
        phase => Serde(&live.phase),
        can_be_ended => live.phase > Phase::Elsewhere && live.phase < Phase::Ending,
        latency_chart => charts::latency(words, &live.series),
        rps_chart => charts::rps(words, &live.series, target, live.progress.as_ref().map(|progress| progress.elapsed)),
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
    of: Version,
    text: Arc<str>,
}

/// What makes one state of a run another one.
#[derive(PartialEq)]
struct Version {
    run: RunId,
    second: u64,
    phase: Phase,
    status: String,
    total: Option<u64>,
}

impl Fragments {
    async fn text(&self, state: &State, language: &'static str, live: &Live) -> Result<Arc<str>, Refusal> {
        let run = &live.run;
        let of = Version {
            run: run.id,
            second: live.second,
            phase: live.phase,
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
    let looking = Looking { state, follower, language };
    Ok(stress_test::respond(stream::unfold(looking, async |mut looking| {
        looking.next().await.map(|event| (event, looking))
    })))
}

/// One who looks at the page.
struct Looking {
    state: Arc<State>,
    follower: Follower,
    language: &'static str,
}

impl Looking {
    /// The next event. A part that cannot be written ends the stream: the page can be loaded again, and says why.
    async fn next(&mut self) -> Option<Event> {
        let live = self.follower.next().await?;
        if live.ended.is_some() {
            return Some(Event::default().event("end").data("end"));
        }
        let text = self.state.fragments.text(&self.state, self.language, &live).await.ok()?;
        Some(Event::default().event("fragment").data(text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{pending, words};
    use super::*;
    use crate::domain::progress::{Moment, Progress, ProgressEvent};
    use crate::domain::summary::Summary;
    use crate::server::pages::tests::{pages, site};

    /// What a run of a minute says that is in this second.
    fn progress(seconds: u64) -> ProgressEvent {
        let moment = |second| Moment {
            second,
            total: 100,
            failed: 1,
            rps: 100.0,
            p50_latency_ms: Some(0.6),
            p95_latency_ms: Some(1.4),
            p99_latency_ms: Some(3.9),
        };
        let summary = Summary::new(Duration::from_secs(60));
        let progress = Progress::new(&summary, Duration::from_secs(60), Duration::from_secs(seconds), 100.0);
        ProgressEvent { progress, series: (0..seconds).map(moment).collect() }
    }

    #[test]
    fn a_run_is_shown_while_it_goes_on() {
        let site = site();
        let ordered = Live::ordered(pending(9));
        let running = ordered.begun().after(progress(37));
        let adopted = RunOverview { status: "running".into(), ..pending(9) };
        for (live, phase, can_be_ended) in [
            (ordered.clone(), "starting", true),
            (ordered.begun(), "begun", true),
            (running.clone(), "running", true),
            (ordered.ending(), "ending", false),
            (ordered.ending().begun().after(progress(1)), "ending", false),
            (running.ending().after(progress(38)), "ending", false),
            (running.after(progress(60)), "finishing", false),
            (running.after(progress(3600)), "finishing", false),
            (running.sent(progress(59)), "counting", false),
            (running.ending().sent(progress(37)), "counting", false),
            (Live::elsewhere(adopted), "elsewhere", false),
        ] {
            for (words, place) in words(&site).into_iter().zip(0..) {
                let shown = data(&words, &live);
                assert_eq!(shown.get_attr("phase").expect("a phase").as_str(), Some(phase));
                let page =
                    pages(&site, "stress_test_live.html", &context! { stream => "/s", ..shown.clone() })
                        .remove(place);
                assert!(page.contains("data-live=\"/s\"") && page.contains("<progress"), "{page}");
                assert_eq!(page.contains("/stress-test/9/cancel"), can_be_ended, "{phase}: {page}");
                let fragment = site.render(
                    "stress_test_fragment.html",
                    words.language(),
                    context! { root => "", ..shown.clone() },
                );
                let fragment = fragment.expect("a fragment");
                assert!(fragment.trim_start().starts_with("<div"), "{fragment}");
                assert_eq!(
                    fragment.contains("data-ends"),
                    !can_be_ended && phase != "elsewhere",
                    "{fragment}"
                );
                assert_eq!(fragment.contains("<dd>0</dd>"), live.run.total_requests == Some(0), "{fragment}");
                assert!(fragment.len() < 40_000, "{}", fragment.len());
            }
        }
    }
}
