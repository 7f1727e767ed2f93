//! Behind a proxy: below a path, over TLS, and what is believed of whom.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Response, redirect};

use crate::support::browser::{ADMIN, Answer, Browser, PASSWORD};
use crate::support::proxy::Proxy;
use crate::support::wire::{FORM, exchange, request};
use crate::support::{Server, Workspace};

/// A browser of another make, which goes through the proxy.
struct Visitor {
    client: Client,
    origin: String,
    cookies: Vec<String>,
}

impl Visitor {
    fn new(origin: String) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, origin, cookies: Vec::new() }
    }

    async fn get(&mut self, path: &str) -> Response {
        let request =
            self.client.get(format!("{}{path}", self.origin)).header(COOKIE, self.cookies.join("; "));
        self.keep(request.send().await.unwrap())
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(format!("{}{path}", self.origin)).body(body);
        let request = request.header(COOKIE, self.cookies.join("; ")).header(ORIGIN, &self.origin);
        self.keep(request.header("Content-Type", FORM).send().await.unwrap())
    }

    fn keep(&mut self, response: Response) -> Response {
        for cookie in cookies(response.headers()) {
            let pair = cookie.split(';').next().unwrap().to_owned();
            let name = format!("{}=", pair.split('=').next().unwrap());
            self.cookies.retain(|kept| !kept.starts_with(&name));
            if pair.len() > name.len() {
                self.cookies.push(pair);
            }
        }
        response
    }

    /// Logs in by the form at `root`/login, and returns the answer.
    async fn log_in(&mut self, root: &str) -> Response {
        let page = self.get(&format!("{root}/login?next=%2Faccount")).await.text().await.unwrap();
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
        let csrf = csrf.split('"').next().unwrap();
        let fields = [("csrf", csrf), ("email", ADMIN), ("password", PASSWORD)];
        self.post(&format!("{root}/login?next=%2Faccount"), &fields).await
    }
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

/// What an operator writes for a path, with the path taken away or not.
const STRIPPING: &str =
    "listen LISTEN; location /porta/ { proxy_pass http://PORTA/; proxy_set_header Host $http_host; }";
const NOT_STRIPPING: &str =
    "listen LISTEN; location /porta/ { proxy_pass http://PORTA; proxy_set_header Host $http_host; }";

#[tokio::test(flavor = "multi_thread")]
async fn pages_work_below_a_path_whether_the_proxy_takes_it_away_or_not() {
    for lines in [STRIPPING, NOT_STRIPPING] {
        let workspace = Workspace::new();
        let channel = workspace.create_channel("c");
        let server = workspace.serve_people(&["--root-path", "/porta/"]);
        let proxy = Proxy::start(&workspace, &server, lines);
        let mut visitor = Visitor::new(format!("http://127.0.0.1:{}", proxy.port));
        let first = visitor.get("/porta/").await;
        assert_eq!((first.status().as_u16(), location(&first)), (303, "/porta/login"), "{lines}");
        let refused = visitor.get("/porta/account").await;
        assert_eq!(location(&refused), "/porta/login?next=%2Faccount", "{lines}");
        let done = visitor.log_in("/porta").await;
        assert_eq!((done.status().as_u16(), location(&done)), (303, "/porta/account"), "{lines}");
        let session =
            cookies(done.headers()).into_iter().find(|cookie| cookie.starts_with("porta+porta=")).unwrap();
        assert!(session.ends_with("; HttpOnly; SameSite=Strict; Path=/porta"), "{session}");
        let page = visitor.get("/porta/account").await.text().await.unwrap();
        let addresses: Vec<_> = page
            .split(['"', '\''])
            .filter(|part| part.starts_with('/') && !part.starts_with("/>"))
            .map(str::to_owned)
            .collect();
        assert!(addresses.len() > 5, "{page}");
        for address in addresses {
            // What the language switch leads back to is without it, and is given it then.
            if address == "/account" {
                continue;
            }
            assert!(address.starts_with("/porta/"), "{address}: {page}");
            if address.contains("/static/") {
                assert_eq!(visitor.get(&address).await.status(), 200, "{address}");
            }
        }
        assert_eq!(location(&visitor.get("/porta/").await), "/porta/admin");
        assert_eq!(visitor.get("/porta/admin").await.status(), 200);
        let language = visitor.post("/porta/language", &[("language", "ru"), ("return", "/login")]).await;
        assert_eq!((language.status().as_u16(), location(&language)), (303, "/porta/login"));
        let update = visitor.get(&format!("/porta/update?api_key={}&field1=1", channel.write_key)).await;
        assert_eq!(update.text().await.unwrap(), "1", "devices find it there, too");
        assert_eq!(visitor.get("/porta/nothing").await.status(), 404);
        // Directly it is the same with and without the path.
        assert_eq!(Browser::new(&server).get("/porta/health").status, 200);
        assert_eq!(Browser::new(&server).get("/health").status, 200);
        assert_eq!(Browser::new(&server).get("/portahealth").status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_trusted_says_that_it_speaks_tls_and_for_whom() {
    let workspace = Workspace::new();
    // What stands before it is not nginx's TLS but its word: porta cannot tell the difference.
    let lines = "listen LISTEN; location / { proxy_pass http://PORTA; proxy_set_header X-Forwarded-Host porta.example; \
                 proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }";
    workspace.create_user(ADMIN, "admin");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1,::1"];
    let server = Server::start(workspace.command(&arguments));
    let proxy = Proxy::start(&workspace, &server, lines);
    let mut visitor = Visitor::new(format!("http://127.0.0.1:{}", proxy.port));
    let foreign = visitor.log_in("").await;
    assert_eq!(foreign.status(), 403, "the page was https://porta.example's, the form came from another");
    let page = visitor.get("/login").await.text().await.unwrap();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = format!("csrf={csrf}&email={ADMIN}&password={PASSWORD}");
    let log_in =
        visitor.client.post(format!("{}/login", visitor.origin)).header("Content-Type", FORM).body(fields);
    let log_in = log_in.header(COOKIE, visitor.cookies.join("; ")).header(ORIGIN, "https://porta.example");
    let done = log_in.header("X-Forwarded-For", "203.0.113.9").send().await.unwrap();
    assert_eq!((done.status().as_u16(), location(&done)), (303, "/"));
    let set = cookies(done.headers());
    assert_eq!(set.len(), 3, "{set:?}");
    for cookie in &set {
        assert!(cookie.starts_with("__Host-porta"), "{cookie}");
        assert!(cookie.contains("; HttpOnly; SameSite=Strict; Secure; Path=/"), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    visitor.keep(done);
    assert_eq!(visitor.get("/account").await.status(), 200);
    let metrics = visitor.get("/metrics").await;
    assert_eq!(metrics.status(), 401, "what a proxy passes on is not this machine's");
    drop(proxy);
    let ended = server.stop();
    let said = "logged in account=1 client=\"203.0.113.9\"";
    assert!(ended.stderr.contains(said), "nginx's client is trusted, too: {}", ended.stderr);
}

/// The session's cookie as it is set for a login with these headers. The host is `porta.example`.
fn session_cookie(server: &Server, headers: &[(&str, &str)], origin: &str) -> Answer {
    let mut browser = Browser::new(server);
    browser.headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let csrf = browser.get("/login").field("csrf").unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("csrf", csrf.as_str()), ("email", ADMIN), ("password", PASSWORD)])
        .finish();
    browser.send("POST", "/login", &[("Origin", origin), ("Content-Type", FORM)], &body)
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let workspace = Workspace::new();
    let stranger = workspace.serve_people(&["--trusted-proxy", "192.0.2.1"]);
    let trusted = workspace.serve(&["--trusted-proxy", "127.0.0.1"]);
    let https = [("X-Forwarded-Proto", "https")];
    let plain = session_cookie(&stranger, &https, "http://x");
    assert!(plain.cookie("porta").is_some_and(|cookie| !cookie.contains("Secure")), "{plain:?}");
    let secure = session_cookie(&trusted, &https, "https://x");
    assert!(
        secure.cookie("__Host-porta").is_some_and(|cookie| cookie.contains("; Secure; Path=/")),
        "{secure:?}"
    );
    assert_eq!(
        session_cookie(&trusted, &https, "http://x").status,
        403,
        "a page without TLS is another origin"
    );
    let hosts = [("X-Forwarded-Host", "porta.example")];
    assert_eq!(session_cookie(&stranger, &hosts, "http://porta.example").status, 403);
    assert_eq!(session_cookie(&stranger, &hosts, "http://x").status, 303);
    assert_eq!(session_cookie(&trusted, &hosts, "http://porta.example").status, 303);
    assert_eq!(session_cookie(&trusted, &hosts, "http://x").status, 403);
    // Over TLS a cookie without the prefix may be anybody's, and the other way round.
    let mut browser = Browser::new(&trusted);
    let token = session_cookie(&trusted, &[], "http://x")
        .cookie("porta")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    browser.cookies.insert("porta".into(), token.strip_prefix("porta=").unwrap().into());
    assert!(browser.is_logged_in());
    browser.headers.push(("X-Forwarded-Proto".into(), "https".into()));
    assert!(!browser.is_logged_in());
}

#[test]
fn a_root_path_is_part_of_secure_cookies_only_as_their_prefix_allows() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&["--root-path", "/porta", "--trusted-proxy", "127.0.0.1"]);
    let secure = session_cookie(&server, &[("X-Forwarded-Proto", "https")], "https://x");
    assert!(secure.cookie("__Host-porta+porta").unwrap().ends_with("; Secure; Path=/"), "{secure:?}");
    assert_eq!(secure.location(), "/porta/");
}

#[test]
fn what_cannot_be_a_root_path_or_a_proxy_is_refused() {
    let workspace = Workspace::new();
    for (argument, value, words) in [
        ("--root-path", "porta", "write a path such as /porta"),
        ("--root-path", "/a/../b", "write a path such as /porta"),
        ("--root-path", "//evil.example", "write a path such as /porta"),
        ("--root-path", "/admin", "is a path of porta's own"),
        ("--trusted-proxy", "localhost", "write the addresses of proxies"),
        ("--trusted-proxy", "127.0.0.1,10.0.0.0/8", "write the addresses of proxies"),
    ] {
        let ended = workspace.porta(&["serve", "--listen", "127.0.0.1:0", argument, value]);
        assert_eq!(ended.code, Some(2), "{value}: {ended:?}");
        assert!(ended.stderr.contains(words), "{value}: {}", ended.stderr);
    }
}

/// Headers that a browser cannot send, and lines that are not one.
#[test]
fn no_header_gets_into_an_answer() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&["--root-path", "/porta", "--trusted-proxy", "127.0.0.1"]);
    for path in [
        "/account%0d%0aX-Evil:%201",
        "/porta/account?a=%0d%0aX-Evil:1",
        "//evil.example/%2e%2e",
        "/porta//evil.example",
    ] {
        let headers = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https,http")];
        let answer = Answer::of(&exchange(&server, &request("GET", path, &headers, "")));
        assert!(answer.headers.iter().all(|(name, _)| name != "x-evil"), "{path}: {answer:?}");
        if answer.status == 303 {
            assert!(answer.location().starts_with("/porta/login"), "{path}: {answer:?}");
        }
    }
}

/// Pages say where devices reach the server: what a stranger has said of that, or what is no host, is not repeated.
#[test]
fn the_address_for_devices_is_no_strangers() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let stranger = workspace.serve_people(&["--trusted-proxy", "192.0.2.1"]);
    let trusted = workspace.serve(&["--trusted-proxy", "127.0.0.1"]);
    for (server, host, is_shown) in [
        (&stranger, "evil.example", false),
        (&trusted, "porta.example", true),
        (&trusted, "evil.example/path", false),
        (&trusted, "x\"><script>evil.example", false),
    ] {
        let mut admin = Browser::logged_in(server, ADMIN);
        let page = admin.send("GET", "/admin/channels/1", &[("X-Forwarded-Host", host)], "");
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("/update"), "{page:?}");
        assert_eq!(page.body.contains(&format!("http://{host}")), is_shown, "{host}: {page:?}");
        assert!(!page.body.contains("evil.example"), "{host}: {page:?}");
    }
}

/// Servers that share a host share its cookies, over TLS those of every path.
#[test]
fn two_servers_behind_one_proxy_do_not_log_each_other_out() {
    let workspaces = [Workspace::new(), Workspace::new()];
    let servers = [("/a", &workspaces[0]), ("/b", &workspaces[1])].map(|(root, workspace)| {
        workspace.serve_people(&["--root-path", root, "--trusted-proxy", "127.0.0.1"])
    });
    let mut jar = std::collections::BTreeMap::new();
    for server in &servers {
        let mut browser = Browser::new(server);
        browser.cookies = jar;
        browser.headers.push(("X-Forwarded-Proto".into(), "https".into()));
        let csrf = browser.get("/login").field("csrf").unwrap();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", csrf.as_str()), ("email", ADMIN), ("password", PASSWORD)])
            .finish();
        let own = [("Origin", "https://x"), ("Content-Type", FORM)];
        browser.send("POST", "/login", &own, &body).location();
        jar = browser.cookies;
    }
    for server in &servers {
        let mut browser = Browser::new(server);
        browser.cookies = jar.clone();
        browser.headers.push(("X-Forwarded-Proto".into(), "https".into()));
        assert!(browser.is_logged_in(), "{jar:?}");
    }
}
