//! The description of the API for programs, made from the handlers and the types of their answers.
//!
//! A route of `/api/` is described where its handler stands, by `#[utoipa::path]`, and listed here. A test compares the two
//! with the table of routes.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Info, OpenApi as Document, PathItem, Ref, RefOr, ResponseBuilder, Schema, Server, Type,
};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{State, admin, bridge, criteria, requests, stress_test};

/// Whoever has it asks again each time, since it changes with the version.
const CACHED: &str = "no-cache";

#[derive(OpenApi)]
#[openapi(
    paths(
        admin::channels,
        admin::create,
        admin::channel,
        admin::change,
        admin::delete,
        admin::clear,
        admin::export,
        admin::keys,
        admin::create_key,
        admin::revoke_key,
        admin::rotate_key,
        bridge::overview::list,
        bridge::overview::history,
        criteria::check,
        criteria::history,
        requests::requests,
        stress_test::api::start_run,
        stress_test::api::history,
        stress_test::api::show,
        stress_test::api::delete,
        stress_test::events::events,
        stress_test::api::cancel,
        stress_test::api::report,
        openapi,
    ),
    components(schemas(ErrorBody, stress_test::live::LiveSecond)),
    tags(
        (name = "channels", description = "Channels and their keys"),
        (name = "requests", description = "What the server remembers of its requests"),
        (name = "stress tests", description = "Runs that administrators start"),
        (name = "agents", description = "Who has used the agent bridge, and what was run"),
        (name = "criteria", description = "Whether it is time to move"),
        (name = "description", description = "This document"),
    ),
    modifiers(&Common)
)]
struct Api;

/// Why a request was not answered as it wished.
#[derive(ToSchema)]
#[schema(as = Error)]
#[allow(dead_code, reason = "errors become JSON where they become HTTP; this describes them")]
pub struct ErrorBody {
    error: ErrorWords,
}

/// What an error says.
#[derive(ToSchema)]
#[allow(dead_code, reason = "as the error")]
struct ErrorWords {
    /// One of a fixed set of words, as `bad_request`, `auth_required`, `resource_not_found`, `conflict`, `overloaded`.
    code: String,
    /// Why, in words for people.
    message: String,
    /// The parameter or value that it is about, where it is one.
    #[schema(required = false, nullable = false)]
    field: Option<String>,
    /// The run that goes on, where another cannot be started beside it.
    #[schema(required = false, nullable = false)]
    test_id: Option<i64>,
}

/// What all routes have in common: who is let in, and how they refuse.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut Document) {
        document.info = Info::new("porta", env!("CARGO_PKG_VERSION"));
        document.info.description = Some(
            "The API for administrators. A browser's session is as good as a bearer token; what changes something then \
             needs the session's CSRF token, too."
                .into(),
        );
        let key = |place: fn(ApiKeyValue) -> ApiKey, name: &str, what: &str| {
            SecurityScheme::ApiKey(place(ApiKeyValue::with_description(name, what)))
        };
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An admin token: porta admin token create"));
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [
            (BEARER, SecurityScheme::Http(bearer.build())),
            (SESSION, key(ApiKey::Cookie, SESSION_COOKIE, SESSION_WORDS)),
            (CSRF, key(ApiKey::Header, CSRF_HEADER, "The session's CSRF token, which its pages have")),
        ] {
            components.add_security_scheme(name, scheme);
        }
        let mut sent = BTreeSet::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                describe(method, path, operation);
                sent.extend(body_of(operation));
            }
        }
        let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
        schemas.filter(|(name, _)| !sent.contains(*name)).for_each(|(_, schema)| require_nullable(schema));
    }
}

const BEARER: &str = "bearer";
const SESSION: &str = "session";
const CSRF: &str = "csrf";
/// Where a session is kept when the server is not behind TLS.
const SESSION_COOKIE: &str = "porta";
const SESSION_WORDS: &str =
    "The session of an administrator who has logged in; over TLS the cookie is called __Host-porta";
const CSRF_HEADER: &str = "X-CSRF-Token";

/// The operations of a path by their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn describe(method: &str, path: &str, operation: &mut Operation) {
    // Handlers of several modules have one name; a method and a path are had once.
    let words = path.trim_start_matches("/api/admin/").trim_start_matches("/api/");
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    operation.operation_id = Some(std::iter::once(method).chain(words).collect::<Vec<_>>().join("_"));
    if path.starts_with("/api/admin/") {
        let no_scopes: [&str; 0] = [];
        let session = SecurityRequirement::new(SESSION, no_scopes);
        let session = if method == "get" { session } else { session.add(CSRF, no_scopes) };
        operation.security = Some(vec![SecurityRequirement::new(BEARER, no_scopes), session]);
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = "Done".into();
        }
    }
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    let refused = ResponseBuilder::new()
        .description("Why not: 400, 401, 403, 404, 408, 409, 413, 422, 429, 500 or 503")
        .content("application/json", body);
    operation.responses.responses.insert("default".into(), RefOr::T(refused.build()));
}

/// The name of the schema of what an operation is sent.
fn body_of(operation: &Operation) -> Option<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    let Some(RefOr::T(content)) = body.content.values().next() else { return None };
    let Some(RefOr::Ref(reference)) = &content.schema else { return None };
    reference.ref_location.rsplit('/').next().map(str::to_owned)
}

/// In what porta answers, each member that may be `null` is there. What is left out where there is none is never `null`.
fn require_nullable(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let nullable = object.properties.iter().filter(|(_, member)| may_be_null(member));
            object.required.extend(nullable.map(|(name, _)| name.clone()));
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_nullable),
        RefOr::T(Schema::OneOf(choices)) => choices.items.iter_mut().for_each(require_nullable),
        _ => {}
    }
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let is_null = |schema_type: &SchemaType| match schema_type {
        SchemaType::Type(word) => *word == Type::Null,
        SchemaType::Array(words) => words.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
        RefOr::T(Schema::OneOf(choices)) => choices.items.iter().any(may_be_null),
        _ => false,
    }
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", tag = "description", responses((status = 200, body = Object)))]
pub async fn openapi(Extract(state): Extract<Arc<State>>) -> ([(HeaderName, &'static str); 2], Bytes) {
    let text = state.description.get_or_init(|| text(&state.root_path)).clone();
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHED)], text)
}

fn text(root_path: &str) -> Bytes {
    let mut document = Api::openapi();
    let url = if root_path.is_empty() { "/" } else { root_path };
    document.servers = Some(vec![Server::new(url)]);
    // What is made of strings only can be written.
    serde_json::to_vec(&document).unwrap_or_default().into()
}
