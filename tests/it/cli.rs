//! What the command line says: help, bad input, exit codes.

use crate::support::Workspace;

#[test]
fn help_is_as_it_was_read() {
    let workspace = Workspace::new();
    for command in
        [&["--help"][..], &["stress", "--help"], &["serve", "--help"], &["criteria", "check", "--help"]]
    {
        let ended = workspace.porta(command);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(command.join(" "), ended.stdout);
    }
}

#[test]
fn values_out_of_range_are_named_with_their_range() {
    let workspace = Workspace::new();
    for (arguments, words) in [
        (["--workers", "0"], "it takes a whole number from 1 to 1000"),
        (["--workers", "1001"], "it takes a whole number from 1 to 1000"),
        (["--rps", "0"], "it takes a whole number from 1 to 100000, or `max`"),
        (["--rps", "100001"], "it takes a whole number from 1 to 100000, or `max`"),
        (["--duration", "0"], "it takes 1s to 24h"),
        (["--duration", "soon"], "write 10s, 5m, 1h30m"),
        (["--timeout", "601"], "it takes 1ms to 10m"),
        (["--channel", "0"], "is not a number from 1"),
        (["--url", "ftp://127.0.0.1"], "neither http nor https"),
        (["--url", "nonsense"], "it is not a URL"),
        (["--rps", "-5"], "it takes a whole number from 1 to 100000"),
    ] {
        let mut command = workspace.command(&["stress", arguments[0], arguments[1]]);
        let output = command.env("PORTA_API_KEY", "A").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_target_without_a_key_is_wrong_usage() {
    let workspace = Workspace::new();
    for arguments in [["--url", "http://127.0.0.1:9"], ["--channel", "2"]] {
        let ended = workspace.porta(&["stress", arguments[0], arguments[1]]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("it takes a write API key"), "{}", ended.stderr);
        assert!(ended.stderr.contains("PORTA_API_KEY"), "{}", ended.stderr);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let mut command = workspace.command(&["admin", "channel", "list"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_output_that_cannot_be_written_is_found_out_before_the_run() {
    let workspace = Workspace::new();
    let ended = workspace.porta(&["stress", "--output", "no/such/folder.json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.starts_with("error: cannot write the report to no/such/folder.json"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "");
}
