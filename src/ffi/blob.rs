//! Blobs that are put, read and removed in one call.

use super::argument;
use super::blob_options::{self, ocilayout_blob_options};
use super::bytes::ocilayout_bytes;
use super::callback::{CallbackReader, ocilayout_read_fn};
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, fill, guard};
use super::layout::{self, ocilayout};
use crate::words::error::{Error, Result};
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

/// Stores what `source` gives.
///
/// # Safety
/// The pointers are NULL or as the header asks.
unsafe fn put<S: Read>(
    layout: *const ocilayout,
    source: impl FnOnce() -> Result<S>,
    options: *const ocilayout_blob_options,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: by the contract of this function.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let options = blob_options::taken(options)?;
            Ok(ocilayout_descriptor::new(layout.put(source()?, &options)?))
        })
    }
}

/// Stores what the callback read gives until its end, and says what points at
/// it. options may be NULL for the default ones.
///
/// For a layer, say in the options how to compress it, or which media type it
/// has: only then is its diff ID known. A blob is hashed while
/// it is written and appears whole or not at all. read runs on the calling
/// thread; it is not called when the call fails before reading, nor when the
/// blob is there already, as its expected digest and size tell, and is not to
/// be compressed here.
///
/// Fails with OCILAYOUT_ERR_CALLBACK when read stops it, OCILAYOUT_ERR_DIGEST
/// when the blob is not what is expected, OCILAYOUT_ERR_LIMIT when it is larger
/// than allowed, OCILAYOUT_ERR_IO when it could not be written.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_callback(
    layout: *const ocilayout,
    read: ocilayout_read_fn,
    userdata: *mut c_void,
    options: *const ocilayout_blob_options,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, || CallbackReader::new(read, userdata), options, out, err) }
}

/// Stores what the file descriptor fd gives, from where it stands until its
/// end: a file, a pipe, a socket, which must be a blocking one. It stays yours
/// and open, and has moved to its end if it was read.
///
/// Otherwise as ocilayout_blob_put_callback(); fails with OCILAYOUT_ERR_IO when
/// fd cannot be read.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_fd(
    layout: *const ocilayout,
    fd: c_int,
    options: *const ocilayout_blob_options,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    let source = || {
        if fd < 0 {
            return Err(Error::invalid("fd", "an open file descriptor", &fd.to_string()));
        }
        // SAFETY: not -1, and open during the call, as the header asks.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        Ok(File::from(fd.try_clone_to_owned().map_err(Error::Source)?))
    };
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, source, options, out, err) }
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
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { put(layout, || argument::array(data.cast::<u8>(), len, "data"), options, out, err) }
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
