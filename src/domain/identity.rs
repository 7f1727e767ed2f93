//! What makes runs comparable, as two short hashes: the same configuration, and the same machine.
//!
//! Both are the first twelve hexadecimal digits of a SHA-256 over lines of text that later versions of porta write in the same way,
//! so that runs of different versions find each other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::report::Machine;
use super::run_config::RunConfig;

/// Hexadecimal digits of a hash: 48 bits, with which two of a thousand configurations collide once in 500 million.
const DIGITS: usize = 12;
/// Settings that are not part of what was asked for. The address of a private server is another one each time.
const INCIDENTAL: [&str; 2] = ["base_url", "channel_id"];
/// Memory is rounded to this: the kernel keeps a little of it, and another kernel a little more.
const MEMORY_STEP_BYTES: u64 = 512 << 20;

/// Two hashes that tell which runs can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunIdentity)]
pub struct Identity {
    /// The same for runs with the same plan against the same target.
    pub config_hash: String,
    /// The same for runs on the same machine.
    pub machine_hash: String,
}

impl Identity {
    /// The identity of a run with this configuration on this machine.
    pub fn of(config: &RunConfig, machine: &Machine) -> Self {
        Self { config_hash: config_hash(config), machine_hash: machine_hash(machine) }
    }
}

/// What was asked for, setting by setting, as the report names them. What is not set is left out, so that a setting
/// that a later version adds does not change the hash of those who do not use it.
pub fn settings(config: &RunConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(mut settings)) => {
            settings.retain(|_, value| !is_unset(value));
            settings
        }
        _ => Map::new(),
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) | Value::String(_) => false,
    }
}

fn config_hash(config: &RunConfig) -> String {
    let mut settings = settings(config);
    if config.private_server {
        settings.retain(|name, _| !INCIDENTAL.contains(&name.as_str()));
    } else {
        settings.remove("channel_id");
    }
    let mut lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    lines.sort();
    digits(&lines.concat())
}

fn machine_hash(machine: &Machine) -> String {
    let memory = (machine.memory_bytes + MEMORY_STEP_BYTES / 2) / MEMORY_STEP_BYTES;
    let Machine { cpu_model, cores, os, hostname_hash, .. } = machine;
    digits(&format!(
        "cpu_model={cpu_model}\ncores={cores}\nmemory_512MiB={memory}\nos={os}\nhostname_hash={hostname_hash}\n"
    ))
}

/// A short hash of a text.
pub fn digits(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let hexadecimal: String = digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    hexadecimal
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::sample;
    use super::*;

    /// Whoever changes these hashes cuts the history of everybody's runs in two.
    #[test]
    fn hashes_stay_as_they_are() {
        let report = sample(0);
        let identity = Identity::of(&report.config, &report.machine);
        assert_eq!(
            (identity.config_hash.as_str(), identity.machine_hash.as_str()),
            ("d4d17de496d8", "412781453a7d")
        );
    }

    #[test]
    fn what_makes_runs_comparable_is_in_the_hash_and_nothing_else() {
        let config = sample(0).config;
        let hash = config_hash(&config);
        let same = RunConfig { base_url: "http://127.0.0.1:4711".into(), channel_id: None, ..config.clone() };
        assert_eq!(config_hash(&same), hash, "a private server has another port each time");
        for other in [
            RunConfig { workers: 11, ..config.clone() },
            RunConfig { target_rps: None, ..config.clone() },
            RunConfig { duration: 3.0, ..config.clone() },
            RunConfig { timeout: 1.0, ..config.clone() },
            RunConfig { scenario: Some("baseline".into()), ..config.clone() },
            RunConfig { private_server: false, ..config.clone() },
        ] {
            assert_ne!(config_hash(&other), hash, "{other:?}");
        }
    }

    #[test]
    fn a_little_memory_more_is_the_same_machine() {
        let machine = sample(0).machine;
        let more = Machine { memory_bytes: machine.memory_bytes + (10 << 20), ..machine.clone() };
        assert_eq!(machine_hash(&more), machine_hash(&machine));
        for other in
            [Machine { cores: 4, ..machine.clone() }, Machine { os: "Linux 7".into(), ..machine.clone() }]
        {
            assert_ne!(machine_hash(&other), machine_hash(&machine));
        }
    }
}
