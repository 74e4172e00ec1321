//! Blobs whose bytes are pushed.

use super::argument;
use super::blob_options::{self, ocilayout_blob_options};
use super::descriptor::ocilayout_descriptor;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, finished, free};
use super::layout::{self, ocilayout};
use crate::layer::BlobWriter;
use crate::words::error::Error;
use std::ffi::c_void;
use std::io::Write;

/// A blob that is being written.
pub struct ocilayout_blob_writer(Guarded<Option<BlobWriter>>);

/// Begins a blob whose bytes are pushed. options may be NULL for the default
/// ones.
///
/// Any number of blobs can be written at once, each by its own writer. Fails
/// with OCILAYOUT_ERR_STATE when the layout is open read-only,
/// OCILAYOUT_ERR_IO when the system refuses.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_writer_open(
    layout: *const ocilayout,
    options: *const ocilayout_blob_options,
    out: *mut *mut ocilayout_blob_writer,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let writer = layout.writer(&blob_options::taken(options)?)?;
            Ok(ocilayout_blob_writer(Guarded::new(Some(writer))))
        })
    }
}

/// Adds len bytes at data to the blob. They are copied.
///
/// After an error the blob cannot be finished: free the writer and begin anew.
/// Fails with OCILAYOUT_ERR_STATE after that or after
/// ocilayout_blob_writer_finish(), and otherwise as
/// ocilayout_blob_put_memory() does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_writer_write(
    writer: *mut ocilayout_blob_writer,
    data: *const c_void,
    len: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let writer = argument::object(writer, "writer")?;
            let data = argument::array(data.cast::<u8>(), len, "data")?;
            let mut writer = writer.0.write("writer")?;
            let writer = writer.as_mut().ok_or_else(|| finished("writer"))?;
            writer.write_all(data).map_err(Error::from_writer)
        })
    }
}

/// Stores the blob and says what points at it. The writer is then finished,
/// also after an error, and can only be freed.
///
/// Fails as ocilayout_blob_put_callback() does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_writer_finish(
    writer: *mut ocilayout_blob_writer,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let writer = argument::object(writer, "writer")?;
            let mut writer = writer.0.write("writer")?;
            let writer = writer.take().ok_or_else(|| finished("writer"))?;
            Ok(ocilayout_descriptor::new(writer.finish()?))
        })
    }
}

/// Frees the writer. If it is unfinished, nothing is left of the blob. NULL is
/// fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_writer_free(writer: *mut ocilayout_blob_writer) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(writer) };
}
