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
    let kept: i64 = workspace
        .database()
        .query_row("SELECT count(*) FROM sessions WHERE instr(hash, ?1) > 0", [&token], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 0, "only a digest is kept");

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
    let next = Browser::new(&server).get(&wanted).field("next").unwrap();
    assert_eq!(next, "/account?a=b&amp;c=%2F");
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
        let fields = [("csrf", csrf.as_str()), ("email", ADMIN), ("password", PASSWORD), ("next", next)];
        let answer = browser.post("/login", &fields);
        assert_eq!(answer.location(), location, "{next:?}");
        let known = ["porta", "porta-browser", "porta-form"];
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        assert!(
            set.clone().count() == 3
                && set.into_iter().all(|(_, value)| known.contains(&value.split('=').next().unwrap()))
        );
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        assert_eq!(browser.get(&format!("/login?{query}")).location(), location, "{next:?}");
        let page = Browser::new(&server).get(&format!("/login?{query}"));
        let kept = if location == "/" { "" } else { next };
        assert_eq!(page.field("next").as_deref(), Some(kept), "{page:?}");
        assert!(!page.body.contains("//evil.example") && !page.body.contains("<script>"), "{page:?}");
    }
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

/// Seconds of a wait that this machine does not outlast by being slow.
const LONG: u64 = 4;

/// Lets attempts fail until one has to wait for long, and returns how many failed before, and what was said then.
fn fail(mut attempt: impl FnMut() -> Answer) -> (u32, Answer) {
    let mut failed = 0;
    loop {
        let answer = attempt();
        let wait = answer.header("retry-after").map_or(0, |seconds| seconds.parse().unwrap());
        match answer.status {
            403 | 422 => failed += 1,
            429 if wait >= LONG => return (failed, answer),
            429 => assert!(wait > 0, "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        assert!(failed < 20, "nobody is slowed down");
    }
}

/// A client of its own, as a trusted proxy would pass it on.
fn client<'s>(server: &'s Server, address: &str) -> Browser<'s> {
    let mut browser = Browser::new(server);
    browser.headers.push(("X-Forwarded-For".into(), address.into()));
    browser
}

#[test]
fn who_guesses_has_to_wait_and_nobody_else() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&["--trusted-proxy", "127.0.0.1"]);
    let mut known = client(&server, "192.0.2.1");
    known.log_in(ADMIN, PASSWORD).location();
    known.submit("/logout", &[]);
    let mut guesser = client(&server, "192.0.2.1");
    let (failed, answer) = fail(|| guesser.log_in(ADMIN, "kettle-moon-lake"));
    assert!(failed >= 7, "five are free, and then one a second, one in two, …: {failed}");
    assert!(answer.body.contains("Too many logins have failed"), "{answer:?}");
    let right = guesser.log_in(ADMIN, PASSWORD);
    assert_eq!((right.status, right.cookie("porta")), (429, None), "the right password waits, too");
    assert_eq!(guesser.log_in("eve@example.org", PASSWORD).status, 429, "and so do other accounts");
    assert_eq!(
        known.log_in(ADMIN, PASSWORD).status,
        303,
        "the owner's browser is known, at the same address"
    );
    assert_eq!(client(&server, "198.51.100.7").log_in(ADMIN, PASSWORD).status, 303, "and from elsewhere");
    until("the wait is over", || guesser.log_in(ADMIN, PASSWORD).status == 303);

    // A spoofed address is not believed: the last hop that is not trusted counts.
    let mut spoofing = client(&server, "203.0.113.1, 192.0.2.99");
    fail(|| spoofing.log_in("eve@example.org", "x"));
    spoofing.headers[0].1 = "203.0.113.2, 192.0.2.99".into();
    assert_eq!(spoofing.log_in("eve@example.org", "x").status, 429);
}

#[test]
fn an_account_slows_down_who_guesses_from_many_addresses() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&["--trusted-proxy", "127.0.0.1"]);
    let mut guessers: Vec<_> = (1..=10).map(|host| client(&server, &format!("192.0.2.{host}"))).collect();
    for guesser in &mut guessers {
        assert_eq!(guesser.log_in(ADMIN, "kettle-moon-lake").status, 403);
    }
    let mut turns = (0..10).cycle();
    fail(|| guessers[turns.next().unwrap()].log_in(ADMIN, "kettle-moon-lake"));
    for guesser in &mut guessers {
        assert_eq!(guesser.log_in(ADMIN, PASSWORD).status, 429);
    }
    assert_eq!(
        client(&server, "198.51.100.7").log_in(ADMIN, PASSWORD).status,
        303,
        "the owner does not wait"
    );
    // Without being told to trust it, nobody's word on an address counts.
    let server = workspace.serve(&[]);
    let mut hosts = 1..;
    let mut next = || client(&server, &format!("192.0.2.{}", hosts.next().unwrap()));
    fail(|| next().log_in(VIEWER, "x"));
    assert_eq!(next().log_in(VIEWER, PASSWORD).status, 429);
}

/// A stolen session does not help to guess the password either.
#[test]
fn the_present_password_is_guessed_as_slowly_as_at_the_login() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, ADMIN);
    let csrf = browser.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("action", "password"),
        ("current", "kettle-moon-lake"),
        ("password", "river-kettle-sun"),
        ("again", "river-kettle-sun"),
    ];
    let (failed, answer) = fail(|| browser.post("/account", &fields));
    assert!(failed >= 5 && answer.body.contains("Please wait for"), "{failed} {answer:?}");
}

/// More at once than may wait: the rest is told to come back, and devices do not notice.
#[test]
fn too_many_logins_at_once_are_refused() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve_people(&["--trusted-proxy", "127.0.0.1"]);
    let browsers: Vec<_> = (0..64)
        .map(|host| {
            let mut browser = client(&server, &format!("192.0.2.{host}"));
            let csrf = browser.get("/login").field("csrf").unwrap();
            (browser, csrf)
        })
        .collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = browsers
            .into_iter()
            .map(|(mut browser, csrf)| {
                scope.spawn(move || {
                    browser
                        .post("/login", &[("csrf", &csrf), ("email", "eve@example.org"), ("password", "x")])
                })
            })
            .collect();
        let update = format!("/update?api_key={}&field1=1", channel.write_key);
        assert_eq!(Browser::new(&server).get(&update).status, 200);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answers.iter().all(|answer| [403, 429, 503].contains(&answer.status)), "{answers:?}");
    assert!(!refused.is_empty() && refused.len() < 64, "{}", refused.len());
    assert!(refused.iter().all(|answer| answer.header("retry-after") == Some("1")));
    until("there is room again", || client(&server, "198.51.100.7").log_in(ADMIN, PASSWORD).status == 303);
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
        ("/login", "Учётных записей пока нет"),
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
