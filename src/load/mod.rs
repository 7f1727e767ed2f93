//! The load generator: sends requests on an exact schedule and measures each from when it was due.
//!
//! One or more generator threads, each with a runtime, a pacer and a share of the workers and of the arrivals; a
//! worker is a task with a connection of its own. Threads share nothing while they run: each records into a tally of
//! its own, which is taken away and merged once a second.

mod agents;
mod arrivals;
mod connection;
pub mod judge;
mod pacer;
pub mod ping;
pub mod scrape;
mod stream;
pub mod target;
pub mod traffic;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use self::target::Target;
use crate::clock;
use crate::domain::acknowledged::Acknowledged;
use crate::domain::progress::Progress;
use crate::domain::run::Plan;
use crate::domain::summary::{Outcome, Summary, Tally};

/// Cores for each generator thread: the target needs the others.
const CORES_PER_THREAD: usize = 2;
/// Workers for each generator thread. With few of them an arrival could wait for a busy worker of its own thread while
/// another thread has a free one, and the wait would be taken for the server's.
const WORKERS_PER_THREAD: u32 = 32;
/// Generator threads of a run.
const THREADS_MAX: usize = 8;
/// From the moment all are ready to the first arrival.
const HEAD_START: Duration = Duration::from_millis(10);
/// How often the tallies are merged.
const TICK: Duration = Duration::from_secs(1);

/// What a generator thread has measured since it was last asked.
#[derive(Default)]
struct Recorder {
    tally: Tally,
    acknowledged: Acknowledged,
    last_completion: Option<Instant>,
}

impl Recorder {
    /// Adds a request that was measured and ended then. `endpoint` is `None` where there is only one.
    fn record(&mut self, outcome: Outcome, endpoint: Option<usize>, ended: Instant) {
        self.tally.record(outcome);
        if let Some(endpoint) = endpoint {
            self.tally.record_endpoint(endpoint, outcome);
        }
        self.last_completion = Some(ended);
    }
}

/// What sending took a generator thread.
#[derive(Clone, Copy, Default)]
struct Effort {
    cpu: Duration,
    time: Duration,
}

type SharedRecorder = Arc<Mutex<Recorder>>;

/// What a generator thread needs to know.
struct Share {
    plan: Plan,
    index: u64,
    threads: u64,
    target: Arc<Target>,
    recorder: SharedRecorder,
    ready: oneshot::Sender<()>,
    start: watch::Receiver<Option<Instant>>,
    stop: watch::Receiver<bool>,
}

/// A run and what it has measured so far. That outlives the future of [`Load::run`], which may be dropped at any time.
pub struct Load {
    plan: Plan,
    target: Arc<Target>,
    recorders: Vec<SharedRecorder>,
    summary: Summary,
}

impl Load {
    /// The run that `plan` describes, before its start.
    pub fn new(plan: Plan, target: Target) -> Self {
        let recorders = (0..thread_count(plan.workers)).map(|_| SharedRecorder::default()).collect();
        Self { plan, target: Arc::new(target), recorders, summary: Summary::new(plan.duration) }
    }

    /// Makes the run, and calls `on_second` once a second after the warm-up. It must not wait for anything: the second after
    /// it would be longer. When `stop` turns true nothing further is sent, and the summary covers what was. To be called once.
    ///
    /// # Errors
    /// When a generator thread cannot be started or has ended early.
    pub async fn run(
        &mut self,
        stop: watch::Receiver<bool>,
        mut on_second: impl FnMut(&Progress),
    ) -> std::io::Result<()> {
        let (start, finished) = start(self, &stop).await?;
        let Self { plan, recorders, summary, .. } = self;
        collect(plan, start + plan.warm_up, recorders, finished, summary, &mut on_second).await
    }

    /// What a run that has ended has measured.
    pub fn into_summary(self) -> Summary {
        self.summary
    }

    /// The smallest and the largest entry id that the target has given until now, be the run at its end or not.
    pub fn entry_ids(mut self) -> Option<(u64, u64)> {
        for recorder in &self.recorders {
            let recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            self.summary.acknowledged.merge(&recorder.acknowledged);
        }
        self.summary.acknowledged.bounds()
    }
}

type Finished = Vec<oneshot::Receiver<std::io::Result<Effort>>>;

/// Starts the generator threads, and returns when the first arrival is due.
async fn start(load: &Load, stop: &watch::Receiver<bool>) -> std::io::Result<(Instant, Finished)> {
    let (announce, start) = watch::channel(None);
    let mut finished = Vec::new();
    let mut all_ready = Vec::new();
    for (index, recorder) in load.recorders.iter().enumerate() {
        let (ready, is_ready) = oneshot::channel();
        all_ready.push(is_ready);
        let share = Share {
            plan: load.plan,
            index: index as u64,
            threads: load.recorders.len() as u64,
            target: Arc::clone(&load.target),
            recorder: Arc::clone(recorder),
            ready,
            start: start.clone(),
            stop: stop.clone(),
        };
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new().name(format!("generator {index}")).spawn(move || {
            // Whoever waits for the result may have been cancelled.
            let _ = done.send(worker::generate(share));
        })?;
        finished.push(ended);
    }
    for is_ready in all_ready {
        // A thread that cannot begin says why when it is asked for its result.
        let _ = is_ready.await;
    }
    let start = clock::instant() + HEAD_START;
    announce.send_replace(Some(start));
    Ok((start, finished))
}

/// Merges the tallies once a second until all threads have finished. `start` is the end of the warm-up.
///
/// A look that comes late has what ended until then, and nobody can say any more in which second: it is pushed as what it
/// is, with its real length. The next look is at the next whole second again, so that the series keeps to the clock.
async fn collect(
    plan: &Plan,
    start: Instant,
    recorders: &[SharedRecorder],
    finished: Finished,
    summary: &mut Summary,
    on_second: &mut impl FnMut(&Progress),
) -> std::io::Result<()> {
    let mut second = Second::default();
    let mut ticks = tokio::time::interval_at((start + TICK).into(), TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut looked = Duration::ZERO;
    let mut all = std::pin::pin!(async {
        let mut all = Effort::default();
        for thread in finished {
            let ended = thread.await.map_err(|_| std::io::Error::other("a generator thread ended early"))?;
            let effort = ended?;
            all = Effort { cpu: all.cpu + effort.cpu, time: all.time + effort.time };
        }
        Ok::<_, std::io::Error>(all)
    });
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let now = clock::instant().saturating_duration_since(start);
                let length = now.saturating_sub(looked);
                looked = now;
                let tally = second.take(recorders, start, summary);
                // The timer is never early, but for the last digits of its clock.
                let seconds = now.as_secs().saturating_sub(summary.seconds()).max(1);
                summary.push(tally, seconds, length);
                let elapsed = TICK * u32::try_from(summary.seconds()).unwrap_or(u32::MAX);
                let rps = tally.total() as f64 / length.as_secs_f64().max(0.001);
                on_second(&Progress::new(summary, plan.duration, elapsed, rps));
            }
            effort = &mut all => {
                Effort { cpu: summary.generator_cpu, time: summary.generator_time } = effort?;
                break;
            }
        }
    }
    let last = second.take(recorders, start, summary);
    let length = summary.last_completion.saturating_sub(looked);
    summary.finish(last, length);
    Ok(())
}

/// Memory for what is taken from the threads. It changes places with what they record into, so that none is allocated
/// while they run, but for the entry ids.
#[derive(Default)]
struct Second {
    first: Recorder,
    others: Option<Recorder>,
}

impl Second {
    /// What all threads have recorded since they were last asked.
    fn take(&mut self, recorders: &[SharedRecorder], start: Instant, summary: &mut Summary) -> &Tally {
        for (place, recorder) in recorders.iter().enumerate() {
            let taken =
                if place == 0 { &mut self.first } else { self.others.get_or_insert_with(Recorder::default) };
            taken.tally.clear();
            taken.last_completion = None;
            std::mem::swap(&mut *recorder.lock().unwrap_or_else(PoisonError::into_inner), taken);
            let last = taken.last_completion.map_or(Duration::ZERO, |at| at.saturating_duration_since(start));
            summary.last_completion = summary.last_completion.max(last);
            summary.acknowledged.merge(&std::mem::take(&mut taken.acknowledged));
            if place > 0 {
                let Self { first, others } = self;
                others.iter().for_each(|taken| first.tally.merge(&taken.tally));
            }
        }
        &self.first.tally
    }
}

fn thread_count(workers: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / CORES_PER_THREAD).clamp(1, THREADS_MAX).min(workers.div_ceil(WORKERS_PER_THREAD) as usize)
}
