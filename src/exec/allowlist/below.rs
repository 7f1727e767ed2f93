//! Whether a path stays in a folder, wherever links lead.

use std::io::ErrorKind;
use std::path::Path;

/// Follows a relative path name by name, as far as it exists. It has no `..`.
///
/// The answer is about now: whoever can write in the folder can put a link there before the path is opened.
///
/// # Errors
/// When a link leads out of the folder or nowhere, or the path cannot be followed; the text says why.
pub(super) fn stays(folder: &Path, path: &str) -> Result<(), &'static str> {
    let folder =
        folder.canonicalize().map_err(|_| "the folder is not there, or porta may not look into it")?;
    let mut reached = folder.clone();
    for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
        let next = reached.join(name);
        match next.canonicalize() {
            Ok(target) if target.starts_with(&folder) => reached = target,
            Ok(_) => return Err("a link leads out of the folder"),
            Err(_) if is_absent(&next) => return Ok(()),
            Err(_) => return Err("it cannot be followed to its end"),
        }
    }
    Ok(())
}

/// Whether nothing has this name. A link whose end does not exist is something: who writes to it writes to its end.
fn is_absent(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_stays_below_its_folder_wherever_links_lead() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("logs");
        fs::create_dir_all(folder.join("app/old")).expect("folders");
        fs::write(folder.join("app/today"), "").expect("a file");
        fs::write(root.path().join("secret"), "").expect("a file");
        for (target, link) in [
            ("app", "inside"),
            ("app/today", "latest"),
            ("/", "top"),
            ("..", "up"),
            ("../secret", "secret"),
            ("../logs/app", "round"),
            ("../not-yet", "dangling"),
            ("app/not-yet", "dangling-inside"),
            ("loop", "loop"),
        ] {
            symlink(target, folder.join(link)).expect("a link");
        }
        symlink("logs", root.path().join("link-to-logs")).expect("a link");

        for good in [
            ".",
            "app",
            "app/today",
            "./app//today",
            "inside/today",
            "latest",
            "round/today",
            "new",
            "new/newer",
            "app/new",
        ] {
            assert_eq!(stays(&folder, good), Ok(()), "{good}");
            assert_eq!(stays(&root.path().join("link-to-logs"), good), Ok(()), "{good}");
        }
        for bad in [
            "top/etc/passwd",
            "top",
            "up",
            "up/secret",
            "up/logs/app",
            "secret",
            "dangling",
            "dangling/x",
            "dangling-inside",
            "loop",
            "app/today/x",
        ] {
            assert!(stays(&folder, bad).is_err(), "{bad}");
        }
        assert!(stays(&root.path().join("nothing"), "x").is_err());
        assert_eq!(stays(Path::new("/"), "etc/hostname"), Ok(()));
    }
}
