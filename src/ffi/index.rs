//! Image indexes that are built.

use super::argument;
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, free};
use super::layout::{self, ocilayout};
use crate::layout::IndexBuilder;
use std::ffi::c_char;

/// An image index that is being built: several images under one name.
/// image-spec, image-index.md.
pub struct ocilayout_index(Guarded<IndexBuilder>);

/// Begins an index without entries.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_index_new(
    layout: *const ocilayout,
    out: *mut *mut ocilayout_index,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            Ok(ocilayout_index(Guarded::new(IndexBuilder::new(&layout))))
        })
    }
}

/// Adds an entry at the end: an image, another index, or a blob of any media
/// type. An image whose descriptor tells no platform gets that of its config. A
/// reference is left out: it has a meaning in index.json alone.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when the blob is not there, and as
/// ocilayout_children() does when an image has to be asked.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_index_add_manifest(
    index: *mut ocilayout_index,
    manifest: *const ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let index = argument::object(index, "index")?;
            let manifest = descriptor::taken(manifest, "manifest")?;
            index.0.write("index")?.manifest(&manifest).map(drop)
        })
    }
}

/// Sets an annotation of the index, or takes it away when value is NULL.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_index_set_annotation(
    index: *mut ocilayout_index,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let index = argument::object(index, "index")?;
            let key = argument::text(key, "key")?;
            let value = argument::optional_text(value, "value")?;
            argument::named("key", index.0.write("index")?.annotation(key, value).map(drop))
        })
    }
}

/// Stores the index and says what points at it. index.json is not touched: see
/// ocilayout_append() and ocilayout_replace(). The index can be changed again,
/// to make another one.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when an entry has gone,
/// OCILAYOUT_ERR_IO when it could not be written.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_index_finish(
    index: *const ocilayout_index,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let index = argument::object(index, "index")?;
            Ok(ocilayout_descriptor::new(index.0.read("index")?.finish()?))
        })
    }
}

/// Frees the index. What it stored stays. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_index_free(index: *mut ocilayout_index) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(index) };
}
