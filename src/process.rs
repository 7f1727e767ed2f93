//! Running processes, as the system describes them.

use std::fs;

/// A process that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The id of its parent; 0 where that is outside of this container.
    pub parent: u32,
    /// When it was started, in ticks since the start of the machine.
    pub started_ticks: u64,
}

impl Process {
    /// The process of that id; `None` when there is none, or it has ended. A zombie has, whether its parent wants to know or not.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Fields 3, 4 and 22 of a `stat`, counted behind the name, which may have anything in it.
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        Some(Self { parent, started_ticks: fields.nth(17)?.parse().ok()? })
    }
}

/// The ids of all processes that can be seen from here.
pub fn ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETWEEN: &str = "12 12 0 -1 4194560 105 0 0 0 3 1 0 0 20 0 1 0";

    #[test]
    fn what_is_wanted_stands_behind_any_name() {
        let found = Process::parse(&format!("12 (a) b) (c) S 7 {BETWEEN} 4711 2621440 9"));
        assert_eq!(found, Some(Process { parent: 7, started_ticks: 4711 }));
        for other in ["12 (a) Z 7", "12 (a) X 7", "12 (a", "12 (a) S 7 12", ""] {
            let other = if other.ends_with('7') { format!("{other} {BETWEEN} 4711 0") } else { other.into() };
            assert_eq!(Process::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn this_process_is_there_with_its_parent() {
        let own = std::process::id();
        assert!(ids().any(|pid| pid == own));
        let process = Process::of(own).expect("it runs");
        assert!(process.parent > 0 && process.started_ticks > 0, "{process:?}");
    }
}
