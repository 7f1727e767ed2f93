//! The order in which lists show runs.

/// What runs can be put in order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunColumn {
    /// Its number, and so the time.
    Id,
    /// Requests a second that were asked for.
    TargetRps,
    /// How long it was planned to last.
    Duration,
    /// Requests that came to an end.
    Total,
    /// Those that failed.
    Failed,
    /// Requests a second that were reached.
    Rps,
    /// 95th percentile of the latency.
    P95,
    /// Its 99th percentile.
    P99,
}

impl RunColumn {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Id,
        Self::TargetRps,
        Self::Duration,
        Self::Total,
        Self::Failed,
        Self::Rps,
        Self::P95,
        Self::P99,
    ];

    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "run",
            Self::TargetRps => "target",
            Self::Duration => "duration",
            Self::Total => "total",
            Self::Failed => "failed",
            Self::Rps => "rps",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }
}

/// The order of a list of runs. Of runs that are the same in it the newest comes first; what is not known comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOrder {
    /// By what.
    pub column: RunColumn,
    /// The largest first.
    pub descending: bool,
}

impl Default for RunOrder {
    fn default() -> Self {
        Self { column: RunColumn::Id, descending: true }
    }
}

impl RunOrder {
    /// The order of a name in addresses: that of a column, with `-` before it for the largest first.
    pub fn named(name: &str) -> Option<Self> {
        let (name, descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let column = RunColumn::ALL.into_iter().find(|column| column.as_str() == name)?;
        Some(Self { column, descending })
    }

    /// The inverse of [`RunOrder::named`].
    pub fn name(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.column.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_a_name() {
        for column in RunColumn::ALL {
            for descending in [false, true] {
                let order = RunOrder { column, descending };
                assert_eq!(RunOrder::named(&order.name()), Some(order));
            }
        }
        for name in ["", "-", "--p95", "p95 DESC", "id"] {
            assert_eq!(RunOrder::named(name), None, "{name}");
        }
    }
}
