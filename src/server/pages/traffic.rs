//! Charts of what servers were asked, and the numbers beneath them.

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::words::Words;
use crate::domain::criteria::measure::Measure;
use crate::domain::traffic::{Asked, Slot, Span};
use crate::render::chart::{self, Axis, Chart, Series};

type Points = Vec<(f64, Option<f64>)>;

/// Requests a second and latencies over time: two charts and a table. `p95_max_ms` is the threshold of p95, where it is known.
pub fn charts(words: &Words, span: Span, slots: &[Slot], p95_max_ms: Option<f64>) -> Value {
    let filled = span.filled(slots);
    let points = |value: fn(&Slot) -> Option<f64>| -> Points {
        filled.iter().map(|(at, slot)| (at.0 as f64, slot.and_then(value))).collect()
    };
    let live = points(|slot| Some(slot.rps(&slot.live)));
    let stress = points(|slot| Some(slot.rps(&slot.stress)));
    let has_stress = slots.iter().any(|slot| slot.stress.requests > 0);
    let (live_label, stress_label) = (words.text("requests.live"), words.text("requests.stress"));
    let mut rates = vec![Series { label: &live_label, points: &live }];
    if has_stress {
        rates.push(Series { label: &stress_label, points: &stress });
    }
    let p50 = points(|slot| slot.live.latency.sound_percentile_ms(50.0));
    let p95 = points(|slot| slot.live.latency.sound_percentile_ms(95.0));
    let p99 = points(|slot| slot.live.latency.sound_percentile_ms(99.0));
    let latencies = [("p50", &p50), ("p95", &p95), ("p99", &p99)];
    let latencies = latencies.map(|(label, points)| Series { label, points });
    let limit = p95_max_ms.map(|ms| {
        let limit = words.quantity(Measure::P95.text(ms));
        (ms, words.text("requests.p95_threshold").replace("{limit}", &limit))
    });
    let limit = limit.as_ref().map(|(ms, label)| (*ms, label.as_str()));
    context! {
        rates => drawn(words, span, ("rates", "requests.unit_rps"), &rates, None),
        latencies => drawn(words, span, ("latencies", "requests.unit_ms"), &latencies, limit),
        has_stress,
        rows => slots.iter().rev().map(row).collect::<Vec<_>>(),
    }
}

fn drawn(
    words: &Words,
    span: Span,
    (name, unit): (&str, &str),
    series: &[Series<'_>],
    threshold: Option<(f64, &str)>,
) -> Value {
    let title = words.text(&format!("requests.charts.{name}"));
    let description = words.text(&format!("requests.described.{name}"));
    let y_label = words.text(unit);
    Value::from_safe_string(chart::lines(&Chart {
        title: &title,
        description: &description,
        x_label: "",
        y_label: &y_label,
        x: Axis::Utc,
        series,
        threshold,
        between: Some((span.from.0 as f64, span.to.0 as f64)),
        from_zero: true,
    }))
}

fn row(slot: &Slot) -> Value {
    let asked = |asked: &Asked| {
        context! {
            requests => asked.requests,
            rps => slot.rps(asked),
            server_errors => asked.server_errors,
            p50 => asked.latency.sound_percentile_ms(50.0),
            p95 => asked.latency.sound_percentile_ms(95.0),
            p99 => asked.latency.sound_percentile_ms(99.0),
        }
    };
    context! { starts_at => Value::from(Serde(slot.starts_at)), live => asked(&slot.live), stress => asked(&slot.stress) }
}
