//! Pages: a template, its data, and the reader's language.

pub mod format;
pub mod language;
mod phrases;
mod site;
pub mod stress_test;
pub mod words;

use std::future::Future;
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;

pub use self::site::Site;
use self::words::Words;
use super::State;
use super::error::{Refusal, Said};
use super::session::{AdminPage, Page, Role, Session};
use crate::clock;
use crate::domain::unit;

tokio::task_local! {
    /// Path and query of the request that is being answered.
    static ADDRESS: String;
}

/// Answers a request whose pages know where they stand: which tab they belong to, and where the language switch leads back to.
pub async fn at<F: Future>(address: &Uri, answer: F) -> F::Output {
    if !is_for_people(address.path()) {
        return answer.await;
    }
    let address = address.path_and_query().map_or("/", |address| address.as_str()).to_owned();
    ADDRESS.scope(address, answer).await
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

/// Whether people look at what a path answers.
pub fn is_for_people(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    matches!(first, "" | "admin" | "login" | "logout" | "setup" | "account" | "language")
}

/// A response to people: of a refusal it makes a page that says what was wrong and shows a way on.
pub fn for_people(state: &State, headers: &HeaderMap, response: Response) -> Response {
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
    match render(state, headers, None, "refused.html", context! { kind, message }) {
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

/// `GET /`: is my server well?
pub async fn home(
    Page(session): Page,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if session.role == Role::Admin {
        let dashboard = format!("{}/admin", state.root_path);
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, dashboard)]).into_response());
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
        channels => statistics.channels,
        updates => statistics.updates,
        database_bytes => statistics.database_bytes,
    };
    render(state, headers, Some(session), "home.html", data)
}

#[cfg(test)]
mod tests;
