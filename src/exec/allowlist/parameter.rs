//! What a parameter of a command takes.

use std::path::Path;

use super::below;
use crate::domain::toml_file::shown;

/// Digits of a number. So many an `f64` tells apart, which is what `min` and `max` are compared as.
const NUMBER_DIGITS_MAX: usize = 15;
/// Characters of a path.
pub(super) const PATH_LENGTH_MAX: usize = 1024;
/// Values of a choice that a message lists.
const VALUES_LISTED_MAX: usize = 16;

/// One parameter, which stands for a word of an agent's command, or for all that are left.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    /// Whether it is written `{name...}`.
    pub takes_rest: bool,
    pub kind: Kind,
    /// Stands for a word that is not there.
    pub default: Option<String>,
}

/// The types.
#[derive(Debug)]
pub(super) enum Kind {
    Text { length_max: usize, allow_dash: bool },
    Word { length_max: usize, allow_dash: bool },
    Integer { min: i64, max: i64 },
    Number { min: f64, max: f64 },
    Choice { values: Vec<String> },
    Path { below: String },
}

impl Parameter {
    /// The value that a word stands for.
    ///
    /// # Errors
    /// When it is not one that the parameter takes.
    pub fn value(&self, word: &str) -> Result<String, String> {
        self.kind.value(word).map_err(|why| self.refusal(word, why))
    }

    /// Checks a value that an element of argv begins with: most programs would take one with `-` for an option.
    ///
    /// # Errors
    /// When it begins with one and may not.
    pub fn check_beginning(&self, value: &str) -> Result<(), String> {
        if value.starts_with('-') && !self.kind.may_begin_with_dash() {
            return Err(self.refusal(value, "it begins with `-`, as options do"));
        }
        Ok(())
    }

    /// That there is no word for it.
    pub fn missing(&self) -> String {
        format!("`{}` is missing: it takes {}", self.name, self.kind.takes())
    }

    fn refusal(&self, word: &str, why: &str) -> String {
        format!("`{}` takes {}, not `{}`: {why}", self.name, self.kind.takes(), shown(word))
    }
}

impl Kind {
    /// What it takes, for messages.
    pub fn takes(&self) -> String {
        match self {
            Self::Text { length_max, .. } => {
                format!("text of at most {length_max} characters without control characters")
            }
            Self::Word { length_max, .. } => {
                format!("a word of at most {length_max} letters, digits and . _ : @ + -")
            }
            Self::Integer { min, max: i64::MAX } => format!("a whole number from {min}"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max } if max.is_infinite() => format!("a number from {min}"),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Choice { values } => {
                let listed =
                    values.iter().take(VALUES_LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if values.len() > VALUES_LISTED_MAX { ", …" } else { "" };
                format!("one of {listed}{more}")
            }
            Self::Path { below } => format!("a relative path below {below} without `..`"),
        }
    }

    /// The value that a word stands for: itself, or an absolute path, which is looked up in the file system.
    ///
    /// # Errors
    /// Why it is none.
    pub fn value(&self, word: &str) -> Result<String, &'static str> {
        self.check(word)?;
        let Self::Path { below } = self else { return Ok(word.to_owned()) };
        below::stays(Path::new(below), word)?;
        Ok(format!("{}/{word}", below.trim_end_matches('/')))
    }

    /// Looks at the characters of a word only.
    ///
    /// # Errors
    /// Why it cannot be a value, wherever links lead.
    pub fn check(&self, word: &str) -> Result<(), &'static str> {
        match self {
            Self::Text { length_max, .. } => text(word, *length_max),
            Self::Word { length_max, .. } => token(word, *length_max),
            Self::Integer { min, max } => integer(word, *min, *max),
            Self::Number { min, max } => number(word, *min, *max),
            Self::Choice { values } if values.iter().any(|value| value == word) => Ok(()),
            Self::Choice { .. } => Err("it is none of them"),
            Self::Path { .. } => path(word),
        }
    }

    /// Whether a value may begin with `-`: where the operator has said so, be it with a negative `min` or by listing it.
    pub fn may_begin_with_dash(&self) -> bool {
        match self {
            Self::Text { allow_dash, .. } | Self::Word { allow_dash, .. } => *allow_dash,
            Self::Integer { min, .. } => *min < 0,
            Self::Number { min, .. } => *min < 0.0,
            Self::Choice { .. } => true,
            Self::Path { .. } => false,
        }
    }
}

fn text(word: &str, length_max: usize) -> Result<(), &'static str> {
    if word.chars().any(char::is_control) {
        Err("it has a control character")
    } else if word.chars().count() > length_max {
        Err("it is longer")
    } else {
        Ok(())
    }
}

/// A word cannot begin with a dot, so that it is never `.` or `..` where it is a part of a path.
fn token(word: &str, length_max: usize) -> Result<(), &'static str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._:@+-".contains(c);
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        Err("it does not begin with a letter, a digit or _")
    } else if !word.chars().all(is_token) {
        Err("it has another character")
    } else if word.len() > length_max {
        Err("it is longer")
    } else {
        Ok(())
    }
}

/// A number has one spelling only: some programs take `010` for eight.
fn integer(word: &str, min: i64, max: i64) -> Result<(), &'static str> {
    match word.parse::<i64>() {
        Ok(number) if number.to_string() != word => {
            Err("it is written with a sign or zeros that it does not need")
        }
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        Ok(_) => Err("it is out of range"),
        Err(_) => Err("it is not a whole number of 64 bits"),
    }
}

fn number(word: &str, min: f64, max: f64) -> Result<(), &'static str> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return Err("it is not written as digits with at most one point");
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err("it begins with a zero that it does not need");
    }
    if digits.bytes().filter(u8::is_ascii_digit).count() > NUMBER_DIGITS_MAX {
        return Err("it has more than 15 digits");
    }
    // -0 is not less than 0, but a program may take it for an option.
    let is_in_range = word.parse::<f64>().is_ok_and(|number| (min..=max).contains(&number));
    if is_in_range && (min < 0.0 || !word.starts_with('-')) { Ok(()) } else { Err("it is out of range") }
}

fn path(word: &str) -> Result<(), &'static str> {
    if word.is_empty() {
        Err("it is empty; the folder itself is `.`")
    } else if word.starts_with('/') {
        Err("it begins with `/`")
    } else if word.split('/').any(|name| name == "..") {
        Err("it has `..`")
    } else {
        text(word, PATH_LENGTH_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(kind: &Kind, good: &[&str], bad: &[&str]) {
        for word in good {
            assert_eq!(kind.value(word).as_deref(), Ok(*word), "{kind:?}");
        }
        for word in bad {
            assert!(kind.value(word).is_err(), "{kind:?} {word:?}");
        }
    }

    #[test]
    fn each_type_takes_what_it_says() {
        check(
            &Kind::Text { length_max: 5, allow_dash: false },
            &["", "a b", "$(x)", "äöüßé", "-n"],
            &["123456", "a\nb", "\0", "\u{1b}", "\u{85}", "a\t"],
        );
        check(
            &Kind::Word { length_max: 12, allow_dash: false },
            &["a", "nginx", "1.2", "a@b:c+d", "_x", "a..b", "-x"],
            &[
                "",
                ".",
                "..",
                ".ssh",
                "@file",
                "+x",
                ":x",
                "a b",
                "a/b",
                "a=b",
                "é",
                "a;b",
                "1234567890123",
                "a\n",
            ],
        );
        check(
            &Kind::Integer { min: 0, max: 100 },
            &["0", "1", "100"],
            &["", "-1", "101", "+1", "01", "0x1", "1.0", "1e1", " 1", "-0", "99999999999999999999", "१"],
        );
        check(&Kind::Integer { min: -5, max: 5 }, &["-5", "-1", "0"], &["-6", "-0", "--1", "-01"]);
        check(
            &Kind::Number { min: 0.0, max: 1.5 },
            &["0", "0.5", "1.5", "0.10"],
            &[
                "",
                ".5",
                "1.",
                "1.51",
                "-0",
                "-0.0",
                "-1",
                "1e0",
                "inf",
                "NaN",
                "+1",
                "01",
                "0.1.2",
                "0.123456789012345",
                "0x1",
            ],
        );
        check(
            &Kind::Number { min: -1.0, max: f64::INFINITY },
            &["-1", "-0.5", "999999"],
            &["-1.1", "inf", "-inf"],
        );
        check(
            &Kind::Choice { values: vec!["a b".into(), "-h".into()] },
            &["a b", "-h"],
            &["", "a", "A B", "-"],
        );
    }

    #[test]
    fn a_path_is_joined_below_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).expect("a link");
        for below in [format!("{}", folder.path().display()), format!("{}//", folder.path().display())] {
            let kind = Kind::Path { below };
            for good in [".", "a", "a/b.log", "...", "-x", "a b", "..a/b.."] {
                let path = format!("{}/{good}", folder.path().display());
                assert_eq!(kind.value(good), Ok(path));
            }
            for bad in
                ["", "/etc/passwd", "/", "..", "../x", "a/../b", "a/..", "etc/passwd", "etc", "a\nb", "\0"]
            {
                assert!(kind.value(bad).is_err(), "{bad:?}");
            }
            assert!(kind.value(&"a".repeat(PATH_LENGTH_MAX + 1)).is_err());
        }
        assert_eq!(Kind::Path { below: "/".into() }.value("etc").as_deref(), Ok("/etc"));
    }

    proptest! {
        #[test]
        fn a_number_that_is_taken_is_in_range(word in "-?[0-9.e+]{0,20}") {
            if (Kind::Number { min: -2.5, max: 10.0 }).value(&word).is_ok() {
                prop_assert!((-2.5..=10.0).contains(&word.parse::<f64>().expect("a number")));
            }
            if (Kind::Integer { min: -2, max: 10 }).value(&word).is_ok() {
                prop_assert!((-2..=10).contains(&word.parse::<i64>().expect("a number")));
            }
        }

        #[test]
        fn a_path_that_is_taken_is_below_its_folder(word in "[a./]{0,12}|.{0,20}") {
            if let Ok(path) = (Kind::Path { below: "/nothing".into() }).value(&word) {
                prop_assert!(false, "{} has no folder", path);
            }
            if let Ok(path) = (Kind::Path { below: "/tmp".into() }).value(&word) {
                let path = std::path::absolute(path).expect("a path");
                prop_assert!(path.starts_with("/tmp"));
                prop_assert!(!path.components().any(|name| name == std::path::Component::ParentDir));
            }
        }
    }
}
