//! Every URL that porta answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use super::error::{Api, Refusal};
use super::{State, admin, assets, channels, device, feeds, health, pages};
use crate::clock;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// A write key.
    Write,
    /// A key of the channel, unless that is public; others get `-1`.
    Entries,
    /// As for entries, but others get `"-1"`, as if there were none.
    Entry,
    /// As for entries, but for others there is no such channel.
    Channel,
    /// An admin token, wherever ThingSpeak's clients put their key.
    Owner,
    /// An admin token in the `Authorization` header.
    Admin,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` answers `HEAD`, too.
    pub method: &'static str,
    /// What is in brackets can be left out, or is one of several.
    pub path: &'static str,
    /// Who is let in.
    pub access: Access,
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $handler:path,)*) => {
        /// The table.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, access: Access::$access }),*];

        fn with_routes(mut router: Router<Arc<State>>) -> Router<Arc<State>> {
            $(for path in spellings($path) {
                router = router.route(&path, on(MethodFilter::$method, $handler));
            })*
            router
        }
    };
}

routes! {
    // devices
    GET    "/update[.json|.xml]" Write device::update,
    POST   "/update[.json|.xml]" Write device::update,
    POST   "/channels/{channel}/bulk_update.json" Write device::bulk_json,
    POST   "/channels/{channel}/bulk_update.csv" Write device::bulk_csv,
    // readers
    GET    "/channels/{channel}" Channel feeds::channel,
    GET    "/channels/{channel}/feed[s][.json|.xml|.csv|.txt]" Entries feeds::feeds,
    GET    "/channels/{channel}/feed[s]/{entry}" Entry feeds::entry,
    GET    "/channels/{channel}/field[s]/{field}" Entries feeds::field,
    GET    "/channels/{channel}/field[s]/{field}/{entry}" Entry feeds::field_entry,
    GET    "/channels/{channel}/status[.json|.xml|.csv|.txt]" Entries feeds::status,
    GET    "/channels/{channel}/status/{entry}" Entry feeds::status_entry,
    GET    "/channels/public[.json]" Open channels::public,
    // owners
    GET    "/channels[.json]" Owner channels::list,
    POST   "/channels[.json]" Owner channels::create,
    PUT    "/channels/{channel}" Owner channels::change,
    DELETE "/channels/{channel}" Owner channels::delete,
    DELETE "/channels/{channel}/feeds[.json]" Owner channels::clear,
    // administrators
    GET    "/api/admin/channels" Admin admin::channels,
    POST   "/api/admin/channels" Admin admin::create,
    GET    "/api/admin/channels/{channel}" Admin admin::channel,
    PATCH  "/api/admin/channels/{channel}" Admin admin::change,
    DELETE "/api/admin/channels/{channel}" Admin admin::delete,
    DELETE "/api/admin/channels/{channel}/entries" Admin admin::clear,
    GET    "/api/admin/channels/{channel}/entries.csv" Admin admin::export,
    GET    "/api/admin/channels/{channel}/keys" Admin admin::keys,
    POST   "/api/admin/channels/{channel}/keys" Admin admin::create_key,
    DELETE "/api/admin/channels/{channel}/keys/{key}" Admin admin::revoke_key,
    POST   "/api/admin/channels/{channel}/keys/{key}/rotate" Admin admin::rotate_key,
    // operators
    GET    "/health" Open health::health,
    // pages
    GET    "/" Open pages::home,
    GET    "/static/{file}" Open assets::asset,
}

/// The paths that one of the table stands for: `/feed[s][.json|.xml]` is `/feed`, `/feeds`, `/feed.json`, ….
pub fn spellings(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('[') else { return vec![path.to_owned()] };
    let (choices, after) = rest.split_once(']').unwrap_or((rest, ""));
    let ends = spellings(after);
    let choices = std::iter::once("").chain(choices.split('|'));
    choices.flat_map(|choice| ends.iter().map(move |end| format!("{before}{choice}{end}"))).collect()
}

/// The routes and what stands before them.
pub fn router(state: Arc<State>) -> Router {
    with_routes(Router::new())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), guard))
        .with_state(state)
}

async fn unknown(method: Method, uri: Uri) -> Response {
    refused(uri.path(), Refusal::NotFound(format!("nothing answers {method} {}", uri.path())))
}

/// A refusal before a handler had a say, in the shape of the path.
fn refused(path: &str, refusal: Refusal) -> Response {
    if path.starts_with("/api/") { Api::from(refusal).into_response() } else { refusal.into_response() }
}

/// Whether scripts of any web page may call it, as they may ThingSpeak.
fn is_for_devices(path: &str) -> bool {
    path.starts_with("/update") || path.starts_with("/channels")
}

/// Ends a request that takes longer than the worker timeout. The query is not logged: it may hold a key.
async fn guard(Extract(state): Extract<Arc<State>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().clone());
    let for_devices = is_for_devices(path.path());
    if for_devices && method == Method::OPTIONS {
        return preflight();
    }
    let begun = clock::instant();
    let response = match tokio::time::timeout(state.worker_timeout, next.run(request)).await {
        Ok(response) => {
            let (status, took) = (response.status().as_u16(), begun.elapsed());
            tracing::debug!(%method, path = path.path(), status, ?took, "answered");
            response
        }
        Err(_) => {
            tracing::error!(%method, path = path.path(), timeout = ?state.worker_timeout, "a request took too long");
            refused(path.path(), Refusal::Slow)
        }
    };
    if for_devices { allow_any_origin(response) } else { response }
}

fn allow_any_origin(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What a browser asks before it lets a script send something.
fn preflight() -> Response {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, OPTIONS, DELETE, PATCH"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "origin, content-type, X-Requested-With, X-THINGSPEAKAPIKEY, THINGSPEAKAPIKEY, Authorization",
        ),
        (ACCESS_CONTROL_MAX_AGE, "1800"),
    ];
    allow_any_origin((allowed, StatusCode::OK).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_choices() {
        assert_eq!(spellings("/a"), ["/a"]);
        assert_eq!(
            spellings("/feed[s][.json|.xml]"),
            ["/feed", "/feed.json", "/feed.xml", "/feeds", "/feeds.json", "/feeds.xml"]
        );
    }
}
