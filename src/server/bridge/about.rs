//! `/meta` and `/public_url`.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use rustix::fs::OFlags;
use serde_json::{Value, json};

use super::Policy;
use crate::clock;
use crate::server::State;
use crate::server::auth::Agent;
use crate::server::error::{Plain, Refusal};
use crate::server::routes::{Access, ROUTES, Route};

/// Bytes of a file with an address.
const URL_BYTES_MAX: u64 = 2048;

/// `GET /meta`: what this is, and what is in force.
pub async fn meta(_: Agent, Extract(state): Extract<Arc<State>>) -> Json<Value> {
    let endpoints: Vec<_> =
        ROUTES.iter().filter(|route| route.access == Access::Agent).map(Route::name).collect();
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "uptime": state.started.elapsed().as_secs(),
        "pid": std::process::id(),
        "port": state.address.port(),
        "security": security(&state),
        "endpoints": endpoints,
        "timestamp": clock::utc(),
    }))
}

fn security(state: &State) -> Value {
    let bounds = &state.bounds;
    let execution = match &state.bridge.options.execution {
        None => json!({ "mode": "off" }),
        Some(execution) => {
            let (mode, commands) = match &execution.policy {
                Policy::Allowlist(allowlist) => ("allowlist", Some(allowlist.names().collect::<Vec<_>>())),
                Policy::Shell(_) => ("shell", None),
            };
            json!({
                "mode": mode,
                "commands": commands,
                "confinement": execution.executor.confinement(),
                "limits": {
                    "commands": bounds.commands,
                    "commands_per_agent": bounds.commands_per_agent,
                    "pipeline_commands": bounds.pipeline_commands,
                    "output_bytes": bounds.command_output_bytes,
                    "timeout": bounds.command_timeout.as_secs_f64(),
                },
            })
        }
    };
    json!({
        "token": "required",
        "cors": "none",
        "address": state.address.to_string(),
        "loopback": state.address.ip().to_canonical().is_loopback(),
        "execution": execution,
    })
}

/// `GET /public_url`: the address by which this server is known elsewhere.
pub async fn public_url(_: Agent, Extract(state): Extract<Arc<State>>) -> Result<Json<Value>, Plain> {
    let path = state.bridge.options.public_url_file.clone();
    let read = tokio::task::spawn_blocking(move || read_url(&path));
    let found = read.await.map_err(|error| Refusal::Internal(error.to_string()))?;
    let timestamp = clock::utc();
    Ok(Json(match found {
        Ok(url) => json!({ "public_url": url, "available": true, "timestamp": timestamp }),
        Err(message) => {
            json!({ "public_url": null, "available": false, "message": message, "timestamp": timestamp })
        }
    }))
}

/// The first line of a file, if that is an address.
fn read_url(path: &Path) -> Result<String, String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = file.map_err(|error| format!("there is no public address: {}: {error}", path.display()))?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(format!("there is no public address: {} is no file", path.display()));
    }
    let mut text = String::new();
    file.take(URL_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| format!("there is no public address: {}: {error}", path.display()))?;
    let line = text.lines().next().unwrap_or_default().trim();
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| line.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if is_url && line.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(line.to_owned())
    } else {
        Err(format!("there is no public address: the first line of {} is none", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_anything_else_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ngrok.url");
        assert!(read_url(&path).is_err_and(|message| message.contains("No such file")));
        assert!(read_url(folder.path()).is_err());
        for (text, url) in [
            ("https://a.example\n", Some("https://a.example")),
            (" http://a.example:8000/x \nmore", Some("http://a.example:8000/x")),
            ("", None),
            ("https://", None),
            ("javascript:alert(1)", None),
            ("https://a b", None),
        ] {
            std::fs::write(&path, text).expect("a file");
            assert_eq!(read_url(&path).ok().as_deref(), url, "{text:?}");
        }
        std::fs::write(&path, [0xff, 0xfe]).expect("a file");
        assert!(read_url(&path).is_err());
    }
}
