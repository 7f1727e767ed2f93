//! `porta admin`: channels and tokens, directly in the database.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{cannot, prepare, print, print_as, to_json, with_store};
use crate::cli::{Admin, Channel, Format, Token};
use crate::domain::channel::{NewChannel, check_name};
use crate::domain::secret::Secret;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::store::sqlite::Sqlite;
use crate::store::{ChannelStore as _, TokenStore as _};

pub fn run(arguments: Admin, db: &Path) -> Result<Exit, Failure> {
    if let Admin::Channel(Channel::Create { .. }) | Admin::Token(Token::Create { .. }) = &arguments {
        // The first channel may come before the first start of the server.
        prepare(db)?;
    }
    with_store(db, async |store| match arguments {
        Admin::Channel(what) => channel(what, store).await,
        Admin::Token(what) => token(what, store).await,
    })?;
    Ok(Exit::Done)
}

/// A channel with fresh keys.
pub fn new_channel(name: String, retention: Option<Duration>) -> Result<NewChannel, Failure> {
    let random = || Ok::<_, Failure>(u128::from_ne_bytes(random_bytes()?));
    let (write_key, read_key) = (Secret::api_key(random()?), Secret::api_key(random()?));
    Ok(NewChannel { name, retention, write_key, read_key })
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new("cannot make a key", error))?;
    Ok(bytes)
}

async fn channel(what: Channel, store: &Sqlite) -> Result<(), Failure> {
    match what {
        Channel::Create { name, retention, output } => {
            check_name(&name)
                .map_err(|reason| Failure::usage(format!("cannot create the channel: {reason}")))?;
            let new = new_channel(name, retention)?;
            let (write_key, read_key) = (new.write_key.clone(), new.read_key.clone());
            let created = store.create_channel(new).await.map_err(cannot("cannot create the channel"))?;
            let (write_key, read_key) = (write_key.reveal(), read_key.reveal());
            match output.format {
                Format::Json => {
                    let keys =
                        json!({ "id": created.id, "write_api_key": write_key, "read_api_key": read_key });
                    print(&(to_json(&keys)? + "\n"))
                }
                Format::Table => print(&format!(
                    "Channel {}  {}\n  write key  {write_key}\n  read key   {read_key}\n\
                     The keys are shown only now: the database keeps their hashes.\n",
                    created.id, created.name
                )),
            }
        }
        Channel::List { output } => {
            let channels = store.channels().await.map_err(cannot("cannot list channels"))?;
            print_as(output.format, &channels, |channels| table::channels(channels))
        }
    }
}

async fn token(what: Token, store: &Sqlite) -> Result<(), Failure> {
    match what {
        Token::Create { name, output } => {
            check_name(&name)
                .map_err(|reason| Failure::usage(format!("cannot create the token: {reason}")))?;
            let secret = Secret::token(random_bytes()?);
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
