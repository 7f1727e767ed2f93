//! The source's checklist for the way out: twelve items, each decided from facts.

use serde::{Deserialize, Serialize};

/// Days for which a stress test counts.
const RUN_DAYS_MAX: f64 = 30.0;
/// Days for which a backup counts.
const BACKUP_DAYS_MAX: f64 = 7.0;
/// Days for which a plan, and a tested alert, count.
const QUARTER_DAYS: f64 = 92.0;
/// Days for which the record of a decision counts: somewhat more than a month, as it is a monthly routine.
const NOTE_DAYS_MAX: f64 = 35.0;
/// Days within which a check has to be made for alerts to be of use.
const CHECK_DAYS_MAX: f64 = 2.0;

/// The three parts of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Before anything is changed.
    Preparation,
    /// The change.
    Adoption,
    /// After it.
    Monitoring,
}

/// The items, in the order of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemId {
    /// At least one red flag is reached.
    RedFlag,
    /// Performance tests are done.
    PerformanceTests,
    /// A migration plan is prepared.
    MigrationPlan,
    /// A backup is made, and verified.
    Backup,
    /// Redis is installed, and answers.
    RedisReachable,
    /// The connection is configured.
    RedisConnection,
    /// Caching is in place.
    RedisCaching,
    /// Compatibility is tested.
    RedisCompatibility,
    /// Metrics are collected.
    Metrics,
    /// Logs are kept.
    Logs,
    /// Alerts are set up.
    Alerts,
    /// Changes are documented.
    Documented,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Done.
    Done,
    /// Not done.
    NotDone,
    /// This version cannot do it, so that it is not done.
    NotPossibleYet,
}

/// An item, decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `red_flag`.
    pub id: ItemId,
    /// The part that it is in.
    pub part: Part,
    /// What is to be done.
    pub text: String,
    /// Where it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// How to do it.
    pub how_to: String,
}

/// What the items are decided from. Ages are days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Stored checks that had a red flag.
    pub checks_with_red_flag: u64,
    /// Age of the latest valid stress test.
    pub valid_run_days: Option<f64>,
    /// Age of the latest migration plan.
    pub plan_days: Option<f64>,
    /// Age of the latest backup.
    pub backup_days: Option<f64>,
    /// Whether that has been verified.
    pub backup_verified: bool,
    /// What is known of Redis; `None` as long as porta cannot use it.
    pub redis: Option<Redis>,
    /// Age of the newest metrics of a server.
    pub metrics_days: Option<f64>,
    /// Whether errors and commands are kept: incidents and the audit trail.
    pub logs_kept: bool,
    /// Age of the newest stored check.
    pub check_days: Option<f64>,
    /// Age of the newest hook or ping that succeeded, tests included.
    pub alert_days: Option<f64>,
    /// Age of the newest record of a decision.
    pub note_days: Option<f64>,
}

/// What is known of Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Redis {
    /// Whether it answers.
    pub reachable: bool,
    /// Whether its address is configured.
    pub configured: bool,
    /// Whether it holds what is cached.
    pub caching: bool,
    /// Whether the server was tested with it.
    pub tested: bool,
}

impl ItemId {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::RedFlag,
        Self::PerformanceTests,
        Self::MigrationPlan,
        Self::Backup,
        Self::RedisReachable,
        Self::RedisConnection,
        Self::RedisCaching,
        Self::RedisCompatibility,
        Self::Metrics,
        Self::Logs,
        Self::Alerts,
        Self::Documented,
    ];

    /// `red_flag`, as it stands in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::RedFlag => "red_flag",
            Self::PerformanceTests => "performance_tests",
            Self::MigrationPlan => "migration_plan",
            Self::Backup => "backup",
            Self::RedisReachable => "redis_reachable",
            Self::RedisConnection => "redis_connection",
            Self::RedisCaching => "redis_caching",
            Self::RedisCompatibility => "redis_compatibility",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Alerts => "alerts",
            Self::Documented => "documented",
        }
    }

    /// The part that it is in.
    pub fn part(self) -> Part {
        match self {
            Self::RedFlag | Self::PerformanceTests | Self::MigrationPlan | Self::Backup => Part::Preparation,
            Self::RedisReachable | Self::RedisConnection | Self::RedisCaching | Self::RedisCompatibility => {
                Part::Adoption
            }
            Self::Metrics | Self::Logs | Self::Alerts | Self::Documented => Part::Monitoring,
        }
    }

    /// What is to be done.
    pub fn text(self) -> &'static str {
        match self {
            Self::RedFlag => "At least one red flag is reached",
            Self::PerformanceTests => "Performance tests are done",
            Self::MigrationPlan => "A migration plan is prepared",
            Self::Backup => "A backup of the data is made and verified",
            Self::RedisReachable => "Redis is installed and answers",
            Self::RedisConnection => "The connection to Redis is configured",
            Self::RedisCaching => "Caching in Redis is in place",
            Self::RedisCompatibility => "Compatibility with Redis is tested",
            Self::Metrics => "Metrics are collected",
            Self::Logs => "Errors and commands are logged",
            Self::Alerts => "Alerts are set up",
            Self::Documented => "Changes are documented",
        }
    }

    fn how_to(self) -> &'static str {
        match self {
            Self::RedFlag => {
                "Nothing to do: as long as there is none, stay with SQLite. See: porta criteria check"
            }
            Self::PerformanceTests => "porta stress --scenario medium",
            Self::MigrationPlan => "porta migrate plan",
            Self::Backup => "porta migrate backup FILE, which verifies what it has written",
            Self::RedisReachable | Self::RedisConnection | Self::RedisCaching | Self::RedisCompatibility => {
                "A later version of porta; until then it caches in the server's memory"
            }
            Self::Metrics => "porta serve keeps them in the database, and shows them at /metrics",
            Self::Logs => {
                "porta serve keeps incidents and the audit trail in the database, and its log on stderr"
            }
            Self::Alerts => {
                "porta criteria check --hook CMD or --ping URL from cron; try it with: porta criteria hook-test"
            }
            Self::Documented => "a list of your own: what was changed, when and why",
        }
    }
}

/// Decides all items.
pub fn checklist(facts: &Facts) -> Vec<Item> {
    ItemId::ALL
        .into_iter()
        .map(|id| {
            let (state, found) = facts.decide(id);
            Item { id, part: id.part(), text: id.text().into(), state, found, how_to: id.how_to().into() }
        })
        .collect()
}

impl Facts {
    fn decide(&self, id: ItemId) -> (State, String) {
        match id {
            ItemId::RedFlag => {
                let found = format!("checks with a red flag: {}", self.checks_with_red_flag);
                (done(self.checks_with_red_flag > 0), found)
            }
            ItemId::PerformanceTests => young("the latest valid run", self.valid_run_days, RUN_DAYS_MAX),
            ItemId::MigrationPlan => young("the latest plan", self.plan_days, QUARTER_DAYS),
            ItemId::Backup => match young("the latest backup", self.backup_days, BACKUP_DAYS_MAX) {
                (State::Done, found) if !self.backup_verified => {
                    (State::NotDone, format!("{found}, but it has not been verified"))
                }
                decided => decided,
            },
            ItemId::RedisReachable => self.redis(|redis| redis.reachable),
            ItemId::RedisConnection => self.redis(|redis| redis.configured),
            ItemId::RedisCaching => self.redis(|redis| redis.caching),
            ItemId::RedisCompatibility => self.redis(|redis| redis.tested),
            ItemId::Metrics => young("the newest metrics", self.metrics_days, CHECK_DAYS_MAX),
            ItemId::Logs => {
                let found = if self.logs_kept { "incidents and audit are kept" } else { "nothing is kept" };
                (done(self.logs_kept), found.into())
            }
            ItemId::Alerts => {
                let (checked, check) = young("the newest check", self.check_days, CHECK_DAYS_MAX);
                let (alerted, alert) = young("the newest alert that worked", self.alert_days, QUARTER_DAYS);
                (done(checked == State::Done && alerted == State::Done), format!("{check}; {alert}"))
            }
            ItemId::Documented if self.note_days.is_none() => {
                (State::NotPossibleYet, "this version of porta keeps no notes".into())
            }
            ItemId::Documented => young("the newest note", self.note_days, NOTE_DAYS_MAX),
        }
    }

    fn redis(&self, fact: impl Fn(&Redis) -> bool) -> (State, String) {
        match &self.redis {
            None => (State::NotPossibleYet, "this version of porta cannot use Redis".into()),
            Some(redis) if fact(redis) => (State::Done, "it is".into()),
            Some(_) => (State::NotDone, "it is not".into()),
        }
    }
}

fn done(is_done: bool) -> State {
    if is_done { State::Done } else { State::NotDone }
}

/// Whether something is there, and not older than it may be.
fn young(what: &str, days: Option<f64>, days_max: f64) -> (State, String) {
    match days {
        None => (State::NotDone, format!("{what}: none")),
        Some(days) if days > days_max => {
            (State::NotDone, format!("{what} is {days:.0} days old, more than {days_max:.0}"))
        }
        Some(days) => (State::Done, format!("{what} is {days:.1} days old")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_done() -> Facts {
        Facts {
            checks_with_red_flag: 1,
            valid_run_days: Some(RUN_DAYS_MAX),
            plan_days: Some(QUARTER_DAYS),
            backup_days: Some(BACKUP_DAYS_MAX),
            backup_verified: true,
            redis: Some(Redis { reachable: true, configured: true, caching: true, tested: true }),
            metrics_days: Some(0.0),
            logs_kept: true,
            check_days: Some(CHECK_DAYS_MAX),
            alert_days: Some(QUARTER_DAYS),
            note_days: Some(NOTE_DAYS_MAX),
        }
    }

    fn undone(facts: &Facts) -> Vec<ItemId> {
        let items = checklist(facts).into_iter().filter(|item| item.state != State::Done);
        items.map(|item| item.id).collect()
    }

    #[test]
    fn every_item_can_be_done_and_not_done() {
        assert_eq!(undone(&all_done()), []);
        assert_eq!(undone(&Facts::default()), ItemId::ALL, "without facts, nothing is done");
    }

    #[test]
    fn each_fact_decides_its_item() {
        let late = |days: f64| Some(days + 0.5);
        let change = |change: fn(&mut Redis)| {
            let mut redis = all_done().redis.unwrap_or_default();
            change(&mut redis);
            Facts { redis: Some(redis), ..all_done() }
        };
        for (facts, item) in [
            (Facts { checks_with_red_flag: 0, ..all_done() }, ItemId::RedFlag),
            (Facts { valid_run_days: late(RUN_DAYS_MAX), ..all_done() }, ItemId::PerformanceTests),
            (Facts { plan_days: None, ..all_done() }, ItemId::MigrationPlan),
            (Facts { backup_days: late(BACKUP_DAYS_MAX), ..all_done() }, ItemId::Backup),
            (Facts { backup_verified: false, ..all_done() }, ItemId::Backup),
            (change(|redis| redis.reachable = false), ItemId::RedisReachable),
            (change(|redis| redis.configured = false), ItemId::RedisConnection),
            (change(|redis| redis.caching = false), ItemId::RedisCaching),
            (change(|redis| redis.tested = false), ItemId::RedisCompatibility),
            (Facts { metrics_days: late(CHECK_DAYS_MAX), ..all_done() }, ItemId::Metrics),
            (Facts { logs_kept: false, ..all_done() }, ItemId::Logs),
            (Facts { alert_days: None, ..all_done() }, ItemId::Alerts),
            (Facts { check_days: late(CHECK_DAYS_MAX), ..all_done() }, ItemId::Alerts),
            (Facts { note_days: late(NOTE_DAYS_MAX), ..all_done() }, ItemId::Documented),
        ] {
            assert_eq!(undone(&facts), [item]);
        }
    }

    #[test]
    fn what_this_version_cannot_do_says_so() {
        let items = checklist(&Facts { redis: None, ..all_done() });
        let adoption: Vec<&Item> = items.iter().filter(|item| item.part == Part::Adoption).collect();
        assert_eq!(adoption.len(), 4);
        assert!(adoption.iter().all(|item| item.state == State::NotPossibleYet));
    }

    #[test]
    fn ids_are_what_json_has() {
        for id in ItemId::ALL {
            assert_eq!(serde_json::to_value(id).expect("a string"), id.id());
        }
    }
}
