//! What do the devices send? `/admin/channels`, and a page for each channel.

mod change;
mod fresh_keys;
mod keys;
mod outlines;

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

pub use self::change::{change, clear, create, delete, may_clear, may_delete};
pub use self::fresh_keys::{FreshKeys, new_keys};
pub use self::keys::{create_key, key, revoke_key, rotate_key};
pub use self::outlines::Outlines;
use self::outlines::{Outlined, Wanted};
use super::words::Words;
use super::{asked_or_default, words};
use crate::clock;
use crate::domain::channel::{ApiKey, Channel, FIELDS, ListedChannel};
use crate::domain::entry::{Selection, Which};
use crate::domain::id::ChannelId;
use crate::domain::outline::{self, Point};
use crate::domain::unit::{self, UtcMillis};
use crate::render::chart::{self, Axis, Chart, Series};
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::forwarded::Arrival;
use crate::server::path::Path;
use crate::server::session::{AdminPage, Session};
use crate::store::{Look, StoreError, View, look};

/// Channels on a page.
const CHANNELS_SHOWN: u32 = 50;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How far back a chart can go, by its name in the address.
const RANGES: [(&str, i64); 5] =
    [("1h", HOUR_MS), ("24h", DAY_MS), ("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS), ("365d", 365 * DAY_MS)];

/// What the address of the list asks for.
#[derive(Default, Deserialize)]
pub struct Asked {
    /// From 1.
    page: Option<u64>,
}

/// `GET /admin/channels?page=1`.
pub async fn list(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let page = asked_or_default(asked).page.unwrap_or(1);
    list_page(&state, &headers, &session, page, context! {}).await
}

/// The list, with what is in the form to create another. Beyond the last page is the last.
async fn list_page(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    wanted: u64,
    form: Value,
) -> Result<Html<String>, Refusal> {
    let (total, page, rows) = look(&*state.store, Look::Short, move |view| {
        let per_page = u64::from(CHANNELS_SHOWN);
        let listed = |page: u64| view.channels((page - 1).saturating_mul(per_page), CHANNELS_SHOWN);
        let (_, total) = view.channels(0, 0)?;
        let page = wanted.clamp(1, total.div_ceil(per_page).max(1));
        let row = |channel: &ListedChannel| {
            Ok(context! {
                id => channel.id.0,
                name => channel.name.as_str(),
                public => channel.public,
                updates => channel.last_entry_id,
                newest => view.newest(channel.id, &Selection::ALL)?.map(|at| Value::from(Serde(at))),
            })
        };
        let rows = listed(page)?.0.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        Ok((total, page, rows))
    })
    .await?;
    let pages = total.div_ceil(u64::from(CHANNELS_SHOWN)).max(1);
    let data = context! { channels => rows, total, page, pages, form };
    super::render(state, headers, Some(session), "channels.html", data)
}

/// What the address of a channel asks for.
#[derive(Default, Deserialize)]
pub struct Shown {
    /// From 1.
    field: Option<usize>,
    range: Option<String>,
}

/// `GET /admin/channels/{channel}?field=1&range=24h`.
pub async fn channel(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    arrival: Arrival,
    shown: Result<Query<Shown>, QueryRejection>,
) -> Result<Html<String>, Refusal> {
    let server = address(&state, &arrival);
    channel_page(&state, &headers, &session, id(&channel)?, &asked_or_default(shown), (&server, context! {}))
        .await
}

fn id(text: &str) -> Result<ChannelId, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound(format!("channel {text} not found")))
}

async fn find(state: &State, id: ChannelId) -> Result<Channel, Refusal> {
    let found = look(&*state.store, Look::Short, move |view| view.channel(id)).await?;
    found.ok_or_else(|| Refusal::NotFound(format!("channel {id} not found")))
}

/// The page of a channel, which devices reach at `server`. `form` is what somebody wanted its settings to be, where that could not be.
async fn channel_page(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    id: ChannelId,
    shown: &Shown,
    (server, form): (&str, Value),
) -> Result<Html<String>, Refusal> {
    let channel = find(state, id).await?;
    let labels = channel.settings.labels.each();
    let first = labels.iter().position(Option::is_some).unwrap_or(0);
    let field = shown.field.filter(|field| (1..=FIELDS).contains(field)).map_or(first, |field| field - 1);
    let wanted = shown.range.as_deref();
    let (range, reach_ms) = *RANGES.iter().find(|(name, _)| Some(*name) == wanted).unwrap_or(&RANGES[1]);
    let wanted = Wanted { channel: id, updated_at: channel.updated_at, field, reach_ms };
    let (known, now) = (state.outlines.kept(&wanted, clock::instant()), clock::utc());
    let (latest, outlined) = look(&*state.store, Look::Long, move |view| {
        let outlined = known.map_or_else(|| wanted.read(view, now).map(Arc::new), Ok)?;
        Ok((latest(view, id)?, outlined))
    })
    .await?;
    state.outlines.keep(wanted, clock::instant(), &outlined);
    let words = words(state, headers)?;
    let label = labels[field].map_or_else(|| format!("field{}", field + 1), str::to_owned);
    let data = context! {
        channel => described(&words, &channel),
        settings => settings(&channel),
        latest => latest.map(|latest| latest.shown(&channel)),
        field => field + 1,
        fields => (0..FIELDS).map(|index| context! { number => index + 1, label => labels[index] }).collect::<Vec<_>>(),
        range,
        ranges => RANGES.map(|(name, _)| name).to_vec(),
        chart => chart(&words, &label, &outlined),
        shown_since => outlined.shown_since.map(|at| Value::from(Serde(at))),
        rows => rows(&outlined.points),
        keys => state.store.keys(id).await?.iter().map(listed_key).collect::<Vec<_>>(),
        server,
        form,
    };
    super::render(state, headers, Some(session), "channel.html", data)
}

fn described(words: &Words, channel: &Channel) -> Value {
    context! {
        id => channel.id.0,
        name => channel.settings.name.as_str(),
        description => channel.settings.description.as_str(),
        public => channel.settings.public,
        updates => channel.last_entry_id,
        retention => channel.settings.retention_ms.map(|ms| words.quantity(retention(ms))),
    }
}

/// What the form of the settings begins with.
fn settings(channel: &Channel) -> Value {
    let settings = &channel.settings;
    context! {
        name => settings.name.as_str(),
        description => settings.description.as_str(),
        public => settings.public,
        timezone => settings.timezone.as_str(),
        retention => settings.retention_ms.map(retention).unwrap_or_default(),
        labels => settings.labels.each().map(|label| label.unwrap_or_default().to_owned()).to_vec(),
    }
}

fn retention(ms: i64) -> String {
    unit::duration(std::time::Duration::from_millis(ms.unsigned_abs()))
}

fn listed_key(key: &ApiKey) -> Value {
    context! {
        id => key.id.0,
        kind => key.kind.as_str(),
        prefix => key.prefix.as_str(),
        created_at => Value::from(Serde(key.created_at)),
    }
}

/// The last entry that was stored.
struct Latest {
    id: Option<i64>,
    created_at: UtcMillis,
    values: [Option<String>; FIELDS],
    /// Latitude, longitude, elevation, status.
    texts: [Option<String>; 4],
}

fn latest(view: &dyn View, id: ChannelId) -> Result<Option<Latest>, StoreError> {
    let mut found = None;
    view.entry(id, Which::Last, &mut |row| {
        found = Some(Latest {
            id: row.id.map(|id| id.0),
            created_at: row.created_at,
            values: row.values.map(|value| value.map(str::to_owned)),
            texts: row.texts.map(|text| text.map(str::to_owned)),
        });
    })?;
    Ok(found)
}

impl Latest {
    /// The values that are there, with the labels of their fields.
    fn shown(&self, channel: &Channel) -> Value {
        let labels = channel.settings.labels.each();
        let values = self.values.iter().enumerate().filter_map(|(index, value)| {
            Some(context! { number => index + 1, label => labels[index], value => value.as_deref()? })
        });
        let [latitude, longitude, elevation, status] = &self.texts;
        context! {
            id => self.id,
            created_at => Value::from(Serde(self.created_at)),
            values => values.collect::<Vec<_>>(),
            latitude,
            longitude,
            elevation,
            status,
        }
    }
}

type Points = [(UtcMillis, Option<Point>)];

/// The mean of each short time, and where there are several values the lowest and the highest.
fn chart(words: &Words, label: &str, outlined: &Outlined) -> Option<Value> {
    let known: Vec<&Point> = outlined.points.iter().filter_map(|(_, point)| point.as_ref()).collect();
    if known.is_empty() {
        return None;
    }
    let is_dense = known.iter().any(|point| point.count > 1);
    let series = |value: fn(&Point) -> f64| -> Vec<(f64, Option<f64>)> {
        let silences = outline::silences(&known).map(|at| (at.0 as f64, None));
        let values = known.iter().map(|point| (point.at.0 as f64, Some(value(point))));
        let mut all: Vec<_> = values.chain(silences).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    };
    let (mean, low, high) =
        (series(|point| point.mean), series(|point| point.low), series(|point| point.high));
    let [mean_label, low_label, high_label] =
        ["channels.mean", "channels.low", "channels.high"].map(|key| words.text(key));
    let all = [
        Series { label: if is_dense { &mean_label } else { label }, points: &mean },
        Series { label: &low_label, points: &low },
        Series { label: &high_label, points: &high },
    ];
    let description = words.text("channels.chart_described");
    Some(Value::from_safe_string(chart::lines(&Chart {
        title: label,
        description: &description,
        x_label: "",
        y_label: "",
        x: Axis::Utc,
        series: if is_dense { &all } else { &all[..1] },
        threshold: None,
        between: Some((outlined.span.0.0 as f64, outlined.span.1.0 as f64)),
        from_zero: false,
    })))
}

/// The points of a chart as a table, the newest first.
fn rows(points: &Points) -> Vec<Value> {
    let row = |point: &Point| {
        context! {
            at => Value::from(Serde(point.at)),
            mean => point.mean,
            low => point.low,
            high => point.high,
            count => point.count,
        }
    };
    points.iter().rev().filter_map(|(_, point)| point.as_ref().map(row)).collect()
}

/// Where devices reach this server, as far as whoever asks has told.
fn address(state: &State, arrival: &Arrival) -> String {
    let is_plain = |host: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    };
    let scheme = if arrival.is_https { "https" } else { "http" };
    let host = arrival.host.as_deref().filter(is_plain);
    let host = host.map_or_else(|| state.address.to_string(), str::to_owned);
    format!("{scheme}://{host}{}", state.root_path)
}
