//! What is generated and kept in the repository is what would be generated now: `scripts/generate` mends it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::Workspace;

const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "porta.bash"),
    ("zsh", "_porta"),
    ("fish", "porta.fish"),
    ("powershell", "_porta.ps1"),
    ("elvish", "porta.elv"),
];

fn folder(path: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(file).unwrap())
        })
        .collect()
}

#[test]
fn completions_are_fresh() {
    let workspace = Workspace::new();
    let fresh: BTreeMap<_, _> = COMPLETIONS
        .iter()
        .map(|(shell, file)| {
            ((*file).to_owned(), workspace.porta(&["generate", "completions", shell]).stdout)
        })
        .collect();
    let kept = folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("completions"));
    assert!(kept == fresh, "completions/ is stale: run scripts/generate");
}

#[test]
fn man_pages_are_fresh() {
    let workspace = Workspace::new();
    assert_eq!(workspace.porta(&["generate", "man", "man"]).code, Some(0));
    let fresh = folder(&workspace.path().join("man"));
    assert!(fresh.contains_key("porta.1") && fresh.contains_key("porta-stress.1"), "{:?}", fresh.keys());
    let kept = folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("man"));
    assert!(kept == fresh, "man/ is stale: run scripts/generate");
}

#[test]
fn the_executable_is_static() {
    let output = std::process::Command::new("ldd").arg(env!("CARGO_BIN_EXE_porta")).output().unwrap();
    let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(words.contains("statically linked") || words.contains("not a dynamic executable"), "{words}");
}
