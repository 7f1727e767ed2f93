//! A generator thread and its workers: the only send loop.

use std::cell::Cell;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;

use super::arrivals::{Arrivals, Pacing};
use super::connection::Connection;
use super::target::Target;
use super::{Effort, Share, SharedRecorder, pacer};
use crate::clock;
use crate::domain::run::Plan;
use crate::domain::schedule::Schedule;
use crate::domain::summary::{Failure, Outcome};

/// How long opening the connections ahead of the run may take.
const WARM_UP_MAX: Duration = Duration::from_secs(2);
/// Tasks that run between two looks at the sockets. The runtime's 61 would keep the pacer waiting under load.
const EVENT_INTERVAL: u32 = 16;

/// Runs one thread's share to its end and returns what sending took.
pub fn generate(share: Share) -> std::io::Result<Effort> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()?;
    runtime.block_on(generate_share(share))
}

async fn generate_share(share: Share) -> std::io::Result<Effort> {
    let connections = warm_up(&share).await;
    let Share { plan, index, threads, target, recorder, ready, mut start, mut stop } = share;
    // The receivers are gone only when the run is.
    let _ = ready.send(());
    let Ok(start) = start.wait_for(Option::is_some).await.map(|start| *start) else {
        return Ok(Effort::default());
    };
    let start = start.unwrap_or_else(clock::instant);
    let meter = Meter::new(start);

    let schedule = plan.schedule().map(|schedule| schedule.share(index, threads));
    let pacing = schedule.map_or(Pacing::Closed(start + plan.sending_time()), Pacing::Open);
    let arrivals = Arc::new(Arrivals::new(pacing, start));
    let measured_from = start + plan.warm_up;
    let mut workers = JoinSet::new();
    for (connection, place) in connections.into_iter().zip(0..) {
        let worker = Worker {
            number: index + place * threads,
            arrivals: Arc::clone(&arrivals),
            connection,
            target: Arc::clone(&target),
            recorder: Arc::clone(&recorder),
            timeout: plan.timeout,
            measured_from,
            random: fastrand::Rng::new(),
        };
        workers.spawn(worker.work(start));
    }

    // Taken at the end of the schedule: waiting for late answers costs no CPU, and would hide what sending did.
    let sent = Cell::new(None);
    let sending = async {
        let warming_up = async {
            tokio::time::sleep_until(measured_from.into()).await;
            meter.reset();
        };
        let (paced, ()) = tokio::join!(pace(schedule, start, &arrivals), warming_up);
        paced?;
        tokio::time::sleep_until((start + plan.sending_time()).into()).await;
        sent.set(Some(meter.effort()));
        tokio::time::sleep_until((start + plan.sending_time() + plan.timeout).into()).await;
        Ok::<_, std::io::Error>(())
    };
    let paced = tokio::select! {
        ended = all_ended(&mut workers) => ended,
        paced = sending => paced,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    let effort = sent.get().unwrap_or_else(|| meter.effort());
    arrivals.close();
    record_unsent(&arrivals, &recorder, measured_from);
    let ended = all_ended(&mut workers).await;
    paced.and(ended)?;
    Ok(effort)
}

async fn pace(schedule: Option<Schedule>, start: Instant, arrivals: &Arrivals) -> std::io::Result<()> {
    match schedule {
        Some(schedule) => pacer::pace(schedule, start, arrivals).await,
        None => Ok(()),
    }
}

/// What this thread has used since a moment.
struct Meter {
    since: Cell<(Instant, Duration)>,
}

impl Meter {
    fn new(start: Instant) -> Self {
        Self { since: Cell::new((start, thread_cpu())) }
    }

    fn reset(&self) {
        self.since.set((clock::instant(), thread_cpu()));
    }

    fn effort(&self) -> Effort {
        let (since, cpu_before) = self.since.get();
        Effort {
            cpu: thread_cpu().saturating_sub(cpu_before),
            time: clock::instant().saturating_duration_since(since),
        }
    }
}

/// Waits for every worker. One that has failed has taken an arrival with it, which would be missing from all figures.
async fn all_ended(workers: &mut JoinSet<()>) -> std::io::Result<()> {
    let mut all = Ok(());
    while let Some(ended) = workers.join_next().await {
        all = all.and(ended.map_err(|error| std::io::Error::other(format!("a worker has failed: {error}"))));
    }
    all
}

/// Opens this thread's connections, so that the first requests are not measured with a handshake.
async fn warm_up(share: &Share) -> Vec<Connection> {
    let Plan { workers, timeout, .. } = share.plan;
    let mine = (u64::from(workers) + share.threads - 1 - share.index) / share.threads;
    let opening: Vec<_> = (0..mine)
        .map(|_| {
            let mut connection = Connection::new(Arc::clone(&share.target));
            tokio::spawn(async move {
                connection.warm_up(timeout.min(WARM_UP_MAX)).await;
                connection
            })
        })
        .collect();
    let mut connections = Vec::with_capacity(opening.len());
    for connection in opening {
        connections.extend(connection.await);
    }
    connections
}

/// What was due and never sent has failed, after the wait that it had. It would have gone to any of the endpoints.
fn record_unsent(arrivals: &Arrivals, recorder: &SharedRecorder, measured_from: Instant) {
    let now = clock::instant();
    let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
    for due in arrivals.untaken() {
        let failure = Some(Failure::NotSent);
        if due < measured_from {
            recorder.tally.warm_up.record(failure);
            continue;
        }
        let from_due = now.saturating_duration_since(due);
        recorder.record(Outcome { from_due, from_sent: None, status: None, failure }, None, now);
    }
}

struct Worker {
    /// From 0, over all threads.
    number: u64,
    arrivals: Arc<Arrivals>,
    connection: Connection,
    target: Arc<Target>,
    recorder: SharedRecorder,
    timeout: Duration,
    /// The end of the warm-up: what was due before is not measured.
    measured_from: Instant,
    random: fastrand::Rng,
}

impl Worker {
    async fn work(mut self, start: Instant) {
        let mut free_since = start;
        let mut opened = 0;
        while let Some(due) = self.arrivals.next().await {
            let (endpoint, body) = self.target.traffic.next(self.number, &mut self.random);
            let sent = clock::instant();
            let answer = self.connection.exchange(endpoint, body, sent + self.timeout).await;
            let ended = clock::instant();
            let judge = &self.target.traffic.endpoints[endpoint].judge;
            let (status, failure) = match &answer {
                Err(failure) => (None, Some(*failure)),
                Ok(answer) => (Some(answer.status), judge.failure(answer)),
            };
            let outcome = Outcome {
                from_due: ended.saturating_duration_since(due),
                from_sent: Some(ended.saturating_duration_since(sent)),
                status,
                failure,
            };
            // While all workers were busy the target was late, not the generator.
            let send_lag = sent.saturating_duration_since(due.max(free_since));
            let entry_id = answer.iter().find_map(|answer| judge.entry_id(answer));
            self.record(due, outcome, endpoint, send_lag, ended, entry_id);
            self.count_openings(&mut opened);
            free_since = ended;
            if failure.is_some() {
                // Refused on this machine, a connection fails without ever waiting: the others want their turn.
                tokio::task::yield_now().await;
            }
        }
        self.count_openings(&mut opened);
    }

    fn record(
        &self,
        due: Instant,
        outcome: Outcome,
        endpoint: usize,
        send_lag: Duration,
        ended: Instant,
        entry_id: Option<u64>,
    ) {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows of the warm-up are stored, too.
        entry_id.into_iter().for_each(|id| recorder.acknowledged.insert(id));
        if due < self.measured_from {
            recorder.tally.warm_up.record(outcome.failure);
            return;
        }
        recorder.tally.send_lag.record(send_lag);
        let several = self.target.traffic.endpoints.len() > 1;
        recorder.record(outcome, several.then_some(endpoint), ended);
    }

    /// Notes how often the connection was opened beyond the `opened` times that are noted already.
    fn count_openings(&self, opened: &mut u64) {
        let now = self.connection.opened();
        if now > *opened {
            let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
            recorder.tally.connections.opened += now - *opened;
            recorder.tally.connections.reopened += now - (*opened).max(1);
            *opened = now;
        }
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
