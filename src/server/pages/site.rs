//! The templates, and what stands on every page.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, Value, context};

use super::format;
use super::words::Words;
use crate::server::assets::{self, Web};

/// The templates, and the words of each language.
pub struct Site {
    templates: Environment<'static>,
    words: Vec<Words>,
}

impl Site {
    /// Reads templates and translations. `root` stands before every path of the server.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn read(web: &Web, root: &str) -> Result<Self, String> {
        let mut templates = Environment::new();
        // A word that is not there is an error, not an empty place on the page.
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.map_err(|error| error.to_string())?);
        templates.set_formatter(write_escaped);
        format::add_filters(&mut templates);
        let addresses: BTreeMap<String, String> = web
            .assets()
            .into_iter()
            .map(|(name, hash)| {
                let address = format!("{root}/static/{}", assets::hashed_name(&name, &hash));
                (name, address)
            })
            .collect();
        templates.add_function("asset", move |name: &str| {
            let missing =
                || Error::new(ErrorKind::InvalidOperation, format!("there is no file web/static/{name}"));
            addresses.get(name).cloned().ok_or_else(missing)
        });
        for name in web.names("templates") {
            let file = web
                .file(&format!("templates/{name}"))
                .ok_or_else(|| format!("web/templates/{name} is missing"))?;
            let text = String::from_utf8(file.into_owned())
                .map_err(|_| format!("web/templates/{name} is not UTF-8"))?;
            templates.add_template_owned(name.clone(), text).map_err(|error| described(&name, &error))?;
        }
        let words = Words::read(web)?;
        let mut add = |name, say: Say, shape: fn(&str) -> String| {
            let known = words.clone();
            templates.add_filter(name, move |state: &minijinja::State, english: &str| {
                said(&known, state, english, say, shape)
            });
        };
        add("phrase", Words::translated, str::to_owned);
        add("sentence", Words::translated, capital);
        add("saying", Words::saying, str::to_owned);
        Ok(Self { templates, words })
    }

    /// The words of a language that porta speaks.
    pub fn words(&self, language: &str) -> Option<&Words> {
        self.words.iter().find(|words| words.language() == language)
    }

    /// A template with its data and the words of a language.
    ///
    /// # Errors
    /// What is wrong with template or data.
    pub fn render(&self, template: &str, language: &str, data: Value) -> Result<String, String> {
        let words = self.words(language).map(Words::all);
        let page = context! { t => words, language, version => env!("CARGO_PKG_VERSION"), ..data };
        let rendered = self.templates.get_template(template).and_then(|template| template.render(page));
        rendered.map_err(|error| format!("in {language}: {}", described(template, &error)))
    }
}

/// How a language says what the domain says in English.
type Say = fn(&Words, &str) -> Option<String>;

/// What the domain says in the reader's language, as it stands in a sentence or at the beginning of one. What is not known
/// stays in English, and the page says so to those who have it read to them.
fn said(
    words: &[Words],
    state: &minijinja::State,
    english: &str,
    say: Say,
    shape: fn(&str) -> String,
) -> Value {
    let language = state.lookup("language").map(|language| language.to_string());
    let words = words.iter().find(|words| Some(words.language()) == language.as_deref());
    match words.map(|words| say(words, english)) {
        Some(None) => {
            let english = shape(english);
            Value::from_safe_string(format!("<span lang=\"en\">{}</span>", HtmlEscape(&english)))
        }
        Some(Some(translated)) => Value::from(shape(&translated)),
        None => Value::from(shape(english)),
    }
}

/// With a capital at the beginning, unless that is a name such as `p95`.
fn capital(words: &str) -> String {
    let first = words.split(' ').next().unwrap_or_default();
    let mut letters = words.chars();
    match letters.next() {
        Some(letter) if first.chars().all(char::is_alphabetic) => {
            letter.to_uppercase().chain(letters).collect()
        }
        _ => words.to_owned(),
    }
}

/// Writes a value into a page, escaped unless it is markup.
fn write_escaped(out: &mut Output, state: &mut minijinja::State, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|_| !value.is_safe() && *state.auto_escape() == AutoEscape::Html) {
        None => minijinja::escape_formatter(out, state, value),
        Some(text) => Ok(write!(out, "{}", HtmlEscape(text))?),
    }
}

/// Text as it stands in HTML and in attributes. A slash needs no escape, and paths stay readable.
struct HtmlEscape<'t>(&'t str);

impl fmt::Display for HtmlEscape<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = 0;
        for (at, character) in self.0.match_indices(['&', '<', '>', '"', '\'']) {
            out.write_str(&self.0[written..at])?;
            out.write_str(match character {
                "&" => "&amp;",
                "<" => "&lt;",
                ">" => "&gt;",
                "\"" => "&quot;",
                _ => "&#39;",
            })?;
            written = at + character.len();
        }
        out.write_str(&self.0[written..])
    }
}

/// An error with all that led to it.
fn described(template: &str, error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(format!("{template}: {error}"), |text, cause| format!("{text}: {cause}"))
}
