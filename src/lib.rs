//! porta answers three questions of somebody who runs a small server: how much load can this box take, is that still
//! enough, and what to do when it is not.
//!
//! ```text
//! device → server → store (one writer) ─┐
//!                                       ├→ report → grade → render (terminal, JSON, page)
//! plan → schedule → load → summary ─────┘
//! ```
//!
//! [`domain`] is pure, and so is [`thingspeak`], the formats of devices. [`store`] is the seam to SQLite, [`transfer`] takes
//! whole channels out of it, [`exec`] runs commands for agents, [`server`] answers HTTP, [`load`] sends it, [`render`] turns values into text, and [`command`]
//! has a file for each subcommand. Dependencies point one way:
//! `command → {server, load, exec, transfer, store, render} → thingspeak → domain`.

pub mod cli;
pub mod clock;
pub mod command;
pub mod disk;
pub mod domain;
pub mod entropy;
pub mod exec;
pub mod exit;
pub mod instance;
pub mod judgement;
pub mod load;
pub mod log;
pub mod machine;
pub mod process;
pub mod render;
pub mod server;
pub mod store;
pub mod thingspeak;
pub mod transfer;
