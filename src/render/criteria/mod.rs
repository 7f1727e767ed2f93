//! A check in every format: for people, for monitoring, for continuous integration, for a report.

pub mod junit;
pub mod lists;
pub mod markdown;
pub mod migration_plan;
pub mod nagios;
pub mod prometheus;
pub mod terminal;

use crate::domain::criteria::check::{Check, Criterion, Flag};
use crate::domain::criteria::verdict::Colour;

/// `1813 ms`, `–` when it is not known.
fn value(criterion: &Criterion) -> String {
    criterion.value.map_or_else(|| "–".into(), |value| criterion.id.text(value))
}

/// `2000 ms`, `5 or more`.
fn threshold(criterion: &Criterion) -> String {
    let text = criterion.id.text(criterion.threshold);
    if criterion.id.crosses_at_threshold() { format!("{text} or more") } else { text }
}

/// The raised flags of a colour.
fn raised(check: &Check, colour: Colour) -> impl Iterator<Item = &Flag> {
    check.flags.iter().filter(move |flag| flag.colour == colour && flag.raised == Some(true))
}
