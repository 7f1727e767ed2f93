//! A generator thread and its workers: the only send loop.

use std::cell::Cell;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;

use super::arrivals::{Arrivals, Pacing};
use super::connection::{Answer, Connection};
use super::target::Target;
use super::{Effort, Share, SharedRecorder, pacer};
use crate::clock;
use crate::domain::run::{Plan, Rate};
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
    let cpu_before = thread_cpu();

    let schedule = plan.schedule().map(|schedule| schedule.share(index, threads));
    let pacing = schedule.map_or(Pacing::Closed(start + plan.duration), Pacing::Open);
    let arrivals = Arc::new(Arrivals::new(pacing, start));
    let mut workers = JoinSet::new();
    for connection in connections {
        let worker = Worker {
            arrivals: Arc::clone(&arrivals),
            connection,
            target: Arc::clone(&target),
            recorder: Arc::clone(&recorder),
            timeout: plan.timeout,
            random: fastrand::Rng::new(),
        };
        workers.spawn(worker.work(start));
    }

    let effort = || Effort {
        cpu: thread_cpu().saturating_sub(cpu_before),
        time: clock::instant().saturating_duration_since(start),
    };
    // Taken at the end of the schedule: waiting for late answers costs no CPU, and would hide what sending did.
    let sent = Cell::new(None);
    let sending = async {
        if let (Some(schedule), Rate::PerSecond(rps)) = (schedule, plan.rate) {
            pacer::pace(schedule, rps, start, &arrivals).await?;
        }
        tokio::time::sleep_until((start + plan.duration).into()).await;
        sent.set(Some(effort()));
        tokio::time::sleep_until((start + plan.duration + plan.timeout).into()).await;
        Ok::<_, std::io::Error>(())
    };
    let paced = tokio::select! {
        () = all_ended(&mut workers) => Ok(()),
        paced = sending => paced,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    let effort = sent.get().unwrap_or_else(effort);
    arrivals.close();
    record_unsent(&arrivals, &recorder);
    all_ended(&mut workers).await;
    paced?;
    Ok(effort)
}

/// Waits for every worker. One that panicked has ended, too: the others' figures still count.
async fn all_ended(workers: &mut JoinSet<()>) {
    while workers.join_next().await.is_some() {}
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

/// What was due and never sent has failed, after the wait that it had.
fn record_unsent(arrivals: &Arrivals, recorder: &SharedRecorder) {
    let now = clock::instant();
    let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
    for due in arrivals.untaken() {
        let from_due = now.saturating_duration_since(due);
        let failure = Some(Failure::NotSent);
        recorder.tally.record(Outcome { from_due, from_sent: None, status: None, failure });
        recorder.last_completion = Some(now);
    }
}

struct Worker {
    arrivals: Arc<Arrivals>,
    connection: Connection,
    target: Arc<Target>,
    recorder: SharedRecorder,
    timeout: Duration,
    random: fastrand::Rng,
}

impl Worker {
    async fn work(mut self, start: Instant) {
        let mut free_since = start;
        while let Some(due) = self.arrivals.next().await {
            let body = self.target.update_body(&mut self.random);
            let sent = clock::instant();
            let answer = self.connection.exchange(body, sent + self.timeout).await;
            let ended = clock::instant();
            let (status, failure) = judge(&answer);
            let outcome = Outcome {
                from_due: ended.saturating_duration_since(due),
                from_sent: Some(ended.saturating_duration_since(sent)),
                status,
                failure,
            };
            // While all workers were busy the target was late, not the generator.
            let send_lag = sent.saturating_duration_since(due.max(free_since));
            self.recorder.lock().unwrap_or_else(PoisonError::into_inner).record(outcome, send_lag, ended);
            acknowledge(&self.recorder, failure, &answer);
            free_since = ended;
            if failure.is_some() {
                // Refused on this machine, a connection fails without ever waiting: the others want their turn.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// An update succeeds with HTTP 200 and an integer from 1, nothing else.
fn judge(answer: &Result<Answer, Failure>) -> (Option<u16>, Option<Failure>) {
    match answer {
        Err(failure) => (None, Some(*failure)),
        Ok(answer) if answer.status != 200 => (Some(answer.status), Some(Failure::Status)),
        Ok(answer) if entry_id(&answer.body).is_some() => (Some(200), None),
        Ok(_) => (Some(200), Some(Failure::Body)),
    }
}

/// Notes the entry id of an update that succeeded, so that its row can be looked for.
fn acknowledge(recorder: &SharedRecorder, failure: Option<Failure>, answer: &Result<Answer, Failure>) {
    if let (None, Ok(answer)) = (failure, answer)
        && let Some(id) = entry_id(&answer.body)
    {
        recorder.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.insert(id);
    }
}

fn entry_id(body: &[u8]) -> Option<u64> {
    let digits = body.trim_ascii();
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    number.filter(|number| *number >= 1 && digits[0] != b'+')
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_succeeds_with_200_and_an_integer_from_1_only() {
        let judge = |status, body: &str| judge(&Ok(Answer { status, body: body.to_owned().into() })).1;
        for good in ["1", "42\n", " 7 "] {
            assert_eq!(judge(200, good), None, "{good}");
        }
        for bad in ["0", "", "-1", "+1", "1.0", "ok", "1 2", "99999999999999999999"] {
            assert_eq!(judge(200, bad), Some(Failure::Body), "{bad}");
        }
        assert_eq!(judge(201, "1"), Some(Failure::Status));
        assert_eq!(judge(503, "0"), Some(Failure::Status));
    }
}
