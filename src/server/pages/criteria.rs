//! Is it time to move? `/admin/criteria`.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Html;
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::format::in_language;
use super::saying::Sayings;
use super::words::Words;
use super::{language, words, words_in};
use crate::domain::criteria::check::{Check, Criterion, Finding, Flag, Indicator, Remedy, Step, When};
use crate::domain::criteria::checklist::{Item, State as Done, checklist};
use crate::domain::criteria::evidence::Source;
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::verdict::{Colour, Status, Verdict};
use crate::domain::observation::StoredCheck;
use crate::domain::unit;
use crate::render::chart::{self, Axis, Chart, Series};
use crate::server::State;
use crate::server::error::Refusal;
use crate::server::session::AdminPage;

/// Checks in the table and the chart.
const CHECKS_SHOWN: usize = 200;

/// What the domain says, in the reader's language.
pub struct Told {
    words: Words,
    sayings: Sayings,
}

impl Told {
    /// In the language of `words`.
    pub fn new(english: Words, words: Words) -> Self {
        let sayings = Sayings::new(&english, &words);
        Self { words, sayings }
    }

    /// The words of the language.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// What the domain says in English.
    pub fn say(&self, english: &str) -> String {
        self.sayings.say(english)
    }

    /// A value of a measure, with its unit.
    fn value(&self, measure: Measure, value: f64) -> String {
        in_language(self.words.language(), measure.text(value))
    }
}

/// `GET /admin/criteria`.
pub async fn criteria(
    AdminPage(session): AdminPage,
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
) -> Result<Html<String>, Refusal> {
    let told = Told::new(words_in(&state, language::LANGUAGES[0])?, words(&state, &headers)?);
    let judged = state.judging.judge(&state.store).await?;
    let data = if judged.check.was_made() {
        let checks = &judged.observation.checks;
        let checks = &checks[..checks.len().min(CHECKS_SHOWN)];
        let items = checklist(&judged.observation.facts());
        context! {
            check => shown(&told, &judged.check),
            history => history(&told, checks),
            checklist => items.iter().map(|item| listed(&told, item)).collect::<Vec<_>>(),
        }
    } else {
        context! { wrong => judged.check.reason.as_str() }
    };
    super::render(&state, &headers, Some(&session), "criteria.html", data)
}

fn shown(told: &Told, check: &Check) -> Value {
    let steps = |when: When| -> Vec<Value> {
        check.plan.iter().filter(|step| step.when == when).map(|each| step(told, check, each)).collect()
    };
    context! {
        verdict => check.verdict.name(),
        rung => check.rung.map(|rung| rung.as_str().to_lowercase()),
        reason => told.say(&check.reason),
        checked_at => Value::from(Serde(check.checked_at)),
        criteria => check.criteria.iter().map(|each| criterion(told, each)).collect::<Vec<_>>(),
        flags => check.flags.iter().map(|each| flag(told, each)).collect::<Vec<_>>(),
        green => check.green_zone.reached,
        outside => check.green_zone.outside.iter().map(|measure| measure.id()).collect::<Vec<_>>(),
        findings => check.findings.iter().map(|each| finding(told, each)).collect::<Vec<_>>(),
        leading => check.leading.iter().map(|each| indicator(told, each)).collect::<Vec<_>>(),
        plan => [("now", When::Now), ("next", When::Next), ("later", When::Later)]
            .map(|(name, when)| context! { name, steps => steps(when) }).to_vec(),
        remedies => check.remedies.iter().map(|each| remedy(told, each)).collect::<Vec<_>>(),
    }
}

/// A criterion: its value against its threshold.
pub fn criterion(told: &Told, criterion: &Criterion) -> Value {
    let measure = criterion.id;
    let share = criterion.value.map(|value| value / criterion.threshold).filter(|share| share.is_finite());
    let evidence = criterion.evidence.as_ref().map(|evidence| {
        let run = match evidence.source {
            Source::Run { id } => Some(id.0),
            _ => None,
        };
        context! { text => told.say(&evidence.text), run }
    });
    context! {
        id => measure.id(),
        value => criterion.value.map(|value| told.value(measure, value)),
        threshold => told.value(measure, criterion.threshold),
        by_reaching => measure.crosses_at_threshold(),
        share,
        headroom => share.map(|share| ((1.0 - share) * 100.0).max(0.0).floor()),
        status => status(criterion.status),
        state => state(criterion.status),
        reason => told.say(&criterion.reason),
        evidence,
        confirmed_by => criterion.confirmed_by.as_ref().map(|by| told.say(by)),
        forecast => told.say(&criterion.forecast.text()),
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
pub fn flag(told: &Told, flag: &Flag) -> Value {
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
    context! { id => flag.id.id(), colour, raised => flag.raised, state, detail => told.say(&flag.detail) }
}

/// What can be tuned.
pub fn finding(told: &Told, finding: &Finding) -> Value {
    context! {
        id => finding.id.id(),
        title => told.say(&finding.title),
        evidence => told.say(&finding.evidence),
        setting => told.say(&finding.setting),
        accepted => finding.accepted,
    }
}

fn indicator(told: &Told, indicator: &Indicator) -> Value {
    let limit = indicator.limit.map(unit::significant);
    context! {
        id => indicator.id.as_str(),
        detail => told.say(&indicator.detail),
        limit,
        state => if indicator.confirms { "warning" } else if indicator.value.is_none() { "quiet" } else { "good" },
    }
}

/// A step of the plan. Why a finding is one is its title and what was measured.
pub fn step(told: &Told, check: &Check, step: &Step) -> Value {
    let of_finding = check.findings.iter().find(|finding| {
        step.action == finding.setting && step.why == format!("{}: {}", finding.title, finding.evidence)
    });
    let why = of_finding.map_or_else(
        || told.say(&step.why),
        |finding| format!("{}: {}", told.say(&finding.title), told.say(&finding.evidence)),
    );
    context! { action => told.say(&step.action), why, is_command => step.action.starts_with("porta ") && !step.action.contains(", ") }
}

fn remedy(told: &Told, remedy: &Remedy) -> Value {
    let said = |texts: &[String]| texts.iter().map(|text| told.say(text)).collect::<Vec<_>>();
    context! {
        name => remedy.name.as_str(),
        indicated => remedy.indicated,
        fixes => said(&remedy.fixes),
        does_not_fix => said(&remedy.does_not_fix),
    }
}

fn listed(told: &Told, item: &Item) -> Value {
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
        text => told.say(&item.text),
        state,
        word,
        found => told.say(&item.found),
        how_to => told.say(&item.how_to),
    }
}

/// The checks that were stored, and each criterion over time in percent of its threshold now.
fn history(told: &Told, checks: &[StoredCheck]) -> Value {
    let known = |value: Option<f64>, measure| value.map(|value| told.value(measure, value));
    let rows = checks.iter().map(|check| {
        context! {
            checked_at => Value::from(Serde(check.checked_at)),
            verdict => check.verdict.name(),
            state => verdict_state(check.verdict),
            rung => check.rung.as_deref(),
            agents => known(check.agents, Measure::Agents),
            p95 => known(check.p95, Measure::P95),
            cv => known(check.cv, Measure::Cv),
            db_size => known(check.db_size, Measure::DbSize),
            rps => known(check.rps, Measure::Rps),
            red_flags => check.red_flags,
        }
    });
    context! { rows => rows.collect::<Vec<_>>(), chart => history_chart(told, checks) }
}

fn history_chart(told: &Told, checks: &[StoredCheck]) -> Option<Value> {
    if checks.len() < 2 {
        return None;
    }
    let points: Vec<(f64, Option<f64>)> = checks
        .iter()
        .rev()
        .map(|check| (check.checked_at.0 as f64, check.db_size.map(|bytes| bytes / 1e6)))
        .collect();
    let (title, label) =
        (told.words.text("criteria.history_chart"), told.words.text("criteria.measures.db_size"));
    let unit = told.words.text("criteria.megabytes");
    Some(Value::from_safe_string(chart::lines(&Chart {
        title: &title,
        description: &title,
        x_label: "",
        y_label: &unit,
        x: Axis::Utc,
        series: &[Series { label: &label, points: &points }],
        threshold: None,
    })))
}

fn verdict_state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "good",
        Verdict::Unknown => "quiet",
        Verdict::Warning => "warning",
        Verdict::Critical => "bad",
    }
}
