//! Every URL that porta answers.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use super::error::{Api, Plain, Refusal};
use super::guard::{self, Post};
use super::{
    State, accounts, admin, assets, bridge, channels, criteria, device, feeds, openapi, operations, pages,
    requests, stress_test,
};
use crate::domain::metrics::Purpose;

/// The place in [`ROUTES`] of what is not in it.
pub const OTHER: usize = ROUTES.len();

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
    /// An admin token in the `Authorization` header, or the session of an administrator's browser.
    Admin,
    /// An admin token in the `Authorization` header, but nothing from this machine itself.
    Watch,
    /// The bridge's token.
    Agent,
    /// A page for whoever has logged in. Others are sent to log in.
    Page,
    /// A page for administrators who have logged in.
    AdminPage,
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

        fn with_routes(mut router: Router<Arc<State>>, state: &Arc<State>) -> Router<Arc<State>> {
            let mut places = 0..;
            $(
                let post = Post { state: Arc::clone(state), route: places.next().unwrap_or(OTHER) };
                for path in spellings($path) {
                    let handler = on(MethodFilter::$method, $handler);
                    let guard = middleware::from_fn_with_state(post.clone(), guard::guard);
                    router = router.route(&path, handler.route_layer(guard));
                }
            )*
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
    GET    "/api/admin/requests" Admin requests::requests,
    GET    "/api/admin/agents" Admin bridge::overview::list,
    GET    "/api/admin/agents/history" Admin bridge::overview::history,
    GET    "/api/admin/criteria" Admin criteria::check,
    GET    "/api/admin/criteria/history" Admin criteria::history,
    POST   "/api/admin/stress-test/start" Admin stress_test::api::start_run,
    GET    "/api/admin/stress-test/history/list" Admin stress_test::api::history,
    GET    "/api/admin/stress-test/{run}" Admin stress_test::api::show,
    DELETE "/api/admin/stress-test/{run}" Admin stress_test::api::delete,
    GET    "/api/admin/stress-test/{run}/events" Admin stress_test::events::events,
    POST   "/api/admin/stress-test/{run}/cancel" Admin stress_test::api::cancel,
    GET    "/api/admin/stress-test/{run}/report" Admin stress_test::api::report,
    GET    "/api/openapi.json" Open openapi::openapi,
    // agents
    POST   "/run_bash" Agent bridge::run_bash,
    POST   "/agent/pipeline" Agent bridge::pipeline,
    GET    "/agent/jobs/{job}" Agent bridge::job,
    DELETE "/agent/jobs/{job}" Agent bridge::cancel_job,
    GET    "/agent/status" Agent bridge::status,
    POST   "/agent/status" Agent bridge::status_of,
    POST   "/agent/list" Agent bridge::list,
    POST   "/agent/history" Agent bridge::history,
    GET    "/meta" Agent bridge::meta,
    GET    "/public_url" Agent bridge::public_url,
    // operators
    GET    "/health" Open operations::health,
    GET    "/ready" Open operations::ready,
    GET    "/metrics" Watch operations::metrics,
    // pages
    GET    "/" Page pages::dashboard::home,
    GET    "/admin" AdminPage pages::dashboard::dashboard,
    GET    "/admin/channels" AdminPage pages::channels::list,
    POST   "/admin/channels" AdminPage pages::channels::create,
    GET    "/admin/channels/{channel}" AdminPage pages::channels::channel,
    POST   "/admin/channels/{channel}/settings" AdminPage pages::channels::change,
    GET    "/admin/channels/{channel}/clear" AdminPage pages::channels::may_clear,
    POST   "/admin/channels/{channel}/clear" AdminPage pages::channels::clear,
    GET    "/admin/channels/{channel}/delete" AdminPage pages::channels::may_delete,
    POST   "/admin/channels/{channel}/delete" AdminPage pages::channels::delete,
    GET    "/admin/channels/{channel}/new-keys" AdminPage pages::channels::new_keys,
    POST   "/admin/channels/{channel}/keys" AdminPage pages::channels::create_key,
    GET    "/admin/channels/{channel}/keys/{key}" AdminPage pages::channels::key,
    POST   "/admin/channels/{channel}/keys/{key}/rotate" AdminPage pages::channels::rotate_key,
    POST   "/admin/channels/{channel}/keys/{key}/revoke" AdminPage pages::channels::revoke_key,
    GET    "/admin/agents" AdminPage pages::agents::list,
    GET    "/admin/agents/history" AdminPage pages::agents::history,
    GET    "/admin/requests" AdminPage pages::requests::requests,
    GET    "/admin/criteria" AdminPage pages::criteria::criteria,
    GET    "/login" Open accounts::login_page,
    POST   "/login" Open accounts::log_in,
    POST   "/logout" Page accounts::log_out,
    GET    "/setup" Open accounts::set_up_page,
    POST   "/setup" Open accounts::set_up,
    GET    "/account" Page accounts::account_page,
    POST   "/account" Page accounts::change,
    POST   "/language" Open pages::language::choose,
    GET    "/admin/stress-test" AdminPage pages::stress_test::index,
    POST   "/admin/stress-test" AdminPage pages::stress_test::start,
    GET    "/admin/stress-test/compare" AdminPage pages::stress_test::compare,
    GET    "/admin/stress-test/{run}" AdminPage pages::stress_test::show,
    GET    "/admin/stress-test/{run}/live" AdminPage pages::stress_test::follow,
    POST   "/admin/stress-test/{run}/cancel" AdminPage pages::stress_test::cancel,
    GET    "/admin/stress-test/{run}/delete" AdminPage pages::stress_test::ask_to_delete,
    POST   "/admin/stress-test/{run}/delete" AdminPage pages::stress_test::delete,
    GET    "/static/{file}" Open assets::asset,
}

impl Route {
    /// Whether it tells how the server is.
    pub fn is_for_watching(&self) -> bool {
        matches!(self.path, "/health" | "/ready" | "/metrics")
    }

    /// What it is there for.
    pub fn purpose(&self) -> Purpose {
        Purpose::of(self.path)
    }

    /// Whether it is for a path, of those without variants.
    fn is_at(&self, path: &str) -> bool {
        let parameter = |segment: &str| segment.starts_with('{');
        let is_one = |(own, given): (&str, &str)| own == given || parameter(own) && !given.is_empty();
        let (own, given) = (self.path.split('/'), path.split('/'));
        own.clone().count() == given.clone().count() && own.zip(given).all(is_one)
    }

    /// Method and path without its variants, as `GET /channels/{channel}/feeds`.
    pub fn name(&self) -> String {
        let mut path = self.path.to_owned();
        while let Some((before, rest)) = path.split_once('[') {
            let (choices, after) = rest.split_once(']').unwrap_or((rest, ""));
            let kept = if choices.starts_with('.') { "" } else { choices };
            path = format!("{before}{kept}{after}");
        }
        format!("{} {path}", self.method)
    }
}

/// Whether something answers `GET` at a path without variants, as those of pages are.
pub fn takes_get(path: &str) -> bool {
    ROUTES.iter().any(|route| route.method == "GET" && route.is_at(path))
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
pub fn router(state: &Arc<State>) -> Router {
    with_routes(Router::new(), state)
        .method_not_allowed_fallback(guard::not_allowed)
        .fallback(guard::unknown)
        .with_state(Arc::clone(state))
}

/// A refusal in the shape of the path.
pub fn refused(path: &str, refusal: Refusal) -> Response {
    if path.starts_with("/api/") {
        Api::from(refusal).into_response()
    } else if is_for_agents(path) {
        Plain::from(refusal).into_response()
    } else {
        refusal.into_response()
    }
}

/// Whether a path is of the agent bridge.
pub fn is_for_agents(path: &str) -> bool {
    path.starts_with("/agent/") || ["/run_bash", "/meta", "/public_url"].contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short() {
        let names: Vec<_> = ROUTES.iter().map(Route::name).collect();
        assert!(names.contains(&"GET /channels/{channel}/feeds".to_owned()), "{names:?}");
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }

    #[test]
    fn what_a_browser_can_load_is_told_from_what_takes_forms_only() {
        for (path, expected) in [
            ("/", true),
            ("/login", true),
            ("/admin/channels/7/keys/2", true),
            ("/admin/stress-test/compare", true),
            ("/admin/channels/7/keys", false),
            ("/admin/channels//keys/2", false),
            ("/admin/channels/7/keys/2/rotate", false),
            ("/logout", false),
            ("", false),
        ] {
            assert_eq!(takes_get(path), expected, "{path}");
        }
    }

    #[test]
    fn brackets_are_choices() {
        assert_eq!(spellings("/a"), ["/a"]);
        assert_eq!(
            spellings("/feed[s][.json|.xml]"),
            ["/feed", "/feed.json", "/feed.xml", "/feeds", "/feeds.json", "/feeds.xml"]
        );
    }
}
