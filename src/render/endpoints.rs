//! The figures of a run's endpoints, where there are several.

use super::table::{self, Column};
use crate::domain::latency::is_enough_for;
use crate::domain::report::Endpoint;
use crate::domain::unit;

/// A table with an empty line before it; nothing for a single endpoint, whose figures are those of the run.
pub fn endpoints(endpoints: &[Endpoint]) -> String {
    if endpoints.len() < 2 {
        return String::new();
    }
    let columns = [
        Column::Left("  by endpoint"),
        Column::Right("total"),
        Column::Right("failed"),
        Column::Right("average"),
        Column::Right("p50"),
        Column::Right("p95"),
        Column::Right("p99"),
    ];
    let row = |endpoint: &Endpoint| {
        let latency = &endpoint.latency;
        // What has too few samples is in the report's JSON; here it would look like the others.
        let percentile = |percent, value: Option<f64>| {
            unit::millis(value.filter(|_| is_enough_for(endpoint.total, percent)))
        };
        vec![
            format!("  {} {}", endpoint.method, endpoint.path),
            unit::count(endpoint.total),
            unit::count(endpoint.failed),
            unit::millis(latency.avg_latency_ms),
            percentile(50.0, latency.p50_latency_ms),
            percentile(95.0, latency.p95_latency_ms),
            percentile(99.0, latency.p99_latency_ms),
        ]
    };
    format!("\n{}", table::of(&columns, endpoints.iter().map(row)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::latency::Latency;

    fn endpoint(method: &str, path: &str, total: u64) -> Endpoint {
        let mut latency = Latency::coarse();
        (0..total).for_each(|index| latency.record(Duration::from_micros(500 + 10 * index)));
        Endpoint {
            method: method.into(),
            path: path.into(),
            total,
            failed: total / 100,
            latency: (&latency).into(),
        }
    }

    #[test]
    fn several_have_a_table() {
        let several = [
            endpoint("POST", "/agent/status", 1200),
            endpoint("GET", "/meta", 150),
            endpoint("GET", "/none", 0),
        ];
        insta::assert_snapshot!(endpoints(&several));
        assert_eq!(endpoints(&several[..1]), "");
    }
}
