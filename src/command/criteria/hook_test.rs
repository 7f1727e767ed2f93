//! `porta criteria hook-test`.

use std::path::Path;

use super::alert::{Receivers, facts};
use super::notify::{self, Told};
use super::outcome::Outcome;
use super::record::note;
use crate::cli::{Config, Judged, Notify};
use crate::command::{block_on, print};
use crate::domain::criteria::verdict::Verdict;
use crate::domain::observation::Milestone;
use crate::domain::unit;
use crate::exit::{Exit, Failure};
use crate::load::ping;

/// Runs hook and ping as for a change from OK to the present verdict, and shows what came of them.
pub fn run(arguments: &Notify, db: &Path) -> Result<Exit, Failure> {
    let receivers = Receivers::of(arguments)?;
    if !receivers.is_anybody() {
        return Err(Failure::usage(
            "there is nothing to test: name a hook with --hook CMD, or an address with --ping URL",
        ));
    }
    let (facts, is_readable) = facts_now(db);
    let (text, failed) = block_on(async {
        let (mut text, mut failed) = (String::new(), false);
        if let Some(command) = &arguments.hook {
            let told = notify::run_hook(command, &facts, arguments.hook_timeout).await;
            failed |= told.outcome.is_err();
            text.push_str(&of_hook(command, &facts, &told));
        }
        if let (Some(url), Some(address)) = (&arguments.ping, &receivers.ping) {
            let answer = ping::ping(address, arguments.hook_timeout).await;
            failed |= answer.is_err();
            let answer = match answer {
                Ok(answer) => format!("answered {answer}"),
                Err(error) => format!("FAILED: {error}"),
            };
            text.push_str(&format!("ping {url}\n  {answer}\n"));
        }
        Ok((text, failed))
    })?;
    print(&text)?;
    if failed {
        return Ok(Exit::Unknown);
    }
    if is_readable {
        note(db, Milestone::Alert);
    }
    Ok(Exit::Done)
}

/// The truth, be it that there is no database yet: a hook can be tried before. Returns whether there is one to note it in.
fn facts_now(db: &Path) -> (notify::Facts, bool) {
    let arguments = Judged { config: Config { config: None }, since: None, run: None };
    let outcome = Outcome::of(&arguments, db);
    let mut facts = facts(outcome.check(), Verdict::Ok, outcome.thresholds(), db);
    facts.push(("PORTA_TEST", "1".into()));
    (facts, outcome.judgement().is_some())
}

fn of_hook(command: &str, facts: &notify::Facts, told: &Told) -> String {
    let mut text = format!("hook {command}\n");
    facts.iter().for_each(|(name, value)| text.push_str(&format!("  {name}={value}\n")));
    match &told.outcome {
        Ok(outcome) => text.push_str(&format!(
            "  {outcome} after {}\n",
            unit::millis(Some(told.took.as_secs_f64() * 1000.0))
        )),
        Err(error) => text.push_str(&format!("  FAILED: {error}\n")),
    }
    for (name, stream) in [("stdout", &told.stdout), ("stderr", &told.stderr)] {
        stream.lines().for_each(|line| text.push_str(&format!("  {name}: {line}\n")));
    }
    text
}
