//! Stress tests by the pages, as a browser without scripts sees them, and the stream that its script listens to.

use std::io::{BufRead as _, BufReader};

use rustix::process::Signal;

use crate::support::browser::{ADMIN, Answer, Browser};
use crate::support::stress_test::{generator, is_going_on, signal};
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

/// What the stream says: name and text of each event, until the server ends it or there are so many.
fn listen(
    server: &Server,
    browser: &Browser,
    id: i64,
    language: &str,
    count: usize,
) -> Vec<(String, String)> {
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
    let mut event = <(String, String)>::default();
    for line in lines {
        match line.split_once(": ") {
            Some(("event", name)) => event.0 = name.into(),
            Some(("data", data)) => event.1 += &format!("{data}\n"),
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
    assert!(fragments.iter().all(|(_, part)| part.contains("<progress") && part.contains("Успешно")));
    let charts = |part: &str| part.matches("class=\"line s1\"").count();
    let last = &fragments.last().unwrap().1;
    assert!(charts(last) > charts(&fragments[0].1), "the charts grow");
    assert_ne!(fragments[0].1, fragments[1].1);
    assert!(last.contains("На всё получены ответы") && last.contains("<dd>400</dd>"), "{last}");
    assert!(last.contains("data-ends"), "it cannot be ended any more: {last}");

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
    assert_eq!(cancelled.location(), format!("{PLACE}/{id}"));
    let page = report(browser, id);
    assert!(page.body.contains("Cancelled"), "{}", page.body);
    let again = browser.submit(&format!("{PLACE}/{id}/cancel"), &[]);
    assert_eq!(again.status, 303, "that it has ended meanwhile is no mistake: {again:?}");
}

/// Whoever has asked for it, and whatever the address says.
#[test]
fn load_everybody_sees_that_a_run_is_being_ended_once_it_is() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let other = &mut Browser::logged_in(&server, ADMIN);
    let load = [("scenario", ""), ("workers", "1"), ("rps", "20"), ("duration", "600"), ("channel", "")];
    let id = start(browser, &load);
    let button = format!("action=\"{PLACE}/{id}/cancel\"");
    let page = browser.get(&format!("{PLACE}/{id}?cancelling"));
    assert!(page.body.contains(&button) && !page.body.contains("It is being ended"), "{}", page.body);
    assert!(
        page.body.contains("role=\"status\"><p class=\"notice warning\" data-lost hidden"),
        "{}",
        page.body
    );
    // It cannot end before it goes on.
    let pid = generator(&server);
    signal(pid, Signal::STOP);
    browser.submit(&format!("{PLACE}/{id}/cancel"), &[]);
    for browser in [&mut *browser, &mut *other] {
        let page = browser.get(&format!("{PLACE}/{id}"));
        assert!(page.body.contains("It is being ended") && !page.body.contains(&button), "{}", page.body);
        let events = listen(&server, browser, id, "en", 1);
        assert!(events[0].1.contains("It is being ended"), "{events:?}");
    }
    signal(pid, Signal::CONT);
    assert!(report(browser, id).body.contains("Cancelled"));
}

#[test]
fn a_run_without_a_report_cannot_be_picked_for_a_comparison() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let insert =
        "INSERT INTO stress_test_runs (id, workers, target_rps, duration, status, started_at_ms, channel_id)
                  VALUES (1, 1, 7, 1.5, 'cancelled', 1, 3)";
    workspace.database().execute(insert, []).unwrap();
    let browser = &mut Browser::logged_in(&server, ADMIN);
    let page = browser.get(PLACE).body;
    assert!(page.contains("Cancelled") && !page.contains("Not valid"), "{page}");
    assert!(page.contains("aria-label=\"Pick run 1 for a comparison\" disabled"), "{page}");
    assert!(!page.contains("<td class=\"number\">0</td>"), "what is not known is no zero: {page}");
    let page = browser.get(&format!("{PLACE}/1")).body;
    assert!(page.contains("Cancelled") && !page.contains("Not valid"), "{page}");
    let again = page.split("href=\"").find(|link| link.contains("rps=7")).unwrap().split('"').next().unwrap();
    let form = browser.get(&again.replace("&amp;", "&")).body;
    assert!(
        again.ends_with("channel=3") && form.contains("max=\"600\" step=\"any\" value=\"1.5\""),
        "{form}"
    );
}

#[test]
fn of_many_channels_the_form_takes_a_number() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let add = |from: u32, to: u32| {
        let insert = "WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
                      INSERT INTO channels (id, name, created_at_ms, updated_at_ms) SELECT n, 'c' || n, 0, 0 FROM numbers";
        workspace.database().execute(insert, [from, to]).unwrap();
    };
    let browser = &mut Browser::logged_in(&server, ADMIN);
    add(1, 100);
    let page = browser.get(PLACE).body;
    assert!(page.contains("<select id=\"channel\"") && page.contains("100 – c100</option>"), "{page}");
    add(101, 1000);
    let page = browser.get(&format!("{PLACE}?channel=700")).body;
    assert!(page.contains("name=\"channel\" type=\"number\"") && page.contains("value=\"700\""), "{page}");
    assert!(page.len() < 50_000, "{}", page.len());
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
        ("scenario", "", 422, "Without a load from above it takes a number"),
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
    for nonsense in ["?sort=p95%20DESC", "?page=0", "?page=x", "?sort=%00", "?page=99999999999999999999"] {
        assert_eq!(shown(nonsense).len(), 25, "{nonsense}");
    }
    assert_eq!(shown("?page=999999"), shown("?page=3"), "there is nothing beyond the last");
}
