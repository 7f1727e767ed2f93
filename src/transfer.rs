//! Whole channels out of the store, a page at a time: of any size, in little memory, without holding on to an old state
//! of the database.

use std::ops::ControlFlow;

use crate::domain::entry::Selection;
use crate::domain::id::{ChannelId, EntryId};
use crate::domain::unit::UtcMillis;
use crate::store::{Look, Result, Store, StoreError, look};
use crate::thingspeak::export::Export;

/// Bytes of a page, and one entry more.
const PAGE_BYTES: usize = 256 * 1024;

/// A channel on its way out, as CSV in the order of time. Each page is one state of the database: what is added to the
/// end meanwhile comes, too, what is added before the present place does not.
pub struct Exporter<'s> {
    store: &'s dyn Store,
    channel: ChannelId,
    place: Place,
    highest_id: i64,
    /// Entries that were given so far.
    pub entries: u64,
}

#[derive(Clone, Copy)]
enum Place {
    Start,
    After(UtcMillis, EntryId),
    End,
}

impl<'s> Exporter<'s> {
    /// At the beginning.
    pub fn new(store: &'s dyn Store, channel: ChannelId) -> Self {
        Self { store, channel, place: Place::Start, highest_id: 0, entries: 0 }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such channel, or it is deleted meanwhile, and
    /// [`StoreError::Conflict`] when it is cleared.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let (channel, place, given) = (self.channel, self.place, self.highest_id);
        let after = match place {
            Place::Start => None,
            Place::After(created_at, id) => Some((created_at, id)),
            Place::End => return Ok(None),
        };
        let (page, entries, place, highest_id) = look(self.store, Look::Long, move |view| {
            let found = view.channel(channel)?;
            let found = found.ok_or_else(|| StoreError::NotFound(format!("channel {channel}")))?;
            if found.last_entry_id < given {
                return Err(StoreError::Conflict(format!("channel {channel} was cleared meanwhile")));
            }
            let mut export = if after.is_none() { Export::start() } else { Export::resume() };
            let (mut entries, mut place, mut highest_id) = (0, Place::End, given);
            view.entries(channel, &Selection { after, ..Selection::ALL }, &mut |row| {
                export.row(row);
                entries += 1;
                highest_id = highest_id.max(row.id.map_or(0, |id| id.0));
                match row.id {
                    Some(id) if export.bytes() >= PAGE_BYTES => {
                        place = Place::After(row.created_at, id);
                        ControlFlow::Break(())
                    }
                    _ => ControlFlow::Continue(()),
                }
            })?;
            Ok((export.into_bytes(), entries, place, highest_id))
        })
        .await?;
        self.place = place;
        self.highest_id = highest_id;
        self.entries += entries;
        Ok(Some(page))
    }
}
