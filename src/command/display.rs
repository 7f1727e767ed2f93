//! A run of `porta stress` while it goes on: events, lines, or a block that is drawn over itself.

use serde_json::json;

use super::progress::{Stream, Writer};
use super::stderr_is_terminal;
use crate::cli::{Stress, StressFormat};
use crate::domain::id::RunId;
use crate::domain::progress::{Moment, Progress};
use crate::domain::run_config::RunConfig;
use crate::exit::Failure;
use crate::render::live;

/// Where things are shown.
pub struct Screens {
    pub output: Writer,
    pub error: Writer,
}

impl Screens {
    pub fn start() -> Result<Self, Failure> {
        Ok(Self { output: Writer::start(Stream::Output)?, error: Writer::start(Stream::Error)? })
    }
}

/// How progress is shown.
pub enum Display {
    Quiet,
    Events {
        /// Where the points of the series begin that were not shown yet.
        next_second: u64,
    },
    Lines,
    /// A block that is drawn over itself.
    Block(live::Block),
}

impl Display {
    pub fn new(arguments: &Stress) -> Self {
        match arguments.format {
            StressFormat::Json if arguments.quiet => Self::Quiet,
            StressFormat::Json => Self::Events { next_second: 0 },
            StressFormat::Text if arguments.quiet => Self::Quiet,
            StressFormat::Text if stderr_is_terminal() && !dumb_terminal() => {
                Self::Block(live::Block::default())
            }
            StressFormat::Text => Self::Lines,
        }
    }

    /// Says what is about to be measured. Fails where standard output takes no event.
    pub async fn start(&self, run: RunId, config: &RunConfig, screens: &Screens) -> Result<(), Failure> {
        match self {
            Self::Quiet => Ok(()),
            Self::Events { .. } => {
                let event = json!({ "event": "start", "run_id": run, "config": config });
                screens.output.say(event_line(&event)).await
            }
            Self::Lines | Self::Block(_) => {
                let private = if config.private_server { "a private server, " } else { "" };
                let channel = config.channel_id.map_or_else(String::new, |id| format!("channel {id}, "));
                let heading =
                    format!("porta stress → {private}{}\n  {channel}{}\n", config.target(), config.load());
                screens.error.say(heading).await
            }
        }
    }

    /// Shows the second that has ended, unless the one before is not read yet.
    pub fn progress(&mut self, progress: &Progress, screens: &Screens) {
        match self {
            Self::Quiet => {}
            Self::Events { .. } => self.event("progress", progress, screens),
            Self::Lines => screens.error.show(|| live::line(progress) + "\n"),
            Self::Block(block) => screens.error.show(|| block.draw(progress, window())),
        }
    }

    /// Says that all is sent and answered, for who reads events: what comes now takes its time, and is no load.
    pub fn sent(&mut self, progress: &Progress, screens: &Screens) {
        self.event("sent", progress, screens);
    }

    fn event(&mut self, name: &str, progress: &Progress, screens: &Screens) {
        let Self::Events { next_second } = self else { return };
        screens.output.show(|| {
            let new = |moment: &&Moment| moment.second >= *next_second;
            let series: Vec<_> = progress.recent.iter().filter(new).collect();
            if let Some(last) = series.last() {
                *next_second = last.second + 1;
            }
            event_line(&json!({ "event": name, "progress": progress, "series": series }))
        });
    }

    /// What to add when the run is ended early. The block is drawn over itself, and would be torn by a line of text.
    pub fn note_on_stop(&self) -> &'static str {
        match self {
            Self::Lines => "ending early: answers are waited for; a second signal ends at once\n",
            Self::Quiet | Self::Events { .. } | Self::Block(_) => "",
        }
    }

    /// Takes the block away: the report says it all.
    pub async fn end(&mut self, screens: &Screens) -> Result<(), Failure> {
        match self {
            Self::Block(block) => screens.error.say(block.clear(window())).await,
            Self::Quiet | Self::Events { .. } | Self::Lines => Ok(()),
        }
    }
}

/// An event as it is printed.
pub fn event_line(event: &serde_json::Value) -> String {
    format!("{event}\n")
}

/// The terminal on standard error, as it is now.
fn window() -> live::Window {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(live::Window::default(), |(width, height)| {
        live::Window { columns: usize::from(width.0), rows: usize::from(height.0) }
    })
}

#[allow(clippy::disallowed_methods, reason = "TERM describes the terminal; it is no setting of porta's")]
fn dumb_terminal() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}
