//! The first administrator, and the link that creates them.

use crate::support::browser::{Answer, Browser, PASSWORD};
use crate::support::{Server, Workspace};

const FIRST: &str = "First@Example.org ";

fn fill_in(browser: &mut Browser<'_>, token: &str, password: &str, again: &str) -> Answer {
    browser.post("/setup", &[("token", token), ("email", FIRST), ("password", password), ("again", again)])
}

fn token(link: &str) -> String {
    link.split_once("token=").unwrap().1.to_owned()
}

#[test]
fn the_link_of_the_first_start_creates_the_first_account_and_logs_in() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = server.set_up_link();
    let path = link.strip_prefix(&server.url).unwrap_or_else(|| panic!("{link}")).to_owned();
    let token = token(&link);
    let mut browser = Browser::new(&server);
    assert!(browser.get("/login").body.contains("There is no administrator yet"));
    let page = browser.get(&path);
    assert_eq!((page.status, page.field("token").as_deref()), (200, Some(token.as_str())), "{page:?}");
    for (password, again, words) in [
        ("brevity", "brevity", "too short"),
        ("password1234", "password1234", "among the first that are tried"),
        (PASSWORD, "kettle-moon-lake", "not the same"),
    ] {
        let page = fill_in(&mut browser, &token, password, again);
        assert_eq!(page.status, 422, "{page:?}");
        assert!(page.body.contains(words) && page.body.contains(FIRST), "{page:?}");
        assert!(!page.body.contains(password), "no password comes back: {page:?}");
    }
    assert_eq!(
        browser.post("/setup", &[("token", &token), ("email", "nobody"), ("password", PASSWORD)]).status,
        422
    );
    let done = fill_in(&mut browser, &token, PASSWORD, PASSWORD);
    assert_eq!(done.location(), "/");
    assert_eq!(browser.get("/").location(), "/admin");
    assert!(browser.get("/account").body.contains("first@example.org · administrator"));
    let list = workspace.json(&["admin", "user", "list", "--format", "json"]);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list[0]["email"], &list[0]["role"]), (&"first@example.org".into(), &"admin".into()));

    let mut late = Browser::new(&server);
    for answer in [late.get(&path), fill_in(&mut late, &token, PASSWORD, PASSWORD)] {
        assert_eq!(answer.status, 410, "{answer:?}");
        assert!(
            answer.body.contains("porta admin user create") && answer.body.contains("/login"),
            "{answer:?}"
        );
    }
    assert!(!late.get("/login").body.contains("There is no administrator yet"));
    assert_eq!(late.log_in("FIRST@example.org", PASSWORD).location(), "/");
    let ended = server.stop();
    assert!(!ended.stderr.contains(&token), "the link is shown once: {}", ended.stderr);

    let again = workspace.serve(&[]).stop();
    assert!(!again.stderr.contains("/setup"), "there is an account: {}", again.stderr);
}

#[test]
fn a_link_that_is_old_says_what_to_do() {
    let workspace = Workspace::new();
    let mut first = workspace.serve(&[]);
    let old = token(&first.set_up_link());
    first.stop();
    let mut server = workspace.serve(&[]);
    let new = token(&server.set_up_link());
    assert_ne!(old, new);
    let mut browser = Browser::new(&server);
    let refused = |browser: &mut Browser<'_>, token: &str| {
        for answer in
            [browser.get(&format!("/setup?token={token}")), fill_in(browser, token, PASSWORD, PASSWORD)]
        {
            assert_eq!(answer.status, 410, "{token}: {answer:?}");
            assert!(answer.body.contains("started again") && answer.body.contains("porta admin user create"));
        }
        let answer = browser.get("/setup");
        assert_eq!(answer.status, 410);
    };
    for wrong in [&old, "", "porta_0", &new[..new.len() - 1], &new.to_uppercase()] {
        refused(&mut browser, wrong);
    }
    assert_eq!(browser.get(&format!("/setup?token={new}")).status, 200);
    let valid: i64 = workspace
        .database()
        .query_row("SELECT valid_until_ms FROM set_up_link", [], |row| row.get(0))
        .unwrap();
    let left = valid - porta::clock::utc().0;
    assert!((3_500_000..=3_600_000).contains(&left), "an hour: {left}");
    workspace.database().execute("UPDATE set_up_link SET valid_until_ms = 1", []).unwrap();
    refused(&mut browser, &new);
    assert_eq!(workspace.json(&["admin", "user", "list", "--format", "json"]), serde_json::json!([]));
}

#[test]
fn an_account_from_the_shell_ends_the_link() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = token(&server.set_up_link());
    workspace.create_user("ann@example.org", "admin");
    let answer = fill_in(&mut Browser::new(&server), &link, PASSWORD, PASSWORD);
    assert_eq!(answer.status, 410, "{answer:?}");
}

/// A viewer cannot do what has to be done, so there is still a way to somebody who can.
#[test]
fn a_viewer_does_not_take_the_way_to_an_administrator() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let before = token(&server.set_up_link());
    workspace.create_user("vic@example.org", "viewer");
    let mut browser = Browser::new(&server);
    assert_eq!(browser.get(&format!("/setup?token={before}")).status, 200);
    server.stop();
    let mut server = workspace.serve(&[]);
    let link = token(&server.set_up_link());
    let mut browser = Browser::new(&server);
    let fields = [("token", link.as_str()), ("email", "vic@example.org"), ("password", PASSWORD)];
    let taken = browser.post("/setup", &[&fields[..], &[("again", PASSWORD)]].concat());
    assert!(taken.status == 422 && taken.body.contains("with this address already"), "{taken:?}");
    assert_eq!(fill_in(&mut browser, &link, PASSWORD, PASSWORD).location(), "/");
    server.stop();
    // Nor does one who stays when the last administrator has gone.
    let deleted = workspace.porta(&["admin", "user", "delete", "first@example.org", "--yes"]);
    assert!(deleted.stdout.contains("There is no administrator any more"), "{deleted:?}");
    assert!(deleted.stdout.contains("porta admin user create"), "{deleted:?}");
    let mut server = workspace.serve(&[]);
    let link = token(&server.set_up_link());
    assert_eq!(Browser::new(&server).get(&format!("/setup?token={link}")).status, 200);
}

/// Of many who use the link at the same time one gets the account.
#[test]
fn a_link_works_once() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = token(&server.set_up_link());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let names: Vec<_> = (0..8).map(|number| format!("n{number}@example.org")).collect();
        let (server, link) = (&server, &link);
        let threads: Vec<_> = names
            .into_iter()
            .map(|email| {
                scope.spawn(move || {
                    let fields = [
                        ("token", link.as_str()),
                        ("email", &email),
                        ("password", PASSWORD),
                        ("again", PASSWORD),
                    ];
                    Browser::new(server).post("/setup", &fields).status
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 410).count(), 7, "{answers:?}");
    assert_eq!(workspace.json(&["admin", "user", "list", "--format", "json"]).as_array().unwrap().len(), 1);
}

#[test]
fn another_page_cannot_use_a_link() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = token(&server.set_up_link());
    let body = format!("token={link}&email=eve@example.org&password={PASSWORD}&again={PASSWORD}");
    for headers in
        [[("Origin", "http://evil.example")], [("Sec-Fetch-Site", "cross-site")], [("Origin", "null")]]
    {
        let all = [headers[0], ("Content-Type", crate::support::wire::FORM)];
        assert_eq!(Browser::new(&server).send("POST", "/setup", &all, &body).status, 403);
    }
}

#[test]
fn the_link_is_as_the_log_is_and_says_how_to_reach_this_machine() {
    let workspace = Workspace::new();
    let mut command =
        workspace.command(&["serve", "--listen", "0.0.0.0:0", "--log-format", "json", "--log-level", "off"]);
    command.env("PORTA_ROOT_PATH", "/garden/porta");
    let mut server = Server::start(command);
    let line = server.error_line("/setup?token=");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let link = line["fields"]["set_up_link"].as_str().unwrap();
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    assert!(link.starts_with(&format!("http://127.0.0.1:{port}/garden/porta/setup?token=porta_")), "{link}");
    let hint = format!("with the address that leads here in the place of http://127.0.0.1:{port}");
    let message = line["fields"]["message"].as_str().unwrap();
    assert!(message.contains(&hint), "{message}");
    server.stop();
    // Behind a proxy it listens where only this machine reaches it.
    let mut server = workspace.serve(&["--root-path", "/porta", "--trusted-proxy", "127.0.0.1"]);
    let explained = server.error_line("There is no administrator yet");
    assert!(explained.contains(&format!("in the place of {}:", server.url)), "{explained}");
}
