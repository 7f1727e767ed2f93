//! How porta ends: every exit code, and the shape of every error message.

use std::fmt::Display;
use std::process::ExitCode;

/// All exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done. A poor grade is an answer, too.
    Done,
    /// It could not be done.
    Failed,
    /// The arguments or settings are wrong; clap uses the same.
    Usage,
    /// `stress`: a condition of `--fail-on` does not hold.
    Broken,
    /// `stress`: the run is not valid, so that it has no grade.
    Invalid,
    /// Ended by Ctrl+C or another signal. `stress` keeps what it has measured, unless a second one came.
    Interrupted,
    /// `criteria`: something needs attention. The codes of `criteria` are those that monitoring knows.
    Warning,
    /// `criteria`: something needs action.
    Critical,
    /// `criteria`: it cannot be told, for want of evidence, a database or sound arguments.
    Unknown,
}

impl Exit {
    /// What the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::Warning => 1,
            Self::Usage | Self::Critical => 2,
            Self::Unknown => 3,
            Self::Broken => 4,
            Self::Invalid => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed: what was attempted on what, why not, and what to do.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    next_step: Option<String>,
}

impl Failure {
    /// `attempted` is a phrase such as `cannot open porta.db`, `reason` the cause.
    pub fn new(attempted: impl Display, reason: impl Display) -> Self {
        Self { exit: Exit::Failed, message: format!("{attempted}: {reason}"), next_step: None }
    }

    /// The arguments or settings are wrong.
    pub fn usage(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), next_step: None }
    }

    /// What was attempted, and why it failed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Adds what to do.
    #[must_use]
    pub fn next_step(mut self, step: impl Display) -> Self {
        self.next_step = Some(step.to_string());
        self
    }

    /// Ends with this code instead.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// What to do about it, where that is known.
    pub fn what_to_do(&self) -> Option<&str> {
        self.next_step.as_deref()
    }

    /// Prints the error and what to do in one line, for mail and monitoring, and gives its exit code.
    pub fn report_in_one_line(self) -> ExitCode {
        let next_step = self.next_step.map(|step| format!(". {step}")).unwrap_or_default();
        let text = format!("{}{next_step}", self.message.trim_end().trim_end_matches('.'));
        let words: Vec<_> = text.split_whitespace().collect();
        anstream::eprintln!("{BAD}error:{BAD:#} {}", words.join(" "));
        self.exit.into()
    }

    /// Prints the error and gives its exit code.
    pub fn report(self) -> ExitCode {
        let next_step = self.next_step.map(|step| format!("\n       {step}")).unwrap_or_default();
        anstream::eprintln!("{BAD}error:{BAD:#} {}{next_step}", self.message);
        self.exit.into()
    }
}

const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
