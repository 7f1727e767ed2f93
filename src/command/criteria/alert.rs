//! Whom a check tells that the verdict has changed, and what.

use std::path::Path;

use super::notify::{self, Facts};
use crate::cli::Notify;
use crate::command::block_on;
use crate::domain::criteria::check::Check;
use crate::domain::criteria::thresholds::Thresholds;
use crate::domain::criteria::verdict::Verdict;
use crate::exit::Failure;
use crate::load::ping;
use crate::load::target::Destination;
use crate::render::criteria::nagios;

/// The hook and the address that were named.
pub struct Receivers<'a> {
    notify: &'a Notify,
    /// Where to send the ping.
    pub ping: Option<Destination>,
}

impl<'a> Receivers<'a> {
    /// What is wrong with the address is found before anything is done.
    ///
    /// # Errors
    /// When it is none that can be fetched.
    pub fn of(notify: &'a Notify) -> Result<Self, Failure> {
        let parse = |url: &String| {
            Destination::parse(url).map_err(|error| Failure::usage(format!("cannot use --ping: {error}")))
        };
        Ok(Self { notify, ping: notify.ping.as_ref().map(parse).transpose()? })
    }

    /// Whether there is anybody to be told.
    pub fn is_anybody(&self) -> bool {
        self.notify.hook.is_some() || self.ping.is_some()
    }

    /// Runs the hook, sends the ping, and returns whether one of them has succeeded. What goes wrong with them changes no verdict.
    pub fn tell(&self, facts: &Facts) -> bool {
        let limit = self.notify.hook_timeout;
        let told = block_on(async {
            let mut told = false;
            if let Some(command) = &self.notify.hook {
                let hook = notify::run_hook(command, facts, limit).await;
                match hook.outcome {
                    Ok(_) => told = true,
                    Err(error) => tracing::warn!(error, stderr = hook.stderr.trim_end(), "the hook failed"),
                }
            }
            if let Some(destination) = &self.ping {
                match ping::ping(destination, limit).await {
                    Ok(_) => told = true,
                    Err(error) => tracing::warn!(error, "the ping failed"),
                }
            }
            Ok(told)
        });
        told.unwrap_or_else(|failure| {
            tracing::warn!(error = failure.message(), "nobody could be told");
            false
        })
    }
}

/// The variables of a hook.
pub fn facts(check: &Check, before: Verdict, thresholds: &Thresholds, db: &Path) -> Facts {
    let db = std::path::absolute(db).unwrap_or_else(|_| db.to_owned());
    vec![
        ("PORTA_VERDICT", check.verdict.name().into()),
        ("PORTA_PREVIOUS", before.name().into()),
        ("PORTA_EXIT_CODE", check.exit_code.to_string()),
        ("PORTA_STEP", check.rung.map_or("", |rung| rung.as_str()).to_lowercase()),
        ("PORTA_REASON", check.reason.clone()),
        ("PORTA_SUMMARY", nagios::line(check, thresholds).trim_end().into()),
        ("PORTA_CHECKED_AT", check.checked_at.to_string()),
        ("PORTA_DB", db.display().to_string()),
    ]
}
