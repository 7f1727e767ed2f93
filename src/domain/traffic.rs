//! What servers were asked over time, in equal slots: what a chart shows.

use super::latency::Latency;
use super::unit::UtcMillis;

/// How many slots one answer has at most.
pub const SLOTS_MAX: i64 = 400;
const MINUTE_MS: i64 = 60_000;
/// How late what was counted may be stored, in milliseconds.
const STORED_LATE_MS: i64 = 15_000;
/// What counts as now, in milliseconds.
const NOW_MS: i64 = 5 * MINUTE_MS;

/// Which time, in slots of which length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The start of the first slot: a multiple of their length.
    pub from: UtcMillis,
    /// The end of the last minute of which all is stored: the last slot may not be over.
    pub to: UtcMillis,
    /// Milliseconds; whole minutes.
    pub slot_ms: i64,
}

impl Span {
    /// The slots up to `now` that reach back so far. They are longer where there would be more than [`SLOTS_MAX`].
    pub fn back(now: UtcMillis, reach_ms: i64, slot_ms: i64) -> Self {
        let slot_ms = slot_ms.max(MINUTE_MS).max(reach_ms / SLOTS_MAX);
        let stored = now.0.saturating_sub(STORED_LATE_MS);
        let to = stored - stored.rem_euclid(MINUTE_MS);
        let from = to.saturating_sub(reach_ms);
        Self { from: UtcMillis(from - from.rem_euclid(slot_ms)), to: UtcMillis(to), slot_ms }
    }

    /// What counts as now: the last minutes that are over.
    pub fn recent(now: UtcMillis) -> Self {
        Self::back(now, NOW_MS, MINUTE_MS)
    }

    /// The start of the slot that `at` lies in.
    pub fn start_of(&self, at: UtcMillis) -> UtcMillis {
        UtcMillis(at.0 - (at.0 - self.from.0).rem_euclid(self.slot_ms))
    }

    /// All slots, the oldest first: `None` where no server was there. `slots` are in order. What is remembered as a longer
    /// period stands at its start, and the slots that it reaches into are left out.
    pub fn filled<'s>(&self, slots: &'s [Slot]) -> Vec<(UtcMillis, Option<&'s Slot>)> {
        let mut slots = slots.iter().peekable();
        let (mut filled, mut covered_to, mut start) = (Vec::new(), i64::MIN, self.from.0);
        while start < self.to.0 {
            let slot = slots.next_if(|slot| slot.starts_at.0 <= start);
            if let Some(slot) = slot {
                covered_to = start.saturating_add((slot.seconds * 1000.0) as i64);
            }
            if slot.is_some() || start >= covered_to {
                filled.push((UtcMillis(start), slot));
            }
            start = start.saturating_add(self.slot_ms.max(1));
        }
        filled
    }
}

/// A slot in which a server was there.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its start.
    pub starts_at: UtcMillis,
    /// How long it was looked at: longer than the others where only a longer period is remembered, shorter while it is not
    /// over.
    pub seconds: f64,
    /// Devices, readers, people.
    pub live: Asked,
    /// Stress tests.
    pub stress: Asked,
}

/// What was asked in a slot.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Requests.
    pub requests: u64,
    /// Of these, those that were answered with a status from 500.
    pub server_errors: u64,
    /// How long those of devices, readers and agents took that run no command: these take as long as the command.
    pub latency: Latency,
}

impl Default for Asked {
    fn default() -> Self {
        Self { requests: 0, server_errors: 0, latency: Latency::coarse() }
    }
}

impl Slot {
    /// Nothing yet.
    pub fn new(starts_at: UtcMillis, seconds: f64) -> Self {
        Self { starts_at, seconds, live: Asked::default(), stress: Asked::default() }
    }

    /// Requests a second.
    pub fn rps(&self, asked: &Asked) -> f64 {
        if self.seconds > 0.0 { asked.requests as f64 / self.seconds } else { 0.0 }
    }
}

/// Live traffic of slots in one: requests a second, and how long they took. `None` when no server was there.
pub fn together(slots: &[Slot]) -> Option<(f64, Latency)> {
    let seconds: f64 = slots.iter().map(|slot| slot.seconds).sum();
    let requests: u64 = slots.iter().map(|slot| slot.live.requests).sum();
    let mut latency = Latency::coarse();
    slots.iter().for_each(|slot| latency.merge(&slot.live.latency));
    (seconds > 0.0).then(|| (requests as f64 / seconds, latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = MINUTE_MS;

    fn slot(minute: i64, requests: u64) -> Slot {
        let mut slot = Slot::new(UtcMillis(minute * MINUTE), 60.0);
        slot.live.requests = requests;
        slot
    }

    #[test]
    fn slots_begin_at_multiples_and_are_not_too_many() {
        let span = Span::back(UtcMillis(10 * MINUTE + STORED_LATE_MS), 5 * MINUTE, MINUTE);
        assert_eq!((span.from.0, span.to.0, span.slot_ms), (5 * MINUTE, 10 * MINUTE, MINUTE));
        assert_eq!(span.start_of(UtcMillis(6 * MINUTE + 59)).0, 6 * MINUTE);
        let long = Span::back(UtcMillis(0), 400_000 * MINUTE, MINUTE);
        assert_eq!(long.slot_ms, 1000 * MINUTE);
        assert!((long.to.0 - long.from.0) / long.slot_ms <= SLOTS_MAX);
    }

    #[test]
    fn now_is_the_last_minutes_that_are_stored_wherever_slots_of_a_chart_begin() {
        for (now, to) in [(20 * MINUTE + STORED_LATE_MS, 20), (20 * MINUTE + 1, 19), (23 * MINUTE - 1, 22)] {
            let recent = Span::recent(UtcMillis(now));
            assert_eq!((recent.from.0, recent.to.0), ((to - 5) * MINUTE, to * MINUTE), "{now}");
            assert_eq!(recent.slot_ms, MINUTE);
        }
        assert_eq!(together(&[slot(1, 60), slot(2, 180)]).map(|(rps, _)| rps), Some(2.0));
        assert!(together(&[]).is_none());
    }

    #[test]
    fn slots_without_a_server_are_there_as_such() {
        let span = Span { from: UtcMillis(0), to: UtcMillis(7 * MINUTE), slot_ms: MINUTE };
        let long = Slot { seconds: 180.0, ..slot(3, 7) };
        let slots = [slot(1, 5), long];
        let filled: Vec<_> =
            span.filled(&slots).into_iter().map(|(at, slot)| (at.0 / MINUTE, slot.is_some())).collect();
        assert_eq!(filled, [(0, false), (1, true), (2, false), (3, true), (6, false)]);
        assert_eq!(span.filled(&[]).len(), 7);
    }
}
