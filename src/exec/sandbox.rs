//! What a command can reach: nothing but its own folder to write to, no secrets to read, no new rights, no signals to others.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use landlock::{
    ABI, Access as _, AccessFs, LandlockStatus, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities};

use super::is_within;
use super::message::Ready;

/// What is asked for; a kernel that knows less does what it knows.
const ABI_WANTED: ABI = ABI::V6;
/// The versions up to that, the oldest first.
const ABIS: [ABI; 6] = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6];
/// Devices that can be written to without any consequence.
const SINKS: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];
/// What a thread needs that does nothing but start a process.
const STACK_BYTES: usize = 256 * 1024;
/// Entries of a folder on the way to a secret. What is beyond them cannot be read.
const ENTRIES_MAX: usize = 10_000;

/// Starts commands, each from a thread that confines itself and ends: what it starts inherits that, who looks after it does
/// not, and so cannot be reached by it. No two commands have such a thread in common, since they could reach each other then.
pub struct Sandbox {
    exec_dir: PathBuf,
    protected: Vec<PathBuf>,
    /// The folders that lead to what is protected.
    ways: BTreeSet<PathBuf>,
    /// The rules, and how the ways were when they were made.
    rules: Option<(Stamps, RulesetCreated)>,
    /// The thread for the next command, and the same.
    starter: Option<(Stamps, Starter)>,
}

/// A confined thread that waits for its command.
struct Starter {
    command: SyncSender<Command>,
    thread: JoinHandle<Result<(RestrictionStatus, Option<Child>), String>>,
}

impl Sandbox {
    pub fn new(exec_dir: PathBuf, protected: Vec<PathBuf>) -> Self {
        let ways = ways(&protected);
        Self { exec_dir, protected, ways, rules: None, starter: None }
    }

    /// What is in force here.
    pub fn probe(&mut self) -> Result<Ready, String> {
        let stamps = self.stamps();
        let (rules, folder) = (self.rules(&stamps)?, self.exec_dir.clone());
        let look = move || {
            let status = confine(rules)?;
            // A command would only say that there is no such program.
            let written = std::env::set_current_dir(&folder).and_then(|()| tempfile::tempfile_in(&folder));
            Ok((status, written.err().map(|error| format!("{}: {error}", folder.display()))))
        };
        let (status, problem) = joined(thread::Builder::new().spawn(look).map_err(no_thread)?)?;
        let landlock = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => {
                ABIS.iter().filter(|abi| **abi <= effective_abi).count() as u32
            }
            _ => 0,
        };
        Ok(Ready { problem, no_new_privileges: status.no_new_privs, landlock })
    }

    /// Makes ready for a command that is to come. If that cannot be, the command will say so.
    pub fn prepare(&mut self) {
        let stamps = self.stamps();
        if let Ok(starter) = self.new_starter(&stamps) {
            self.starter = Some((stamps, starter));
        }
    }

    /// Starts a command.
    pub fn start(&mut self, next: Command) -> Result<Child, String> {
        let Starter { command, thread } = self.starter()?;
        // A thread that is gone has said why.
        let _ = command.send(next);
        joined(thread)?.1.ok_or_else(|| "the thread that was to start it has had no command".into())
    }

    /// The thread that waits, unless a folder has changed meanwhile, or a new one.
    fn starter(&mut self) -> Result<Starter, String> {
        let stamps = self.stamps();
        match self.starter.take() {
            Some((known, starter)) if known == stamps => Ok(starter),
            _ => self.new_starter(&stamps),
        }
    }

    fn new_starter(&mut self, stamps: &Stamps) -> Result<Starter, String> {
        let rules = self.rules(stamps)?;
        let (command, commands) = mpsc::sync_channel::<Command>(1);
        let start = move || {
            let status = confine(rules)?;
            let child = commands.recv().ok().map(|mut command| command.spawn());
            Ok((status, child.transpose().map_err(|error| error.to_string())?))
        };
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(start).map_err(no_thread)?;
        Ok(Starter { command, thread })
    }

    /// The rules; made again when a folder that they were made from has changed.
    fn rules(&mut self, stamps: &Stamps) -> Result<RulesetCreated, String> {
        let rules = match self.rules.take() {
            Some((known, rules)) if known == *stamps => rules,
            _ => {
                let readable = readable(&self.ways, &self.protected);
                ruleset(&readable, &self.exec_dir).map_err(not_confined)?
            }
        };
        let copy = rules.try_clone().map_err(not_confined)?;
        self.rules = Some((stamps.clone(), rules));
        Ok(copy)
    }

    fn stamps(&self) -> Stamps {
        self.ways.iter().map(|way| fs::metadata(way).and_then(|metadata| metadata.modified()).ok()).collect()
    }
}

fn joined<T>(thread: JoinHandle<Result<T, String>>) -> Result<T, String> {
    thread.join().unwrap_or_else(|_| Err("the thread that was to start it has failed".into()))
}

/// When each of the ways was last changed.
type Stamps = Vec<Option<SystemTime>>;

/// Confines this thread, and whatever it starts.
fn confine(rules: RulesetCreated) -> Result<RestrictionStatus, String> {
    let status = rules.restrict_self().map_err(not_confined)?;
    drop_capabilities().map_err(not_confined)?;
    Ok(status)
}

fn no_thread(error: std::io::Error) -> String {
    format!("no thread to start it from: {error}")
}

fn not_confined(error: impl Display) -> String {
    format!("cannot be confined: {error}")
}

/// Leaves root no more rights than its files give it: among what goes is the right to read other processes' environment.
fn drop_capabilities() -> rustix::io::Result<()> {
    // Up to those that the kernel does not know. Nobody but root has to, or can.
    let mut each = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    each.try_for_each(remove_capability_from_bounding_set).unwrap_or_default();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// The folders that lead to what is protected.
fn ways(protected: &[PathBuf]) -> BTreeSet<PathBuf> {
    let above = protected.iter().flat_map(|path| path.ancestors().skip(1));
    above.filter(|folder| !is_within(folder, protected)).map(Path::to_owned).collect()
}

/// What can be read. Landlock cannot close a part of what is open: so all is opened that lies beside the ways to what is
/// protected. Links are left out, since what they lead to is open or not by itself.
fn readable(ways: &BTreeSet<PathBuf>, protected: &[PathBuf]) -> Vec<PathBuf> {
    if protected.is_empty() {
        return vec![PathBuf::from("/")];
    }
    let entries =
        ways.iter().filter_map(|way| fs::read_dir(way).ok()).flat_map(|entries| entries.take(ENTRIES_MAX));
    let entries = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| !ways.contains(path) && !is_within(path, protected)).collect()
}

fn ruleset(readable: &[PathBuf], exec_dir: &Path) -> Result<RulesetCreated, RulesetError> {
    let all = AccessFs::from_all(ABI_WANTED);
    let read = AccessFs::from_read(ABI_WANTED);
    let of_file = AccessFs::from_file(ABI_WANTED);
    let mut rules = Ruleset::default().handle_access(all)?.scope(Scope::from_all(ABI_WANTED))?.create()?;
    let readable = readable.iter().map(|path| (path.as_path(), read));
    let sinks = SINKS.iter().map(|path| (Path::new(path), AccessFs::WriteFile | AccessFs::ReadFile));
    for (path, access) in readable.chain(sinks).chain([(exec_dir, all)]) {
        // What has gone meanwhile needs no rule, and what cannot be opened could not be read either.
        let Ok(fd) = PathFd::new(path) else { continue };
        let is_folder = path.metadata().is_ok_and(|metadata| metadata.is_dir());
        rules = rules.add_rule(PathBeneath::new(fd, if is_folder { access } else { access & of_file }))?;
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_ways_to_secrets_is_open_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().canonicalize().expect("its path");
        for path in ["data/secrets/inner", "data/open", "other"] {
            fs::create_dir_all(home.join(path)).expect("a folder");
        }
        fs::write(home.join("token"), "").expect("a file");
        std::os::unix::fs::symlink(home.join("data/secrets"), home.join("link")).expect("a link");
        let protected = [home.join("data/secrets"), home.join("token")];
        let ways = ways(&protected);
        assert!(ways.contains(Path::new("/")) && ways.contains(&home) && ways.contains(&home.join("data")));
        let readable = readable(&ways, &protected);
        let below_home: BTreeSet<_> =
            readable.iter().filter(|path| path.starts_with(&home)).cloned().collect();
        assert_eq!(below_home, BTreeSet::from([home.join("data/open"), home.join("other")]));
        assert!(readable.contains(&"/usr".into()) && !readable.contains(&"/".into()));
    }

    #[test]
    fn without_secrets_all_can_be_read() {
        assert_eq!(readable(&ways(&[]), &[]), [PathBuf::from("/")]);
    }

    #[test]
    fn a_secret_within_another_is_no_way() {
        let protected = [PathBuf::from("/a/b"), PathBuf::from("/a/b/c")];
        assert_eq!(ways(&protected), BTreeSet::from(["/".into(), "/a".into()]));
    }
}
