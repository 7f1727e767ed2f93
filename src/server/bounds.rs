//! Every bound that an operator can set. What is beyond one is refused at once, with 503, 413, 431 or 408.

use std::time::Duration;

/// How much of everything there can be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections.
    pub connections: usize,
    /// Requests that are being answered, those of operators aside.
    pub requests: usize,
    /// Bulk updates of them: each may hold a large body in memory.
    pub bulk_updates: usize,
    /// Bytes of a request's head, at least 8 KiB.
    pub head_bytes: usize,
    /// Bytes of a request's body, other than a bulk update's.
    pub body_bytes: usize,
    /// Bytes of a bulk update's body.
    pub bulk_body_bytes: usize,
    /// Bytes of large answers that their clients have not taken yet.
    pub unsent_bytes: usize,
    /// Commands and pipelines that run.
    pub commands: usize,
    /// Those of one agent.
    pub commands_per_agent: usize,
    /// Commands of a pipeline.
    pub pipeline_commands: usize,
    /// Bytes of each of a command's streams that are kept.
    pub command_output_bytes: usize,
    /// How long an agent may let a command run.
    pub command_timeout: Duration,
    /// How long a client may take to send the head of a request, and how long an idle connection is kept.
    pub head_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a client may take no byte of an answer.
    pub send_timeout: Duration,
}

impl Bounds {
    /// What holds unless told otherwise. A bulk update of 14 400 rows with eight values of a sensor each has room in its
    /// body.
    pub const DEFAULT: Self = Self {
        connections: 8192,
        requests: 1024,
        bulk_updates: 8,
        head_bytes: 16 * 1024,
        body_bytes: 64 * 1024,
        bulk_body_bytes: 8 * 1024 * 1024,
        unsent_bytes: 256 * 1024 * 1024,
        commands: 32,
        commands_per_agent: 8,
        pipeline_commands: 256,
        command_output_bytes: 256 * 1024,
        command_timeout: Duration::from_secs(300),
        head_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_secs(20),
        send_timeout: Duration::from_secs(30),
    };
}
