//! Dashboard, channels, agents, requests and criteria, as people see them.

use porta::domain::criteria::measure::Measure;

use crate::support::bridge::{self, TOKEN};
use crate::support::browser::{ADMIN, Browser, VIEWER};
use crate::support::people::{Admin, Answered};
use crate::support::wire::{exchange, get, request};
use crate::support::{Server, Workspace};

/// The pages that need nothing to be there.
const PAGES: [&str; 5] = ["/admin", "/admin/channels", "/admin/agents", "/admin/requests", "/admin/criteria"];

fn page(answered: &Answered) -> &str {
    assert_eq!(answered.status, 200, "{answered:?}");
    &answered.text
}

fn update(server: &Server, key: &str, fields: &str) {
    let answer = exchange(server, &get(&format!("/update?api_key={key}&{fields}")));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} after {before:?}")).0
}

#[test]
fn an_empty_server_says_what_to_do_first_in_both_languages() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    for (language, words) in [
        (
            "en",
            [
                "Is my server well?",
                "What do the devices send?",
                "Who uses the agent bridge?",
                "What was asked of this server?",
                "Is it time to move?",
            ],
        ),
        (
            "ru",
            [
                "Всё ли в порядке с сервером?",
                "Что присылают устройства?",
                "Кто пользуется мостом для агентов?",
                "О чём спрашивали сервер?",
                "Пора ли переезжать?",
            ],
        ),
    ] {
        for (path, heading) in PAGES.iter().zip(words) {
            let answered = admin.see(path, language);
            let page = page(&answered);
            assert!(page.contains(&format!("<h1>{heading}</h1>")), "{path} {page}");
            assert!(page.contains(&format!("lang=\"{language}\"")), "{page}");
            assert!(page.contains(&format!("<a href=\"{path}\" aria-current=\"page\">")), "{path} {page}");
            assert!(!page.contains("style="), "the policy allows none: {page}");
            assert!(page.len() < 60_000, "{path}: {} bytes", page.len());
        }
    }
    let dashboard = admin.see("/admin", "en");
    let dashboard = page(&dashboard);
    assert!(dashboard.contains("<title>· Not known yet · porta</title>"), "{dashboard}");
    assert!(dashboard.contains("What to do first") && dashboard.contains("no data on"), "{dashboard}");
    let agents = admin.see("/admin/agents", "en");
    assert!(page(&agents).contains("porta serve --token-file token"), "it says how to switch the bridge on");
}

#[test]
fn a_dashboard_shows_what_the_server_knows() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path().join("criteria.toml"), "[criteria]\ndb_size = \"2kB\"\n").unwrap();
    let channel = workspace.create_channel("greenhouse");
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    for value in 0..30 {
        update(&server, &channel.write_key, &format!("field1={value}"));
    }
    let seen = admin.see("/admin", "en");
    let text = page(&seen);
    assert!(text.contains("<title>! Something to look at · porta</title>"), "{text}");
    assert!(text.contains("database size is crossed"), "{text}");
    assert!(text.contains("/ 2.00 kB"), "the threshold of the file: {text}");
    assert!(between(text, "<dt>Updates so far</dt>", "</div>").contains(">30<"), "{text}");
    let russian = admin.see("/admin", "ru");
    assert!(page(&russian).contains("порог перейдён: размер базы"), "{}", russian.text);
    std::fs::write(workspace.path().join("criteria.toml"), "[criteria]\nnonsense = 1\n").unwrap();
    // What was found out is shown for some seconds.
    let mut seen = admin.see("/admin", "en");
    while !page(&seen).contains("The thresholds cannot be read") {
        seen = admin.see("/admin", "en");
    }
    assert!(seen.text.contains("nonsense"), "{}", seen.text);
    let title = "<title>✕ The thresholds cannot be read · porta</title>";
    assert!(seen.text.contains(title), "{}", seen.text);
    let criteria = admin.see("/admin/criteria", "en");
    assert!(page(&criteria).contains("nonsense") && criteria.text.contains(title), "{}", criteria.text);
}

#[test]
fn a_channel_is_created_and_shows_what_devices_send() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    let created = admin.send_and_follow(
        "/admin/channels",
        &[("name", " greenhouse "), ("field1", "Temperature"), ("field2", "Humidity"), ("field3", "")],
    );
    let text = page(&created);
    assert_eq!(created.cache.as_deref(), Some("no-store"));
    let write_key = between(text, "<dt>writing, and reading</dt><dd><code>", "</code>").to_owned();
    update(&server, &write_key, "field1=21.5&field2=60&status=fine");
    update(&server, &write_key, "field1=23.5");
    for secret in [&write_key, between(text, "<dt>reading</dt><dd><code>", "</code>")] {
        assert_eq!(secret.len(), 16);
        for path in ["/admin/channels", "/admin/channels/1"] {
            assert!(!admin.see(path, "en").text.contains(secret), "shown once: {path}");
        }
    }
    let list = admin.see("/admin/channels", "en");
    assert!(page(&list).contains("<a href=\"/admin/channels/1\">greenhouse</a>"), "{}", list.text);
    let shown = admin.see("/admin/channels/1?field=1&range=1h", "en");
    let text = page(&shown);
    assert!(text.contains("<dt>Temperature</dt><dd>23.5</dd>"), "{text}");
    assert!(text.contains("<svg") && text.contains("Temperature over time"), "{text}");
    assert!(text.contains("need not begin at zero"), "the caption says where the axis begins: {text}");
    // The address is the one that the browser has asked.
    assert!(text.contains("curl -d 'api_key=WRITE_KEY&amp;field1=21.5' http://x/update"), "{text}");
    assert!(text.contains("Trends and rules"), "{text}");
}

#[test]
fn settings_of_a_channel() {
    let workspace = Workspace::new();
    workspace.create_channel("greenhouse");
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    let changed = admin.send(
        "/admin/channels/1/settings",
        &[
            ("name", "Гараж"),
            ("description", ""),
            ("public", "1"),
            ("timezone", "Europe/Berlin"),
            ("retention", "90d"),
            ("field1", "T"),
            ("field2", ""),
        ],
    );
    assert_eq!((changed.status, changed.location.as_deref()), (303, Some("/admin/channels/1#settings")));
    let shown = admin.see("/admin/channels/1", "en");
    let text = page(&shown);
    assert!(
        text.contains("<h1>Гараж</h1>") && text.contains("value=\"90d\"") && text.contains("open to all"),
        "{text}"
    );
    for (field, value, says) in [
        ("timezone", "Mars/Base", "There is no such time zone"),
        ("name", "", "A name has 1 to 255 bytes"),
        ("retention", "soon", "Write 90d, 12h"),
        ("field4", &"x".repeat(300), "A label has at most 255 bytes"),
    ] {
        let fields = [("name", "n"), ("timezone", "UTC"), ("retention", ""), (field, value)];
        let wrong = admin.send("/admin/channels/1/settings", &fields);
        assert_eq!(wrong.status, 422, "{field}: {}", wrong.text);
        assert!(
            wrong.text.contains(says) && wrong.text.contains(&format!("value=\"{value}\"")),
            "{}",
            wrong.text
        );
    }
    let unnamed = admin.send("/admin/channels", &[("name", " ")]);
    assert_eq!(unnamed.status, 422, "{}", unnamed.text);
    assert!(unnamed.text.contains("A name has 1 to 255 bytes"), "{}", unnamed.text);
}

#[test]
fn keys_of_a_channel_are_made_replaced_and_ended() {
    let workspace = Workspace::new();
    let write_key = workspace.create_channel("greenhouse").write_key;
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    let fresh = admin.send_and_follow("/admin/channels/1/keys", &[("kind", "write")]);
    assert_eq!(fresh.cache.as_deref(), Some("no-store"));
    let third = between(page(&fresh), "<dt>writing, and reading</dt><dd><code>", "</code>").to_owned();
    update(&server, &third, "field1=1");
    let asked = admin.see("/admin/channels/1/keys/1", "en");
    assert!(page(&asked).contains(&write_key[..4]) && !asked.text.contains(&write_key), "{}", asked.text);
    let rotated = admin.send_and_follow("/admin/channels/1/keys/1/rotate", &[]);
    let second = between(page(&rotated), "<dt>writing, and reading</dt><dd><code>", "</code>");
    update(&server, second, "field1=1");
    let refused = exchange(&server, &get(&format!("/update?api_key={write_key}&field1=1")));
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    let revoked = admin.send("/admin/channels/1/keys/3/revoke", &[]);
    assert_eq!((revoked.status, revoked.location.as_deref()), (303, Some("/admin/channels/1#keys")));
    assert_eq!(admin.see("/admin/channels/1/keys/3", "en").status, 404);
    assert_eq!(admin.send("/admin/channels/1/keys", &[("kind", "both")]).status, 400);
}

#[test]
fn who_clears_or_deletes_a_channel_is_told_what_is_lost() {
    let workspace = Workspace::new();
    let write_key = workspace.create_channel("greenhouse").write_key;
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    for value in 0..4 {
        update(&server, &write_key, &format!("field1={value}"));
    }
    let asked = admin.see("/admin/channels/1/clear", "en");
    assert!(page(&asked).contains("4 entries"), "it says what will be lost: {}", asked.text);
    assert_eq!(workspace.entries(1).len(), 4, "asking takes nothing away");
    assert_eq!(admin.send("/admin/channels/1/clear", &[]).status, 303);
    let asked = admin.see("/admin/channels/1/delete", "ru");
    assert!(page(&asked).contains("0 записей") && asked.text.contains("2 ключа"), "{}", asked.text);
    let deleted = admin.send("/admin/channels/1/delete", &[]);
    assert_eq!((deleted.status, deleted.location.as_deref()), (303, Some("/admin/channels")));
    for path in
        ["/admin/channels/1", "/admin/channels/1/delete", "/admin/channels/x", "/admin/channels/1/keys/1"]
    {
        let gone = admin.see(path, "en");
        assert_eq!(gone.status, 404, "{path}");
        assert!(gone.text.contains("There is no such page"), "{}", gone.text);
    }
}

#[test]
fn agents_and_what_was_run_for_them() {
    let workspace = Workspace::new();
    let server = bridge::serve(&workspace, &["--exec", "shell"]);
    let admin = Admin::new(&workspace, &server);
    let agent = [("X-PORTA-TOKEN", TOKEN), ("Content-Type", "application/json")];
    for body in [
        r#"{"agent_id":"night watch/é","cmd":"echo hello"}"#,
        r#"{"agent_id":"night watch/é","cmd":"exit 3"}"#,
    ] {
        let answer = exchange(&server, &request("POST", "/run_bash", &agent, body));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let seen = admin.see("/admin/agents", "en");
    let text = page(&seen);
    assert!(text.contains("<title>1 active agent · porta</title>"), "{text}");
    let history = between(text, "<th scope=\"row\"><a href=\"", "\">night watch/é</a>").replace("&amp;", "&");
    let seen = admin.see(&history, "ru");
    let text = page(&seen);
    assert!(text.contains("Что выполнялось для night watch/é?"), "{text}");
    assert!(text.contains("<code>echo hello</code>") && text.contains("<code>hello</code>"), "{text}");
    assert!(text.contains("код 3") && text.contains("завершена"), "{text}");
    for path in
        ["/admin/agents/history", "/admin/agents/history?agent_id=nobody", "/admin/agents/history?agent_id="]
    {
        assert_eq!(admin.see(path, "en").status, 404, "{path}");
    }
    assert_eq!(admin.see("/admin/agents?page=99999999999999999999", "en").status, 200);
    let beyond = admin.see("/admin/agents?page=7", "en");
    assert!(
        page(&beyond).contains(">night watch/é</a>"),
        "beyond the last page is the last: {}",
        beyond.text
    );
}

#[test]
fn requests_by_route_live_and_stress_apart() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    for _ in 0..7 {
        update(&server, &channel.write_key, "field1=1");
    }
    let path = format!("/update?api_key={}&field1=1", channel.write_key);
    exchange(&server, &request("GET", &path, &[("X-Porta-Run", "1")], ""));
    exchange(&server, &get("/update?api_key=AAAABBBBCCCCDDDD&field1=1"));
    let seen = loop {
        // What is counted is stored every ten seconds.
        let seen = admin.see("/admin/requests?range=1h", "en");
        if page(&seen).contains("Requests of stress tests by route") {
            break seen;
        }
    };
    assert!(seen.text.contains("<title>✓ No errors of the server · porta</title>"), "{}", seen.text);
    let live = between(&seen.text, "Live requests by route", "Requests of stress tests by route");
    let row = between(live, "<code>GET /update</code></th>", "</tr>");
    assert!(row.starts_with("<td class=\"number\">8</td>"), "{row}");
    let stress = between(&seen.text, "Requests of stress tests by route", "The server itself");
    assert!(
        between(stress, "<code>GET /update</code></th>", "</tr>").starts_with("<td class=\"number\">1</td>"),
        "{stress}"
    );
    assert!(row.matches("–").count() == 3, "too few for a percentile: {row}");
    // Charts show minutes that are over.
    let database = workspace.database();
    for table in ["server_metrics", "request_metrics"] {
        let earlier =
            format!("UPDATE {table} SET starts_at_ms = starts_at_ms - 600000 WHERE period_ms = 60000");
        database.execute(&earlier, []).unwrap();
    }
    let drawn = loop {
        // What was read is shown for some seconds.
        let drawn = admin.see("/admin/requests?range=1h", "en");
        if page(&drawn).matches("<svg class=\"chart\"").count() == 2 {
            break drawn;
        }
    };
    assert_eq!(drawn.text.matches("<summary>The numbers</summary>").count(), 1, "one table: {}", drawn.text);
    assert!(drawn.text.contains("threshold of p95: 2000 ms"), "{}", drawn.text);
    for name in ["Writer busy", "CPU"] {
        assert!(between(&seen.text, &format!("<dt>{name}</dt>"), "</div>").contains('%'), "{}", seen.text);
    }
    for range in ["24h", "7d", "nonsense", ""] {
        assert_eq!(admin.see(&format!("/admin/requests?range={range}"), "ru").status, 200);
    }
}

#[test]
fn criteria_as_the_command_has_them() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let admin = Admin::new(&workspace, &server);
    for _ in 0..2 {
        assert_eq!(workspace.porta(&["criteria", "check"]).code, Some(3));
    }
    let seen = admin.see("/admin/criteria", "en");
    let text = page(&seen);
    let listed = workspace.json(&["criteria", "checklist", "--format", "json"]);
    for item in listed.as_array().unwrap() {
        assert!(text.contains(item["text"].as_str().unwrap()), "{item}");
    }
    let check = workspace.porta(&["criteria", "check", "--no-store", "--format", "json"]);
    let check: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    for remedy in check["remedies"].as_array().unwrap() {
        assert!(text.contains(remedy["does_not_fix"][0].as_str().unwrap()), "{remedy}");
    }
    let plain = text
        .replace('\u{a0}', " ")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&#x2f;", "/")
        .replace("&#x27;", "'");
    assert!(plain.contains(check["reason"].as_str().unwrap()), "{} in {plain}", check["reason"]);
    for criterion in check["criteria"].as_array().unwrap() {
        let measure: Measure = serde_json::from_value(criterion["id"].clone()).unwrap();
        let threshold = measure.text(criterion["threshold"].as_f64().unwrap());
        assert!(plain.contains(&threshold), "{threshold} in {plain}");
        // The size may have changed meanwhile.
        let value = criterion["value"].as_f64().filter(|_| measure != Measure::DbSize);
        let shown = value.map_or("–".into(), |value| measure.text(value));
        assert!(plain.contains(&format!("<td class=\"number\">{shown}</td>")), "{shown} in {plain}");
    }
    for flag in check["flags"].as_array().unwrap().iter().filter(|flag| flag["id"] != "db_size_yellow") {
        assert!(plain.contains(flag["detail"].as_str().unwrap()), "{flag} in {plain}");
    }
    assert!(text.contains("2 checks") && text.contains("Is it time to move?"), "{text}");
    let russian = admin.see("/admin/criteria", "ru");
    let text = page(&russian);
    assert!(text.contains("2 проверки") && text.contains("Резервная копия сделана и проверена"), "{text}");
    assert!(!text.contains("A backup"), "{text}");
}

#[test]
fn a_viewer_sees_how_the_server_is_and_no_way_to_what_is_for_administrators() {
    let workspace = Workspace::new();
    let server = workspace.serve_people(&[]);
    let mut browser = Browser::logged_in(&server, VIEWER);
    let seen = browser.get("/");
    assert!(seen.status == 200 && seen.body.contains("Is my server well?"), "{seen:?}");
    assert!(!seen.body.contains("/admin"), "{seen:?}");
    for path in PAGES {
        assert_eq!(browser.get(path).status, 403, "{path}");
    }
    let mut admin = Browser::logged_in(&server, ADMIN);
    assert_eq!(admin.get("/").location(), "/admin");
}
