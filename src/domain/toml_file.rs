//! TOML files that people write: every mistake is named with its line and key, and with what is allowed there.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Characters that a message repeats of what somebody wrote.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// The beginning of a text, with escapes in place of what a terminal or a log would not show as it is.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN_CHARACTERS_MAX) {
        match character {
            '\'' | '"' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The text that a value is.
///
/// # Errors
/// With `wants`.
pub fn text<'v>(value: &'v DeValue<'_>, wants: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("wants {wants}"))
}

/// The whole number of 64 bits that an integer is.
pub fn whole(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The file, to say where something stands.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// Its name.
    pub file: &'s str,
    /// Its text.
    pub text: &'s str,
}

impl<'s> Source<'s> {
    /// The table that is the whole file.
    pub fn root(self, table: &'s DeTable<'s>) -> Table<'s> {
        Table { source: self, table, span: 0..0, path: String::new() }
    }

    fn error(&self, span: &Range<usize>, key: &str, problem: impl std::fmt::Display) -> String {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        format!("{}, line {line}, {key}: {problem}", self.file)
    }

    /// That the file is no TOML. There may be no key yet: the line, as far as it is shown, has it.
    pub fn not_toml(&self, error: &toml::de::Error) -> String {
        let span = error.span().unwrap_or_default();
        let start =
            self.text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let problem = error.message().lines().collect::<Vec<_>>().join(", ");
        self.error(&span, &shown(line.trim()), format_args!("this is not TOML: {problem}"))
    }
}

/// A table of the file.
pub struct Table<'s> {
    source: Source<'s>,
    /// Its keys and values.
    pub table: &'s DeTable<'s>,
    /// Where it begins.
    span: Range<usize>,
    /// The keys that lead to it, each with a dot behind it.
    path: String,
}

impl<'s> Table<'s> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'s Spanned<DeValue<'s>>> {
        self.table.iter().find(|(found, _)| *found.get_ref() == key).map(|(_, value)| value)
    }

    /// A table in this one.
    pub fn sub(&self, key: &str, value: &'s Spanned<DeValue<'s>>) -> Option<Self> {
        let table = value.get_ref().as_table()?;
        Some(Self { source: self.source, table, span: value.span(), path: format!("{}{key}.", self.path) })
    }

    /// Reads the value of a key, if there is one.
    ///
    /// # Errors
    /// For what `read` refuses.
    pub fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'s DeValue<'s>) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let value = self.get(key).map(|value| read(value.get_ref()));
        value.transpose().map_err(|problem| self.error(key, problem))
    }

    /// Reads the value of a key.
    ///
    /// # Errors
    /// For what `read` refuses, and when there is none.
    pub fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'s DeValue<'s>) -> Result<T, String>,
    ) -> Result<T, String> {
        match self.get(key) {
            Some(value) => read(value.get_ref()).map_err(|problem| self.error(key, problem)),
            None => {
                // What it wants is said best by reading what it is not.
                let wants = read(&DeValue::Boolean(false)).err().unwrap_or_default();
                Err(self.error(key, format_args!("it is missing: {wants}")))
            }
        }
    }

    /// Whether there are no other keys.
    ///
    /// # Errors
    /// For the first other one.
    pub fn has_only(&self, keys: &[&str], of: &str) -> Result<(), String> {
        match self.table.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            Some(key) => {
                let problem = format!("there is no such key; {of} has {}", keys.join(", "));
                Err(self.error(key.get_ref(), problem))
            }
            None => Ok(()),
        }
    }

    /// Whether `min` and `max` are in order.
    ///
    /// # Errors
    /// At `max`.
    pub fn is_range(&self, is_range: bool, min: impl std::fmt::Display) -> Result<(), String> {
        if is_range {
            Ok(())
        } else {
            Err(self.error("max", format_args!("it is less than min, which is {min}")))
        }
    }

    /// A mistake at a key, or, where the key is not there, in the table.
    pub fn error(&self, key: &str, problem: impl std::fmt::Display) -> String {
        let found = self.table.keys().find(|found| *found.get_ref() == key).map(Spanned::span);
        self.source.error(
            &found.unwrap_or_else(|| self.span.clone()),
            &format!("{}{}", self.path, shown(key)),
            problem,
        )
    }

    /// A mistake in an element of a list.
    pub fn element_error(
        &self,
        key: &str,
        index: usize,
        value: &Spanned<DeValue<'s>>,
        problem: String,
    ) -> String {
        self.source.error(&value.span(), &format!("{}{key}[{index}]", self.path), problem)
    }
}
