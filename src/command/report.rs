//! `porta report`.

use std::path::Path;

use super::{cannot, print_as, width, with_store};
use crate::cli::{Compare, Format, Report, WhichReport};
use crate::domain::comparison;
use crate::domain::id::RunId;
use crate::domain::report::Report as RunReport;
use crate::exit::{Exit, Failure};
use crate::render::{compare, table, terminal};
use crate::store::RunStore as _;
use crate::store::sqlite::Sqlite;

pub fn run(arguments: &Report, db: &Path) -> Result<Exit, Failure> {
    with_store(db, async |store| match &arguments.which {
        Some(WhichReport::List { limit }) => {
            let runs = store.runs(None, *limit).await.map_err(cannot("cannot list runs"))?;
            print_as(arguments.format, &runs, |runs| table::runs(runs))
        }
        Some(WhichReport::Compare(compare)) => compare_runs(store, compare, arguments.format).await,
        Some(WhichReport::Show { id }) => {
            let report = find(store, *id, "show").await?;
            print_as(arguments.format, &report, |report| terminal::report(report, width()))
        }
        None => {
            let latest = store.latest_run().await.map_err(cannot("cannot show the latest run"))?;
            let latest = latest.ok_or_else(|| {
                Failure::new("cannot show the latest run", format!("{} has none yet", db.display()))
                    .next_step("Make one: porta stress")
            })?;
            print_as(arguments.format, &latest, |report| terminal::report(report, width()))
        }
    })?;
    Ok(Exit::Done)
}

async fn find(store: &Sqlite, id: RunId, attempted: &str) -> Result<RunReport, Failure> {
    let found = store.run(id).await.map_err(cannot(format!("cannot {attempted} run {id}")));
    found.map_err(|failure| failure.next_step("List them: porta report list"))
}

async fn compare_runs(store: &Sqlite, arguments: &Compare, format: Format) -> Result<(), Failure> {
    let mut sides = [Vec::new(), Vec::new()];
    for (side, runs) in sides.iter_mut().zip([&arguments.before, &arguments.after]) {
        for id in &runs.0 {
            side.push(find(store, *id, "compare").await?);
        }
    }
    let [before, after] = &sides;
    let compared = comparison::compare(before, after, arguments.force).map_err(|reasons| {
        let failure = Failure::new("cannot compare these runs", reasons.join("; "));
        failure.next_step(
            "Compare runs of the same configuration, or say --force where that is what you want to see.",
        )
    })?;
    print_as(format, &compared, |compared| compare::comparison(compared, width()))
}
