//! Is it time to move? `/admin/criteria`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::words;
use super::words::Words;
use crate::domain::criteria::check::{Check, Criterion, Finding, Flag, Indicator, Remedy, Step, When};
use crate::domain::criteria::checklist::{Item, State as Done, checklist};
use crate::domain::criteria::evidence::Source;
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::verdict::{Colour, Status, Verdict};
use crate::domain::observation::StoredCheck;
use crate::judgement::Judgement;
use crate::render::chart::{self, Axis, Chart, Series};
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::session::AdminPage;

/// Checks in the table.
const CHECKS_SHOWN: usize = 50;
/// Checks in the chart.
const CHECKS_DRAWN: usize = 200;

/// `GET /admin/criteria`.
pub async fn criteria(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    let words = words(&state, &headers)?;
    let judged = state.judging.judge(&state.store).await?;
    let data = if judged.check.was_made() {
        let checks = &judged.observation.checks;
        let items = checklist(&judged.observation.facts());
        context! {
            db => db(&judged),
            check => shown(&words, &judged.check),
            history => history(&words, &judged.check, checks),
            checklist => items.iter().map(listed).collect::<Vec<_>>(),
        }
    } else {
        context! { wrong => judged.check.reason.as_str() }
    };
    super::render(&state, &headers, Some(&session), "criteria.html", data)
}

/// Where the database is, for commands that are to find it from anywhere.
pub fn db(judged: &Judgement) -> String {
    judged.observation.file.path.display().to_string()
}

fn shown(words: &Words, check: &Check) -> Value {
    let steps = |when: When| -> Vec<Value> {
        check.plan.iter().filter(|step| step.when == when).map(|each| step(check, each)).collect()
    };
    context! {
        verdict => check.verdict.name(),
        rung => check.rung.map(|rung| rung.as_str().to_lowercase()),
        reason => check.reason.as_str(),
        checked_at => Value::from(Serde(check.checked_at)),
        criteria => check.criteria.iter().map(|each| criterion(words, each)).collect::<Vec<_>>(),
        flags => check.flags.iter().map(flag).collect::<Vec<_>>(),
        green => check.green_zone.reached,
        outside => check.green_zone.outside.iter().map(|measure| measure.id()).collect::<Vec<_>>(),
        findings => check.findings.iter().map(finding).collect::<Vec<_>>(),
        leading => check.leading.iter().map(indicator).collect::<Vec<_>>(),
        plan => [("now", When::Now), ("next", When::Next), ("later", When::Later)]
            .map(|(name, when)| context! { name, steps => steps(when) }).to_vec(),
        remedies => check.remedies.iter().map(remedy).collect::<Vec<_>>(),
    }
}

/// A criterion: its value against its threshold.
pub fn criterion(words: &Words, criterion: &Criterion) -> Value {
    let measure = criterion.id;
    let share = criterion.value.map(|value| value / criterion.threshold).filter(|share| share.is_finite());
    let evidence = criterion.evidence.as_ref().map(|evidence| {
        let run = match evidence.source {
            Source::Run { id } => Some(id.0),
            _ => None,
        };
        context! { text => evidence.text.as_str(), run }
    });
    context! {
        id => measure.id(),
        value => criterion.value.map(|value| words.quantity(measure.text(value))),
        threshold => words.quantity(measure.text(criterion.threshold)),
        by_reaching => measure.crosses_at_threshold(),
        share,
        headroom => share.map(|share| ((1.0 - share) * 100.0).max(0.0).floor()),
        status => status(criterion.status),
        state => state(criterion.status),
        reason => criterion.reason.as_str(),
        evidence,
        confirmed_by => criterion.confirmed_by.as_deref(),
        forecast => criterion.forecast.text(),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Safe => "safe",
        Status::NoData => "no_data",
        Status::Near => "near",
        Status::Crossed => "crossed",
    }
}

fn state(status: Status) -> &'static str {
    match status {
        Status::Safe => "good",
        Status::NoData => "quiet",
        Status::Near => "warning",
        Status::Crossed => "bad",
    }
}

/// A flag.
pub fn flag(flag: &Flag) -> Value {
    let state = match (flag.raised, flag.colour) {
        (Some(true), Colour::Red) => "bad",
        (Some(true), Colour::Yellow) => "warning",
        (Some(false), _) => "good",
        (None, _) => "quiet",
    };
    let colour = match flag.colour {
        Colour::Red => "red",
        Colour::Yellow => "yellow",
    };
    context! { id => flag.id.id(), colour, raised => flag.raised, state, detail => flag.detail.as_str() }
}

/// What can be tuned.
pub fn finding(finding: &Finding) -> Value {
    context! {
        id => finding.id.id(),
        title => finding.title.as_str(),
        evidence => finding.evidence.as_str(),
        setting => finding.setting.as_str(),
        accepted => finding.accepted,
    }
}

fn indicator(indicator: &Indicator) -> Value {
    context! {
        id => indicator.id.as_str(),
        detail => indicator.detail.as_str(),
        limit => indicator.limit_text(),
        state => if indicator.confirms { "warning" } else if indicator.value.is_none() { "quiet" } else { "good" },
    }
}

/// A step of the plan. Why a finding is one is its title and what was measured.
pub fn step(check: &Check, step: &Step) -> Value {
    let of = check.findings.iter().find(|finding| Some(finding.id) == step.finding);
    let whys = match of {
        None => vec![step.why.clone()],
        Some(finding) => vec![finding.title.clone(), finding.evidence.clone()],
    };
    let is_command = step.action.starts_with("porta ") && !step.action.contains(", ");
    context! { action => step.action.as_str(), whys, is_command }
}

fn remedy(remedy: &Remedy) -> Value {
    context! {
        name => remedy.name.as_str(),
        indicated => remedy.indicated,
        fixes => &remedy.fixes,
        does_not_fix => &remedy.does_not_fix,
    }
}

fn listed(item: &Item) -> Value {
    let state = match item.state {
        Done::Done => "good",
        Done::NotDone => "warning",
        Done::NotPossibleYet => "quiet",
    };
    let word = match item.state {
        Done::Done => "done",
        Done::NotDone => "not_done",
        Done::NotPossibleYet => "not_possible_yet",
    };
    context! {
        part => format!("{:?}", item.part).to_lowercase(),
        text => item.text.as_str(),
        state,
        word,
        found => item.found.as_str(),
        how_to => item.how_to.as_str(),
    }
}

/// The checks that were stored, the newest first: some in a table, more in a chart.
fn history(words: &Words, check: &Check, checks: &[StoredCheck]) -> Value {
    let known = |value: Option<f64>, measure: Measure| value.map(|value| words.quantity(measure.text(value)));
    let rows = checks.iter().take(CHECKS_SHOWN).map(|stored| {
        context! {
            checked_at => Value::from(Serde(stored.checked_at)),
            verdict => stored.verdict.name(),
            state => verdict_state(stored.verdict),
            figures => Measure::ALL.map(|measure| known(figure(stored, measure), measure)).to_vec(),
            red_flags => stored.red_flags,
        }
    });
    let drawn = &checks[..checks.len().min(CHECKS_DRAWN)];
    context! {
        rows => rows.collect::<Vec<_>>(),
        has_more => checks.len() > CHECKS_SHOWN,
        chart => (drawn.len() > 1).then(|| history_chart(words, check, drawn)),
    }
}

fn figure(stored: &StoredCheck, measure: Measure) -> Option<f64> {
    match measure {
        Measure::Agents => stored.agents,
        Measure::P95 => stored.p95,
        Measure::Cv => stored.cv,
        Measure::DbSize => stored.db_size,
        Measure::Rps => stored.rps,
    }
}

/// Each criterion over time in percent of its threshold now: what is above the line has crossed it.
fn history_chart(words: &Words, check: &Check, checks: &[StoredCheck]) -> Value {
    let lines = check.criteria.iter().map(|criterion| {
        let percent = |value: f64| Some(value / criterion.threshold * 100.0);
        let points: Vec<_> = checks
            .iter()
            .rev()
            .map(|stored| (stored.checked_at.0 as f64, figure(stored, criterion.id).and_then(percent)))
            .collect();
        (words.text(&format!("criteria.measures.{}", criterion.id.id())), points)
    });
    let lines: Vec<_> = lines.collect();
    let series: Vec<_> = lines.iter().map(|(label, points)| Series { label, points }).collect();
    let [title, threshold] = ["criteria.history_chart", "criteria.threshold"].map(|key| words.text(key));
    Value::from_safe_string(chart::lines(&Chart {
        title: &title,
        description: &title,
        x_label: "",
        y_label: "%",
        x: Axis::Utc,
        series: &series,
        threshold: Some((100.0, &threshold)),
        between: None,
        from_zero: true,
    }))
}

fn verdict_state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "good",
        Verdict::Unknown => "quiet",
        Verdict::Warning => "warning",
        Verdict::Critical => "bad",
    }
}
