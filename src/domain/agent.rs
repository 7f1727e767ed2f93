//! Agents, and what is run for them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::metrics::Traffic;
use super::unit::UtcMillis;

/// Characters of an agent's name.
const AGENT_ID_CHARACTERS_MAX: usize = 64;
/// Bytes of a command that its operation keeps.
pub const COMMAND_KEPT_BYTES_MAX: usize = 2048;
/// Bytes of a stream that its operation keeps.
pub const OUTPUT_KEPT_BYTES_MAX: usize = 1024;
/// Agents that a database has.
pub const AGENTS_MAX: u64 = 10_000;
/// Operations that a database keeps, whatever their age.
pub const OPERATIONS_KEPT_MAX: u64 = 1_000_000;

/// The name by which an agent calls itself: 1 to 64 characters, none of them a control character, no space at the ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64, examples("night-watch"))]
pub struct AgentId(String);

impl AgentId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AgentId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=AGENT_ID_CHARACTERS_MAX).contains(&text.chars().count());
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(format!(
                "an agent_id has 1 to {AGENT_ID_CHARACTERS_MAX} characters, none of them a control character, and no \
                 space at its ends"
            ))
        }
    }
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub id: AgentId,
    /// When it was first seen.
    pub created_at: UtcMillis,
    /// When it was last seen.
    pub last_seen: UtcMillis,
    /// Operations that were begun for it.
    pub total_operations: u64,
}

/// That an agent was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: UtcMillis,
    /// When by other than a stress test.
    pub live_at: Option<UtcMillis>,
}

impl Sighting {
    /// That it was there, in traffic of that kind.
    pub fn new(at: UtcMillis, traffic: Traffic) -> Self {
        Self { at, live_at: (traffic == Traffic::Live).then_some(at) }
    }

    /// Both in one: the later of each.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { at: self.at.max(other.at), live_at: self.live_at.max(other.live_at) }
    }
}

/// Which agents are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct AgentFilter {
    /// Those that were seen then or later.
    pub seen_since: Option<UtcMillis>,
    /// Those that were last seen before.
    pub seen_before: Option<UtcMillis>,
    /// All but the first so many, by name.
    pub offset: u64,
    /// At most so many.
    pub limit: u32,
}

/// What is done for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationType {
    /// A single command.
    RunBash,
    /// A command of a pipeline.
    Pipeline,
}

impl OperationType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RunBash, Self::Pipeline];

    /// `run_bash`, as it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunBash => "run_bash",
            Self::Pipeline => "pipeline",
        }
    }
}

/// What has become of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Not over yet.
    Running,
    /// Its command has ended by itself.
    Done,
    /// Its command was ended at its deadline.
    Timeout,
    /// Its command was ended because nobody wanted it any more.
    Cancelled,
    /// Its server has ended.
    Interrupted,
    /// Its command could not be run.
    Failed,
}

impl OperationState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Done, Self::Timeout, Self::Cancelled, Self::Interrupted, Self::Failed];

    /// `running`, as it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// The number of an operation, unique in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationId(
    /// From 1.
    pub i64,
);

/// An operation that is about to begin.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// For whom; `None` where no name was given.
    pub agent: Option<AgentId>,
    /// What kind of thing.
    pub operation_type: OperationType,
    /// What was asked for, [`kept`] and without secrets.
    pub command: String,
    /// The address that asked.
    pub peer: String,
    /// The job that it is part of.
    pub job: Option<JobId>,
    /// Its place in a pipeline, from 0.
    pub place: u32,
    /// When.
    pub started_at: UtcMillis,
    /// The server that runs it.
    pub instance: String,
}

/// How an operation has ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How.
    pub state: OperationState,
    /// Of its command, where it has ended by itself.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub took: Duration,
    /// Cut as by [`kept`], and without secrets.
    pub stdout: String,
    /// Cut as by [`kept`], and without secrets.
    pub stderr: String,
    /// Whether there was more output than is kept here.
    pub truncated: bool,
}

/// An operation, as it is remembered.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What kind of thing.
    pub operation_type: OperationType,
    /// What was asked for.
    pub command: String,
    /// The address that asked.
    pub peer: String,
    /// The job that it was part of.
    pub job: Option<JobId>,
    /// Its place in a pipeline, from 0.
    pub place: u32,
    /// When.
    pub started_at: UtcMillis,
    /// What has become of it.
    pub state: OperationState,
    /// How long it took, where it has ended.
    pub took: Option<Duration>,
    /// Of its command, where it has ended by itself.
    pub exit_code: Option<i32>,
    /// The beginning of its output.
    pub stdout: String,
    /// The same of its errors.
    pub stderr: String,
    /// Whether there was more.
    pub truncated: bool,
}

/// The name of a job: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct JobId(String);

impl JobId {
    /// From 128 random bits.
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// As a client has written it; `None` where it can be none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 32 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not over yet.
    Running,
    /// Over: its commands have ended, one way or the other.
    Done,
    /// Ended because somebody asked for that.
    Cancelled,
    /// Its server has ended.
    Interrupted,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Cancelled, Self::Interrupted];

    /// `running`, as it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A job, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What has become of it.
    pub state: JobState,
    /// The server that runs it.
    pub instance: String,
    /// When it was begun.
    pub started_at: UtcMillis,
    /// When it was over.
    pub ended_at: Option<UtcMillis>,
    /// What is answered for it: JSON, without secrets.
    pub answer: String,
}

/// The beginning of a text, at most so many bytes, and whether that is all of it.
pub fn kept(text: &str, bytes_max: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(bytes_max);
    (&text[..end], end == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_in_any_script_and_nothing_that_could_forge_a_line() {
        let is_taken = |text: &str| AgentId::try_from(text.to_owned()).is_ok();
        for name in ["a", "agent-1", "Раэль", "two words", &"ж".repeat(64)] {
            assert!(is_taken(name), "{name}");
        }
        for name in ["", " a", "a ", "a\nb", "a\0", "\u{7f}", &"a".repeat(65)] {
            assert!(!is_taken(name), "{name:?}");
        }
    }

    #[test]
    fn a_job_is_named_as_it_was() {
        let id = JobId::new(0xab);
        assert_eq!(JobId::parse(id.as_str()), Some(id.clone()));
        for other in
            ["", "ab", &id.as_str().to_uppercase(), &format!("{id}0"), "../../../etc/passwd/aaaaaaaaaaaa"]
        {
            assert_eq!(JobId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_ends_between_characters() {
        assert_eq!(kept("aж", 2), ("a", false));
        assert_eq!(kept("aж", 3), ("aж", true));
    }
}
