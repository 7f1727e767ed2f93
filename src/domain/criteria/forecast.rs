//! When a criterion will be crossed at the present trend, or why that cannot be said.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::evidence::Past;
use crate::domain::statistics::trend::{POINTS_MIN, slope};

/// Days of a history that say anything of the future, for each of which three can be foretold.
const HORIZON_HISTORIES: f64 = 3.0;

/// A forecast, or the reason for none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Forecast {
    /// It is crossed already.
    Crossed,
    /// It will be crossed.
    Crosses {
        /// Days from now, by the trend's slope.
        days: f64,
        /// Days from now, at the steepest slope of the interval.
        days_from: f64,
        /// Days from now, at the flattest.
        days_to: f64,
        /// The slope in the unit of the measure, per day.
        per_day: f64,
    },
    /// There is a trend upwards, which does not cross within three times the history, at its steepest neither.
    NotWithin {
        /// Days for which that can be said.
        days: f64,
    },
    /// There is a trend upwards, and the day by its slope is further off than three times the history, which says nothing
    /// of so far a future.
    TooFar {
        /// Days from now before which it is not crossed.
        days_from: f64,
        /// Three times the history, in days.
        horizon: f64,
    },
    /// It falls.
    Falls,
    /// The interval of the slope includes 0.
    NoTrend,
    /// There are too few days of it.
    TooShort {
        /// Days with a value.
        points: usize,
        /// Days that are needed.
        needed: usize,
    },
}

impl Forecast {
    /// Foretells when `threshold` is crossed.
    pub fn of(history: &[Past], threshold: f64) -> Self {
        let points: Vec<(f64, f64)> = history
            .iter()
            .filter(|past| past.days_ago.is_finite() && past.value.is_finite())
            .map(|past| (-past.days_ago, past.value))
            .collect();
        let Some(slope) = slope(&points) else {
            return Self::TooShort { points: points.len(), needed: POINTS_MIN };
        };
        if slope.low <= 0.0 && slope.high >= 0.0 {
            return Self::NoTrend;
        }
        if slope.high < 0.0 {
            return Self::Falls;
        }
        let first = points.iter().map(|(time, _)| *time).fold(f64::INFINITY, f64::min);
        let horizon = HORIZON_HISTORIES * -first;
        // Through the middle of the points, which the slopes of the interval share; the value now is where they lead.
        let (time, value) = slope.centre;
        let days = |per_day: f64| (time + (threshold - value) / per_day).max(0.0);
        let days_from = days(slope.high);
        if days_from > horizon {
            return Self::NotWithin { days: horizon };
        }
        if days(slope.median) > horizon {
            return Self::TooFar { days_from, horizon };
        }
        Self::Crosses { days: days(slope.median), days_from, days_to: days(slope.low), per_day: slope.median }
    }

    /// `crossed in 23 days (15–40)`.
    pub fn text(&self) -> String {
        match self {
            Self::Crossed => "crossed".into(),
            Self::Crosses { days, days_from, days_to, .. } => {
                format!("crossed in {days:.0} days ({days_from:.0}–{days_to:.0})")
            }
            Self::TooFar { days_from, horizon } => {
                format!("not before {days_from:.0} days, and the history tells no more than {horizon:.0}")
            }
            Self::NotWithin { days } => format!("not within {days:.0} days"),
            Self::Falls => "falls".into(),
            Self::NoTrend => "no trend".into(),
            Self::TooShort { points, needed } => format!("too short a history: {points} of {needed} days"),
        }
    }
}

#[cfg(test)]
mod tests;
