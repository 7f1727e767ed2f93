//! `porta stress --generate-data`: a database of a size, to see how a server does with one.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::progress::draw;
use super::signals::Signals;
use super::{cannot, confirm, prepare, print, stderr_is_terminal, with_store};
use crate::cli::{Stress, StressFormat};
use crate::clock;
use crate::disk::Disk;
use crate::domain::channel::{Channel, Settings};
use crate::domain::synthetic::{CHANNEL_ROWS, LABELS, MARK, Station};
use crate::domain::unit;
use crate::entropy;
use crate::exit::{Exit, Failure};
use crate::store::sqlite::Sqlite;
use crate::store::{ChannelStore as _, EntryStore as _, Store as _};

/// Rows of one transaction: some milliseconds, which a server beside it may have to wait.
const BATCH_ROWS: u64 = 4000;
/// Rows of the last, small steps to the size: a thousandth of the smallest that can be asked for.
const BATCH_ROWS_MIN: u64 = 8;
/// Bytes of a row before that is known: with its place in the index.
const ROW_BYTES: f64 = 100.0;
/// Share of the way that is left that a step goes.
const STEP: f64 = 0.8;
/// Between two transactions where a server has the database open: its devices' updates go first.
const PAUSE: Duration = Duration::from_millis(10);
/// How often progress is shown.
const TICK: Duration = Duration::from_secs(1);
/// Bytes that are to be left on the disk.
const LEFT_BYTES_MIN: u64 = 64 * 1024 * 1024;
const ATTEMPT: &str = "cannot generate data";

pub fn run(arguments: &Stress, size: u64, db: &Path) -> Result<Exit, Failure> {
    prepare(db)?;
    with_store(db, async |store| {
        let channels = store.channels().await.map_err(cannot(ATTEMPT))?;
        let real = channels.iter().filter(|channel| !is_synthetic(channel)).count();
        if real > 0 {
            let what = format!("put synthetic channels into {}, beside {real} real ones", db.display());
            confirm(arguments.yes, &what, "they take space and show in every list")?;
        }
        let mut filling = Filling::new(store, size, channels).await?;
        check_space(db, size.saturating_sub(filling.bytes))?;
        filling.fill(&mut Signals::new()?, &Progress::new(arguments)).await?;
        filling.conclude(arguments.format, db)
    })
}

fn is_synthetic(channel: &Channel) -> bool {
    channel.settings.metadata.as_deref() == Some(MARK)
}

fn check_space(db: &Path, bytes: u64) -> Result<(), Failure> {
    let Some(Disk { free_bytes, .. }) = Disk::of(db) else { return Ok(()) };
    if free_bytes >= bytes.saturating_add(LEFT_BYTES_MIN) {
        return Ok(());
    }
    let reason =
        format!("the disk has {} left, and it takes {}", unit::bytes(free_bytes), unit::bytes(bytes));
    Err(Failure::new(ATTEMPT, reason).next_step("Ask for less, or make space."))
}

/// A database on its way to a size.
struct Filling<'s> {
    store: &'s Sqlite,
    size: u64,
    /// As it is now, and was at first.
    bytes: u64,
    bytes_before: u64,
    rows: u64,
    channels: u64,
    /// The one that is being filled, and how far it is.
    current: Option<(Channel, u64)>,
    synthetic: usize,
    begun: Instant,
    interrupted: bool,
}

impl<'s> Filling<'s> {
    async fn new(store: &'s Sqlite, size: u64, channels: Vec<Channel>) -> Result<Self, Failure> {
        let bytes = store.size().await.map_err(cannot(ATTEMPT))?;
        let synthetic: Vec<_> = channels.into_iter().filter(is_synthetic).collect();
        let count = synthetic.len();
        let filled = |channel: &Channel| channel.last_entry_id.unsigned_abs();
        let current = synthetic
            .into_iter()
            .map(|channel| (filled(&channel), channel))
            .find(|(rows, _)| *rows < CHANNEL_ROWS)
            .map(|(rows, channel)| (channel, rows));
        Ok(Self {
            store,
            size,
            bytes,
            bytes_before: bytes,
            rows: 0,
            channels: 0,
            current,
            synthetic: count,
            begun: clock::instant(),
            interrupted: false,
        })
    }

    /// Goes on until the size is reached, or a signal comes.
    async fn fill(&mut self, signals: &mut Signals, progress: &Progress) -> Result<(), Failure> {
        let mut shown = self.begun;
        while self.bytes < self.size {
            tokio::select! {
                biased;
                _ = signals.next() => {
                    self.interrupted = true;
                    break;
                }
                stepped = self.step() => stepped?,
            }
            if shown.elapsed() >= TICK {
                shown = clock::instant();
                progress.show(self);
            }
            if self.store.is_shared() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        progress.end();
        Ok(())
    }

    async fn step(&mut self) -> Result<(), Failure> {
        let (channel, filled) = match self.current.take() {
            Some((channel, filled)) if filled < CHANNEL_ROWS => (channel, filled),
            _ => (self.create_channel().await?, 0),
        };
        let station = Station::new(channel.id.0.unsigned_abs(), channel.created_at);
        let rows = self.next_rows().min(CHANNEL_ROWS - filled);
        let updates = (filled..filled + rows).map(move |index| Ok(station.row(index)));
        let stored = self.store.append_all(channel.id, None, Box::new(updates)).await;
        let stored = stored.map_err(cannot(ATTEMPT))?;
        self.rows += stored;
        self.current = Some((channel, filled + stored));
        self.bytes = self.store.size().await.map_err(cannot(ATTEMPT))?;
        Ok(())
    }

    /// Fewer, the nearer the size is: it is passed by a few pages at most.
    fn next_rows(&self) -> u64 {
        let grown = self.bytes.saturating_sub(self.bytes_before);
        let row = if self.rows > BATCH_ROWS { grown as f64 / self.rows as f64 } else { ROW_BYTES };
        let left = self.size.saturating_sub(self.bytes) as f64 / row.max(1.0);
        ((left * STEP) as u64).clamp(BATCH_ROWS_MIN, BATCH_ROWS)
    }

    async fn create_channel(&mut self) -> Result<Channel, Failure> {
        self.synthetic += 1;
        let mut settings = Settings::new(format!("synthetic {}", self.synthetic));
        settings.description = "Made by porta stress --generate-data".into();
        settings.metadata = Some(MARK.into());
        settings.labels = LABELS.map(|label| Some(label.to_owned())).into();
        let channel = entropy::new_channel(None, settings).map_err(|error| Failure::new(ATTEMPT, error))?;
        self.channels += 1;
        self.store.create_channel(channel).await.map_err(cannot(ATTEMPT))
    }

    fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.begun.elapsed().as_secs_f64().max(0.001)
    }

    fn conclude(&self, format: StressFormat, db: &Path) -> Result<Exit, Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let (db, bytes) = (db.display(), unit::bytes(self.bytes));
        match format {
            StressFormat::Json => print(&format!(
                "{}\n",
                json!({
                    "event": "generated", "bytes": self.bytes, "rows": self.rows, "channels": self.channels,
                    "seconds": (seconds * 1000.0).round() / 1000.0, "rows_per_second": self.rows_per_second().round(),
                    "interrupted": self.interrupted,
                })
            ))?,
            StressFormat::Text if self.rows == 0 && !self.interrupted => {
                print(&format!("{db} has {bytes} already; nothing was added.\n"))?;
            }
            StressFormat::Text => {
                let state = if self.interrupted { " so far; the same command goes on" } else { "" };
                let rows = unit::count(self.rows);
                let rate = unit::count(self.rows_per_second() as u64);
                let took = unit::significant(seconds);
                print(&format!(
                    "{db} has {bytes}{state}. {rows} rows were added in {took} s, {rate} a second.\n"
                ))?;
            }
        }
        Ok(if self.interrupted { Exit::Interrupted } else { Exit::Done })
    }
}

/// Where progress is shown.
enum Progress {
    Quiet,
    Events,
    Lines,
    /// One line that is drawn over itself.
    Line,
}

impl Progress {
    fn new(arguments: &Stress) -> Self {
        match arguments.format {
            _ if arguments.quiet => Self::Quiet,
            StressFormat::Json => Self::Events,
            StressFormat::Text if stderr_is_terminal() => Self::Line,
            StressFormat::Text => Self::Lines,
        }
    }

    fn show(&self, filling: &Filling<'_>) {
        let (bytes, size) = (unit::bytes(filling.bytes), unit::bytes(filling.size));
        let rate = unit::count(filling.rows_per_second() as u64);
        let percent = unit::percent(filling.bytes as f64 / filling.size as f64 * 100.0);
        let line = format!("{percent:>7}  {bytes} of {size}, {rate} rows a second");
        match self {
            Self::Quiet => {}
            Self::Events => {
                // Only a reader that is gone makes this fail, and the last line will say so.
                let event = json!({ "event": "progress", "bytes": filling.bytes, "rows": filling.rows });
                let _ = print(&format!("{event}\n"));
            }
            Self::Lines => draw(&format!("{line}\n")),
            Self::Line => draw(&format!("\r{line}\u{1b}[K")),
        }
    }

    fn end(&self) {
        if matches!(self, Self::Line) {
            draw("\r\u{1b}[K");
        }
    }
}
