//! Templates and static files: from the executable, or from `web/` at every request when debugging.

use std::borrow::Cow;
use std::path::{Component, Path};
use std::sync::Arc;

use axum::extract::{Path as Name, State as Extract};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use rust_embed::RustEmbed;

use super::State;
use super::error::Refusal;

/// Where templates and assets are read from when debugging.
const FOLDER: &str = "web";

#[derive(RustEmbed)]
#[folder = "web"]
struct Embedded;

/// The files of `web/`.
pub struct Web {
    from_folder: bool,
}

impl Web {
    /// From the folder when debugging, else from the executable.
    pub fn new(debug: bool) -> Self {
        Self { from_folder: debug }
    }

    /// The file `path` below `web/`; `None` when there is none, or the path leads elsewhere.
    pub fn file(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        if self.from_folder {
            std::fs::read(Path::new(FOLDER).join(path)).ok().map(Cow::Owned)
        } else {
            Embedded::get(path).map(|file| file.data)
        }
    }
}

/// `GET /static/{file}`.
pub async fn asset(
    Extract(state): Extract<Arc<State>>,
    Name(file): Name<String>,
) -> Result<([(HeaderName, &'static str); 2], Vec<u8>), Refusal> {
    let content_type = match file.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let data = state
        .web
        .file(&format!("static/{file}"))
        .ok_or_else(|| Refusal::NotFound(format!("there is no file {file}")))?;
    Ok(([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], data.into_owned()))
}
