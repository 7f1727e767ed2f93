//! How every connection is opened: the pragmas, and the wait for another process.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::beside;
use super::migrate::OpenError;

/// How long a connection waits for another process's transaction.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the write-ahead log that are kept to be written over.
const WAL_BYTES_KEPT: i64 = 16 * 1024 * 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;
/// First sleep of a busy wait; the sleeps grow to [`BUSY_SLEEP_MAX`]. SQLite's own begin at 1 ms and grow to 100 ms,
/// which starves a server whose neighbour commits every 0.3 ms.
const BUSY_SLEEP_MIN: Duration = Duration::from_micros(50);
const BUSY_SLEEP_MAX: Duration = Duration::from_millis(2);

/// The same for a writer that has waited that long in vain: its queue must not wait so long again.
const BUSY_TIMEOUT_AFTERWARDS: Duration = Duration::from_millis(50);

/// Times that this process found the database held by another, and for how many microseconds it slept for that.
static BUSY_WAITS: AtomicU64 = AtomicU64::new(0);
static BUSY_WAITED_US: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static PATIENCE: Cell<Duration> = const { Cell::new(BUSY_TIMEOUT) };
}

/// How often, and for how long, this process has waited for another's transaction.
pub fn busy_waits() -> (u64, Duration) {
    (BUSY_WAITS.load(Ordering::Relaxed), Duration::from_micros(BUSY_WAITED_US.load(Ordering::Relaxed)))
}

/// Whether connections of this thread wait the whole busy timeout, or only shortly.
pub fn be_patient(patient: bool) {
    PATIENCE.set(if patient { BUSY_TIMEOUT } else { BUSY_TIMEOUT_AFTERWARDS });
}

/// Refuses what is not there, and a folder.
pub fn require_file(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing);
    }
    if path.is_dir() { Err(OpenError::Folder) } else { Ok(()) }
}

/// Refuses a path at which no file can be: a folder, or one in a folder that is not there.
pub fn require_place(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder);
    }
    let folder = beside::folder(path);
    if folder.is_dir() { Ok(()) } else { Err(OpenError::NoFolder(folder.to_owned())) }
}

/// Opens a file that must exist.
pub fn open_existing(path: &Path) -> Result<Connection, OpenError> {
    require_file(path)?;
    open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens a file, creating it when it is missing.
pub fn open_or_create(path: &Path) -> Result<Connection, OpenError> {
    require_place(path)?;
    open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
}

/// Opens a file to look into it and leave it as it is: a write-ahead log that is there stays, and stays apart.
pub fn open_to_look(path: &Path) -> Result<Connection, OpenError> {
    let has_log = beside::named(path, beside::LOG).exists();
    let connection = open_existing(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a file that may be damaged: its write-ahead log goes into it only when that is asked for, and not by closing.
pub fn open_to_settle(path: &Path) -> Result<Connection, OpenError> {
    let connection = open_existing(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Opens an empty file that takes a copy. Whoever makes it syncs the file, and throws it away if that is cut short: SQLite
/// need not do either.
pub fn open_copy(path: &Path) -> Result<Connection, OpenError> {
    let connection = open_existing(path)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

/// Makes the database one plain file: what a write-ahead log holds goes into it, and the log goes. Returns whether it could;
/// as long as any other connection is open it cannot.
pub fn leave_write_ahead_log(connection: &Connection) -> rusqlite::Result<bool> {
    let mode =
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0));
    match mode {
        Ok(mode) => Ok(mode.eq_ignore_ascii_case("delete")),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file, or a URI of one, with a wait for other processes.
pub fn open_with(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_handler(Some(wait_for_other))?;
    Ok(connection)
}

/// Settings that every connection to a porta database has.
pub fn configure(connection: &Connection) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise SQLite looks at the value of a bound LIMIT, and compiles the statement again whenever it is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    use_write_ahead_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A damaged page is found when it is read, and not when what it says has done more damage.
    connection.pragma_update(None, "cell_size_check", true)?;
    // What a long read has made the log grow to is given back once the log is used from its start again.
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(())
}

/// Where it is impossible SQLite keeps the old mode and does not say so.
pub fn use_write_ahead_log(connection: &Connection) -> Result<(), OpenError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(OpenError::NoWriteAheadLog { mode }) }
}

#[allow(
    clippy::disallowed_methods,
    reason = "SQLite's busy handler has to block, and nothing signals the other's commit"
)]
fn wait_for_other(attempt: i32) -> bool {
    let attempt = u32::try_from(attempt).unwrap_or(0);
    if attempt == 0 {
        BUSY_WAITS.fetch_add(1, Ordering::Relaxed);
    }
    let (sleep, waited) = busy_sleep(attempt);
    if waited >= PATIENCE.get() {
        return false;
    }
    BUSY_WAITED_US.fetch_add(u64::try_from(sleep.as_micros()).unwrap_or(0), Ordering::Relaxed);
    std::thread::sleep(sleep);
    true
}

/// The sleep before attempt `attempt` (from 0), and the sum of the sleeps before it.
fn busy_sleep(attempt: u32) -> (Duration, Duration) {
    let growing = BUSY_SLEEP_MAX.as_micros().div_ceil(BUSY_SLEEP_MIN.as_micros()) as u32;
    let linear = attempt.min(growing);
    let sleep = BUSY_SLEEP_MIN.saturating_mul(attempt + 1).min(BUSY_SLEEP_MAX);
    let waited = BUSY_SLEEP_MIN * (linear * (linear + 1) / 2) + BUSY_SLEEP_MAX * (attempt - linear);
    (sleep, waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `HAVE_FDATASYNC` stands beside `DEFAULT_MEMSTATUS` in `.cargo/config.toml` and does not show itself.
    #[test]
    fn sqlite_is_compiled_with_our_flags() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = open_or_create(&folder.path().join("x.db")).expect("a database");
        let mut options = connection.prepare("PRAGMA compile_options").expect("a pragma");
        let options = options.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let options: Vec<_> = options.map(|option| option.expect("text")).collect();
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    }

    #[test]
    fn a_busy_wait_ends() {
        let (first, waited) = busy_sleep(0);
        assert_eq!((first, waited), (BUSY_SLEEP_MIN, Duration::ZERO));
        let attempts = (0..100_000).find(|attempt| busy_sleep(*attempt).1 >= BUSY_TIMEOUT).expect("an end");
        let slept: Duration = (0..attempts).map(|attempt| busy_sleep(attempt).0).sum();
        assert!(slept >= BUSY_TIMEOUT && slept < BUSY_TIMEOUT + BUSY_SLEEP_MAX, "{slept:?}");
    }
}
