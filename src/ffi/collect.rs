//! Collecting garbage, and what became of each blob.

use super::argument::{self, check_flags};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::create;
use super::handle::free;
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use crate::upkeep::{CollectOptions, Collected, Fate};
use crate::words::memory;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::time::Duration;

/// For ocilayout_collect(): remove nothing, and tell what would be removed.
pub const OCILAYOUT_COLLECT_DRY_RUN: u64 = 1u64 << 0;

/// A fate: nothing pointed at the blob, and it was removed, or would have been.
pub const OCILAYOUT_FATE_REMOVED: i32 = 1;
/// A fate: it stays, since it is pointed at from index.json.
pub const OCILAYOUT_FATE_REFERENCED: i32 = 2;
/// A fate: it stays, since it is a document whose subject stays, or belongs to
/// one.
pub const OCILAYOUT_FATE_REFERRER: i32 = 3;
/// A fate: it stays, since a writer that is still there has put it, or it belongs
/// to what that has put.
pub const OCILAYOUT_FATE_LEASED: i32 = 4;
/// A fate: it stays, since it was put within the time of grace, or belongs to
/// what was.
pub const OCILAYOUT_FATE_YOUNG: i32 = 5;
/// A fate: it stays, since its digest is neither sha256 nor sha512.
pub const OCILAYOUT_FATE_FOREIGN: i32 = 6;

/// What a collection did with each blob, sorted by digest. It never changes, so
/// any number of threads may look at it.
pub struct ocilayout_collection(Vec<ocilayout_collected>);

/// A blob, and what a collection did with it.
pub struct ocilayout_collected {
    digest: CString,
    size: u64,
    fate: i32,
}

impl ocilayout_collected {
    fn new(collected: &Collected) -> Self {
        Self {
            digest: CString::new(collected.digest().as_str()).unwrap_or_default(),
            size: collected.size(),
            fate: number(collected.fate()),
        }
    }
}

fn number(fate: Fate) -> i32 {
    match fate {
        Fate::Removed => OCILAYOUT_FATE_REMOVED,
        Fate::Referenced => OCILAYOUT_FATE_REFERENCED,
        Fate::Referrer => OCILAYOUT_FATE_REFERRER,
        Fate::Leased => OCILAYOUT_FATE_LEASED,
        Fate::Young => OCILAYOUT_FATE_YOUNG,
        Fate::Foreign => OCILAYOUT_FATE_FOREIGN,
    }
}

/// Collects garbage: removes the blobs that nothing points at, and tells of every
/// blob what became of it. flags are OCILAYOUT_COLLECT_ values or 0.
///
/// Others may write meanwhile. What a writer has put through a layout or a
/// transaction of this library stays until he frees that, named or not. Other
/// tools have no such lease: what they have put stays for grace_seconds from
/// then, whether it is named or not. A day, 86400, is a good choice; 0 is for
/// when none of them is about.
///
/// What is pointed at from index.json stays, with its subjects, and with the
/// documents whose subject it is. Blobs that are missing are passed over, content
/// of unknown media types points at nothing, and files that are no blobs are left
/// alone. Writers wait for parts of the work only, each of at most 256 blobs.
///
/// progress, which gets progress_userdata, may be NULL. It is told of the bytes of
/// the documents that were read to find out what is garbage, and of the blobs that are
/// sure to stay or were removed. It is called while nobody waits: until the first blob
/// is removed, and then between the parts. If it stops the call, that fails with
/// OCILAYOUT_ERR_CANCELLED.
///
/// Fails with OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_DIGEST when a document on
/// the way cannot be trusted: what it points at is then not known, and nothing
/// is removed. Fails with OCILAYOUT_ERR_STATE on a transaction, and with
/// OCILAYOUT_ERR_BUSY as ocilayout_set_lock_timeout() says. A call that failed
/// or was stopped half-way has removed garbage only, and can be made again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collect(
    layout: *const ocilayout,
    flags: u64,
    grace_seconds: u64,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_collection,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            check_flags(flags, OCILAYOUT_COLLECT_DRY_RUN)?;
            let mut options = CollectOptions::new().grace(Duration::from_secs(grace_seconds));
            if flags & OCILAYOUT_COLLECT_DRY_RUN != 0 {
                options = options.dry_run();
            }
            let progress = (progress, progress_userdata);
            let collected = watched(progress, |watch| layout.collect_watched(&options, watch))?;
            memory::list(collected.iter().map(ocilayout_collected::new)).map(ocilayout_collection)
        })
    }
}

/// Says how many blobs there were. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collection_count(
    collection: *const ocilayout_collection,
) -> usize {
    // SAFETY: NULL or a live collection, as the header asks.
    unsafe { argument::object(collection, "collection") }.map_or(0, |list| list.0.len())
}

/// Says the blob at a position; NULL past the last. It belongs to the collection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collection_at(
    collection: *const ocilayout_collection,
    position: usize,
) -> *const ocilayout_collected {
    // SAFETY: NULL or a live collection, as the header asks.
    let collection = unsafe { argument::object(collection, "collection") };
    let found = collection.ok().and_then(|list| list.0.get(position));
    found.map_or(ptr::null(), ptr::from_ref)
}

/// Says the digest of the blob; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collected_digest(
    collected: *const ocilayout_collected,
) -> *const c_char {
    // SAFETY: NULL or of a live collection, as the header asks.
    let collected = unsafe { argument::object(collected, "collected") };
    collected.map_or(ptr::null(), |collected| collected.digest.as_ptr())
}

/// Says the size of the blob in bytes; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collected_size(collected: *const ocilayout_collected) -> u64 {
    // SAFETY: NULL or of a live collection, as the header asks.
    unsafe { argument::object(collected, "collected") }.map_or(0, |collected| collected.size)
}

/// Says what became of the blob: an OCILAYOUT_FATE_ value, or one that is added
/// later; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collected_fate(collected: *const ocilayout_collected) -> i32 {
    // SAFETY: NULL or of a live collection, as the header asks.
    unsafe { argument::object(collected, "collected") }.map_or(0, |collected| collected.fate)
}

/// Frees a collection with its blobs. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_collection_free(collection: *mut ocilayout_collection) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(collection) };
}
