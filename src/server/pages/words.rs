//! The words of pages in each language: `web/translations/LANGUAGE/AREA.json`, nested, and strict. A key that one
//! language lacks, or a placeholder that it does not fill, is an error when the server starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Kwargs, Serde};
use serde_json::Value as Json;

use super::format;
use super::language::LANGUAGES;
use super::sayings::Sayings;
use crate::server::assets::Web;

/// The forms that a word with a number has in each language, in the order of [`LANGUAGES`].
const PLURALS: [&[&str]; 2] = [&["one", "other"], &["one", "few", "many"]];

/// Everything in one language.
#[derive(Clone, Debug)]
pub struct Words {
    language: &'static str,
    all: minijinja::Value,
    /// What is said of runs, and to those who are refused.
    phrases: Arc<Sayings>,
    /// What is said of an installation. Some of its patterns fit nearly everything, which is why they are apart.
    pub(super) sayings: Arc<Sayings>,
}

impl Words {
    /// Each language's.
    ///
    /// # Errors
    /// What cannot be read, and every key that is not the same in all languages.
    pub fn read(web: &Web) -> Result<Vec<Self>, String> {
        let mut trees = Vec::new();
        for language in LANGUAGES {
            let mut areas = serde_json::Map::new();
            for name in web.names(&format!("translations/{language}")) {
                let path = format!("translations/{language}/{name}");
                let file = web.file(&path).ok_or_else(|| format!("web/{path} is missing"))?;
                let area = serde_json::from_slice(&file).map_err(|error| format!("web/{path}: {error}"))?;
                areas.insert(name.trim_end_matches(".json").to_owned(), area);
            }
            trees.push(Json::Object(areas));
        }
        let mut wrong = Vec::new();
        for (tree, (language, forms)) in trees.iter().zip(LANGUAGES.into_iter().zip(PLURALS)) {
            compare("", &trees[0], tree, (language, forms), &mut wrong);
            compare("", tree, &trees[0], (LANGUAGES[0], PLURALS[0]), &mut wrong);
        }
        if !wrong.is_empty() {
            return Err(format!("translations differ: {}", wrong.join("; ")));
        }
        let said = |language, tree: &Json, place: &str| {
            let (english, other) = (trees[0].pointer(place), tree.pointer(place));
            let english = english.and_then(Json::as_object).into_iter().flatten();
            let pairs = english.filter_map(|(id, english)| Some((english.as_str()?, other?[id].as_str()?)));
            Arc::new(Sayings::new(language, pairs))
        };
        let words = trees.iter().zip(LANGUAGES);
        Ok(words
            .map(|(tree, language)| Self {
                language,
                all: Serde(tree).into(),
                phrases: said(language, tree, "/phrases"),
                sayings: said(language, tree, "/criteria/sayings"),
            })
            .collect())
    }

    /// `en` or `ru`.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// All of them, as templates know them by the name `t`.
    pub fn all(&self) -> minijinja::Value {
        self.all.clone()
    }

    /// The words of a key such as `report.title`; a test looks that there is none that is asked for and missing.
    pub fn text(&self, key: &str) -> String {
        let found = key.split('.').try_fold(self.all.clone(), |value, part| value.get_attr(part));
        let words = found.ok().and_then(|found| found.as_str().map(str::to_owned));
        words.unwrap_or_else(|| key.to_owned())
    }

    /// What is said of a run, or to somebody who is refused, in this language; `None` where there is no phrase for it.
    pub fn translated(&self, english: &str) -> Option<String> {
        self.said(&self.phrases, english)
    }

    /// What is said of an installation; `None` where that is not known.
    pub fn saying(&self, english: &str) -> Option<String> {
        self.said(&self.sayings, english)
    }

    fn said(&self, known: &Sayings, english: &str) -> Option<String> {
        if self.language == LANGUAGES[0] { Some(english.to_owned()) } else { known.say(english) }
    }

    /// A quantity with its unit, or a duration, in this language.
    pub fn quantity(&self, english: String) -> String {
        format::in_language(self.language, english)
    }
}

/// Notes what `model` has and `other` lacks.
fn compare(
    path: &str,
    model: &Json,
    other: &Json,
    (language, forms): (&str, &[&str]),
    wrong: &mut Vec<String>,
) {
    let is_plural = |tree: &Json| tree.as_object().is_some_and(|map| map.contains_key("one"));
    match (model, other) {
        (model, other) if is_plural(model) && is_plural(other) => {
            for form in forms.iter().filter(|form| !other[**form].is_string()) {
                wrong.push(format!("{path}.{form} is missing in {language}"));
            }
        }
        (Json::Object(model), Json::Object(other)) => {
            for (key, model) in model {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match other.get(key) {
                    Some(other) => compare(&path, model, other, (language, forms), wrong),
                    None => wrong.push(format!("{path} is missing in {language}")),
                }
            }
        }
        (Json::String(model), Json::String(other)) => {
            if placeholders(model) != placeholders(other) {
                wrong.push(format!("{path} has other placeholders in {language}"));
            }
            if other.trim().is_empty() {
                wrong.push(format!("{path} is empty in {language}"));
            }
        }
        _ => wrong.push(format!("{path} is something else in {language}")),
    }
}

/// The `{names}` of a text.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let after = text.split('{').skip(1);
    after.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// Puts values in the place of a text's `{names}`. What is put in is text, whatever it has in it: the page escapes it.
///
/// # Errors
/// When a placeholder gets no value, or a value has no placeholder.
pub fn fill(text: &str, values: Kwargs) -> Result<String, minijinja::Error> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(&values.get::<minijinja::Value>(name)?.to_string());
        rest = after;
    }
    filled.push_str(rest);
    values.assert_all_used()?;
    Ok(filled)
}

/// The form of a word that goes with a number.
pub fn form(language: &str, count: u64) -> &'static str {
    match (language, count % 10, count % 100) {
        ("ru", 1, tens) if tens != 11 => "one",
        ("ru", 2..=4, tens) if !(12..=14).contains(&tens) => "few",
        ("ru", ..) => "many",
        _ if count == 1 => "one",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(english: &Json, russian: &Json) -> Vec<String> {
        let mut wrong = Vec::new();
        compare("", english, russian, ("ru", PLURALS[1]), &mut wrong);
        compare("", russian, english, ("en", PLURALS[0]), &mut wrong);
        wrong
    }

    #[test]
    fn what_one_language_lacks_is_found() {
        let english =
            json!({ "a": { "b": "{n} runs", "c": "x" }, "d": { "one": "{n} run", "other": "{n} runs" } });
        let russian = json!({ "a": { "b": "{n}", "c": "y" }, "d": { "one": "1", "few": "2", "many": "5" } });
        assert_eq!(differences(&english, &russian), Vec::<String>::new());
        for (english, russian, wrong) in [
            (json!({ "a": "x", "b": "y" }), json!({ "a": "x" }), "b is missing in ru"),
            (json!({ "a": "x" }), json!({ "a": "x", "b": "y" }), "b is missing in en"),
            (json!({ "a": { "b": "x" } }), json!({ "a": "x" }), "a is something else in ru"),
            (json!({ "a": "{n}" }), json!({ "a": "n" }), "a has other placeholders in ru"),
            (json!({ "a": "x" }), json!({ "a": " " }), "a is empty in ru"),
            (
                json!({ "a": { "one": "", "other": "" } }),
                json!({ "a": { "one": "", "many": "" } }),
                "a.few is missing in ru",
            ),
        ] {
            assert!(differences(&english, &russian).contains(&wrong.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn values_take_the_place_of_placeholders() {
        let values = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (*name, minijinja::Value::from(*value))).collect()
        };
        assert_eq!(
            fill("run {id} of {id}, {x}", values(&[("id", "7"), ("x", "{y}")])).expect("filled"),
            "run 7 of 7, {y}"
        );
        assert!(fill("run {id}", values(&[])).is_err());
        assert!(fill("run", values(&[("id", "7")])).is_err());
    }

    #[test]
    fn numbers_have_their_form() {
        let of =
            |language, counts: &[u64]| counts.iter().map(|count| form(language, *count)).collect::<Vec<_>>();
        assert_eq!(of("en", &[0, 1, 2, 11, 21]), ["other", "one", "other", "other", "other"]);
        assert_eq!(
            of("ru", &[0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 111, 101]),
            ["many", "one", "few", "few", "many", "many", "many", "many", "one", "few", "many", "one"]
        );
    }
}
