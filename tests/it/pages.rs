//! Pages, from the outside.

use reqwest::Client;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};

use crate::support::Workspace;

#[tokio::test]
async fn the_home_page_speaks_the_readers_language() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let client = Client::new();
    for (language, heading) in [("en", "Is my server well?"), ("ru-RU", "Всё ли в порядке с сервером?")]
    {
        let page = client.get(&server.url).header(ACCEPT_LANGUAGE, language).send().await.unwrap();
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let page = page.text().await.unwrap();
        assert!(page.contains(heading), "{page}");
        assert!(page.contains("porta admin channel create"), "an empty server says what to do first: {page}");
    }
    workspace.create_channel("c");
    let page = client.get(&server.url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("How much can it take?"), "{page}");
    let css = client.get(format!("{}/static/porta.css", server.url)).send().await.unwrap();
    assert_eq!(css.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
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
    for text in ["a {}", "b {}"] {
        std::fs::write(web.join("porta.css"), text).unwrap();
        let css = reqwest::get(format!("{}/static/porta.css", server.url)).await.unwrap();
        assert_eq!(css.text().await.unwrap(), text);
    }
}
