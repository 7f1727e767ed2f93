//! The rules of the code that no compiler knows: dependencies point one way, SQL stays in the store, files stay short.

use std::path::{Path, PathBuf};

/// Lines of one source file.
const LINES_MAX: usize = 500;

/// What each module may use of the crate besides itself.
const MAY_USE: [(&str, &[&str]); 21] = [
    ("domain", &[]),
    ("thingspeak", &["domain"]),
    ("store", &["domain", "clock", "disk"]),
    ("transfer.rs", &["domain", "store", "thingspeak"]),
    ("judgement.rs", &["domain"]),
    ("load", &["domain", "clock"]),
    ("exec", &["domain", "clock", "disk", "process"]),
    (
        "server",
        &[
            "domain",
            "clock",
            "entropy",
            "exec",
            "instance",
            "judgement",
            "log",
            "render",
            "store",
            "thingspeak",
            "transfer",
        ],
    ),
    ("render", &["domain"]),
    ("clock.rs", &["domain"]),
    ("log.rs", &["clock"]),
    ("entropy.rs", &["domain"]),
    ("machine.rs", &["domain"]),
    ("instance.rs", &["process"]),
    ("disk.rs", &[]),
    ("process.rs", &[]),
    ("exit.rs", &[]),
    ("cli", &["domain", "exit"]),
    (
        "command",
        &[
            "cli",
            "clock",
            "disk",
            "domain",
            "entropy",
            "exec",
            "exit",
            "instance",
            "judgement",
            "load",
            "log",
            "machine",
            "render",
            "server",
            "store",
            "thingspeak",
            "transfer",
        ],
    ),
    ("lib.rs", &[]),
    ("main.rs", &[]),
];

/// What only the named modules may touch: the words, and the paths that may have them.
const ONLY_IN: [(&[&str], &[&str]); 4] = [
    (
        &["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE", "PRAGMA ", "BEGIN "],
        &["store/"],
    ),
    (&["rusqlite"], &["store/"]),
    (&["Instant::now(", "SystemTime::now("], &["clock.rs"]),
    (&["axum::"], &["server/"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Each source file below `folder` of the repository: its path from there, and its text.
fn texts(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    sources(&root).iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The modules of the crate that a text names as `crate::module`.
fn used(text: &str) -> Vec<&str> {
    let word = |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    text.match_indices("crate::")
        .map(|(at, found)| &text[at + found.len()..])
        .map(|rest| &rest[..word(rest)])
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    for (file, text) in texts("src") {
        let module = file.split('/').next().unwrap();
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("say in MAY_USE what {file} may use"));
        let mut groups = text.lines().filter(|line| line.starts_with("use crate::{"));
        assert_eq!(groups.next(), None, "{file}: name each module of the crate in a `use` of its own");
        for name in used(&text) {
            assert!(name == module || allowed.contains(&name), "{file} uses crate::{name}");
        }
    }
}

#[test]
fn sql_driver_clock_and_http_stay_where_they_belong() {
    for (file, text) in texts("src") {
        for (words, places) in ONLY_IN {
            if places.iter().any(|place| file.starts_with(place)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                let code =
                    if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap() };
                let found = words.iter().find(|word| code.contains(**word));
                assert_eq!(found, None, "{file}:{}: belongs to {places:?}", number + 1);
            }
        }
    }
}

#[test]
fn files_are_short() {
    for (file, text) in ["src", "tests", "benches"].into_iter().flat_map(texts) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines: a design question");
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (file, text) in texts("src") {
        assert!(text.starts_with("//! "), "{file} begins without a line on what it is");
    }
}
