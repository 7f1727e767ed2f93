//! The name of a running server, by which others on the same database can tell whether it is still there.

use std::fs;

/// This process's: the machine's start, the process id, and when the process was started.
pub fn own() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", boot_id(), started_at(pid).unwrap_or_default())
}

/// Whether the process of that name is still there.
pub fn is_alive(instance: &str) -> bool {
    let mut parts = instance.split('/');
    let (boot, pid, started) = (parts.next(), parts.next(), parts.next());
    let pid = pid.and_then(|pid| pid.parse().ok());
    boot == Some(boot_id().as_str()) && started.is_some() && pid.and_then(started_at).as_deref() == started
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
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let name = own.replacen(&std::process::id().to_string(), &child.id().to_string(), 1);
        child.wait().expect("its end");
        assert!(!is_alive(&name));
    }
}
