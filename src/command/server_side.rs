//! The server's own figures beside the load: read once a second, by a task that the load does not wait for.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::run::Plan;
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
    pub async fn start(target: &Target, plan: &Plan) -> Option<Self> {
        let mut scraper = Scraper::new(target)?;
        let mut before = scraper.read().await?;
        let (seconds, mut ended) = mpsc::channel(WAITING_MAX);
        let Plan { duration, warm_up, .. } = *plan;
        let task = tokio::spawn(async move {
            // A second that ends within the warm-up is the last of a run that was stopped.
            let mut next = match tokio::time::timeout(warm_up, ended.recv()).await {
                Ok(second) => second,
                Err(_) => {
                    before = scraper.read().await.unwrap_or(before);
                    ended.recv().await
                }
            };
            let mut side = ServerSide::new(duration, before);
            while let Some(second) = next {
                side.push(second, scraper.read().await);
                next = ended.recv().await;
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
