//! The device API, byte by byte: what real devices and their readers send, and the bytes they rely on.

use crate::support::wire::{FORM, exchange, get, post, request};
use crate::support::{Server, Workspace};

/// Status and body of a response.
fn answer(server: &Server, request: &str) -> (String, String) {
    let response = exchange(server, request);
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response}"));
    (head.split(' ').nth(1).unwrap().into(), body.into())
}

fn body_of(server: &Server, path: &str) -> String {
    let (status, body) = answer(server, &get(path));
    assert_eq!(status, "200", "{path}: {body}");
    body
}

/// The exact bytes of thingspeak-arduino 2.1.1, which does not encode what it sends, and parses by searching.
#[test]
fn the_arduino_library_writes_and_reads() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("arduino");
    let server = workspace.serve(&[]);
    let body = "field1=1.00000&field2=50% of it & more&latitude=40.44&status=on&headers=false";
    let write = format!(
        "POST /update HTTP/1.1\r\nHost: api.thingspeak.com\r\nUser-Agent: tslib-arduino/2.1.1 (ESP32)\r\n\
         X-THINGSPEAKAPIKEY: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        channel.write_key,
        body.len()
    );
    // It keeps the connection open and reads as far as the length says.
    let response = crate::support::wire::exchange_open(&server, &write);
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("\r\nContent-Length: 1\r\n"), "{response}");
    assert!(response.len() >= 17 && response.ends_with("\r\n\r\n1"), "{response}");
    assert!(!response.to_ascii_lowercase().contains("transfer-encoding"), "{response}");

    let read = |path: &str| {
        let request = format!(
            "GET /channels/{}{path} HTTP/1.1\r\nHost: api.thingspeak.com\r\nUser-Agent: tslib-arduino/2.1.1 (ESP32)\r\n\
             X-THINGSPEAKAPIKEY: {}\r\n\r\n",
            channel.id, channel.write_key
        );
        let response = crate::support::wire::exchange_open(&server, &request);
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("\r\nContent-Length: "), "{response}");
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(read("/fields/1/last"), "1.00000");
    assert_eq!(read("/fields/2/last"), "50% of it ");
    let everything = read("/feeds/last.txt?status=true&location=true");
    for wanted in [
        "\"entry_id\":1,",
        "\"field1\":\"1.00000\"",
        "\"latitude\":\"40.44\"",
        "\"status\":\"on\"",
        "\"created_at\":\"20",
    ] {
        assert!(everything.contains(wanted), "{everything}");
    }
}

#[test]
fn every_form_of_update_is_stored() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("inputs");
    let server = workspace.serve(&[]);
    let key = &channel.write_key;
    let with_header = |name: &str, path: &str, content_type: &str, body: &str| {
        request("POST", path, &[(name, key), ("Content-Type", content_type)], body)
    };
    let requests = [
        get(&format!("/update?api_key={key}&field1=query")),
        post(&format!("/update?key={key}&1=empty+body"), FORM, ""),
        post("/update", FORM, &format!("apikey={key}&field1=form")),
        with_header("THINGSPEAKAPIKEY", "/update", FORM, "api_key=WRONG&field1=header wins"),
        with_header("X-Any-ThingSpeakApiKey-At-All", "/update", "application/json", r#"{"field1":"json"}"#),
        post(
            "/update",
            "application/json; charset=utf-8",
            &format!(r#"{{"api_key":"{key}","field1":1.50}}"#),
        ),
        with_header("X-THINGSPEAKAPIKEY", "/update?field1=query", "application/json", ""),
        request("POST", "/update", &[], &format!("api_key={key}&field1=without+a+type")),
        post(
            "/update?field1=query",
            "application/x-www-form-urlencoded; charset=UTF-8",
            &format!("api_key={key}&field1=body+wins%2C%C3%A9"),
        ),
        post("/update", FORM, &format!("api_key={key}&field1=50% & more&field8=")),
    ];
    for (index, request) in requests.iter().enumerate() {
        let response = exchange(&server, request);
        let id = (index + 1).to_string();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains(&format!("\r\nContent-Length: {}\r\n", id.len())), "{response}");
        assert!(response.ends_with(&format!("\r\n\r\n{id}")), "{request}{response}");
    }
    let values: Vec<_> = workspace.entries(channel.id).into_iter().map(|(_, value)| value).collect();
    assert_eq!(
        values,
        [
            "query",
            "empty body",
            "form",
            "header wins",
            "json",
            "1.50",
            "query",
            "without a type",
            "body wins,é",
            "50% "
        ]
    );
}

#[test]
fn suffixes_answer_with_the_entry() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let body = format!(
        "api_key={}&field1=7&field3=a%22b&lat=40.44&created_at=2014-02-25T14:13:01Z&status=s",
        channel.write_key
    );
    let id = channel.id;
    let (status, json) = answer(&server, &post("/update.json", FORM, &body));
    assert_eq!(status, "200");
    assert_eq!(
        json,
        format!(
            r#"{{"channel_id":{id},"field1":"7","field2":null,"field3":"a\"b","field4":null,"field5":null,"field6":null,"field7":null,"field8":null,"created_at":"2014-02-25T14:13:01Z","entry_id":1,"status":"s","latitude":"40.44","longitude":null,"elevation":null}}"#
        )
    );
    let (_, xml) = answer(&server, &post("/update.xml", FORM, &body));
    assert!(
        xml.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed>\n  <channel-id type=\"integer\">"
        ),
        "{xml}"
    );
    assert!(
        xml.contains("  <field2 nil=\"true\"/>\n") && xml.contains("<entry-id type=\"integer\">2</entry-id>"),
        "{xml}"
    );
    for suffix in ["", ".json", ".xml"] {
        let wrong = post(&format!("/update{suffix}"), FORM, "api_key=WRONG&field1=1");
        assert_eq!(answer(&server, &wrong), ("400".into(), "0".into()), "{suffix}");
    }
}

#[test]
fn an_update_too_soon_is_answered_with_0_and_not_stored() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("limited");
    let id = channel.id.to_string();
    assert_eq!(workspace.porta(&["admin", "channel", "edit", &id, "--update-interval", "1h"]).code, Some(0));
    let server = workspace.serve(&[]);
    let update = post("/update", FORM, &format!("api_key={}&field1=1", channel.write_key));
    assert_eq!(answer(&server, &update), ("200".into(), "1".into()));
    assert_eq!(answer(&server, &update), ("200".into(), "0".into()));
    let json = post("/update.json", FORM, &format!("api_key={}&field1=1", channel.write_key));
    assert_eq!(answer(&server, &json), ("200".into(), "0".into()));
    assert_eq!(workspace.entries(channel.id).len(), 1);
    let path = format!("/channels/{id}/bulk_update.csv");
    let bulk = format!("write_api_key={}&time_format=relative&updates=1,2", channel.write_key);
    assert_eq!(answer(&server, &post(&path, FORM, &bulk)).0, "429");
    // Lifted while the server runs.
    assert_eq!(
        workspace.porta(&["admin", "channel", "edit", &id, "--update-interval", "none"]).code,
        Some(0)
    );
    assert_eq!(answer(&server, &update), ("200".into(), "2".into()));
}

/// A channel with three entries of known times; public.
fn greenhouse(workspace: &Workspace) -> (crate::support::Channel, Server) {
    let channel = workspace.create_channel("greenhouse");
    let edited = workspace.porta(&[
        "admin",
        "channel",
        "edit",
        &channel.id.to_string(),
        "--public",
        "true",
        "--field",
        "1=Light",
        "--field",
        "2=Temperature",
        "--field",
        "3=",
        "--field",
        "4=",
        "--field",
        "5=",
        "--field",
        "6=",
        "--field",
        "7=",
        "--field",
        "8=",
        "--latitude",
        "40.44",
        "--longitude",
        "-79.9965",
        "--elevation",
        "300",
        "--description",
        "behind the house",
        "--metadata",
        "{\"a\":1}",
    ]);
    assert_eq!(edited.code, Some(0), "{edited:?}");
    let server = workspace.serve(&[]);
    let updates = r#"[{"created_at":"2014-02-26T12:42:49Z","field1":"188","field2":"25.902335456475583","status":"on","latitude":"1.5"},
        {"created_at":"2014-02-26T12:43:04Z","field1":"164","field2":"25,2"},
        {"created_at":"2014-02-26T13:43:04Z","field2":"off","field3":"hidden"}]"#;
    let body = format!(r#"{{"write_api_key":"{}","updates":{updates}}}"#, channel.write_key);
    let path = format!("/channels/{}/bulk_update.json", channel.id);
    assert_eq!(
        answer(&server, &post(&path, "application/json", &body)),
        ("202".into(), "{\"success\":true}".into())
    );
    (channel, server)
}

/// The channel's own times are those of the test.
fn without_times(body: &str) -> String {
    let mut shown = String::new();
    let mut rest = body;
    while let Some(at) = ["created_at", "updated_at", "created-at", "updated-at"]
        .iter()
        .filter_map(|name| rest.find(name).map(|at| at + name.len()))
        .min()
    {
        let (before, after) = rest.split_at(at);
        shown.push_str(before);
        let end = after.find(['Z', '<']).map_or(after.len(), |end| end);
        let time = &after[..end];
        if time.contains("2014-") || !time.contains("20") {
            shown.push_str(time);
        } else {
            let year = time.find("20").unwrap();
            shown.push_str(&time[..year]);
            shown.push_str("NOW");
        }
        rest = &after[end..];
    }
    shown + rest
}

#[test]
fn feeds_in_every_format() {
    let workspace = Workspace::new();
    let (channel, server) = greenhouse(&workspace);
    let id = channel.id;
    let mut shown = String::new();
    for path in [
        "/feeds.json?results=8000",
        "/feed.json?results=2&status=true&location=true&metadata=true",
        "/feeds?results=0",
        "/feeds.json",
        "/feeds.xml?results=2",
        "/feeds.csv?results=8000&timezone=America/New_York",
        "/fields/2.json?results=8000&round=1",
        "/field/field2.csv?results=8000",
        "/status.json?results=8000",
        "/feeds.json?results=1&callback=app.show",
        "/feeds.json?results=8000&average=60",
        "/feeds.csv?days=36500&timescale=60&offset=-5",
        "/feeds.json?start=2014-02-26%2012:43:00&end=2014-02-26%2013:00:00",
        "/feeds.json?start_entry_id=2&end_entry_id=2",
        "/feeds.json?results=8000&min=170",
        "/feeds.json?results=8000&max=25.5",
        "/feeds/last.json",
        "/feeds/last",
        "/feeds/1.xml?status=true",
        "/feeds/1.csv?location=true",
        "/feeds/last.json?callback=f",
        "/fields/1/last",
        "/fields/1/last.json",
        "/fields/2/2.txt?prepend=%3C&append=%3E",
        "/fields/3/last.json",
        "/status/1.txt",
        "/status/last.json",
        ".json",
        "",
    ] {
        let body = body_of(&server, &format!("/channels/{id}{path}"));
        shown.push_str(&format!("GET {path}\n{}\n\n", without_times(&body)));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_is_not_there_is_said_as_thingspeak_says_it() {
    let workspace = Workspace::new();
    let (channel, server) = greenhouse(&workspace);
    let id = channel.id;
    for (path, status, body) in [
        (format!("/channels/{id}/feeds/99.json"), "200", "\"-1\""),
        (format!("/channels/{id}/fields/8/last"), "200", "\"-1\""),
        ("/channels/99/feeds.json".into(), "404", "\"details\":\"Not Found\""),
        (format!("/channels/{id}/fields/9.json"), "404", "fields 1 to 8"),
        (format!("/channels/{id}/fields/0/last"), "404", "fields 1 to 8"),
        (format!("/channels/{id}/feeds/first.json"), "404", "there is no entry first.json"),
        ("/channels/x/feeds.json".into(), "404", "channel x not found"),
        (format!("/channels/{id}/feeds.json?results=many"), "400", "results: write a whole number"),
        (format!("/channels/{id}/feeds.json?start=soon"), "400", "start: `soon` is not a time"),
        (format!("/channels/{id}/feeds.json?timezone=Mars"), "400", "timezone: `Mars` is not a time zone"),
        (format!("/channels/{id}/feeds.json?callback=alert(1)"), "400", "callback: write the name"),
    ] {
        let (got, answer) = answer(&server, &get(&path));
        assert_eq!(got, status, "{path}: {answer}");
        assert!(answer.contains(body), "{path}: {answer}");
    }
    let (_, json) = answer(&server, &get("/channels/99/feeds.json"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["status"], "404", "the status is a string");
    assert_eq!(json["error"]["error_code"], "error_resource_not_found");
}

#[test]
fn the_age_of_the_last_entry() {
    let workspace = Workspace::new();
    let (channel, server) = greenhouse(&workspace);
    let age = |path: &str| body_of(&server, &format!("/channels/{}/{path}", channel.id));
    let seconds: i64 = age("feeds/last_data_age.txt").parse().unwrap();
    assert!(seconds > 380_000_000, "{seconds}");
    assert!(age("fields/1/last_data_age").parse::<i64>().unwrap() >= seconds + 3600);
    let json: serde_json::Value = serde_json::from_str(&age("feeds/last_data_age.json")).unwrap();
    assert!(json["last_data_age"].as_str().unwrap().parse::<i64>().unwrap() >= seconds);
    assert_eq!(json["last_data_age_units"], "s");
}

#[test]
fn an_answer_has_at_most_8000_rows() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("long");
    let server = workspace.serve(&[]);
    let rows: Vec<_> = (0..8001).map(|second| format!("{},{second}", 1_500_000_000 + second)).collect();
    let body = format!("write_api_key={}&time_format=absolute&updates={}", channel.write_key, rows.join("|"));
    let path = format!("/channels/{}/bulk_update.csv", channel.id);
    assert_eq!(answer(&server, &post(&path, FORM, &body)).0, "202");
    let csv = |query: &str| {
        let key = &channel.write_key;
        body_of(&server, &format!("/channels/{}/feeds.csv?api_key={key}&{query}", channel.id))
    };
    for query in ["results=8000", "results=9000", "days=36500", "end=2030-01-01", "start_entry_id=0"] {
        let body = csv(query);
        assert_eq!(body.lines().count(), 1 + 8000, "{query}");
        assert!(body.lines().nth(1).unwrap().contains(",2,1,"), "the newest: {query}");
    }
    assert_eq!(csv("").lines().count(), 1, "nothing is of the last 24 hours");
    assert_eq!(csv("results=0").lines().count(), 1);
    // 8001 seconds from 02:40:00 on touch 14 slots; the rows are counted after they are put together.
    assert_eq!(csv("start_entry_id=0&sum=10").lines().count(), 1 + 14);
}

/// The clock of a device was wrong once.
#[test]
fn an_entry_from_the_future_does_not_hide_the_others() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let server = workspace.serve(&[]);
    let path = format!("/channels/{}", channel.id);
    let csv = format!(
        "write_api_key={}&time_format=absolute&updates=2020-01-01T00:00:00Z,1|2020-01-01T00:10:00Z,2|2999-01-01T00:00:00Z,3",
        channel.write_key
    );
    assert_eq!(answer(&server, &post(&format!("{path}/bulk_update.csv"), FORM, &csv)).0, "202");
    let rows = |query: &str| {
        let body = body_of(&server, &format!("{path}/fields/1.csv?api_key={}&{query}", channel.write_key));
        body.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let sums = ["2020-01-01 00:00:00 UTC,1.0", "2020-01-01 00:10:00 UTC,2.0"];
        assert_eq!(rows("start=2020-01-01&sum=10"), sums);
    }
    assert_eq!(rows("start=2020-01-01&end=2999-01-02&sum=10"), ["2999-01-01 00:00:00 UTC,3.0"]);
    assert_eq!(rows("start=2020-01-01").len(), 3);
}

/// Answers are remembered: whatever changes a channel, in whichever process, must show in the next one.
#[test]
fn a_remembered_answer_is_never_an_old_one() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("fresh");
    let servers = [workspace.serve(&[]), workspace.serve(&[])];
    let id = channel.id.to_string();
    let path = format!("/channels/{id}/feeds.csv?results=10&api_key={}", channel.write_key);
    let rows = |server: &Server| body_of(server, &path).lines().count() - 1;
    let update = post("/update", FORM, &format!("api_key={}&field1=1", channel.write_key));
    for stored in 1..=3 {
        answer(&servers[0], &update);
        for server in [&servers[1], &servers[0], &servers[1], &servers[0]] {
            assert_eq!(rows(server), stored);
        }
    }
    let porta = |arguments: &[&str]| {
        let ended = workspace.porta(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    porta(&["admin", "channel", "clear", &id, "--yes"]);
    assert_eq!(rows(&servers[0]), 0);
    // As many as there were: the number of entries alone does not tell.
    for _ in 0..3 {
        answer(&servers[1], &update.replace("field1=1", "field1=2"));
    }
    assert!(body_of(&servers[0], &path).ends_with(",2,,,,,,,\n"));
    porta(&["admin", "channel", "edit", &id, "--field", "1="]);
    assert!(!body_of(&servers[0], &path).contains("field1"));
    std::fs::write(workspace.path().join("old.csv"), "created_at,field2\n2014-02-26,1\n").unwrap();
    porta(&["migrate", "import", "thingspeak", "old.csv", "--channel", &id]);
    assert!(body_of(&servers[1], &path).contains("2014-02-26 00:00:00 UTC,4,1,"));
    // Its oldest entry is past what is kept from now on, and goes when the server next looks.
    porta(&["admin", "channel", "edit", &id, "--retention", "1h"]);
    assert_eq!(rows(&servers[0]), 4);
    let series = "(SELECT id FROM series WHERE channel_id IS NOT NULL)";
    let deleted = format!("DELETE FROM entries WHERE series_id = {series} AND entry_id = 4");
    assert_eq!(workspace.database().execute(&deleted, []).unwrap(), 1);
    assert_eq!(rows(&servers[0]), 3, "an answer with an entry that may have gone is not given again");
}

#[test]
fn bulk_updates_are_all_stored_or_none() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("bulk");
    let server = workspace.serve(&[]);
    let path = |kind: &str| format!("/channels/{}/bulk_update.{kind}", channel.id);
    let csv = format!(
        "write_api_key={}&time_format=relative&updates=3,1.0,,,,,,,,1,2,3,ok|10,2.0|5,3.0",
        channel.write_key
    );
    assert_eq!(answer(&server, &post(&path("csv"), FORM, &csv)), ("202".into(), "{\"success\":true}".into()));
    let with_header = request(
        "POST",
        &path("json"),
        &[("THINGSPEAKAPIKEY", &channel.write_key), ("Content-Type", "application/json")],
        r#"{"updates":[{"delta_t":1,"field1":4}]}"#,
    );
    assert_eq!(answer(&server, &with_header).0, "202");
    let wrong = format!(
        r#"{{"write_api_key":"{}","updates":[{{"delta_t":1,"field1":5}},{{"delta_t":"x","field1":6}}]}}"#,
        channel.write_key
    );
    let (status, body) = answer(&server, &post(&path("json"), "application/json", &wrong));
    assert_eq!(status, "400");
    assert!(body.contains("updates[1]: `x` is not a number of seconds"), "{body}");
    let entries: Vec<_> = workspace.entries(channel.id);
    let expected = [(1, "1.0"), (2, "2.0"), (3, "3.0"), (4, "4")].map(|(id, value)| (id, value.to_owned()));
    assert_eq!(entries, expected);
    let too_long = format!("write_api_key=x&updates={}", "x".repeat(8 * 1024 * 1024));
    assert_eq!(answer(&server, &post(&path("csv"), FORM, &too_long)).0, "413");
}

#[test]
fn scripts_of_any_page_may_ask() {
    let workspace = Workspace::new();
    let server = workspace.serve(&[]);
    for path in ["/update", "/channels/1/feeds.json", "/channels/anything/at/all"] {
        let response = exchange(&server, &request("OPTIONS", path, &[], ""));
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("\r\nAccess-Control-Allow-Origin: *\r\n"), "{response}");
        assert!(
            response.contains("\r\nAccess-Control-Allow-Methods: GET, POST, PUT, OPTIONS, DELETE, PATCH\r\n"),
            "{response}"
        );
    }
    let response = exchange(&server, &get("/channels/1/feeds.json"));
    assert!(response.contains("\r\nAccess-Control-Allow-Origin: *\r\n"), "errors, too: {response}");
    let nothing = exchange(&server, &get("/api/nothing"));
    assert!(nothing.contains("{\"error\":{\"code\":\"resource_not_found\""), "in its own shape: {nothing}");
    let response = exchange(&server, &get("/api/admin/channels"));
    assert!(!response.contains("Access-Control"), "not the admin API: {response}");
    assert!(
        exchange(&server, &request("OPTIONS", "/api/admin/channels", &[], "")).starts_with("HTTP/1.1 405")
    );
}
