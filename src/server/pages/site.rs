//! The templates, and what stands on every page.

use std::collections::BTreeMap;

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
        Ok(Self { templates, words: Words::read(web)? })
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

/// Writes a value into a page. Text is escaped as it needs to be in HTML and in attributes; a slash does not, and paths stay
/// readable.
fn write_escaped(out: &mut Output, state: &mut minijinja::State, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|_| !value.is_safe() && *state.auto_escape() == AutoEscape::Html) {
        None => minijinja::escape_formatter(out, state, value),
        Some(text) => {
            let mut written = 0;
            for (at, character) in text.match_indices(['&', '<', '>', '"', '\'']) {
                out.write_str(&text[written..at])?;
                out.write_str(match character {
                    "&" => "&amp;",
                    "<" => "&lt;",
                    ">" => "&gt;",
                    "\"" => "&quot;",
                    _ => "&#39;",
                })?;
                written = at + character.len();
            }
            Ok(out.write_str(&text[written..])?)
        }
    }
}

/// An error with all that led to it.
fn described(template: &str, error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(format!("{template}: {error}"), |text, cause| format!("{text}: {cause}"))
}
