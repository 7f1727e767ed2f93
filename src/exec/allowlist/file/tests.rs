//! Files with a mistake, and what is said of it.

use super::*;
use proptest::prelude::*;

/// What follows a text in a file, the line and the key of its mistake, and a part of what is said of it.
type Mistake = (&'static str, u32, &'static str, &'static str);

fn check(before: &str, path: &str, mistakes: &[Mistake]) {
    for (rest, line, key, problem) in mistakes {
        let text = format!("{before}{rest}");
        let error = commands("allowlist.toml", &text).expect_err(&text);
        let place = format!("allowlist.toml, line {line}, {path}{key}: ");
        assert!(error.starts_with(&place), "{place}\n{error}\n{text}");
        assert!(error.contains(problem), "{problem}\n{error}\n{text}");
        assert!(!error.chars().any(char::is_control), "{error}");
    }
}

#[test]
fn mistakes_of_the_file_are_named_with_line_and_key() {
    check(
        "",
        "",
        &[
            ("", 1, "command", "each begins with [[command]]"),
            ("command = []", 1, "command", "each begins with [[command]]"),
            ("\n[command]\nname = \"a\"", 2, "command", "wants [[command]]"),
            ("command = [1]", 1, "command", "wants [[command]]"),
            ("\n[[commands]]\nname = \"a\"", 2, "commands", "the file has command"),
            ("[[command]]\nname = \"a", 2, "name = \"a", "this is not TOML"),
            ("[[command]]\nname = \"a\"\nname = \"b\"", 3, "name = \"b\"", "this is not TOML: duplicate key"),
            ("[[command]]\ntext", 2, "text", "this is not TOML"),
            ("\n\n\u{7}", 3, "\\u{7}", "this is not TOML"),
            ("\n[[command]]\nargv = [\"/a\"]", 2, "command.name", "it is missing: wants 1 to 64 letters"),
            ("[[command]]\nname = 1", 2, "command.name", "wants 1 to 64 letters"),
            ("[[command]]\nname = \"\"", 2, "command.name", "wants 1 to 64 letters"),
            ("[[command]]\nname = \"a b\"", 2, "command.name", "not `a b`"),
            ("[[command]]\nname = \"-a\"", 2, "command.name", "the first one a letter or a digit"),
        ],
    );
    let nested = format!("a = {}", "[".repeat(100_000));
    assert!(commands("f", &nested).is_err());
}

#[test]
fn mistakes_of_a_command_are_named_with_line_and_key() {
    check(
        "[[command]]\nname = \"a\"\n",
        "command.",
        &[
            ("", 1, "argv", "it is missing: wants [\"/path/of/the/program\", …]"),
            ("argv = \"/a b\"", 3, "argv", "wants [\"/path/of/the/program\", …]"),
            ("argv = []", 3, "argv", "1 to 64 texts"),
            ("argv = [\n\"/a\",\n1]", 5, "argv[1]", "wants a text in quotes"),
            ("argv = [\"a\"]", 3, "argv[0]", "an absolute path"),
            ("argv = [\"/a/\"]", 3, "argv[0]", "an absolute path"),
            ("argv = [\"\"]", 3, "argv[0]", "an absolute path"),
            ("argv = [\"{a}\"]", 3, "argv[0]", "an absolute path without parameters"),
            ("argv = [\"/{a}\"]", 3, "argv[0]", "an absolute path without parameters"),
            ("argv = [\"/a\\u0000\"]", 3, "argv[0]", "NUL"),
            ("argv = [\"/a\", \"{b}\"]", 3, "argv", "{b} wants [command.parameters.b]"),
            ("argv = [\"/a\", \"{b\"]", 3, "argv[1]", "write {{ or }}"),
            ("argv = [\"/a\", \"b}\"]", 3, "argv[1]", "write {{ or }}"),
            ("argv = [\"/a\", \"{print $1}\"]", 3, "argv[1]", "{print $1} is not a parameter"),
            ("argv = [\"/a\", \"{}\"]", 3, "argv[1]", "{} is not a parameter"),
            ("argv = [\"/a\", \"x{b...}\"]", 3, "argv[1]", "stands alone"),
            ("argv = [\"/a\", \"{b...}x\"]", 3, "argv[1]", "stands alone"),
            ("argv = [\"/a\", \"{b...}\", \"{b...}\"]", 3, "argv[2]", "the only place of `b`"),
            ("argv = [\"/a\", \"{b}\", \"{b...}\"]", 3, "argv[2]", "the only place of `b`"),
            ("argv = [\"/a\", \"{b...}\", \"{c}\"]", 3, "argv[2]", "no words left for {c}"),
            ("argv = [\"/a\"]\nparameters = 1", 4, "parameters", "wants a table"),
            ("argv = [\"/a\"]\n[command.parameters.b]", 4, "parameters.b", "argv has no {b}"),
            ("argv = [\"/a\", \"{b}\"]\nparameters.b = 1", 4, "parameters.b", "wants a table"),
            ("argv = [\"/a\"]\ntimeout = 10", 4, "timeout", "wants a duration in quotes, such as \"10s\""),
            ("argv = [\"/a\"]\ntimeout = \"ten\"", 4, "timeout", "write 10s"),
            ("argv = [\"/a\"]\ntimeout = \"0s\"", 4, "timeout", "longer than 0"),
            ("argv = [\"/a\"]\nmax_output = \"much\"", 4, "max_output", "write 100MB"),
            ("argv = [\"/a\"]\nmax_output = \"0\"", 4, "max_output", "more than 0"),
            ("argv = [\"/a\"]\nmax_running = 0", 4, "max_running", "from 1 to 1024"),
            (
                "argv = [\"/a\"]\ntiemout = \"1s\"",
                4,
                "tiemout",
                "a command has name, argv, parameters, timeout",
            ),
            ("argv = [\"/a\"]\n\"x\\ny\" = 1", 4, "x\\ny", "there is no such key"),
            (
                "argv = [\"/a\"]\n[[command]]\nname = \"a\"\nargv = [\"/a\"]",
                5,
                "name",
                "`a` is there already",
            ),
        ],
    );
}

#[test]
fn mistakes_of_a_parameter_are_named_with_line_and_key() {
    check(
        "[[command]]\nname = \"a\"\nargv = [\"/a\", \"{b}\"]\n[command.parameters.b]\n",
        "command.parameters.b.",
        &[
            ("", 4, "type", "it is missing: wants text, word"),
            ("type = \"txt\"", 5, "type", "integer, number, choice or path, in quotes, not `txt`"),
            (
                "type = \"text\"\nmin = 1",
                6,
                "min",
                "a text or word has type, max_length, allow_dash, default",
            ),
            ("type = \"text\"\nmax_length = 0", 6, "max_length", "from 1 to 4096"),
            ("type = \"text\"\nallow_dash = \"yes\"", 6, "allow_dash", "wants true or false"),
            ("type = \"text\"\ndefault = \"-x\"", 6, "default", "begins with `-`"),
            ("type = \"text\"\ndefault = true", 6, "default", "wants text of at most"),
            ("type = \"integer\"\nmin = \"1\"", 6, "min", "without quotes"),
            ("type = \"integer\"\nmax = 1.5", 6, "max", "wants a whole number"),
            ("type = \"integer\"\nmax = 9999999999999999999", 6, "max", "of 64 bits"),
            ("type = \"integer\"\nmax = -1", 6, "max", "less than min, which is 0"),
            ("type = \"integer\"\nmax = 5\ndefault = 6", 7, "default", "from 0 to 5, not `6`"),
            ("type = \"number\"\nmax = inf", 6, "max", "wants a number"),
            ("type = \"choice\"", 4, "values", "it is missing: wants [\"one\", \"other\", …]"),
            ("type = \"choice\"\nvalues = []", 6, "values", "1 to 256 different texts"),
            ("type = \"choice\"\nvalues = [\"a\", 1]", 6, "values", "different texts"),
            ("type = \"choice\"\nvalues = [\"a\", \"a\"]", 6, "values", "different texts"),
            ("type = \"choice\"\nvalues = [\"a\"]\ndefault = \"b\"", 7, "default", "wants one of a, not `b`"),
            ("type = \"path\"", 4, "below", "it is missing: wants the absolute path"),
            ("type = \"path\"\nbelow = \"logs\"", 6, "below", "absolute path of a folder"),
            ("type = \"path\"\nbelow = \"/a/../b\"", 6, "below", "without `..`"),
            ("type = \"path\"\nbelow = \"/a\"\ndefault = \"../x\"", 7, "default", "it has `..`"),
            (
                "type = \"path\"\nbelow = \"/a\"\nallow_dash = true",
                7,
                "allow_dash",
                "a path has type, below, default",
            ),
        ],
    );
    check(
        "[[command]]\nname = \"a\"\nargv = [\"/a\", \"{b...}\"]\nparameters.b.type = \"text\"\n",
        "command.parameters.b.",
        &[("parameters.b.default = \"x\"", 5, "default", "takes the rest")],
    );
    check(
        "[[command]]\nname = \"a\"\nargv = [\"/a\", \"{b}\", \"{c}\"]\n",
        "command.parameters.c.",
        &[(
            "parameters.b = { type = \"text\", default = \"x\" }\nparameters.c = { type = \"text\" }",
            5,
            "default",
            "since `b` before it has one",
        )],
    );
}

#[test]
fn places_where_a_parameter_could_do_more_than_it_seems_to_are_refused() {
    let path = "\nparameters.b = { type = \"path\", below = \"/a\" }";
    let word = "\nparameters.b = { type = \"word\" }";
    for (argv, parameter, index, problem) in [
        ("\"/a\", \"/x/{b}\"", path, 1, "a path is absolute"),
        ("\"/a\", \"{b}/x\"", path, 1, "a path is absolute"),
        ("\"/a\", \"{b}{b}\"", path, 1, "a path is absolute"),
        ("\"/a\", \"-{b}\"", word, 1, "agents would choose the option"),
        ("\"/a\", \"--{b}=x\"", word, 1, "agents would choose the option"),
        ("\"/bin/sh\", \"-c\", \"{b}\"", word, 2, "a shell would run"),
        ("\"/bin/sh\", \"-ec\", \"echo {b}\"", word, 2, "a shell would run"),
        ("\"/usr/bin/env\", \"bash\", \"-x\", \"-c\", \"--\", \"{b...}\"", word, 5, "a shell would run"),
    ] {
        let text = format!("[[command]]\nname = \"a\"\nargv = [{argv}]{parameter}");
        let error = commands("f", &text).expect_err(&text);
        assert!(
            error.starts_with(&format!("f, line 3, command.argv[{index}]: {problem}")),
            "{error}\n{text}"
        );
    }
    for (argv, parameter) in [
        ("\"/a\", \"--x={b}\"", path),
        ("\"/a\", \"-x{b}\"", word),
        ("\"/a\", \"-{b}\"", "\nparameters.b = { type = \"integer\" }"),
        ("\"/a\", \"--{b}\"", "\nparameters.b = { type = \"choice\", values = [\"all\"] }"),
        ("\"/a\", \"--{b}\"", "\nparameters.b = { type = \"word\", allow_dash = true }"),
        ("\"/bin/sh\", \"-c\", \"echo \\\"$1\\\"\", \"sh\", \"{b}\"", word),
        ("\"/bin/sh\", \"/opt/script\", \"{b}\"", word),
    ] {
        let text = format!("[[command]]\nname = \"a\"\nargv = [{argv}]{parameter}");
        assert!(commands("f", &text).is_ok(), "{text}");
    }
}

proptest! {
    /// The file is trusted, but a mistake in it is no reason to break down.
    #[test]
    fn any_file_is_read_or_refused(
        lines in prop::collection::vec(
            prop_oneof![
                Just("[[command]]".to_owned()),
                "name = \"[ab]\"",
                "argv = \\[\"/a\"(, \"[{}a.x-]{0,8}\"){0,2}\\]",
                "parameters\\.[ax] = \\{ type = \"(text|word|path|number)\"(, default = \"-?[a1]\")? \\}",
                "\\PC{0,4}",
            ],
            0..6,
        ),
    ) {
        let _ = commands("allowlist.toml", &lines.join("\n"));
    }
}
