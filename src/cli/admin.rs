//! Arguments of `porta admin`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{OutputFormat, positive_duration};
use crate::domain::account::{Email, Role};
use crate::domain::channel::{Change, FIELDS, KeyKind};
use crate::domain::id::{ChannelId, KeyId, TokenId};
use crate::domain::update::field_index;

/// Subcommands of `porta admin`.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Channels
    #[command(subcommand)]
    Channel(Channel),
    /// API keys of channels
    #[command(subcommand)]
    Key(Key),
    /// Admin bearer tokens
    #[command(subcommand)]
    Token(Token),
    /// Accounts of people, who log in with a browser
    #[command(subcommand)]
    User(User),
}

/// Subcommands of `porta admin channel`.
#[derive(Debug, Subcommand)]
pub enum Channel {
    /// Create a channel and show its keys, this once
    Create {
        /// Its name
        name: String,
        /// Its number, where devices know it under one already [default: the next]
        #[arg(long)]
        id: Option<ChannelId>,
        /// The rest.
        #[command(flatten)]
        settings: Box<ChannelSettings>,
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// List all channels
    List {
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Change settings of a channel; what is not named stays
    Edit {
        /// Its number
        id: ChannelId,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// The rest.
        #[command(flatten)]
        settings: Box<ChannelSettings>,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Delete all entries of a channel; the next one has the id 1 again
    Clear {
        /// Its number
        id: ChannelId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Delete a channel, its keys and its entries
    Delete {
        /// Its number
        id: ChannelId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List the keys of a channel by their first letters
    Keys {
        /// Its number
        id: ChannelId,
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
}

/// Settings of a channel.
#[derive(Args, Clone, Debug)]
pub struct ChannelSettings {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Whether it can be read without a key
    #[arg(long, value_name = "BOOL")]
    public: Option<bool>,
    /// Label of a field, such as 1=Temperature; without a label (1=) a field does not appear in feeds
    #[arg(long = "field", value_name = "N=LABEL", value_parser = label)]
    fields: Vec<(usize, String)>,
    /// Zone in which times are shown where a request names none, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Degrees
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    latitude: Option<String>,
    /// Degrees
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    longitude: Option<String>,
    /// Metres
    #[arg(long, value_name = "METRES", allow_negative_numbers = true)]
    elevation: Option<String>,
    /// Anything you want to note, such as JSON
    #[arg(long, value_name = "TEXT")]
    metadata: Option<String>,
    /// Delete entries older than this, for example 30d; `all` keeps all
    #[arg(long, value_name = "DURATION", value_parser = retention)]
    retention: Option<Period>,
    /// Take updates only so far apart, for example 15s; `none` takes all
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    update_interval: Option<Period>,
}

/// A duration, or none.
#[derive(Clone, Copy, Debug)]
struct Period(Option<Duration>);

impl Period {
    fn as_ms(self) -> Option<i64> {
        self.0.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }
}

impl ChannelSettings {
    /// The change that they make.
    pub fn change(self, name: Option<String>) -> Change {
        let mut change = Change {
            name,
            description: self.description,
            public: self.public,
            timezone: self.timezone,
            latitude: self.latitude.map(Some),
            longitude: self.longitude.map(Some),
            elevation: self.elevation.map(Some),
            metadata: self.metadata.map(Some),
            retention_ms: self.retention.map(Period::as_ms),
            update_interval_ms: self.update_interval.map(Period::as_ms),
            ..Change::default()
        };
        for (index, label) in self.fields {
            change.set_label(index, label);
        }
        change
    }
}

/// Subcommands of `porta admin key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Create a key and show it, this once
    Create {
        /// Channel that it opens
        channel: ChannelId,
        /// What it opens the channel for
        #[arg(long, value_name = "write|read", value_parser = key_kind)]
        kind: KeyKind,
        /// Read a key that devices have already from standard input, instead of making one
        #[arg(long)]
        key_stdin: bool,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Put a new key in the place of one, which stops working at once
    Rotate {
        /// Channel that it opens
        channel: ChannelId,
        /// Its number in the list
        key: KeyId,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// End a key at once
    Revoke {
        /// Channel that it opens
        channel: ChannelId,
        /// Its number in the list
        key: KeyId,
    },
}

/// Subcommands of `porta admin token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Create a token and show it, this once
    Create {
        /// What to call it
        #[arg(long, default_value = "admin")]
        name: String,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// List all tokens
    List {
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// End a token
    Revoke {
        /// Its number in the list
        id: TokenId,
    },
}

/// Subcommands of `porta admin user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Create an account
    Create {
        /// By which its owner logs in; nothing is sent to it
        #[arg(value_name = "EMAIL")]
        email: Email,
        /// What its owner may do: an admin everything, a viewer see how the server is
        #[arg(long, value_name = "admin|viewer", default_value = "admin")]
        role: Role,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordInput,
        /// How to print it.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// List all accounts
    List {
        /// How to print them.
        #[command(flatten)]
        output: OutputFormat,
    },
    /// Give an account another password; all its sessions end
    ResetPassword {
        /// Its address
        #[arg(value_name = "EMAIL")]
        email: Email,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordInput,
    },
    /// Delete an account; all its sessions end
    Delete {
        /// Its address
        #[arg(value_name = "EMAIL")]
        email: Email,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Where a password comes from. It is never an argument, which everybody on the machine can read.
#[derive(Args, Clone, Copy, Debug)]
pub struct PasswordInput {
    /// Read the password from standard input, instead of asking for it on the terminal
    #[arg(long)]
    pub password_stdin: bool,
}

fn label(text: &str) -> Result<(usize, String), String> {
    let parts = text
        .split_once('=')
        .and_then(|(number, label)| field_index(number).map(|index| (index, label.to_owned())));
    parts.ok_or_else(|| format!("write the number of a field, 1 to {FIELDS}, and its label: 1=Temperature"))
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    match text {
        "write" => Ok(KeyKind::Write),
        "read" => Ok(KeyKind::Read),
        _ => Err("a key is for `write` or `read`".into()),
    }
}

fn retention(text: &str) -> Result<Period, String> {
    period(text, "all")
}

fn interval(text: &str) -> Result<Period, String> {
    period(text, "none")
}

fn period(text: &str, without: &str) -> Result<Period, String> {
    if text == without {
        return Ok(Period(None));
    }
    let duration = positive_duration(text).map_err(|error| format!("{error}; or `{without}`"))?;
    Ok(Period(Some(duration)))
}
