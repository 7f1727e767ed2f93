//! Templates and static files: from the executable, or from `web/` at every request when debugging. The address of a
//! static file has the hash of its content, so that a browser keeps it for good and still sees each new one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::State;
use super::error::Refusal;
use super::path::Path as Name;

/// Where templates and assets are read from when debugging.
const FOLDER: &str = "web";
/// Hexadecimal digits of a hash in an address: enough that no two contents of a file have the same.
const HASH_DIGITS: usize = 16;
/// For an address that has the content's hash.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "web"]
struct Embedded;

/// The files of `web/`.
pub struct Web {
    from_folder: bool,
    /// Hashes of the static files by name. Empty when debugging, where each is looked at again.
    hashes: BTreeMap<String, String>,
}

impl Web {
    /// From the folder when debugging, else from the executable.
    pub fn new(debug: bool) -> Self {
        let mut web = Self { from_folder: debug, hashes: BTreeMap::new() };
        if !debug {
            web.hashes = web.assets();
        }
        web
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

    /// The names of the files of a folder below `web/`, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = if self.from_folder {
            let entries = std::fs::read_dir(Path::new(FOLDER).join(folder)).into_iter().flatten();
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
        } else {
            let below =
                |path: Cow<'static, str>| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
            Embedded::iter().filter_map(below).collect()
        };
        names.retain(|name| !name.contains('/') && !name.starts_with('.'));
        names.sort();
        names
    }

    /// The hash of each static file by its name.
    pub fn assets(&self) -> BTreeMap<String, String> {
        if !self.hashes.is_empty() {
            return self.hashes.clone();
        }
        let hashed = |name: String| self.file(&format!("static/{name}")).map(|data| (name, hash(&data)));
        self.names("static").into_iter().filter_map(hashed).collect()
    }
}

/// The name of a static file in addresses: `porta.css` is `porta.0123456789abcdef.css`.
pub fn hashed_name(name: &str, hash: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, suffix)) => format!("{stem}.{hash}.{suffix}"),
        None => format!("{name}.{hash}"),
    }
}

/// The inverse of [`hashed_name`]; `None` for a name without a hash.
fn without_hash(name: &str) -> Option<(String, &str)> {
    let (rest, suffix) = name.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| (format!("{stem}.{suffix}"), hash))
}

fn hash(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    digest.iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// `GET /static/{file}`. A page of an older porta asks for a hash that is not there any more; it gets what is there.
pub async fn asset(
    Extract(state): Extract<Arc<State>>,
    Name(file): Name<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (name, asked) = without_hash(&file).map_or((file.clone(), None), |(name, hash)| (name, Some(hash)));
    let data = state
        .web
        .file(&format!("static/{name}"))
        .ok_or_else(|| Refusal::NotFound(format!("there is no file {file}")))?;
    let hash = match state.web.hashes.get(&name) {
        Some(known) => known.clone(),
        None => hash(&data),
    };
    let keep = if asked == Some(hash.as_str()) { FOR_GOOD } else { "no-cache" };
    let tag = format!("\"{hash}\"");
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let head = [(CACHE_CONTROL, keep.to_owned()), (ETAG, tag.clone())];
    if known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, [(CONTENT_TYPE, content_type(&name))], data.into_owned()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_hash_leads_back_to_the_file() {
        let hash = hash(b"a {}");
        assert_eq!(hash.len(), HASH_DIGITS);
        let name = hashed_name("porta.css", &hash);
        assert_eq!(without_hash(&name), Some(("porta.css".to_owned(), hash.as_str())));
        for plain in ["porta.css", "porta", "a.min.js", "porta.0123.css", "porta.0123456789abcdeg.css"] {
            assert_eq!(without_hash(plain), None, "{plain}");
        }
    }

    #[test]
    fn every_static_file_has_a_type_and_a_hash() {
        let assets = Web::new(false).assets();
        assert!(assets.contains_key("porta.css"), "{assets:?}");
        for name in assets.keys() {
            assert_ne!(content_type(name), "application/octet-stream", "{name}");
        }
    }
}
