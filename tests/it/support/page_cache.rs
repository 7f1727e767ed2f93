//! A machine whose power fails: what it holds of its files in memory, what has reached the disk, and the moment.
//!
//! A write goes to memory. It reaches the disk at a sync, or at random before that, as kernels do it: in whole sectors,
//! in any order, each as it is in memory at that time. So a page may arrive without its neighbours, torn, or not at all,
//! but nothing beside what was written is damaged, as SQLite assumes of disks (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`). The
//! power may fail within a sync, too, with some of its sectors written.
//!
//! The disk is the real file. It is never synced itself: what was written to it outlives the kill of the process, and
//! that is the power cut.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, CString};
use std::ops::{Range, RangeInclusive};

use fastrand::Rng;
use rustix::process::{Signal, getpid, kill_process};

const SECTOR_BYTES: usize = 512;
/// One in so many writes is followed by an early way to the disk.
const WRITES_PER_EARLY: u32 = 16;
/// Sectors that go there early at a time: up to four pages.
const EARLY_SECTORS_MAX: usize = 32;
/// The power fails within so many moments: 2 to one of these. The fewest end in SQLite's recovery, the most after some
/// checkpoints.
const MOMENTS_MAX_LOG2: RangeInclusive<u32> = 6..=16;
/// How the names of write-ahead logs end.
const LOG: &[u8] = b"-wal";

/// A real file.
pub trait Disk {
    fn length(&self) -> usize;
    fn read(&self, into: &mut [u8]);
    fn write(&self, at: usize, bytes: &[u8]);
    fn truncate(&self, length: usize);
}

/// When the power fails. A moment is just before anything that changes what is on the disk, or should be.
struct Power {
    random: Rng,
    moments_left: u32,
    /// Moments do not count before a checkpoint has begun: there the order in which things reach the disk matters most.
    awaits_checkpoint: bool,
    in_checkpoint: bool,
    checkpoints: u32,
}

impl Power {
    fn new(mut random: Rng) -> Self {
        let moments_log2 = random.u32(MOMENTS_MAX_LOG2);
        let moments_left = random.u32(1..=1 << moments_log2);
        let awaits_checkpoint = random.bool();
        Self { random, moments_left, awaits_checkpoint, in_checkpoint: false, checkpoints: 0 }
    }

    fn moment(&mut self) {
        if self.awaits_checkpoint {
            return;
        }
        self.moments_left -= 1;
        if self.moments_left == 0 {
            self.fail();
        }
    }

    /// Says how far it came, and ends the process with all that only its memory holds.
    #[allow(clippy::print_stdout, reason = "to the test that started the machine")]
    fn fail(&self) -> ! {
        let Self { checkpoints, in_checkpoint, .. } = self;
        println!("off {checkpoints} {in_checkpoint}");
        kill_process(getpid(), Signal::KILL).unwrap();
        loop {
            std::thread::park();
        }
    }
}

/// A file as the machine sees it, and what of that has not been synced.
struct Cached {
    content: Vec<u8>,
    unsynced: BTreeSet<usize>,
    /// The shortest that the file has been since the disk has had its length. The disk cuts it before it writes anything
    /// beyond: what a truncation took away does not come back under what is written later.
    truncated: Option<usize>,
}

impl Cached {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.content.len() < end {
            self.content.resize(end, 0);
        }
        self.content[at..end].copy_from_slice(bytes);
        self.unsynced.extend(at / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn truncate(&mut self, length: usize) {
        assert!(length <= self.content.len(), "SQLite lengthens a file by writing");
        self.content.truncate(length);
        self.unsynced.split_off(&length.div_ceil(SECTOR_BYTES));
        self.truncated = Some(self.truncated.map_or(length, |shortest| shortest.min(length)));
    }

    fn bytes_of(&self, sector: usize) -> Range<usize> {
        let start = sector * SECTOR_BYTES;
        start..self.content.len().min(start + SECTOR_BYTES)
    }

    fn put_length(&mut self, power: &mut Power, disk: &dyn Disk) {
        if let Some(length) = self.truncated.take().filter(|length| *length < disk.length()) {
            power.moment();
            disk.truncate(length);
        }
    }

    fn put(&mut self, sector: usize, power: &mut Power, disk: &dyn Disk) {
        let bytes = self.bytes_of(sector);
        if self.truncated.is_some_and(|length| length < bytes.end) {
            self.put_length(power, disk);
        }
        power.moment();
        disk.write(bytes.start, &self.content[bytes]);
        self.unsynced.remove(&sector);
    }

    fn put_some(&mut self, power: &mut Power, disk: &dyn Disk) {
        if power.random.u8(..) == 0 {
            self.put_length(power, disk);
        }
        let Some(first) = power.random.choice(&self.unsynced).copied() else { return };
        let sectors = power.random.usize(1..=EARLY_SECTORS_MAX);
        let run: Vec<_> = self.unsynced.range(first..first + sectors).copied().collect();
        run.into_iter().for_each(|sector| self.put(sector, power, disk));
    }

    fn put_all(&mut self, power: &mut Power, disk: &dyn Disk) {
        let mut sectors: Vec<_> = self.unsynced.iter().copied().collect();
        power.random.shuffle(&mut sectors);
        sectors.into_iter().for_each(|sector| self.put(sector, power, disk));
        self.put_length(power, disk);
        assert_eq!(disk.length(), self.content.len(), "the disk has all of the file");
    }
}

/// The machine: its memory, and its power.
pub struct PageCache {
    /// By path. A file stays when nobody has it open, as what is unsynced does.
    files: HashMap<CString, Cached>,
    /// The end of the names whose syncs do nothing.
    lies_about: Option<String>,
    power: Power,
}

impl PageCache {
    pub fn new(seed: u64, lies_about: Option<String>) -> Self {
        Self { files: HashMap::new(), lies_about, power: Power::new(Rng::with_seed(seed)) }
    }

    fn file(&mut self, name: &CStr) -> (&mut Cached, &mut Power) {
        (self.files.get_mut(name).expect("a file that is open"), &mut self.power)
    }

    pub fn open(&mut self, name: &CStr, disk: &dyn Disk) {
        if !self.files.contains_key(name) {
            let mut content = vec![0; disk.length()];
            disk.read(&mut content);
            let cached = Cached { content, unsynced: BTreeSet::new(), truncated: None };
            self.files.insert(name.to_owned(), cached);
        }
    }

    /// What the file holds; `None` where it was not opened, or was deleted.
    pub fn content(&self, name: &CStr) -> Option<&[u8]> {
        self.files.get(name).map(|file| &*file.content)
    }

    pub fn write(&mut self, name: &CStr, at: usize, bytes: &[u8], disk: &dyn Disk) {
        let (file, power) = self.file(name);
        power.moment();
        file.write(at, bytes);
        if power.random.u32(..WRITES_PER_EARLY) == 0 {
            file.put_some(power, disk);
        }
    }

    pub fn truncate(&mut self, name: &CStr, length: usize) {
        let (file, power) = self.file(name);
        power.moment();
        file.truncate(length);
    }

    pub fn sync(&mut self, name: &CStr, disk: &dyn Disk) {
        let lies = self.lies_about.as_ref().is_some_and(|end| name.to_bytes().ends_with(end.as_bytes()));
        if !lies {
            let (file, power) = self.file(name);
            power.moment();
            file.put_all(power, disk);
        }
        if !name.to_bytes().ends_with(LOG) {
            self.power.checkpoints += u32::from(self.power.in_checkpoint);
            self.power.in_checkpoint = false;
        }
    }

    /// A file is deleted on disk at once: the moment is before that.
    pub fn delete(&mut self, name: &CStr) {
        self.power.moment();
        self.files.remove(name);
    }

    /// It ends when the database is synced.
    pub fn begin_checkpoint(&mut self) {
        self.power.awaits_checkpoint = false;
        self.power.in_checkpoint = true;
    }
}
