//! The open layout and its files.

use super::argument::{self, check_flags};
use super::bytes::ocilayout_bytes;
use super::callback::{CallbackSource, ocilayout_read_blob_fn};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{InUse, Shared, free};
use super::progress::{ocilayout_progress_fn, watched};
use crate::layout::{BlobSource, Layout, OpenOptions};
use crate::store::Durability;
use crate::words::error::{Error, Result};
use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

/// For ocilayout_open(): make the layout if it is not there, with the
/// directories above it.
pub const OCILAYOUT_OPEN_CREATE: u64 = 1u64 << 0;
/// For ocilayout_open(), with OCILAYOUT_OPEN_CREATE: fail with
/// OCILAYOUT_ERR_EXISTS if the layout is there.
pub const OCILAYOUT_OPEN_EXCLUSIVE: u64 = 1u64 << 1;
/// For ocilayout_open(): refuse every call that would write.
pub const OCILAYOUT_OPEN_READ_ONLY: u64 = 1u64 << 2;
/// For ocilayout_open(): read blobs that are symbolic links, as the rules of
/// Bazel make them. Their content is checked like any other.
pub const OCILAYOUT_OPEN_SYMLINKED_BLOBS: u64 = 1u64 << 3;

/// For ocilayout_open(): when the power goes, nothing is promised. For layouts
/// that can be made again. A process that is killed still loses nothing.
pub const OCILAYOUT_OPEN_DURABILITY_NONE: u64 = 1u64 << 4;
/// For ocilayout_open(): when the power goes, what is named is complete, but
/// the last edits may be lost. Without this and OCILAYOUT_OPEN_DURABILITY_NONE,
/// what was acknowledged is there.
pub const OCILAYOUT_OPEN_DURABILITY_ORDERED: u64 = 1u64 << 5;

/// An open image layout. Any number of threads may use it at once.
/// image-spec, image-layout.md.
pub struct ocilayout(Shared);

impl ocilayout {
    pub(super) fn new(layout: Layout) -> Self {
        Self(Shared::new(layout))
    }
}

/// The layout behind a pointer.
///
/// # Safety
/// `layout` is NULL or a live layout that stays for `'a`.
pub(super) unsafe fn taken<'a>(
    layout: *const ocilayout,
    parameter: &'static str,
) -> Result<InUse<'a>> {
    // SAFETY: by the contract of this function.
    unsafe { argument::object(layout, parameter) }?.0.get(parameter)
}

fn options(flags: u64) -> Result<OpenOptions> {
    check_flags(
        flags,
        OCILAYOUT_OPEN_CREATE
            | OCILAYOUT_OPEN_EXCLUSIVE
            | OCILAYOUT_OPEN_READ_ONLY
            | OCILAYOUT_OPEN_SYMLINKED_BLOBS
            | OCILAYOUT_OPEN_DURABILITY_NONE
            | OCILAYOUT_OPEN_DURABILITY_ORDERED,
    )?;
    let has = |flag| flags & flag != 0;
    let mut options = OpenOptions::new();
    if has(OCILAYOUT_OPEN_CREATE) {
        options = options.create();
    }
    if has(OCILAYOUT_OPEN_EXCLUSIVE) {
        if !has(OCILAYOUT_OPEN_CREATE) {
            let (expected, found) = ("exclusive with create", "exclusive alone");
            return Err(Error::invalid("flags", expected, found));
        }
        options = options.create_new();
    }
    if has(OCILAYOUT_OPEN_READ_ONLY) {
        options = options.read_only();
    }
    if has(OCILAYOUT_OPEN_SYMLINKED_BLOBS) {
        options = options.symlinked_blobs();
    }
    match (has(OCILAYOUT_OPEN_DURABILITY_NONE), has(OCILAYOUT_OPEN_DURABILITY_ORDERED)) {
        (false, false) => Ok(options),
        (true, false) => Ok(options.durability(Durability::None)),
        (false, true) => Ok(options.durability(Durability::Ordered)),
        (true, true) => {
            let (expected, found) = ("one durability", "none and ordered");
            Err(Error::invalid("flags", expected, found))
        }
    }
}

/// Opens the image layout in the directory path; flags are OCILAYOUT_OPEN_
/// values or 0.
///
/// The directory is held open: the layout may be moved meanwhile, and the
/// current directory may change. Inside of the layout no symbolic link is
/// followed.
///
/// Once index.json was asked for, what is known of it is kept, in less than
/// twice its size, and it is read again only when somebody has changed it. So
/// to resolve one more name takes no longer among many entries than among few.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when there is no such directory,
/// OCILAYOUT_ERR_FORMAT when it is not a layout, OCILAYOUT_ERR_UNSUPPORTED when
/// it is one of another version, OCILAYOUT_ERR_EXISTS as asked for by
/// OCILAYOUT_OPEN_EXCLUSIVE, OCILAYOUT_ERR_IO when the system refuses.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_open(
    path: *const c_char,
    flags: u64,
    out: *mut *mut ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = options(flags)?.open(argument::path(path, "path")?)?;
            Ok(ocilayout::new(layout))
        })
    }
}

/// As ocilayout_open(), with path taken from the open directory dirfd, which
/// stays yours; AT_FDCWD stands for the current one.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_open_at(
    dirfd: c_int,
    path: *const c_char,
    flags: u64,
    out: *mut *mut ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers and the descriptor are as the header asks.
    unsafe {
        create(out, err, || {
            let base = argument::directory(dirfd, "dirfd")?;
            let layout = options(flags)?.open_at(base, argument::path(path, "path")?)?;
            Ok(ocilayout::new(layout))
        })
    }
}

/// Makes a layout in the directory path whose index.json is the image index of
/// len bytes at index, as it is given; only a media type is added if it has
/// none.
///
/// What the index names is first read by read_blob, which gets userdata, and
/// checked, down the whole tree. If read_blob is NULL nothing is read, and the
/// blobs may be put later. read_blob must return: if it leaves by longjmp() or
/// the like, the directory stays open. progress is told as by ocilayout_write().
///
/// Fails as ocilayout_open() does with OCILAYOUT_OPEN_CREATE and
/// OCILAYOUT_OPEN_EXCLUSIVE, and as ocilayout_write() does. A call that failed
/// leaves no layout, and can be made again with the same index.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_create(
    path: *const c_char,
    index: *const c_char,
    len: usize,
    read_blob: ocilayout_read_blob_fn,
    userdata: *mut c_void,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let path = argument::path(path, "path")?;
            let index = argument::array(index.cast::<u8>(), len, "index")?;
            let source = match read_blob {
                Some(_) => Some(CallbackSource::new(read_blob, userdata)?),
                None => None,
            };
            let source = source.as_ref().map(|source| source as &dyn BlobSource);
            watched((progress, progress_userdata), |watch| {
                OpenOptions::new().create_with_index_watched(path, index, source, watch)
            })
            .map(ocilayout::new)
        })
    }
}

/// Says how long an edit of index.json waits while another writer makes one, in
/// milliseconds: 0 for not at all, a negative number, the default, for as long
/// as it takes. It holds for the layout and all its transactions, from the next
/// edit on.
///
/// An edit that does not get its turn fails with OCILAYOUT_ERR_BUSY, and its
/// message says who may hold the lock. So does a put that would have to wait for
/// a collection, which lets others in after each 256 blobs. Readers never wait.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_set_lock_timeout(
    layout: *const ocilayout,
    milliseconds: i64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let timeout = u64::try_from(milliseconds).ok().map(Duration::from_millis);
            taken(layout, "layout")?.set_lock_timeout(timeout);
            Ok(())
        })
    }
}

/// Says how many threads work at once for the layout and all its transactions, the
/// calling one among them; 0, the default, is one for each core.
///
/// The library starts threads only for blobs of more than a piece (256 KiB, with zstd
/// 512 KiB, with gzip 1 MiB), for ocilayout_blob_put_all(), for ocilayout_verify(), and
/// for a thousand small blobs in one transaction. They are named ocilayout-1 and so on,
/// have ended when the last blob that is being written is finished or freed, those of a
/// transaction when that is committed or freed, and run none of your callbacks but those
/// of ocilayout_blob_put_all(). What is stored does not depend on them. zstd compresses
/// on threads of its own, up to as many as that, one at least, beside the calling one,
/// which only reads, hashes and writes then.
///
/// ocilayout_verify() has so many threads of its own, which end with it, while the
/// calling one only waits and tells; with 1 it starts none, and works itself.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_set_threads(
    layout: *const ocilayout,
    threads: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            taken(layout, "layout")?.set_threads(threads);
            Ok(())
        })
    }
}

/// Closes a layout. NULL is fine.
///
/// Objects that were made from it go on, and the directory is let go with the
/// last of them. So is what a call was storing that never returned, because its
/// callback left it by longjmp() or the like.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_free(layout: *mut ocilayout) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(layout) };
}

/// Reads a whole file that stands beside blobs, such as index.json; at most
/// 64 MiB. name has no slash.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when there is none,
/// OCILAYOUT_ERR_FORMAT when it is no regular file.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_read_file(
    layout: *const ocilayout,
    name: *const c_char,
    out: *mut *mut ocilayout_bytes,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = taken(layout, "layout")?;
            let content = layout.read_file(argument::text(name, "name")?);
            argument::named("name", content).map(ocilayout_bytes)
        })
    }
}

/// Writes a whole file that stands beside blobs, in one step: whoever reads it
/// sees the old content or the new. name has no slash.
///
/// oci-layout and index.json are checked first, and refused with
/// OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_UNSUPPORTED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_write_file(
    layout: *const ocilayout,
    name: *const c_char,
    data: *const c_void,
    len: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let layout = taken(layout, "layout")?;
            let content = argument::array(data.cast::<u8>(), len, "data")?;
            argument::named("name", layout.write_file(argument::text(name, "name")?, content))
        })
    }
}
