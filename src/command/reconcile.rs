//! What the database says of the rows that were acknowledged: whether each is there, and, on a channel that is not the run's
//! own, their removal.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::cannot;
use crate::clock;
use crate::domain::acknowledged::Acknowledged;
use crate::domain::channel::KeyKind;
use crate::domain::id::ChannelId;
use crate::domain::rows::{Rows, Series};
use crate::domain::secret::SecretHash;
use crate::domain::unit::UtcMillis;
use crate::exit::Failure;
use crate::store::sqlite::Sqlite;
use crate::store::{IdRange, Look, RowStore as _, look};

/// Ranges of ids that are looked up at once.
const RANGES_MAX: usize = 5000;
/// Rows that are deleted in one transaction, so that devices hardly wait.
const REMOVED_MAX: u64 = 2000;
/// Between two such transactions: devices' updates go first.
const PAUSE: Duration = Duration::from_millis(5);
/// A retention that is no longer than the run and this may have deleted rows of the run.
const RETENTION_MARGIN_MS: i64 = 120_000;

/// What is done with the rows of a run once they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// They are deleted.
    Remove,
    /// They stay.
    Keep,
    /// They go with their channel, which was made for the run.
    LeaveInChannel,
}

/// The channel that a run writes to, as the database at hand has it before the run.
pub struct Channel {
    id: ChannelId,
    before: Series,
    started_at: UtcMillis,
}

impl Channel {
    /// Looks for the channel that `api_key` opens.
    ///
    /// # Errors
    /// With why the rows of the run cannot be counted.
    pub async fn find(store: &Sqlite, api_key: &str) -> Result<Self, String> {
        let hash = SecretHash::of(api_key);
        let opened = look(store, Look::Short, move |view| view.key(&hash)).await;
        let not_at_hand =
            "the database that the server uses is not at hand: --db has no channel for this key";
        match opened {
            Ok(Some((id, KeyKind::Write))) => match store.series(id).await {
                Ok(Some(before)) => Ok(Self { id, before, started_at: clock::utc() }),
                Ok(None) => Err(not_at_hand.into()),
                Err(error) => Err(format!("they could not be looked up: {error}")),
            },
            Ok(_) => Err(not_at_hand.into()),
            Err(error) => Err(format!("they could not be looked up: {error}")),
        }
    }

    /// Its number.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Looks for each acknowledged row, and deletes them where all is well and they are to be deleted.
    pub async fn settle(
        &self,
        store: &Sqlite,
        acknowledged: &Acknowledged,
        afterwards: Afterwards,
    ) -> Result<Rows, Failure> {
        let rows = Rows::new(acknowledged);
        let after = store.series(self.id).await.map_err(cannot("cannot look for the rows of the run"))?;
        if let Some(why) = self.why_not(after, acknowledged) {
            return Ok(rows.noted(why));
        }
        let mut rows = count(store, &self.before, acknowledged, rows).await?;
        let before = u64::try_from(self.before.last_entry_id).unwrap_or(0);
        let again: u64 = acknowledged.ranges().map(|ids| length(*ids.start(), before.min(*ids.end()))).sum();
        rows.given_twice += again;
        if rows.wrong().is_some() {
            return Ok(rows.noted("they were left where they are, for whoever looks into this"));
        }
        match afterwards {
            Afterwards::Keep => return Ok(rows.noted("they were kept, as --keep-rows says")),
            Afterwards::LeaveInChannel => {
                return Ok(rows.noted("they go with their channel, which was made for the run"));
            }
            Afterwards::Remove => rows.removed = Some(self.remove(store, acknowledged).await?),
        }
        Ok(rows)
    }

    /// Why what is in the database says nothing about the rows.
    fn why_not(&self, after: Option<Series>, acknowledged: &Acknowledged) -> Option<String> {
        let id = self.id;
        let Some(after) = after else { return Some(format!("channel {id} was deleted during the run")) };
        if after.id != self.before.id {
            return Some(format!("channel {id} was cleared during the run"));
        }
        if acknowledged.untracked() > 0 {
            return Some("the entry ids lie too far apart to be kept".into());
        }
        let elapsed = clock::utc().0.saturating_sub(self.started_at.0);
        if after.retention_ms.is_some_and(|kept| kept <= elapsed.saturating_add(RETENTION_MARGIN_MS)) {
            return Some(format!("channel {id} does not keep its entries for as long as the run took"));
        }
        let counter = after.last_entry_id;
        (!is_same_database(&self.before, &after, acknowledged)).then(|| {
            format!(
                "--db is not the database that the server uses: the last entry of its channel {id} is {counter}, and \
                 the ids that were given do not go with that"
            )
        })
    }

    async fn remove(&self, store: &Sqlite, acknowledged: &Acknowledged) -> Result<u64, Failure> {
        let mut removed = 0;
        for ranges in batches(acknowledged.ranges(), REMOVED_MAX) {
            let deleted = store.remove_rows(self.before.id, ranges).await;
            removed += deleted.map_err(cannot("cannot delete the rows of the run"))?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(removed)
    }
}

/// Each acknowledged update moves the counter, so that it moves at least as far as there are ids; and where updates were
/// lost with their counter, the ids begin where it was before.
fn is_same_database(before: &Series, after: &Series, acknowledged: &Acknowledged) -> bool {
    let id = |id: i64| u64::try_from(id).unwrap_or(0);
    let (before, after) = (id(before.last_entry_id), id(after.last_entry_id));
    let first = acknowledged.bounds().map_or(0, |(first, _)| first);
    after.saturating_sub(before) >= acknowledged.count() || (before < first && first <= after)
}

/// Looks for each acknowledged row of a series.
pub async fn count(
    store: &Sqlite,
    series: &Series,
    acknowledged: &Acknowledged,
    rows: Rows,
) -> Result<Rows, Failure> {
    let mut stored = 0;
    let mut ranges = acknowledged.ranges().map(RangeInclusive::into_inner);
    loop {
        let some: Vec<_> = ranges.by_ref().take(RANGES_MAX).collect();
        if some.is_empty() {
            break;
        }
        let counted = store.count_rows(series.id, some).await;
        stored += counted.map_err(cannot("cannot look for the rows of the run"))?;
    }
    Ok(Rows { missing: Some(acknowledged.count().saturating_sub(stored)), ..rows })
}

fn length(first: u64, last: u64) -> u64 {
    if first <= last { last - first + 1 } else { 0 }
}

/// The same ids in batches of at most `size`.
fn batches(
    ranges: impl Iterator<Item = RangeInclusive<u64>>,
    size: u64,
) -> impl Iterator<Item = Vec<IdRange>> {
    let mut ranges = ranges.map(RangeInclusive::into_inner);
    let mut rest: Option<IdRange> = None;
    std::iter::from_fn(move || {
        let mut batch = Vec::new();
        let mut room = size;
        while room > 0 {
            let Some((first, last)) = rest.take().or_else(|| ranges.next()) else { break };
            let end = last.min(first.saturating_add(room - 1));
            batch.push((first, end));
            room -= length(first, end);
            rest = (end < last).then_some((end + 1, last));
        }
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::SeriesId;

    #[test]
    fn batches_are_of_a_size_and_leave_nothing_out() {
        let all: Vec<_> = batches([1..=5, 8..=8, 10..=17].into_iter(), 4).collect();
        assert_eq!(all, [vec![(1, 4)], vec![(5, 5), (8, 8), (10, 11)], vec![(12, 15)], vec![(16, 17)]]);
    }

    #[test]
    fn a_database_is_the_servers_when_its_counter_goes_with_the_ids() {
        let series = |last_entry_id| Series { id: SeriesId(1), last_entry_id, retention_ms: None };
        let mut acknowledged = Acknowledged::default();
        (101..=200).for_each(|id| acknowledged.insert(id));
        for (before, after, same) in [
            (100, 200, true),
            (100, 5000, true),
            (100, 150, true),  // half of them are lost, which is for the count to say
            (150, 250, true),  // ids from before the run were given again
            (100, 100, false), // a copy
            (7, 7, false),
            (7, 20, false), // a copy with traffic of its own
        ] {
            assert_eq!(
                is_same_database(&series(before), &series(after), &acknowledged),
                same,
                "{before}, {after}"
            );
        }
    }
}
