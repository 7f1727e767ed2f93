//! What is to be sent next. Pacing is a value here, so that there is one send loop for every mode.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::clock;
use crate::domain::schedule::Schedule;

/// When the next request is due.
pub enum Pacing {
    /// The open model: at its place in the schedule, whether a worker is free or not.
    Open(Schedule),
    /// The closed model: whenever a worker is free, until this time.
    Closed(Instant),
}

/// The arrivals of one generator thread. Those that are due wait here, as a number: their due times follow from the
/// schedule, so that a long stall costs no memory. All tasks that touch them run on that thread.
pub struct Arrivals {
    pacing: Pacing,
    start: Instant,
    /// Arrivals that are due and not taken. Closed when nothing further is to be sent.
    due: Semaphore,
    taken: AtomicU64,
    released: AtomicU64,
}

impl Arrivals {
    pub fn new(pacing: Pacing, start: Instant) -> Self {
        let arrivals = Self { pacing, start, due: Semaphore::new(0), taken: 0.into(), released: 0.into() };
        if let Pacing::Open(schedule) = &arrivals.pacing
            && schedule.total() == 0
        {
            arrivals.close();
        }
        arrivals
    }

    /// Makes the next `count` arrivals due.
    pub fn release(&self, count: u64) {
        self.released.fetch_add(count, Relaxed);
        self.due.add_permits(count as usize);
    }

    /// The due time of the oldest arrival that nobody has taken, once there is one; `None` when nothing further is to
    /// be sent.
    pub async fn next(&self) -> Option<Instant> {
        match &self.pacing {
            Pacing::Closed(until) => {
                let mut now = clock::instant();
                if now < self.start {
                    tokio::time::sleep_until(self.start.into()).await;
                    now = clock::instant();
                }
                (now < *until && !self.due.is_closed()).then_some(now)
            }
            Pacing::Open(schedule) => {
                self.due.acquire().await.ok()?.forget();
                let index = self.taken.fetch_add(1, Relaxed);
                if index + 1 == schedule.total() {
                    self.close();
                }
                Some(self.start + schedule.due(index))
            }
        }
    }

    /// Ends the sending: whoever waits for an arrival gets `None`.
    pub fn close(&self) {
        self.due.close();
    }

    /// The due times of arrivals that were due and that nobody has taken.
    pub fn untaken(&self) -> impl Iterator<Item = Instant> {
        let schedule = match &self.pacing {
            Pacing::Open(schedule) => Some(*schedule),
            Pacing::Closed(_) => None,
        };
        let untaken = self.taken.load(Relaxed)..self.released.load(Relaxed);
        let start = self.start;
        schedule
            .into_iter()
            .flat_map(move |schedule| untaken.clone().map(move |index| start + schedule.due(index)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn arrivals_are_taken_in_order_and_none_is_lost() {
        let start = clock::instant();
        let schedule = Schedule::constant(10, Duration::from_secs(1));
        let arrivals = Arrivals::new(Pacing::Open(schedule), start);
        arrivals.release(4);
        for index in 0..3 {
            assert_eq!(arrivals.next().await, Some(start + Duration::from_millis(100 * index)));
        }
        arrivals.release(2);
        arrivals.close();
        assert_eq!(arrivals.next().await, None);
        let untaken: Vec<_> = arrivals.untaken().map(|due| due - start).collect();
        assert_eq!(untaken, [300, 400, 500].map(Duration::from_millis));
    }

    #[tokio::test]
    async fn a_share_without_arrivals_ends_at_once() {
        let schedule = Schedule::constant(1, Duration::from_secs(1)).share(3, 4);
        assert_eq!(Arrivals::new(Pacing::Open(schedule), clock::instant()).next().await, None);
    }

    #[tokio::test]
    async fn nothing_is_sent_before_the_start() {
        let start = clock::instant() + Duration::from_millis(10);
        let arrivals = Arrivals::new(Pacing::Closed(start + Duration::from_secs(60)), start);
        assert!(arrivals.next().await.is_some_and(|due| due >= start));
        arrivals.close();
        assert_eq!(arrivals.next().await, None);
    }

    #[tokio::test]
    async fn the_last_arrival_ends_the_sending() {
        let schedule = Schedule::constant(2, Duration::from_secs(1));
        let arrivals = Arrivals::new(Pacing::Open(schedule), clock::instant());
        arrivals.release(2);
        assert!(arrivals.next().await.is_some());
        assert!(arrivals.next().await.is_some());
        assert_eq!(arrivals.next().await, None);
        assert_eq!(arrivals.untaken().count(), 0);
    }
}
