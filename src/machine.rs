//! The machine that a run is made on.

use sha2::{Digest, Sha256};
use sysinfo::System;

use crate::domain::report::Machine;

/// Characters of the host name's hash that are kept.
const HASH_CHARACTERS: usize = 12;

/// Reads processor, memory and operating system; `unknown` where the system does not say.
pub fn fingerprint() -> Machine {
    let system = System::new().ok().map(|mut system| {
        system.refresh_memory();
        system.refresh_cpu_all();
        system
    });
    let cpu_model = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().trim().to_owned()));
    let known =
        |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".into());
    let host = System::host_name().unwrap_or_default();
    let digest = Sha256::digest(host.as_bytes());
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Machine {
        cpu_model: known(cpu_model),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        memory_bytes: system.map_or(0, |system| system.total_memory()),
        os: known(System::long_os_version().ok()),
        hostname_hash: hash[..HASH_CHARACTERS].to_owned(),
    }
}
