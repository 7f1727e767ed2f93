//! The log on standard error. What repeats is held back: after a few lines of one place in the code within ten seconds
//! the rest is only counted, and the count is logged.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::clock;

/// Lines of one place in the code that are logged within [`PERIOD`].
const LINES_MAX: u64 = 5;
/// After this long a place may log again.
const PERIOD: Duration = Duration::from_secs(10);

/// Warnings and errors by their place in the code, of which there are only so many.
static PLACES: LazyLock<Mutex<HashMap<Identifier, Place>>> = LazyLock::new(Mutex::default);

struct Place {
    since: Instant,
    lines: u64,
    /// What the lines that were held back say of themselves.
    name: &'static str,
}

/// Sends the log to standard error, from `level` on, as JSON or as text.
pub fn start(level: LevelFilter, json: bool) {
    let coloured = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(coloured);
    if json {
        Registry::default().with(lines.json().with_filter(Repeats).with_filter(level)).init();
    } else {
        Registry::default().with(lines.with_target(false).with_filter(Repeats).with_filter(level)).init();
    }
}

/// Logs how many lines were held back of places whose ten seconds are over.
pub fn report_repeats() {
    let now = clock::instant();
    report(|place| now.saturating_duration_since(place.since) >= PERIOD);
}

/// Logs how many lines were held back of all places: it is the last chance.
pub fn report_last_repeats() {
    report(|_| true);
}

fn report(is_over: impl Fn(&Place) -> bool) {
    let mut over = Vec::new();
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, place| {
        let is_over = is_over(place);
        if is_over && place.lines > LINES_MAX {
            over.push((place.name, place.lines - LINES_MAX));
        }
        !is_over
    });
    for (place, times) in over {
        tracing::warn!(times, place, "more of the same was not logged");
    }
}

/// Holds back what repeats.
struct Repeats;

impl<S: Subscriber> Filter<S> for Repeats {
    fn enabled(&self, _: &tracing::Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN {
            return true;
        }
        let now = clock::instant();
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(metadata.callsite()).or_insert(Place {
            since: now,
            lines: 0,
            name: metadata.name(),
        });
        if now.saturating_duration_since(place.since) >= PERIOD {
            (place.since, place.lines) = (now, 0);
        }
        place.lines += 1;
        place.lines <= LINES_MAX
    }
}
