//! Aggregates of a channel over slots of time, in one pass over entries in the order of time.

use std::collections::BTreeMap;

use jiff::{RoundMode, Unit, ZonedRound};

use super::channel::FIELDS;
use super::entry::Row;
use super::number::{self, Number};
use super::unit::UtcMillis;
use super::zone::Zone;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Different values of all fields in one slot of which a median is taken: some 15 MB.
pub const MEDIAN_VALUES_MAX: usize = 250_000;

/// How long a slot is. Slots begin at multiples of their length from midnight, in the zone of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// 10, 15, 20, 30 or 60 minutes.
    Minutes(u8),
    /// 4 or 12 hours. One in which the clocks change is longer or shorter.
    Hours(u8),
    /// From midnight to midnight: 23 or 25 hours when the clocks change.
    Day,
}

impl Slot {
    /// `10`, `15`, `20`, `30`, `60`, `240`, `720`, `1440` minutes or `daily`; `None` for anything else, which
    /// ThingSpeak ignores.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "10" => Some(Self::Minutes(10)),
            "15" => Some(Self::Minutes(15)),
            "20" => Some(Self::Minutes(20)),
            "30" => Some(Self::Minutes(30)),
            "60" => Some(Self::Minutes(60)),
            "240" => Some(Self::Hours(4)),
            "720" => Some(Self::Hours(12)),
            "1440" | "daily" => Some(Self::Day),
            _ => None,
        }
    }

    fn length_ms(self) -> i64 {
        match self {
            Self::Minutes(minutes) => i64::from(minutes) * MINUTE_MS,
            Self::Hours(hours) => i64::from(hours) * HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }

    /// The beginning of the slot that contains `at`.
    pub fn start(self, at: UtcMillis, zone: &Zone) -> UtcMillis {
        let length = self.length_ms();
        let ahead = match (self, zone) {
            (Self::Minutes(_), _) | (_, Zone::Utc) => zone.ahead_ms(at),
            _ => return self.start_by_clock(at, zone).unwrap_or(at),
        };
        let local = at.0.saturating_add(ahead);
        UtcMillis((local - local.rem_euclid(length)).saturating_sub(ahead))
    }

    fn start_by_clock(self, at: UtcMillis, zone: &Zone) -> Option<UtcMillis> {
        let zoned = zone.zoned(at)?;
        let start = match self {
            Self::Hours(hours) => {
                let down =
                    ZonedRound::new().smallest(Unit::Hour).increment(i64::from(hours)).mode(RoundMode::Floor);
                zoned.round(down)
            }
            _ => zoned.start_of_day(),
        };
        start.ok().map(|start| UtcMillis(start.timestamp().as_millisecond()))
    }

    /// The beginning of the slot after the one that begins at `start`.
    pub fn next(self, start: UtcMillis, zone: &Zone) -> UtcMillis {
        // The second try is for a slot that a change of the clocks makes longer.
        [0, 2 * HOUR_MS]
            .iter()
            .map(|longer| self.start(UtcMillis(start.0.saturating_add(self.length_ms() + longer)), zone))
            .find(|next| *next > start)
            .unwrap_or(UtcMillis(start.0.saturating_add(self.length_ms())))
    }

    /// The beginning of the oldest of at most `slots` slots, of which the last contains `newest`; a slot later rather
    /// than too early where the clocks change in between.
    pub fn oldest_start(self, newest: UtcMillis, slots: u32, zone: &Zone) -> UtcMillis {
        let reach = i64::from(slots.saturating_sub(1)) * self.length_ms();
        let start = self.start(UtcMillis(newest.0.saturating_sub(reach)), zone);
        let reached = self.start(newest, zone).0.saturating_sub(start.0);
        if reached > reach { self.next(start, zone) } else { start }
    }
}

/// What becomes of the entries of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The first of them, as it is: ThingSpeak's `timescale`.
    First,
    /// The sum of the numbers of each field.
    Sum,
    /// Their arithmetic mean.
    Average,
    /// Their middle; of an even number the mean of the two in the middle.
    Median,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Of each slot.
    pub function: Function,
    /// The length of the slots.
    pub slot: Slot,
}

/// A slot holds more different values than [`MEDIAN_VALUES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slot has more than {MEDIAN_VALUES_MAX} different values; ask for the median of shorter ones")]
pub struct TooManyValues;

/// The values of one field in the present slot.
#[derive(Clone, Debug, Default)]
struct Values {
    first: Option<String>,
    sum: f64,
    count: u64,
    comma: bool,
    /// How often each value occurs, by the key of [`order`]. Only for medians.
    occurrences: BTreeMap<i64, u64>,
}

/// Takes entries in the order of time and gives a row for each slot: from the first with an entry to the last with one,
/// those without one in between, too. Values that are no numbers count for nothing, except for [`Function::First`].
/// Memory is that of one slot.
#[derive(Debug)]
pub struct Aggregator<'z> {
    aggregate: Aggregate,
    zone: &'z Zone,
    /// The present slot: its beginning and that of the next. `None` before the first entry.
    slot: Option<(UtcMillis, UtcMillis)>,
    fields: [Values; FIELDS],
}

impl<'z> Aggregator<'z> {
    /// Nothing yet.
    pub fn new(aggregate: Aggregate, zone: &'z Zone) -> Self {
        Self { aggregate, zone, slot: None, fields: Default::default() }
    }

    /// Takes the next entry. Slots that it ends go to `emit`.
    ///
    /// # Errors
    /// [`TooManyValues`] for a median.
    pub fn push(&mut self, row: &Row<'_>, emit: &mut impl FnMut(&Row<'_>)) -> Result<(), TooManyValues> {
        let slots = self.aggregate.slot;
        match self.slot {
            None => self.begin(slots.start(row.created_at, self.zone)),
            Some((_, end)) if row.created_at >= end => {
                self.finish(emit);
                let target = slots.start(row.created_at, self.zone);
                let mut empty = end;
                while empty < target {
                    emit(&Row { created_at: empty, id: None, values: [None; FIELDS], texts: [None; 4] });
                    empty = slots.next(empty, self.zone);
                }
                self.begin(empty.max(target));
            }
            Some(_) => {
                if self.aggregate.function == Function::First {
                    return Ok(());
                }
            }
        }
        self.add(row)
    }

    fn begin(&mut self, start: UtcMillis) {
        self.slot = Some((start, self.aggregate.slot.next(start, self.zone)));
        self.fields = Default::default();
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), TooManyValues> {
        for (field, value) in self.fields.iter_mut().zip(row.values) {
            let Some(text) = value else { continue };
            if self.aggregate.function == Function::First {
                field.first = Some(text.to_owned());
            } else if let Some(number) = number::parse(text) {
                field.sum += number.value;
                field.count += 1;
                field.comma |= number.comma;
                if self.aggregate.function == Function::Median {
                    *field.occurrences.entry(order(number.value)).or_default() += 1;
                }
            }
        }
        let different: usize = self.fields.iter().map(|field| field.occurrences.len()).sum();
        if different > MEDIAN_VALUES_MAX { Err(TooManyValues) } else { Ok(()) }
    }

    /// Gives the slot that is still open.
    pub fn finish(&mut self, emit: &mut impl FnMut(&Row<'_>)) {
        let Some((start, _)) = self.slot.take() else { return };
        let function = self.aggregate.function;
        let values = std::mem::take(&mut self.fields).map(|field| field.result(function));
        let values = values.each_ref().map(|value| value.as_deref());
        emit(&Row { created_at: start, id: None, values, texts: [None; 4] });
    }
}

impl Values {
    fn result(self, function: Function) -> Option<String> {
        if function == Function::First {
            return self.first;
        }
        if self.count == 0 {
            return None;
        }
        let value = match function {
            Function::First | Function::Sum => self.sum,
            Function::Average => self.sum / self.count as f64,
            Function::Median => self.median(),
        };
        // A sum can be more than a number can hold.
        value.is_finite().then(|| number::shortest(Number { value, comma: self.comma }))
    }

    fn median(&self) -> f64 {
        let (low, high) = ((self.count - 1) / 2, self.count / 2);
        let mut seen = 0;
        let (mut below, mut above) = (None, None);
        for (key, occurrences) in &self.occurrences {
            seen += occurrences;
            if below.is_none() && seen > low {
                below = Some(value(*key));
            }
            if seen > high {
                above = Some(value(*key));
                break;
            }
        }
        let (below, above) = (below.unwrap_or_default(), above.unwrap_or_default());
        below / 2.0 + above / 2.0
    }
}

/// A key that orders as the numbers do: IEEE 754's total order, as in [`f64::total_cmp`].
fn order(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// The number of a key of [`order`], which is its own inverse.
fn value(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

#[cfg(test)]
mod tests;
