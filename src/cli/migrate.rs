//! Arguments of `porta migrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Judged, OutputFormat, number_within};
use crate::domain::id::ChannelId;
use crate::domain::zone::Zone;

const RESTORE_NOTE: &str = "\
What was stored after the backup was made is then only in the database that is kept, and its entry ids are given again.";

/// Arguments of `porta migrate`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Migrate {
    /// Something else than applying what is pending.
    #[command(subcommand)]
    pub what: Option<MigrateWhat>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Subcommands of `porta migrate`.
#[derive(Debug, Subcommand)]
pub enum MigrateWhat {
    /// List the schema's versions, applied and pending
    Status {
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Copy the database as it is at one moment, while servers go on, and prove that the copy is whole and equal
    Backup {
        /// File to write to, which must not be there; with --keep the folder, which is made if it is not there
        file: PathBuf,
        /// Name the backup by its time, and delete all but the newest N of those in the folder, 1 to 1000
        #[arg(long, value_name = "N", value_parser = kept, allow_negative_numbers = true)]
        keep: Option<u32>,
    },
    /// Put a backup in the place of the database, which is kept beside it; no server may run on it
    #[command(after_help = RESTORE_NOTE)]
    Restore {
        /// The backup
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Check that a database is whole, and show what it holds; servers may go on
    Verify {
        /// File to check [default: the database]
        file: Option<PathBuf>,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Write the plan for moving on from this installation, with its figures, as Markdown
    Plan {
        /// File to write to, which is replaced [default: standard output]
        file: Option<PathBuf>,
        /// What is judged.
        #[command(flatten)]
        judged: Judged,
    },
    /// Bring entries in from elsewhere
    #[command(subcommand)]
    Import(Import),
    /// Write a whole channel as CSV, in the order of time
    Export {
        /// Channel to export
        #[arg(long, value_name = "ID")]
        channel: ChannelId,
        /// File to write to [default: standard output]
        file: Option<PathBuf>,
    },
}

/// Subcommands of `porta migrate import`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Add the entries of a ThingSpeak CSV export to a channel, all or none, at their original times
    Thingspeak {
        /// The export
        file: PathBuf,
        /// Channel to add them to
        #[arg(long, value_name = "ID")]
        channel: ChannelId,
        /// Time zone of times that name none, such as Europe/Berlin
        #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
        timezone: Zone,
        /// Import it although its first entry is there already
        #[arg(long)]
        again: bool,
    },
}

fn kept(text: &str) -> Result<u32, String> {
    number_within(text, 1..=1000)
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::named(text)
}
