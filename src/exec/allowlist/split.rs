//! A command line as words: white space separates them, and quotes and backslashes group them as in a POSIX shell. Whatever
//! else means something to a shell (`$`, `` ` ``, `*`, `;`, `|`, `>`, `~`, `#`) is a character like others.
//!
//! Own code, since the crates for this take what is behind a `#` for a comment, and an agent's command would lose words.

use std::str::Chars;

/// Words of a command line, its name included.
pub(super) const WORDS_MAX: usize = 256;

/// Splits a command line.
///
/// # Errors
/// For a quote that is not closed, a backslash at the end, or too many words; the text says which.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            blank if blank.is_ascii_whitespace() => words.extend(word.take()),
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => {
                    return Err("the command ends in a backslash, which wants a character behind it".into());
                }
            },
            other => word.get_or_insert_default().push(other),
        }
        if words.len() + usize::from(word.is_some()) > WORDS_MAX {
            return Err(format!("the command has more than {WORDS_MAX} words"));
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    for character in rest {
        if character == '\'' {
            return Ok(());
        }
        word.push(character);
    }
    Err("the command has a single quote (') that is not closed".into())
}

fn double_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    while let Some(character) = rest.next() {
        match character {
            '"' => return Ok(()),
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
                None => break,
            },
            other => word.push(other),
        }
    }
    Err("the command has a double quote (\") that is not closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_grouped_as_in_a_shell_and_nothing_is_expanded() {
        for (line, expected) in [
            ("", &[] as &[&str]),
            (" \t\r\n", &[]),
            ("echo hello", &["echo", "hello"]),
            ("  a\tb\nc\r\nd  ", &["a", "b", "c", "d"]),
            ("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("'' \"\"", &["", ""]),
            (r#"'\n' "\n" \n"#, &[r"\n", r"\n", "n"]),
            (r#""\"\\\$\`" '"'"#, &["\"\\$`", "\""]),
            ("a\\\nb \"c\\\nd\"", &["ab", "cd"]),
            (
                "$(x) `y` $HOME * ; | && > ~ #z",
                &["$(x)", "`y`", "$HOME", "*", ";", "|", "&&", ">", "~", "#z"],
            ),
            ("a\u{a0}b", &["a\u{a0}b"]),
        ] {
            assert_eq!(words(line).expect(line), *expected, "{line:?}");
        }
        for (line, why) in [
            ("a 'b", "single quote"),
            ("a \"b", "double quote"),
            ("\"a\\", "double quote"),
            ("a \\", "backslash"),
        ] {
            assert!(words(line).expect_err(line).contains(why), "{line:?}");
        }
    }

    #[test]
    fn a_command_has_so_many_words_and_no_more() {
        assert_eq!(words(&"a ".repeat(WORDS_MAX)).map(|words| words.len()), Ok(WORDS_MAX));
        assert!(words(&"a ".repeat(WORDS_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(line: String) {
            let _ = words(&line);
        }

        #[test]
        fn another_splitter_agrees(line in r#"[ab \t'"\\$`;-]{0,24}"#) {
            prop_assert_eq!(words(&line).ok(), shlex::split(&line));
        }
    }
}
