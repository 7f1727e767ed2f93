//! Control groups, where this process may make some: limits for all commands together, and an end for whatever is left of
//! a runner. Nothing here has to work.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};

use super::Limits;

/// What the name of a server's group begins with; its process id follows.
const PREFIX: &str = "porta-";
/// Tasks of runners themselves.
const RUNNER_TASKS: u64 = 2;
/// Looks at a group whose processes start others while they are ended.
const LOOKS_MAX: usize = 100;

/// A server's groups: one in each hierarchy that it may write to.
pub struct Groups {
    bases: Vec<Base>,
}

struct Base {
    path: PathBuf,
    /// What holds for all that is in it together.
    limits: Vec<&'static str>,
}

impl Groups {
    /// Makes them for at most `runners_max` runners. Those that ended servers have left are removed.
    pub fn make(limits: &Limits, runners_max: u64) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut bases = Vec::new();
        for folder in hierarchies(&mounts, &own) {
            remove_left_behind(&folder);
            let path = folder.join(format!("{PREFIX}{}", std::process::id()));
            if fs::create_dir(&path).is_err() {
                continue;
            }
            pass_controllers_on(&folder);
            let tasks = limits.processes + runners_max * RUNNER_TASKS;
            let memory = memory_max(limits);
            let has_memory =
                limit(&path, "memory.max", memory) || limit(&path, "memory.limit_in_bytes", memory);
            let found = [
                ("processes", limit(&path, "pids.max", tasks)),
                ("memory", has_memory),
                ("end", path.join("cgroup.kill").exists()),
            ];
            let limits = found.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
            bases.push(Base { path, limits });
        }
        Self { bases }
    }

    /// Takes a runner in, before it starts anything. Returns what holds for it and all others together.
    pub fn admit(&self, number: u64, runner: u32) -> Vec<&'static str> {
        let mut limits = Vec::new();
        for base in &self.bases {
            let group = base.path.join(number.to_string());
            match fs::create_dir(&group)
                .and_then(|()| fs::write(group.join("cgroup.procs"), runner.to_string()))
            {
                Ok(()) => limits.extend(&base.limits),
                Err(error) => {
                    tracing::debug!(%error, group = %group.display(), "a runner has no control group");
                }
            }
        }
        limits.sort_unstable();
        limits.dedup();
        limits
    }

    /// Ends whatever is left of a runner, and takes its groups away.
    pub fn dissolve(&self, number: u64) {
        for base in &self.bases {
            let group = base.path.join(number.to_string());
            end(&group);
            if let Err(error) = fs::remove_dir(&group) {
                tracing::debug!(%error, group = %group.display(), "a control group cannot be removed");
            }
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for base in &self.bases {
            let _ = fs::remove_dir(&base.path);
        }
    }
}

/// Lets groups below `folder` have limits, in the second version. That takes a group without processes of its own, or the
/// topmost one: so this process moves down first, where it is alone in its group.
fn pass_controllers_on(folder: &Path) {
    let control = folder.join("cgroup.subtree_control");
    if !control.exists() {
        return;
    }
    // Only the topmost group has no type.
    if folder.join("cgroup.type").exists() {
        if !processes(folder).is_ok_and(|processes| processes == [getpid()]) {
            return;
        }
        let own = folder.join(format!("{PREFIX}{}-server", std::process::id()));
        let moved = fs::create_dir(&own).and_then(|()| fs::write(own.join("cgroup.procs"), "0"));
        if let Err(error) = moved {
            tracing::debug!(%error, "this server cannot move to a control group of its own");
            return;
        }
    }
    // One after the other, since each may be missing.
    for controller in ["+pids", "+memory"] {
        let _ = fs::write(&control, controller);
    }
}

/// Commands together have half of the machine's memory, or as much as one of them may have.
fn memory_max(limits: &Limits) -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or(limits.memory_bytes, |kilobytes| (kilobytes * 1024 / 2).max(limits.memory_bytes))
}

fn limit(group: &Path, file: &str, most: u64) -> bool {
    let file = group.join(file);
    file.exists() && fs::write(file, most.to_string()).is_ok()
}

fn end(group: &Path) {
    if fs::write(group.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for _ in 0..LOOKS_MAX {
        let Ok(processes) = processes(group) else { return };
        if processes.is_empty() {
            return;
        }
        for pid in processes {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn processes(group: &Path) -> io::Result<Vec<Pid>> {
    let text = fs::read_to_string(group.join("cgroup.procs"))?;
    Ok(text.lines().filter_map(|line| line.parse().ok().and_then(Pid::from_raw)).collect())
}

/// Removes the groups of servers that are no more.
fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let pid = rest.and_then(|rest| rest.trim_end_matches("-server").parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else { continue };
        // One of this number was another process: this one has made none yet.
        if pid != getpid() && test_kill_process(pid).is_ok() {
            continue;
        }
        for group in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            if group.file_type().is_ok_and(|kind| kind.is_dir()) {
                end(&group.path());
                let _ = fs::remove_dir(group.path());
            }
        }
        let _ = fs::remove_dir(entry.path());
    }
}

/// This process's own folder in each hierarchy that ends or limits processes.
fn hierarchies(mounts: &str, own: &str) -> Vec<PathBuf> {
    let of_mount = |line: &str| {
        let (before, behind) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, mount) = (fields.next()?, fields.next()?);
        let mut behind = behind.split(' ');
        let (kind, options) = (behind.next()?, behind.nth(1)?);
        let controllers: &[&str] = match kind {
            "cgroup2" => &[""],
            "cgroup" => &["pids", "memory"],
            _ => return None,
        };
        let controller =
            controllers.iter().find(|name| name.is_empty() || options.split(',').any(|o| o == **name))?;
        let path = own.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (names, path) = rest.split_once(':')?;
            names.split(',').any(|name| name == *controller).then_some(path)
        })?;
        // Within a container the hierarchy may begin further down.
        let below = path.strip_prefix(root).unwrap_or(path);
        Some(Path::new(mount).join(below.trim_start_matches('/')))
    };
    mounts.lines().filter_map(of_mount).filter(|folder| folder.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_groups_are_found_in_both_versions() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display();
        for path in ["unified/a.service", "pids/a.service", "memory/other"] {
            fs::create_dir_all(folder.path().join(path)).expect("a folder");
        }
        let mounts = format!(
            "30 1 0:26 / {root}/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw\n\
             31 1 0:27 / {root}/pids rw - cgroup cgroup rw,pids\n\
             32 1 0:28 / {root}/memory rw - cgroup cgroup rw,memory\n\
             33 1 0:29 / {root}/cpu rw - cgroup cgroup rw,cpu\n\
             34 1 0:30 / /sys rw - sysfs sysfs rw\nnonsense\n"
        );
        let own = "9:memory:/a.service\n8:pids:/a.service\n7:cpu:/\n0::/a.service\n";
        let expected = ["unified/a.service", "pids/a.service"].map(|path| folder.path().join(path));
        assert_eq!(hierarchies(&mounts, own), expected, "what is not there is left out");
        assert_eq!(hierarchies("", own), [] as [PathBuf; 0]);
    }
}
