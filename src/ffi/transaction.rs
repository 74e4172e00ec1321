//! Transactions.

use super::argument;
use super::descriptor::ocilayout_descriptor;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::layout::{self, ocilayout};
use std::ffi::c_char;

/// Begins a transaction on index.json as it is now: a layout whose edits nobody
/// else sees until ocilayout_commit() makes them visible, all at once.
///
/// Use it as you use the layout that it was begun on: what lists or resolves
/// sees what the transaction has edited so far. Blobs that are put through it
/// wait for the commit, which brings all of them to the disk at once. Free it by
/// ocilayout_free(), also after the commit; if it was not committed, its edits
/// are gone, and so are the blobs that wait.
///
/// Small blobs, of up to 16 KiB, wait in memory, in all about 2 MiB or 2048 of them at
/// most; once they are many, threads of the library make their files while you put
/// more (see ocilayout_set_threads()). If that fails, a later put says so and puts
/// nothing, or the commit; what could not be stored is not lost, and the commit tries
/// again. With OCILAYOUT_OPEN_DURABILITY_NONE other blobs are stored at once, and small
/// ones when they are many.
///
/// Fails with OCILAYOUT_ERR_STATE when the layout is a transaction itself,
/// OCILAYOUT_ERR_FORMAT when index.json is not an image index.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_begin(
    layout: *const ocilayout,
    out: *mut *mut ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let transaction = layout::taken(layout, "layout")?.begin()?;
            Ok(ocilayout::new((*transaction).clone()))
        })
    }
}

/// Makes the edits of a transaction visible, all at once, and ends it; it can
/// then only be freed.
///
/// The edits are made again on index.json as it is now, while no other writer
/// edits it, so that nobody's edit is lost: what others have added stays, and
/// what matches by now is what is meant. Entries that a filter was not asked
/// about are not meant.
///
/// After an error index.json is what it was, and the commit can be tried again;
/// unless it is OCILAYOUT_ERR_NOT_DURABLE, which comes after the change. If the
/// system could not bring a blob to the disk, what is there of it is not known:
/// a further try fails with OCILAYOUT_ERR_STATE; make the transaction anew.
///
/// Fails with OCILAYOUT_ERR_STATE when the layout is no transaction or was
/// committed before, OCILAYOUT_ERR_NOT_FOUND when a blob that it names has
/// gone, OCILAYOUT_ERR_IO when the system refuses.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_commit(
    transaction: *const ocilayout,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { guard(err, || layout::taken(transaction, "transaction")?.commit(None)) }
}

/// As ocilayout_commit(), but only if index.json still has this digest, as
/// ocilayout_describe_index() has told it.
///
/// Fails with OCILAYOUT_ERR_CONFLICT when it has another.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_commit_if(
    transaction: *const ocilayout,
    digest: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        guard(err, || {
            let transaction = layout::taken(transaction, "transaction")?;
            transaction.commit(Some(&argument::parsed(digest, "digest")?))
        })
    }
}

/// Says what index.json is, as it is stored now: its digest changes with every
/// change of it. Edits of a transaction are not in it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_describe_index(
    layout: *const ocilayout,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            Ok(ocilayout_descriptor::new(layout.describe_index()?))
        })
    }
}
