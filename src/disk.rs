//! The disk that a file is on, as the system describes it.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user can still fill.
    pub free_bytes: u64,
    /// Whether it may be read only.
    pub is_read_only: bool,
}

impl Disk {
    /// The disk of a file or folder; `None` when that is not there, or the system does not say.
    pub fn of(path: &Path) -> Option<Self> {
        let system = statvfs(path).ok()?;
        Some(Self {
            free_bytes: system.f_bavail.saturating_mul(system.f_frsize),
            is_read_only: system.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_disk_and_nothing_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::of(folder.path()).expect("a disk");
        assert!(disk.free_bytes > 0 && !disk.is_read_only, "{disk:?}");
        assert_eq!(Disk::of(&folder.path().join("missing")), None);
        assert!(Disk::of(Path::new("/proc")).is_some_and(|proc| proc.free_bytes == 0));
    }
}
