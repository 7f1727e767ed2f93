//! The few styles of the terminal output. Colour never says anything alone: a word stands beside it.

use anstyle::{AnsiColor, Style};

use crate::domain::grade::Level;

/// Well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Needs attention.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// Needs action.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Titles.
pub const STRONG: Style = Style::new().bold();
/// What can be skipped.
pub const QUIET: Style = Style::new().dimmed();

/// The style of a grade.
pub fn of_level(level: Level) -> Style {
    match level {
        Level::Excellent => GOOD,
        Level::Acceptable => WARNING,
        Level::Problem => BAD,
    }
}

/// `text` in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
