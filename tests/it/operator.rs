//! What an operator does with the pages, in a real browser.

use serde_json::Value;

use crate::support::browser::{ADMIN, PASSWORD, VIEWER};
use crate::support::chromium::Browser;
use crate::support::everything;
use crate::support::{Server, Workspace};

/// What a run shows while it goes on: the counters as text, and the charts as they are drawn.
const SHOWN: &str = "const live = document.querySelector('[data-live]');
    return live && [live.querySelector('.figures').innerText, ...[...live.querySelectorAll('svg')].map(svg => svg.outerHTML)]";
/// Where the browser is, and what the page answers.
const VERDICT: &str =
    "return location.pathname + ' ' + (document.querySelector('.verdict .word')?.innerText || '')";
/// Keys, as WebDriver writes them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
/// Pages of an administrator, of a server that has [`everything`]; `/account` is a viewer's, too.
const PAGES: [&str; 17] = [
    "/admin",
    "/admin/channels",
    "/admin/channels/1",
    "/admin/channels/1/clear",
    "/admin/channels/1/delete",
    "/admin/channels/1/keys/1",
    "/admin/agents",
    "/admin/agents/history?agent_id=night%20watch",
    "/admin/requests",
    "/admin/stress-test",
    "/admin/stress-test/1",
    "/admin/stress-test/3",
    "/admin/stress-test/4",
    "/admin/stress-test/1/delete",
    "/admin/stress-test/compare?old=1&new=2",
    "/admin/criteria",
    "/account",
];

async fn log_in(browser: &Browser, server: &Server, email: &str) {
    browser.open(&format!("{}/login", server.url)).await;
    browser.fill("#email", email).await;
    browser.fill("#password", PASSWORD).await;
    browser.click("main button").await;
}

/// Starts a run with the form, and waits until its page is there. Returns its number.
async fn start(browser: &Browser, server: &Server, seconds: u32) -> String {
    browser.open(&format!("{}/admin/stress-test", server.url)).await;
    browser.click("input[name=scenario][value=baseline]").await;
    browser.fill("#duration", &seconds.to_string()).await;
    browser.click("form button.primary").await;
    let path = browser.arrive("/admin/stress-test/").await;
    path.rsplit('/').next().unwrap().to_owned()
}

/// Waits until what a run shows is another than before, twice: it goes on.
async fn watch(browser: &Browser) {
    let first = browser.until(SHOWN, |shown| shown.as_array().is_some_and(|parts| parts.len() == 3)).await;
    let second = browser.until(SHOWN, |shown| !shown.is_null() && *shown != first).await;
    let third = browser.until(SHOWN, |shown| !shown.is_null() && *shown != second).await;
    for part in 0..3 {
        assert!(first[part] != third[part], "part {part} has not changed: {}", first[part]);
    }
}

/// Waits until the report of a run is there, and returns its verdict.
async fn report(browser: &Browser, run: &str) -> String {
    let own = format!("/admin/stress-test/{run} ");
    let found = browser
        .until(VERDICT, |found| found.as_str().is_some_and(|text| text.starts_with(&own) && text != own))
        .await;
    found.as_str().unwrap()[own.len()..].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn load_from_the_first_start_to_a_comparison() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = server.set_up_link();
    let browser = Browser::start().await;
    browser.open(&link).await;
    browser.fill("#email", ADMIN).await;
    browser.fill("#password", PASSWORD).await;
    browser.fill("#again", PASSWORD).await;
    browser.click("main button.primary").await;
    browser.arrive("/admin").await;

    browser.open(&format!("{}/admin/channels", server.url)).await;
    browser.fill("#name", "greenhouse <b>\"1\"").await;
    browser.click("main form button.primary").await;
    browser.find("h1").await;
    let page = browser
        .until("return document.body.innerText", |text| {
            text.as_str().is_some_and(|text| text.contains("curl"))
        })
        .await;
    assert!(page.as_str().unwrap().contains("greenhouse <b>\"1\""), "{page}");

    let first = start(&browser, &server, 6).await;
    watch(&browser).await;
    browser.page.refresh().await.unwrap();
    watch(&browser).await;
    report(&browser, &first).await;
    let run = workspace.json(&["report", "--format", "json"]);
    assert_eq!((&run["status"], &run["config"]["duration"]), (&"completed".into(), &6.0.into()), "{run}");
    assert!(run["results"]["success"].as_u64().unwrap() > 0, "{run}");

    let second = start(&browser, &server, 6).await;
    report(&browser, &second).await;
    browser.open(&format!("{}/admin/stress-test", server.url)).await;
    for run in [&first, &second] {
        browser.click(&format!("input[name=run][value='{run}']")).await;
    }
    browser.click("button[data-pick]").await;
    browser.arrive("/admin/stress-test/compare").await;
    let compared = browser.text().await;
    for run in [&first, &second] {
        assert!(compared.contains(&format!("run {run}")), "{compared}");
    }

    browser.open(&format!("{}/admin/stress-test/{first}/delete", server.url)).await;
    browser.click("main button.danger").await;
    browser.until("return location.pathname", |path| path == "/admin/stress-test").await;
    let left = browser.all("input[name=run]").await;
    assert_eq!(left.len(), 1, "{}", browser.text().await);
    browser.end(&server.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_see_the_same_run_and_one_ends_it() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let (one, other) = (Browser::start().await, Browser::speaking("ru").await);
    for browser in [&one, &other] {
        log_in(browser, &server, ADMIN).await;
        browser.arrive("/admin").await;
    }
    let run = start(&one, &server, 60).await;
    other.open(&format!("{}/admin/stress-test", server.url)).await;
    other.click("form button.primary").await;
    let link = format!("a[href='/admin/stress-test/{run}']");
    other.find(&format!(".notice.bad {link}")).await;
    other.click(&format!(".notice.bad {link}")).await;
    other.arrive(&format!("/admin/stress-test/{run}")).await;
    watch(&one).await;
    watch(&other).await;
    let text = other.text().await;
    assert!(text.contains(&format!("Идёт запуск {run}")), "{text}");
    one.click("form button.danger").await;
    for browser in [&one, &other] {
        report(browser, &run).await;
    }
    let ended = workspace.json(&["report", "--format", "json"]);
    assert_eq!(ended["status"], "cancelled", "{ended}");
    let answered = other.complaints().await;
    assert!(answered.iter().all(|complaint| complaint.contains("409")), "{answered:?}");
    one.end(&server.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_server_was_killed_has_failed_and_says_why() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::start().await;
    log_in(&browser, &server, ADMIN).await;
    browser.arrive("/admin").await;
    let run = start(&browser, &server, 60).await;
    watch(&browser).await;
    let address = server.address().to_owned();
    server.kill();
    // The page says that it has lost the server, and finds it again by itself.
    browser
        .until("return document.querySelector('[data-lost]')?.hidden === false", |lost| lost == true)
        .await;
    let server = Server::start(workspace.command(&["serve", "--listen", &address, "--log-level", "warn"]));
    let verdict = report(&browser, &run).await;
    assert!(verdict.contains("Failed"), "{verdict}");
    let text = browser.text().await;
    assert!(
        text.contains("that had started it, and that it measured, has ended")
            || text.contains("ended without a word"),
        "{text}"
    );
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_session_has_ended_elsewhere_comes_to_the_login() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::start().await;
    log_in(&browser, &server, ADMIN).await;
    browser.arrive("/admin").await;
    start(&browser, &server, 600).await;
    watch(&browser).await;
    workspace.database().execute("DELETE FROM sessions", []).unwrap();
    browser.arrive("/login").await;
}

/// A browser has six connections to a server, and one belongs to each page that listens.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_sees_does_not_listen() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::start().await;
    log_in(&browser, &server, ADMIN).await;
    browser.arrive("/admin").await;
    start(&browser, &server, 600).await;
    watch(&browser).await;
    let turn = "window.letGo = [];
        const close = EventSource.prototype.close;
        EventSource.prototype.close = function () { close.call(this); window.letGo.push(this.readyState); };
        window.turn = (hidden) => {
          Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
          return window.letGo.length;
        };
        return window.turn(true);";
    assert_eq!(browser.evaluate(turn).await, 1, "it has let go");
    browser.evaluate("return window.turn(false)").await;
    watch(&browser).await;
    browser.end(&server.url).await;
}

/// Elements that do something and have no name, fields without a label, images without a text, and headings that are left out.
const NAMELESS: &str = "
    const text = (element) => (element.getAttribute('aria-label') || element.innerText || element.textContent || element.title || '').trim();
    const found = [...document.querySelectorAll('a, button, summary')].filter((element) => !text(element) && !element.querySelector('img[alt]:not([alt=\"\"])'));
    const fields = [...document.querySelectorAll('input:not([type=hidden], [hidden]), select, textarea')]
      .filter((field) => !field.labels?.length && !field.getAttribute('aria-label'));
    const images = [...document.querySelectorAll('img:not([alt]), svg:not([aria-hidden=true]):not([role=img])')];
    const graphics = [...document.querySelectorAll('svg[role=img]')].filter((svg) => !svg.querySelector('title')?.textContent.trim() && !svg.getAttribute('aria-label'));
    const headings = document.querySelectorAll('h1').length === 1 ? [] : ['there is not one h1'];
    const language = document.documentElement.lang ? [] : ['no language'];
    return [...found, ...fields, ...images, ...graphics].map((element) => element.outerHTML.slice(0, 200)).concat(headings, language)";

/// Texts that do not stand out from what is behind them: WCAG 2.2, 1.4.3.
const FAINT: &str = r"
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const parse = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const light = ([r, g, b]) => { const part = (value) => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; }; return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) { const ground = parse(getComputedStyle(at).backgroundColor); if (ground[3] > 250) return ground; }
      return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 255] : [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || !element.checkVisibility?.() || element.closest('svg, [disabled], .off, .visually-hidden, .skip')) continue;
      const style = getComputedStyle(element);
      const [a, b] = [light(parse(style.color)), light(behind(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && parseInt(style.fontWeight) >= 700;
      if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${style.color} ${element.outerHTML.slice(0, 120)}`);
    }
    return faint";

/// What sticks out of the page to the right.
const WIDE: &str = "return document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.scroll, .tabs'))
    .map((element) => element.outerHTML.slice(0, 160)) : []";

#[tokio::test(flavor = "multi_thread")]
async fn pages_can_be_read_by_everybody_at_every_width_in_both_schemes() {
    let workspace = Workspace::new();
    workspace.create_user(ADMIN, "admin");
    let server = everything::serve(&workspace);
    let (browser, russian) = (Browser::start().await, Browser::speaking("ru").await);
    for browser in [&browser, &russian] {
        browser.open(&format!("{}/login", server.url)).await;
        assert_eq!(browser.evaluate(NAMELESS).await, Value::Array(Vec::new()));
        log_in(browser, &server, ADMIN).await;
        browser.arrive("/admin").await;
    }
    let is_narrow_enough = async |browser: &Browser, path: &str, width: u32| {
        browser.resize(width, 900).await;
        assert_eq!(browser.evaluate(WIDE).await, Value::Array(Vec::new()), "{path} at {width} px");
    };
    for path in PAGES {
        browser.open(&format!("{}{path}", server.url)).await;
        assert_eq!(browser.evaluate(NAMELESS).await, Value::Array(Vec::new()), "{path}");
        for scheme in ["light", "dark"] {
            browser.prefer_scheme(scheme).await;
            // Colours change by and by.
            browser.until("return document.getAnimations().length", |running| running == 0).await;
            assert_eq!(browser.evaluate(FAINT).await, Value::Array(Vec::new()), "{path} {scheme}");
        }
        for width in [360, 768, 1440] {
            is_narrow_enough(&browser, path, width).await;
        }
        // Other words need other room, and have the same colours.
        russian.open(&format!("{}{path}", server.url)).await;
        assert_eq!(russian.evaluate(NAMELESS).await, Value::Array(Vec::new()), "{path}");
        is_narrow_enough(&russian, path, 360).await;
    }
    assert_eq!(russian.complaints().await, Vec::<String>::new());
    browser.end(&server.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_how_the_server_is_and_no_page_of_administrators() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::start().await;
    log_in(&browser, &server, VIEWER).await;
    browser.until("return location.pathname", |path| path == "/").await;
    assert!(browser.text().await.contains("Is my server well?"), "{}", browser.text().await);
    assert!(browser.all("a[href^='/admin']").await.is_empty());
    for path in &PAGES[..PAGES.len() - 1] {
        browser.open(&format!("{}{path}", server.url)).await;
        let status =
            browser.evaluate("return performance.getEntriesByType('navigation')[0].responseStatus").await;
        assert_eq!(status, 403, "{path}: {}", browser.text().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_and_ended_with_the_keyboard_alone() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let browser = Browser::start().await;
    browser.open(&format!("{}/login", server.url)).await;
    // The first field has the focus.
    let keys = async |text: &str| {
        browser.page.action_chain().send_keys(text).perform().await.unwrap();
    };
    keys(ADMIN).await;
    keys(TAB).await;
    keys(PASSWORD).await;
    keys(ENTER).await;
    browser.arrive("/admin").await;
    // Goes on with the tabulator until what has the focus is what is looked for; each has a ring around it.
    let tab_to = async |selector: &str| {
        for _ in 0..100 {
            keys(TAB).await;
            let script = format!(
                "const at = document.activeElement; return [at.matches(\"{selector}\"), getComputedStyle(at).outlineStyle, at.tagName]"
            );
            let at = browser.evaluate(&script).await;
            assert!(at[2] == "BODY" || at[1] != "none", "{at} has the focus and does not show it");
            if at[0] == true {
                return;
            }
        }
        panic!("{selector} cannot be reached with the keyboard");
    };
    tab_to("nav a[href='/admin/stress-test']").await;
    keys(ENTER).await;
    browser.arrive("/admin/stress-test").await;
    tab_to("form button.primary").await;
    keys(ENTER).await;
    let path = browser.arrive("/admin/stress-test/").await;
    watch(&browser).await;
    tab_to("form button.danger").await;
    keys(ENTER).await;
    report(&browser, path.rsplit('/').next().unwrap()).await;
    browser.end(&server.url).await;
}
