//! Who guesses passwords has to wait, and nobody else.

use crate::support::browser::{ADMIN, Answer, Browser, PASSWORD, VIEWER};
use crate::support::watch::until;
use crate::support::{Server, Workspace};

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
