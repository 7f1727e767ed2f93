//! Formulas, each with its source. They know numbers, and nothing of runs and reports.

pub mod compare;
pub mod distribution;
pub mod growth;
pub mod steady;
pub mod trend;
pub mod windows;
