//! Sentences that the domain writes in English, in the reader's language.
//!
//! A sentence is stored in a report as it was written, figures and all. The English text of a phrase is its pattern: what stands
//! in its places may be a phrase again, and is put into the other language's text. A sentence that is no phrase stays as it is.

use super::format;

/// How deep phrases may stand within phrases.
const DEPTH_MAX: usize = 3;
/// Characters of a sentence that is looked up.
const CHARACTERS_MAX: usize = 2000;

/// A sentence in two languages, with the same `{places}` in both.
#[derive(Clone, Debug)]
struct Phrase {
    /// Texts between places, one more than those.
    literals: Vec<String>,
    places: Vec<String>,
    translation: String,
}

/// All phrases of a language.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    /// Those with the most text of their own first.
    phrases: Vec<Phrase>,
}

impl Phrases {
    /// From pairs of an English text and its translation.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut phrases: Vec<_> = pairs.map(|(english, other)| Phrase::new(english, other)).collect();
        let own = |phrase: &Phrase| phrase.literals.iter().map(String::len).sum::<usize>();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(own(phrase)));
        Self { phrases }
    }

    /// A sentence in the language; `None` when it is not known.
    pub fn translate(&self, language: &str, sentence: &str) -> Option<String> {
        if sentence.len() > CHARACTERS_MAX { None } else { self.within(language, sentence, DEPTH_MAX) }
    }

    fn within(&self, language: &str, sentence: &str, depth: usize) -> Option<String> {
        let (phrase, values) =
            self.phrases.iter().find_map(|phrase| Some((phrase, phrase.values(sentence)?)))?;
        let mut text = String::new();
        let mut rest = phrase.translation.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}')?;
            let value = phrase.places.iter().zip(&values).find(|(name, _)| *name == place)?.1;
            let inner = if depth > 0 { self.within(language, value, depth - 1) } else { None };
            text.push_str(before);
            text.push_str(&inner.unwrap_or_else(|| format::in_language(language, (*value).to_owned())));
            rest = after;
        }
        Some(text + rest)
    }
}

impl Phrase {
    fn new(english: &str, translation: &str) -> Self {
        let (mut literals, mut places) = (Vec::new(), Vec::new());
        let mut rest = english;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}').unwrap_or((after, ""));
            literals.push(before.to_owned());
            places.push(place.to_owned());
            rest = after;
        }
        literals.push(rest.to_owned());
        Self { literals, places, translation: translation.to_owned() }
    }

    /// What stands in the places of a sentence; `None` when it is not this phrase. Each is as short as can be, and the last
    /// literal is the end.
    fn values<'s>(&self, sentence: &'s str) -> Option<Vec<&'s str>> {
        let (first, literals) = self.literals.split_first()?;
        let mut rest = sentence.strip_prefix(first.as_str())?;
        let Some((last, between)) = literals.split_last() else { return rest.is_empty().then(Vec::new) };
        let mut values = Vec::new();
        for literal in between {
            let (value, after) = rest.split_once(literal.as_str())?;
            values.push(value);
            rest = after;
        }
        values.push(rest.strip_suffix(last.as_str())?);
        values.iter().all(|value| !value.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phrases() -> Phrases {
        Phrases::new(
            [
                ("the generator kept up: send lag p99 {lag}, {cpu} of its CPU", "успевал: {lag}, {cpu}"),
                ("{words}. Run longer.", "{words}. Дольше."),
                ("{what} was moving: {a} then {b}", "{what}: сначала {a}, потом {b}"),
                ("the rate", "частота"),
                ("{n} workers", "воркеров: {n}"),
                ("5 workers", "пять воркеров"),
            ]
            .into_iter(),
        )
    }

    #[test]
    fn sentences_and_what_stands_in_them_are_translated() {
        for (sentence, translated) in [
            ("the generator kept up: send lag p99 0.08 ms, 4 % of its CPU", Some("успевал: 0.08 мс, 4 %")),
            (
                "the rate was moving: 17.0 ms then 62.0 ms. Run longer.",
                Some("частота: сначала 17.0 мс, потом 62.0 мс. Дольше."),
            ),
            ("5 workers", Some("пять воркеров")),
            ("7 workers", Some("воркеров: 7")),
            (" workers", None),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(phrases().translate("ru", sentence).as_deref(), translated, "{sentence}");
        }
    }

    proptest! {
        #[test]
        fn any_sentence_is_a_phrase_or_not(sentence in "[a-z{}. ]{0,40}( workers)?") {
            let _ = phrases().translate("ru", &sentence);
        }
    }
}
