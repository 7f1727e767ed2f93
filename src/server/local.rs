//! Paths that a browser may be sent to: to this server, and nowhere else.

/// Bytes of one.
const BYTES_MAX: usize = 512;

/// Whether a path leads to a page of this server, whatever a browser makes of it.
pub fn is_local(path: &str) -> bool {
    // A browser takes `//host` and `/\host` for another host, and drops tabs and line ends from what it reads.
    path.starts_with('/')
        && path.len() <= BYTES_MAX
        && !matches!(path.as_bytes().get(1), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}
