//! Pages: a template, its data, and the reader's language.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::header::{ACCEPT_LANGUAGE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, context};

use super::State;
use super::assets::Web;
use super::error::Refusal;
use super::session::{AdminPage, Page, Role, Session};
use crate::clock;
use crate::domain::unit;

/// Languages that pages speak; the first is the default.
const LANGUAGES: [&str; 2] = ["en", "ru"];
/// The files of `web/templates/`.
const TEMPLATES: [&str; 7] = [
    "layout.html",
    "account_bar.html",
    "home.html",
    "login.html",
    "setup.html",
    "setup_over.html",
    "account.html",
];
/// The files of `web/translations/LANGUAGE/`.
const AREAS: [&str; 1] = ["login"];

/// `GET /`: is my server well?
pub async fn home(
    Page(session): Page,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if session.role == Role::Admin {
        return Ok(
            (StatusCode::SEE_OTHER, [(LOCATION, format!("{}/admin", state.root_path))]).into_response()
        );
    }
    Ok(overview(&state, &headers, &session).await?.into_response())
}

/// `GET /admin`: the same for administrators.
pub async fn dashboard(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    overview(&state, &headers, &session).await
}

async fn overview(state: &State, headers: &HeaderMap, session: &Session) -> Result<Html<String>, Refusal> {
    let statistics = state.store.statistics().await?;
    let up = clock::instant().saturating_duration_since(state.started);
    let data = context! {
        up => unit::clock(up),
        channels => unit::count(statistics.channels),
        updates => unit::count(statistics.updates),
        database => unit::bytes(statistics.database_bytes),
        empty => statistics.channels == 0,
    };
    render(state, headers, Some(session), "home.html", data)
}

/// A page for whoever sends these headers.
///
/// # Errors
/// A template or translation is wrong.
pub fn render(
    state: &State,
    headers: &HeaderMap,
    session: Option<&Session>,
    template: &str,
    data: minijinja::Value,
) -> Result<Html<String>, Refusal> {
    let session = session.map(|session| {
        context! { email => session.email.as_str(), is_admin => session.role == Role::Admin, csrf => session.csrf.as_str() }
    });
    let data =
        context! { session, root => state.root_path.as_str(), version => env!("CARGO_PKG_VERSION"), ..data };
    let render = |site: &Site| site.render(template, language(headers), data);
    let page = match &state.site {
        Some(site) => render(site),
        None => Site::read(&state.web).and_then(|site| render(&site)),
    };
    page.map_err(Refusal::Internal)
}

/// The first language of the reader's list that porta speaks.
fn language(headers: &HeaderMap) -> &'static str {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted
        .split(',')
        .filter_map(|range| range.trim().get(..2))
        .find_map(|wanted| LANGUAGES.into_iter().find(|spoken| spoken.eq_ignore_ascii_case(wanted)))
        .unwrap_or(LANGUAGES[0])
}

/// The templates, and the words of each language.
pub struct Site {
    templates: Environment<'static>,
    words: BTreeMap<&'static str, minijinja::Value>,
}

impl Site {
    /// Reads templates and translations.
    pub fn read(web: &Web) -> Result<Self, String> {
        let text = |path: String| {
            let file = web.file(&path).ok_or_else(|| format!("web/{path} is missing"))?;
            String::from_utf8(file.into_owned()).map_err(|_| format!("web/{path} is not UTF-8"))
        };
        let mut templates = Environment::new();
        // A word without a translation is an error, not an empty place on the page.
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        for name in TEMPLATES {
            templates
                .add_template_owned(name, text(format!("templates/{name}"))?)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        let mut words = BTreeMap::new();
        for language in LANGUAGES {
            let path = format!("translations/{language}.json");
            let parsed = |path: String| {
                let words = serde_json::from_str(&text(path.clone())?);
                words.map_err(|error| format!("web/{path}: {error}"))
            };
            let mut all: serde_json::Map<String, serde_json::Value> = parsed(path)?;
            for area in AREAS {
                all.insert(area.into(), parsed(format!("translations/{language}/{area}.json"))?.into());
            }
            words.insert(language, minijinja::Value::from(Serde(all)));
        }
        Ok(Self { templates, words })
    }

    fn render(&self, template: &str, language: &str, data: minijinja::Value) -> Result<Html<String>, String> {
        let page = context! { t => self.words.get(language), language, ..data };
        let rendered = self.templates.get_template(template).and_then(|template| template.render(page));
        rendered.map(Html).map_err(|error| format!("{template} in {language}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_porta_speaks_is_taken() {
        for (accepted, spoken) in [
            ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
            ("en", "en"),
            ("de, RU;q=0.5", "ru"),
            ("de", "en"),
            ("", "en"),
            ("é", "en"),
        ] {
            let value = axum::http::HeaderValue::from_bytes(accepted.as_bytes()).expect("a header");
            assert_eq!(language(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)])), spoken, "{accepted}");
        }
    }

    #[test]
    fn the_home_page_renders_in_every_language() {
        let data = || {
            context! { root => "", session => (), version => "1", up => "0:00:02", channels => "1", updates => "2", database => "3 B", empty => true }
        };
        let site = Site::read(&Web::new(false)).expect("templates and translations");
        for language in LANGUAGES {
            let page = site.render("home.html", language, data()).expect("a page");
            assert!(page.0.contains(&format!("lang=\"{language}\"")));
        }
    }
}
