//! Follows a generator to its end, whatever that is, and sees to it that the run says so.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::watch;

use super::child::{Event, Generator};
use super::live::Live;
use crate::clock;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{RunOverview, RunStatus};
use crate::domain::unit;
use crate::store::{SharedStore, StoreError};

/// How long a process may take to end once its time is over, and again once it was told to end at once.
pub const HURRY_MAX: Duration = Duration::from_secs(5);
/// How often it is tried again to write how a run has ended.
const RETRY: Duration = Duration::from_secs(1);

/// How a run is to end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What its row is to say; empty where somebody just wanted that.
    pub reason: &'static str,
    /// How long it may take for that, and to count and delete its rows.
    pub grace: Duration,
    /// How long it may take after that to end at once.
    pub hurry: Duration,
}

/// A run that was started here.
pub struct Run {
    pub id: RunId,
    /// `None` for one of the run's own.
    pub channel: Option<ChannelId>,
    /// How long it may take in all.
    pub time_limit: Duration,
    /// How long of that it may take after the last request: for answers, and for its rows.
    pub ending_time: Duration,
    /// How long it may take to end once its time is over, and again to end at once.
    pub hurry: Duration,
    /// `None` while it is to go on.
    pub wish: watch::Sender<Option<Ending>>,
    pub live: watch::Sender<Arc<Live>>,
}

/// How far it has come with ending a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Hurried,
    Killed,
}

/// How a process has ended.
struct Ended {
    stage: Stage,
    /// Its time was over, before anybody wanted its end.
    is_late: bool,
    status: std::io::Result<ExitStatus>,
    complaint: String,
}

impl Run {
    /// Lets it end as it would by itself, with its report and without its rows.
    pub fn cancel(&self) {
        self.end(Ending { reason: "", grace: self.ending_time, hurry: self.hurry });
    }

    /// Lets it end.
    pub fn end(&self, ending: Ending) {
        // First, so that whoever looks after this call sees it.
        self.publish(Live::ending);
        self.wish.send_replace(Some(ending));
    }

    fn publish(&self, next: impl FnOnce(&Live) -> Live) {
        self.live.send_modify(|live| *live = Arc::new(next(live)));
    }

    fn take(&self, event: Event) {
        match event {
            Event::Start => self.publish(Live::begun),
            Event::Progress(event) => self.publish(|live| live.after(*event)),
            Event::Sent(event) => self.publish(|live| live.sent(*event)),
            Event::Other => {}
        }
    }

    /// Follows the process to its end.
    pub async fn supervise(&self, generator: Generator, store: &SharedStore) {
        let ended = self.follow(generator).await;
        let (status, mut reason) = self.verdict(ended);
        let has_rows = self.live.borrow().run.total_requests.is_some_and(|total| total > 0);
        if let Some(channel) = self.channel.filter(|_| has_rows) {
            reason += &format!("; rows of it may be left in channel {channel}");
        }
        self.conclude(store, status, &reason).await;
    }

    async fn follow(&self, mut generator: Generator) -> Ended {
        let mut wishes = self.wish.subscribe();
        // Its end may have been wanted before there was a process.
        wishes.mark_changed();
        let (mut stage, mut is_late) = (Stage::Running, false);
        let mut deadline = clock::instant() + self.time_limit;
        loop {
            tokio::select! {
                event = generator.events.recv() => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
                Ok(()) = wishes.changed() => {
                    let Some(Ending { reason, grace, .. }) = wishes.borrow_and_update().clone() else { continue };
                    if stage == Stage::Running {
                        generator.ask_to_end(reason).await;
                        stage = Stage::Asked;
                    }
                    if stage == Stage::Asked {
                        deadline = deadline.min(clock::instant() + grace);
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    is_late |= stage == Stage::Running;
                    stage = self.press(&mut generator, stage).await;
                    deadline = clock::instant() + self.patience();
                }
            }
        }
        let (status, complaint) = generator.end().await;
        Ended { stage, is_late, status, complaint }
    }

    /// The next thing to do about a process that has had its time. What it has measured is lost only where it is killed.
    async fn press(&self, generator: &mut Generator, stage: Stage) -> Stage {
        match stage {
            Stage::Running => {
                self.publish(Live::ending);
                generator.ask_to_end(&self.out_of_time()).await;
                Stage::Asked
            }
            Stage::Asked => {
                generator.hurry();
                Stage::Hurried
            }
            Stage::Hurried => {
                generator.kill();
                Stage::Killed
            }
            Stage::Killed => {
                tracing::warn!(run = self.id.0, "the generator was killed and does not end");
                stage
            }
        }
    }

    fn out_of_time(&self) -> String {
        format!("it took longer than {}, which is its time limit", unit::duration(self.time_limit))
    }

    fn patience(&self) -> Duration {
        self.wish.borrow().as_ref().map_or(self.hurry, |ending| ending.hurry)
    }

    /// What has become of a run whose process has not said so itself.
    fn verdict(&self, ended: Ended) -> (RunStatus, String) {
        let Ended { stage, is_late, status, complaint } = ended;
        let failed = |reason: String| (RunStatus::Failed, reason);
        let signal = status.as_ref().ok().and_then(|status| status.signal());
        let how = match (stage, signal) {
            (Stage::Killed, _) => Some("and its process was killed, since it did not end"),
            (Stage::Hurried, Some(signal)) if signal == Signal::INT.as_raw() => {
                Some("and its process was ended at once")
            }
            _ => None,
        };
        if let Some(how) = how {
            if is_late {
                return failed(format!("{}, and was ended", self.out_of_time()));
            }
            let reason = self.wish.borrow().as_ref().map_or("", |ending| ending.reason);
            let why = if reason.is_empty() { "it was cancelled" } else { reason };
            return (RunStatus::Cancelled, format!("{why}, {how}"));
        }
        match status {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => failed(format!("its process was killed by signal {signal}")),
                (None, _) if !complaint.is_empty() => failed(complaint),
                (None, code) => {
                    let code = code.unwrap_or_default();
                    failed(format!("its process ended without a word, with exit code {code}"))
                }
            },
            Err(error) => failed(format!("it is not known how its process has ended: {error}")),
        }
    }

    /// Writes how the run has ended, where the process has not, and shows it. While that is not possible, it is tried again and
    /// again, and whoever watches is told all the same.
    pub async fn conclude(&self, store: &SharedStore, status: RunStatus, reason: &str) {
        loop {
            match self.written_end(store, status, reason).await {
                Ok(row) => {
                    self.publish(|live| {
                        row.map_or_else(|| live.given_up(status, reason), |row| live.ended(row))
                    });
                    break;
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, run = self.id.0, "how a run has ended is not known or could not be written; that is tried again");
                    if self.live.borrow().ended.is_none() {
                        self.publish(|live| live.given_up(status, reason));
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        let live = self.live.borrow();
        let (status, reason) = (live.run.status.as_str(), live.run.error_message.as_deref());
        tracing::info!(run = self.id.0, status, reason, "a stress test has ended");
    }

    /// The run as it has ended; `None` when somebody has taken it away.
    async fn written_end(
        &self,
        store: &SharedStore,
        status: RunStatus,
        reason: &str,
    ) -> Result<Option<RunOverview>, StoreError> {
        let row = store.run_overview(self.id).await?;
        if row.as_ref().is_none_or(|row| row.ended().is_some()) {
            return Ok(row);
        }
        store.give_up_run(self.id, status, reason.to_owned()).await?;
        store.run_overview(self.id).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::child::Task;
    use super::super::live::Phase;
    use super::*;
    use crate::domain::channel::Settings;
    use crate::domain::run::{Claim, Place, Plan, Rate, RunAccess};
    use crate::domain::secret::Secret;
    use crate::entropy;
    use crate::instance;
    use crate::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};

    /// When the end of a run is wanted.
    #[derive(Clone, Debug)]
    enum Wished {
        Never,
        /// Before anybody follows its process.
        AtOnce(Ending),
        OnceBegun(Ending),
    }
    use Wished::{AtOnce, Never, OnceBegun};

    const SOON: Duration = Duration::from_millis(50);

    /// Follows a process that a shell's `script` stands for, and returns what the run is then, and what was left of its key.
    async fn followed(script: &str, time_limit: Duration, wished: Wished) -> (RunOverview, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let (db, executable) = (folder.path().join("porta.db"), folder.path().join("porta"));
        let begin = r#"begin() { echo '{"event":"start"}'; }"#;
        std::fs::write(&executable, format!("#!/bin/sh\n{begin}\n{script}\n")).expect("a script");
        std::fs::set_permissions(&executable, std::fs::Permissions::from_mode(0o700)).expect("permissions");
        migrate::prepare(&db).expect("a database");
        let store: SharedStore = Arc::new(Sqlite::open(&db, QUEUE_CAPACITY).expect("a store"));
        let new = entropy::new_channel(None, Settings::new("c".into())).expect("keys");
        let channel = store.create_channel(new).await.expect("a channel").id;
        let second = Duration::from_secs(1);
        let rate = Rate::PerSecond(1);
        let plan = Plan { workers: 1, rate, duration: second, timeout: second, warm_up: Duration::ZERO };
        let claim = Claim { plan, channel: Some(channel), started_at: clock::utc(), owner: instance::own() };
        let key = Secret::api_key(1);
        let access = RunAccess::Key(key.clone());
        let place = store.order_run(claim.clone(), access, instance::why_gone).await.expect("a place");
        let Place::Taken(id) = place else { panic!("{place:?}") };
        let task = Task {
            run: id,
            plan,
            scenario: None,
            channel: claim.channel,
            key,
            url: "http://127.0.0.1:1".into(),
            database: db,
        };
        let live = watch::Sender::new(Arc::new(Live::ordered(claim.overview(id))));
        let wish = watch::Sender::new(None);
        let ending_time = time_limit;
        let run = Run { id, channel: claim.channel, time_limit, ending_time, hurry: SOON, wish, live };
        let generator = Generator::start(&executable, &task).expect("a process");
        if let AtOnce(ending) = &wished {
            run.end(ending.clone());
        }
        let wishing = async {
            let OnceBegun(ending) = wished else { return };
            let has_begun = |live: &Arc<Live>| live.run.status != "pending";
            run.live.subscribe().wait_for(has_begun).await.expect("a beginning");
            run.end(ending);
            assert_eq!(run.live.borrow().phase, Phase::Ending, "whoever looks sees it at once");
        };
        tokio::join!(run.supervise(generator, &store), wishing);
        let row = store.run_overview(id).await.expect("a row").expect("a row");
        assert_eq!(run.live.borrow().run, row, "whoever watches sees the same");
        assert_eq!(run.live.borrow().ended, row.ended());
        let keys = store.keys(channel).await.expect("keys").len();
        store.close().await.expect("an end");
        (row, keys)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn however_a_process_ends_its_run_says_so() {
        const HOUR: Duration = Duration::from_secs(3600);
        let soon = |reason| Ending { reason, grace: SOON, hurry: SOON };
        let (stop, cancel) = (soon("the server was stopped"), soon(""));
        let patient = Ending { grace: HOUR, ..stop.clone() };
        let (deaf, complains) = (
            "trap '' INT; begin; exec sleep 1000",
            "begin; read why; echo \"error: told that $why\" >&2; exit 1",
        );
        let out_of_time = "it took longer than 50ms, which is its time limit";
        let killed = |why| format!("{why}, and its process was killed, since it did not end");
        for (script, time_limit, wished, status, reason) in [
            ("exit 3", HOUR, Never, "failed", "its process ended without a word, with exit code 3".into()),
            ("exit 0", HOUR, Never, "failed", "its process ended without a word, with exit code 0".into()),
            ("echo 'error: cannot: no' >&2; exit 1", HOUR, Never, "failed", "cannot: no".into()),
            ("kill -TERM $$", HOUR, Never, "failed", "its process was killed by signal 15".into()),
            (deaf, SOON, Never, "failed", format!("{out_of_time}, and was ended")),
            (deaf, HOUR, OnceBegun(stop), "cancelled", killed("the server was stopped")),
            (deaf, HOUR, OnceBegun(cancel.clone()), "cancelled", killed("it was cancelled")),
            // It is asked before it is pressed: what it has measured is kept.
            (complains, SOON, Never, "failed", format!("told that {out_of_time}")),
            (
                complains,
                HOUR,
                OnceBegun(patient.clone()),
                "failed",
                "told that the server was stopped".into(),
            ),
            (complains, HOUR, AtOnce(patient), "failed", "told that the server was stopped".into()),
            // The first of the signals is the one that it does not ignore.
            (
                "begin; exec sleep 1000",
                HOUR,
                OnceBegun(cancel),
                "cancelled",
                "it was cancelled, and its process was ended at once".into(),
            ),
        ] {
            let (run, keys) = followed(script, time_limit, wished).await;
            assert_eq!(
                (run.status.as_str(), run.error_message.as_deref()),
                (status, Some(reason.as_str())),
                "{script}"
            );
            assert_eq!(keys, 2, "its key is gone: {script}");
        }
    }
}
