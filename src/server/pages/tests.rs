//! Templates and translations, without a server.

use std::collections::BTreeSet;

use axum::http::header::ORIGIN;
use axum::http::{HeaderName, HeaderValue};
use minijinja::{Value, context};

use super::language::LANGUAGES;
use super::*;
use crate::domain::agent::AgentId;
use crate::server::assets::Web;
use crate::server::error::Cause;
use crate::server::forwarded::Arrival;
use crate::server::origin::require_own;
use crate::server::session::require_admin;
use crate::store::StoreError;

/// Bytes of a page with all that it needs.
const WEIGHT_MAX: usize = 100_000;

pub(super) fn site() -> Site {
    Site::read(&Web::new(false), "/root").expect("templates and translations")
}

/// What every page has, for an administrator.
pub(super) fn around(path: &str) -> Value {
    let session = context! { email => "admin@example.org", is_admin => true, csrf => "token" };
    context! { session, root => "/root", path, address => path }
}

/// A page in every language, which is sound.
pub(super) fn pages(site: &Site, template: &str, data: &Value) -> Vec<String> {
    let render = |language| site.render(template, language, context! { ..data.clone(), ..around("/admin") });
    let pages =
        LANGUAGES.into_iter().map(|language| render(language).unwrap_or_else(|error| panic!("{error}")));
    pages.inspect(|page| assert_sound(page, template)).collect()
}

/// Whether a page keeps to the content security policy, names files that there are, and is light.
pub(super) fn assert_sound(page: &str, name: &str) {
    let mut assets = Vec::new();
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let attributes: Vec<_> =
            tag.split('"').step_by(2).filter_map(|part| part.trim().strip_suffix('=')).collect();
        let attributes = attributes.iter().filter_map(|part| part.split_whitespace().last());
        for attribute in attributes {
            assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: <{tag}>");
        }
        assert!(!tag.starts_with("style"), "{name}: <{tag}>");
        assert!(!tag.starts_with("script") || tag.contains(" src=\""), "{name}: <{tag}>");
        assets.extend(tag.split('"').filter_map(|value| value.strip_prefix("/root/static/")));
    }
    assets.sort_unstable();
    assets.dedup();
    let web = Web::new(false);
    let hashes = web.assets();
    let mut weight = page.len();
    for asset in assets {
        let (file, _) = hashes
            .iter()
            .find(|(file, hash)| crate::server::assets::hashed_name(file, hash) == asset)
            .unwrap_or_else(|| panic!("{name}: there is no {asset}"));
        weight += web.file(&format!("static/{file}")).expect("a file").len();
    }
    assert!(weight < WEIGHT_MAX, "{name}: {weight} bytes");
    assert!(!page.contains("{{") && !page.contains("{%"), "{name}");
    let opened =
        |tag: &str| page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
    for tag in [
        "div", "section", "table", "tr", "td", "th", "dl", "form", "p", "ul", "svg", "details", "figure", "a",
    ] {
        assert_eq!(opened(tag), page.matches(&format!("</{tag}>")).count(), "{name}: <{tag}>\n{page}");
    }
    let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "{name}: an id stands twice: {ids:?}");
}

#[test]
fn the_shell_renders_in_every_language() {
    let site = site();
    let refused = context! { kind => "not_found", message => "<no>" };
    for (template, data) in [("refused.html", refused)] {
        for (page, language) in pages(&site, template, &data).into_iter().zip(LANGUAGES) {
            assert!(page.contains(&format!("lang=\"{language}\"")), "{page}");
            assert!(page.contains("<a href=\"/root/admin\" aria-current=\"page\">"), "{page}");
            assert!(!page.contains("<no>"), "{page}");
            assert!(page.starts_with("<!doctype html>"), "{page}");
        }
    }
}

#[test]
fn text_is_escaped_and_paths_stay_readable() {
    let message = "a/b & <i> \" ' é";
    let page = &pages(&site(), "refused.html", &context! { kind => "not_found", message })[0];
    assert!(page.contains("a/b &amp; &lt;i&gt; &quot; &#39; é"), "{page}");
}

#[test]
fn a_reader_who_has_not_logged_in_sees_no_tabs() {
    let data = context! { session => (), root => "", path => "/", address => "/", kind => "not_found", message => "" };
    let page = site().render("refused.html", "en", data).expect("a page");
    assert!(!page.contains("<nav"), "{page}");
    assert!(page.contains("name=\"language\" value=\"ru\""), "{page}");
}

/// What a page can refuse with, as the code says it.
fn refusals() -> Vec<String> {
    let causes = ["logins", "queue", "closing"].map(|word| Refusal::Unavailable(Cause::word(word)));
    let own = [
        Refusal::Unauthorized,
        Refusal::Slow(std::time::Duration::from_secs(30)),
        Refusal::Internal("a secret".into()),
    ];
    let viewer = Session { email: "v@example.org".into(), role: Role::Viewer, csrf: String::new() };
    let arrival = Arrival { client: None, is_https: false, host: Some("here".into()) };
    let from = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
    let origins =
        [from(ORIGIN, "http://elsewhere"), from(HeaderName::from_static("sec-fetch-site"), "cross-site")];
    let checked =
        origins.iter().map(|headers| require_own(headers, &arrival)).chain([require_admin(&viewer)]);
    let said = checked.map(|checked| checked.expect_err("refused")).chain(own).chain(causes);
    let mut said: Vec<_> = said.map(Refusal::message).collect();
    said.extend(AgentId::try_from(String::new()).err());
    let stored = [
        StoreError::NotFound("channel 7".into()),
        StoreError::NotFound("key 3 of channel 7".into()),
        StoreError::NotFound("agent none".into()),
        StoreError::NotFound("run 7".into()),
        StoreError::NotFound("a report of run 7 (running)".into()),
        StoreError::NotFound("a report of run 7 (failed: the server was stopped)".into()),
    ];
    said.extend(stored.map(|error| Refusal::from(error).message()));
    said.extend(SAID.map(str::to_owned));
    said
}

/// The same, where it is said in the middle of what needs a server.
const SAID: [&str; 21] = [
    "nothing answers GET /none",
    "/admin does not take DELETE",
    "it takes the fields of a form",
    "the form cannot be read: missing field `x`",
    "this form belongs to another session; load its page again, and send it once more",
    "the body did not arrive in time",
    "the body is longer than 65536 bytes",
    "the body did not arrive: connection reset",
    "key none not found",
    "kind: a key is for write or for read",
    "key 3 of channel 7 is run 9's, and ends with it: there is nothing to replace",
    "channel 7 has 100 keys, the most there can be",
    "language: pages speak en and ru",
    "this is not a number that can be used here",
    "it takes one of baseline, medium",
    "name a channel, or say \"scratch\": true for one that is made for the run",
    "it takes 1s to 10m here, as STRESS_TEST_MAX_DURATION says",
    "run 7 is going on",
    "run 7 has ended: it is completed",
    "run 7 was not started by this server: it is ended where it was started",
    "run 7 has been going on since 2026-11-21 21:04 UTC, process 12; one goes on at a time",
];

#[test]
fn whatever_refuses_is_said_in_russian() {
    let site = site();
    let russian = site.words("ru").expect("Russian");
    for message in refusals() {
        let said = russian.translated(&message).unwrap_or_else(|| panic!("no phrase for: {message}"));
        assert!(said.chars().any(|letter| ('а'..='я').contains(&letter)), "{message}: {said}");
    }
    let said = russian.translated("agent none was sent not found");
    assert_eq!(said.as_deref(), Some("агент none was sent не найден"), "a name is not translated");
}

/// The keys of a translation, as `area.key`.
fn keys(path: &str, tree: &serde_json::Value, found: &mut BTreeSet<String>) {
    match tree.as_object() {
        Some(map) if !map.contains_key("one") => {
            for (key, tree) in map {
                keys(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, tree, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// Every word is on some page: by its whole name after `t.` or between quotation marks, or by the beginning of its name and
/// an index.
#[test]
fn no_translation_is_unused() {
    let web = Web::new(false);
    let template = |name: String| {
        String::from_utf8(web.file(&format!("templates/{name}")).expect("a template").into_owned())
    };
    let mut text =
        web.names("templates").into_iter().map(|name| template(name).expect("UTF-8")).collect::<String>();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path.clone());
            } else {
                text.push_str(&std::fs::read_to_string(path).expect("a file"));
            }
        }
    }
    let mut all = BTreeSet::new();
    // Phrases are found by what the domain says.
    for name in web.names("translations/en").into_iter().filter(|name| name != "phrases.json") {
        let tree = serde_json::from_slice(&web.file(&format!("translations/en/{name}")).expect("a file"))
            .expect("JSON");
        keys(name.trim_end_matches(".json"), &tree, &mut all);
    }
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    let named = |key: &str| {
        text.match_indices(&format!("t.{key}")).any(|(at, found)| ends(&text[at + found.len()..]))
    };
    let quoted = |key: &str| text.contains(&format!("\"{key}\""));
    let indexed = |key: &str| {
        let beginnings = key.match_indices('.').map(|(at, _)| &key[..at]);
        beginnings.into_iter().any(|beginning| {
            text.contains(&format!("t.{beginning}[")) || text.contains(&format!("\"{beginning}.{{"))
        })
    };
    // So are sayings.
    all.retain(|key| !key.starts_with("criteria.sayings."));
    let unused: Vec<_> = all.iter().filter(|key| !(named(key) || quoted(key) || indexed(key))).collect();
    assert!(unused.is_empty(), "nothing says {unused:?}");
}

/// Code asks for words by `.text("area.key")`.
#[test]
fn every_word_that_code_asks_for_is_there() {
    let site = site();
    let words = site.words("en").expect("English");
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/pages")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            if path.extension().is_none_or(|suffix| suffix != "rs") || path.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a file");
            for after in text.split(".text(\"").skip(1) {
                let key = after.split('"').next().unwrap_or_default();
                assert!(
                    !key.contains('.') || key.contains('{') || words.text(key) != key,
                    "{key} in {path:?}"
                );
            }
        }
    }
}
