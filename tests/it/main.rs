//! Tests that start the real executable or the real server. One binary, since it links faster than many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "the names of tests say what they show")]

mod access;
mod admin;
mod artefacts;
mod audit;
mod backup;
mod bounds;
mod bridge;
mod channels;
mod cli;
mod clients;
mod confinement;
mod criteria;
mod criteria_alerts;
mod criteria_evidence;
mod criteria_formats;
mod criteria_refusals;
mod data_pages;
mod data_pages_hostile;
mod device;
mod durability;
mod faults;
mod fuzz;
mod generate_data;
mod killed;
mod load;
mod load_modes;
mod load_targets;
mod long;
mod metrics;
mod migrate;
mod openapi;
mod overload;
mod pages;
mod power;
mod reader;
mod report;
mod restore;
mod rows;
mod runs;
mod serve;
mod server_side;
mod store;
mod store_runs;
mod stress;
mod stress_test;
mod stress_test_ends;
mod stress_test_events;
mod support;
mod tidy;
mod transfer;
mod tune;
mod update;
mod validity;
