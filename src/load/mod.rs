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
pub mod scrape;
mod stream;
pub mod target;
pub mod traffic;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

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

/// Makes the run that `plan` describes, and calls `on_second` once a second after the warm-up. When `stop` turns true nothing further is
/// sent, and the summary covers what was.
///
/// # Errors
/// When a generator thread cannot be started or has ended early.
pub async fn run(
    plan: Plan,
    target: Target,
    stop: watch::Receiver<bool>,
    mut on_second: impl FnMut(&Progress),
) -> std::io::Result<Summary> {
    let threads = thread_count(plan.workers);
    let target = Arc::new(target);
    let (announce, start) = watch::channel(None);
    let mut recorders = Vec::new();
    let mut finished = Vec::new();
    let mut all_ready = Vec::new();
    for index in 0..threads {
        let (ready, is_ready) = oneshot::channel();
        all_ready.push(is_ready);
        let share = Share {
            plan,
            index: index as u64,
            threads: threads as u64,
            target: Arc::clone(&target),
            recorder: SharedRecorder::default(),
            ready,
            start: start.clone(),
            stop: stop.clone(),
        };
        recorders.push(Arc::clone(&share.recorder));
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
    collect(plan, start + plan.warm_up, &recorders, finished, &mut on_second).await
}

/// Merges the tallies once a second until all threads have finished. `start` is the end of the warm-up.
async fn collect(
    plan: Plan,
    start: Instant,
    recorders: &[SharedRecorder],
    finished: Vec<oneshot::Receiver<std::io::Result<Effort>>>,
    on_second: &mut impl FnMut(&Progress),
) -> std::io::Result<Summary> {
    let mut summary = Summary::new(plan.duration);
    let mut second = Second::default();
    let mut ticks = tokio::time::interval_at((start + TICK).into(), TICK);
    let mut pushed = Duration::ZERO;
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
                let tally = second.take(recorders, start, &mut summary);
                summary.push_second(tally);
                pushed += TICK;
                on_second(&Progress::new(&summary, plan.duration, pushed, tally.total()));
            }
            effort = &mut all => {
                Effort { cpu: summary.generator_cpu, time: summary.generator_time } = effort?;
                break;
            }
        }
    }
    let last = second.take(recorders, start, &mut summary);
    let length = summary.last_completion.saturating_sub(pushed);
    summary.finish(last, length);
    Ok(summary)
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
