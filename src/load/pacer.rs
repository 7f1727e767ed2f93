//! Wakes when arrivals are due. A timerfd has a median lag of 0.05 ms, where the runtime's own timer rounds to 1 ms.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::arrivals::Arrivals;
use crate::clock;
use crate::domain::schedule::Schedule;

/// Up to this rate each arrival wakes the pacer.
const EACH_RPS_MAX: f64 = 5000.0;
/// Up to this rate it wakes every [`QUANTUM_MEDIUM`], above every [`QUANTUM_HIGH`].
const MEDIUM_RPS_MAX: f64 = 20_000.0;
const QUANTUM_MEDIUM: Duration = Duration::from_micros(250);
const QUANTUM_HIGH: Duration = Duration::from_micros(500);

/// Releases the arrivals of `schedule` when they are due, until the last one or until it is dropped.
pub async fn pace(schedule: Schedule, start: Instant, arrivals: &Arrivals) -> std::io::Result<()> {
    let timer = Timer::new()?;
    let mut released = 0;
    while released < schedule.total() {
        let now = clock::instant();
        let due = now.checked_duration_since(start).map_or(0, |elapsed| schedule.due_by(elapsed));
        if due > released {
            arrivals.release(due - released);
            released = due;
        } else {
            let due = schedule.due(released);
            let wait = (start + due).saturating_duration_since(now);
            timer.wait(wait.max(quantum(schedule.rps_at(due)))).await?;
        }
    }
    Ok(())
}

fn quantum(rps: f64) -> Duration {
    if rps <= EACH_RPS_MAX {
        Duration::from_nanos(1)
    } else if rps <= MEDIUM_RPS_MAX {
        QUANTUM_MEDIUM
    } else {
        QUANTUM_HIGH
    }
}

struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    #[allow(unsafe_code, reason = "the runtime has no safe way to watch a file descriptor")]
    fn new() -> std::io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an `OwnedFd` is open, stays the same descriptor, and the `AsyncFd` owns it until it is dropped.
        Ok(Self(unsafe { AsyncFd::register(descriptor) }?))
    }

    /// Waits for `time`, which is not zero: zero would disarm the timer.
    async fn wait(&self, time: Duration) -> std::io::Result<()> {
        let value = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            self.0.get_ref(),
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: interval, it_value: value },
        )?;
        // Nothing is read: arming it again sets the count of its expirations back, and the runtime watches for edges.
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}
