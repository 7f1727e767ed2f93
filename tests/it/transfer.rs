//! Whole channels in and out.

use std::fmt::Write as _;

use reqwest::Client;

use crate::support::Workspace;
use crate::support::wire::{FORM, exchange, post};

const EXPORT: &str = "created_at,entry_id,field1,field2,latitude,longitude,elevation,status\n\
    2014-02-26 12:42:49 UTC,6060624,188,25.90,,,,\n\
    2014-02-26T12:43:04+00:00,6060625,164,,40.44,-79.9965,300,\"on, \"\"again\"\"\"\n";

fn import(workspace: &Workspace, content: &str, more: &[&str]) -> crate::support::Ended {
    std::fs::write(workspace.path().join("feeds.csv"), content).unwrap();
    workspace.porta(&[&["migrate", "import", "thingspeak", "feeds.csv"][..], more].concat())
}

#[test]
fn a_thingspeak_export_comes_in_with_its_times_and_goes_out_as_it_came() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("moved");
    let id = channel.id.to_string();
    let server = workspace.serve(&[]);
    let update = post("/update", FORM, &format!("api_key={}&field1=live", channel.write_key));
    assert!(exchange(&server, &update).ends_with("\r\n\r\n1"));
    let ended = import(&workspace, EXPORT, &["--channel", &id]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "2 entries from feeds.csv are in channel 1.\n");
    let repeated = import(&workspace, EXPORT, &["--channel", &id]);
    assert_eq!(repeated.code, Some(1));
    assert!(
        repeated.stderr.contains("its first entry is entry 2 of the channel already"),
        "{}",
        repeated.stderr
    );
    assert!(exchange(&server, &update).ends_with("\r\n\r\n4"), "ids go on, without a gap");

    let exported = workspace.porta(&["migrate", "export", "--channel", &id]).stdout;
    let lines: Vec<_> = exported.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "created_at,entry_id,field1,field2,field3,field4,field5,field6,field7,field8,latitude,longitude,elevation,status",
            "2014-02-26T12:42:49.000Z,2,188,25.90,,,,,,,,,,",
            "2014-02-26T12:43:04.000Z,3,164,,,,,,,,40.44,-79.9965,300,\"on, \"\"again\"\"\"",
        ]
    );
    assert!(
        lines[3].contains("Z,1,live,") && lines[4].contains("Z,4,live,"),
        "in the order of time: {exported}"
    );

    // What went out comes in elsewhere, and goes out the same, but for the ids.
    let other = Workspace::new();
    other.create_channel("copy");
    assert_eq!(import(&other, &exported, &["--channel", "1"]).code, Some(0));
    let again = other.porta(&["migrate", "export", "--channel", "1"]).stdout;
    let without_ids = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .map(|line| {
                line.split(',').enumerate().filter(|(at, _)| *at != 1).map(|(_, cell)| cell.into()).collect()
            })
            .collect()
    };
    assert_eq!(without_ids(&again), without_ids(&exported));
}

#[test]
fn an_import_is_all_or_nothing_and_names_the_line() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    let id = channel.id.to_string();
    let mut long = "created_at,entry_id,field1\n".to_owned();
    for second in 0..20_000 {
        writeln!(long, "{},{second},{second}", 1_500_000_000 + second).unwrap();
    }
    long.push_str("never,20001,1\n");
    for (content, words) in [
        (&*long, "line 20002: `never` is not a time"),
        ("", "line 1 does not name a column created_at"),
        ("created_at,entry_id\n", "line 1 names none of field1 to field8"),
        (
            "created_at,field1,field2\n2014-02-26,\"never,closed\n",
            "line 2: its number of columns is 2, line 1 names 3",
        ),
        (
            "created_at,field1\n2014-02-26,1\n2014-02-27\n",
            "line 3: its number of columns is 1, line 1 names 2",
        ),
    ] {
        let ended = import(&workspace, content, &["--channel", &id]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.starts_with("error: cannot import feeds.csv: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert_eq!(workspace.entries(channel.id), []);
    }
    let ended = import(&workspace, EXPORT, &["--channel", "9"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("channel 9 not found\n       List them: porta admin channel list"),
        "{}",
        ended.stderr
    );
    let keeping = workspace.porta(&["admin", "channel", "edit", &id, "--retention", "30d"]);
    assert_eq!(keeping.code, Some(0));
    let ended = import(&workspace, EXPORT, &["--channel", &id]);
    assert!(
        ended.stderr.contains("2014-02-26T12:42:49.000Z is older than the channel keeps"),
        "{}",
        ended.stderr
    );
    assert_eq!(workspace.entries(channel.id), []);
    let ended = workspace.porta(&["migrate", "import", "thingspeak", "missing.csv", "--channel", &id]);
    assert!(ended.stderr.contains("cannot import missing.csv: No such file"), "{}", ended.stderr);
    let ended = import(&workspace, EXPORT, &["--channel", &id, "--timezone", "Mars"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn times_without_a_zone_are_in_the_one_that_is_named() {
    let workspace = Workspace::new();
    workspace.create_channel("c");
    let content = "created_at,field1\n2014-07-01 12:00:00,1\n";
    let ended = import(&workspace, content, &["--channel", "1", "--timezone", "Europe/Berlin"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let exported = workspace.porta(&["migrate", "export", "--channel", "1"]).stdout;
    assert!(exported.contains("2014-07-01T10:00:00.000Z,1,1,"), "{exported}");
}

/// An import that is killed midway leaves nothing.
#[test]
fn an_import_that_is_killed_has_imported_nothing() {
    let workspace = Workspace::new();
    let channel = workspace.create_channel("c");
    // A pipe that never ends: the import is in the middle of its transaction for as long as we like.
    let path = workspace.path().join("pipe.csv");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let mut child = workspace
        .command(&["migrate", "import", "thingspeak", "pipe.csv", "--channel", "1"])
        .spawn()
        .unwrap();
    let mut pipe = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut content = "created_at,field1\n".to_owned();
    for second in 0..50_000 {
        writeln!(content, "{},{second}", 1_500_000_000 + second).unwrap();
    }
    std::io::Write::write_all(&mut pipe, content.as_bytes()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(workspace.entries(channel.id), []);
    assert_eq!(
        import(&workspace, EXPORT, &["--channel", "1"]).code,
        Some(0),
        "nothing is left behind that is in the way"
    );
}

/// Half of one channel and half of another would look like a whole.
#[tokio::test]
async fn an_export_of_a_channel_that_is_cleared_meanwhile_fails() {
    use porta::domain::id::ChannelId;
    use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite};
    use porta::store::{ChannelStore as _, Store as _, StoreError};
    use porta::transfer::Exporter;

    let workspace = Workspace::new();
    workspace.create_channel("c");
    let mut content = "created_at,field1\n".to_owned();
    for second in 0..20_000 {
        writeln!(content, "{},{second}", 1_500_000_000 + second).unwrap();
    }
    assert_eq!(import(&workspace, &content, &["--channel", "1"]).code, Some(0));
    let store = Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap();
    let mut exporter = Exporter::new(&store, ChannelId(1));
    assert!(exporter.next().await.unwrap().is_some());
    store.clear_channel(ChannelId(1)).await.unwrap();
    assert!(matches!(exporter.next().await, Err(StoreError::Conflict(_))));
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_export_of_any_size_is_streamed() {
    const ROWS: usize = 60_000;
    let workspace = Workspace::new();
    workspace.create_channel("long");
    let mut content = "created_at,field1\n".to_owned();
    for second in 0..ROWS {
        // Pages must not lose or repeat entries of the same time.
        writeln!(content, "{},{second}", 1_500_000_000 + second / 7000).unwrap();
    }
    assert_eq!(import(&workspace, &content, &["--channel", "1"]).code, Some(0));
    let to_file = workspace.porta(&["migrate", "export", "--channel", "1", "out.csv"]);
    assert_eq!(to_file.stdout, "60 000 entries of channel 1 are in out.csv.\n", "{to_file:?}");
    let file = std::fs::read_to_string(workspace.path().join("out.csv")).unwrap();
    let values: Vec<_> = file.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    let expected: Vec<_> = (0..ROWS).map(|value| value.to_string()).collect();
    assert_eq!(values, expected);
    let again = workspace.porta(&["migrate", "export", "--channel", "1", "out.csv"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("there is such a file already"), "{}", again.stderr);
    assert!(
        !workspace.files().iter().any(|file| file.starts_with(".porta-export")),
        "{:?}",
        workspace.files()
    );

    let server = workspace.serve(&[]);
    let token = workspace.json(&["admin", "token", "create", "--format", "json"]);
    let response = Client::new()
        .get(format!("{}/api/admin/channels/1/entries.csv", server.url))
        .bearer_auth(token["token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert!(response.headers().get("content-length").is_none(), "it is not put together first");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"channel-1.csv\"");
    assert_eq!(response.text().await.unwrap(), file);
}
