//! What of `porta serve` is for agents.

use std::env::VarError;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::serve::size_within;
use super::{number_within, positive_duration};

/// Arguments of the agent bridge.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Agents; without a token nothing of it is open, and commands are run only with --exec"
)]
pub struct Bridge {
    /// File with the token that agents present; the variable PORTA_TOKEN is the other way
    #[arg(long, env = "PORTA_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Run commands for agents: none, those that a file permits, or any
    #[arg(long, env = "PORTA_EXEC", value_name = "MODE", default_value = "off")]
    pub exec: Exec,
    /// The commands that --exec allowlist permits
    #[arg(long, env = "PORTA_EXEC_ALLOWLIST", value_name = "FILE", default_value = "allowlist.toml")]
    pub exec_allowlist: PathBuf,
    /// Folder that commands run in, and write to [default: porta-exec beside the database]
    #[arg(long, env = "PORTA_EXEC_DIR", value_name = "FOLDER")]
    pub exec_dir: Option<PathBuf>,
    /// User that commands run as, by name or UID:GID; only root can be another than itself
    #[arg(long, env = "PORTA_EXEC_USER", value_name = "USER")]
    pub exec_user: Option<String>,
    /// Run commands even as root
    #[arg(long, env = "PORTA_EXEC_ALLOW_ROOT", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub exec_allow_root: bool,
    /// Run commands even when other machines can reach the server
    #[arg(long, env = "PORTA_EXEC_ALLOW_REMOTE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub exec_allow_remote: bool,
    /// How long it is taken for granted that an agent is registered
    #[arg(long, env = "PORTA_AGENT_STATUS_TTL", value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub agent_status_ttl: Duration,
    /// How long an agent counts as active after it was seen
    #[arg(long, env = "PORTA_AGENT_WINDOW", value_name = "DURATION", default_value = "5m", value_parser = positive_duration)]
    pub agent_window: Duration,
    /// How long it is remembered what was done for agents
    #[arg(long, env = "PORTA_AGENT_RETENTION", value_name = "DURATION", default_value = "30d", value_parser = positive_duration)]
    pub agent_retention: Duration,
    /// File with the address by which this server is known elsewhere
    #[arg(long, env = "PORTA_PUBLIC_URL_FILE", value_name = "FILE", default_value = "ngrok.url")]
    pub public_url_file: PathBuf,
    /// How much commands may do.
    #[command(flatten)]
    pub limits: CommandLimits,
}

impl Bridge {
    /// The token in the environment. It is no argument, since those can be read by everybody on the machine.
    ///
    /// # Errors
    /// When it is not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "clap has no variable without an argument")]
    pub fn token_variable() -> Result<Option<String>, String> {
        match std::env::var("PORTA_TOKEN") {
            Ok(text) if !text.is_empty() => Ok(Some(text)),
            Ok(_) | Err(VarError::NotPresent) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Which commands are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Exec {
    /// None.
    Off,
    /// Those that a file permits, without a shell.
    Allowlist,
    /// Any, by bash, or by sh where there is none.
    Shell,
}

/// Limits of commands.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits of agents' commands")]
pub struct CommandLimits {
    /// Commands and pipelines that run; the next is answered with 503, 1 to 1000
    #[arg(long, env = "PORTA_MAX_COMMANDS", value_name = "N", default_value_t = 32, value_parser = commands, allow_negative_numbers = true)]
    pub max_commands: u32,
    /// The same of one agent; the next is answered with 429, 1 to 1000
    #[arg(long, env = "PORTA_MAX_AGENT_COMMANDS", value_name = "N", default_value_t = 8, value_parser = commands, allow_negative_numbers = true)]
    pub max_agent_commands: u32,
    /// Commands of a pipeline; a longer one is answered with 422, 1 to 10000
    #[arg(long, env = "PORTA_MAX_PIPELINE", value_name = "N", default_value_t = 256, value_parser = pipeline, allow_negative_numbers = true)]
    pub max_pipeline: u32,
    /// Time of a command; to ask for more is answered with 422, at most 1h
    #[arg(long, env = "PORTA_MAX_COMMAND_TIME", value_name = "DURATION", default_value = "5m", value_parser = command_time)]
    pub max_command_time: Duration,
    /// Output of a command, each of its two streams; the rest is thrown away, 1KiB to 8MiB
    #[arg(long, env = "PORTA_MAX_OUTPUT", value_name = "SIZE", default_value = "256KiB", value_parser = output_size)]
    pub max_output: usize,
    /// Processes of all commands together, 8 to 100000
    #[arg(long, env = "PORTA_MAX_PROCESSES", value_name = "N", default_value_t = 512, value_parser = processes, allow_negative_numbers = true)]
    pub max_processes: u32,
    /// Private memory of one of their processes, 64MiB to 1TiB
    #[arg(long, env = "PORTA_MAX_PROCESS_MEMORY", value_name = "SIZE", default_value = "1GiB", value_parser = memory_size)]
    pub max_process_memory: usize,
    /// A file that one writes, 1KiB to 1TiB
    #[arg(long, env = "PORTA_MAX_FILE", value_name = "SIZE", default_value = "1GiB", value_parser = file_size)]
    pub max_file: usize,
}

/// The longest that an operator can allow.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(3600);
const TIB: usize = 1024 * 1024 * 1024 * 1024;

fn commands(text: &str) -> Result<u32, String> {
    number_within(text, 1..=1000)
}

fn pipeline(text: &str) -> Result<u32, String> {
    number_within(text, 1..=10_000)
}

fn processes(text: &str) -> Result<u32, String> {
    number_within(text, 8..=100_000)
}

fn command_time(text: &str) -> Result<Duration, String> {
    let time = positive_duration(text)?;
    if time <= COMMAND_TIME_MAX { Ok(time) } else { Err("it takes at most 1h".into()) }
}

fn output_size(text: &str) -> Result<usize, String> {
    size_within(text, 1024..=8 * 1024 * 1024)
}

/// The least leaves room for what runs commands, which has the same limit and keeps both streams.
fn memory_size(text: &str) -> Result<usize, String> {
    size_within(text, 64 * 1024 * 1024..=TIB)
}

fn file_size(text: &str) -> Result<usize, String> {
    size_within(text, 1024..=TIB)
}
