//! Follows a generator to its end, whatever that is, and sees to it that the run says so.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::child::{Event, Generator};
use super::live::Live;
use crate::clock;
use crate::domain::id::{ChannelId, RunId};
use crate::domain::run::{RunOverview, RunStatus};
use crate::domain::unit;
use crate::store::{SharedStore, StoreError};

/// How long a process takes that was told to end at once.
const HURRY_MAX: Duration = Duration::from_secs(5);
/// How often it is tried again to write how a run has ended.
const RETRY: Duration = Duration::from_secs(1);

/// What is wanted of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is to go on.
    GoOn,
    /// It is to end.
    End {
        /// What its row is to say; empty where somebody just wanted that.
        reason: &'static str,
        /// How long it may take for that, and to count and delete its rows.
        grace: Duration,
        /// How long it may take after that to end at once.
        hurry: Duration,
    },
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
    pub wish: watch::Sender<Wish>,
    pub live: watch::Sender<Arc<Live>>,
}

/// How far it has come with ending a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Hurried,
    Killed { was_asked: bool },
}

impl Run {
    /// Lets it end as it would by itself, with its report and without its rows.
    pub fn cancel(&self) {
        self.wish.send_replace(Wish::End { reason: "", grace: self.ending_time, hurry: HURRY_MAX });
    }

    fn publish(&self, next: impl FnOnce(&Live) -> Live) {
        let next = next(&self.live.borrow());
        self.live.send_replace(Arc::new(next));
    }

    fn take(&self, event: Event) {
        match event {
            Event::Start => self.publish(Live::begun),
            Event::Progress(event) => self.publish(|live| live.after(*event)),
            Event::Other => {}
        }
    }

    /// Follows the process to its end.
    pub async fn supervise(&self, generator: Generator, store: &SharedStore) {
        let (stage, status, complaint) = self.follow(generator).await;
        let (status, mut reason) = self.verdict(stage, status, &complaint);
        let has_rows = self.live.borrow().run.total_requests > 0;
        if let Some(channel) = self.channel.filter(|_| has_rows) {
            reason += &format!("; rows of it may be left in channel {channel}");
        }
        self.conclude(store, status, &reason).await;
    }

    async fn follow(&self, mut generator: Generator) -> (Stage, std::io::Result<ExitStatus>, String) {
        let mut wishes = self.wish.subscribe();
        let mut stage = Stage::Running;
        let mut deadline = clock::instant() + self.time_limit;
        loop {
            tokio::select! {
                event = generator.events.recv() => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
                Ok(()) = wishes.changed() => {
                    let Wish::End { reason, grace, .. } = *wishes.borrow_and_update() else { continue };
                    if stage == Stage::Running {
                        generator.ask_to_end(reason).await;
                        stage = Stage::Asked;
                    }
                    if stage == Stage::Asked {
                        deadline = deadline.min(clock::instant() + grace);
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    stage = self.press(&generator, stage);
                    deadline = self.patience();
                }
            }
        }
        let (status, complaint) = generator.end().await;
        (stage, status, complaint)
    }

    /// The next thing to do about a process that has had its time.
    fn press(&self, generator: &Generator, stage: Stage) -> Stage {
        match stage {
            Stage::Asked => {
                generator.hurry();
                Stage::Hurried
            }
            Stage::Running | Stage::Hurried => {
                generator.kill();
                Stage::Killed { was_asked: stage == Stage::Hurried }
            }
            Stage::Killed { .. } => {
                tracing::warn!(run = self.id.0, "the generator was killed and does not end");
                stage
            }
        }
    }

    fn patience(&self) -> Instant {
        let hurry = if let Wish::End { hurry, .. } = *self.wish.borrow() { hurry } else { HURRY_MAX };
        clock::instant() + hurry
    }

    /// What has become of a run whose process has not said so itself.
    fn verdict(
        &self,
        stage: Stage,
        status: std::io::Result<ExitStatus>,
        complaint: &str,
    ) -> (RunStatus, String) {
        let failed = |reason: String| (RunStatus::Failed, reason);
        match (stage, status) {
            (Stage::Killed { was_asked: false }, _) => {
                let limit = unit::duration(self.time_limit);
                failed(format!("it took longer than {limit}, which is its time limit, and was ended"))
            }
            (Stage::Killed { was_asked: true }, _) => {
                let why = match *self.wish.borrow() {
                    Wish::End { reason, .. } if !reason.is_empty() => reason,
                    _ => "it was cancelled",
                };
                (RunStatus::Cancelled, format!("{why}, and its process was killed, since it did not end"))
            }
            (_, Ok(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => failed(format!("its process was killed by signal {signal}")),
                (None, _) if !complaint.is_empty() => failed(complaint.to_owned()),
                (None, code) => {
                    let code = code.unwrap_or_default();
                    failed(format!("its process ended without a word, with exit code {code}"))
                }
            },
            (_, Err(error)) => failed(format!("it is not known how its process has ended: {error}")),
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
        let given_up = store.give_up_run(self.id, status, reason.to_owned()).await;
        if given_up.is_err() && self.live.borrow().ended.is_none() {
            self.publish(|live| live.given_up(status, reason));
        }
        given_up?;
        store.run_overview(self.id).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::child::Task;
    use super::*;
    use crate::domain::channel::Settings;
    use crate::domain::run::{Claim, Place, Plan, Rate, RunAccess};
    use crate::domain::secret::Secret;
    use crate::entropy;
    use crate::instance;
    use crate::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};

    /// Follows a process that a shell's `script` stands for, and returns what the run is then, and what was left of its key.
    async fn followed(script: &str, time_limit: Duration, wish: Wish) -> (RunOverview, usize) {
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
        let live = watch::Sender::new(Arc::new(Live::new(claim.overview(id), 0)));
        let (wish, wished) = (watch::Sender::new(Wish::GoOn), wish);
        let run = Run { id, channel: claim.channel, time_limit, ending_time: time_limit, wish, live };
        let generator = Generator::start(&executable, &task).expect("a process");
        let wishing = async {
            let has_begun = |live: &Arc<Live>| live.run.status != "pending";
            run.live.subscribe().wait_for(has_begun).await.expect("a beginning");
            run.wish.send_replace(wished);
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
        const SOON: Duration = Duration::from_millis(50);
        let stop = Wish::End { reason: "the server was stopped", grace: SOON, hurry: SOON };
        let cancel = Wish::End { reason: "", grace: SOON, hurry: SOON };
        let deaf = "trap '' INT; begin; exec sleep 1000";
        for (script, time_limit, wish, status, reason) in [
            ("exit 3", HOUR, Wish::GoOn, "failed", "its process ended without a word, with exit code 3"),
            ("exit 0", HOUR, Wish::GoOn, "failed", "its process ended without a word, with exit code 0"),
            ("echo 'error: cannot: no' >&2; exit 1", HOUR, Wish::GoOn, "failed", "cannot: no"),
            ("kill -TERM $$", HOUR, Wish::GoOn, "failed", "its process was killed by signal 15"),
            (
                deaf,
                SOON,
                Wish::GoOn,
                "failed",
                "it took longer than 50ms, which is its time limit, and was ended",
            ),
            (
                deaf,
                HOUR,
                stop,
                "cancelled",
                "the server was stopped, and its process was killed, since it did not end",
            ),
            (
                deaf,
                HOUR,
                cancel,
                "cancelled",
                "it was cancelled, and its process was killed, since it did not end",
            ),
            (
                "begin; read why; echo \"error: told that $why\" >&2; exit 1",
                HOUR,
                stop,
                "failed",
                "told that the server was stopped",
            ),
            // The first of the signals is the one that it does not ignore.
            ("begin; exec sleep 1000", HOUR, cancel, "failed", "its process was killed by signal 2"),
        ] {
            let (run, keys) = followed(script, time_limit, wish).await;
            assert_eq!(
                (run.status.as_str(), run.error_message.as_deref()),
                (status, Some(reason)),
                "{script}"
            );
            assert_eq!(keys, 2, "its key is gone: {script}");
        }
    }
}
