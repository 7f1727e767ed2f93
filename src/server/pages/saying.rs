//! What the domain says, in the reader's language. The domain speaks English. Its sentences stand as patterns in the
//! English words, `{free} free, the database grows by {growth} a day`, and under the same keys in the other languages: what a
//! pattern fits is said by the other one, with what stood in its places.

use super::format::in_language;
use super::words::Words;

/// Between sentences that are said one after the other.
const BETWEEN: &str = "; ";
/// Sentences within sentences, and things in a row.
const DEPTH_MAX: usize = 16;
/// Units of durations in Russian, longest first.
const DURATIONS: [(&str, &str); 12] = [
    ("months", "мес"),
    ("month", "мес"),
    ("years", "г"),
    ("year", "г"),
    ("days", "д"),
    ("day", "д"),
    ("ms", "мс"),
    ("us", "мкс"),
    ("h", "ч"),
    ("m", "мин"),
    ("s", "с"),
    ("d", "д"),
];

/// The sentences of a language.
pub struct Sayings {
    language: &'static str,
    /// The English pattern and the other; the most particular first. Empty for English, which needs none.
    patterns: Vec<(Pattern, Pattern)>,
}

/// A text with places for other texts.
struct Pattern {
    /// What stands between the places; one more than there are places.
    between: Vec<String>,
    names: Vec<String>,
}

impl Sayings {
    /// Those of `words`.
    pub fn new(english: &Words, words: &Words) -> Self {
        let language = words.language();
        if language == english.language() {
            return Self { language, patterns: Vec::new() };
        }
        let pairs = english.group("criteria.sayings").into_iter().filter_map(|(key, text)| {
            Some((Pattern::new(&text), Pattern::new(&words.find(&format!("criteria.sayings.{key}"))?)))
        });
        let mut patterns: Vec<_> = pairs.collect();
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal()));
        Self { language, patterns }
    }

    /// What `english` says. What no pattern fits is shown as it is.
    pub fn say(&self, english: &str) -> String {
        if self.patterns.is_empty() {
            english.to_owned()
        } else {
            self.said(english, DEPTH_MAX, &|text| quantity(self.language, text))
        }
    }

    /// The same; `rest` says what no pattern fits.
    fn said(&self, english: &str, depth: usize, rest: &dyn Fn(&str) -> String) -> String {
        let fits = |holds_several: bool| {
            let mut patterns =
                self.patterns.iter().filter(move |(pattern, _)| pattern.holds_several() == holds_several);
            patterns.find_map(|(pattern, other)| Some((pattern, other, pattern.values(english)?)))
        };
        let found = fits(true);
        if found.is_none() && english.contains(BETWEEN) && depth > 0 {
            let parts = english.split(BETWEEN).map(|part| self.said(part, depth - 1, rest));
            return parts.collect::<Vec<_>>().join(BETWEEN);
        }
        match found.or_else(|| fits(false)) {
            Some((pattern, other, values)) if depth > 0 => {
                let value = |name: &str| {
                    let place = pattern.names.iter().position(|known| known == name);
                    place.and_then(|place| values.get(place)).map(|value| self.said(value, depth - 1, rest))
                };
                other.filled(value)
            }
            _ => rest(english),
        }
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
    fn filled(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let places = self.names.iter().map(|name| value(name).unwrap_or_default());
        let mut text = self.between.first().cloned().unwrap_or_default();
        for (value, after) in places.zip(self.between.iter().skip(1)) {
            text.push_str(&value);
            text.push_str(after);
        }
        text
    }

    /// How much of it is certain.
    fn literal(&self) -> usize {
        self.between.iter().map(String::len).sum()
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

/// A quantity with its unit, or a duration.
fn quantity(language: &str, text: &str) -> String {
    if language != "ru" {
        return text.to_owned();
    }
    let part = |part: &str| -> Option<String> {
        let digits = part.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let (number, unit) = part.split_at(digits);
        let (_, russian) = DURATIONS.iter().find(|(english, _)| unit == *english)?;
        Some(format!("{number} {russian}"))
    };
    let parts: Option<Vec<_>> = text.split(' ').map(part).collect();
    parts.map_or_else(|| in_language(language, text.to_owned()), |parts| parts.join(" "))
}

#[cfg(test)]
mod tests;
