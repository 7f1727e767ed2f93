//! Looks after the server once a second: gathers what was counted, stores it, and looks whether the database and the
//! clock are well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::super::State;
use super::Waiting;
use crate::clock;
use crate::domain::clock_watch::ClockWatch;
use crate::domain::fault::{Condition, Fault};
use crate::domain::metrics::{IncidentKind, Usage, Writing};
use crate::domain::unit::UtcMillis;
use crate::log;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Looks between two writes to the database.
const TICKS_UNTIL_STORED: u32 = 10;
/// How long a look at the database may take: one whose disk is stuck does not answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Looks after the server until its database has a fault that only a restart ends, and returns that.
pub async fn watch(state: &State) -> Condition {
    let mut process = Process::new();
    let mut clocks = ClockWatch::new(clock::utc(), Duration::ZERO);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stalled = false;
    loop {
        tick.tick().await;
        gather(state, &mut process);
        log::report_repeats();
        let now = clock::utc();
        if let Some(step) = clocks.look(now, clock::instant().saturating_duration_since(state.started)) {
            state.metrics.count(IncidentKind::Fault, "clock_stepped_back", 1);
            tracing::warn!(
                by_ms = step.by_ms,
                "the clock was set back: entries get times before those of earlier ones, and ids go on as they do"
            );
        }
        state.set_clock_step(clocks.behind());
        // A look that takes longer finds a transaction under way, which is what tells that the disk is stuck.
        let _ = tokio::time::timeout(CHECK_TIMEOUT, state.store.check()).await;
        let stalled = state.store.condition().filter(|condition| condition.fault == Fault::Stalled);
        if let Some(condition) = stalled.as_ref().filter(|_| !is_stalled) {
            state.metrics.count(IncidentKind::Fault, Fault::Stalled.name(), 1);
            let (what, step) = (Fault::Stalled.description(), Fault::Stalled.next_step());
            tracing::error!(fault = Fault::Stalled.name(), detail = condition.detail, "{what}. {step}");
        }
        is_stalled = stalled.is_some();
        if let Some(condition) = state.store.condition().filter(|condition| condition.fault.is_final()) {
            return condition;
        }
    }
}

fn gather(state: &State, process: &mut Process) {
    let writing = take_writing(state);
    state.metrics.gather_all(clock::utc(), writing, process.usage());
}

/// Gathers what the writer has done up to now, for whoever is about to read it.
pub fn catch_up(state: &State) {
    let writing = take_writing(state);
    state.metrics.add_writing(clock::utc(), writing);
}

fn take_writing(state: &State) -> Writing {
    let writing = state.store.take_writing();
    state.metrics.count(IncidentKind::LockError, "writer", writing.lock_errors);
    for (fault, count) in Fault::ALL.into_iter().zip(writing.faults) {
        state.metrics.count(IncidentKind::Fault, fault.name(), count);
    }
    writing
}

/// Stores what is due every ten seconds until `stop`, and then what is left. It is not to be dropped before: what is on its
/// way to the database would be lost.
pub async fn store_until(state: &State, stop: &Notify) {
    let mut tick = tokio::time::interval(TICK * TICKS_UNTIL_STORED);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first comes at once.
    tick.tick().await;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.notified() => break,
        }
        look_at_agents(state).await;
        store(state, state.metrics.take_due(clock::utc())).await;
    }
    state.bridge.flush(&state.store).await;
    gather(state, &mut Process::new());
    store(state, state.metrics.take_waiting()).await;
    log::report_last_repeats();
}

/// Stores when agents were last seen, and counts those that are active.
async fn look_at_agents(state: &State) {
    state.bridge.flush(&state.store).await;
    match state.store.active_agents(state.bridge.active_since(clock::utc())).await {
        Ok(active) => state.metrics.note_active_agents(clock::utc(), active),
        Err(error) => tracing::debug!(%error, "active agents were not counted"),
    }
}

/// Stores what is to be stored now. What cannot be waits on.
async fn store(state: &State, minutes: BTreeMap<UtcMillis, Waiting>) {
    for (minute, waiting) in minutes {
        let record = Arc::new(state.metrics.as_record(minute, &waiting));
        if let Err(error) = state.store.record(record).await {
            tracing::debug!(%error, "metrics were not stored; they wait");
            state.metrics.put_back(minute, &waiting);
        }
    }
}

/// This process, as the system sees it.
struct Process {
    system: Option<System>,
    cpu: Duration,
}

impl Process {
    fn new() -> Self {
        let mut process = Self { system: System::new().ok(), cpu: Duration::ZERO };
        process.usage();
        process
    }

    /// What it has used since the last look.
    fn usage(&mut self) -> Usage {
        let Some(system) = &mut self.system else { return Usage::default() };
        let pid = Pid::from_u32(std::process::id());
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        let Some(process) = system.process(pid) else { return Usage::default() };
        let cpu = Duration::from_millis(process.accumulated_cpu_time());
        let usage = Usage { cpu: cpu.saturating_sub(self.cpu), memory_bytes_max: process.memory() };
        self.cpu = cpu;
        usage
    }
}
