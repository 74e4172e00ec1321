//! Blobs that are read piece by piece.

use super::argument;
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, fill};
use super::handle::{Guarded, free};
use super::layout::{self, ocilayout};
use crate::store::BlobReader;
use crate::words::error::Error;
use std::ffi::c_void;
use std::io::Read;
use std::{ptr, slice};

/// A blob that is being read.
pub struct ocilayout_blob_reader(Guarded<BlobReader>);

/// Opens the blob that descriptor points at.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
/// OCILAYOUT_ERR_DIGEST when its size is not that of the descriptor,
/// OCILAYOUT_ERR_UNSUPPORTED when its digest is neither sha256 nor sha512.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_reader_open(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    out: *mut *mut ocilayout_blob_reader,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let reader = layout.open_blob(&descriptor::taken(descriptor, "descriptor")?)?;
            Ok(ocilayout_blob_reader(Guarded::new(reader)))
        })
    }
}

/// Reads the next bytes of the blob into buf, which has room for cap bytes, at
/// least 1. *n says how many there were; 0 with OCILAYOUT_OK is the end. What
/// buf holds past them is of no meaning.
///
/// The content is checked at its end: the call that would say the end fails
/// with OCILAYOUT_ERR_DIGEST instead when it was not that of the descriptor.
/// Only whoever has read to the end has read the right bytes.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_reader_read(
    reader: *mut ocilayout_blob_reader,
    buf: *mut c_void,
    cap: usize,
    n: *mut usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        fill(n, "n", 0, err, || {
            let reader = argument::object(reader, "reader")?;
            if buf.is_null() {
                return Err(argument::null("buf"));
            }
            if cap == 0 || cap > isize::MAX as usize {
                let expected = "room for at least one byte, and no more than there is memory";
                return Err(Error::invalid("cap", expected, &cap.to_string()));
            }
            let mut reader = reader.0.write("reader")?;
            // The buffer may never have been written to.
            ptr::write_bytes(buf.cast::<u8>(), 0, cap);
            let buf = slice::from_raw_parts_mut(buf.cast::<u8>(), cap);
            reader.read(buf).map_err(Error::from_source)
        })
    }
}

/// Closes the reader. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_reader_free(reader: *mut ocilayout_blob_reader) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(reader) };
}
