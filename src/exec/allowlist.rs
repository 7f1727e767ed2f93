//! The commands that agents may run: those that the operator has listed in a TOML file, with typed parameters
//! (`docs/allowlist.md`). What an agent asks for becomes the argv of one program and never passes a shell.
//!
//! ```text
//! file → read → commands ─┐
//! agent's command → split ┴→ template → argv, or why not
//! ```
//!
//! The file is trusted, and checked for mistakes when it is read; what agents send is not, and each word of it is checked
//! when it is permitted. Nothing here runs anything.

mod below;
mod file;
mod parameter;
mod split;
mod template;

use crate::domain::toml_file::shown;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use self::template::Template;

/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Names that a refusal lists.
const NAMES_LISTED_MAX: usize = 32;

/// What agents may run.
#[derive(Debug)]
pub struct Allowlist {
    /// In the order of the file; no two of one name, and at least one.
    commands: Vec<Command>,
}

#[derive(Debug)]
struct Command {
    name: String,
    template: Template,
    timeout: Option<Duration>,
    output_bytes_max: Option<usize>,
    running_max: Option<usize>,
}

/// A command that may be run, and within which limits of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Permitted<'a> {
    /// What it is called in the allowlist.
    pub name: &'a str,
    /// The program's absolute path, and its arguments. No element has a NUL character.
    pub argv: Vec<String>,
    /// How long it may take, where that is less than what is asked for.
    pub timeout: Option<Duration>,
    /// Bytes of its standard output that are kept, and as many of its standard error.
    pub output_bytes_max: Option<usize>,
    /// How many of it may run at a time.
    pub running_max: Option<usize>,
}

/// Why a command is not run. What agents sent is repeated in part, without control characters.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No command of this name is listed.
    #[error("`{name}` is not permitted here, only {permitted}")]
    Unknown {
        /// The first word, as far as it is repeated.
        name: String,
        /// The names that are, or the first of them.
        permitted: String,
    },
    /// It is not a command line, or its words are not what the command takes.
    #[error("{reason}")]
    Invalid {
        /// Which command and parameter, what it takes, and why this is not it.
        reason: String,
    },
}

impl Allowlist {
    /// Reads the file, and checks that each command is one that can be run.
    ///
    /// # Errors
    /// For a file that cannot be read, has more than 1 MiB, or has a mistake. The text names the file, the line, the key, and
    /// what is allowed there.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |problem: &dyn std::fmt::Display| format!("cannot read {}: {problem}", path.display());
        let file = File::open(path).map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(failed(&format_args!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = 1 + valid.filter(|byte| **byte == b'\n').count();
            failed(&format_args!("line {line} is not UTF-8"))
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(file: &str, text: &str) -> Result<Self, String> {
        Ok(Self { commands: file::commands(file, text)? })
    }

    /// What the commands are called, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|command| command.name.as_str())
    }

    /// Programs of commands that are not there.
    pub fn missing_programs(&self) -> impl Iterator<Item = &str> {
        self.commands
            .iter()
            .map(|command| command.template.program())
            .filter(|program| !Path::new(program).exists())
    }

    /// What to run for a command as an agent has written it. Parameters of type `path` are looked up in the file system.
    ///
    /// # Errors
    /// [`Denied::Unknown`] for a command that is not listed, [`Denied::Invalid`] for anything else that it does not take.
    pub fn permit<'a>(&'a self, command: &str) -> Result<Permitted<'a>, Denied> {
        let words = split::words(command).map_err(|reason| Denied::Invalid { reason })?;
        let Some((name, words)) = words.split_first() else {
            return Err(Denied::Invalid { reason: "there is no command".into() });
        };
        let Some(command) = self.commands.iter().find(|command| command.name == *name) else {
            return Err(Denied::Unknown { name: shown(name), permitted: self.permitted() });
        };
        let argv = command
            .template
            .fill(words)
            .map_err(|why| Denied::Invalid { reason: format!("`{}`: {why}", command.name) })?;
        Ok(Permitted {
            name: &command.name,
            argv,
            timeout: command.timeout,
            output_bytes_max: command.output_bytes_max,
            running_max: command.running_max,
        })
    }

    fn permitted(&self) -> String {
        let names: Vec<&str> = self.names().take(NAMES_LISTED_MAX).collect();
        match self.commands.len() - names.len() {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
