//! SIGINT, SIGTERM and SIGHUP: the first asks to end gracefully, the second to end at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::orders::{Order, Orders};
use crate::exit::Failure;

/// Waits for signals from its creation on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    orders: Option<Orders>,
    order: Option<Order>,
}

impl Signals {
    pub fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::new("cannot wait for signals", error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            orders: None,
            order: None,
        })
    }

    /// The same for a run that a server has started: its order counts as a signal.
    pub fn with_orders() -> Result<Self, Failure> {
        Ok(Self { orders: Some(Orders::start()?), ..Self::new()? })
    }

    /// The name of the next signal, once it comes.
    pub async fn next(&mut self) -> &'static str {
        let order = async {
            match &mut self.orders {
                Some(orders) => orders.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
            order = order => {
                self.order = Some(order);
                "an order"
            }
        }
    }

    /// Waits for a signal that ends at once what is being ended. Where there is a server, only its SIGINT does: a service
    /// manager sends SIGTERM to all of its processes, and the order may come before that or after it.
    pub async fn next_that_insists(&mut self) {
        if self.orders.is_some() {
            self.interrupt.recv().await;
        } else {
            self.next().await;
        }
    }

    /// The order, if it has come.
    pub fn order(&mut self) -> Option<&Order> {
        if let Some(orders) = &mut self.orders {
            self.order = self.order.take().or_else(|| orders.try_next());
        }
        self.order.as_ref()
    }
}
