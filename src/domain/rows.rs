//! What has become of the rows that a run has written.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::acknowledged::Acknowledged;
use super::id::SeriesId;

/// Ranges of ids that a report names.
const RANGES_MAX: usize = 100;

/// A channel's entries at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// Another once the channel was cleared.
    pub id: SeriesId,
    /// The id that was given last; 0 before the first.
    pub last_entry_id: i64,
    /// For how long the channel keeps its entries; `None` keeps all.
    pub retention_ms: Option<i64>,
}

/// The rows of a run. What is not known is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunRows)]
pub struct Rows {
    /// Different entry ids that were given to acknowledged updates.
    pub acknowledged: u64,
    /// How often an id was given that had been given before.
    pub given_twice: u64,
    /// First and last of each range of them; `null` when those are more than 100.
    pub entry_ids: Option<Vec<(u64, u64)>>,
    /// Acknowledged updates that are not in the database; `null` where that is not at hand.
    pub missing: Option<u64>,
    /// Those that were deleted after they were counted.
    pub removed: Option<u64>,
    /// Why they were not counted, or were left where they are.
    pub note: Option<String>,
}

impl Rows {
    /// What the generator knows of them by itself.
    pub fn new(acknowledged: &Acknowledged) -> Self {
        let ranges: Vec<_> = acknowledged.ranges().take(RANGES_MAX + 1).map(|ids| ids.into_inner()).collect();
        Self {
            acknowledged: acknowledged.count(),
            given_twice: acknowledged.given_twice(),
            entry_ids: (ranges.len() <= RANGES_MAX && acknowledged.untracked() == 0).then_some(ranges),
            missing: None,
            removed: None,
            note: None,
        }
    }

    /// The same, with a note.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// What is wrong with them; `None` where nothing is, or the database is not at hand.
    pub fn wrong(&self) -> Option<String> {
        let missing = self.missing?;
        match (missing, self.given_twice) {
            (0, 0) => None,
            (0, twice) => Some(format!("{twice} updates got an entry id that another had got already")),
            (missing, 0) => Some(format!("{missing} acknowledged updates are not in the database")),
            (missing, twice) => Some(format!(
                "{missing} acknowledged updates are not in the database, and {twice} got an entry id that another \
                 had got already"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: &[u64], missing: Option<u64>) -> Rows {
        let mut acknowledged = Acknowledged::default();
        ids.iter().for_each(|id| acknowledged.insert(*id));
        Rows { missing, ..Rows::new(&acknowledged) }
    }

    #[test]
    fn a_missing_row_and_an_id_given_twice_are_wrong_where_the_database_is_at_hand() {
        for (ids, missing, wrong) in [
            (&[1, 2, 3][..], Some(0), None),
            (&[1, 2, 2], None, None),
            (&[1, 2, 2], Some(0), Some("1 updates got an entry id that another had got already")),
            (&[1, 2], Some(1), Some("1 acknowledged updates are not in the database")),
        ] {
            assert_eq!(rows(ids, missing).wrong().as_deref(), wrong, "{ids:?} {missing:?}");
        }
    }

    #[test]
    fn ranges_are_named_up_to_a_bound() {
        assert_eq!(rows(&[1, 2, 3, 7], None).entry_ids, Some(vec![(1, 3), (7, 7)]));
        let apart = |count: u64| rows(&(1..=count).map(|id| 2 * id).collect::<Vec<_>>(), None).entry_ids;
        assert_eq!(apart(100).map(|ranges| ranges.len()), Some(100));
        assert_eq!(apart(101), None);
    }
}
