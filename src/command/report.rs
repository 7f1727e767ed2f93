//! `porta report`.

use std::path::Path;

use super::{cannot, print_as, with_store};
use crate::cli::{OutputFormat, Report, WhichReport};
use crate::exit::{Exit, Failure};
use crate::render::{table, terminal};
use crate::store::RunStore as _;

pub fn run(arguments: &Report, db: &Path) -> Result<Exit, Failure> {
    with_store(db, async |store| match &arguments.which {
        Some(WhichReport::List { limit, output }) => {
            let runs = store.runs(None, *limit).await.map_err(cannot("cannot list runs"))?;
            print_as(output.format, &runs, |runs| table::runs(runs))
        }
        Some(WhichReport::Show { id, output }) => {
            let report = store
                .run(*id)
                .await
                .map_err(cannot(format!("cannot show run {id}")))
                .map_err(|failure| failure.next_step("List them: porta report list"))?;
            show(*output, &report)
        }
        None => {
            let latest = store.latest_run().await.map_err(cannot("cannot show the latest run"))?;
            let latest = latest.ok_or_else(|| {
                Failure::new("cannot show the latest run", format!("{} has none yet", db.display()))
                    .next_step("Make one: porta stress")
            })?;
            show(arguments.output, &latest)
        }
    })?;
    Ok(Exit::Done)
}

fn show(output: OutputFormat, report: &crate::domain::report::Report) -> Result<(), Failure> {
    print_as(output.format, report, terminal::report)
}
