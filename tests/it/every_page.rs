//! Each page in both languages, and how much the largest of them weigh.

use serde_json::{Value, json};

use crate::support::bridge;
use crate::support::browser::{Answer, Browser};
use crate::support::everything::{self, command};
use crate::support::people::Admin;
use crate::support::wire::{exchange, request};
use crate::support::{Server, Workspace};

/// Bytes of a page with all that it needs.
const WEIGHT_MAX: usize = 100_000;
/// Parts of pages, which have no address.
const PARTS: [&str; 7] = [
    "account_bar.html",
    "data_parts.html",
    "layout.html",
    "new_password.html",
    "parts.html",
    "stress_test_fragment.html",
    "stress_test_parts.html",
];
/// The templates of pages, where each is seen, and the words of its heading.
const TEMPLATES: [(&str, &str, &str); 20] = [
    ("account.html", "/account", "login.account.title"),
    ("agent_history.html", "/admin/agents/history?agent_id=night%20watch", "agents.history"),
    ("agents.html", "/admin/agents", "agents.question"),
    ("channel.html", "/admin/channels/1", "channels.latest"),
    ("channel_confirm.html", "/admin/channels/1/delete", "channels.confirm.delete.question"),
    ("channel_key.html", "/admin/channels/1/keys/1", "channels.key.title"),
    ("channels.html", "/admin/channels", "channels.question"),
    ("compare.html", "/admin/stress-test/compare?old=1&new=2", "compare.question"),
    ("compare_pick.html", "/admin/stress-test/compare", "compare.pick_title"),
    ("criteria.html", "/admin/criteria", "criteria.question"),
    ("dashboard.html", "/admin", "dashboard.question"),
    ("login.html", "/login", "login.title"),
    ("refused.html", "/admin/channels/77", "common.refused.not_found"),
    ("report.html", "/admin/stress-test/1", "report.question"),
    ("report_missing.html", "/admin/stress-test/3", "report.question"),
    ("requests.html", "/admin/requests", "requests.question"),
    ("setup_over.html", "/setup?token=x", "login.set_up.over"),
    ("stress_test.html", "/admin/stress-test", "stress_test.question"),
    ("stress_test_delete.html", "/admin/stress-test/1/delete", "stress_test.delete_question"),
    ("stress_test_live.html", "/admin/stress-test/4", "stress_test.run_going_on"),
];
/// Those that tests below see in their own way.
const OTHERS: [&str; 2] = ["channel_keys.html", "setup.html"];

/// The words of a key, between the places of figures and names.
fn words(language: &str, key: &str) -> Vec<String> {
    let (area, rest) = key.split_once('.').unwrap();
    let path = format!("{}/web/translations/{language}/{area}.json", env!("CARGO_MANIFEST_DIR"));
    let area: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = &area.pointer(&format!("/{}", rest.replace('.', "/"))).unwrap_or_else(|| panic!("{key}"));
    let parts = text.as_str().unwrap().split(['{', '}']).step_by(2).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(|part| part.replace('\'', "&#39;")).collect()
}

/// Whether a page is in a language, has these words, is sound and light.
fn assert_page(server: &Server, page: &str, (name, language): (&str, &str), key: &str) {
    assert!(page.contains(&format!("<html lang=\"{language}\">")), "{name}: {page}");
    for part in words(language, key) {
        assert!(page.contains(&part), "{name}: no {part:?} in {page}");
    }
    for forbidden in ["{{", "{%", "style=\"", "<style", "onclick", "onload", "NaN"] {
        assert!(!page.contains(forbidden), "{name}: {forbidden} in {page}");
    }
    for tag in ["div", "section", "table", "tr", "td", "th", "dl", "form", "ul", "svg", "details", "figure"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{name}: <{tag}> in {page}");
    }
    let mut assets: Vec<_> =
        page.split('"').filter(|part| part.starts_with("/static/")).map(str::to_owned).collect();
    assets.sort_unstable();
    assets.dedup();
    let mut browser = Browser::new(server);
    let weight = |asset: &String| {
        let Answer { status, body, .. } = browser.get(asset);
        assert_eq!(status, 200, "{name}: {asset}");
        body.len()
    };
    let weight = page.len() + assets.iter().map(weight).sum::<usize>();
    assert!(weight < WEIGHT_MAX, "{name} in {language}: {weight} bytes");
}

#[test]
fn the_table_of_templates_has_all_of_them() {
    let folder = format!("{}/web/templates", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap();
    let mut there: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    there.sort_unstable();
    let mut known: Vec<&str> = PARTS.iter().chain(&OTHERS).copied().collect();
    known.extend(TEMPLATES.map(|(template, ..)| template));
    known.sort_unstable();
    assert_eq!(known, there);
}

#[test]
fn load_every_template_is_seen_in_both_languages() {
    let workspace = Workspace::new();
    let mut server = workspace.serve(&[]);
    let link = server.set_up_link();
    let token = link.split("token=").nth(1).unwrap().to_owned();
    for language in ["en", "ru"] {
        let mut browser = Browser::new(&server);
        browser.headers = vec![("Accept-Language".into(), language.into())];
        let page = browser.get(&format!("/setup?token={token}"));
        assert_page(&server, &page.body, ("setup.html", language), "login.set_up.title");
    }
    server.stop();
    let server = everything::serve(&workspace);
    let admin = Admin::new(&workspace, &server);
    for language in ["en", "ru"] {
        for (template, path, key) in TEMPLATES {
            let seen = if template == "login.html" {
                let mut browser = Browser::new(&server);
                browser.headers = vec![("Accept-Language".into(), language.into())];
                browser.get(path).body
            } else {
                admin.see(path, language).text
            };
            assert_page(&server, &seen, (template, language), key);
        }
        let dashboard = admin.see("/admin", language).text;
        assert!(dashboard.contains("/admin/stress-test/4\""), "{dashboard}");
        assert!(!dashboard.contains("0 / 0"), "the figures of a run that goes on: {dashboard}");
        let sent = admin.send("/admin/channels/1/keys", &[("kind", "read")]);
        let fresh = admin.see(sent.location.as_deref().unwrap(), language).text;
        assert_page(&server, &fresh, ("channel_keys.html", language), "channels.fresh.title");
    }
}

/// A thousand channels, a hundred noisy operations, four thousand checks.
const MUCH: &str = "CREATE TEMP TABLE number AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) SELECT i FROM n;
             INSERT INTO channels (name, created_at_ms) SELECT replace(hex(zeroblob(127)), '00', '\"\"') || '\"', 0 FROM number WHERE i < 1000;
             INSERT INTO agent_operations (agent_id, operation_type, command, peer, place, state, instance, started_at_ms, took_us,
                 exit_code, stdout, stderr)
               SELECT 'noisy', 'run_bash', replace(hex(zeroblob(1024)), '00', '\"\"'), '127.0.0.1', 0, 'done', '', i, 1, 0,
                 replace(hex(zeroblob(512)), '00', '\"\"'), replace(hex(zeroblob(512)), '00', '\"\"') FROM number WHERE i <= 100;
             INSERT INTO criteria_checks (checked_at_ms, verdict, settled, rung, reason, agents, p95, cv, db_size, rps, red_flags)
               SELECT i * 300000, 'ok', 'ok', 'OK', '', i % 5, i % 200, i % 50, i * 1000, i % 9, 0 FROM number;";

/// Texts that take six times their size on a page, as many as there can be.
#[test]
fn pages_with_much_on_them_stay_light() {
    let workspace = Workspace::new();
    workspace.create_channel("greenhouse");
    let server = bridge::serve(&workspace, &["--exec", "shell"]);
    let admin = Admin::new(&workspace, &server);
    let quotes = "\"".repeat(255);
    let labels: Vec<_> = (1..=8).map(|field| (format!("field{field}"), quotes.as_str())).collect();
    let mut fields = vec![
        ("name", quotes.as_str()),
        ("description", quotes.as_str()),
        ("timezone", "UTC"),
        ("retention", ""),
    ];
    fields.extend(labels.iter().map(|(name, value)| (name.as_str(), *value)));
    assert_eq!(admin.send("/admin/channels/1/settings", &fields).status, 303);
    let key = admin.send_and_follow("/admin/channels/1/keys", &[("kind", "write")]).text;
    let key = key.split("api_key=").nth(1).unwrap().split("&amp;").next().unwrap().to_owned();
    let rows: Vec<Value> = (0..1000)
        .map(|at| json!({ "delta_t": 86, "field1": format!("{}.5", at % 7), "field2": at }))
        .collect();
    let bulk = json!({ "write_api_key": key, "updates": rows }).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = exchange(&server, &request("POST", "/channels/1/bulk_update.json", &headers, &bulk));
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let last =
        (2..=8).map(|field| format!("field{field}={}", "%22".repeat(255))).collect::<Vec<_>>().join("&");
    let answer = exchange(
        &server,
        &request(
            "POST",
            "/update",
            &[("Content-Type", crate::support::wire::FORM)],
            &format!("api_key={key}&field1=3&{last}"),
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    command(&server, "noisy", "true");
    workspace.database().execute_batch(MUCH).unwrap();
    for language in ["en", "ru"] {
        for (path, key) in [
            ("/admin", "dashboard.question"),
            ("/admin/channels", "channels.question"),
            ("/admin/channels?page=20", "channels.question"),
            ("/admin/channels/1?range=24h", "channels.latest"),
            ("/admin/channels/1?range=7d&field=2", "channels.latest"),
            ("/admin/channels/1/delete", "channels.confirm.delete.lost"),
            ("/admin/agents", "agents.question"),
            ("/admin/agents/history?agent_id=noisy", "agents.history"),
            ("/admin/agents/history?agent_id=noisy&page=5", "agents.history"),
            ("/admin/requests", "requests.question"),
            ("/admin/criteria", "criteria.question"),
        ] {
            assert_page(&server, &admin.see(path, language).text, (path, language), key);
        }
    }
    let last = admin.see("/admin/agents/history?agent_id=noisy&page=99", "en").text;
    assert!(last.contains("5 of 5") && last.contains("1970-01-01"), "the oldest can be reached: {last}");
    let last = admin.see("/admin/channels?page=99", "en").text;
    assert!(last.contains("20 of 20") && last.contains("<td class=\"number\">1000</td>"), "{last}");
    let wrong = admin.send("/admin/channels/1/settings", &[("name", ""), ("description", &quotes)]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("<title>✕ Not saved"), "{}", wrong.text);
}
