//! What can be tuned: each finding with what was measured, and the exact setting to change.
//!
//! A finding is raised by what was measured, never by a setting alone that does no harm here: rows that are kept for
//! ever are fine in a small database.

use super::check::Finding;
use super::evidence::Evidence;
use super::indicator::days_until_full;
use super::measure::Measure;
use super::thresholds::Thresholds;
use super::verdict::{FindingId, Status};
use crate::domain::unit;

/// Percent of the cores, or of the workers, above which they are busy.
const BUSY_PERCENT: f64 = 80.0;
/// Workers for each core above which they are far more.
const WORKERS_PER_CORE_MAX: u32 = 4;
/// Percent of the file that may hold nothing.
const FREE_PERCENT_MAX: f64 = 25.0;
/// Updates in a transaction below which they are committed one by one.
const UPDATES_PER_BATCH_MIN: f64 = 2.0;

/// What is the matter, what was measured, what to change.
type Text = (String, String, String);

/// What a finding is judged by.
pub(super) struct Scene<'e> {
    pub(super) evidence: &'e Evidence,
    pub(super) thresholds: &'e Thresholds,
    /// The status of p95.
    pub(super) p95: Status,
    /// The status of the database's size.
    pub(super) db_size: Status,
}

/// The findings, the most urgent first.
pub(super) fn all(scene: &Scene<'_>) -> Vec<Finding> {
    let accepted = &scene.thresholds.tuning.accepted;
    FindingId::ALL
        .into_iter()
        .filter_map(|id| {
            let (title, evidence, setting) = scene.look(id)?;
            Some(Finding { id, title, evidence, setting, accepted: accepted.contains(&id) })
        })
        .collect()
}

impl Scene<'_> {
    fn look(&self, id: FindingId) -> Option<Text> {
        match id {
            FindingId::DiskFull => self.disk_full(),
            FindingId::OtherWriters => self.other_writers(),
            FindingId::JournalMode => self.journal_mode(),
            FindingId::LongReader => self.long_reader(),
            FindingId::CheckpointLag => self.checkpoint_lag(),
            FindingId::WorkersFew => self.workers_few(),
            FindingId::WorkersMany => self.workers_many(),
            FindingId::QueueFull => self.queue_full(),
            FindingId::Batching => self.batching(),
            FindingId::Retention => self.retention(),
            FindingId::FreePages => self.free_pages(),
        }
    }

    fn db(&self) -> &str {
        self.evidence.installation.db.as_deref().unwrap_or("porta.db")
    }

    fn size_matters(&self) -> bool {
        let bytes = self.evidence.db_bytes.as_ref().map_or(0, |observed| observed.value);
        self.db_size >= Status::Near || bytes > self.thresholds.yellow.db_bytes
    }

    fn size_text(&self) -> String {
        Measure::DbSize
            .observed(self.evidence)
            .map_or_else(|| "of unknown size".into(), |observed| Measure::DbSize.text(observed.value))
    }

    fn disk_full(&self) -> Option<Text> {
        let days = days_until_full(self.evidence).filter(|days| *days < self.thresholds.tuning.disk_days)?;
        let disk = &self.evidence.disk;
        let (free, growth) = (disk.free_bytes.as_ref()?.value, disk.growth_bytes_per_day.as_ref()?.value);
        Some((
            format!("the disk will be full in {days:.0} days"),
            format!("{} free, the database grows by {} a day", unit::bytes(free), unit::bytes(growth as u64)),
            "Free space on the disk, or keep rows for a limited time: porta admin channel edit ID --retention 90d".into(),
        ))
    }

    fn other_writers(&self) -> Option<Text> {
        let waits = self.evidence.leading.busy_waits_per_hour.as_ref();
        let waits = waits.map(|waits| waits.value).filter(|waits| waits.is_finite()).unwrap_or(0.0);
        let errors = self.evidence.lock_errors.as_ref().map_or(0, |errors| errors.value);
        if errors == 0 && waits <= self.thresholds.leading.busy_waits_per_hour {
            return None;
        }
        let measured = format!("{} waits for its lock an hour, {errors} in vain", unit::significant(waits));
        let db = self.db();
        Some(match self.evidence.installation.servers {
            Some(servers) if servers > 1 => (
                format!("{servers} servers write to one database"),
                measured,
                "Run a single `porta serve`, with more --workers: its one writer never waits for itself"
                    .into(),
            ),
            _ => (
                "another program writes to the database".into(),
                measured,
                format!(
                    "Find it (`fuser -v {db}`) and let it use the HTTP API instead; a program that only reads must not \
                     hold a write lock, and copies are made with `porta migrate backup`"
                ),
            ),
        })
    }

    fn journal_mode(&self) -> Option<Text> {
        let mode = self.evidence.installation.journal_mode.as_deref().filter(|mode| *mode != "wal")?;
        Some((
            "the database is not in WAL mode, so that readers and the writer block each other".into(),
            format!("journal_mode is {mode}"),
            format!(
                "Restart `porta serve`, which sets it, or: sqlite3 {} 'pragma journal_mode=wal'",
                self.db()
            ),
        ))
    }

    fn long_reader(&self) -> Option<Text> {
        let seconds =
            self.evidence.installation.longest_read_seconds.filter(|seconds| seconds.is_finite())?;
        let limit = self.thresholds.tuning.longest_read;
        (seconds > limit.as_secs_f64()).then(|| {
            (
                "a read transaction stays open, so that the write-ahead log cannot be emptied".into(),
                format!("it has been open for {seconds:.0} s, more than {}", unit::duration(limit)),
                format!(
                    "End the program that holds it (`fuser -v {}`), or let it read in shorter transactions",
                    self.db()
                ),
            )
        })
    }

    fn checkpoint_lag(&self) -> Option<Text> {
        let lag = self.evidence.leading.checkpoint_lag_frames.as_ref()?.value;
        let limit = self.thresholds.tuning.checkpoint_lag_frames;
        (lag > limit).then(|| {
            (
                "checkpoints cannot finish, so that the write-ahead log grows and reads become slower".into(),
                format!(
                    "{} frames were left in the log, more than {}",
                    unit::count(lag),
                    unit::count(limit)
                ),
                format!(
                    "End what reads without an end (`fuser -v {0}`), then: sqlite3 {0} 'pragma wal_checkpoint(truncate)'",
                    self.db()
                ),
            )
        })
    }

    fn workers_few(&self) -> Option<Text> {
        let installation = &self.evidence.installation;
        let (workers, cores) = (installation.workers?, installation.cores?);
        let cpu = installation.cpu_percent?;
        (workers < cores && cpu > BUSY_PERCENT * f64::from(workers)).then(|| {
            (
                "there are fewer workers than cores, and they are busy".into(),
                format!(
                    "{workers} workers, {cores} cores, {cpu:.0} % of one core used, for one minute in twenty or more"
                ),
                format!("porta serve --workers {cores} (or WORKERS={cores})"),
            )
        })
    }

    fn workers_many(&self) -> Option<Text> {
        let (workers, cores) =
            (self.evidence.installation.workers?, self.evidence.installation.cores?.max(1));
        let many = workers > cores.saturating_mul(WORKERS_PER_CORE_MAX);
        (many && self.p95 >= Status::Near).then(|| {
            let better = cores.saturating_mul(2);
            (
                "there are far more workers than cores, which take turns".into(),
                format!("{workers} workers on {cores} cores, p95 {}", self.p95.as_str()),
                format!("porta serve --workers {better} (or WORKERS={better})"),
            )
        })
    }

    fn queue_full(&self) -> Option<Text> {
        let installation = &self.evidence.installation;
        let refusals = installation.queue_refusals.filter(|refusals| *refusals > 0)?;
        let capacity = installation.queue_capacity;
        let better = capacity.unwrap_or(4096).saturating_mul(2).min(100_000);
        let size = capacity.map_or_else(String::new, |capacity| format!(" of {}", unit::count(capacity)));
        Some((
            "updates were refused because the queue of the writer was full".into(),
            format!("{} refused, by a queue{size}", unit::count(refusals)),
            format!(
                "Bursts: porta serve --max-queue {better}. A writer that is busy all the time: send less often, or several \
                 rows at a time with bulk_update, since a longer queue makes updates wait longer"
            ),
        ))
    }

    fn batching(&self) -> Option<Text> {
        let updates = self.evidence.installation.updates_per_batch.filter(|updates| updates.is_finite())?;
        let busy = self.evidence.leading.writer_utilisation_percent.as_ref()?.value;
        let is_busy = busy > self.thresholds.leading.writer_utilisation_percent;
        (is_busy && updates < UPDATES_PER_BATCH_MIN).then(|| {
            (
                "a busy writer commits rows one by one".into(),
                format!(
                    "{} updates in a transaction, writer {} busy",
                    unit::significant(updates),
                    unit::percent(busy)
                ),
                "Send several rows at a time: POST /channels/ID/bulk_update.json".into(),
            )
        })
    }

    fn retention(&self) -> Option<Text> {
        let installation = &self.evidence.installation;
        let without = installation.channels_without_retention.filter(|channels| *channels > 0)?;
        if !self.size_matters() {
            return None;
        }
        let of = installation.channels.map_or_else(String::new, |all| format!(" of {all}"));
        let channel = installation.largest_without_retention;
        let channel = channel.map_or_else(|| "ID".into(), |id: u64| id.to_string());
        Some((
            "rows are kept for ever in a database that is large".into(),
            format!("{without}{of} channels have no retention, the database has {}", self.size_text()),
            format!("porta admin channel edit {channel} --retention 90d"),
        ))
    }

    fn free_pages(&self) -> Option<Text> {
        let free = self.evidence.installation.free_page_bytes?;
        let bytes = self.evidence.db_bytes.as_ref()?.value;
        let percent = 100.0 * free as f64 / bytes.max(1) as f64;
        (percent > FREE_PERCENT_MAX && self.size_matters()).then(|| {
            (
                "a large part of the database's file holds nothing".into(),
                format!("{} of {} are free pages", unit::bytes(free), unit::bytes(bytes)),
                format!("Stop the server, then: sqlite3 {} vacuum", self.db()),
            )
        })
    }
}
