//! Blobs that are put, read and removed in one call.

use super::argument;
use super::blob_options::{self, ocilayout_blob_options};
use super::bytes::ocilayout_bytes;
use super::callback::{self, ocilayout_read_fn};
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, fill, guard};
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use crate::layout::Source;
use crate::words::error::Result;
use std::ffi::{c_char, c_int, c_void};

/// Stores what `source` gives.
///
/// # Safety
/// The pointers are NULL or as the header asks.
pub(super) unsafe fn put<'a>(
    layout: *const ocilayout,
    source: impl FnOnce() -> Result<Source<'a>>,
    options: *const ocilayout_blob_options,
    progress: (ocilayout_progress_fn, *mut c_void),
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: by the contract of this function.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let options = blob_options::taken(options)?;
            let source = source()?;
            watched(progress, |watch| layout.put_from(source, &options, watch))
                .map(ocilayout_descriptor::new)
        })
    }
}

/// Stores what the callback read, which gets read_userdata, gives until its end, and
/// says what points at it. options may be NULL for the default ones, progress for
/// nobody who is told; else it gets progress_userdata.
///
/// For a layer, say in the options how to compress it, or which media type it
/// has: only then is its diff ID known. A blob is hashed while
/// it is written and appears whole or not at all. read runs on the calling
/// thread; it is not called when the call fails before reading, nor when the
/// blob is there already, as its expected digest and size tell, and is not to
/// be compressed here.
///
/// Fails with OCILAYOUT_ERR_CALLBACK when read stops it, OCILAYOUT_ERR_CANCELLED
/// when progress does, OCILAYOUT_ERR_DIGEST when the blob is not what is expected,
/// OCILAYOUT_ERR_LIMIT when it is larger than allowed, OCILAYOUT_ERR_IO when it
/// could not be written.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_callback(
    layout: *const ocilayout,
    read: ocilayout_read_fn,
    read_userdata: *mut c_void,
    options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    let source = || callback::source(read, read_userdata);
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, source, options, (progress, progress_userdata), out, err) }
}

/// Stores what the file descriptor fd gives, from where it stands until its
/// end: a file, a pipe, a socket, which must be a blocking one. It stays yours
/// and open, and has moved to its end if it was read.
///
/// A regular file that is stored as it is given shares its blocks with the blob
/// where the file system can do that (reflink); it is hashed all the same, unless
/// OCILAYOUT_BLOB_TRUSTED says not to.
///
/// Otherwise as ocilayout_blob_put_callback(); fails with OCILAYOUT_ERR_IO when
/// fd cannot be read.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_fd(
    layout: *const ocilayout,
    fd: c_int,
    options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: it is open during the call, as the header asks.
    let source = || unsafe { argument::file(fd, "fd") }.map(Source::File);
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, source, options, (progress, progress_userdata), out, err) }
}

/// Stores len bytes at data, which must not change during the call.
///
/// Otherwise as ocilayout_blob_put_callback().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_memory(
    layout: *const ocilayout,
    data: *const c_void,
    len: usize,
    options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the memory stays during the call, as the header asks.
    let source = || unsafe { argument::array(data.cast(), len, "data") }.map(Source::Memory);
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, source, options, (progress, progress_userdata), out, err) }
}

/// Stores the regular file at path as the layer of an artifact, such as the weights
/// of a model: the descriptor is annotated with the name of the file, without the
/// folders, as org.opencontainers.image.title (image-spec, annotations.md). Say in the
/// options which media type it has.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when there is no such file,
/// OCILAYOUT_ERR_FORMAT when something else than a file stands there,
/// OCILAYOUT_ERR_INVALID_ARGUMENT when its name is not UTF-8, and with
/// OCILAYOUT_ERR_IO when it cannot be read or changes while it is read. Otherwise as
/// ocilayout_blob_put_fd().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_file(
    layout: *const ocilayout,
    path: *const c_char,
    options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: NULL or a text, as the header asks.
    let source = || unsafe { argument::path(path, "path") }.map(|path| Source::Path(path.into()));
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, source, options, (progress, progress_userdata), out, err) }
}

/// Says the size in bytes of the blob that is stored under digest.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
/// OCILAYOUT_ERR_FORMAT when something other than a file stands there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_size(
    layout: *const ocilayout,
    digest: *const c_char,
    size: *mut u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        fill(size, "size", 0, err, || {
            let layout = layout::taken(layout, "layout")?;
            layout.blob_size(&argument::parsed(digest, "digest")?)
        })
    }
}

/// Reads the whole blob that descriptor points at into memory, and checks its
/// size and digest. limit is the most bytes that you are ready to hold.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
/// OCILAYOUT_ERR_DIGEST when it is not what the descriptor says,
/// OCILAYOUT_ERR_LIMIT when it is larger than limit, OCILAYOUT_ERR_UNSUPPORTED
/// when its digest is neither sha256 nor sha512.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_read(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    limit: u64,
    out: *mut *mut ocilayout_bytes,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let descriptor = descriptor::taken(descriptor, "descriptor")?;
            layout.read_blob(&descriptor, limit).map(ocilayout_bytes)
        })
    }
}

/// Takes away the blob that is stored under digest, whatever points at it.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_remove(
    layout: *const ocilayout,
    digest: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let layout = layout::taken(layout, "layout")?;
            layout.remove_blob(&argument::parsed(digest, "digest")?)
        })
    }
}
