//! The name of a running process, by which others on the same database can tell whether it is still there.

use std::fs;

/// This process's: the machine's start, the process id, and when the process was started.
pub fn own() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", boot_id(), started_at(pid).unwrap_or_default())
}

/// Whether the process of that name is still there.
pub fn is_alive(instance: &str) -> bool {
    why_gone(instance).is_none()
}

/// Why the process of that name is not there any more; `None` while it is.
pub fn why_gone(instance: &str) -> Option<String> {
    let mut parts = instance.split('/');
    let (boot, started) = (parts.next(), parts.nth(1));
    let Some(pid) = pid(instance) else { return Some("its process left no name".into()) };
    if boot != Some(boot_id().as_str()) {
        return Some(format!("the machine was restarted while it ran (process {pid})"));
    }
    let is_there = started.is_some() && started_at(pid).as_deref() == started;
    (!is_there).then(|| format!("its process ended without a word (process {pid})"))
}

/// The process id in a name.
pub fn pid(instance: &str) -> Option<u32> {
    instance.split('/').nth(1)?.parse().ok()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a process was started, in ticks since the start of the machine: field 22 of its `stat`, counted behind the name,
/// which may have anything in it.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = stat.rsplit_once(") ")?.1;
    behind_name.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_and_no_other_of_its_number() {
        let own = own();
        assert!(is_alive(&own));
        let (before, started) = own.rsplit_once('/').expect("three parts");
        let started: u64 = started.parse().expect("ticks");
        for other in [format!("{before}/{}", started + 1), format!("x{own}"), String::new(), "a/b/c".into()] {
            assert!(!is_alive(&other), "{other}");
        }
        assert_eq!(pid(&own), Some(std::process::id()));
        assert!(why_gone(&format!("x{own}")).is_some_and(|why| why.starts_with("the machine was restarted")));
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let name = own.replacen(&std::process::id().to_string(), &child.id().to_string(), 1);
        child.wait().expect("its end");
        assert!(!is_alive(&name));
    }
}
