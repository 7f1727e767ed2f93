//! Pages, from the outside.

use reqwest::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LOCATION, SET_COOKIE,
};
use reqwest::{Client, Response, redirect};

use crate::support::browser::{Browser, VIEWER};
use crate::support::{Server, Workspace};

#[test]
fn the_home_page_speaks_the_readers_language() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, VIEWER);
    for (language, heading) in [("en", "Is my server well?"), ("ru-RU", "Всё ли в порядке с сервером?")]
    {
        browser.headers = vec![("Accept-Language".into(), language.into())];
        let page = browser.get("/");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.body.contains(heading), "{page:?}");
        assert!(
            page.body.contains("porta admin channel create"),
            "an empty server says what to do: {page:?}"
        );
    }
    workspace.create_channel("c");
    browser.headers.clear();
    let page = browser.get("/");
    assert!(page.body.contains("How much can it take?"), "{page:?}");
}

/// Chooses a language as the switch on the page at `back` does.
async fn choose(server: &Server, language: &str, back: &str) -> Response {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("language", language), ("return", back)])
        .finish();
    let post = client.post(format!("{}/language", server.url));
    post.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await.unwrap()
}

#[tokio::test]
async fn a_language_that_was_chosen_stays() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let chosen = choose(&server, "ru", "/?a=b").await;
    assert_eq!((chosen.status().as_u16(), chosen.headers()[LOCATION].to_str().unwrap()), (303, "/?a=b"));
    let cookie = chosen.headers()[SET_COOKIE].to_str().unwrap();
    let kept = cookie.split(';').next().unwrap();
    let page = Client::new().get(&server.url).header(ACCEPT_LANGUAGE, "en").header(COOKIE, kept);
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("lang=\"ru\""), "{page}");
    assert!(page.contains("value=\"en\""), "the switch leads back: {page}");
    for elsewhere in ["https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)", ""] {
        assert_eq!(choose(&server, "en", elsewhere).await.headers()[LOCATION], "/", "{elsewhere}");
    }
    let unknown = choose(&server, "<script>", "/").await;
    assert_eq!(unknown.status(), 400);
    assert!(!unknown.text().await.unwrap().contains("<script>"));
}

/// The addresses of the static files that a page names.
fn assets(page: &str) -> Vec<&str> {
    page.split(['"', '\'']).filter(|part| part.starts_with("/static/")).collect()
}

#[tokio::test]
async fn assets_are_kept_for_good_by_the_hash_in_their_address() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let client = Client::new();
    let page = client.get(&server.url).send().await.unwrap().text().await.unwrap();
    let named = assets(&page);
    assert!(named.len() >= 3, "{page}");
    for address in named {
        let answer = client.get(format!("{}{address}", server.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{address}");
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable", "{address}");
        let tag = answer.headers()[ETAG].clone();
        let again = client.get(format!("{}{address}", server.url)).header(IF_NONE_MATCH, tag);
        let again = again.send().await.unwrap();
        assert_eq!(again.status(), 304, "{address}");
        assert!(again.text().await.unwrap().is_empty());
    }
    for address in ["/static/porta.css", "/static/porta.0123456789abcdef.css"] {
        let css = client.get(format!("{}{address}", server.url)).send().await.unwrap();
        assert_eq!(css.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(css.headers()[CACHE_CONTROL], "no-cache", "{address}");
    }
}

#[tokio::test]
async fn files_outside_the_static_folder_are_not_served() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    for path in
        ["/static/nothing.css", "/static/..%2ftemplates%2fhome.html", "/static/%2fetc%2fpasswd", "/static/"]
    {
        let response = reqwest::get(format!("{}{path}", server.url)).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn debug_reads_the_folder_again_at_every_request() {
    let workspace = Workspace::new();
    let web = workspace.path().join("web/static");
    std::fs::create_dir_all(&web).unwrap();
    let server = workspace.serve(&["--debug"]);
    let mut tags = Vec::new();
    for text in ["a {}", "b {}"] {
        std::fs::write(web.join("porta.css"), text).unwrap();
        let css = reqwest::get(format!("{}/static/porta.css", server.url)).await.unwrap();
        tags.push(css.headers()[ETAG].clone());
        assert_eq!(css.text().await.unwrap(), text);
    }
    assert_ne!(tags[0], tags[1]);
}

#[tokio::test]
async fn people_are_refused_with_a_page() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let answer = reqwest::get(format!("{}/admin/%3Cb%3Enothing", server.url)).await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let page = answer.text().await.unwrap();
    assert!(page.contains("There is no such page") && !page.contains("<b>"), "{page}");
    let device = reqwest::get(format!("{}/nothing", server.url)).await.unwrap();
    assert_eq!(device.headers()[CONTENT_TYPE], "application/json");
}
