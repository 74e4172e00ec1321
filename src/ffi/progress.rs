//! Functions of the caller's that are told how far a call has come.

use crate::words::error::Result;
use crate::words::watch::{Progress, Watch};
use std::ffi::c_void;
use std::ops::ControlFlow;

/// How far a long call has come. Members may be added at its end.
#[repr(C)]
pub struct ocilayout_progress {
    /// How many bytes of the sources, or of the blobs that are looked at, are done.
    pub bytes_done: u64,
    /// How many there are in all; UINT64_MAX while that is not known.
    pub bytes_total: u64,
    /// How many blobs are done; of a directory, how many files.
    pub items_done: u64,
    /// How many there are in all; UINT64_MAX while that is not known.
    pub items_total: u64,
}

/// Is told how far a long call has come: on the calling thread, at most ten times a
/// second, and once more at the end. While a source of yours keeps the call waiting it
/// is not told.
///
/// Returns 0 to go on. Any other number stops the call, which takes back what it began
/// and fails with OCILAYOUT_ERR_CANCELLED; after the end it means nothing. The struct
/// lives during the call of the function, which must return: if it leaves by longjmp()
/// or the like, a file or directory that the library had opened stays open.
pub type ocilayout_progress_fn = Option<
    unsafe extern "C-unwind" fn(userdata: *mut c_void, progress: *const ocilayout_progress) -> i32,
>;

/// Makes a call of the core that tells the function, which may be NULL.
pub(super) fn watched<T>(
    (tell, userdata): (ocilayout_progress_fn, *mut c_void),
    call: impl FnOnce(&mut Watch<'_>) -> Result<T>,
) -> Result<T> {
    match tell {
        Some(_) => call(&mut Watch::new(&mut teller(tell, userdata))),
        None => call(&mut Watch::none()),
    }
}

/// The function as the core calls it.
fn teller(
    tell: ocilayout_progress_fn,
    userdata: *mut c_void,
) -> impl FnMut(Progress) -> ControlFlow<()> {
    move |progress| {
        let progress = ocilayout_progress {
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total.unwrap_or(u64::MAX),
            items_done: progress.items_done,
            items_total: progress.items_total.unwrap_or(u64::MAX),
        };
        // SAFETY: the header says what the function may do; the struct lives meanwhile.
        let answer = tell.map_or(0, |tell| unsafe { tell(userdata, &raw const progress) });
        if answer == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
