//! Lists of descriptors.

use super::argument;
use super::descriptor::ocilayout_descriptor;
use super::handle::free;
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::memory;
use std::ptr;

/// A list of descriptors, as things were when it was made. It never changes, so
/// any number of threads may look at it.
pub struct ocilayout_descriptors(Vec<ocilayout_descriptor>);

impl ocilayout_descriptors {
    pub(super) fn new(list: Vec<Descriptor>) -> Result<Self> {
        memory::list(list.into_iter().map(ocilayout_descriptor::new)).map(Self)
    }
}

/// Says how many descriptors are in the list. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptors_count(list: *const ocilayout_descriptors) -> usize {
    // SAFETY: NULL or a live list, as the header asks.
    unsafe { argument::object(list, "list") }.map_or(0, |list| list.0.len())
}

/// Says the descriptor at a position; NULL past the last. It belongs to the
/// list: do not free it, and copy it to change it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptors_at(
    list: *const ocilayout_descriptors,
    position: usize,
) -> *const ocilayout_descriptor {
    // SAFETY: NULL or a live list, as the header asks.
    let list = unsafe { argument::object(list, "list") };
    let found = list.ok().and_then(|list| list.0.get(position));
    found.map_or(ptr::null(), ptr::from_ref)
}

/// Frees a list with its descriptors. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptors_free(list: *mut ocilayout_descriptors) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(list) };
}
