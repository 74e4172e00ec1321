//! Statuses and errors.

use super::argument;
use super::handle::free;
use crate::words::error::Error;
use std::ffi::{CStr, CString, c_char, c_int};

/// What a fallible function returns: OCILAYOUT_OK, which is 0, or one of the
/// negative OCILAYOUT_ERR_ codes. Codes are only ever added, so treat one that
/// you do not know as you treat OCILAYOUT_ERR_INTERNAL. Numbers between them
/// are kept for codes to come.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ocilayout_status(pub i32);

/// The call did what it was asked to do.
pub const OCILAYOUT_OK: ocilayout_status = ocilayout_status(0);
/// An argument is NULL where it must not be, malformed, or has unknown flags.
pub const OCILAYOUT_ERR_INVALID_ARGUMENT: ocilayout_status = ocilayout_status(-1);
/// The object cannot do this now: it is finished, incomplete, read-only, in use
/// by another thread or by the callback that is running, or broken.
pub const OCILAYOUT_ERR_STATE: ocilayout_status = ocilayout_status(-2);
/// The operating system refused; see ocilayout_error_errno().
pub const OCILAYOUT_ERR_IO: ocilayout_status = ocilayout_status(-3);
/// What was asked for is not there.
pub const OCILAYOUT_ERR_NOT_FOUND: ocilayout_status = ocilayout_status(-4);
/// What was to be created is there already.
pub const OCILAYOUT_ERR_EXISTS: ocilayout_status = ocilayout_status(-5);
/// Another writer holds the lock of the layout; see
/// ocilayout_set_lock_timeout().
pub const OCILAYOUT_ERR_BUSY: ocilayout_status = ocilayout_status(-6);
/// index.json, or a directory that was to become a layer, was changed meanwhile,
/// where it should not have been.
pub const OCILAYOUT_ERR_CONFLICT: ocilayout_status = ocilayout_status(-7);
/// Not an image layout, or a document in it is malformed.
pub const OCILAYOUT_ERR_FORMAT: ocilayout_status = ocilayout_status(-8);
/// Content has another digest or another size than was expected.
pub const OCILAYOUT_ERR_DIGEST: ocilayout_status = ocilayout_status(-9);
/// A callback returned a negative number, which ocilayout_error_callback_code()
/// tells, or broke its contract.
pub const OCILAYOUT_ERR_CALLBACK: ocilayout_status = ocilayout_status(-10);
/// The function that is told the progress of the call stopped it, or
/// ocilayout_interrupt() did. What the call had begun is taken back.
pub const OCILAYOUT_ERR_CANCELLED: ocilayout_status = ocilayout_status(-11);
/// More data than a limit allows.
pub const OCILAYOUT_ERR_LIMIT: ocilayout_status = ocilayout_status(-12);
/// Legal, but not something that this library does.
pub const OCILAYOUT_ERR_UNSUPPORTED: ocilayout_status = ocilayout_status(-13);
/// The change was made, and every reader sees it, but it may be lost when the
/// power goes: the system could not write all of it to the disk.
pub const OCILAYOUT_ERR_NOT_DURABLE: ocilayout_status = ocilayout_status(-14);
/// There is too little memory for what the call was given or has read.
pub const OCILAYOUT_ERR_MEMORY: ocilayout_status = ocilayout_status(-15);
/// A bug in the library. The object that was changed can then only be freed.
pub const OCILAYOUT_ERR_INTERNAL: ocilayout_status = ocilayout_status(-99);

/// Why a call failed.
pub struct ocilayout_error {
    pub(super) status: ocilayout_status,
    message: CString,
    errno: c_int,
    callback_code: i64,
}

impl ocilayout_error {
    pub(super) fn new(error: &Error) -> Self {
        Self {
            status: status_of(error),
            message: line(&error.to_string()),
            errno: error.errno().unwrap_or(0),
            callback_code: error.callback_code().unwrap_or(0),
        }
    }
}

fn status_of(error: &Error) -> ocilayout_status {
    match error {
        Error::Invalid { .. } => OCILAYOUT_ERR_INVALID_ARGUMENT,
        Error::State(_) => OCILAYOUT_ERR_STATE,
        Error::Io { .. } | Error::Source(_) => OCILAYOUT_ERR_IO,
        Error::NotFound(_) => OCILAYOUT_ERR_NOT_FOUND,
        Error::Exists(_) => OCILAYOUT_ERR_EXISTS,
        Error::Busy(_) => OCILAYOUT_ERR_BUSY,
        Error::Conflict(_) => OCILAYOUT_ERR_CONFLICT,
        Error::Format { .. } => OCILAYOUT_ERR_FORMAT,
        Error::Digest { .. } | Error::Size { .. } => OCILAYOUT_ERR_DIGEST,
        Error::Callback { .. } => OCILAYOUT_ERR_CALLBACK,
        Error::Cancelled => OCILAYOUT_ERR_CANCELLED,
        Error::OfSource { error, .. } => status_of(error),
        Error::Limit { .. } => OCILAYOUT_ERR_LIMIT,
        Error::Unsupported(_) => OCILAYOUT_ERR_UNSUPPORTED,
        Error::NotDurable { .. } => OCILAYOUT_ERR_NOT_DURABLE,
        Error::Memory => OCILAYOUT_ERR_MEMORY,
        Error::Internal(_) => OCILAYOUT_ERR_INTERNAL,
    }
}

/// One line without NUL: a path may have either in it.
fn line(text: &str) -> CString {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    CString::new(text).unwrap_or_default()
}

/// Says the name of a status, such as "OCILAYOUT_ERR_IO".
///
/// The text is static; it is "unknown status" for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn ocilayout_status_name(status: ocilayout_status) -> *const c_char {
    let name: &CStr = match status {
        OCILAYOUT_OK => c"OCILAYOUT_OK",
        OCILAYOUT_ERR_INVALID_ARGUMENT => c"OCILAYOUT_ERR_INVALID_ARGUMENT",
        OCILAYOUT_ERR_STATE => c"OCILAYOUT_ERR_STATE",
        OCILAYOUT_ERR_IO => c"OCILAYOUT_ERR_IO",
        OCILAYOUT_ERR_NOT_FOUND => c"OCILAYOUT_ERR_NOT_FOUND",
        OCILAYOUT_ERR_EXISTS => c"OCILAYOUT_ERR_EXISTS",
        OCILAYOUT_ERR_BUSY => c"OCILAYOUT_ERR_BUSY",
        OCILAYOUT_ERR_CONFLICT => c"OCILAYOUT_ERR_CONFLICT",
        OCILAYOUT_ERR_FORMAT => c"OCILAYOUT_ERR_FORMAT",
        OCILAYOUT_ERR_DIGEST => c"OCILAYOUT_ERR_DIGEST",
        OCILAYOUT_ERR_CALLBACK => c"OCILAYOUT_ERR_CALLBACK",
        OCILAYOUT_ERR_CANCELLED => c"OCILAYOUT_ERR_CANCELLED",
        OCILAYOUT_ERR_LIMIT => c"OCILAYOUT_ERR_LIMIT",
        OCILAYOUT_ERR_UNSUPPORTED => c"OCILAYOUT_ERR_UNSUPPORTED",
        OCILAYOUT_ERR_NOT_DURABLE => c"OCILAYOUT_ERR_NOT_DURABLE",
        OCILAYOUT_ERR_MEMORY => c"OCILAYOUT_ERR_MEMORY",
        OCILAYOUT_ERR_INTERNAL => c"OCILAYOUT_ERR_INTERNAL",
        _ => c"unknown status",
    };
    name.as_ptr()
}

/// Says the status of the call that failed; OCILAYOUT_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_error_status(error: *const ocilayout_error) -> ocilayout_status {
    // SAFETY: NULL or a live error, as the header asks.
    unsafe { argument::object(error, "error") }.map_or(OCILAYOUT_OK, |error| error.status)
}

/// Says why the call failed: one line in UTF-8 without a newline, for a person.
/// It names the path or the parameter, what was expected and what was found.
///
/// The text belongs to the error. It is "no error" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_error_message(error: *const ocilayout_error) -> *const c_char {
    // SAFETY: NULL or a live error, as the header asks.
    let error = unsafe { argument::object(error, "error") };
    error.map_or(c"no error".as_ptr(), |error| error.message.as_ptr())
}

/// Says the errno of the system call that failed, with OCILAYOUT_ERR_IO and
/// OCILAYOUT_ERR_NOT_DURABLE; 0 where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_error_errno(error: *const ocilayout_error) -> c_int {
    // SAFETY: NULL or a live error, as the header asks.
    unsafe { argument::object(error, "error") }.map_or(0, |error| error.errno)
}

/// Says what the callback returned that stopped the call, exactly, with
/// OCILAYOUT_ERR_CALLBACK; 0 where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_error_callback_code(error: *const ocilayout_error) -> i64 {
    // SAFETY: NULL or a live error, as the header asks.
    unsafe { argument::object(error, "error") }.map_or(0, |error| error.callback_code)
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_error_free(error: *mut ocilayout_error) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(error) };
}
