//! Figures of two sides, and the table of them.

use crate::{Failure, go_on};

/// A line of the table.
pub struct Row {
    pub figure: String,
    pub value: f64,
    pub against: f64,
    pub unit: &'static str,
    pub goal: Goal,
    /// What it is compared with.
    pub note: &'static str,
}

/// Of the ratio.
pub enum Goal {
    None,
    AtLeast(f64),
    AtMost(f64),
}

#[allow(clippy::print_stdout, reason = "it is the result")]
pub fn print(rows: &[Row]) {
    let line = |[figure, value, against, ratio, goal, verdict, note]: [&str; 7]| {
        println!("{figure:<56} {value:>12} {against:>12} {ratio:>8}  {goal:<8} {verdict:<8} {note}");
    };
    println!("\nThe agent bridge\n");
    line(["figure", "value", "against", "ratio", "goal", "", "against what"]);
    for row in rows {
        let figure = |value: f64| match row.unit {
            "rps" => format!("{value:.0} rps"),
            unit => format!("{value:.3} {unit}"),
        };
        let ratio = row.value / row.against;
        let (goal, is_met) = match row.goal {
            Goal::None => ("-".to_owned(), None),
            Goal::AtLeast(least) => (format!(">= {least}"), Some(ratio >= least)),
            Goal::AtMost(most) => (format!("<= {most}"), Some(ratio <= most)),
        };
        let verdict = is_met.map_or("-", |is_met| if is_met { "met" } else { "NOT MET" });
        let (value, against) = (figure(row.value), figure(row.against));
        line([&row.figure, &value, &against, &format!("{ratio:.3}"), &goal, verdict, row.note]);
    }
}

#[allow(clippy::print_stderr, reason = "it is progress")]
pub fn say(text: &str) {
    eprintln!("bridge: {text}");
}

/// Measures each side in turn, again and again; returns the medians of each side's figures.
pub fn interleaved<const SIDES: usize, const FIGURES: usize>(
    what: &str,
    repeats: usize,
    mut measure: impl FnMut(usize) -> Result<[f64; FIGURES], Failure>,
) -> Result<[[f64; FIGURES]; SIDES], Failure> {
    let mut all = vec![];
    for repeat in 1..=repeats {
        let mut sides = [[0.0; FIGURES]; SIDES];
        // The order changes, since what one side leaves behind is there for the next.
        for place in 0..SIDES {
            go_on()?;
            let side = if repeat % 2 == 0 { SIDES - 1 - place } else { place };
            sides[side] = measure(side)?;
        }
        say(&format!("{what}, {repeat} of {repeats}: {sides:.3?}"));
        all.push(sides);
    }
    let median = |side: usize, figure: usize| {
        percentile(all.iter().map(|sides: &[[f64; FIGURES]; SIDES]| sides[side][figure]), 50)
    };
    Ok(std::array::from_fn(|side| std::array::from_fn(|figure| median(side, figure))))
}

/// The nearest rank; 0 of nothing.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or_default()
}
