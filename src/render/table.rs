//! Lists as tables.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

use crate::domain::account::{Account, Token};
use crate::domain::channel::{ApiKey, Channel};
use crate::domain::run::RunOverview;
use crate::domain::unit::{self, UtcMillis};

use self::Column::{Left, Right};

/// A column: its title and where its cells are aligned.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Words.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// A table with a line for each row, or `none` below the titles when there is no row.
pub fn of(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut builder = Builder::new();
    builder.push_record(columns.iter().map(|column| match column {
        Left(title) | Right(title) => *title,
    }));
    let mut empty = true;
    for row in rows {
        builder.push_record(row);
        empty = false;
    }
    if empty {
        builder.push_record(["none"]);
    }
    let mut table = builder.build();
    table.with(Style::blank()).with(Padding::new(0, 1, 0, 0));
    for (index, column) in columns.iter().enumerate() {
        if matches!(column, Right(_)) && !empty {
            table.modify(Columns::one(index), Alignment::right());
        }
    }
    let lines = table.to_string();
    lines.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Runs, newest first.
pub fn runs(runs: &[RunOverview]) -> String {
    let columns = [
        Right("run"),
        Left("started (UTC)"),
        Right("workers"),
        Right("target"),
        Right("rps"),
        Right("p95"),
        Right("failed"),
        Left("grade"),
    ];
    let row = |run: &RunOverview| {
        let verdict = match (run.status.as_str(), &run.grade) {
            ("completed", Some(grade)) => grade.clone(),
            ("completed", None) => run.validity.clone().unwrap_or_default(),
            (status, Some(grade)) => format!("{grade}, {status}"),
            (status, None) => status.to_owned(),
        };
        vec![
            run.id.to_string(),
            run.started_at.to_minute(),
            run.workers.to_string(),
            run.target_rps.map_or_else(|| "max".into(), |rps| rps.to_string()),
            run.actual_rps.map_or_else(unknown, unit::rate),
            unit::millis(run.p95_latency_ms),
            run.failed_requests.map_or_else(unknown, unit::count),
            verdict,
        ]
    };
    of(&columns, runs.iter().map(row))
}

/// What stands where nothing is known.
fn unknown() -> String {
    "–".into()
}

/// Channels, by id.
pub fn channels(channels: &[Channel]) -> String {
    let row = |channel: &Channel| {
        let settings = &channel.settings;
        let retention = settings.retention_ms.map_or_else(
            || "all".into(),
            |ms| unit::duration(std::time::Duration::from_millis(ms.unsigned_abs())),
        );
        let access = if settings.public { "public" } else { "private" };
        let entries = unit::count(channel.last_entry_id.unsigned_abs());
        vec![
            channel.id.to_string(),
            settings.name.clone(),
            entries,
            access.into(),
            retention,
            channel.created_at.to_minute(),
        ]
    };
    let columns = [
        Right("id"),
        Left("name"),
        Right("last entry"),
        Left("access"),
        Left("keeps"),
        Left("created (UTC)"),
    ];
    of(&columns, channels.iter().map(row))
}

/// Keys of a channel, by id.
pub fn keys(keys: &[ApiKey]) -> String {
    let row = |key: &ApiKey| {
        let prefix = format!("{}…", key.prefix);
        let of_run = key.run_id.map_or_else(String::new, |run| format!(", until run {run} ends"));
        let kind = format!("{}{of_run}", key.kind.as_str());
        vec![key.id.to_string(), kind, prefix, key.created_at.to_minute()]
    };
    of(&[Right("id"), Left("kind"), Left("key"), Left("created (UTC)")], keys.iter().map(row))
}

/// Tokens, by id.
pub fn tokens(tokens: &[Token]) -> String {
    let row = |token: &Token| {
        let state =
            token.revoked_at.map_or_else(|| "valid".into(), |at| format!("revoked {}", at.to_minute()));
        let prefix = format!("{}…", token.prefix);
        vec![token.id.to_string(), token.name.clone(), prefix, token.created_at.to_minute(), state]
    };
    let columns = [Right("id"), Left("name"), Left("token"), Left("created (UTC)"), Left("state")];
    of(&columns, tokens.iter().map(row))
}

/// Accounts, by address.
pub fn accounts(accounts: &[Account]) -> String {
    let row = |account: &Account| {
        let last_login = account.last_login_at.map_or_else(|| "never".into(), UtcMillis::to_minute);
        let (email, role) = (account.email.to_string(), account.role.as_str().into());
        vec![account.id.to_string(), email, role, account.created_at.to_minute(), last_login]
    };
    let columns =
        [Right("id"), Left("address"), Left("role"), Left("created (UTC)"), Left("last login (UTC)")];
    of(&columns, accounts.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_and_an_empty_list_says_so() {
        let columns = [Right("id"), Left("name")];
        let rows = [["7", "short"], ["1024", "a longer name"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(of(&columns, rows), "  id  name\n   7  short\n1024  a longer name\n");
        assert_eq!(of(&columns, []), "id    name\nnone\n");
    }
}
