//! What servers were asked over time, in equal slots: what a chart shows.

use super::latency::Latency;
use super::unit::UtcMillis;

/// How many slots one answer has at most.
pub const SLOTS_MAX: i64 = 400;

/// Which time, in slots of which length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The start of the first slot: a multiple of their length.
    pub from: UtcMillis,
    /// Now: the last slot may not be over.
    pub to: UtcMillis,
    /// Milliseconds; whole minutes.
    pub slot_ms: i64,
}

impl Span {
    /// The slots up to `now` that reach back so far. They are longer where there would be more than [`SLOTS_MAX`].
    pub fn back(now: UtcMillis, reach_ms: i64, slot_ms: i64) -> Self {
        let slot_ms = slot_ms.max(60_000).max(reach_ms / SLOTS_MAX);
        let from = now.0.saturating_sub(reach_ms);
        Self { from: UtcMillis(from - from.rem_euclid(slot_ms)), to: now, slot_ms }
    }

    /// The start of the slot that `at` lies in.
    pub fn start_of(&self, at: UtcMillis) -> UtcMillis {
        UtcMillis(at.0 - (at.0 - self.from.0).rem_euclid(self.slot_ms))
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

/// Live traffic of the newest slots in one, as far as they reach back: requests a second, and how long they took. `None` when
/// no server was there.
pub fn now(slots: &[Slot], since: UtcMillis) -> Option<(f64, Latency)> {
    let recent = || slots.iter().filter(|slot| slot.starts_at >= since);
    let seconds: f64 = recent().map(|slot| slot.seconds).sum();
    let requests: u64 = recent().map(|slot| slot.live.requests).sum();
    let mut latency = Latency::coarse();
    recent().for_each(|slot| latency.merge(&slot.live.latency));
    (seconds > 0.0).then(|| (requests as f64 / seconds, latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn slots_begin_at_multiples_and_are_not_too_many() {
        let span = Span::back(UtcMillis(10 * MINUTE + 7), 5 * MINUTE, MINUTE);
        assert_eq!((span.from.0, span.slot_ms), (5 * MINUTE, MINUTE));
        assert_eq!(span.start_of(UtcMillis(6 * MINUTE + 59)).0, 6 * MINUTE);
        let long = Span::back(UtcMillis(0), 400_000 * MINUTE, MINUTE);
        assert_eq!(long.slot_ms, 1000 * MINUTE);
        assert!((long.to.0 - long.from.0) / long.slot_ms <= SLOTS_MAX);
    }

    #[test]
    fn now_is_what_the_newest_slots_have_together() {
        let slot = |minute: i64, requests: u64| {
            let mut slot = Slot::new(UtcMillis(minute * MINUTE), 60.0);
            slot.live.requests = requests;
            slot
        };
        let slots = [slot(0, 6000), slot(1, 60), slot(2, 180)];
        assert_eq!(now(&slots, UtcMillis(MINUTE)).map(|(rps, _)| rps), Some(2.0));
        assert!(now(&slots, UtcMillis(3 * MINUTE)).is_none());
    }
}
