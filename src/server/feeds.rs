//! What readers of a channel ask for: its entries, one of them, their status, their age.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State as Extract};
use axum::response::Response;

use super::State;
use super::auth::{self, Access};
use super::body::{respond, suffix};
use super::error::Refusal;
use crate::clock;
use crate::domain::aggregate::Aggregator;
use crate::domain::channel::{Channel, FIELDS};
use crate::domain::entry::{Order, Selection, Which};
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::domain::zone::Zone;
use crate::store::{Look, View, look};
use crate::thingspeak::feed::{self, Columns, Feed, Format, Shown};
use crate::thingspeak::query::Query;
use crate::thingspeak::record::{Record, Value};

/// Rows up to which a request is a short look.
const SHORT_ROWS_MAX: u32 = 1000;

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
    many(&state, Shown::Field(field_index(suffix(&field).0)?), Asked::read(&channel, &request)?).await
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
    one(&state, Shown::Field(field_index(&field)?), &entry, Asked::read(&channel, &request)?).await
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
        let channel = match auth::access(view, asked.channel, asked.presented)? {
            Access::Granted(channel) => channel,
            Access::Denied | Access::Unknown => return Err(asked.unknown()),
        };
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

    fn unknown(&self) -> Refusal {
        unknown(&self.channel.to_string())
    }
}

fn unknown(channel: &str) -> Refusal {
    Refusal::NotFound(format!("channel {channel} not found"))
}

/// `1`, or `field1`; from 0 inside.
fn field_index(text: &str) -> Result<usize, Refusal> {
    let number = text.strip_prefix("field").unwrap_or(text).parse().ok();
    let index = number.and_then(|number: usize| number.checked_sub(1)).filter(|index| *index < FIELDS);
    index.ok_or_else(|| Refusal::NotFound(format!("a channel has fields 1 to {FIELDS}")))
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
    let newest = asked.query.selection(&Zone::Utc, asked.now).ok().and_then(|selection| selection.newest);
    let short = asked.query.aggregate.is_none() && newest.is_some_and(|newest| newest <= SHORT_ROWS_MAX);
    let weight = if short { Look::Short } else { Look::Long };
    let cache = state.feeds.clone();
    let body = looked(state, weight, move |view| {
        let channel = match auth::access(view, asked.channel, asked.presented)? {
            Access::Granted(channel) => channel,
            Access::Denied => return Err(Refusal::EntriesDenied),
            Access::Unknown => return Err(asked.unknown()),
        };
        if !asked.query.is_timeless() {
            return Ok(write_feed(view, &channel, shown, format, &asked)?.0);
        }
        if let Some(body) = cache.get(&asked.target, &channel, asked.now) {
            return Ok(body);
        }
        let (body, oldest) = write_feed(view, &channel, shown, format, &asked)?;
        cache.put(asked.target, &channel, oldest, &body);
        Ok(body)
    })
    .await?;
    Ok(respond(format, callback, body))
}

/// The answer, and the oldest entry's time in it.
fn write_feed(
    view: &dyn View,
    channel: &Channel,
    shown: Shown,
    format: Format,
    asked: &Asked,
) -> Result<(Bytes, Option<UtcMillis>), Refusal> {
    let query = &asked.query;
    let zone = query.zone(&channel.settings.timezone)?;
    let mut selection = query.selection(&zone, asked.now)?;
    selection.texts |= shown == Shown::Status;
    let mut feed = Feed::begin(format, &zone, channel, shown, query);
    selection.fields = feed.fields();
    let Some(aggregate) = query.aggregate else {
        selection.order = Order::NewestFirst;
        view.entries(channel.id, &selection, &mut |row| {
            feed.row(row);
            ControlFlow::Continue(())
        })?;
        let oldest = feed.oldest();
        return Ok((feed.finish(selection.order).into(), oldest));
    };
    if let Some(newest) = view.newest(channel.id, &selection)? {
        let oldest = aggregate.slot.oldest_start(newest, query.rows_max(), &zone);
        let selection = Selection { from: selection.from.max(oldest), ..selection };
        let mut aggregator = Aggregator::new(aggregate, &zone);
        let mut refused = None;
        view.entries(
            channel.id,
            &selection,
            &mut |row| match aggregator.push(row, &mut |row| feed.row(row)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    refused = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        if let Some(error) = refused {
            return Err(Refusal::Invalid { field: Some("median"), message: error.to_string() });
        }
        aggregator.finish(&mut |row| feed.row(row));
    }
    let oldest = feed.oldest();
    Ok((feed.finish(selection.order).into(), oldest))
}

async fn one(state: &State, shown: Shown, entry: &str, asked: Asked) -> Result<Response, Refusal> {
    let given = asked.format;
    let format = given.unwrap_or(Format::Text);
    let (which, age) = match suffix(entry).0 {
        "last" => (last(shown), false),
        "last_data_age" => (last(shown), true),
        id => {
            let id: Result<EntryId, _> = id.parse();
            (Which::Id(id.map_err(|_| Refusal::NotFound(format!("there is no entry {entry}")))?), false)
        }
    };
    // The last value of a field can lie far back.
    let weight = if matches!(which, Which::LastWith(_)) { Look::Long } else { Look::Short };
    let callback = asked.query.callback.is_some();
    let body = looked(state, weight, move |view| {
        let channel = match auth::access(view, asked.channel, asked.presented)? {
            Access::Granted(channel) => channel,
            Access::Denied => return Err(Refusal::NoEntry),
            Access::Unknown => return Err(asked.unknown()),
        };
        let zone = asked.query.zone(&channel.settings.timezone)?;
        if let Shown::Field(field) = shown
            && channel.settings.labels.each()[field].is_none()
        {
            return Err(Refusal::NoEntry);
        }
        let columns = Columns::new(&channel, shown, &asked.query);
        let mut body = None;
        view.entry(channel.id, which, &mut |row| {
            body = Some(if age {
                let seconds = asked.now.0.saturating_sub(row.created_at.0).max(0) / 1000;
                write_age(format, seconds, &asked.query)
            } else {
                feed::entry(format, &zone, &columns, shown, row, &asked.query)
            });
        })?;
        body.ok_or(Refusal::NoEntry)
    })
    .await?;
    // Without a suffix an entry is JSON, a field's value text.
    let written = if given.is_none() && shown == Shown::Fields && !age { Format::Json } else { format };
    Ok(respond(written, callback, body))
}

fn last(shown: Shown) -> Which {
    match shown {
        Shown::Field(field) => Which::LastWith(field),
        Shown::Fields | Shown::Status => Which::Last,
    }
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
