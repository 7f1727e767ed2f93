//! `porta admin user`: accounts, directly in the database. A server that has it open knows of it at once.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::{cannot, confirm, prepare, print, print_as, with_store};
use crate::cli::{PasswordInput, User};
use crate::domain::account::{Email, NewAccount, Role};
use crate::domain::password::{PASSWORD_BYTES_MAX, Password, PasswordHash};
use crate::entropy;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::store::{AccountStore as _, StoreError};

/// Bytes that are read where a password is expected: too long a one is found out.
const INPUT_BYTES_MAX: u64 = PASSWORD_BYTES_MAX as u64 + 64;
/// What follows when the last administrator is deleted.
const NO_ADMIN: &str = "There is no administrator any more. The next start of porta serve prints a link that creates one; \
                        or create one here: porta admin user create EMAIL\n";
/// What a terminal sends for Ctrl+C.
const INTERRUPT: u8 = 3;

pub fn run(what: User, db: &Path) -> Result<(), Failure> {
    match what {
        User::Create { email, role, password, output } => {
            let password = chosen(password, &email)?;
            // The first account may come before the first start of the server.
            prepare(db)?;
            let account = NewAccount { email, role, password };
            let created = with_store(db, async |store| {
                store.create_account(account).await.map_err(cannot("cannot create the account"))
            });
            let created = created.map_err(|failure| failure.next_step("List them: porta admin user list"))?;
            print_as(output.format, &created, |account| {
                format!(
                    "Account {}  {} can log in as {}.\n",
                    account.id,
                    account.email,
                    account.role.as_str()
                )
            })?;
        }
        User::List { output } => {
            let accounts =
                with_store(db, async |store| store.accounts().await.map_err(cannot("cannot list accounts")))?;
            print_as(output.format, &accounts, |accounts| table::accounts(accounts))?;
        }
        User::ResetPassword { email, password } => {
            let password = chosen(password, &email)?;
            let account = with_store(db, async |store| {
                let account = store.reset_password(email.clone(), password).await;
                account.map_err(cannot_touch(&email, "reset the password of"))
            })?;
            let (id, email) = (account.id, account.email);
            print(&format!("Account {id}  {email} has another password; all its sessions have ended.\n"))?;
        }
        User::Delete { email, yes } => {
            confirm(yes, &format!("delete the account {email}"), "its sessions end")?;
            let (account, others) = with_store(db, async |store| {
                let deleted = store.delete_account(email.clone()).await;
                let deleted = deleted.map_err(cannot_touch(&email, "delete"))?;
                Ok((deleted, store.accounts().await.map_err(cannot("cannot list accounts"))?))
            })?;
            print(&format!("Account {}  {} is deleted.\n", account.id, account.email))?;
            if account.role == Role::Admin && others.iter().all(|other| other.role != Role::Admin) {
                print(NO_ADMIN)?;
            }
        }
    }
    Ok(())
}

fn cannot_touch(email: &Email, attempted: &str) -> impl Fn(StoreError) -> Failure {
    let cannot = cannot(format!("cannot {attempted} {email}"));
    move |error| cannot(error).next_step("List them: porta admin user list")
}

/// A password that somebody has chosen, as the database keeps it.
fn chosen(input: PasswordInput, email: &Email) -> Result<PasswordHash, Failure> {
    let text = if input.password_stdin { from_stdin()? } else { asked()? };
    let password = Password::chosen(&text, email)
        .map_err(|fault| Failure::usage(format!("cannot take this password: {fault}")))?;
    let hashed = entropy::salt().and_then(|salt| password.hash(salt));
    hashed.map_err(|error| Failure::new("cannot hash the password", error))
}

/// What standard input holds, without the end of its line.
fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new("cannot read a password from standard input", error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Asks twice on the terminal, which does not show what is typed.
fn asked() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to ask for a password on; give it on standard input, with --password-stdin",
        ));
    }
    let cannot_ask = |error: std::io::Error| Failure::new("cannot ask for a password", error);
    let hidden = Hidden::begin().map_err(cannot_ask)?;
    let first = answer("Password: ")?;
    let second = answer("The same again: ")?;
    drop(hidden);
    if first == second { Ok(first) } else { Err(Failure::usage("the two passwords are not the same")) }
}

/// One line from the terminal.
fn answer(question: &str) -> Result<String, Failure> {
    let mut stderr = anstream::stderr();
    let mut line = [0; INPUT_BYTES_MAX as usize];
    let asked = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
    // A terminal gives one line at a time.
    let read = asked.and_then(|()| std::io::stdin().lock().read(&mut line));
    let read = read.map_err(|error| Failure::new("cannot ask for a password", error))?;
    // The end of the line was not shown either. Where nobody sees the terminal nobody misses it.
    let _ = stderr.write_all(b"\n");
    let line = &line[..read];
    if line.is_empty() || line.contains(&INTERRUPT) {
        return Err(Failure::new("cannot ask for a password", "interrupted").exit(Exit::Interrupted));
    }
    let line = std::str::from_utf8(line).map_err(|_| Failure::usage("a password is text in UTF-8"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        // Ctrl+C ends the line instead of the process, which would leave the terminal as it is then.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // What was typed ahead was shown, and is not taken.
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // It was one a moment ago.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
