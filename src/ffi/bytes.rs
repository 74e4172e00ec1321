//! Bytes that the library read for its caller.

use super::argument;
use super::handle::free;
use std::ptr;

/// Bytes that the library read: a file, a document, a small blob. They never
/// change, so any number of threads may look at them.
pub struct ocilayout_bytes(pub(super) Vec<u8>);

/// Says where the bytes are. They belong to the object and are followed by no
/// NUL. NULL if there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_bytes_data(bytes: *const ocilayout_bytes) -> *const u8 {
    // SAFETY: NULL or a live object, as the header asks.
    unsafe { argument::object(bytes, "bytes") }.map_or(ptr::null(), |bytes| {
        if bytes.0.is_empty() { ptr::null() } else { bytes.0.as_ptr() }
    })
}

/// Says how many bytes there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_bytes_size(bytes: *const ocilayout_bytes) -> usize {
    // SAFETY: NULL or a live object, as the header asks.
    unsafe { argument::object(bytes, "bytes") }.map_or(0, |bytes| bytes.0.len())
}

/// Frees the bytes. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_bytes_free(bytes: *mut ocilayout_bytes) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(bytes) };
}
