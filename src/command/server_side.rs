//! The server's own figures beside the load: read once a second, by a task that the load does not wait for.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::server_side::{ServerSecond, ServerSide};
use crate::load::scrape::Scraper;
use crate::load::target::Target;

/// Seconds that can wait to be read. A server that does not answer loses those that are more.
const WAITING_MAX: usize = 4;

/// The task that reads.
pub struct Watch {
    seconds: mpsc::Sender<u64>,
    next: u64,
    task: JoinHandle<Vec<ServerSecond>>,
}

impl Watch {
    /// Begins where the target tells; `None` where it does not. To be called right before the load.
    pub async fn start(target: &Target, planned: Duration) -> Option<Self> {
        let mut scraper = Scraper::new(target)?;
        let before = scraper.read().await?;
        let (seconds, mut ended) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(async move {
            let mut side = ServerSide::new(planned, before);
            while let Some(second) = ended.recv().await {
                side.push(second, scraper.read().await);
            }
            side.into_points()
        });
        Some(Self { seconds, next: 0, task })
    }

    /// Reads what the second that has just ended was like.
    pub fn second_ended(&mut self) {
        // A full queue means that the server does not answer: the difference is taken when it does.
        let _ = self.seconds.try_send(self.next);
        self.next += 1;
    }

    /// Reads the last second and returns all of them.
    pub async fn finish(mut self) -> Vec<ServerSecond> {
        self.second_ended();
        drop(self.seconds);
        self.task.await.unwrap_or_default()
    }
}
