//! `porta report compare`.

use std::str::FromStr;

use clap::Args;

use crate::domain::id::RunId;

/// Runs of one side at most.
const RUNS_MAX: usize = 100;

/// Arguments of `porta report compare`.
#[derive(Args, Debug)]
#[command(after_help = "\
One run of each side is compared by how it varied within itself: what is found is indicative, since whatever else was \
different between the two is in it. Five or more of each side, made in turn, show whether a difference is real:
  porta report compare 1,3,5,7,9 2,4,6,8,10")]
pub struct Compare {
    /// Number of the run before, or several: 1,3,5
    #[arg(value_name = "BEFORE")]
    pub before: RunList,
    /// Number of the run after, or several: 2,4,6
    #[arg(value_name = "AFTER")]
    pub after: RunList,
    /// Compare runs whose configurations differ, too
    #[arg(long)]
    pub force: bool,
}

/// Runs of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunList(
    /// One at least, each once.
    pub Vec<RunId>,
);

impl FromStr for RunList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let runs: Vec<RunId> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        if runs.len() > RUNS_MAX {
            return Err(format!("{} runs are too many: {RUNS_MAX} can be compared", runs.len()));
        }
        let twice = runs.iter().enumerate().find(|(index, run)| runs[..*index].contains(run));
        match twice {
            Some((_, run)) => Err(format!("run {run} is named twice")),
            None => Ok(Self(runs)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_or_several() {
        let parsed = |text: &str| text.parse::<RunList>().map(|list| list.0);
        assert_eq!(parsed("7"), Ok(vec![RunId(7)]));
        assert_eq!(parsed("1, 3,5"), Ok(vec![RunId(1), RunId(3), RunId(5)]));
        assert_eq!(parsed("1,1"), Err("run 1 is named twice".into()));
        for bad in ["", "1,", "x", "0", "1-3"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        assert!(parsed(&(1..=101).map(|run| run.to_string()).collect::<Vec<_>>().join(",")).is_err());
    }
}
