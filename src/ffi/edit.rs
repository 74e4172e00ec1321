//! Edits of `index.json`.

use super::argument::{self, check_flags};
use super::callback::ocilayout_match_fn;
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{fill, guard};
use super::layout::{self, ocilayout};
use super::matching::{self, ocilayout_match};
use crate::layout::{Append, Missing};
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use std::ffi::{c_char, c_void};

/// For ocilayout_append() and ocilayout_replace(): the blob may be missing, as
/// in a sparse layout.
pub const OCILAYOUT_APPEND_MISSING_ALLOWED: u64 = 1u64 << 0;
/// For ocilayout_append() and ocilayout_replace(): add the entry even if one
/// that says the same is there.
pub const OCILAYOUT_APPEND_DUPLICATE: u64 = 1u64 << 1;

fn append(flags: u64) -> Result<Append> {
    check_flags(flags, OCILAYOUT_APPEND_MISSING_ALLOWED | OCILAYOUT_APPEND_DUPLICATE)?;
    let mut how = Append::new();
    if flags & OCILAYOUT_APPEND_MISSING_ALLOWED != 0 {
        how = how.missing(Missing::Allowed);
    }
    if flags & OCILAYOUT_APPEND_DUPLICATE != 0 {
        how = how.duplicate();
    }
    Ok(how)
}

/// The entry to be added: a copy of the descriptor, with a reference if one is
/// given.
///
/// # Safety
/// `descriptor` is NULL or a live descriptor, `reference` NULL or text.
unsafe fn entry(
    descriptor: *const ocilayout_descriptor,
    reference: *const c_char,
) -> Result<Descriptor> {
    // SAFETY: by the contract of this function.
    let (mut entry, reference) = unsafe {
        (
            descriptor::taken(descriptor, "descriptor")?,
            argument::optional_text(reference, "reference")?,
        )
    };
    if let Some(reference) = reference {
        argument::named("reference", entry.set_reference(reference))?;
    }
    Ok(entry)
}

/// Adds an entry to the end of index.json: a copy of descriptor, named by
/// reference (see ocilayout_descriptor_set_reference()), or as it is when
/// reference is NULL. flags are OCILAYOUT_APPEND_ values or 0.
///
/// The edit is one step, done while no other writer does one; it may wait for
/// that. If an entry that says the same is there, none is added, unless
/// OCILAYOUT_APPEND_DUPLICATE asks for it. Entries that are not touched keep
/// their exact bytes.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when the blob is not there with the size
/// of the descriptor, unless OCILAYOUT_APPEND_MISSING_ALLOWED;
/// OCILAYOUT_ERR_DIGEST when content that the descriptor embeds is not that of
/// the blob; OCILAYOUT_ERR_FORMAT when index.json is not an image index.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_append(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    reference: *const c_char,
    flags: u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let layout = layout::taken(layout, "layout")?;
            let how = append(flags)?;
            layout.append(&entry(descriptor, reference)?, how)
        })
    }
}

/// Puts one entry in the place of all that are meant: where the first of them
/// stood, or at the end if there was none. *replaced, if replaced is not NULL,
/// says how many there were. If an entry that is not meant says the same, that
/// is the one, unless OCILAYOUT_APPEND_DUPLICATE.
///
/// An entry is meant if match and filter both mean it; one of the two may be
/// NULL. filter, which gets userdata, is asked about what match means, and can
/// ask ocilayout_match_test() to combine in other ways. descriptor, reference
/// and flags are as for ocilayout_append(), and so is what fails;
/// OCILAYOUT_ERR_CALLBACK is added when filter stops the call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_replace(
    layout: *const ocilayout,
    r#match: *const ocilayout_match,
    filter: ocilayout_match_fn,
    userdata: *mut c_void,
    descriptor: *const ocilayout_descriptor,
    reference: *const c_char,
    flags: u64,
    replaced: *mut usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        let mut ignored = 0;
        let replaced = if replaced.is_null() { &raw mut ignored } else { replaced };
        fill(replaced, "replaced", 0, err, || {
            let layout = layout::taken(layout, "layout")?;
            let matcher = matching::meant(r#match, filter, userdata)?;
            let how = append(flags)?;
            layout.replace(&matcher, &entry(descriptor, reference)?, how)
        })
    }
}

/// Takes all entries away that are meant, and no blob. *removed, if removed is
/// not NULL, says how many.
///
/// match, filter and userdata are as for ocilayout_replace(): that all entries
/// are meant has to be said, by ocilayout_match_all_of() of no matchers. Fails
/// with OCILAYOUT_ERR_CALLBACK when filter stops it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_remove(
    layout: *const ocilayout,
    r#match: *const ocilayout_match,
    filter: ocilayout_match_fn,
    userdata: *mut c_void,
    removed: *mut usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        let mut ignored = 0;
        let removed = if removed.is_null() { &raw mut ignored } else { removed };
        fill(removed, "removed", 0, err, || {
            let layout = layout::taken(layout, "layout")?;
            layout.remove(&matching::meant(r#match, filter, userdata)?)
        })
    }
}
