//! A file that gets its name only once it is whole.

use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use tempfile::TempPath;

use super::beside;

/// A file under a name for the time being. It is deleted when this is dropped; what a killed process leaves is replaced by
/// the next that claims the name.
pub struct Partial {
    path: TempPath,
    /// Holds a lock for as long as it is written.
    file: File,
}

impl Partial {
    /// Creates the file, empty. As it is to hold what `original` holds, no more people may read it.
    ///
    /// # Errors
    /// When another process is writing it, or it cannot be created.
    pub fn claim(path: &Path, original: &Metadata) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        loop {
            let file = options.open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let reason = format!("another process is writing {}", path.display());
                    return Err(io::Error::new(ErrorKind::ResourceBusy, reason));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if !is_only_name(&file, path)? {
                continue;
            }
            // Another user could go on reading and writing it.
            if file.metadata()?.uid() != geteuid().as_raw() {
                remove(path)?;
                continue;
            }
            let path = TempPath::try_from_path(path)?;
            for suffix in [beside::LOG, beside::LOG_INDEX, beside::JOURNAL] {
                remove(&beside::named(&path, suffix))?;
            }
            file.set_len(0)?;
            file.set_permissions(Permissions::from_mode(original.mode() & 0o777))?;
            return Ok(Self { path, file });
        }
    }

    /// Where it is for the time being.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file to the owner of another that it is to replace.
    pub fn give_to_owner_of(&self, other: &Metadata) -> io::Result<()> {
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            fchown(&self.file, Some(other.uid()), Some(other.gid()))?;
        }
        self.file.set_permissions(Permissions::from_mode(other.mode() & 0o777))
    }

    /// Makes it survive a power failure.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it its name, which must be free.
    pub fn name(self, target: &Path) -> io::Result<()> {
        self.path.persist_noclobber(target).map_err(|error| error.error)?;
        beside::sync_folder(target)
    }

    /// Puts it in the place of another file.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        self.path.persist(target).map_err(|error| error.error)?;
        beside::sync_folder(target)
    }
}

/// Whether the locked file is still at `path`, and nowhere else. It may have got its name between being opened and locked; and
/// where a file gets its name by a link a killed process may have left it both.
fn is_only_name(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) if (there.dev(), there.ino()) != (own.dev(), own.ino()) => Ok(false),
        Ok(_) if own.nlink() > 1 => std::fs::remove_file(path).map(|()| false),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes a file that need not be there.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_writers_and_what_a_killed_one_left_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let original = File::create(folder.path().join("original")).expect("a file");
        let original = original.metadata().expect("its metadata");
        let (partial, target) = (folder.path().join("x.partial"), folder.path().join("x"));
        std::fs::write(&partial, "half of somethi").expect("a file");
        std::fs::write(beside::named(&partial, beside::LOG), "its log").expect("a file");
        let first = Partial::claim(&partial, &original).expect("what is left is replaced");
        assert_eq!(std::fs::read(&partial).expect("a file"), b"");
        let second = Partial::claim(&partial, &original).err().expect("it is being written");
        assert_eq!(second.kind(), ErrorKind::ResourceBusy);
        first.name(&target).expect("the name is free");
        let third = Partial::claim(&partial, &original).expect("the name for the time being is free again");
        assert_eq!(third.name(&target).expect_err("taken").kind(), ErrorKind::AlreadyExists);
        let mut files: Vec<_> = folder
            .path()
            .read_dir()
            .expect("a folder")
            .map(|file| file.expect("a file").file_name())
            .collect();
        files.sort();
        assert_eq!(files, ["original", "x"]);
    }

    #[test]
    fn a_second_name_of_a_finished_file_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let (partial, finished) = (folder.path().join("x.partial"), folder.path().join("x"));
        std::fs::write(&finished, "whole").expect("a file");
        std::fs::hard_link(&finished, &partial).expect("a link");
        let original = finished.metadata().expect("its metadata");
        drop(Partial::claim(&partial, &original).expect("a file of its own"));
        assert_eq!(std::fs::read(&finished).expect("a file"), b"whole");
    }
}
