//! When an installation has outgrown SQLite: evidence and thresholds in, a [`check::Check`] out.
//!
//! The criteria, flags, reasons and routines are those of the source (*Criteria for adopting Redis in Porta*,
//! 2025-08-03). It says when to leave; what stands here beside it says what to tune before, and what leaving would help.

pub mod backtest;
pub mod check;
pub mod checklist;
pub mod damping;
pub mod evidence;
pub mod file;
mod finding;
mod flag;
pub mod forecast;
mod indicator;
mod judge;
pub mod measure;
mod plan;
#[cfg(test)]
mod sample;
mod settings;
pub mod thresholds;
pub mod verdict;
