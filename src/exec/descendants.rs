//! Ends everything that this process has started, whatever it has become.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process_group, pidfd_open, pidfd_send_signal, wait,
};

use crate::clock;
use crate::process::{self, Process};

/// How long all of it may take to be gone. A process that the kernel waits for cannot be ended.
const END_MAX: Duration = Duration::from_secs(5);
/// Processes that are ended at once: each is held open, and there are only so many files.
const FOUND_MAX: usize = 512;
/// How long one look waits for what it has ended.
const LOOK_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Takes in all children that have ended, and returns how `leader` did if it is among them.
pub fn reap(leader: Pid) -> (Option<WaitStatus>, Left) {
    let mut of_leader = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == leader => of_leader = Some(status),
            Ok(Some(_)) => {}
            Ok(None) => return (of_leader, Left::Some),
            Err(_) => return (of_leader, Left::None),
        }
    }
}

/// Whether there are children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// There are.
    Some,
    /// There are none, and so no descendants either: a subreaper gets whatever loses its parent.
    None,
}

/// Ends the process group of `leader`, which has not been reaped, and then every descendant. Returns how `leader` has ended
/// and whether all of them have.
pub fn end(leader: Pid) -> (Option<WaitStatus>, Left) {
    let begun = clock::instant();
    // One that is empty cannot be signalled.
    let _ = kill_process_group(leader, Signal::KILL);
    let mut of_leader = None;
    loop {
        let (status, left) = reap(leader);
        of_leader = of_leader.or(status);
        if left == Left::None || begun.elapsed() > END_MAX {
            return (of_leader, left);
        }
        end_found(begun);
    }
}

/// Ends what there is below this process now, and waits a moment for it. All are stopped first, until there is nobody who
/// could start another: to end them one by one would make room for those that they start.
fn end_found(begun: Instant) {
    let mut found: HashMap<Pid, OwnedFd> = HashMap::new();
    while begun.elapsed() <= END_MAX && found.len() < FOUND_MAX {
        let fresh: Vec<_> = descendants().into_iter().filter(|pid| !found.contains_key(pid)).collect();
        let count = found.len();
        for pid in fresh {
            // Whoever has ended meanwhile has nobody else's number as long as it is held open.
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            let _ = pidfd_send_signal(&process, Signal::STOP);
            found.insert(pid, process);
        }
        if found.len() == count {
            break;
        }
    }
    for process in found.values() {
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
    for process in found.values() {
        // One that takes longer is looked for again.
        let _ = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&LOOK_MAX));
    }
}

/// All processes below this one.
fn descendants() -> Vec<Pid> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, process) in process::ids().filter_map(|pid| Some((pid, Process::of(pid)?))) {
        children.entry(process.parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut parents = vec![std::process::id()];
    while let Some(parent) = parents.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            found.extend(Pid::from_raw(pid.cast_signed()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_this_process_is_a_descendant() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let is_found = descendants().contains(&Pid::from_child(&child));
        child.kill().expect("its end");
        child.wait().expect("its end");
        assert!(is_found);
    }
}
