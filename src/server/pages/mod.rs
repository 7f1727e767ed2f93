//! Pages: a template, its data, and the reader's language.

pub mod agents;
pub mod channels;
pub mod criteria;
pub mod dashboard;
pub mod format;
pub mod language;
pub mod requests;
mod sayings;
mod site;
pub mod stress_test;
mod traffic;
pub mod words;

use std::future::Future;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;

pub use self::site::Site;
use self::words::Words;
use super::error::{Refusal, Said};
use super::session::{Found, Role, Session};
use super::{State, routes};

tokio::task_local! {
    /// Path and query of the request that is being answered.
    static ADDRESS: String;
}

/// Answers a request whose pages know where they stand: which tab they belong to, and where the language switch leads back to.
pub async fn at<F: Future>(method: &Method, address: &Uri, answer: F) -> F::Output {
    if !is_for_people(address.path()) {
        return answer.await;
    }
    ADDRESS.scope(place(method, address), answer).await
}

/// Path and query of the page that a reader is on. What takes a form only cannot be loaded: the nearest page above it is where
/// its sender has come from, or close to it.
pub fn place(method: &Method, address: &Uri) -> String {
    let path = address.path();
    if method == Method::GET || method == Method::HEAD || routes::takes_get(path) {
        return address.path_and_query().map_or("/", |address| address.as_str()).to_owned();
    }
    // A longer path is no page's.
    let path = if language::is_local(path) { path } else { "/" };
    let mut above = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above));
    above.find(|path| routes::takes_get(path)).unwrap_or("/").to_owned()
}

/// A page for whoever sends these headers. Beside `data` the template knows `t` (the words of their language), `language`,
/// `session` (`email`, `is_admin`, `csrf`; none when nobody has logged in), `root`, `version`, `path`, and `address`, which
/// is the path with its query.
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
    let address = ADDRESS.try_with(Clone::clone).unwrap_or_else(|_| "/".to_owned());
    let path = address.split('?').next().unwrap_or_default().to_owned();
    let root = state.root_path.as_str();
    let data = context! { session, root, path, address, ..data };
    with_site(state, |site| site.render(template, language::of(headers), data)).map(Html)
}

/// A part of a page in one language, without what is around it.
///
/// # Errors
/// As [`render`].
pub fn fragment(
    state: &State,
    language: &str,
    template: &str,
    data: minijinja::Value,
) -> Result<String, Refusal> {
    let root = state.root_path.as_str();
    with_site(state, |site| site.render(template, language, context! { root, ..data }))
}

/// The words of the language of whoever sends these headers, for what is not written by a template, such as charts.
///
/// # Errors
/// A translation is wrong.
pub fn words(state: &State, headers: &HeaderMap) -> Result<Words, Refusal> {
    words_in(state, language::of(headers))
}

/// The words of a language.
///
/// # Errors
/// A translation is wrong, or porta does not speak the language.
pub fn words_in(state: &State, language: &str) -> Result<Words, Refusal> {
    with_site(state, |site| {
        site.words(language).cloned().ok_or_else(|| format!("porta does not speak {language}"))
    })
}

fn with_site<T>(state: &State, ask: impl FnOnce(&Site) -> Result<T, String>) -> Result<T, Refusal> {
    let answer = match &state.site {
        Some(site) => ask(site),
        None => Site::read(&state.web, &state.root_path).and_then(|site| ask(&site)),
    };
    answer.map_err(Refusal::Internal)
}

/// What an address asks for. Of one that cannot be read, nothing is asked.
fn asked_or_default<T: Default>(asked: Result<Query<T>, QueryRejection>) -> T {
    asked.map(|Query(asked)| asked).unwrap_or_default()
}

/// Whether people look at what a path answers.
pub fn is_for_people(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    matches!(first, "" | "admin" | "login" | "logout" | "setup" | "account" | "language")
}

/// Who looks at an answer.
pub struct Reader {
    headers: HeaderMap,
    found: Found,
}

impl Reader {
    /// Whoever sends a request. If its handler finds that they have logged in, that is known here, too.
    pub fn of(request: &mut Request) -> Self {
        let found = Found::default();
        request.extensions_mut().insert(found.clone());
        Self { headers: request.headers().clone(), found }
    }
}

/// A response to people: of a refusal it makes a page that says what was wrong and shows a way on.
pub fn for_people(state: &State, reader: &Reader, response: Response) -> Response {
    let Some(Said(message)) = response.extensions().get::<Said>().cloned() else { return response };
    let (mut head, _) = response.into_parts();
    let kind = match head.status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "server",
        _ => "request",
    };
    // Where the database has a fault, that and what to do about it says more than the refusal.
    let condition = state.store.condition().filter(|_| kind == "unavailable");
    let fault = condition.as_ref().map(dashboard::fault);
    let data = context! { kind, message, fault };
    match render(state, &reader.headers, reader.found.session(), "refused.html", data) {
        Ok(page) => {
            head.headers.remove(CONTENT_TYPE);
            head.headers.remove(CONTENT_LENGTH);
            let mut page = page.into_response();
            *page.status_mut() = head.status;
            page.headers_mut().extend(head.headers);
            page.extensions_mut().extend(head.extensions);
            page
        }
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests;
