//! The plan for moving on from SQLite alone, from an installation's figures.

use super::markdown;
use crate::domain::criteria::check::Check;
use crate::domain::criteria::verdict::Rung;
use crate::domain::observation::Observation;
use crate::domain::unit;

/// Bytes a second that a copy is taken to read, check and write, on the disk of a small server.
const COPY_BYTES_PER_SECOND: f64 = 20e6;

/// The plan as Markdown.
pub fn plan(check: &Check, observation: &Observation) -> String {
    let db = observation.file.path.display();
    let mut text = format!(
        "# Migration plan of {db}\n\nWritten {} UTC. Verdict: {}. {}.\n\n{}\n",
        check.checked_at.to_minute(),
        markdown::heading(check),
        check.reason,
        advice(check)
    );
    text.push_str("\n## What there is to move\n\n");
    facts(observation).iter().for_each(|(what, figure)| text.push_str(&format!("- {what}: {figure}\n")));
    text.push_str(
        "\n## Why: the criteria\n\n| criterion | now | threshold | status |\n|---|---:|---:|---|\n",
    );
    for criterion in &check.criteria {
        text.push_str(&markdown::row(&[
            &criterion.label,
            &super::value(criterion),
            &super::threshold(criterion),
            criterion.status.as_str(),
        ]));
    }
    text.push_str(&markdown::plan(check));
    text.push_str(&markdown::remedies(&check.remedies));
    text.push_str(&steps(observation));
    text
}

fn advice(check: &Check) -> &'static str {
    match check.rung {
        Some(Rung::Migrate) => "This installation has outgrown SQLite alone: what follows is due.",
        Some(Rung::Tune) => "Something can be tuned yet. Do that first: it is cheaper, and may be enough.",
        Some(Rung::Ok | Rung::Watch) => {
            "Nothing has to be moved now. This plan is for the day on which it has."
        }
        None => "Too little is known to say whether this is due. Gather the evidence that is missing first.",
    }
}

fn facts(observation: &Observation) -> Vec<(&'static str, String)> {
    let file = &observation.file;
    let copy_seconds = (file.bytes as f64 / COPY_BYTES_PER_SECOND).ceil().max(1.0);
    let copy = unit::duration(std::time::Duration::from_secs_f64(copy_seconds));
    let live = observation.live.all.as_ref();
    let rps = live.map(|all| all.live_requests_per_minute_max as f64 / 60.0);
    let enough =
        |free: u64| if free > 2 * file.bytes { "enough for a copy" } else { "too little for a copy" };
    vec![
        ("database", unit::bytes(file.bytes)),
        ("of that, nothing is in", unit::bytes(file.free_bytes)),
        ("channels", unit::count(observation.channels.count)),
        ("channels that keep everything", unit::count(observation.channels.without_retention)),
        ("updates that were acknowledged", unit::count(observation.channels.updates)),
        (
            "free on the disk",
            file.disk_free_bytes.map_or_else(
                || "not known".into(),
                |free| format!("{}, {}", unit::bytes(free), enough(free)),
            ),
        ),
        (
            "requests a second in the busiest minute",
            rps.map_or_else(|| "not known".into(), unit::significant),
        ),
        ("time of a copy, at 20 MB a second", copy),
    ]
}

fn steps(observation: &Observation) -> String {
    let db = observation.file.path.display();
    let quiet = observation.hours.iter().min_by_key(|hour| hour.requests).map_or_else(
        || "an hour in which little comes in".into(),
        |hour| format!("an hour such as {} UTC, the quietest of the window", hour.starts_at.to_minute()),
    );
    format!(
        "\n## The move, step by step\n\n\
         1. Back up and prove it: `porta migrate backup --db {db} FILE`, then `porta migrate verify FILE`.\n\
         2. Rehearse on the copy: restore it elsewhere with `porta migrate restore FILE --db ELSEWHERE`, start `porta serve` on it, and \
         measure it with `porta stress`. Keep the run: it is what the new system is compared with.\n\
         3. Choose the window: {quiet}. Devices that are told to come back do; tell people of it.\n\
         4. Stop the server, take a last backup, and move. This version of porta has SQLite only: the copy to PostgreSQL and the cache \
         in Redis come with a later one. Until then, a faster disk, retention, and one server process are what helps.\n\
         5. Prove that it helped: `porta stress` with the same load, `porta report compare`, `porta criteria check`.\n\
         6. Way back: as long as step 5 is not passed, the old file is kept; `porta migrate restore FILE` puts it in place.\n"
    )
}
