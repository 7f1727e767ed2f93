//! Logging in and out, and how long a session lasts.

use rusqlite::params;

use crate::support::browser::{ADMIN, Answer, Browser, PASSWORD, VIEWER};
use crate::support::watch::until;
use crate::support::{Server, Workspace};

/// A cookie without its value, as a browser keeps to it.
fn attributes(answer: &Answer, name: &str) -> String {
    let cookie = answer.cookie(name).unwrap_or_else(|| panic!("{name}: {answer:?}"));
    cookie.split_once("; ").unwrap().1.to_owned()
}

#[test]
fn who_logs_in_gets_a_session_and_who_does_not_learns_nothing() {
    let workspace = Workspace::new();
    workspace.create_user(ADMIN, "admin");
    let server = Server::start(workspace.command(&["serve", "--listen", "127.0.0.1:0"]));
    let wrong = Browser::new(&server).log_in(ADMIN, "kettle-moon-lake");
    let unknown = Browser::new(&server).log_in("eve@example.org", PASSWORD);
    for (answer, email) in [(&wrong, ADMIN), (&unknown, "eve@example.org")] {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.cookie("porta").is_none() && answer.cookie("porta-browser").is_none(), "{answer:?}");
        assert!(answer.body.contains(&format!("value=\"{email}\"")) && !answer.body.contains("kettle"));
    }
    let shape = |answer: &Answer, email: &str| {
        let csrf = answer.field("csrf").unwrap();
        answer.body.replace(email, "").replace(&csrf, "")
    };
    assert_eq!(shape(&wrong, ADMIN), shape(&unknown, "eve@example.org"), "it does not say which was wrong");
    let long = Browser::new(&server).log_in(ADMIN, &"x".repeat(300));
    assert_eq!(shape(&long, ADMIN), shape(&wrong, ADMIN));

    let mut browser = Browser::new(&server);
    let answer = browser.log_in(" ANN@Example.org", PASSWORD);
    assert_eq!(answer.location(), "/");
    assert_eq!(attributes(&answer, "porta"), "HttpOnly; SameSite=Strict; Path=/");
    assert_eq!(attributes(&answer, "porta-browser"), "HttpOnly; SameSite=Strict; Path=/; Max-Age=15552000");
    assert_eq!(attributes(&answer, "porta-form"), "HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    assert!(browser.is_logged_in());
    assert_eq!(
        browser.get("/login?next=/account").location(),
        "/account",
        "who has logged in need not again"
    );
    let token = browser.cookies["porta"].clone();
    let digest: Vec<u8> =
        workspace.database().query_row("SELECT hash FROM sessions", [], |row| row.get(0)).unwrap();
    let digits = token.trim_start_matches("porta_");
    let random: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let kept = |bytes: &[u8]| {
        let files =
            ["porta.db", "porta.db-wal"].map(|file| std::fs::read(workspace.path().join(file)).unwrap());
        files.iter().any(|file| file.windows(bytes.len()).any(|part| part == bytes))
    };
    assert!(kept(&digest));
    assert!(!kept(digits.as_bytes()) && !kept(&random), "only a digest is kept");

    let ended = server.stop();
    for line in [
        "logged in account=1 client=\"127.0.0.1\"",
        "a login has failed account=\"1\"",
        "a login has failed account=\"unknown\"",
    ] {
        assert!(ended.stderr.contains(line), "{line}: {}", ended.stderr);
    }
    for secret in [PASSWORD, "kettle", token.as_str(), "eve@example.org"] {
        assert!(!ended.stderr.contains(secret), "{secret}: {}", ended.stderr);
    }
}

#[test]
fn a_login_changes_the_token_and_a_log_out_ends_it() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::new(&server);
    // One that was foisted on the browser before is not what it logs in with.
    let foisted = format!("porta_{}", "a".repeat(64));
    browser.cookies.insert("porta".into(), foisted.clone());
    browser.log_in(ADMIN, PASSWORD).location();
    let mut first = browser.clone();
    assert_ne!(first.cookies["porta"], foisted);
    let form = Browser::new(&server).get("/login");
    assert_ne!(form.field("csrf"), Some(browser.csrf()));

    // The login page itself leads on where somebody has logged in: a login of somebody else is sent all the same.
    let mut other = Browser::new(&server);
    let csrf = other.get("/login").field("csrf").unwrap();
    browser.cookies.insert("porta-form".into(), other.cookies["porta-form"].clone());
    let before = browser.csrf();
    let again = browser.post("/login", &[("csrf", &csrf), ("email", VIEWER), ("password", PASSWORD)]);
    assert_eq!(again.location(), "/");
    assert!(!first.is_logged_in(), "the session before has ended");
    assert!(browser.get("/account").body.contains(VIEWER));
    assert_ne!(browser.csrf(), before);

    let mut stolen = browser.clone();
    let left = browser.submit("/logout", &[]);
    assert_eq!(left.location(), "/login");
    assert_eq!(attributes(&left, "porta"), "HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    assert!(!stolen.is_logged_in(), "it is the server that forgets it");
}

#[test]
fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    const HOUR: i64 = 3_600_000;
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, ADMIN);
    let database = workspace.database();
    let set = |created: i64, seen: i64| {
        let now = porta::clock::utc().0;
        let sql = "UPDATE sessions SET created_at_ms = ?1, last_seen_at_ms = ?2";
        assert_eq!(database.execute(sql, params![now - created, now - seen]).unwrap(), 1);
    };
    let seen = || -> i64 {
        database.query_row("SELECT last_seen_at_ms FROM sessions", [], |row| row.get(0)).unwrap()
    };
    set(6 * 24 * HOUR, 11 * HOUR);
    assert!(browser.is_logged_in());
    let now = porta::clock::utc().0;
    until("the session is noted as seen", || seen() > now - HOUR);
    let noted = seen();
    assert!(browser.is_logged_in());
    set(HOUR, 12 * HOUR);
    assert!(!browser.is_logged_in(), "idle for twelve hours");
    set(7 * 24 * HOUR, 0);
    assert!(!browser.is_logged_in(), "a week old, however busy");
    set(6 * 24 * HOUR, 0);
    assert!(browser.is_logged_in());
    assert!(seen() >= noted);
    // One that was seen less than a minute ago is not noted again.
    let before = seen();
    for _ in 0..5 {
        assert!(browser.is_logged_in());
    }
    assert_eq!(seen(), before);
}

#[test]
fn a_session_ends_at_once_whoever_ends_it() {
    let workspace = Workspace::new();
    let servers = [workspace.serve_people(&[]), workspace.serve(&[])];
    let mut browsers: Vec<_> = servers.iter().map(|server| Browser::logged_in(server, ADMIN)).collect();
    let mut viewer = Browser::logged_in(&servers[0], VIEWER);
    // The database is one, and so a session is good for both servers.
    let mut elsewhere = Browser::new(&servers[1]);
    elsewhere.cookies = browsers[0].cookies.clone();
    assert!(elsewhere.is_logged_in());
    let left = browsers[1].submit("/account", &[("action", "log_out_everywhere")]);
    assert_eq!(left.location(), "/login");
    for browser in browsers.iter_mut().chain([&mut elsewhere]) {
        assert!(!browser.is_logged_in());
    }
    assert!(viewer.is_logged_in(), "others' sessions go on");
    let reset = workspace.porta_with_input(
        &["admin", "user", "reset-password", VIEWER, "--password-stdin"],
        "river-kettle-sun",
    );
    assert_eq!(reset.code, Some(0), "{reset:?}");
    assert!(!viewer.is_logged_in());
    assert_eq!(viewer.log_in(VIEWER, PASSWORD).status, 403);
    assert_eq!(viewer.log_in(VIEWER, "river-kettle-sun").status, 303);
    assert_eq!(workspace.porta(&["admin", "user", "delete", VIEWER, "--yes"]).code, Some(0));
    assert!(!viewer.is_logged_in());
    assert_eq!(viewer.log_in(VIEWER, "river-kettle-sun").status, 403);
}

#[test]
fn a_password_is_changed_by_who_knows_it_and_other_sessions_end() {
    const NEW: &str = "river-kettle-sun";
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, ADMIN);
    let mut other = Browser::logged_in(&server, ADMIN);
    let mut viewer = Browser::logged_in(&server, VIEWER);
    let change = |browser: &mut Browser<'_>, current: &str, new: &str, again: &str| {
        browser.submit(
            "/account",
            &[("action", "password"), ("current", current), ("password", new), ("again", again)],
        )
    };
    for (current, new, again, words) in [
        ("kettle-moon-lake", NEW, NEW, "present password is wrong"),
        (PASSWORD, NEW, PASSWORD, "not the same"),
        (PASSWORD, "short", "short", "too short"),
        (PASSWORD, "ann@example.org", "ann@example.org", "among the first"),
    ] {
        let page = change(&mut browser, current, new, again);
        assert_eq!(page.status, 422, "{page:?}");
        assert!(page.body.contains(words) && !page.body.contains(NEW), "{page:?}");
    }
    assert!(other.is_logged_in());
    let (before, old) = (browser.cookies["porta"].clone(), browser.clone());
    let done = change(&mut browser, PASSWORD, NEW, NEW);
    assert_eq!(done.location(), "/account?changed");
    assert_ne!(browser.cookies["porta"], before, "the session has another token");
    assert!(browser.get("/account?changed").body.contains("All other sessions have ended"));
    for mut ended in [other.clone(), old] {
        assert!(!ended.is_logged_in());
    }
    assert!(viewer.is_logged_in() && browser.is_logged_in());
    assert_eq!(other.log_in(ADMIN, PASSWORD).status, 403);
    assert_eq!(other.log_in(ADMIN, NEW).status, 303);
}

#[test]
fn a_login_form_belongs_to_its_browser() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut attacker = Browser::new(&server);
    let csrf = attacker.get("/login").field("csrf").unwrap();
    let fields = [("csrf", csrf.as_str()), ("email", ADMIN), ("password", PASSWORD)];
    // Another browser, with a form of its own or none.
    let mut victim = Browser::new(&server);
    for _ in 0..2 {
        let answer = victim.post("/login", &fields);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("too old") && answer.cookie("porta").is_none(), "{answer:?}");
    }
    let without = victim.post("/login", &[("email", ADMIN), ("password", PASSWORD)]);
    assert_eq!(without.status, 403);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    for origin in [("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        let headers = [origin, ("Content-Type", crate::support::wire::FORM)];
        let answer = attacker.send("POST", "/login", &headers, &body);
        assert_eq!((answer.status, answer.cookie("porta")), (403, None), "{origin:?}");
    }
    assert_eq!(attacker.post("/login", &fields).status, 303, "with its own it is let in");
}

#[test]
fn a_login_leads_back_to_a_page_of_this_server_only() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let wanted = Browser::new(&server).get("/account?a=b&c=%2F").location().to_owned();
    assert_eq!(wanted, "/login?next=%2Faccount%3Fa%3Db%26c%3D%252F");
    assert!(Browser::new(&server).get(&wanted).body.contains(&format!("action=\"{wanted}\"")));
    for (next, location) in [
        ("/account?a=b", "/account?a=b"),
        ("/admin/x/../y", "/admin/x/../y"),
        ("", "/"),
        ("account", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/a\r\nSet-Cookie: porta=x", "/"),
        ("/a\r\n\r\n<script>", "/"),
        ("/é", "/"),
        ("https://evil.example/", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        (" /account", "/"),
        (&format!("/{}", "a".repeat(600)), "/"),
    ] {
        let mut browser = Browser::new(&server);
        let csrf = browser.get("/login").field("csrf").unwrap();
        let fields = [("csrf", csrf.as_str()), ("email", ADMIN), ("password", PASSWORD)];
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let answer = browser.post(&format!("/login?{query}"), &fields);
        assert_eq!(answer.location(), location, "{next:?}");
        let known = ["porta", "porta-browser", "porta-form"];
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        assert!(
            set.clone().count() == 3
                && set.into_iter().all(|(_, value)| known.contains(&value.split('=').next().unwrap()))
        );
        assert_eq!(browser.get(&format!("/login?{query}")).location(), location, "{next:?}");
        let page = Browser::new(&server).get(&format!("/login?{query}"));
        let kept = if location == "/" { "/login".into() } else { format!("/login?{query}") };
        assert!(page.body.contains(&format!("action=\"{kept}\"")), "{page:?}");
        assert!(!page.body.contains("//evil.example") && !page.body.contains("<script>"), "{page:?}");
    }
}

/// What was sent after the session has ended is not taken, and the page for logging in says so and leads back.
#[test]
fn a_form_that_comes_too_late_leads_back_to_where_it_stood() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, ADMIN);
    let csrf = browser.csrf();
    browser.cookies.remove("porta");
    let late = browser.post("/admin/channels/1/keys/2/rotate", &[("csrf", &csrf)]);
    let place = "/login?next=%2Fadmin%2Fchannels%2F1%2Fkeys%2F2";
    assert_eq!(late.location(), format!("{place}&ended="));
    let page = browser.get(late.location());
    assert!(page.status == 200 && page.body.contains("what you sent was not saved"), "{page:?}");
    assert!(page.body.contains(&format!("action=\"{place}\"")), "{page:?}");
    let fields =
        [("csrf", page.field("csrf").unwrap()), ("email", ADMIN.into()), ("password", "wrong".into())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let wrong = browser.post(place, &fields);
    let back = wrong.field("return").unwrap();
    assert_eq!((wrong.status, back.as_str()), (403, place), "another language does not lose it");
    let done = browser.post(place, &[fields[0], fields[1], ("password", PASSWORD)]);
    assert_eq!(done.location(), "/admin/channels/1/keys/2");
    browser.cookies.remove("porta");
    assert_eq!(
        browser.post("/logout", &[("csrf", &csrf)]).location(),
        "/login",
        "there is nothing to come back to"
    );
    assert!(!browser.get("/login?ended=").body.contains("not saved"), "nor to be sorry for");
}

/// Other programs on the host set cookies, too, and not all of them are text.
#[test]
fn cookies_of_others_are_no_hindrance() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::new(&server);
    browser.cookies.insert("a".into(), "größe".into());
    browser.cookies.insert("porta_language".into(), "ru".into());
    assert_eq!(browser.log_in(ADMIN, PASSWORD).location(), "/");
    assert!(browser.get("/account").body.contains("lang=\"ru\""));
    // A browser sends the cookie of the longer path first.
    let mixed = format!("porta=junk; porta={}", browser.cookies["porta"]);
    assert_eq!(Browser::new(&server).send("GET", "/account", &[("Cookie", &mixed)], "").status, 200);
}

/// What is shown of what somebody has written cannot be more than text.
#[test]
fn what_was_written_comes_back_as_text() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let page = Browser::new(&server).log_in("\"><script>alert(1)</script>", "x");
    assert!(
        page.body.contains("&quot;&gt;&lt;script&gt;") && !page.body.contains("<script>alert"),
        "{page:?}"
    );
    let page = Browser::new(&server).get("/admin/%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!page.body.contains("<script>alert"), "{page:?}");
}

/// A link on somebody else's page is followed without the cookie; the page that it leads to asks once more, from here.
#[test]
fn a_link_from_elsewhere_finds_the_session() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let followed =
        Browser::new(&server).send("GET", "/login?next=%2Faccount", &[("Sec-Fetch-Site", "cross-site")], "");
    assert_eq!((followed.status, followed.header("refresh")), (200, Some("0")), "{followed:?}");
    let again =
        Browser::new(&server).send("GET", "/login?next=%2Faccount", &[("Sec-Fetch-Site", "same-origin")], "");
    assert_eq!((again.status, again.header("refresh")), (200, None), "not for ever");
    let mut browser = Browser::logged_in(&server, ADMIN);
    assert_eq!(browser.get("/login?next=%2Faccount").location(), "/account");
}

#[test]
fn pages_for_logging_in_speak_the_readers_language() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = server.set_up_link();
    let path = link.strip_prefix(&server.url).unwrap().to_owned();
    let mut browser = Browser::new(&server);
    browser.headers.push(("Accept-Language".into(), "ru".into()));
    for (path, words) in [
        ("/login", "Администратора пока нет"),
        (&path, "Создать учётную запись"),
        ("/setup", "Эта ссылка больше не действует"),
    ] {
        let page = browser.get(path);
        assert!(page.body.contains(words) && page.body.contains("lang=\"ru\""), "{page:?}");
    }
    workspace.create_user(ADMIN, "admin");
    browser.log_in(ADMIN, PASSWORD).location();
    assert!(browser.get("/account").body.contains("администратор"));
    assert!(
        browser
            .submit(
                "/account",
                &[("action", "password"), ("current", "x"), ("password", "x"), ("again", "x")]
            )
            .body
            .contains("Пароль слишком короткий")
    );
}
