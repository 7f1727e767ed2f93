//! Ends everything that this process has started, whatever it has become.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group, pidfd_open,
    wait,
};

use crate::clock;

/// How long all of it may take to be gone. A process that the kernel waits for cannot be ended.
const END_MAX: Duration = Duration::from_secs(5);
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
        end_found();
    }
}

/// Ends what there is below this process now, and waits a moment for it. All are stopped first, until there is nobody who
/// could start another: to end them one by one would make room for those that they start.
fn end_found() {
    let mut found: Vec<Pid> = Vec::new();
    loop {
        let fresh: Vec<_> = descendants().into_iter().filter(|pid| !found.contains(pid)).collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            signal(pid, Signal::STOP);
            found.push(pid);
        }
    }
    let ends: Vec<_> = found.iter().filter_map(|pid| pidfd_open(*pid, PidfdFlags::empty()).ok()).collect();
    found.iter().for_each(|pid| signal(*pid, Signal::KILL));
    for end in &ends {
        // One that takes longer is looked for again.
        let _ = poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&LOOK_MAX));
    }
}

/// One that has ended meanwhile is a child still, so that its number is nobody else's.
fn signal(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

/// All processes below this one.
fn descendants() -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, parent) in processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut parents = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            found.extend(Pid::from_raw(pid));
        }
    }
    found
}

/// Each process that has not ended, and its parent.
fn processes() -> impl Iterator<Item = (i32, i32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, living_parent(&stat)?))
    })
}

/// Field 4 of a `stat`, counted behind the name, which may have anything in it; `None` of a zombie, which is field 3.
fn living_parent(stat: &str) -> Option<i32> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(living_parent("12 (a) b) (c) S 7 12 12 0"), Some(7));
        assert_eq!(living_parent("12 (a) Z 7 12 12 0"), None);
        assert_eq!(living_parent("12 (a"), None);
    }

    #[test]
    fn this_process_has_a_parent_and_its_child_is_a_descendant() {
        let own = getpid().as_raw_nonzero().get();
        assert!(processes().any(|(pid, parent)| pid == own && parent > 0));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let is_found = descendants().contains(&Pid::from_child(&child));
        child.kill().expect("its end");
        child.wait().expect("its end");
        assert!(is_found);
    }
}
