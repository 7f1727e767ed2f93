//! Stress tests by the pages, as a browser without scripts sees them, and the stream that its script listens to.

use std::io::{BufRead as _, BufReader};

use crate::support::browser::{ADMIN, Answer, Browser};
use crate::support::stress_test::is_going_on;
use crate::support::watch::until;
use crate::support::wire::sent;
use crate::support::{Server, Workspace};

const PLACE: &str = "/admin/stress-test";

/// Starts a run by the form, and returns its number.
fn start(browser: &mut Browser, fields: &[(&str, &str)]) -> i64 {
    let answer = browser.submit(PLACE, fields);
    let id = answer.location().strip_prefix("/admin/stress-test/").unwrap_or_else(|| panic!("{answer:?}"));
    id.parse().unwrap()
}

/// The page of a run once it has ended.
fn report(browser: &mut Browser, id: i64) -> Answer {
    let mut page = browser.get(&format!("{PLACE}/{id}"));
    until("the run has ended", || {
        page = browser.get(&format!("{PLACE}/{id}"));
        !page.body.contains("data-live")
    });
    page
}

/// What the stream says: name, id and text of each event, until the server ends it or there are so many.
fn listen(
    server: &Server,
    browser: &Browser,
    id: i64,
    language: &str,
    count: usize,
) -> Vec<(String, String, String)> {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // A client of 1.0 gets the body as it is, without chunks.
    let request = format!(
        "GET {PLACE}/{id}/live HTTP/1.0\r\nCookie: {}\r\nAccept-Language: {language}\r\n\r\n",
        cookies.join("; ")
    );
    let mut lines = BufReader::new(sent(server, &request)).lines().map(Result::unwrap);
    let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(
        head[0].contains("200") && head.iter().any(|line| line.ends_with("text/event-stream")),
        "{head:?}"
    );
    let mut events = Vec::new();
    let mut event = <(String, String, String)>::default();
    for line in lines {
        match line.split_once(": ") {
            Some(("event", name)) => event.0 = name.into(),
            Some(("id", id)) => event.1 = id.into(),
            Some(("data", data)) => event.2 += &format!("{data}\n"),
            _ if line.is_empty() && !event.0.is_empty() => events.push(std::mem::take(&mut event)),
            _ => {}
        }
        if events.len() == count {
            break;
        }
    }
    events
}

/// Whether a page, as it was sent, keeps to the policy that was sent with it.
fn assert_keeps_to_policy(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    for forbidden in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
        assert!(!answer.body.contains(forbidden), "{forbidden}: {}", answer.body);
    }
    for script in answer.body.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/static/porta."), "{script}");
    }
}

/// What the form says of a short run.
const FOUR_SECONDS: [(&str, &str); 5] =
    [("scenario", ""), ("workers", "2"), ("rps", "100"), ("duration", "4"), ("channel", "")];

#[test]
fn load_a_run_from_its_start_to_its_deletion() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let empty = browser.get(PLACE);
    assert_eq!(empty.status, 200);
    assert!(empty.body.contains("There is no run yet"), "{}", empty.body);
    assert_keeps_to_policy(&empty);

    let first = start(browser, &FOUR_SECONDS);
    let live = browser.get(&format!("{PLACE}/{first}"));
    assert!(live.body.contains(&format!("data-live=\"{PLACE}/{first}/live\"")), "{}", live.body);
    assert!(live.body.contains("http-equiv=\"refresh\""), "without a script it comes again: {}", live.body);
    assert_keeps_to_policy(&live);
    assert!(browser.get(PLACE).body.contains(&format!("Run {first} is going on")));

    let events = listen(&server, browser, first, "ru", usize::MAX);
    let (end, fragments) = events.split_last().unwrap();
    assert_eq!(end.0, "end", "{end:?}");
    assert!(fragments.len() >= 3, "{fragments:?}");
    let seconds: Vec<u64> = fragments.iter().map(|(_, id, _)| id.parse().unwrap()).collect();
    assert!(seconds.is_sorted() && seconds.last() >= Some(&3), "{seconds:?}");
    assert!(fragments.iter().all(|(_, _, part)| part.contains("<progress") && part.contains("Успешно")));
    let charts = |part: &str| part.matches("class=\"line s1\"").count();
    assert!(charts(&fragments.last().unwrap().2) > charts(&fragments[0].2), "the charts grow");
    assert_ne!(fragments[0].2, fragments[1].2);

    let page = report(browser, first);
    assert!(page.body.contains(&format!("What happened in run {first}?")), "{}", page.body);
    assert!(
        page.body.contains("verdict") && page.body.matches("<svg class=\"chart\"").count() >= 3,
        "{}",
        page.body
    );
    assert_keeps_to_policy(&page);
    let json = browser.get(&format!("/api{PLACE}/{first}/report"));
    assert_eq!(json.status, 200, "the link to the report as JSON: {json:?}");
    assert_eq!(
        listen(&server, browser, first, "en", usize::MAX).len(),
        1,
        "of a run that has ended there is the end"
    );

    let second = start(browser, &FOUR_SECONDS);
    let page = report(browser, second);
    let compare = format!("{PLACE}/compare?old={first}&new={second}");
    assert!(page.body.contains(&compare.replace('&', "&amp;")), "{}", page.body);
    let picked = browser.get(&format!("{PLACE}/compare?run={second}&run={first}"));
    assert_eq!(picked.location(), compare);
    let compared = browser.get(&compare);
    assert_eq!(compared.status, 200);
    assert!(
        compared.body.contains("verdict") && compared.body.contains("95 % confidence"),
        "{}",
        compared.body
    );
    assert_keeps_to_policy(&compared);
    for wrong in ["", "?run=1", "?run=1&run=2&run=3", "?old=1"] {
        assert_eq!(browser.get(&format!("{PLACE}/compare{wrong}")).status, 400, "{wrong}");
    }
    assert_eq!(browser.get(&format!("{PLACE}/compare?old={first}&new=99")).status, 404);

    let question = browser.get(&format!("{PLACE}/{first}/delete"));
    assert!(question.body.contains(&format!("Delete run {first}?")), "{}", question.body);
    let done = browser.submit(&format!("{PLACE}/{first}/delete"), &[]);
    assert_eq!(done.location(), format!("{PLACE}?deleted={first}"));
    let history = browser.get(done.location());
    assert!(history.body.contains(&format!("Run {first} was deleted")), "{}", history.body);
    assert!(!history.body.contains(&format!("href=\"{PLACE}/{first}\"")), "{}", history.body);
    assert!(history.body.contains(&format!("href=\"{PLACE}/{second}\"")), "{}", history.body);
    assert_eq!(browser.get(&format!("{PLACE}/{first}")).status, 404);
}

#[test]
fn load_one_run_at_a_time_and_its_end_by_a_button() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let load =
        [("scenario", "baseline"), ("workers", "1"), ("rps", "20"), ("duration", "600"), ("channel", "")];
    let id = start(browser, &load);
    let other = &mut Browser::logged_in(&server, ADMIN);
    let refused = other.submit(PLACE, &load);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("one goes on at a time"), "{}", refused.body);
    assert!(refused.body.contains(&format!("href=\"{PLACE}/{id}\"")), "{}", refused.body);
    assert!(
        refused.body.contains("name=\"rps\"") && refused.body.contains("value=\"20\""),
        "what was typed stays"
    );
    // Both see the same second.
    let seen = listen(&server, other, id, "en", 2);
    assert_eq!(seen.iter().map(|event| event.0.as_str()).collect::<Vec<_>>(), ["fragment", "fragment"]);
    assert_eq!(browser.get(&format!("{PLACE}/{id}/delete")).status, 200);
    assert_eq!(browser.submit(&format!("{PLACE}/{id}/delete"), &[]).status, 400, "not while it goes on");
    let cancelled = browser.submit(&format!("{PLACE}/{id}/cancel"), &[]);
    assert_eq!(cancelled.location(), format!("{PLACE}/{id}?cancelling"));
    let page = report(browser, id);
    assert!(page.body.contains("Cancelled"), "{}", page.body);
    let again = browser.submit(&format!("{PLACE}/{id}/cancel"), &[]);
    assert_eq!(again.status, 303, "that it has ended meanwhile is no mistake: {again:?}");
}

#[test]
fn what_is_wrong_in_the_form_is_said_there() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let load = |field: &'static str, value: &'static str| {
        let fields =
            [("scenario", "baseline"), ("workers", ""), ("rps", ""), ("duration", "1"), ("channel", "")];
        fields.map(|(name, old)| (name, if name == field { value } else { old }))
    };
    for (field, value, status, words) in [
        ("workers", "101", 422, "1 to 100 here, as STRESS_TEST_MAX_WORKERS says"),
        ("workers", "many", 422, "ot a number"),
        ("rps", "0", 422, "STRESS_TEST_MAX_RPS"),
        ("duration", "601", 422, "STRESS_TEST_MAX_DURATION"),
        ("scenario", "<b>", 422, "It takes one of"),
        ("channel", "7", 404, "Channel 7 not found"),
        ("channel", "x", 422, "ot a number"),
    ] {
        let answer = browser.submit(PLACE, &load(field, value));
        assert_eq!(answer.status, status, "{field} {value}: {answer:?}");
        assert!(
            answer.body.contains(words) && answer.body.contains("class=\"error\""),
            "{field}: {}",
            answer.body
        );
        assert!(!answer.body.contains("<b>\""), "{}", answer.body);
        assert_keeps_to_policy(&answer);
    }
    let (status, runs) = (browser.get(&format!("/api{PLACE}/history/list")).status, "[]");
    let list = browser.get(&format!("/api{PLACE}/history/list"));
    assert_eq!((status, list.body.as_str()), (200, runs), "nothing was started");
    let runs: serde_json::Value = serde_json::from_str(&list.body).unwrap();
    assert!(!runs.as_array().unwrap().iter().any(is_going_on));
}

#[test]
fn the_history_is_in_the_order_that_was_asked_for() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let connection = workspace.database();
    for id in 1..=60 {
        let p95 = (id != 5).then(|| f64::from(id * 7 % 60));
        let sql = "INSERT INTO stress_test_runs (id, workers, duration, status, started_at_ms, p95_latency_ms) VALUES (?1, 1, 1, 'completed', ?1, ?2)";
        connection.execute(sql, (id, p95)).unwrap();
    }
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let mut shown = |query: &str| -> Vec<i64> {
        let page = browser.get(&format!("{PLACE}{query}"));
        let rows = page.body.split("name=\"run\" value=\"").skip(1);
        rows.map(|row| row.split('"').next().unwrap().parse().unwrap()).collect()
    };
    assert_eq!(shown(""), (36..=60).rev().collect::<Vec<_>>());
    assert_eq!(shown("?page=3"), (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(shown("?sort=run")[..3], [1, 2, 3]);
    let of = |ids: &[i64]| ids.iter().map(|id| id * 7 % 60).collect::<Vec<_>>();
    let slowest = shown("?sort=-p95");
    assert_eq!(of(&slowest)[..4], [59, 58, 57, 56]);
    let fastest = shown("?sort=p95");
    assert_eq!(of(&fastest)[..4], [0, 1, 2, 3]);
    for order in ["p95", "-p95"] {
        assert_eq!(shown(&format!("?sort={order}&page=3")).last(), Some(&5), "what is not known comes last");
    }
    for nonsense in ["?sort=p95%20DESC", "?page=0", "?page=x", "?sort=%00"] {
        assert_eq!(shown(nonsense).len(), 25, "{nonsense}");
    }
    assert!(shown("?page=99999999999999999999").len() == 25 && shown("?page=999999").is_empty());
}
