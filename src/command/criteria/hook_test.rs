//! `porta criteria hook-test`.

use std::path::Path;

use super::check::{destination, facts, note};
use super::judged;
use super::notify::{self, Told};
use crate::cli::{Config, Judged, Notify};
use crate::clock;
use crate::command::{block_on, print};
use crate::domain::criteria::check::Check;
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::verdict::Verdict;
use crate::domain::observation::Milestone;
use crate::domain::unit;
use crate::exit::{Exit, Failure};
use crate::load::ping;

/// Runs hook and ping as for a change from OK to the present verdict, and shows what came of them.
pub fn run(arguments: &Notify, db: &Path) -> Result<Exit, Failure> {
    if arguments.hook.is_none() && arguments.ping.is_none() {
        return Err(Failure::usage(
            "there is nothing to test: name a hook with --hook CMD, or an address with --ping URL",
        ));
    }
    let address = destination(arguments)?;
    let facts = facts_now(db)?;
    let (text, failed) = block_on(async {
        let (mut text, mut failed) = (String::new(), false);
        if let Some(command) = &arguments.hook {
            let told = notify::run_hook(command, &facts, arguments.hook_timeout).await;
            failed |= told.outcome.is_err();
            text.push_str(&of_hook(command, &facts, &told));
        }
        if let (Some(url), Some(address)) = (&arguments.ping, &address) {
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
    note(db, Milestone::Alert);
    Ok(Exit::Done)
}

/// Of a database that is there, the truth; else of nothing, since a hook can be tried before there is one.
fn facts_now(db: &Path) -> Result<notify::Facts, Failure> {
    let arguments = Judged { config: Config { config: None }, since: None, run: None };
    let (check, thresholds) = if db.exists() {
        let judgement = judged::judge(&arguments, db)?;
        (judgement.check, judgement.thresholds)
    } else {
        let thresholds = judged::thresholds(&arguments.config, db)?;
        (Check::judge(&Evidence::default(), &thresholds, clock::utc()), thresholds)
    };
    let mut facts = facts(&check, Verdict::Ok, &thresholds, db);
    facts.push(("PORTA_TEST", "1".into()));
    Ok(facts)
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
