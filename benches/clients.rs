//! Clients that `scripts/bench` lets loose on a server, where wrk and `porta stress` cannot behave as they do.
//!
//! `clients waiting --connect ADDRESS --idle N --slow N` holds connections open until it is killed: idle ones send nothing,
//! slow ones a byte a second, half of them within a request's head and half within its body. What the server closes is
//! opened again. Prints a line once all are open.
//!
//! `clients listening --connect ADDRESS --path PATH --header 'NAME: VALUE' --streams N` asks for a stream of events over each
//! connection, and reads until it is killed or a stream ends. Prints a line once all have begun, and what came of them at the end.
//!
//! `clients updates --connect ADDRESS --key KEY --connections N --pause-ms P --seconds S` sends updates over each connection,
//! the next as soon as the one before is answered, or P after it was refused with 503. Prints what came of them, taken and
//! refused ones apart, which a generator that has one latency for all cannot tell.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

/// Threads that send updates; as many as wrk has in `scripts/bench`.
const SENDERS: usize = 2;
/// Between two bytes of a slow client, and before what was closed is opened again.
const SLOW: Duration = Duration::from_secs(1);
/// The longest answer that a client reads, head and body.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

const USAGE: &str = "usage: clients waiting --connect ADDRESS --idle N --slow N
       clients listening --connect ADDRESS --path PATH --header 'NAME: VALUE' --streams N
       clients updates --connect ADDRESS --key KEY --connections N --pause-ms P --seconds S";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["waiting", "--connect", address, "--idle", idle, "--slow", slow] => {
            runtime()?.block_on(wait(address.parse()?, idle.parse()?, slow.parse()?))
        }
        ["listening", "--connect", address, "--path", path, "--header", header, "--streams", streams] => {
            runtime()?.block_on(listen(address.parse()?, path, header, streams.parse()?))
        }
        [
            "updates",
            "--connect",
            address,
            "--key",
            key,
            "--connections",
            connections,
            "--pause-ms",
            pause,
            "--seconds",
            seconds,
        ] => updates(&Plan {
            address: address.parse()?,
            request: request(key),
            connections: connections.parse()?,
            pause: Duration::from_millis(pause.parse()?),
            duration: Duration::from_secs(seconds.parse()?),
        }),
        ["waiting" | "listening" | "updates", ..] => Err(USAGE.into()),
        // `cargo bench` and `cargo test` start every benchmark, with arguments of their own.
        _ => Ok(()),
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

// --- waiting ---

#[allow(clippy::print_stdout, reason = "scripts/bench waits for this line")]
async fn wait(address: SocketAddr, idle: usize, slow: usize) -> Result<(), Failure> {
    const HEAD: &str = "POST /update HTTP/1.1\r\nHost: bench\r\nX-Slow: ";
    const BODY: &str = "POST /update HTTP/1.1\r\nHost: bench\r\nContent-Length: 4096\r\n\r\n";
    let mut clients = JoinSet::new();
    for client in 0..idle + slow {
        let begun = match client {
            _ if client < idle => "",
            _ if client % 2 == 0 => HEAD,
            _ => BODY,
        };
        let stream = begin(address, begun).await?;
        clients.spawn(hold(address, begun, stream));
    }
    println!("{idle} idle and {slow} slow connections are open");
    while clients.join_next().await.is_some() {}
    Ok(())
}

async fn begin(address: SocketAddr, begun: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(begun.as_bytes()).await?;
    Ok(stream)
}

/// For ever.
async fn hold(address: SocketAddr, begun: &str, mut stream: TcpStream) {
    loop {
        // However it ends, there is another.
        let _ = trickle(&mut stream, !begun.is_empty()).await;
        stream = loop {
            tokio::time::sleep(SLOW).await;
            if let Ok(stream) = begin(address, begun).await {
                break stream;
            }
        };
    }
}

/// Until the server closes or resets the connection.
async fn trickle(stream: &mut TcpStream, is_sending: bool) -> io::Result<()> {
    let mut unread = [0; 1024];
    loop {
        tokio::select! {
            read = stream.read(&mut unread) => if read? == 0 { return Ok(()) },
            () = tokio::time::sleep(SLOW), if is_sending => stream.write_all(b"x").await?,
        }
    }
}

// --- listening ---

/// To the end of all streams.
#[allow(clippy::print_stdout, reason = "scripts/bench waits for the first line")]
async fn listen(address: SocketAddr, path: &str, header: &str, streams: usize) -> Result<(), Failure> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{header}\r\n\r\n");
    let mut listening = JoinSet::new();
    for _ in 0..streams {
        let mut stream = begin(address, &request).await?;
        let mut begun = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut begun).await?;
        if &begun != b"HTTP/1.1 200" {
            return Err(format!("{path} is answered with {}", String::from_utf8_lossy(&begun)).into());
        }
        listening.spawn(hear(stream));
    }
    println!("{streams} streams are open");
    let heard: Result<Vec<_>, _> = listening.join_all().await.into_iter().collect();
    let heard = heard?;
    let (bytes, events) = heard.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{bytes} bytes, {events} events");
    Ok(())
}

/// Bytes and events of a stream.
async fn hear(mut stream: TcpStream) -> io::Result<(usize, usize)> {
    let (mut bytes, mut events) = (0, 0);
    let mut read = [0; 16 * 1024];
    loop {
        match stream.read(&mut read).await? {
            0 => return Ok((bytes, events)),
            more => {
                bytes += more;
                events += read[..more].windows(4).filter(|four| four == b"\nid:").count();
                // The last chunk of a body.
                if read[..more].ends_with(b"\r\n0\r\n\r\n") || &read[..more] == b"0\r\n\r\n" {
                    return Ok((bytes, events));
                }
            }
        }
    }
}

// --- updates ---

struct Plan {
    address: SocketAddr,
    request: Vec<u8>,
    connections: usize,
    /// After a refusal.
    pause: Duration,
    duration: Duration,
}

/// Microseconds from a request to its answer.
#[derive(Default)]
struct Tally {
    taken: Vec<u32>,
    refused: Vec<u32>,
    failed: u64,
}

fn request(key: &str) -> Vec<u8> {
    let body = format!("api_key={key}&field1=21.5");
    let length = body.len();
    format!(
        "POST /update HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[allow(clippy::print_stdout, reason = "scripts/bench reads the figures from here")]
fn updates(plan: &Plan) -> Result<(), Failure> {
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let share = |sender| (plan.connections + sender) / SENDERS;
        let start = |sender| scope.spawn(move || runtime()?.block_on(send_all(plan, share(sender))));
        let senders: Vec<_> = (0..SENDERS).map(start).collect();
        for sender in senders {
            sum.add(sender.join().map_err(|_| "a sender panicked")??);
        }
        Ok::<_, Failure>(())
    })?;
    let seconds = plan.duration.as_secs_f64();
    for (what, latencies) in [("taken", &mut sum.taken), ("refused", &mut sum.refused)] {
        latencies.sort_unstable();
        let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile_ms(latencies, percent));
        println!(
            "{what} {} {:.0} {p50:.3} {p95:.3} {p99:.3}",
            latencies.len(),
            latencies.len() as f64 / seconds
        );
    }
    println!("failed {}", sum.failed);
    Ok(())
}

/// The nearest rank, in milliseconds; 0 of nothing.
fn percentile_ms(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

impl Tally {
    fn add(&mut self, mut other: Self) {
        self.taken.append(&mut other.taken);
        self.refused.append(&mut other.refused);
        self.failed += other.failed;
    }
}

#[allow(clippy::disallowed_methods, reason = "the clients share no code with porta, its clock included")]
async fn send_all(plan: &Plan, connections: usize) -> Result<Tally, Failure> {
    let until = Instant::now() + plan.duration;
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        senders.spawn(send(plan.address, plan.request.clone(), plan.pause, until));
    }
    let mut sum = Tally::default();
    while let Some(tally) = senders.join_next().await {
        sum.add(tally?);
    }
    Ok(sum)
}

/// Over one connection at a time.
#[allow(clippy::disallowed_methods, reason = "the clients share no code with porta, its clock included")]
async fn send(address: SocketAddr, request: Vec<u8>, pause: Duration, until: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    while Instant::now() < until {
        let Some(stream) = &mut connection else {
            connection = open(address).await.ok();
            tally.failed += u64::from(connection.is_none());
            continue;
        };
        let begun = Instant::now();
        let status = exchange(stream, &request).await;
        let latency_us = begun.elapsed().as_micros() as u32;
        match status {
            Ok(200) => tally.taken.push(latency_us),
            Ok(503) => {
                tally.refused.push(latency_us);
                let rest = until.saturating_duration_since(Instant::now());
                if !pause.is_zero() {
                    tokio::time::sleep(pause.min(rest)).await;
                }
            }
            _ => {
                tally.failed += 1;
                connection = None;
            }
        }
    }
    tally
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request and reads the whole answer; returns its status.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<u16> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if stream.read_buf(&mut answer).await? == 0 || answer.len() > ANSWER_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((status, bytes)) = expected(&answer)
            && answer.len() >= bytes
        {
            return Ok(status);
        }
    }
}

/// Status and length of an answer whose head is there; the server writes the header's name like this.
fn expected(answer: &[u8]) -> Option<(u16, usize)> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let status = head.get(9..12)?.parse().ok()?;
    let length: usize =
        head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "))?.parse().ok()?;
    Some((status, head.len() + 4 + length))
}
