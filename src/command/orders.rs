//! What a server has to say to a run that it has started, over the run's standard input: a line ends the run early and says
//! why. When the server is gone, its end of the pipe is.

use std::io::{BufRead as _, BufReader, Read as _};

use tokio::sync::mpsc;

use crate::exit::Failure;

/// Bytes of a line.
const LINE_BYTES_MAX: u64 = 1024;

/// What the server has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The run is to end; `None` where somebody just wanted that.
    End(Option<String>),
    /// There is no server any more.
    Gone,
}

/// A thread that waits for the one order that counts. It ends with that, or with the process.
pub struct Orders(mpsc::Receiver<Order>);

impl Orders {
    pub fn start() -> Result<Self, Failure> {
        let (sender, orders) = mpsc::channel(1);
        let spawned = std::thread::Builder::new().name("orders".into()).spawn(move || {
            let mut line = Vec::new();
            let mut input = BufReader::new(std::io::stdin()).take(LINE_BYTES_MAX);
            let order = match input.read_until(b'\n', &mut line) {
                Ok(bytes) if bytes > 0 => end(&line),
                _ => Order::Gone,
            };
            // Whoever waits may have ended.
            let _ = sender.blocking_send(order);
        });
        spawned.map_err(|error| Failure::new("cannot start a thread that hears the server", error))?;
        Ok(Self(orders))
    }

    /// The order, once, if it has come.
    pub fn try_next(&mut self) -> Option<Order> {
        self.0.try_recv().ok()
    }

    /// Ready with the order, once.
    pub async fn next(&mut self) -> Order {
        match self.0.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

fn end(line: &[u8]) -> Order {
    let reason = String::from_utf8_lossy(line);
    let reason = reason.trim();
    Order::End((!reason.is_empty()).then(|| reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_reason_and_an_empty_one_is_none() {
        assert_eq!(end(b"the server was stopped\n"), Order::End(Some("the server was stopped".into())));
        assert_eq!(end(b"\n"), Order::End(None));
    }
}
