//! Entries as they are read.

use super::channel::FIELDS;
use super::id::{ChannelId, EntryId};
use super::unit::UtcMillis;

/// Rows of one answer.
pub const ROWS_MAX: u32 = 8000;
/// Rows of an answer to a request that names no range.
pub const ROWS_DEFAULT: u32 = 100;

/// An entry, or an aggregate of several, lent for as long as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// When it was made; of an aggregate the beginning of its slot.
    pub created_at: UtcMillis,
    /// `None` for an aggregate.
    pub id: Option<EntryId>,
    /// `values[0]` is `field1`.
    pub values: [Option<&'a str>; FIELDS],
    /// Latitude, longitude, elevation and status; all `None` where they were not asked for.
    pub texts: [Option<&'a str>; 4],
}

/// The order of time; entries of the same time are in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Forwards.
    OldestFirst,
    /// Backwards, which is cheaper where only the newest are wanted.
    NewestFirst,
}

/// Which entries of a channel: all that fulfil every bound, or the newest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The oldest time, inclusive.
    pub from: UtcMillis,
    /// The newest time, inclusive.
    pub to: UtcMillis,
    /// The lowest id.
    pub first_id: EntryId,
    /// The highest id.
    pub last_id: EntryId,
    /// Only what comes after the entry of this time and id, in the order of time.
    pub after: Option<(UtcMillis, EntryId)>,
    /// So many of the newest, or where ids are bounded so many of the highest ids; `None` takes all.
    pub newest: Option<u32>,
    /// In which order they are shown.
    pub order: Order,
    /// Which fields are read; the others are `None`.
    pub fields: [bool; FIELDS],
    /// With position and status.
    pub texts: bool,
}

impl Selection {
    /// Every entry.
    pub const ALL: Self = Self {
        from: UtcMillis(i64::MIN),
        to: UtcMillis(i64::MAX),
        first_id: EntryId(1),
        last_id: EntryId(i64::MAX),
        after: None,
        newest: None,
        order: Order::OldestFirst,
        fields: [true; FIELDS],
        texts: true,
    };

    /// Whether ids are bounded, too.
    pub fn bounds_ids(&self) -> bool {
        (self.first_id, self.last_id) != (Self::ALL.first_id, Self::ALL.last_id)
    }
}

/// Which single entry of a channel. The last one is the one that was stored last, whatever its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// By its id.
    Id(EntryId),
    /// The last.
    Last,
    /// The last that has a value in a field.
    LastWith {
        /// From 0.
        field: usize,
        /// As far back as this.
        first_id: EntryId,
    },
}

/// An update that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where.
    pub channel: ChannelId,
    /// Its number there.
    pub id: EntryId,
    /// Its time: the device's own, or that of its arrival.
    pub created_at: UtcMillis,
}
