//! `porta report`.

use std::path::Path;

use super::{cannot, print_as, with_store};
use crate::cli::{Report, WhichReport};
use crate::exit::{Exit, Failure};
use crate::render::{table, terminal};
use crate::store::RunStore as _;

pub fn run(arguments: &Report, db: &Path) -> Result<Exit, Failure> {
    with_store(db, async |store| match &arguments.which {
        Some(WhichReport::List { limit }) => {
            let runs = store.runs(*limit).await.map_err(cannot("cannot list runs"))?;
            print_as(arguments.format, &runs, |runs| table::runs(runs))
        }
        Some(WhichReport::Show { id }) => {
            let report = store
                .run(*id)
                .await
                .map_err(cannot(format!("cannot show run {id}")))
                .map_err(|failure| failure.next_step("List them: porta report list"))?;
            print_as(arguments.format, &report, terminal::report)
        }
        None => {
            let latest = store.latest_run().await.map_err(cannot("cannot show the latest run"))?;
            let latest = latest.ok_or_else(|| {
                Failure::new("cannot show the latest run", format!("{} has none yet", db.display()))
                    .next_step("Make one: porta stress")
            })?;
            print_as(arguments.format, &latest, terminal::report)
        }
    })?;
    Ok(Exit::Done)
}
