//! Readers of `porta stress` that do not read: they hold up neither the run nor its end.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Workspace;
use crate::support::target::{Behaviour, Target};
use crate::support::watch::until;

const RPS: u64 = 100;
/// Requests after which a run is ended: some seconds.
const ENOUGH: u64 = 6 * RPS;

/// A pipe that takes nothing more, and how much is in it.
fn full_pipe() -> (PipeReader, PipeWriter, usize) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let size = rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    writer.write_all(&vec![b'\n'; size]).unwrap();
    (reader, writer, size)
}

fn interrupt(stress: &Child) {
    kill_process(Pid::from_raw(stress.id().cast_signed()).unwrap(), Signal::INT).unwrap();
}

fn until_enough(target: &Target) {
    until("the target has seen some seconds", || target.requests() >= ENOUGH);
}

/// Had the seconds waited for the reader, the last would have the requests of all.
fn assert_seconds_are_true(report: &Value) {
    let seconds: Vec<_> =
        report["series"].as_array().unwrap().iter().map(|point| point["total"].as_u64().unwrap()).collect();
    assert!(seconds.iter().all(|total| *total < ENOUGH / 2), "{seconds:?}");
    assert!(seconds.iter().sum::<u64>() >= ENOUGH, "{seconds:?}");
}

fn stored(workspace: &Workspace) -> Value {
    let runs = || workspace.json(&["report", "list", "--format", "json"]);
    until("the report is stored", || runs()[0]["status"] != "running");
    assert_eq!(runs()[0]["status"], "cancelled");
    workspace.json(&["report", "--format", "json"])
}

#[tokio::test(flavor = "multi_thread")]
async fn load_events_that_nobody_reads_hold_up_neither_the_run_nor_its_end() {
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    tokio::task::block_in_place(|| {
        for reads_on in [false, true] {
            let before = target.requests();
            let workspace = Workspace::new();
            let (mut reader, writer, size) = full_pipe();
            let rps = RPS.to_string();
            let mut command = workspace.command(&[
                "stress",
                "--url",
                &target.url,
                "--rps",
                &rps,
                "--duration",
                "10m",
                "--format",
                "json",
                "--output",
                "report.json",
            ]);
            command.env("PORTA_API_KEY", "KEY").stdout(writer).stderr(Stdio::null());
            let mut stress = command.spawn().unwrap();
            // Its end of the pipe is kept by the command, too.
            drop(command);
            until("the target has seen some seconds", || target.requests() - before > ENOUGH);
            interrupt(&stress);
            let report = stored(&workspace);
            assert_seconds_are_true(&report);
            if reads_on {
                reader.read_exact(&mut vec![0; size]).unwrap();
                let events: Vec<Value> = BufReader::new(reader)
                    .lines()
                    .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
                    .collect();
                assert_eq!(events[0]["event"], "start");
                assert_eq!(events.last().unwrap()["report"], report);
            } else {
                interrupt(&stress);
            }
            assert_eq!(stress.wait().unwrap().code(), Some(130));
            let written = std::fs::read(workspace.path().join("report.json")).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), report);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn load_lines_that_nobody_reads_hold_up_neither_the_run_nor_its_report() {
    let target = Target::start(Behaviour::Answer(200, "1")).await;
    tokio::task::block_in_place(|| {
        let workspace = Workspace::new();
        let (_reader, writer, _) = full_pipe();
        let rps = RPS.to_string();
        let mut command =
            workspace.command(&["stress", "--url", &target.url, "--rps", &rps, "--duration", "10m"]);
        command.env("PORTA_API_KEY", "KEY").stdout(Stdio::piped()).stderr(writer);
        let stress = command.spawn().unwrap();
        until_enough(&target);
        interrupt(&stress);
        let output = stress.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(String::from_utf8(output.stdout).unwrap().starts_with("Run 1 "));
        assert_seconds_are_true(&stored(&workspace));
    });
}
