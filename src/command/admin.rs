//! `porta admin`: channels, keys, tokens and accounts, directly in the database.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;

use super::{cannot, confirm, prepare, print, print_as, to_json, user, with_store};
use crate::cli::{Admin, Channel, Format, Key, Token};
use crate::domain::channel::{ApiKey, Settings, check_name};
use crate::domain::id::ChannelId;
use crate::domain::secret::Secret;
use crate::entropy;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::store::sqlite::Sqlite;
use crate::store::{ChannelStore as _, StoreError, TokenStore as _};

/// Bytes that are read where a key is expected.
const KEY_INPUT_BYTES_MAX: u64 = 1024;
/// What deleting comes to.
const IRREVOCABLE: &str = "that cannot be undone";

pub fn run(arguments: Admin, db: &Path) -> Result<Exit, Failure> {
    if let Admin::Channel(Channel::Create { .. }) | Admin::Token(Token::Create { .. }) = &arguments {
        // The first channel may come before the first start of the server.
        prepare(db)?;
    }
    match arguments {
        Admin::Channel(what) => with_store(db, async |store| channel(what, store).await)?,
        Admin::Key(what) => with_store(db, async |store| key(what, store).await)?,
        Admin::Token(what) => with_store(db, async |store| token(what, store).await)?,
        Admin::User(what) => user::run(what, db)?,
    }
    Ok(Exit::Done)
}

async fn channel(what: Channel, store: &Sqlite) -> Result<(), Failure> {
    match what {
        Channel::Create { name, id, settings, output } => {
            let settings = Settings::new(name)
                .changed(settings.change(None))
                .map_err(|error| Failure::usage(format!("cannot create the channel: {error}")))?;
            create_channel(store, id, settings, output.format).await
        }
        Channel::List { output } => {
            let channels = store.channels().await.map_err(cannot("cannot list channels"))?;
            print_as(output.format, &channels, |channels| table::channels(channels))
        }
        Channel::Edit { id, name, settings, output } => {
            let changed = store.change_channel(id, settings.change(name)).await;
            let channel = changed.map_err(cannot_touch(id, "change"))?;
            print_as(output.format, &channel, |channel| table::channels(std::slice::from_ref(channel)))
        }
        Channel::Clear { id, yes } => {
            confirm(yes, &format!("delete all entries of channel {id}"), IRREVOCABLE)?;
            let channel = store.clear_channel(id).await.map_err(cannot_touch(id, "clear"))?;
            print(&format!("Channel {id}  {} is empty; its next entry is number 1.\n", channel.settings.name))
        }
        Channel::Delete { id, yes } => {
            confirm(yes, &format!("delete channel {id}, its keys and all its entries"), IRREVOCABLE)?;
            let channel = store.delete_channel(id).await.map_err(cannot_touch(id, "delete"))?;
            print(&format!("Channel {id}  {} is deleted.\n", channel.settings.name))
        }
        Channel::Keys { id, output } => {
            let keys = store.keys(id).await.map_err(cannot_touch(id, "list the keys of"))?;
            print_as(output.format, &keys, |keys| table::keys(keys))
        }
    }
}

async fn create_channel(
    store: &Sqlite,
    id: Option<ChannelId>,
    settings: Settings,
    format: Format,
) -> Result<(), Failure> {
    let new = entropy::new_channel(id, settings)
        .map_err(|error| Failure::new("cannot create the channel", error))?;
    let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
    let created = store.create_channel(new).await.map_err(cannot("cannot create the channel"))?;
    let (write_key, read_key) = (write_key.reveal(), read_key.reveal());
    match format {
        Format::Json => {
            let keys = json!({ "id": created.id, "write_api_key": write_key, "read_api_key": read_key });
            print(&(to_json(&keys)? + "\n"))
        }
        Format::Table => print(&format!(
            "Channel {}  {}\n  write key  {write_key}\n  read key   {read_key}\n\
             The keys are shown only now: the database keeps their hashes.\n",
            created.id, created.settings.name
        )),
    }
}

async fn key(what: Key, store: &Sqlite) -> Result<(), Failure> {
    match what {
        Key::Create { channel, kind, key_stdin, output } => {
            let secret = if key_stdin { key_from_stdin()? } else { fresh_key()? };
            let created = store.create_key(channel, kind, secret.clone()).await;
            let created = created.map_err(cannot_touch(channel, "create a key of"))?;
            print_key(&created, (!key_stdin).then_some(&secret), output.format)
        }
        Key::Rotate { channel, key, output } => {
            let secret = fresh_key()?;
            let created = store.rotate_key(channel, key, secret.clone()).await;
            let created = created.map_err(cannot_touch_key(channel, "rotate"))?;
            print_key(&created, Some(&secret), output.format)
        }
        Key::Revoke { channel, key } => {
            let ended = store.revoke_key(channel, key).await.map_err(cannot_touch_key(channel, "revoke"))?;
            print(&format!(
                "Key {}  {}… of channel {channel} opens nothing any more.\n",
                ended.id, ended.prefix
            ))
        }
    }
}

fn fresh_key() -> Result<Secret, Failure> {
    entropy::api_key().map_err(|error| Failure::new("cannot make a key", error))
}

fn key_from_stdin() -> Result<Secret, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(KEY_INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new("cannot read a key from standard input", error))?;
    Secret::foreign_key(text.trim())
        .map_err(|error| Failure::usage(format!("cannot take the key from standard input: {error}")))
}

/// Shows a key, unless it is one that its owner has brought along.
fn print_key(created: &ApiKey, secret: Option<&Secret>, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let mut key = json!({ "id": created.id, "kind": created.kind, "prefix": created.prefix });
            if let Some(secret) = secret {
                key["key"] = secret.reveal().into();
            }
            print(&(to_json(&key)? + "\n"))
        }
        Format::Table => {
            let (id, kind, channel) = (created.id, created.kind.as_str(), created.channel_id);
            let shown = match secret {
                Some(secret) => {
                    format!("{}\nIt is shown only now: the database keeps its hash.", secret.reveal())
                }
                None => format!("{}…", created.prefix),
            };
            print(&format!("Key {id}  {kind} key of channel {channel}\n  {shown}\n"))
        }
    }
}

/// Turns a store's error about a channel into a command's.
fn cannot_touch(id: ChannelId, attempted: &str) -> impl Fn(StoreError) -> Failure {
    let attempted = format!("cannot {attempted} channel {id}");
    move |error| match &error {
        StoreError::Setting(wrong) => Failure::usage(format!("{attempted}: {wrong}")),
        StoreError::NotFound(_) => {
            Failure::new(&attempted, error).next_step("List them: porta admin channel list")
        }
        _ => Failure::new(&attempted, error),
    }
}

fn cannot_touch_key(channel: ChannelId, attempted: &str) -> impl Fn(StoreError) -> Failure {
    let cannot = cannot(format!("cannot {attempted} the key"));
    move |error| cannot(error).next_step(format!("List them: porta admin channel keys {channel}"))
}

async fn token(what: Token, store: &Sqlite) -> Result<(), Failure> {
    match what {
        Token::Create { name, output } => {
            check_name(&name)
                .map_err(|reason| Failure::usage(format!("cannot create the token: {reason}")))?;
            let secret = entropy::token().map_err(|error| Failure::new("cannot make a token", error))?;
            let created =
                store.create_token(name, secret.clone()).await.map_err(cannot("cannot create the token"))?;
            match output.format {
                Format::Json => {
                    let token = json!({ "id": created.id, "name": created.name, "token": secret.reveal() });
                    print(&(to_json(&token)? + "\n"))
                }
                Format::Table => print(&format!(
                    "Token {}  {}\n  {}\nIt is shown only now: the database keeps its hash.\n",
                    created.id,
                    created.name,
                    secret.reveal()
                )),
            }
        }
        Token::List { output } => {
            let tokens = store.tokens().await.map_err(cannot("cannot list tokens"))?;
            print_as(output.format, &tokens, |tokens| table::tokens(tokens))
        }
        Token::Revoke { id } => {
            let token = store
                .revoke_token(id)
                .await
                .map_err(cannot(format!("cannot revoke token {id}")))
                .map_err(|failure| failure.next_step("List them: porta admin token list"))?;
            print(&format!("Token {}  {} is revoked.\n", token.id, token.name))
        }
    }
}
