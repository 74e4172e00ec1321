//! Sources that are stored at once.

use super::archive::{self, ocilayout_directory_options};
use super::argument;
use super::blob_options::{self, ocilayout_blob_options};
use super::callback::{self, ocilayout_read_fn};
use super::descriptors::ocilayout_descriptors;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, finished, free};
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use crate::layer::BlobOptions;
use crate::layout::Source;
use crate::words::error::Result;
use crate::words::memory;
use std::ffi::{c_char, c_int, c_void};

/// Sources whose blobs are stored together.
pub struct ocilayout_sources(Guarded<Option<Vec<(Source<'static>, BlobOptions)>>>);

/// Makes an empty list of sources.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_new(
    out: *mut *mut ocilayout_sources,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { create(out, err, || Ok(ocilayout_sources(Guarded::new(Some(Vec::new()))))) }
}

/// Adds a source to the list.
///
/// # Safety
/// The pointers are NULL or as the header asks.
unsafe fn add(
    sources: *mut ocilayout_sources,
    source: impl FnOnce() -> Result<Source<'static>>,
    options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: by the contract of this function.
    unsafe {
        guard(err, || {
            let sources = argument::object(sources, "sources")?;
            let added = (source()?, blob_options::taken(options)?);
            let mut sources = sources.0.write("sources")?;
            memory::push(sources.as_mut().ok_or_else(|| finished("sources"))?, added)
        })
    }
}

/// Adds what the callback read gives until its end. userdata must live, and options, which
/// may be NULL, is copied.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_callback(
    sources: *mut ocilayout_sources,
    read: ocilayout_read_fn,
    userdata: *mut c_void,
    options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { add(sources, || callback::source(read, userdata), options, err) }
}

/// Adds what the file descriptor fd gives, as ocilayout_blob_put_fd() reads it. It stays
/// yours, and must stay open until ocilayout_blob_put_all() has returned.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_fd(
    sources: *mut ocilayout_sources,
    fd: c_int,
    options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: it stays open for as long as it is used, as the header asks.
    let source = || unsafe { argument::file(fd, "fd") }.map(Source::File);
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { add(sources, source, options, err) }
}

/// Adds len bytes at data, which must stay as they are until ocilayout_blob_put_all() has
/// returned.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_memory(
    sources: *mut ocilayout_sources,
    data: *const c_void,
    len: usize,
    options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the memory stays for as long as it is used, as the header asks.
    let source = || unsafe { argument::array(data.cast(), len, "data") }.map(Source::Memory);
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { add(sources, source, options, err) }
}

/// Adds the regular file at path, as ocilayout_blob_put_file() stores it. It is opened by
/// ocilayout_blob_put_all().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_file(
    sources: *mut ocilayout_sources,
    path: *const c_char,
    options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: NULL or a text, as the header asks.
    let source = || unsafe { argument::path(path, "path") }.map(|path| Source::Path(path.into()));
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { add(sources, source, options, err) }
}

/// Adds the directory path, as ocilayout_blob_put_directory() stores it. The options may be
/// NULL, and are copied. It is read by ocilayout_blob_put_all().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_directory(
    sources: *mut ocilayout_sources,
    path: *const c_char,
    directory_options: *const ocilayout_directory_options,
    blob_options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    let source = || unsafe { archive::directory(path, directory_options) };
    // SAFETY: likewise.
    unsafe { add(sources, source, blob_options, err) }
}

/// Adds the difference of two directories, as ocilayout_blob_put_difference() stores it.
/// Otherwise as ocilayout_sources_add_directory().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_add_difference(
    sources: *mut ocilayout_sources,
    lower: *const c_char,
    upper: *const c_char,
    directory_options: *const ocilayout_directory_options,
    blob_options: *const ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    let source = || unsafe { archive::difference(lower, upper, directory_options) };
    // SAFETY: likewise.
    unsafe { add(sources, source, blob_options, err) }
}

/// Frees the list. NULL is fine. What was added stays yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_sources_free(sources: *mut ocilayout_sources) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(sources) };
}

/// Stores all sources, several at once, and says what points at each, in the order in
/// which they were added. The list is used up, also after an error: it can only be freed.
///
/// concurrency is how many sources are read at once, at most as many as
/// ocilayout_set_threads() allows, or three quarters of that where any is compressed with
/// zstd, which brings threads of its own; 0 is that many. With 1 all callbacks run on the calling
/// thread, one source after another. With more, those of different sources may run on
/// different threads, never two at once for one source, and they must return: no longjmp()
/// or the like leads out of them. progress, which may be NULL, is told on the
/// calling thread in any case.
///
/// When one source fails the others are given up, and the message of the error says which
/// it was, counted from 0. Blobs that were complete by then stay until they are collected.
/// Fails as the calls that store single sources do.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_all(
    layout: *const ocilayout,
    sources: *mut ocilayout_sources,
    concurrency: usize,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptors,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let sources = argument::object(sources, "sources")?;
            let mut sources = sources.0.write("sources")?;
            let sources = sources.take().ok_or_else(|| finished("sources"))?;
            let put = watched((progress, progress_userdata), |watch| {
                layout.put_all(sources, concurrency, watch)
            });
            ocilayout_descriptors::new(put?)
        })
    }
}
