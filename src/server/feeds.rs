//! What readers of a channel ask for: its entries, one of them, their status, their age.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State as Extract};
use axum::response::Response;

use super::State;
use super::auth;
use super::body::{respond, suffix};
use super::error::Refusal;
use super::path::Path;
use crate::clock;
use crate::domain::aggregate::{Aggregate, Aggregator};
use crate::domain::channel::{Channel, FIELDS};
use crate::domain::entry::{Order, Selection, Which};
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::update::field_index;
use crate::domain::zone::Zone;
use crate::store::{Look, View, look};
use crate::thingspeak::feed::{self, Columns, Feed, Format, Shown};
use crate::thingspeak::query::Query;
use crate::thingspeak::record::{Record, Value};

/// Rows up to which a request is a short look.
const SHORT_ROWS_MAX: u32 = 1000;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// `GET /channels/{channel}/feeds`.
pub async fn feeds(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    many(&state, Shown::Fields, Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}/fields/{field}`.
pub async fn field(
    Extract(state): Extract<Arc<State>>,
    Path((channel, field)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    many(&state, Shown::Field(named_field(suffix(&field).0)?), Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}/status`.
pub async fn status(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    many(&state, Shown::Status, Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}/feeds/{entry}`: `last`, an id, or `last_data_age`.
pub async fn entry(
    Extract(state): Extract<Arc<State>>,
    Path((channel, entry)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    one(&state, Shown::Fields, &entry, Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}/fields/{field}/{entry}`.
pub async fn field_entry(
    Extract(state): Extract<Arc<State>>,
    Path((channel, field, entry)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    one(&state, Shown::Field(named_field(&field)?), &entry, Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}/status/{entry}`.
pub async fn status_entry(
    Extract(state): Extract<Arc<State>>,
    Path((channel, entry)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    one(&state, Shown::Status, &entry, Asked::read(&channel, &request)?).await
}

/// `GET /channels/{channel}`: the channel itself. A private one is not there for whoever may not read it.
pub async fn channel(
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let asked = Asked::read(suffix(&channel).0, &request)?;
    let format = asked.format.unwrap_or(Format::Json);
    let callback = asked.query.callback.is_some();
    let body = looked(&state, Look::Short, move |view| {
        let channel = asked.channel(view, asked.unknown())?;
        let zone = asked.query.zone(&channel.settings.timezone)?;
        let head = feed::channel_head(&channel, Shown::Fields, &asked.query);
        Ok(feed::one(format, &zone, "channel", &head, asked.query.callback.as_deref()))
    })
    .await?;
    Ok(respond(format, callback, body))
}

/// What every one of these requests says.
struct Asked {
    channel: ChannelId,
    presented: Option<SecretHash>,
    query: Query,
    /// The path, and what of the query shapes the answer.
    target: String,
    /// That of the path's suffix, if it has one.
    format: Option<Format>,
    now: UtcMillis,
}

impl Asked {
    fn read(channel: &str, request: &Request) -> Result<Self, Refusal> {
        let query = Query::parse(request.uri().query().unwrap_or_default())?;
        let headers = request.headers();
        let presented = auth::key_in_headers(headers).or(query.key).or_else(|| auth::bearer(headers));
        let format = suffix(request.uri().path()).1;
        let channel = channel.parse().map_err(|_| unknown(channel))?;
        let target = format!("{}?{}", request.uri().path(), query.canonical);
        Ok(Self { channel, presented, query, target, format, now: clock::utc() })
    }

    /// The channel, if there is one and the reader may see it; `denied` if not.
    fn channel(&self, view: &dyn View, denied: Refusal) -> Result<Channel, Refusal> {
        let channel = view.channel(self.channel)?.ok_or_else(|| self.unknown())?;
        let may_read = auth::may_read(view, self.channel, channel.settings.public, self.presented)?;
        if may_read { Ok(channel) } else { Err(denied) }
    }

    fn unknown(&self) -> Refusal {
        unknown(&self.channel.to_string())
    }
}

fn unknown(channel: &str) -> Refusal {
    Refusal::NotFound(format!("channel {channel} not found"))
}

/// The field that a path names.
fn named_field(text: &str) -> Result<usize, Refusal> {
    field_index(text).ok_or_else(|| Refusal::NotFound(format!("a channel has fields 1 to {FIELDS}")))
}

/// Runs `work` on one state of the database; both it and the database can refuse.
async fn looked<T: Send + 'static>(
    state: &State,
    weight: Look,
    work: impl FnOnce(&dyn View) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    look(&*state.store, weight, move |view| Ok(work(view))).await?
}

async fn many(state: &State, shown: Shown, asked: Asked) -> Result<Response, Refusal> {
    let format = asked.format.unwrap_or(Format::Json);
    let callback = asked.query.callback.is_some();
    let newest = asked.query.newest();
    let is_short = asked.query.aggregate.is_none() && newest.is_some_and(|newest| newest <= SHORT_ROWS_MAX);
    let asked = Arc::new(asked);
    // What needs no long look does not wait for one: an answer that is remembered, or a refusal.
    let looked_up = answer(state, Look::Short, &asked, shown, format, is_short).await?;
    let body = match looked_up {
        Some(body) => body,
        None => answer(state, Look::Long, &asked, shown, format, true).await?.unwrap_or_default(),
    };
    Ok(respond(format, callback, body))
}

/// The answer if it is remembered, or `may_read`; `None` if it has to be read.
async fn answer(
    state: &State,
    weight: Look,
    asked: &Arc<Asked>,
    shown: Shown,
    format: Format,
    may_read: bool,
) -> Result<Option<Bytes>, Refusal> {
    let (asked, cache) = (Arc::clone(asked), state.feeds.clone());
    looked(state, weight, move |view| {
        let channel = view.channel_state(asked.channel)?.ok_or_else(|| asked.unknown())?;
        if !auth::may_read(view, asked.channel, channel.public, asked.presented)? {
            return Err(Refusal::EntriesDenied);
        }
        let remembered = cache.get(&asked.target, &channel, asked.now);
        if remembered.is_some() || !may_read {
            return Ok(remembered);
        }
        let whole = view.channel(asked.channel)?.ok_or_else(|| asked.unknown())?;
        let written = write_feed(view, &whole, shown, format, &asked)?;
        if written.lasts {
            cache.put(asked.target.clone(), &channel, written.oldest, &written.body);
        }
        Ok(Some(written.body))
    })
    .await
}

/// An answer that was written.
struct Written {
    body: Bytes,
    /// The oldest entry's time in it.
    oldest: Option<UtcMillis>,
    /// Whether it is the same until the channel changes.
    lasts: bool,
}

fn write_feed(
    view: &dyn View,
    channel: &Channel,
    shown: Shown,
    format: Format,
    asked: &Asked,
) -> Result<Written, Refusal> {
    let query = &asked.query;
    let zone = query.zone(&channel.settings.timezone)?;
    let mut selection = query.selection(&zone, asked.now)?;
    selection.texts |= shown == Shown::Status;
    let mut feed = Feed::begin(format, &zone, channel, shown, query);
    selection.fields = feed.fields();
    let mut lasts = query.is_timeless();
    match query.aggregate {
        Some(aggregate) => {
            lasts &= aggregate_into(&mut feed, view, channel, &mut selection, aggregate, &zone, asked)?
        }
        None => {
            selection.order = Order::NewestFirst;
            let mut fits = true;
            view.entries(channel.id, &selection, &mut |row| {
                feed.row(row);
                fits = feed.bytes() <= ANSWER_BYTES_MAX;
                if fits { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            if !fits {
                let message =
                    format!("the answer has more than {ANSWER_BYTES_MAX} bytes; ask for fewer entries");
                return Err(Refusal::Invalid { field: Some("results"), message });
            }
        }
    }
    let oldest = feed.oldest();
    Ok(Written { body: feed.finish(selection.order).into(), oldest, lasts })
}

/// Writes a row for each slot, up to now where the query names no end: an entry from the future would leave nothing
/// but empty slots. Returns whether that is the same until the channel changes.
fn aggregate_into(
    feed: &mut Feed<'_, '_>,
    view: &dyn View,
    channel: &Channel,
    selection: &mut Selection,
    aggregate: Aggregate,
    zone: &Zone,
    asked: &Asked,
) -> Result<bool, Refusal> {
    let Some(mut newest) = view.newest(channel.id, selection)? else { return Ok(true) };
    let from_the_future = newest > asked.now && !asked.query.has_end();
    if from_the_future {
        selection.to = asked.now;
        let Some(until_now) = view.newest(channel.id, selection)? else { return Ok(false) };
        newest = until_now;
    }
    let oldest = aggregate.slot.oldest_start(newest, asked.query.rows_max(), zone);
    selection.from = selection.from.max(oldest);
    let mut aggregator = Aggregator::new(aggregate, zone);
    let mut refused = None;
    view.entries(channel.id, selection, &mut |row| match aggregator.push(row, &mut |row| feed.row(row)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            refused = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = refused {
        return Err(Refusal::Invalid { field: Some("median"), message: error.to_string() });
    }
    aggregator.finish(&mut |row| feed.row(row));
    Ok(!from_the_future)
}

async fn one(state: &State, shown: Shown, entry: &str, asked: Asked) -> Result<Response, Refusal> {
    let given = asked.format;
    let format = given.unwrap_or(Format::Text);
    let callback = asked.query.callback.is_some();
    let wanted = Wanted::read(entry)?;
    let asked = Arc::new(asked);
    let found = entry_body(state, Look::Short, &asked, shown, format, wanted).await?;
    let body = match found {
        Some(body) => body,
        None => {
            entry_body(state, Look::Long, &asked, shown, format, wanted).await?.ok_or(Refusal::NoEntry)?
        }
    };
    // Without a suffix an entry is JSON, a field's value text.
    let is_json = given.is_none() && shown == Shown::Fields && wanted != Wanted::Age;
    Ok(respond(if is_json { Format::Json } else { format }, callback, body))
}

/// What a request for one entry wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Last,
    Age,
    Id(EntryId),
}

impl Wanted {
    fn read(entry: &str) -> Result<Self, Refusal> {
        match suffix(entry).0 {
            "last" => Ok(Self::Last),
            "last_data_age" => Ok(Self::Age),
            id => {
                id.parse().map(Self::Id).map_err(|_| Refusal::NotFound(format!("there is no entry {entry}")))
            }
        }
    }
}

/// The answer; `None` if it lies farther back than a short look goes.
async fn entry_body(
    state: &State,
    weight: Look,
    asked: &Arc<Asked>,
    shown: Shown,
    format: Format,
    wanted: Wanted,
) -> Result<Option<Vec<u8>>, Refusal> {
    let asked = Arc::clone(asked);
    looked(state, weight, move |view| {
        let channel = asked.channel(view, Refusal::NoEntry)?;
        let zone = asked.query.zone(&channel.settings.timezone)?;
        if let Shown::Field(field) = shown
            && channel.settings.labels.each()[field].is_none()
        {
            return Err(Refusal::NoEntry);
        }
        let mut farther = false;
        let which = match (wanted, shown) {
            (Wanted::Id(id), _) => Which::Id(id),
            (_, Shown::Fields | Shown::Status) => Which::Last,
            (_, Shown::Field(field)) => {
                // The last value of a field can lie far back.
                let near = (channel.last_entry_id - i64::from(SHORT_ROWS_MAX)).max(1);
                farther = weight == Look::Short && near > 1;
                Which::LastWith { field, first_id: EntryId(if weight == Look::Short { near } else { 1 }) }
            }
        };
        let columns = Columns::new(&channel, shown, &asked.query);
        let mut body = None;
        view.entry(channel.id, which, &mut |row| {
            body = Some(if wanted == Wanted::Age {
                let seconds = asked.now.0.saturating_sub(row.created_at.0).max(0) / 1000;
                write_age(format, seconds, &asked.query)
            } else {
                feed::entry(format, &zone, &columns, shown, row, &asked.query)
            });
        })?;
        if body.is_none() && !farther { Err(Refusal::NoEntry) } else { Ok(body) }
    })
    .await
}

fn write_age(format: Format, seconds: i64, query: &Query) -> Vec<u8> {
    if format == Format::Text {
        return format!("{}{seconds}{}", query.prepend, query.append).into_bytes();
    }
    let record: Record<'_> = vec![
        ("last_data_age", Value::Text(seconds.to_string().into())),
        ("last_data_age_units", Value::Text("s".into())),
    ];
    feed::one(format, &Zone::Utc, "hash", &record, query.callback.as_deref())
}
