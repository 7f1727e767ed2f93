//! What is remembered of a check, and whether the verdict has changed since somebody was told: for both, checks have to know of
//! each other.
//!
//! The database has the history. What counts for alerts stands in a small file beside it, since a database that cannot be read or
//! written is what somebody has to be told of; and it is kept for each file with thresholds apart, since a check by others says nothing
//! about these. Who was told stands beside what counts: whatever goes wrong with telling, the next check sees that nobody was.

use std::path::Path;
use std::time::Duration;

use super::judged;
use super::outcome::Outcome;
use crate::cli::Check as Arguments;
use crate::clock;
use crate::domain::criteria::check::Check;
use crate::domain::criteria::damping::{Standing, settle};
use crate::domain::criteria::evidence::Evidence;
use crate::domain::criteria::measure::Measure;
use crate::domain::criteria::verdict::{Colour, Verdict};
use crate::domain::observation::{Milestone, StoredCheck};
use crate::domain::unit::UtcMillis;
use crate::exit::Failure;
use crate::instance;
use crate::store::sqlite::check_state::{CheckLock, Course, Courses, Telling};
use crate::store::sqlite::criteria as stored;
use crate::store::sqlite::migrate::OpenError;

/// How much longer than the hook and the ping may take it may take to tell somebody.
const TELLING_BEYOND: Duration = Duration::from_secs(10);

/// What becomes of a check's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It counts, and is stored.
    Kept,
    /// It is compared with what is remembered, and leaves nothing.
    NotStored,
    /// A run or a window that was chosen by hand says something else than the checks before and after it.
    Look,
}

/// What is to be done with a check's result.
pub struct Record<'a> {
    arguments: &'a Arguments,
    db: &'a Path,
    /// The file with the thresholds: what the checks are told apart by.
    by: String,
    purpose: Purpose,
}

/// What is new about a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// It is OK, and so was the last one.
    pub stays_ok: bool,
    /// What somebody was told last, where somebody is to be told now.
    pub changed_from: Option<Verdict>,
}

impl<'a> Record<'a> {
    pub fn of(arguments: &'a Arguments, db: &'a Path) -> Self {
        let judged = &arguments.judged;
        let purpose = if judged.run.is_some() || judged.since.is_some() {
            Purpose::Look
        } else if arguments.no_store {
            Purpose::NotStored
        } else {
            Purpose::Kept
        };
        let thresholds = judged::file(&judged.config, db);
        let by = std::path::absolute(&thresholds).unwrap_or(thresholds).display().to_string();
        Self { arguments, db, by, purpose }
    }

    /// Keeps other checks away. Where none was before there is nothing to keep them away by, nor where this user can make no file.
    ///
    /// # Errors
    /// When another check is under way, and does not come to an end.
    pub fn lock(&self) -> Result<Option<CheckLock>, Failure> {
        if self.purpose != Purpose::Kept {
            return Ok(None);
        }
        match CheckLock::take(self.db) {
            Ok(lock) => Ok(lock),
            Err(OpenError::InUse { holders }) => {
                Err(Failure::new("cannot check", format!("another check is under way: {holders}"))
                    .next_step("Wait until it has ended, or check less often."))
            }
            Err(error) => {
                tracing::debug!(%error, "no lock against other checks");
                Ok(None)
            }
        }
    }

    /// Counts and stores the result, lets other checks go on, and says what is new.
    pub fn keep(&self, lock: Option<CheckLock>, outcome: &Outcome, is_anybody_there: bool) -> News {
        let lock = lock.or_else(|| self.first_lock(outcome));
        let before = self.before(lock.as_ref(), outcome);
        let last = before.as_ref().map_or(Verdict::Ok, |before| before.standing.last);
        let results = self.arguments.damping.map_or(outcome.thresholds().change.results, u64::from);
        let is_first = before.is_none();
        let course = course(before, outcome.check(), results);
        let verdict = course.standing.last;
        // By this check's own damping: another one may have settled it sooner.
        let counts = is_first || course.standing.in_a_row >= results;
        let is_due = is_anybody_there && counts && course.telling.is_none() && verdict != course.told;
        let changed_from = is_due.then_some(course.told);
        let news = News { stays_ok: verdict == Verdict::Ok && last == Verdict::Ok, changed_from };
        match self.purpose {
            Purpose::NotStored => news,
            Purpose::Look => {
                if is_anybody_there {
                    tracing::warn!("nobody is told of a check with --run or --since");
                }
                News { changed_from: None, ..news }
            }
            Purpose::Kept if self.store(lock, outcome, course, is_due) => news,
            // Results in a row cannot be counted where none is remembered: rather once too often than never.
            Purpose::Kept => {
                News { changed_from: (is_anybody_there && last != verdict).then_some(last), ..news }
            }
        }
    }

    /// Keeps the course for alerts, and the check for the history. Returns whether the course is remembered.
    fn store(&self, lock: Option<CheckLock>, outcome: &Outcome, course: Course, is_due: bool) -> bool {
        if let Some(judgement) = outcome.judgement() {
            save(self.db, &kept(&judgement.check, course.standing), &judgement.evidence);
        }
        let telling = if is_due { Some(self.telling()) } else { course.telling };
        lock.is_some_and(|lock| remember(&lock, &self.by, Course { telling, ..course }))
    }

    /// Remembers that somebody was told what `outcome` has come to.
    pub fn told(&self, outcome: &Outcome) {
        if self.purpose != Purpose::Kept {
            return;
        }
        match CheckLock::take(self.db) {
            Ok(Some(lock)) => {
                let course = lock.courses().and_then(|courses| courses.get(&self.by).cloned());
                if let Some(course) = course {
                    let told = outcome.check().verdict;
                    remember(&lock, &self.by, Course { told, telling: None, ..course });
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "it is not remembered that somebody was told"),
        }
        if outcome.judgement().is_some() {
            note(self.db, Milestone::Alert);
        }
    }

    /// The lock of the first check that a database has seen: that it is one of porta's is known only now.
    fn first_lock(&self, outcome: &Outcome) -> Option<CheckLock> {
        if self.purpose != Purpose::Kept || outcome.judgement().is_none() {
            return None;
        }
        CheckLock::take_or_make(self.db).unwrap_or_else(|error| {
            tracing::debug!(%error, "nothing is remembered of this check");
            None
        })
    }

    /// What the checks before this one have come to. The database is asked where nothing is remembered beside it, as when it was
    /// moved; by which thresholds its checks were made it does not know.
    fn before(&self, lock: Option<&CheckLock>, outcome: &Outcome) -> Option<Course> {
        let courses = match lock {
            Some(lock) => lock.courses().unwrap_or_default(),
            None => Courses::read(self.db),
        };
        if courses.is_empty() {
            let judgement = outcome.judgement()?;
            return Course::of(&judgement.observation.checks);
        }
        courses.get(&self.by).cloned()
    }

    fn telling(&self) -> Telling {
        let limit = self.arguments.notify.hook_timeout.saturating_mul(2).saturating_add(TELLING_BEYOND);
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        Telling { by: instance::own(), until: UtcMillis(clock::utc().0.saturating_add(limit)) }
    }
}

/// The course of checks with this one. While somebody is being told nobody else is: what changes meanwhile is for the next check.
fn course(before: Option<Course>, check: &Check, results: u64) -> Course {
    Course {
        standing: settle(before.as_ref().map(|before| before.standing), check.verdict, results),
        told: before.as_ref().map_or(Verdict::Ok, |before| before.told),
        telling: before.and_then(|before| before.telling).filter(is_under_way),
        checked_at: check.checked_at,
    }
}

/// Whether somebody is being told just now: a process that was killed meanwhile has told nobody.
fn is_under_way(telling: &Telling) -> bool {
    instance::why_gone(&telling.by, clock::utc() > telling.until).is_none()
}

fn remember(lock: &CheckLock, by: &str, course: Course) -> bool {
    let kept = lock.keep(by, course);
    if let Err(error) = &kept {
        tracing::warn!(%error, "what this check has come to is not remembered for the next one");
    }
    kept.is_ok()
}

fn kept(check: &Check, standing: Standing) -> StoredCheck {
    let value = |measure: Measure| {
        check.criteria.iter().find(|criterion| criterion.id == measure).and_then(|criterion| criterion.value)
    };
    let is_red = |flag: &&crate::domain::criteria::check::Flag| {
        flag.colour == Colour::Red && flag.raised == Some(true)
    };
    StoredCheck {
        checked_at: check.checked_at,
        verdict: check.verdict,
        settled: standing.settled,
        rung: check.rung.map(|rung| rung.as_str().to_lowercase()),
        reason: check.reason.clone(),
        agents: value(Measure::Agents),
        p95: value(Measure::P95),
        cv: value(Measure::Cv),
        db_size: value(Measure::DbSize),
        rps: value(Measure::Rps),
        red_flags: check.flags.iter().filter(is_red).count() as u64,
    }
}

/// Keeps the check for the history, where that can be. The verdict stands either way.
fn save(db: &Path, check: &StoredCheck, evidence: &Evidence) {
    // Both are read anew each time; of the past they are nothing but long.
    let evidence = Evidence { p95_series: Vec::new(), history: Default::default(), ..evidence.clone() };
    if let Err(error) = stored::save(db, check, &evidence) {
        tracing::warn!(%error, "the check was not stored");
    }
}

/// Notes what the checklist asks for, where that can be.
pub fn note(db: &Path, milestone: Milestone) {
    if let Err(error) = stored::note(db, milestone, clock::utc()) {
        tracing::debug!(%error, milestone = milestone.name(), "it was not noted");
    }
}
