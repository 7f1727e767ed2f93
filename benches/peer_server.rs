//! Servers that `scripts/bench` compares porta with, under the same load on the same machine.
//!
//! `peer_server naive --db FILE` stores updates the obvious way: a pool of connections, and a transaction for every
//! request. It is as durable as porta's server (`synchronous=FULL`) and does less besides: no hashing of keys, no
//! routing, no limits.
//!
//! `peer_server constant --bytes N` answers every request with the same N bytes, from memory.
//!
//! The first line of a server's output names its address; it ends when it is killed.
//!
//! `peer_server inserts --db FILE --seconds S --fields 3|8` is no server: it stores rows of so many fields for so long, as
//! durable as the others and with nothing around SQLite, and prints how many.

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

type Failure = Box<dyn Error + Send + Sync>;
type Answer = Response<Full<Bytes>>;

/// Threads that answer requests; porta's default, too.
const RUNTIME_THREADS: usize = 4;
const POOL_CONNECTIONS: usize = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Rows in one transaction of the bare inserts; those of a bulk update that they are compared with.
const TRANSACTION_ROWS: i64 = 10_000;
/// The time of the first of them, in 2001; the next are a second apart.
const FIRST_SECOND: i64 = 1_000_000_000;

const USAGE: &str =
    "usage: peer_server naive --db FILE | constant --bytes N | inserts --db FILE --seconds S --fields 3|8";

/// porta's schema as far as an update touches it. The key of the one channel is `naive`.
const SCHEMA: &str = "
CREATE TABLE channels (
  id            INTEGER PRIMARY KEY,
  write_key     TEXT    NOT NULL UNIQUE,
  last_entry_id INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE entries (
  channel_id    INTEGER NOT NULL REFERENCES channels (id),
  entry_id      INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  field1        TEXT,
  PRIMARY KEY (channel_id, entry_id)
) STRICT, WITHOUT ROWID;

INSERT INTO channels (write_key) VALUES ('naive');";

/// porta's schema as far as rows of so many fields touch it.
const SERIES_SCHEMA: &str = "
CREATE TABLE entries (
  series_id     INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  entry_id      INTEGER NOT NULL,
  field1        TEXT,
  field2        TEXT,
  field3        TEXT,
  field4        TEXT,
  field5        TEXT,
  field6        TEXT,
  field7        TEXT,
  field8        TEXT,
  PRIMARY KEY (series_id, created_at_ms, entry_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX entries_by_id ON entries (series_id, entry_id);";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["naive", "--db", file] => naive(Path::new(file)),
        ["constant", "--bytes", bytes] => constant(bytes.parse()?),
        ["inserts", "--db", file, "--seconds", seconds, "--fields", fields @ ("3" | "8")] => {
            inserts(Path::new(file), Duration::from_secs(seconds.parse()?), fields == "8")
        }
        ["naive" | "constant" | "inserts", ..] => Err(USAGE.into()),
        // `cargo bench` and `cargo test` start every benchmark, with arguments of their own.
        _ => Ok(()),
    }
}

fn naive(file: &Path) -> Result<(), Failure> {
    let pool = Arc::new(Pool::open(file)?);
    run("naive", move |request| answer(Arc::clone(&pool), request))
}

fn constant(bytes: usize) -> Result<(), Failure> {
    // A number is JSON, too.
    let body = Bytes::from(vec![b'1'; bytes]);
    run("constant", move |_| {
        let mut response = Response::new(Full::from(body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        std::future::ready(response)
    })
}

/// Answers requests for ever.
fn run<F>(name: &str, answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static) -> Result<(), Failure>
where
    F: Future<Output = Answer> + Send,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build()?;
    runtime.block_on(serve(name, answer))
}

async fn serve<F>(
    name: &str,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> Result<(), Failure>
where
    F: Future<Output = Answer> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(name, &listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answering = answer(request);
            async { Ok::<_, Infallible>(answering.await) }
        });
        // A client that breaks off is its own affair.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[allow(clippy::print_stdout, reason = "scripts/bench reads the address from here")]
fn announce(name: &str, listener: &TcpListener) -> std::io::Result<()> {
    println!("{name} peer listening on http://{}", listener.local_addr()?);
    Ok(())
}

async fn answer(pool: Arc<Pool>, request: Request<Incoming>) -> Answer {
    let (status, text) = if request.method() != Method::POST || request.uri().path() != "/update" {
        (StatusCode::NOT_FOUND, "only POST /update is answered".to_owned())
    } else {
        match update(pool, request).await {
            Ok(entry_id) => (StatusCode::OK, entry_id.to_string()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

async fn update(pool: Arc<Pool>, request: Request<Incoming>) -> Result<i64, Failure> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
    let mut key = String::new();
    let mut field1 = None;
    for (name, value) in form_urlencoded::parse(&body) {
        match &*name {
            "api_key" => key = value.into_owned(),
            "field1" => field1 = Some(value.into_owned()),
            _ => {}
        }
    }
    let permit = Arc::clone(&pool.free).acquire_owned().await?;
    tokio::task::spawn_blocking(move || {
        let entry_id = pool.with_connection(|connection| store(connection, &key, field1.as_deref()));
        drop(permit);
        Ok(entry_id?)
    })
    .await?
}

fn store(connection: &mut Connection, key: &str, field1: Option<&str>) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (channel, entry_id): (i64, i64) = transaction
        .prepare_cached(
            "UPDATE channels SET last_entry_id = last_entry_id + 1 WHERE write_key = ?1
             RETURNING id, last_entry_id",
        )?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    transaction
        .prepare_cached(
            "INSERT INTO entries (channel_id, entry_id, created_at_ms, field1) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![channel, entry_id, now_ms(), field1])?;
    transaction.commit()?;
    Ok(entry_id)
}

#[allow(clippy::disallowed_methods, reason = "the peer shares no code with porta, its clock included")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

#[allow(clippy::print_stdout, reason = "scripts/bench reads the figures from here")]
#[allow(clippy::disallowed_methods, reason = "the peer shares no code with porta, its clock included")]
fn inserts(file: &Path, duration: Duration, all_fields: bool) -> Result<(), Failure> {
    let mut connection = connect(file)?;
    connection.execute_batch(SERIES_SCHEMA)?;
    let values: Vec<String> = (0..1000).map(|tenths| format!("{}.{}", tenths / 10, tenths % 10)).collect();
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < duration {
        insert_after(&mut connection, rows, &values, all_fields)?;
        rows += TRANSACTION_ROWS;
    }
    println!("rows {rows} seconds {:.3}", begun.elapsed().as_secs_f64());
    Ok(())
}

/// One transaction, of the rows that come after so many.
fn insert_after(
    connection: &mut Connection,
    rows: i64,
    values: &[String],
    all_fields: bool,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut insert = transaction.prepare_cached(if all_fields {
        "INSERT INTO entries VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    } else {
        "INSERT INTO entries (series_id, created_at_ms, entry_id, field1, field2, field3)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)"
    })?;
    for row in rows..rows + TRANSACTION_ROWS {
        let value = |step: i64| &values[(row * step) as usize % values.len()];
        let (time, id) = ((FIRST_SECOND + row) * 1000, row + 1);
        let (f1, f2, f3) = (value(1), value(3), value(7));
        if all_fields {
            let [f4, f5, f6, f7, f8] = [11, 13, 17, 19, 23].map(value);
            insert.execute(params![time, id, f1, f2, f3, f4, f5, f6, f7, f8])?;
        } else {
            insert.execute(params![time, id, f1, f2, f3])?;
        }
    }
    drop(insert);
    transaction.commit()
}

/// Connections to one database. Whoever holds a permit of `free` finds one in `idle`.
struct Pool {
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Pool {
    fn open(file: &Path) -> rusqlite::Result<Self> {
        let first = connect(file)?;
        first.execute_batch(SCHEMA)?;
        let mut idle = vec![first];
        while idle.len() < POOL_CONNECTIONS {
            idle.push(connect(file)?);
        }
        Ok(Self { idle: Mutex::new(idle), free: Arc::new(Semaphore::new(POOL_CONNECTIONS)) })
    }

    #[allow(clippy::expect_used, reason = "a benchmark may end on its own mistake")]
    fn with_connection<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = idle().pop().expect("a connection for each permit");
        let result = work(&mut connection);
        idle().push(connection);
        result
    }
}

#[allow(clippy::disallowed_methods, reason = "the peer sets its pragmas here; it shares no code with porta")]
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}
