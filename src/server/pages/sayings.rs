//! What the domain says, in the reader's language. The domain speaks English, and a report keeps its sentences as they were
//! written, figures and all. They stand as patterns in the English words, `{free} free, the database grows by {growth} a day`,
//! and under the same keys in the other languages: what a pattern fits is said by the other one, with what stood in its places.

use super::format;

/// Between sentences that are said one after the other.
const BETWEEN: &str = "; ";
/// Sentences within sentences, and things in a row.
const DEPTH_MAX: usize = 16;
/// Bytes of a text that is looked up.
const BYTES_MAX: usize = 2000;
/// Places of what somebody else has written, such as a path: it is shown as it is.
const VERBATIM: [&str; 7] = ["db", "again", "path", "error", "cpu", "name", "names"];

/// The sentences of a language.
#[derive(Clone, Debug, Default)]
pub struct Sayings {
    language: &'static str,
    /// The English pattern and the other; the most particular first.
    patterns: Vec<(Pattern, Pattern)>,
}

/// A text with places for other texts.
#[derive(Clone, Debug)]
struct Pattern {
    /// What stands between the places; one more than there are places.
    between: Vec<String>,
    names: Vec<String>,
}

/// Says what no pattern fits; `None` of what it does not know either.
type Rest<'r> = &'r dyn Fn(&str) -> Option<String>;

impl Sayings {
    /// From pairs of an English text and that of a language.
    pub fn new<'t>(language: &'static str, pairs: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let mut patterns: Vec<_> =
            pairs.map(|(english, other)| (Pattern::new(english), Pattern::new(other))).collect();
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal()));
        Self { language, patterns }
    }

    /// What `english` says; `None` when nothing of it is known.
    pub fn say(&self, english: &str) -> Option<String> {
        if english.len() > BYTES_MAX {
            return None;
        }
        self.said(english, DEPTH_MAX, &|text| format::quantity(self.language, text))
    }

    fn said(&self, english: &str, depth: usize, rest: Rest<'_>) -> Option<String> {
        let Some(depth) = depth.checked_sub(1) else { return rest(english) };
        let fit = |holds_several: bool| {
            let mut patterns =
                self.patterns.iter().filter(move |(pattern, _)| pattern.holds_several() == holds_several);
            patterns.find_map(|(pattern, other)| Some((pattern, other, pattern.values(english)?)))
        };
        let found = fit(true);
        if found.is_none() && english.contains(BETWEEN) {
            return self.all_said(english.split(BETWEEN), depth, rest).map(|parts| parts.join(BETWEEN));
        }
        let Some((pattern, other, values)) = found.or_else(|| fit(false)) else { return rest(english) };
        let said: Vec<_> = pattern
            .names
            .iter()
            .zip(&values)
            .map(
                |(name, value)| {
                    if VERBATIM.contains(&name.as_str()) { None } else { self.said(value, depth, rest) }
                },
            )
            .collect();
        // A pattern without words of its own, such as `{source}: {why}`, says nothing by itself.
        if !pattern.has_words() && said.iter().all(Option::is_none) {
            return None;
        }
        let value = |name: &str| {
            let place = pattern.names.iter().position(|known| known == name)?;
            said.get(place)?.as_deref().or_else(|| values.get(place).copied())
        };
        Some(other.filled(value))
    }

    /// Each of several, the unknown ones as they are; `None` when none is known.
    fn all_said<'t>(
        &self,
        parts: impl Iterator<Item = &'t str>,
        depth: usize,
        rest: Rest<'_>,
    ) -> Option<Vec<String>> {
        let mut knows_one = false;
        let said = parts.map(|part| {
            let said = self.said(part, depth, rest);
            knows_one |= said.is_some();
            said.unwrap_or_else(|| part.to_owned())
        });
        let said = said.collect();
        knows_one.then_some(said)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (mut between, mut names) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            between.push(before.to_owned());
            names.push(name.to_owned());
            rest = after;
        }
        between.push(rest.to_owned());
        Self { between, names }
    }

    /// The text with values in its places.
    fn filled<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let places = self.names.iter().map(|name| value(name).unwrap_or_default());
        let mut text = self.between.first().cloned().unwrap_or_default();
        for (value, after) in places.zip(self.between.iter().skip(1)) {
            text.push_str(value);
            text.push_str(after);
        }
        text
    }

    /// How much of it is certain.
    fn literal(&self) -> usize {
        self.between.iter().map(String::len).sum()
    }

    fn has_words(&self) -> bool {
        self.between.iter().any(|text| text.contains(char::is_alphabetic))
    }

    fn holds_several(&self) -> bool {
        self.between.iter().any(|text| text.contains(BETWEEN))
    }

    /// What stands in its places, each as short as can be; `None` when the text is another.
    fn values<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, others) = self.between.split_first()?;
        let mut rest = text.strip_prefix(first.as_str())?;
        let Some((last, middle)) = others.split_last() else { return rest.is_empty().then(Vec::new) };
        let mut values = Vec::new();
        for literal in middle {
            let (value, after) = rest.split_once(literal.as_str())?;
            values.push(value);
            rest = after;
        }
        values.push(rest.strip_suffix(last.as_str())?);
        values.iter().all(|value| !value.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests;
