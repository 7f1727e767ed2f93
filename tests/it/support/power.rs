//! SQLite on a machine whose power fails: a VFS between SQLite and the real files.
//!
//! Databases and write-ahead logs go through a [`PageCache`] that all connections of the process share. All else is the
//! VFS's below: locks, the log's index (shared memory, which SQLite makes anew after a crash), other files. A file is
//! created and deleted on disk at once. Only one process may have the database open.

#![allow(unsafe_code, reason = "SQLite calls a VFS through C")]
#![allow(non_snake_case, reason = "methods have SQLite's names")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Mutex, MutexGuard, OnceLock};

use rusqlite::ffi;

use super::page_cache::{Disk, PageCache};

/// One lock for all files: whoever finds the power gone keeps it, and nothing more is written anywhere.
static CACHE: OnceLock<Mutex<PageCache>> = OnceLock::new();

fn cache() -> MutexGuard<'static, PageCache> {
    CACHE.get().expect("install() was called").lock().expect("nobody panics with the lock")
}

/// What SQLite has allocated for a file of ours. The file of the VFS below follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// SQLite keeps it until the file is closed.
    name: *const c_char,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2, // without xFetch: nothing is mapped
    xClose: Some(xClose),
    xRead: Some(xRead),
    xWrite: Some(xWrite),
    xTruncate: Some(xTruncate),
    xSync: Some(xSync),
    xFileSize: Some(xFileSize),
    xLock: Some(xLock),
    xUnlock: Some(xUnlock),
    xCheckReservedLock: Some(xCheckReservedLock),
    xFileControl: Some(xFileControl),
    xSectorSize: Some(xSectorSize),
    xDeviceCharacteristics: Some(xDeviceCharacteristics),
    xShmMap: Some(xShmMap),
    xShmLock: Some(xShmLock),
    xShmBarrier: Some(xShmBarrier),
    xShmUnmap: Some(xShmUnmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this process a machine whose power fails at a moment that `seed` decides. Its disk does not sync files whose
/// names end with `lies_about`, and says that it does.
pub fn install(seed: u64, lies_about: Option<String>) {
    assert!(CACHE.set(Mutex::new(PageCache::new(seed, lies_about))).is_ok(), "a process has one machine");
    // SAFETY: SQLite's default VFS exists as long as the process does, and so does the copy. Its other methods can be
    // given the copy: of a `sqlite3_vfs` those of "unix" use `mxPathname` alone.
    unsafe {
        let below = ffi::sqlite3_vfs_find(std::ptr::null());
        let mut vfs = std::ptr::read(below);
        vfs.szOsFile += size_of::<File>() as c_int;
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = c"power".as_ptr();
        vfs.pAppData = below.cast();
        vfs.xOpen = Some(xOpen);
        vfs.xDelete = Some(xDelete);
        vfs.xAccess = Some(xAccess);
        assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1), ffi::SQLITE_OK);
    }
}

/// The real file, through the VFS below: another way to open it would drop SQLite's locks when it is closed.
struct Below(*mut ffi::sqlite3_file);

impl Below {
    /// # Safety
    /// `file` is one that [`xOpen`] has opened or is about to.
    unsafe fn of(file: *mut ffi::sqlite3_file) -> Self {
        // SAFETY: `szOsFile` has room for both.
        Self(unsafe { file.byte_add(size_of::<File>()) })
    }

    fn methods(&self) -> &ffi::sqlite3_io_methods {
        // SAFETY: the file is open, and its methods are static.
        unsafe { &*(*self.0).pMethods }
    }
}

impl Disk for Below {
    fn length(&self) -> usize {
        let mut length = 0;
        // SAFETY: the file is open.
        let code = unsafe { self.methods().xFileSize.unwrap()(self.0, &raw mut length) };
        assert_eq!(code, ffi::SQLITE_OK);
        length as usize
    }

    fn read(&self, into: &mut [u8]) {
        // SAFETY: the file is open, and `into` is as long as it says.
        let code = unsafe {
            self.methods().xRead.unwrap()(self.0, into.as_mut_ptr().cast(), into.len() as c_int, 0)
        };
        assert_eq!(code, ffi::SQLITE_OK);
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        let (start, length) = (bytes.as_ptr().cast(), bytes.len() as c_int);
        // SAFETY: the file is open, and `bytes` is as long as it says.
        let code = unsafe { self.methods().xWrite.unwrap()(self.0, start, length, at as i64) };
        assert_eq!(code, ffi::SQLITE_OK);
    }

    fn truncate(&self, length: usize) {
        // SAFETY: the file is open.
        let code = unsafe { self.methods().xTruncate.unwrap()(self.0, length as i64) };
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

/// # Safety
/// `file` is a [`File`] that is open.
unsafe fn name<'a>(file: *mut ffi::sqlite3_file) -> &'a CStr {
    // SAFETY: `xOpen` has set the name.
    unsafe { CStr::from_ptr((*file.cast::<File>()).name) }
}

unsafe extern "C" fn xOpen(
    vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let cached = flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL) != 0;
    // SAFETY: `install` has put the VFS below into `pAppData`, and SQLite has allocated `szOsFile` bytes at `file`.
    unsafe {
        let vfs: *mut ffi::sqlite3_vfs = (*vfs).pAppData.cast();
        let open = (*vfs).xOpen.unwrap();
        if !cached {
            return open(vfs, path, file, flags, out_flags);
        }
        (*file).pMethods = std::ptr::null();
        let below = Below::of(file);
        let code = open(vfs, path, below.0, flags, out_flags);
        if code == ffi::SQLITE_OK {
            cache().open(CStr::from_ptr(path), &below);
            file.cast::<File>().write(File { base: ffi::sqlite3_file { pMethods: &METHODS }, name: path });
        }
        code
    }
}

unsafe extern "C" fn xDelete(vfs: *mut ffi::sqlite3_vfs, path: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: as in `xOpen`; the path is SQLite's.
    unsafe {
        let mut cache = cache();
        cache.delete(CStr::from_ptr(path));
        let vfs: *mut ffi::sqlite3_vfs = (*vfs).pAppData.cast();
        (*vfs).xDelete.unwrap()(vfs, path, sync_folder)
    }
}

unsafe extern "C" fn xAccess(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: as in `xOpen`; the path and the place for the result are SQLite's.
    unsafe {
        if flags == ffi::SQLITE_ACCESS_EXISTS
            && let Some(content) = cache().content(CStr::from_ptr(path))
        {
            // To "unix" an empty file is none.
            *result = c_int::from(!content.is_empty());
            return ffi::SQLITE_OK;
        }
        let vfs: *mut ffi::sqlite3_vfs = (*vfs).pAppData.cast();
        (*vfs).xAccess.unwrap()(vfs, path, flags, result)
    }
}

unsafe extern "C" fn xRead(file: *mut ffi::sqlite3_file, into: *mut c_void, length: c_int, at: i64) -> c_int {
    // SAFETY: SQLite's buffer has so many bytes.
    let (name, into) =
        unsafe { (name(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), length as usize)) };
    let cache = cache();
    let rest = cache.content(name).and_then(|content| content.get(at as usize..)).unwrap_or_default();
    let found = rest.len().min(into.len());
    into[..found].copy_from_slice(&rest[..found]);
    into[found..].fill(0);
    if found == into.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn xWrite(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    at: i64,
) -> c_int {
    // SAFETY: SQLite's buffer has so many bytes, and the file is open.
    unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length as usize);
        cache().write(name(file), at as usize, bytes, &Below::of(file));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn xTruncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: the file is open.
    cache().truncate(unsafe { name(file) }, length as usize);
    ffi::SQLITE_OK
}

unsafe extern "C" fn xSync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { cache().sync(name(file), &Below::of(file)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn xFileSize(file: *mut ffi::sqlite3_file, length: *mut i64) -> c_int {
    // SAFETY: the file is open, and the place for the length is SQLite's.
    unsafe { *length = cache().content(name(file)).map_or(0, <[u8]>::len) as i64 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn xFileControl(file: *mut ffi::sqlite3_file, code: c_int, argument: *mut c_void) -> c_int {
    match code {
        // They would lengthen the real file.
        ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE => return ffi::SQLITE_OK,
        ffi::SQLITE_FCNTL_CKPT_START => cache().begin_checkpoint(),
        _ => {}
    }
    // SAFETY: the file is open, and the argument is what `code` says.
    unsafe {
        let below = Below::of(file);
        below.methods().xFileControl.unwrap()(below.0, code, argument)
    }
}

/// Methods that are those of the file below.
macro_rules! below {
    ($($method:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        unsafe extern "C" fn $method(file: *mut ffi::sqlite3_file $(, $argument: $type)*) $(-> $result)? {
            // SAFETY: SQLite calls it with a file that is open, and with arguments for this method.
            unsafe {
                let below = Below::of(file);
                below.methods().$method.unwrap()(below.0 $(, $argument)*)
            }
        }
    )*};
}

below! {
    xClose() -> c_int;
    xLock(lock: c_int) -> c_int;
    xUnlock(lock: c_int) -> c_int;
    xCheckReservedLock(result: *mut c_int) -> c_int;
    xSectorSize() -> c_int;
    xDeviceCharacteristics() -> c_int;
    xShmMap(region: c_int, bytes: c_int, extend: c_int, at: *mut *mut c_void) -> c_int;
    xShmLock(first: c_int, count: c_int, flags: c_int) -> c_int;
    xShmBarrier();
    xShmUnmap(delete: c_int) -> c_int;
}
