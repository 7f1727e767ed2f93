//! What to do, in order, and what other systems would and would not change. Chosen by what was measured: a writer at its
//! limit is not helped by a cache.

use super::check::{Criterion, Finding, Remedy, Step, When};
use super::evidence::Evidence;
use super::indicator;
use super::measure::Measure;
use super::thresholds::Thresholds;
use super::verdict::{Rung, Status, Verdict};

/// Percent of all cores above which they are the limit.
const CPU_PERCENT: f64 = 80.0;

/// What is at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bottleneck {
    /// The one writer, or the queue before it.
    Writer,
    /// The lock of the database, which several processes want.
    Lock,
    /// The disk: commits wait for it.
    Disk,
    /// The processors.
    Cpu,
    /// The amount of data.
    Size,
}

impl Bottleneck {
    /// All that are, from the evidence.
    pub(super) fn all(evidence: &Evidence, thresholds: &Thresholds, criteria: &[Criterion]) -> Vec<Self> {
        let is_beyond = |id| indicator::is_beyond(id, evidence, thresholds);
        let has_lock_errors = evidence.lock_errors.as_ref().is_some_and(|errors| errors.value > 0);
        let cpu = evidence.installation.cpu_percent.zip(evidence.installation.cores);
        let size = criteria.iter().find(|criterion| criterion.id == Measure::DbSize);
        let found = [
            (Self::Writer, is_beyond(indicator::WRITER_UTILISATION) || is_beyond(indicator::QUEUE_WAIT)),
            (Self::Lock, is_beyond(indicator::BUSY_WAITS) || has_lock_errors),
            (Self::Disk, is_beyond(indicator::COMMIT)),
            (Self::Cpu, cpu.is_some_and(|(cpu, cores)| cpu > CPU_PERCENT * f64::from(cores))),
            (Self::Size, size.is_some_and(|size| size.status >= Status::Near)),
        ];
        found.into_iter().filter(|(_, is_there)| *is_there).map(|(bottleneck, _)| bottleneck).collect()
    }
}

/// What a plan is made from.
pub(super) struct Situation<'c> {
    pub(super) verdict: Verdict,
    pub(super) rung: Option<Rung>,
    pub(super) bottlenecks: &'c [Bottleneck],
    pub(super) remedies: &'c [Remedy],
    pub(super) findings: &'c [Finding],
    pub(super) missing: &'c [String],
}

fn step(when: When, action: impl Into<String>, why: impl Into<String>) -> Step {
    Step { when, action: action.into(), why: why.into(), finding: None }
}

impl Situation<'_> {
    fn has(&self, bottleneck: Bottleneck) -> bool {
        self.bottlenecks.contains(&bottleneck)
    }

    /// Now, next and later.
    pub(super) fn plan(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let open = self.findings.iter().filter(|finding| !finding.accepted);
        steps.extend(open.map(|finding| {
            let why = format!("{}: {}", finding.title, finding.evidence);
            Step { finding: Some(finding.id), ..step(When::Now, finding.setting.clone(), why) }
        }));
        let is_missing = |ids: &[&str]| self.missing.iter().any(|id| ids.contains(&id.as_str()));
        if is_missing(&["p95", "cv"]) {
            let why = "there is no latency to judge: neither a valid run nor enough live traffic";
            steps.push(step(When::Now, "porta stress --scenario baseline", why));
        }
        if is_missing(&["agents", "rps", "lock_errors", "server_errors"]) {
            let why = "a server counts its traffic and its errors; none has done so here in the window";
            steps.push(step(When::Now, "porta serve", why));
        }
        if self.verdict == Verdict::Critical {
            self.urgent(&mut steps);
        }
        self.next(&mut steps);
        self.later(&mut steps);
        steps
    }

    fn urgent(&self, steps: &mut Vec<Step>) {
        let known = [
            (
                Bottleneck::Writer,
                "Send less often, or several rows at a time with bulk_update",
                "the writer is at its limit",
            ),
            (Bottleneck::Lock, "Let a single server write to the database", "its lock is what is waited for"),
            (
                Bottleneck::Disk,
                "Move the database to a faster disk, an SSD of its own",
                "commits wait for the disk",
            ),
            (
                Bottleneck::Cpu,
                "Give the server more cores, and --workers as many",
                "the processors are at their limit",
            ),
        ];
        let urgent = known.iter().filter(|(bottleneck, ..)| self.has(*bottleneck));
        steps.extend(urgent.map(|(_, action, why)| step(When::Now, *action, *why)));
        if !known.iter().any(|(bottleneck, ..)| self.has(*bottleneck)) {
            let why = "neither writer, lock, disk nor processors are known to be at their limit, so that no other database \
                       would help: look at the incidents and at the slowest route first";
            steps.push(step(When::Now, "Read the incidents and the routes of the metrics", why));
        }
    }

    fn next(&self, steps: &mut Vec<Step>) {
        if steps.is_empty() && self.verdict == Verdict::Ok {
            return;
        }
        let why = "what was changed has helped only when the figures say so";
        steps.push(step(When::Next, "porta stress --scenario medium, then porta criteria check", why));
        if matches!(self.rung, Some(Rung::Watch | Rung::Migrate)) {
            steps.push(step(When::Next, "porta migrate backup FILE", "before anything is moved"));
            let why = "it writes down what would move, from this installation's figures";
            steps.push(step(When::Next, "porta migrate plan", why));
        }
    }

    fn later(&self, steps: &mut Vec<Step>) {
        match self.rung {
            Some(Rung::Migrate) => {
                let names: Vec<&str> = self
                    .remedies
                    .iter()
                    .filter(|remedy| remedy.indicated)
                    .map(|remedy| remedy.name.as_str())
                    .collect();
                if names.is_empty() {
                    let why = "the evidence asks for neither Redis nor PostgreSQL";
                    steps.push(step(When::Later, "A larger machine, or less load on this one", why));
                } else {
                    let why =
                        "tuning is exhausted; this version of porta cannot use it yet, so plan for the time";
                    steps.push(step(When::Later, names.join(" and "), why));
                }
            }
            Some(Rung::Ok) => {
                let why = "a single file has the fewest points of failure, and is easy to understand";
                steps.push(step(When::Later, "Stay with SQLite, and check from cron", why));
            }
            _ => {
                let why = "the system says by itself when it needs more";
                steps.push(step(When::Later, "Check from cron, and stress it every week", why));
            }
        }
    }
}

/// What Redis and PostgreSQL would and would not fix here.
pub(super) fn remedies(bottlenecks: &[Bottleneck]) -> Vec<Remedy> {
    vec![redis(bottlenecks), postgresql(bottlenecks)]
}

fn redis(bottlenecks: &[Bottleneck]) -> Remedy {
    let has = |bottleneck| bottlenecks.contains(&bottleneck);
    let mut fixes = Vec::new();
    let mut does_not_fix = Vec::new();
    if has(Bottleneck::Cpu) {
        fixes.push(
            "processors at their limit: several servers behind a balancer can share agent status, progress and rate \
             limits through it"
                .to_owned(),
        );
    }
    if has(Bottleneck::Writer) {
        does_not_fix
            .push("the writer at its limit: a cache serves reads, every row is still committed".to_owned());
    }
    if has(Bottleneck::Lock) {
        does_not_fix.push("the lock: whoever writes to the file still waits for it".to_owned());
    }
    if has(Bottleneck::Disk) {
        does_not_fix.push("the disk: a row is acknowledged when it is on it".to_owned());
    }
    if has(Bottleneck::Size) {
        does_not_fix.push("the size: the rows stay where they are".to_owned());
    }
    does_not_fix.push("a single server: it has the status of agents in its own memory already".to_owned());
    Remedy { name: "Redis".into(), indicated: !fixes.is_empty(), fixes, does_not_fix }
}

fn postgresql(bottlenecks: &[Bottleneck]) -> Remedy {
    let has = |bottleneck| bottlenecks.contains(&bottleneck);
    let mut fixes = Vec::new();
    let mut does_not_fix = Vec::new();
    if has(Bottleneck::Writer) {
        fixes.push("the writer at its limit: several connections write at the same time".to_owned());
        does_not_fix.push("a single busy channel: its entries are numbered one after the other".to_owned());
    }
    if has(Bottleneck::Lock) {
        fixes.push("the lock: processes lock rows, not the database".to_owned());
    }
    if has(Bottleneck::Size) {
        fixes.push("the size: old rows are deleted, vacuumed and partitioned while it works".to_owned());
    }
    if has(Bottleneck::Cpu) {
        fixes.push(
            "processors at their limit: several servers on other machines can use one database".to_owned(),
        );
    }
    if has(Bottleneck::Disk) {
        does_not_fix.push("the disk: it waits for the same sync at each commit".to_owned());
    }
    does_not_fix.push("slow clients, and the time on the network".to_owned());
    Remedy { name: "PostgreSQL".into(), indicated: !fixes.is_empty(), fixes, does_not_fix }
}
