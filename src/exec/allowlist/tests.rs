//! Command lines, and what becomes of them.

use super::*;
use proptest::prelude::*;

/// One of each type, and of each way to stand in an element.
const ALL: &str = r#"
[[command]]
name = "echo"
argv = ["/bin/echo", "{words...}"]
max_running = 1
parameters.words = { type = "text" }

[[command]]
name = "options"
argv = ["/bin/echo", "{{{words}}}", "{first}{second}", "--file={first}", "end"]
timeout = "10s"
max_output = "64KiB"
parameters.words = { type = "text", allow_dash = true, max_length = 5 }
parameters.first = { type = "choice", values = ["", "-a", "b"] }
parameters.second = { type = "text", default = "" }

[[command]]
name = "numbers"
argv = ["/bin/echo", "{at-least}", "{any}", "-n{ratio}"]
parameters.at-least = { type = "integer", max = 10 }
parameters.any = { type = "integer", min = -10, max = 0xa, default = -1 }
parameters.ratio = { type = "number", min = 0.5, max = 1, default = 0.5 }

[[command]]
name = "files"
argv = ["/bin/ls", "--context={folder}", "{more...}", "/end"]
parameters.folder = { type = "path", below = "/tmp" }
parameters.more = { type = "path", below = "/tmp/" }

[[command]]
name = "token"
argv = ["/bin/bash", "-c", "echo \"$1\"", "bash", "{a}/{a}"]
parameters.a = { type = "word" }

[[command]]
name = "nothing"
argv = ["/bin/true"]
"#;

fn all() -> Allowlist {
    Allowlist::parse("allowlist.toml", ALL).expect("an allowlist")
}

/// The arguments without the program, or the refusal.
fn arguments(allowlist: &Allowlist, command: &str) -> Result<Vec<String>, Denied> {
    allowlist.permit(command).map(|permitted| permitted.argv.into_iter().skip(1).collect())
}

/// A word in single quotes.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[test]
fn a_command_is_run_as_it_is_listed() {
    let allowlist = all();
    assert_eq!(
        allowlist.names().collect::<Vec<_>>(),
        ["echo", "options", "numbers", "files", "token", "nothing"]
    );
    let echo = Permitted {
        name: "echo",
        argv: vec!["/bin/echo".into(), "hello".into()],
        timeout: None,
        output_bytes_max: None,
        running_max: Some(1),
    };
    assert_eq!(allowlist.permit(" echo  hello\n"), Ok(echo));
    let options = allowlist.permit("options x b").expect("permitted");
    assert_eq!((options.timeout, options.output_bytes_max), (Some(Duration::from_secs(10)), Some(64 << 10)));
}

#[test]
fn words_become_arguments_and_nothing_else() {
    let allowlist = all();
    for (command, expected) in [
        ("echo", &[] as &[&str]),
        ("echo a $(touch ran)", &["a", "$(touch", "ran)"]),
        ("echo a `touch ran`", &["a", "`touch", "ran`"]),
        ("echo a ; touch ran", &["a", ";", "touch", "ran"]),
        ("echo a | touch ran", &["a", "|", "touch", "ran"]),
        ("echo a && touch ran", &["a", "&&", "touch", "ran"]),
        ("echo a > ran", &["a", ">", "ran"]),
        ("echo a $HOME * #b", &["a", "$HOME", "*", "#b"]),
        ("echo a\ntouch ran", &["a", "touch", "ran"]),
        ("echo {words} '{x' 'a  b' ''", &["{words}", "{x", "a  b", ""]),
        ("echo a- +b @c 'a -n'", &["a-", "+b", "@c", "a -n"]),
        ("options -- -a -x", &["{--}", "-a-x", "--file=-a", "end"]),
        ("options '' b", &["{}", "b", "--file=b", "end"]),
        ("options '{a}' '' x", &["{{a}}", "x", "--file=", "end"]),
        ("numbers 10", &["10", "-1", "-n0.5"]),
        ("numbers 0 -10 1", &["0", "-10", "-n1"]),
        ("files .", &["--context=/tmp/.", "/end"]),
        ("files -x -y 'no such'", &["--context=/tmp/-x", "/tmp/-y", "/tmp/no such", "/end"]),
        ("token a@b", &["-c", "echo \"$1\"", "bash", "a@b/a@b"]),
        ("nothing", &[]),
    ] {
        let found = arguments(&allowlist, command).unwrap_or_else(|denied| panic!("{command}: {denied}"));
        assert_eq!(found, *expected, "{command}");
    }
}

#[test]
fn what_a_command_does_not_take_is_refused_with_a_reason() {
    let allowlist = all();
    for (command, reason) in [
        ("", "there is no command"),
        (" \n", "there is no command"),
        ("echo 'a", "the command has a single quote (') that is not closed"),
        (
            "echo -n x",
            "`echo`: `words` takes text of at most 256 characters without control characters, not `-n`: it begins with `-`, \
             as options do",
        ),
        ("echo a -n", "it begins with `-`"),
        ("echo '-'", "it begins with `-`"),
        ("echo \\-n", "it begins with `-`"),
        ("echo 'a\u{7}\u{202e}'", "not `a\\u{7}\\u{202e}`: it has a control character"),
        ("options 123456 b", "`words` takes text of at most 5 characters"),
        ("options x", "`first` is missing: it takes one of , -a, b"),
        ("options x '' -rf", "`second` takes text of at most 256 characters"),
        ("options x b y z", "`options`: it takes at most 3 words (words, first, second), not 4"),
        ("numbers 11", "`at-least` takes a whole number from 0 to 10, not `11`: it is out of range"),
        ("numbers -1", "`at-least` takes a whole number from 0 to 10, not `-1`: it is out of range"),
        ("numbers 1 1 0.4", "`ratio` takes a number from 0.5 to 1, not `0.4`: it is out of range"),
        (
            "files /etc",
            "`folder` takes a relative path below /tmp without `..`, not `/etc`: it begins with `/`",
        ),
        ("files a ../etc/passwd", "not `../etc/passwd`: it has `..`"),
        ("token ..", "`a` takes a word of at most 256 letters, digits and . _ : @ + -, not `..`"),
        ("token -x", "it begins with `-`"),
        ("nothing x", "`nothing`: it takes no words, not 1"),
    ] {
        match allowlist.permit(command) {
            Err(Denied::Invalid { reason: found }) => assert!(found.contains(reason), "{command}: {found}"),
            other => panic!("{command}: {other:?}"),
        }
    }
    let denied = allowlist.permit("touch ran").expect_err("not listed");
    assert!(matches!(denied, Denied::Unknown { .. }));
    assert_eq!(
        denied.to_string(),
        "`touch` is not permitted here, only echo, options, numbers, files, token, nothing"
    );
    for unknown in ["Echo x", "/bin/echo x", "'echo x'", "echo\u{a0}x", "''", "-n"] {
        assert!(matches!(allowlist.permit(unknown), Err(Denied::Unknown { .. })), "{unknown}");
    }
}

#[test]
fn a_refusal_is_short_whatever_was_sent_and_however_much_is_listed() {
    let many: String =
        (0..256).map(|n| format!("[[command]]\nname = \"{n:064}\"\nargv = [\"/x\"]\n")).collect();
    let many = Allowlist::parse("allowlist.toml", &many).expect("an allowlist");
    let text = many.permit(&"\u{1b}".repeat(60_000)).expect_err("not listed").to_string();
    assert!(text.ends_with(" and 224 more"), "{text}");
    assert!(text.len() < 3000 && !text.contains('\u{1b}'), "{text}");
    let values: Vec<String> = (0..256).map(|n| format!("\"{n:0128}\"")).collect();
    let choice = format!(
        "[[command]]\nname = \"a\"\nargv = [\"/a\", \"{{b}}\"]\nparameters.b = {{ type = \"choice\", values = [{}] }}",
        values.join(", ")
    );
    let choice = Allowlist::parse("allowlist.toml", &choice).expect("an allowlist");
    let text = choice.permit(&format!("a {}", "é".repeat(30_000))).expect_err("no such value").to_string();
    assert!(text.len() < 3000, "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("allowlist.toml");
    let read = || Allowlist::read(&file).map(|_| ()).expect_err("a mistake");
    assert_eq!(read(), format!("cannot read {}: No such file or directory (os error 2)", file.display()));
    std::fs::write(&file, b"a = 1\nb = \"\xff\"\n").expect("a file");
    assert_eq!(read(), format!("cannot read {}: line 2 is not UTF-8", file.display()));
    std::fs::write(&file, "#".repeat(1 << 20)).expect("a file");
    assert!(read().contains(", line 1, command: "), "{}", read());
    std::fs::write(&file, "#".repeat((1 << 20) + 1)).expect("a file");
    assert_eq!(read(), format!("cannot read {}: it has more than 1048576 bytes", file.display()));
    std::fs::write(&file, ALL).expect("a file");
    assert_eq!(Allowlist::read(&file).expect("an allowlist").names().count(), 6);
}

#[test]
fn bounds_of_a_file_hold() {
    let of = |commands: usize| -> String {
        (0..commands).map(|n| format!("[[command]]\nname = \"a{n}\"\nargv = [\"/a\"]\n")).collect()
    };
    assert!(Allowlist::parse("f", &of(256)).is_ok());
    assert!(Allowlist::parse("f", &of(257)).is_err());
    let of = |elements: usize| {
        format!("[[command]]\nname = \"a\"\nargv = [\"/a\"{}]\n", ", \"x\"".repeat(elements - 1))
    };
    assert!(Allowlist::parse("f", &of(64)).is_ok());
    assert!(Allowlist::parse("f", &of(65)).is_err());
    let of = |parameters: usize| {
        let places: String = (0..parameters).map(|n| format!(", \"{{p{n}}}\"")).collect();
        let declared: String =
            (0..parameters).map(|n| format!("parameters.p{n} = {{ type = \"word\" }}\n")).collect();
        format!("[[command]]\nname = \"a\"\nargv = [\"/a\"{places}]\n{declared}")
    };
    assert!(Allowlist::parse("f", &of(32)).is_ok());
    assert!(Allowlist::parse("f", &of(33)).is_err());
    let allowlist = all();
    assert!(allowlist.permit(&format!("echo {}", "a ".repeat(255))).is_ok());
    assert!(allowlist.permit(&format!("echo {}", "a ".repeat(256))).is_err());
    assert!(allowlist.permit(&format!("echo {}", "é".repeat(256))).is_ok());
    assert!(allowlist.permit(&format!("echo {}", "é".repeat(257))).is_err());
}

#[test]
fn the_example_is_an_allowlist() {
    let example = include_str!("../../../docs/allowlist.example.toml");
    let allowlist = Allowlist::parse("docs/allowlist.example.toml", example).expect("an allowlist");
    let mut lines: Vec<(&str, &[&str])> = vec![
        ("echo hello world", &["/bin/echo", "hello", "world"]),
        ("uptime", &["/usr/bin/uptime"]),
        ("date", &["/bin/date", "--utc", "--iso-8601=seconds"]),
        ("disk-free /", &["/bin/df", "--human-readable", "--output=target,size,avail,pcent", "/"]),
        ("tail-log apt/history.log 5", &["/usr/bin/tail", "/var/log/apt/history.log", "--lines=5"]),
        (
            "search-log -rf syslog",
            &["/bin/grep", "--fixed-strings", "--max-count=100", "--regexp=-rf", "/var/log/syslog"],
        ),
        ("look-up localhost", &["/usr/bin/getent", "hosts", "localhost"]),
        ("wait 0.5", &["/bin/sleep", "0.5"]),
    ];
    for (line, argv) in &lines {
        let permitted = allowlist.permit(line).unwrap_or_else(|denied| panic!("{line}: {denied}"));
        assert_eq!(permitted.argv, *argv, "{line}");
        assert!(line.starts_with(permitted.name));
    }
    lines.retain(|(line, _)| allowlist.names().any(|name| line.split(' ').next() == Some(name)));
    assert_eq!(lines.len(), allowlist.names().count(), "each command has a line here");
}

proptest! {
    #[test]
    fn any_command_is_permitted_or_denied(command: String) {
        if let Err(denied) = all().permit(&command) {
            prop_assert!(!denied.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn any_words_for_a_listed_command_are_permitted_or_denied(
        name in "echo|options|numbers|files|token|nothing",
        words in r#"([-a-z0-9.'"\\$`;|&>{}/ ]{0,6}|\PC{0,4}| ){0,6}"#,
    ) {
        let allowlist = all();
        match arguments(&allowlist, &format!("{name} {words}")) {
            Ok(argv) => match name.as_str() {
                "numbers" => prop_assert_eq!(argv.len(), 3),
                "options" => prop_assert_eq!(argv.len(), 4),
                "token" => prop_assert_eq!(argv.len(), 4),
                "nothing" => prop_assert!(argv.is_empty()),
                "files" => prop_assert!(argv.iter().skip(1).all(|path| path.starts_with('/'))),
                _ => prop_assert!(argv.iter().all(|word| !word.starts_with('-'))),
            },
            Err(denied) => prop_assert!(!denied.to_string().chars().any(char::is_control)),
        }
    }

    /// Each word is one element, verbatim, or the command is refused.
    #[test]
    fn words_that_take_the_rest_stay_as_they_are(
        words in prop::collection::vec("-?\\PC{0,5}|[-$`;|\\\\'\"\n\t#a ]{0,5}", 0..5),
    ) {
        let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let is_taken = words.iter().all(|word| !word.starts_with('-') && !word.chars().any(char::is_control));
        match arguments(&all(), &format!("echo {line}")) {
            Ok(argv) => {
                prop_assert!(is_taken);
                prop_assert_eq!(argv, words);
            }
            Err(denied) => prop_assert!(!is_taken, "{}", denied),
        }
    }

    /// A value stays within its element.
    #[test]
    fn a_value_stays_in_its_element(words in "\\PC{0,5}", first in "|-a|b", second in "-?\\PC{0,5}") {
        let line = format!("options {} {} {}", quoted(&words), quoted(&first), quoted(&second));
        let is_option = first.is_empty() && second.starts_with('-');
        match arguments(&all(), &line) {
            Ok(argv) => {
                prop_assert!(!is_option);
                let expected =
                    [format!("{{{words}}}"), format!("{first}{second}"), format!("--file={first}"), "end".into()];
                prop_assert_eq!(argv, expected);
            }
            Err(denied) => prop_assert!(is_option, "{}", denied),
        }
    }
}
