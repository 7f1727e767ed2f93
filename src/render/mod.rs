//! Values become text. No I/O: whoever prints decides where, and whether colours are kept.

pub mod live;
pub mod style;
pub mod table;
pub mod terminal;
pub mod tuning;
