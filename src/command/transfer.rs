//! `porta migrate import` and `porta migrate export`: whole channels in and out.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{cannot, print, stderr_is_terminal, with_store};
use crate::clock;
use crate::domain::channel::Channel;
use crate::domain::entry::Selection;
use crate::domain::id::ChannelId;
use crate::domain::unit::{self, UtcMillis};
use crate::domain::update::Update;
use crate::domain::zone::Zone;
use crate::exit::Failure;
use crate::render::live;
use crate::store::sqlite::Sqlite;
use crate::store::{EntryStore as _, Look, look};
use crate::thingspeak::export::Import;
use crate::transfer::Exporter;

/// How often the progress bar is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Adds the entries of a ThingSpeak export to a channel, all or none. Unless `again`, not if the first is there already.
pub fn import(db: &Path, path: &Path, channel: ChannelId, zone: &Zone, again: bool) -> Result<(), Failure> {
    let attempted = format!("cannot import {}", path.display());
    let failed = |error: &dyn std::fmt::Display| Failure::new(&attempted, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let size = file.metadata().map_err(|error| failed(&error))?.len();
    let read = Arc::new(AtomicU64::new(0));
    let file = Counted { file, read: Arc::clone(&read) };
    let mut entries = Import::begin(file, zone.clone()).map_err(|error| failed(&error))?.peekable();
    let first = entries.peek().and_then(|entry| entry.as_ref().ok()).cloned();
    let stored = with_store(db, async |store| {
        let found = look(store, Look::Short, move |view| view.channel(channel)).await;
        let found = found.map_err(cannot(&attempted))?.ok_or_else(|| {
            failed(&format!("channel {channel} not found")).next_step("List them: porta admin channel list")
        })?;
        if let Some(first) = first.filter(|_| !again) {
            refuse_repeated(store, channel, first, &attempted).await?;
        }
        let keeps = Keeps::of(&found);
        let updates = Box::new(entries.map(move |entry| {
            let update = entry.map_err(|error| error.to_string())?;
            keeps.check(&update)?;
            Ok(update)
        }));
        let mut importing = std::pin::pin!(store.append_all(channel, None, updates));
        let mut redraw = tokio::time::interval(REDRAW);
        let stored = loop {
            tokio::select! {
                stored = &mut importing => break stored,
                _ = redraw.tick(), if stderr_is_terminal() => draw(read.load(Ordering::Relaxed), size),
            }
        };
        if stderr_is_terminal() {
            anstream::eprint!("\r\x1b[K");
        }
        stored.map_err(cannot(&attempted)).map_err(|failure| failure.next_step("Nothing was imported."))
    })?;
    let (entries, are) = counted(stored);
    print(&format!("{entries} from {} {are} in channel {channel}.\n", path.display()))
}

/// A number of entries, and the verb that goes with it.
fn counted(entries: u64) -> (String, &'static str) {
    if entries == 1 { ("1 entry".into(), "is") } else { (format!("{} entries", unit::count(entries)), "are") }
}

/// Importing a file twice would store everything twice.
async fn refuse_repeated(
    store: &Sqlite,
    channel: ChannelId,
    first: Update,
    attempted: &str,
) -> Result<(), Failure> {
    let Some(at) = first.created_at() else { return Ok(()) };
    let selection = Selection { from: at, to: at, ..Selection::ALL };
    let there = look(store, Look::Short, move |view| {
        let mut there = None;
        view.entries(channel, &selection, &mut |row| {
            if row.values == first.values.each_ref().map(|value| value.as_deref()) {
                there = row.id;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(there)
    });
    match there.await.map_err(cannot(attempted))? {
        None => Ok(()),
        Some(id) => {
            Err(Failure::new(attempted, format!("its first entry is entry {id} of the channel already"))
                .next_step("Nothing was imported. If it is to be imported once more, say --again."))
        }
    }
}

/// How old entries of a channel may be.
struct Keeps {
    channel: ChannelId,
    oldest: UtcMillis,
}

impl Keeps {
    fn of(channel: &Channel) -> Self {
        let oldest =
            channel.settings.retention_ms.map_or(i64::MIN, |kept| clock::utc().0.saturating_sub(kept));
        Self { channel: channel.id, oldest: UtcMillis(oldest) }
    }

    /// What retention would delete at once is not brought in.
    fn check(&self, update: &Update) -> Result<(), String> {
        match update.created_at() {
            Some(at) if at < self.oldest => Err(format!(
                "the entry of {at} is older than the channel keeps, and would be deleted; \
                 first: porta admin channel edit {} --retention all",
                self.channel
            )),
            _ => Ok(()),
        }
    }
}

fn draw(read: u64, size: u64) {
    let share = read as f64 / size.max(1) as f64;
    let (read, size) = (unit::bytes(read), unit::bytes(size));
    anstream::eprint!("\r  {}  {read} of {size}\x1b[K", live::bar(share));
}

/// A file, and how far it has been read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Writes a channel as CSV to a file that must not exist, or to standard output.
pub fn export(db: &Path, channel: ChannelId, path: Option<&Path>) -> Result<(), Failure> {
    let attempted = match path {
        Some(path) => format!("cannot export channel {channel} to {}", path.display()),
        None => format!("cannot export channel {channel}"),
    };
    let Some(path) = path else {
        let mut stdout = std::io::stdout().lock();
        return write(db, channel, &attempted, &mut stdout).map(|_| ());
    };
    let failed = |error: &dyn std::fmt::Display| Failure::new(&attempted, error);
    if path.exists() {
        return Err(failed(&"there is such a file already").next_step("Name another, or remove that one."));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It gets its name once it is whole.
    let mut file = tempfile::Builder::new()
        .prefix(".porta-export-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    let entries = write(db, channel, &attempted, file.as_file_mut())?;
    file.persist_noclobber(path).map_err(|error| failed(&error.error))?;
    let (entries, are) = counted(entries);
    print(&format!("{entries} of channel {channel} {are} in {}.\n", path.display()))
}

fn write(db: &Path, channel: ChannelId, attempted: &str, out: &mut dyn Write) -> Result<u64, Failure> {
    with_store(db, async |store| {
        let mut exporter = Exporter::new(store, channel);
        while let Some(page) = exporter.next().await.map_err(cannot(attempted))? {
            match out.write_all(&page) {
                Ok(()) => {}
                // A reader that has seen enough, such as `head`, is no failure.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(exporter.entries),
                Err(error) => return Err(Failure::new(attempted, error)),
            }
        }
        out.flush().map_err(|error| Failure::new(attempted, error))?;
        Ok(exporter.entries)
    })
}
