//! Nothing acknowledged is lost when the power fails: shown on a machine that forgets what was not synced.
//!
//! The machine is a process of its own, [`the_machine`], with `support::power` between SQLite and the disk. The tests
//! start it again and again on one database and look at what is left on the disk.

use std::collections::HashMap;
use std::error::Error;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fastrand::Rng;
use porta::clock;
use porta::domain::channel::{NewChannel, Settings};
use porta::domain::id::ChannelId;
use porta::domain::secret::Secret;
use porta::domain::unit::UtcMillis;
use porta::domain::update::Update;
use porta::store::sqlite::{QUEUE_CAPACITY, Sqlite, migrate};
use porta::store::{ChannelStore as _, EntryStore as _, Store as _};
use tokio::task::JoinSet;

use crate::support::{Workspace, entries, power};

const CUTS: u32 = 50;
/// What devices write to, and what is kept.
const DEVICES: ChannelId = ChannelId(1);
/// What is brought in, all of it too old to be kept.
const IMPORTS: ChannelId = ChannelId(2);
const IMPORT_ENTRIES: i64 = 500;
const CLIENTS: u64 = 16;
/// Updates of one client between a start of the machine's server and its stop: up to 2 to this.
const UPDATES_LOG2: u32 = 7;

/// How the test tells the machine what to do: libtest takes no arguments of ours.
const DATABASE: &str = "POWER_TEST_DATABASE";
const SEED: &str = "POWER_TEST_SEED";
const LIES_ABOUT: &str = "POWER_TEST_LIES_ABOUT";

fn key(channel: ChannelId) -> Secret {
    Secret::api_key(channel.0.unsigned_abs().into())
}

/// The machine. It goes on until its power fails.
#[ignore = "not a test: the others start it"]
#[tokio::test(flavor = "multi_thread")]
#[allow(
    clippy::disallowed_methods,
    reason = "no setting of porta's: it comes from the test that started this"
)]
async fn the_machine() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    power::install(seed, std::env::var(LIES_ABOUT).ok());
    println!(); // libtest may have begun a line
    for start in 0.. {
        serve(Path::new(&database), &format!("{seed:x}-{start}"), Rng::with_seed(seed ^ start)).await;
    }
}

/// From an orderly start to an orderly stop, if the power lasts.
async fn serve(database: &Path, name: &str, mut random: Rng) {
    let store = Arc::new(Sqlite::open(database, QUEUE_CAPACITY).unwrap());
    let mut work = JoinSet::new();
    let updates_log2 = random.u32(0..=UPDATES_LOG2);
    let updates = random.u32(1..=1 << updates_log2);
    for client in 0..CLIENTS {
        work.spawn(send(Arc::clone(&store), format!("{name}-{client}"), updates, random.fork()));
    }
    work.spawn(import_or_expire(Arc::clone(&store), random.u32(0..=2)));
    work.join_all().await;
    store.close().await.unwrap();
}

#[allow(clippy::print_stdout, reason = "an acknowledgement, to the test")]
async fn send(store: Arc<Sqlite>, name: String, updates: u32, mut random: Rng) {
    for number in 0..updates {
        let mut update = Update::default();
        let value = format!("{name}-{number}");
        update.set("field1", &value).unwrap();
        for field in 2..=random.usize(2..=8) {
            update.set(&format!("field{field}"), &"x".repeat(random.usize(0..=100))).unwrap();
        }
        let stored = store.append(key(DEVICES).hash(), update).await.unwrap();
        println!("stored {} {value}", stored.id.0);
    }
}

/// Not both: so a checkpoint may come between, and the database gets longer and shorter.
#[allow(clippy::print_stdout, reason = "an acknowledgement, to the test")]
async fn import_or_expire(store: Arc<Sqlite>, imports: u32) {
    for _ in 0..imports {
        let updates = (0..IMPORT_ENTRIES).map(|at| {
            let mut update = Update::default();
            update.set_created_at(UtcMillis(at));
            update.set("field1", &"y".repeat(200)).map_err(|error| error.to_string())?;
            Ok(update)
        });
        store.append_all(IMPORTS, None, Box::new(updates)).await.unwrap();
        println!("imported");
    }
    while imports == 0 && store.expire(clock::utc()).await.unwrap() {}
}

/// One database, what is known to be in it, and what has happened to it.
struct Trial {
    workspace: Workspace,
    stored: HashMap<i64, String>,
    imported: i64,
    checkpoints: u32,
    cuts_in_checkpoints: u32,
}

impl Trial {
    async fn new() -> Self {
        let workspace = Workspace::new();
        migrate::prepare(&workspace.db()).unwrap();
        let store = Sqlite::open(&workspace.db(), QUEUE_CAPACITY).unwrap();
        for (id, retention_ms) in [(DEVICES, None), (IMPORTS, Some(3_600_000))] {
            let settings = Settings { retention_ms, ..Settings::new(format!("channel {}", id.0)) };
            let read_key = Secret::api_key(100 + u128::from(id.0.unsigned_abs()));
            let new = NewChannel { id: Some(id), settings, write_key: key(id), read_key };
            store.create_channel(new).await.unwrap();
        }
        store.close().await.unwrap();
        Self { workspace, stored: HashMap::new(), imported: 0, checkpoints: 0, cuts_in_checkpoints: 0 }
    }

    /// Runs the machine until its power fails, and notes what it said.
    fn cut(&mut self, seed: u64, lies_about: Option<&str>) -> Result<(), Box<dyn Error>> {
        let machine = Command::new(std::env::current_exe()?)
            .args(["power::the_machine", "--exact", "--ignored", "--nocapture"])
            .env(DATABASE, self.workspace.db())
            .env(SEED, seed.to_string())
            .envs(lies_about.map(|end| (LIES_ABOUT, end)))
            .output()?;
        let said = String::from_utf8(machine.stdout)?;
        if machine.status.signal() != Some(9) {
            return Err(format!("{}: {said}{}", machine.status, String::from_utf8(machine.stderr)?).into());
        }
        for line in said.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["stored", id, value] => {
                    let before = self.stored.insert(id.parse()?, value.into());
                    if let Some(before) = before {
                        return Err(format!("id {id} was given to {before} and to {value}").into());
                    }
                }
                ["imported"] => self.imported += IMPORT_ENTRIES,
                ["off", checkpoints, in_checkpoint] => {
                    self.checkpoints += checkpoints.parse::<u32>()?;
                    self.cuts_in_checkpoints += u32::from(in_checkpoint == "true");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether all that was acknowledged is there. A copy is opened, since that recovers the database: it is the machine
    /// that does so, with a power supply that may fail again.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        let copy = Workspace::new();
        for end in ["", "-wal"] {
            let file = |workspace: &Workspace| PathBuf::from(format!("{}{end}", workspace.db().display()));
            if file(&self.workspace).exists() {
                std::fs::copy(file(&self.workspace), file(&copy))?;
            }
        }
        let database = copy.database();
        let integrity: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if integrity != "ok" {
            return Err(integrity.into());
        }
        let entries = entries(&database, DEVICES.0)?;
        let last = |channel: ChannelId| {
            let sql = "SELECT last_entry_id FROM channels WHERE id = ?1";
            database.query_row(sql, [channel.0], |row| row.get::<_, i64>(0))
        };
        if !entries.iter().map(|(id, _)| *id).eq(1..=last(DEVICES)?) {
            return Err(format!("{} entries, the last of them {}", entries.len(), last(DEVICES)?).into());
        }
        let entries: HashMap<_, _> = entries.into_iter().collect();
        let lost = self.stored.iter().find(|(id, value)| entries.get(id) != Some(value));
        if let Some((id, value)) = lost {
            return Err(format!("entry {id} is {:?}, and {value} was acknowledged", entries.get(id)).into());
        }
        let imported = last(IMPORTS)?;
        if imported < self.imported || imported % IMPORT_ENTRIES != 0 {
            return Err(format!("{imported} entries were imported, acknowledged {}", self.imported).into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn load_a_power_cut_loses_nothing_acknowledged() {
    let mut trial = Trial::new().await;
    for cut in 1..=CUTS {
        let seed = fastrand::u64(..);
        let result = trial.cut(seed, None).and_then(|()| trial.check());
        result.unwrap_or_else(|error| panic!("cut {cut}, seed {seed}: {error}"));
    }
    let Trial { stored, imported, checkpoints, cuts_in_checkpoints, .. } = trial;
    let told = format!(
        "{} updates, {imported} imported, {checkpoints} checkpoints, {cuts_in_checkpoints} cut short",
        stored.len()
    );
    println!("{told}");
    assert!(stored.len() > 500 && imported > 0 && checkpoints > 0 && cuts_in_checkpoints > 0, "{told}");
}

/// The control: what the test above looks for is found where it is.
#[tokio::test]
async fn a_disk_that_lies_about_syncing_is_found_out() {
    for lies_about in ["porta.db-wal", "porta.db"] {
        let mut trial = Trial::new().await;
        let found = (1..=CUTS).any(|_| {
            let result = trial.cut(fastrand::u64(..), Some(lies_about));
            result.and_then(|()| trial.check()).is_err()
        });
        assert!(found, "{CUTS} cuts have lost nothing, and {lies_about} was never synced");
    }
}
