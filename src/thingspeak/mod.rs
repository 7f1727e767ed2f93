//! ThingSpeak's formats: what devices and their readers send, and what they expect to get. Pure: bytes become domain
//! values and back, nothing here waits, reads a clock or knows HTTP.

pub mod bulk;
pub mod channel;
pub mod export;
pub mod feed;
pub mod parameters;
pub mod query;
pub mod record;
pub mod update;
