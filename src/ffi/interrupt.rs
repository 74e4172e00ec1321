//! Stopping calls from another thread.

use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::layout::{self, ocilayout};

/// Makes another handle of the same open layout or transaction, whose calls
/// ocilayout_interrupt() can stop. All else is the same through both. It takes no time:
/// make one for each call that you may have to stop, and free it after that.
///
/// An edit through it that has to wait for another writer asks for its turn again and
/// again, up to fifty times a second, and can be passed by those who queue for it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_interruptible(
    layout: *const ocilayout,
    out: *mut *mut ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            Ok(ocilayout::new(layout.interruptible()))
        })
    }
}

/// Stops what is done through this handle, from any thread: calls that are running take
/// back what they began and fail with OCILAYOUT_ERR_CANCELLED, and so do all later ones
/// that put, edit, write, verify or collect, with writers, images and indexes that were
/// made from the handle. A transaction that was begun on it goes on.
///
/// What waits for a lock, hashes or compresses stops at once; callbacks and file
/// descriptors that block while they are read, and the disk, are waited for. A call that
/// is about to succeed may do so: a change that is visible already stays.
///
/// Fails with OCILAYOUT_ERR_STATE when the handle was not made by
/// ocilayout_interruptible().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_interrupt(
    layout: *const ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { guard(err, || layout::taken(layout, "layout")?.interrupt()) }
}
