//! Whole images and indexes.

use super::argument::{self, check_flags};
use super::callback::{CallbackSource, ocilayout_read_blob_fn};
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use crate::layout::Missing;
use crate::words::media_type::MediaType;
use std::ffi::{c_char, c_void};

/// For ocilayout_manifest_put(): what the document points at may be missing, as
/// in a sparse layout.
pub const OCILAYOUT_MANIFEST_MISSING_ALLOWED: u64 = 1u64 << 0;

/// Stores an image manifest or an image index, len bytes of JSON, byte for
/// byte, and says what points at it. index.json is not touched.
///
/// media_type says what it is; NULL takes what the document says of itself.
/// flags are OCILAYOUT_MANIFEST_ values or 0.
///
/// Fails with OCILAYOUT_ERR_FORMAT when the document is malformed, could be
/// taken for one of the other kind, or contradicts media_type;
/// OCILAYOUT_ERR_NOT_FOUND when it points at what is not there, unless
/// OCILAYOUT_MANIFEST_MISSING_ALLOWED. image-spec, manifest.md and
/// image-index.md.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_manifest_put(
    layout: *const ocilayout,
    json: *const c_char,
    len: usize,
    media_type: *const c_char,
    flags: u64,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let json = argument::array(json.cast::<u8>(), len, "json")?;
            let media_type = argument::optional::<MediaType>(media_type, "media_type")?;
            check_flags(flags, OCILAYOUT_MANIFEST_MISSING_ALLOWED)?;
            let missing = match flags {
                OCILAYOUT_MANIFEST_MISSING_ALLOWED => Missing::Allowed,
                _ => Missing::Refused,
            };
            let descriptor = layout.put_manifest(json, media_type.as_ref(), missing);
            Ok(ocilayout_descriptor::new(argument::named("media_type", descriptor)?))
        })
    }
}

/// Stores what descriptor points at, down the whole tree, each blob before what
/// points at it: the config and the layers of an image, the children of an
/// index. Children that are neither image nor index are stored as blobs.
/// index.json is not touched: see ocilayout_append().
///
/// Each blob is read by read_blob, which gets userdata, and is checked; one
/// that is there already is not read.
///
/// progress, which gets progress_userdata, may be NULL. It is told of the bytes that
/// were read from the source, and of the blobs that are here; how many there are is
/// known at the end. If it stops the call, blobs that were complete by then stay until
/// they are collected.
///
/// Fails with OCILAYOUT_ERR_CALLBACK when read_blob stops it,
/// OCILAYOUT_ERR_CANCELLED when progress does, OCILAYOUT_ERR_DIGEST when it gives
/// something else, OCILAYOUT_ERR_FORMAT when a document is malformed or indexes
/// nest more than 32 deep.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_write(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    read_blob: ocilayout_read_blob_fn,
    userdata: *mut c_void,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let layout = layout::taken(layout, "layout")?;
            let descriptor = descriptor::taken(descriptor, "descriptor")?;
            let source = CallbackSource::new(read_blob, userdata)?;
            watched((progress, progress_userdata), |watch| {
                layout.write_watched(&descriptor, &source, watch)
            })
        })
    }
}

/// As ocilayout_write(), with the blobs of another layout, source.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when one is not there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_write_from(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    source: *const ocilayout,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let layout = layout::taken(layout, "layout")?;
            let source = layout::taken(source, "source")?;
            let descriptor = descriptor::taken(descriptor, "descriptor")?;
            watched((progress, progress_userdata), |watch| {
                layout.write_watched(&descriptor, &*source, watch)
            })
        })
    }
}
