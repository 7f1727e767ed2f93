//! Values become text. No I/O: whoever prints decides where, and whether colours are kept.

pub mod chart;
pub mod compare;
pub mod criteria;
pub mod endpoints;
pub mod live;
pub mod plan;
pub mod server_side;
pub mod style;
pub mod table;
pub mod terminal;
pub mod tuning;
pub mod wrap;
