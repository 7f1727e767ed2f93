//! The pure core: values and formulas. No I/O, no async, no clock, no SQL, no HTTP, so nothing here can fail for
//! reasons outside its arguments.

pub mod account;
pub mod acknowledged;
pub mod agent;
pub mod aggregate;
pub mod channel;
pub mod clock_watch;
pub mod contents;
pub mod entry;
pub mod fault;
pub mod grade;
pub mod id;
pub mod latency;
pub mod metrics;
pub mod number;
pub mod progress;
pub mod redaction;
pub mod report;
pub mod rows;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod server_side;
pub mod statistics;
pub mod summary;
pub mod synthetic;
pub mod tuning;
pub mod unit;
pub mod update;
pub mod validity;
pub mod zone;
