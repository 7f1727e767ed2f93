//! The name of a running process, by which others on the same database can tell whether it is still there.

use std::fs;

use crate::process::Process;

/// This process's: the machine's start, the process id, when the process was started, and where its id says anything.
pub fn own() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}/{}", boot_id(), started_at(pid).unwrap_or_default(), own_namespace())
}

/// Whether the process of that name is still there. One of another container cannot be looked up, and counts as there until
/// the machine is restarted.
pub fn is_alive(instance: &str) -> bool {
    why_gone(instance, false).is_none()
}

/// Why the process of that name is not there any more; `None` while it is. One that cannot be looked up is gone when what it
/// does is `overdue`.
pub fn why_gone(instance: &str, overdue: bool) -> Option<String> {
    let mut parts = instance.split('/');
    let (boot, started) = (parts.next(), parts.nth(1));
    let Some(pid) = pid(instance) else { return Some("its process left no name".into()) };
    if boot != Some(boot_id().as_str()) {
        return Some(format!("the machine was restarted while it ran (process {pid})"));
    }
    if is_elsewhere(instance) {
        let why = "it was started in another container, and should have ended long ago";
        return overdue.then(|| format!("{why} (process {pid})"));
    }
    let is_there = started.is_some() && started_at(pid).as_deref() == started;
    (!is_there).then(|| format!("its process ended without a word (process {pid})"))
}

/// The process id in a name.
pub fn pid(instance: &str) -> Option<u32> {
    instance.split('/').nth(1)?.parse().ok()
}

/// Whether the process of that name has its id in another namespace of process ids, as in another container.
pub fn is_elsewhere(instance: &str) -> bool {
    instance.split('/').nth(3).is_some_and(|namespace| namespace != own_namespace())
}

/// The namespace of process ids, as in `pid:[4026531836]`; empty where the system does not tell.
fn own_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().into_owned()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a process was started, in ticks since the start of the machine.
fn started_at(pid: u32) -> Option<String> {
    Process::of(pid).map(|process| process.started_ticks.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_and_no_other_of_its_number() {
        let own = own();
        assert!(is_alive(&own));
        let (before, namespace) = own.rsplit_once('/').expect("four parts");
        let (before, started) = before.rsplit_once('/').expect("three parts");
        let started: u64 = started.parse().expect("ticks");
        let later = format!("{before}/{}/{namespace}", started + 1);
        for other in [later.clone(), format!("x{own}"), String::new(), "a/b/c".into(), "a/b/c/d".into()] {
            assert!(!is_alive(&other), "{other}");
        }
        let elsewhere = format!("{later}0");
        assert!(is_alive(&elsewhere), "who cannot be looked up from here may be there");
        assert!(!is_alive(&format!("x{elsewhere}")), "not after the machine was restarted");
        assert!(is_elsewhere(&elsewhere) && !is_elsewhere(&later));
        assert!(is_alive(&format!("{before}/{started}")), "older versions named no namespace");
        assert_eq!(pid(&own), Some(std::process::id()));
        assert!(why_gone(&own, true).is_none() && why_gone(&elsewhere, true).is_some());
        assert!(
            why_gone(&format!("x{own}"), false)
                .is_some_and(|why| why.starts_with("the machine was restarted"))
        );
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let name = own.replacen(&std::process::id().to_string(), &child.id().to_string(), 1);
        let pid = child.id();
        while started_at(pid).is_some() {
            std::thread::yield_now();
        }
        assert!(!is_alive(&name), "a zombie is not there any more");
        child.wait().expect("its end");
        assert!(!is_alive(&name));
    }
}
