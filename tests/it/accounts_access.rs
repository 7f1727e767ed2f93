//! Who gets where with a browser, and what other pages can have it do: every line of the route table.

use porta::server::routes::{Access, ROUTES, Route, spellings};

use crate::support::browser::{ADMIN, Answer, Browser, VIEWER};
use crate::support::wire::{FORM, exchange, request};
use crate::support::{Server, Workspace};

/// What answers those who have neither logged in nor brought a key, and has to.
const OPEN: [&str; 8] = [
    "/channels/public[.json]",
    "/health",
    "/ready",
    "/login",
    "/setup",
    "/language",
    "/static/{file}",
    "/api/openapi.json",
];

/// A path of the table, with something in the place of its parameters.
fn filled(route: &Route) -> String {
    let path = spellings(route.path).remove(0);
    let parts = path.split('/').map(|part| match part {
        "{file}" => "porta.css",
        part if part.starts_with('{') => "1",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn is_unsafe(route: &Route) -> bool {
    route.method != "GET"
}

fn is_for_browsers(route: &Route) -> bool {
    matches!(route.access, Access::Page | Access::AdminPage | Access::Admin)
}

#[test]
fn what_lies_below_admin_is_for_administrators() {
    for route in ROUTES {
        let access = match route.path {
            path if path == "/admin" || path.starts_with("/admin/") => Access::AdminPage,
            path if path.starts_with("/api/admin") => Access::Admin,
            _ => continue,
        };
        assert_eq!(route.access, access, "{} {}", route.method, route.path);
    }
}

#[test]
fn without_logging_in_nothing_answers_but_what_must_be_open() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut refused = 0;
    for route in ROUTES {
        assert_eq!(
            route.access == Access::Open,
            OPEN.contains(&route.path),
            "{} {}",
            route.method,
            route.path
        );
        if !is_for_browsers(route) {
            continue;
        }
        let path = filled(route);
        for cookie in
            ["", "porta=", "porta=porta_0000000000000000000000000000000000000000000000000000000000000000"]
        {
            let headers = [("Cookie", cookie), ("Accept", "text/html"), ("Content-Type", FORM)];
            let answer = Answer::of(&exchange(&server, &request(route.method, &path, &headers, "")));
            let what = format!("{} {path} with {cookie}: {answer:?}", route.method);
            if route.access == Access::Admin {
                assert_eq!(answer.status, 401, "{what}");
            } else {
                assert_eq!(answer.status, 303, "{what}");
                assert!(answer.location().starts_with("/login"), "{what}");
            }
            assert!(!answer.body.contains(ADMIN), "{what}");
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn a_viewer_reaches_nothing_of_administrators() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut viewer = Browser::logged_in(&server, VIEWER);
    let csrf = viewer.csrf();
    let mut refused = 0;
    for route in ROUTES.iter().filter(|route| matches!(route.access, Access::AdminPage | Access::Admin)) {
        let answer = send(&mut viewer, route, Some(&csrf), &[("Origin", "http://x")]);
        let what = format!("{} {}: {answer:?}", route.method, route.path);
        assert_eq!(answer.status, 403, "{what}");
        let is_page = answer.header("content-type").unwrap().starts_with("text/html");
        assert_eq!(is_page, route.access == Access::AdminPage, "{what}");
        refused += 1;
    }
    assert!(refused > 10, "{refused}");
    for path in ["/", "/account"] {
        assert_eq!(viewer.get(path).status, 200, "{path}");
    }
    assert!(!viewer.get("/").body.contains("href=\"/admin"), "a viewer is shown no way there");
    let mut admin = Browser::logged_in(&server, ADMIN);
    assert_eq!(admin.get("/").location(), "/admin");
    assert_eq!(admin.get("/admin").status, 200);
    assert_eq!(admin.get("/api/admin/channels").body, "[]");
}

/// Where a request says that it comes from, and whether that is one of porta's own pages.
const ORIGINS: [(&[(&str, &str)], bool); 9] = [
    (&[("Origin", "http://x"), ("Sec-Fetch-Site", "same-origin")], true),
    (&[("Origin", "http://x")], true),
    (&[], true), // no browser
    (&[("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")], false),
    (&[("Origin", "http://evil.example")], false),
    (&[("Origin", "http://x:8080")], false),
    (&[("Origin", "null")], false),
    (&[("Sec-Fetch-Site", "cross-site")], false),
    (&[("Sec-Fetch-Site", "same-site")], false),
];

/// Sends a request with the token where this kind of route takes it.
fn send(browser: &mut Browser<'_>, route: &Route, csrf: Option<&str>, origin: &[(&str, &str)]) -> Answer {
    let path = filled(route);
    let mut headers = origin.to_vec();
    let mut body = String::new();
    match (route.access, csrf) {
        (Access::Admin, csrf) => {
            headers.push(("Content-Type", "application/json"));
            body = r#"{"name":"n"}"#.into();
            headers.extend(csrf.map(|csrf| ("X-CSRF-Token", csrf)));
        }
        (_, csrf) => {
            headers.push(("Content-Type", FORM));
            body.extend(csrf.map(|csrf| format!("csrf={csrf}")));
            // A token elsewhere is none.
            headers.push(("X-CSRF-Token", "0"));
        }
    }
    if !is_unsafe(route) {
        body.clear();
    }
    browser.send(route.method, &path, &headers, &body)
}

/// Every route that changes something, with an administrator's cookie, with and without the session's token, from porta's own
/// pages and from others.
#[test]
fn no_other_page_can_have_a_browser_change_anything() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let other = Browser::logged_in(&server, ADMIN).csrf();
    let is_tried = |route: &&Route| is_unsafe(route) && is_for_browsers(route);
    let (mut refused, mut let_in) = (0, 0);
    for route in ROUTES.iter().filter(is_tried) {
        let csrf = admin.csrf();
        for (name, token) in [("none", None), ("wrong", Some(other.as_str())), ("empty", Some(""))] {
            for (origin, _) in ORIGINS {
                let answer = send(&mut admin, route, token, origin);
                let what = format!("{} {} {name} {origin:?}: {answer:?}", route.method, route.path);
                assert_eq!(answer.status, 403, "{what}");
                refused += 1;
            }
        }
        for (origin, is_own) in ORIGINS {
            if !admin.is_logged_in() {
                admin = Browser::logged_in(&server, ADMIN);
            }
            let csrf = if is_own { admin.csrf() } else { csrf.clone() };
            let answer = send(&mut admin, route, Some(&csrf), origin);
            let what = format!("{} {} right {origin:?}: {answer:?}", route.method, route.path);
            assert_eq!(answer.status == 403, !is_own, "{what}");
            if is_own {
                let_in += 1;
            } else {
                refused += 1;
                assert!(admin.is_logged_in(), "{what}");
            }
        }
    }
    assert!(refused > 200 && let_in > 20, "{refused} {let_in}");
}

/// What everybody may do with a form: to log in, to create the first account, to choose a language.
#[test]
fn no_other_page_can_send_an_open_form() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::new(&server);
    let csrf = browser.get("/login").field("csrf").unwrap();
    let body = format!("csrf={csrf}&email={ADMIN}&password=x&language=ru");
    let open = ROUTES.iter().filter(|route| is_unsafe(route) && route.access == Access::Open);
    let mut seen = 0;
    for (route, (origin, is_own)) in open.flat_map(|route| ORIGINS.map(|origin| (route, origin))) {
        let mut headers = origin.to_vec();
        headers.push(("Content-Type", FORM));
        let answer = browser.clone().send(route.method, route.path, &headers, &body);
        let what = format!("{} {origin:?}: {answer:?}", route.path);
        assert_eq!(answer.body.contains("sent by a page"), !is_own, "{what}");
        assert!(is_own || answer.status == 403 && answer.header("set-cookie").is_none(), "{what}");
        seen += 1;
    }
    assert!(seen >= 3 * ORIGINS.len(), "{seen}");
}

#[test]
fn a_program_needs_no_token_of_a_form_and_a_wrong_key_is_not_mended_by_a_cookie() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let create = |browser: &mut Browser<'_>, bearer: &str| {
        browser.send("POST", "/api/admin/channels", &[("Authorization", bearer)], r#"{"name":"n"}"#).status
    };
    assert_eq!(create(&mut Browser::new(&server), &bearer), 201);
    let mut admin = Browser::logged_in(&server, ADMIN);
    assert_eq!(create(&mut admin, "Bearer wrong"), 401);
    assert_eq!(
        admin.send("GET", "/api/admin/channels", &[("Authorization", "Bearer wrong")], "").status,
        401
    );
    let basic = [("Authorization", "Basic YTpi")];
    let answer = admin.send("GET", "/api/admin/channels", &basic, "");
    assert_eq!(answer.status, 200, "a proxy's password is not porta's business");
    // A session's token is no bearer token, nor the other way round.
    let session = format!("Bearer {}", admin.cookies["porta"]);
    assert_eq!(create(&mut Browser::new(&server), &session), 401);
    let mut forged = Browser::new(&server);
    forged.cookies.insert("porta".into(), token["token"].as_str().unwrap().into());
    assert_eq!(forged.get("/account").status, 303);
}

/// A form in the place of another one's, and what is none.
#[test]
fn what_a_form_sends_is_looked_at() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let csrf = admin.csrf();
    let own = [("Origin", "http://x")];
    for (content_type, body, status) in [
        (FORM, format!("csrf={csrf}&action=nonsense"), 422),
        (FORM, format!("csrf={csrf}"), 422),
        (FORM, format!("action=password&csrf={csrf}"), 422),
        ("application/json", format!("{{\"csrf\":\"{csrf}\"}}"), 422),
        ("text/plain", format!("csrf={csrf}&action=log_out_everywhere"), 422),
        (FORM, format!("csrf={csrf}&x={}", "x".repeat(70_000)), 413),
        (FORM, format!("csrf={csrf}x&action=log_out_everywhere"), 403),
    ] {
        let headers = [own[0], ("Content-Type", content_type)];
        let answer = admin.send("POST", "/account", &headers, &body);
        assert_eq!(answer.status, status, "{content_type}: {answer:?}");
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{answer:?}");
    }
    assert!(admin.is_logged_in());
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[test]
fn pages_and_the_api_tell_browsers_what_not_to_do_and_devices_are_spared() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let protective = |answer: &Answer| {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        policy == POLICY
            && answer.header("x-content-type-options") == Some("nosniff")
            && answer.header("referrer-policy") == Some("same-origin")
            && answer.header("x-frame-options") == Some("DENY")
            && answer.header("cross-origin-opener-policy") == Some("same-origin")
            && answer.header("cross-origin-resource-policy") == Some("same-origin")
    };
    for path in [
        "/admin",
        "/account",
        "/login",
        "/setup",
        "/nothing",
        "/admin/nothing",
        "/api/admin/channels",
        "/api/x",
    ] {
        let answer = admin.get(path);
        assert!(protective(&answer), "{path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    let asset = admin.get("/static/porta.svg");
    assert!(protective(&asset) && asset.header("cache-control") != Some("no-store"), "{asset:?}");
    for path in
        [&format!("/update?api_key={}&field1=1", channel.write_key), "/update", "/channels/public.json"]
    {
        let answer = admin.get(path);
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        let known = [
            "content-type",
            "content-length",
            "access-control-allow-origin",
            "date",
            "x-request-id",
            "x-content-type-options",
            "connection",
        ];
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}: what it holds is a device's"
        );
        assert!(names.iter().all(|name| known.contains(name)), "{path}: {answer:?}");
    }
}

/// `HEAD` is let in where `GET` is, and nowhere else; what the table does not have is refused, whoever asks.
#[test]
fn other_methods_open_nothing() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let mut viewer = Browser::logged_in(&server, VIEWER);
    let csrf = admin.csrf();
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| is_for_browsers(route)) {
        let has = |method: &str| ROUTES.iter().any(|own| (own.method, own.path) == (method, route.path));
        let path = filled(route);
        for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "BREW"] {
            let is_head = method == "HEAD" && has("GET");
            if has(method) {
                continue;
            }
            let own = [("Origin", "http://x"), ("X-CSRF-Token", csrf.as_str()), ("Content-Type", FORM)];
            let stranger = Browser::new(&server).send(method, &path, &own, "");
            let what = format!("{method} {path}: {stranger:?}");
            let expected = match route.access {
                _ if !is_head => 405,
                Access::Admin => 401,
                _ => 303,
            };
            assert_eq!(stranger.status, expected, "{what}");
            assert_eq!(stranger.header("access-control-allow-origin"), None, "{what}");
            if is_head {
                assert!(stranger.body.is_empty(), "{what}");
                let is_for_admins = route.access != Access::Page;
                assert_eq!(viewer.send(method, &path, &own, "").status == 403, is_for_admins, "{what}");
            } else {
                assert_eq!(admin.send(method, &path, &own, &format!("csrf={csrf}")).status, 405, "{what}");
            }
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(admin.is_logged_in());
}

/// Whatever is refused: an administrator has the tabs, and the language switch leads to what can be loaded.
#[test]
fn a_refused_page_knows_who_looks_at_it_and_where_they_are() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let csrf = admin.csrf();
    let own = [("Origin", "http://x"), ("Content-Type", FORM), ("Accept", "text/html")];
    for (method, path, body, status, back) in [
        ("GET", "/admin/channels/999", "", 404, "/admin/channels/999"),
        ("GET", "/admin/nothing?a=b", "", 404, "/admin/nothing?a=b"),
        ("GET", "/nothing", "", 404, "/"),
        ("PUT", "/admin/channels/1", "", 405, "/admin/channels/1"),
        ("GET", "/admin/channels/1/keys", "", 405, "/admin/channels/1/keys"),
        ("POST", "/admin/channels/1/keys", "kind=x", 400, "/admin/channels/1"),
        ("POST", "/admin/channels/1/keys/9/revoke", "", 404, "/admin/channels/1/keys/9"),
        ("POST", "/admin/channels/1/keys/9/x/y", "", 404, "/admin/channels/1/keys/9"),
        ("POST", "/admin/channels/1/settings", "name=", 422, "/admin/channels/1"),
        ("POST", "/account?a=b", "action=x", 422, "/account?a=b"),
        ("POST", "/language", "language=xx", 400, "/"),
    ] {
        let page = admin.send(method, path, &own, &format!("csrf={csrf}&{body}"));
        let what = format!("{method} {path}: {page:?}");
        assert_eq!(page.status, status, "{what}");
        assert!(page.body.contains("<nav class=\"tabs\"") && page.body.contains(ADMIN), "{what}");
        assert_eq!(page.field("return").as_deref(), Some(back), "{what}");
        assert!(method != "POST" || admin.get(back).status != 405, "{what}");
    }
    for path in ["/logout", "/account", "/admin/channels/1/keys"] {
        let page = admin.send("POST", path, &own, "csrf=x");
        assert!(page.status == 403 && page.body.contains("<nav class=\"tabs\""), "{page:?}");
        let back = page.field("return").unwrap();
        assert!([200, 303].contains(&admin.get(&back).status), "{back}");
    }
    let refused = Browser::logged_in(&server, VIEWER).get("/admin/channels");
    assert!(refused.status == 403 && refused.body.contains(VIEWER), "{refused:?}");
    assert!(!refused.body.contains("<nav class=\"tabs\""), "{refused:?}");
    let stranger = Browser::new(&server).send("GET", "/admin/nothing", &own, "");
    assert!(stranger.status == 404 && !stranger.body.contains("<nav class=\"tabs\""), "{stranger:?}");
}

/// Loaded once more, or in another language, it made other keys, and these were gone.
#[test]
fn keys_that_were_just_made_can_be_looked_at_again_by_whoever_made_them() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let mut other = Browser::logged_in(&server, ADMIN);
    for (path, fields, keys) in [
        ("/admin/channels", &[("name", "c")][..], 2),
        ("/admin/channels/1/keys", &[("kind", "write")], 3),
        ("/admin/channels/1/keys/1/rotate", &[], 3),
    ] {
        let answer = admin.submit(path, fields);
        assert_eq!((answer.status, answer.location()), (303, "/admin/channels/1/new-keys"));
        let place = answer.location().to_owned();
        let shown = admin.get(&place);
        assert!(shown.status == 200 && shown.body.contains("<nav class=\"tabs\""), "{shown:?}");
        assert_eq!(shown.field("return").as_deref(), Some(place.as_str()));
        assert_eq!(admin.get(&place).body, shown.body);
        assert_eq!(other.get(&place).location(), "/admin/channels/1#keys");
        let listed = admin.get("/api/admin/channels/1/keys");
        assert_eq!(listed.body.matches("\"prefix\"").count(), keys, "{listed:?}");
    }
    assert_eq!(admin.get("/admin/channels/2").status, 404);
}

/// What a database with a fault cannot give is a page that says which fault it is, and what to do.
#[test]
fn a_page_that_the_database_refuses_says_why() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&["--worker-timeout", "30s"]);
    let mut admin = Browser::logged_in(&server, ADMIN);
    let csrf = admin.csrf();
    let other = workspace.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let page = admin.post("/admin/channels", &[("csrf", &csrf), ("name", "c")]);
    assert_eq!(page.status, 503, "{page:?}");
    for words in ["another process has been holding the database", "fuser porta.db", "<nav class=\"tabs\""] {
        assert!(page.body.contains(words), "{words}: {page:?}");
    }
    let headers = [("X-CSRF-Token", csrf.as_str()), ("Content-Type", "application/json")];
    let answer = admin.send("POST", "/api/admin/channels", &headers, r#"{"name":"c"}"#);
    assert!(answer.status == 503 && answer.body.contains("another process has been holding"), "{answer:?}");
    other.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_browser_that_asks_for_what_is_not_there_gets_a_page() {
    let workspace = Workspace::new();
    let server: Server = workspace.serve(&[]);
    let kind = |path: &str, accept: &str| {
        let headers = [("Accept", accept), ("Accept-Language", "ru")];
        let answer = Answer::of(&exchange(&server, &request("GET", path, &headers, "")));
        assert_eq!(answer.status, 404, "{path}");
        answer.header("content-type").unwrap().to_owned()
    };
    let of_browsers = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (path, accept, expected) in [
        ("/nothing", of_browsers, "text/html; charset=utf-8"),
        ("/admin/nothing", of_browsers, "text/html; charset=utf-8"),
        ("/admin/nothing", "*/*", "text/html; charset=utf-8"),
        ("/nothing", "*/*", "application/json"),
        ("/api/nothing", of_browsers, "application/json"),
        ("/channels/1/nothing", of_browsers, "application/json"),
        ("/agent/nothing", of_browsers, "application/json"),
    ] {
        assert_eq!(kind(path, accept), expected, "{path} {accept}");
    }
}
