//! What is shown while something goes on. A reader may stop to read: a pipe that is full, a terminal on hold. A run must be
//! neither measured wrongly nor kept from its end by that, so that threads of their own wait for readers.

use std::io::Write as _;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::print;
use super::signals::Signals;
use crate::exit::Failure;

/// Texts that can wait to be written. Of progress, those that are more are dropped: each is a whole picture.
const WAITING_MAX: usize = 4;
/// How long somebody who does not read is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where to write.
#[derive(Clone, Copy)]
pub enum Stream {
    /// Standard output: results.
    Output,
    /// Standard error: progress. If nobody reads it there, nothing is lost.
    Error,
}

impl Stream {
    fn write(self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Output => print(text),
            Self::Error => {
                draw(text);
                Ok(())
            }
        }
    }
}

struct Piece {
    text: String,
    written: Option<oneshot::Sender<Result<(), Failure>>>,
}

/// A thread that writes to a stream, text after text. It ends with its `Writer`, or with the process where it waits for a
/// reader.
pub struct Writer {
    pieces: mpsc::Sender<Piece>,
}

impl Writer {
    pub fn start(stream: Stream) -> Result<Self, Failure> {
        let (pieces, waiting) = mpsc::channel(WAITING_MAX);
        let spawned = std::thread::Builder::new().name("writer".into()).spawn(move || {
            write_all(waiting, |text| stream.write(text));
        });
        spawned.map_err(|error| Failure::new("cannot start a thread that shows progress", error))?;
        Ok(Self { pieces })
    }

    /// Shows how it goes, if there is room: never waits. What is not shown is not made either, so that one text can go on
    /// where the last one that was shown has ended.
    pub fn show(&self, text: impl FnOnce() -> String) {
        if let Ok(room) = self.pieces.try_reserve() {
            room.send(Piece { text: text(), written: None });
        }
    }

    /// Writes what should not be lost, but is not worth waiting for a reader that does not read.
    pub async fn say(&self, text: String) -> Result<(), Failure> {
        tokio::time::timeout(PATIENCE, self.print(text)).await.unwrap_or(Ok(()))
    }

    /// Writes what was asked for, and waits for its reader.
    pub async fn print(&self, text: String) -> Result<(), Failure> {
        let gone = || Failure::new("cannot write the result", "the thread that writes has ended");
        let (written, is_written) = oneshot::channel();
        let piece = Piece { text, written: Some(written) };
        self.pieces.send(piece).await.map_err(|_| gone())?;
        is_written.await.map_err(|_| gone())?
    }

    /// The same, unless a signal comes first and the reader does not read. Returns whether it was written.
    pub async fn print_until_signal(&self, text: String, signals: &mut Signals) -> Result<bool, Failure> {
        let mut printing = std::pin::pin!(self.print(text));
        tokio::select! {
            printed = &mut printing => printed.map(|()| true),
            _ = signals.next() => match tokio::time::timeout(PATIENCE, printing).await {
                Ok(printed) => printed.map(|()| true),
                Err(_) => Ok(false),
            },
        }
    }
}

fn write_all(mut waiting: mpsc::Receiver<Piece>, write: impl Fn(&str) -> Result<(), Failure>) {
    while let Some(Piece { text, written }) = waiting.blocking_recv() {
        let result = write(&text);
        if let Some(written) = written {
            // Whoever waited may have given up.
            let _ = written.send(result);
        }
    }
}

/// Writes to standard error, and waits for its reader.
pub fn draw(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn who_does_not_read_costs_progress_and_nothing_else() {
        let (pieces, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer { pieces };
        let ((begun, has_begun), (read, is_read)) = (channel(), channel());
        let thread = std::thread::spawn(move || {
            let texts = std::sync::Mutex::new(Vec::new());
            write_all(waiting, |text| {
                texts.lock().unwrap().push(text.to_owned());
                begun.send(()).unwrap();
                is_read.recv().map_err(|error| Failure::new("cannot be read", error))
            });
            texts.into_inner().unwrap()
        });
        let mut made = 0;
        let mut show = |text: &str| {
            writer.show(|| {
                made += 1;
                text.to_owned()
            });
        };
        show("stuck");
        has_begun.recv().unwrap();
        for _ in 0..2 * WAITING_MAX {
            show("waiting");
        }
        assert_eq!(made, 1 + WAITING_MAX, "what is dropped is not made");
        writer.say("dropped".into()).await.unwrap();
        for _ in 0..2 + WAITING_MAX {
            read.send(()).unwrap();
        }
        writer.print("result".into()).await.unwrap();
        drop(read);
        assert!(writer.print("refused".into()).await.is_err());
        drop(writer);
        let texts = thread.join().unwrap();
        let waiting = ["waiting"; WAITING_MAX];
        assert_eq!(texts, [&["stuck"], &waiting[..], &["result", "refused"]].concat());
    }
}
