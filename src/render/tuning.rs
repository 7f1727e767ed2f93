//! Settings that were compared, as a table with the answer under it.

use super::style::{GOOD, STRONG, WARNING, styled};
use super::table::{self, Column::Left, Column::Right};
use crate::domain::statistics::compare::{Difference, Finding};
use crate::domain::tuning::{Figure, Setting, Tuning};
use crate::domain::unit;

/// The whole outcome.
pub fn tuning(tuning: &Tuning) -> String {
    let columns = [
        Right("workers"),
        Right("p95"),
        Right("rps"),
        Right("failed"),
        Right("difference"),
        Left("95 % interval"),
        Left(""),
    ];
    let row = |setting: &Setting| {
        let [change, interval, finding] = match &setting.difference {
            None => ["–", "", "best"].map(str::to_owned),
            Some(difference) => compared(tuning.figure, difference),
        };
        vec![
            setting.workers.to_string(),
            unit::millis(Some(setting.p95_latency_ms)),
            unit::rate(setting.actual_rps),
            unit::count(setting.failed),
            change,
            interval,
            finding,
        ]
    };
    let mut text = table::of(&columns, tuning.settings.iter().map(row));
    let recommended = tuning.recommended;
    text.push_str(&format!(
        "\n{}   {}: porta serve --workers {recommended}, or WORKERS={recommended} in its environment\n",
        styled(GOOD, &format!("Use {recommended}")),
        tuning.reason
    ));
    if tuning.generator_limited > 0 {
        let repeats = tuning.settings.iter().map(|setting| setting.repeats.len()).sum::<usize>();
        text.push_str(&format!(
            "{}   in {} of {repeats} repeats the generator was the limit: it shares the machine with the server\n",
            styled(WARNING, "Note"),
            tuning.generator_limited
        ));
    }
    text
}

fn compared(figure: Figure, difference: &Difference) -> [String; 3] {
    let signed = |value: f64| {
        let sign = if value < 0.0 { "−" } else { "+" };
        match figure {
            Figure::P95 => format!("{sign}{}", unit::millis(Some(value.abs()))),
            Figure::Rps => format!("{sign}{}", unit::rate(value.abs())),
        }
    };
    let finding = match difference.finding {
        Finding::Real => styled(STRONG, "real"),
        Finding::Indicative => "indicative".into(),
        Finding::NotShown => "not shown".into(),
    };
    let interval = format!("{} to {}", signed(difference.low), signed(difference.high));
    [signed(difference.change), interval, finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tuning::{Repeat, rank};

    #[test]
    fn the_answer_stands_under_the_table() {
        let repeats = |p95: f64| {
            let repeat = |index: u32| Repeat {
                p95_latency_ms: p95 + f64::from(index) / 10.0,
                actual_rps: 1000.0,
                total: 1000,
                failed: 0,
                generator_limited: index == 4 && p95 > 4.0,
            };
            (0..5).map(repeat).collect::<Vec<_>>()
        };
        let ranked = rank(Figure::P95, vec![(1, repeats(5.0)), (2, repeats(1.0)), (4, repeats(1.1))]);
        let text = super::tuning(&ranked.expect("settings"));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }
}
