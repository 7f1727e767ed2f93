//! What fields did, for charts. Where that took long to find out it is kept for some seconds.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::channel::FIELDS;
use crate::domain::entry::{Order, Selection};
use crate::domain::id::ChannelId;
use crate::domain::number;
use crate::domain::outline::{Outline, Point};
use crate::domain::unit::UtcMillis;
use crate::store::{StoreError, View};

/// The newest entries that a chart looks at: of more in its time it shows the newest part.
const ENTRIES_MAX: u32 = 500_000;
/// Outlines that are kept: each has up to 180 points.
const OUTLINES_MAX: usize = 32;
/// How long one is shown before it is read again.
const KEPT: Duration = Duration::from_secs(10);
/// Entries from which on one is kept: fewer are read in some milliseconds.
const KEPT_ENTRIES_MIN: u32 = 20_000;

/// Of which field, and how far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub channel: ChannelId,
    /// When the channel was last changed, or entries were taken away.
    pub updated_at: UtcMillis,
    /// From 0.
    pub field: usize,
    /// Milliseconds.
    pub reach_ms: i64,
}

/// What a field did in a time.
pub struct Outlined {
    /// The time.
    pub span: (UtcMillis, UtcMillis),
    /// As [`Outline::points`] has them.
    pub points: Vec<(UtcMillis, Option<Point>)>,
    /// From when on, where there are more entries than are looked at.
    pub shown_since: Option<UtcMillis>,
    /// Entries that were looked at.
    entries: u32,
}

/// Those that were found out not long ago, the newest last.
#[derive(Default)]
pub struct Outlines(Mutex<VecDeque<(Wanted, Instant, Arc<Outlined>)>>);

impl Outlines {
    /// One that is not too old.
    pub fn kept(&self, wanted: &Wanted, now: Instant) -> Option<Arc<Outlined>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &Instant| now.saturating_duration_since(*at) < KEPT;
        let found = kept.iter().find(|(known, at, _)| known == wanted && is_fresh(at));
        found.map(|(_, _, outlined)| Arc::clone(outlined))
    }

    /// Keeps one that took long.
    pub fn keep(&self, wanted: Wanted, now: Instant, outlined: &Arc<Outlined>) {
        if outlined.entries < KEPT_ENTRIES_MIN {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, ..)| *known != wanted);
        if kept.len() >= OUTLINES_MAX {
            kept.pop_front();
        }
        kept.push_back((wanted, now, Arc::clone(outlined)));
    }
}

impl Wanted {
    /// Reads what the field did until now, of the values that are numbers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(&self, view: &dyn View, now: UtcMillis) -> Result<Outlined, StoreError> {
        let (from, to) = (UtcMillis(now.0 - self.reach_ms), now);
        let mut outline = Outline::new(from, to);
        let (mut entries, mut oldest) = (0, to);
        let mut fields = [false; FIELDS];
        fields[self.field] = true;
        let selection = Selection {
            from,
            to,
            newest: Some(ENTRIES_MAX),
            order: Order::NewestFirst,
            fields,
            texts: false,
            ..Selection::ALL
        };
        view.entries(self.channel, &selection, &mut |row| {
            (entries, oldest) = (entries + 1, row.created_at);
            if let Some(number) = row.values[self.field].and_then(number::parse) {
                outline.push(row.created_at, number.value);
            }
            ControlFlow::Continue(())
        })?;
        let shown_since = (entries >= ENTRIES_MAX).then_some(oldest);
        Ok(Outlined { span: (from, to), points: outline.points(), shown_since, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(channel: i64) -> Wanted {
        Wanted { channel: ChannelId(channel), updated_at: UtcMillis(0), field: 0, reach_ms: 1 }
    }

    fn outlined(entries: u32) -> Arc<Outlined> {
        let span = (UtcMillis(0), UtcMillis(1));
        Arc::new(Outlined { span, points: Vec::new(), shown_since: None, entries })
    }

    #[test]
    fn what_took_long_is_kept_for_a_while_and_not_for_another_state_of_the_channel() {
        let (outlines, now) = (Outlines::default(), crate::clock::instant());
        outlines.keep(wanted(1), now, &outlined(KEPT_ENTRIES_MIN - 1));
        assert!(outlines.kept(&wanted(1), now).is_none(), "it takes no time");
        outlines.keep(wanted(1), now, &outlined(KEPT_ENTRIES_MIN));
        assert!(outlines.kept(&wanted(1), now).is_some());
        assert!(outlines.kept(&wanted(1), now + KEPT).is_none(), "it is too old");
        let cleared = Wanted { updated_at: UtcMillis(1), ..wanted(1) };
        assert!(outlines.kept(&cleared, now).is_none());
    }

    #[test]
    fn no_more_are_kept_than_may() {
        let (outlines, now) = (Outlines::default(), crate::clock::instant());
        for channel in 0..=OUTLINES_MAX as i64 {
            outlines.keep(wanted(channel), now, &outlined(KEPT_ENTRIES_MIN));
        }
        assert!(outlines.kept(&wanted(0), now).is_none(), "the oldest made room");
        assert!(outlines.kept(&wanted(1), now).is_some());
    }
}
