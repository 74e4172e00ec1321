//! Upkeep.

use super::descriptors::ocilayout_descriptors;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::create;
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use std::ffi::c_void;

/// Lists the blobs that nothing points at from index.json on, sorted by digest,
/// as descriptors of application/octet-stream. Nothing is removed: see
/// ocilayout_blob_remove().
///
/// Subjects count as pointed at. Blobs that are missing, and files under blobs
/// that are none, are passed over. A blob that another writer has put and not
/// yet named is in the list.
///
/// progress, which gets progress_userdata, may be NULL. It is told how many bytes of
/// documents were read; how many blobs there are is known at the end.
///
/// Fails with OCILAYOUT_ERR_CANCELLED when progress stops it, with
/// OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_DIGEST when a document on
/// the way cannot be trusted: what it points at is then not known.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_unreferenced(
    layout: *const ocilayout,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptors,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let progress = (progress, progress_userdata);
            let found = watched(progress, |watch| layout.unreferenced_watched(watch));
            ocilayout_descriptors::new(found?)
        })
    }
}
