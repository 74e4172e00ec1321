//! C's pointers, taken as what they stand for, or refused by name.

use crate::words::error::{Error, Result};
use crate::words::memory;
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::slice;
use std::str::FromStr;

/// The error for a pointer that must not be NULL.
pub(super) fn null(parameter: &'static str) -> Error {
    Error::Invalid { what: parameter, expected: "a pointer", found: "NULL".to_owned() }
}

/// # Safety
/// `object` is NULL or points at a live object that stays for `'a`.
pub(super) unsafe fn object<'a, T>(object: *const T, parameter: &'static str) -> Result<&'a T> {
    // SAFETY: by the contract of this function.
    unsafe { object.as_ref() }.ok_or_else(|| null(parameter))
}

/// Text that is UTF-8 and ends with NUL.
///
/// # Safety
/// `text` is NULL or points at bytes that end with NUL and stay for `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char, parameter: &'static str) -> Result<&'a str> {
    // SAFETY: by the contract of this function.
    let text = unsafe { c_string(text, parameter) }?;
    text.to_str().map_err(|_| Error::invalid(parameter, "text in UTF-8", &text.to_string_lossy()))
}

/// The same, where NULL means that there is none.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    parameter: &'static str,
) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: by the contract of this function.
    unsafe { text(pointer, parameter) }.map(Some)
}

/// A list of texts.
///
/// # Safety
/// `texts` is NULL or points at `count` pointers, each as for [`text`].
pub(super) unsafe fn texts<'a>(
    texts: *const *const c_char,
    count: usize,
    parameter: &'static str,
) -> Result<Vec<&'a str>> {
    // SAFETY: by the contract of this function.
    let texts = unsafe { array(texts, count, parameter) }?;
    // SAFETY: likewise.
    memory::try_list(texts.iter().map(|text| unsafe { self::text(*text, parameter) }))
}

/// A value that is given as text.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn parsed<T: FromStr<Err = Error>>(
    pointer: *const c_char,
    parameter: &'static str,
) -> Result<T> {
    // SAFETY: by the contract of this function.
    named(parameter, unsafe { text(pointer, parameter) }?.parse())
}

/// The same, where NULL means that there is none.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn optional<T: FromStr<Err = Error>>(
    pointer: *const c_char,
    parameter: &'static str,
) -> Result<Option<T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: by the contract of this function.
    unsafe { parsed(pointer, parameter) }.map(Some)
}

/// Calls a value that is refused by the name of the parameter.
pub(super) fn named<T>(parameter: &'static str, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| match error {
        Error::Invalid { expected, found, .. } => {
            Error::Invalid { what: parameter, expected, found }
        }
        other => other,
    })
}

/// A path: bytes that end with NUL, in whatever encoding.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn path<'a>(path: *const c_char, parameter: &'static str) -> Result<&'a Path> {
    // SAFETY: by the contract of this function.
    let path = unsafe { c_string(path, parameter) }?;
    if path.is_empty() {
        return Err(Error::invalid(parameter, "a path", ""));
    }
    Ok(Path::new(OsStr::from_bytes(path.to_bytes())))
}

/// # Safety
/// As for [`text`].
unsafe fn c_string<'a>(text: *const c_char, parameter: &'static str) -> Result<&'a CStr> {
    if text.is_null() {
        return Err(null(parameter));
    }
    // SAFETY: not NULL, and so ends with NUL.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// A pointer to `count` values. It may be NULL if there are none.
///
/// # Safety
/// `pointer` is NULL or points at `count` values that stay for `'a`.
pub(super) unsafe fn array<'a, T>(
    pointer: *const T,
    count: usize,
    parameter: &'static str,
) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(parameter));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::invalid(parameter, "a length that fits in memory", &count.to_string()));
    }
    // SAFETY: not NULL, of a possible length, and so points at that many values.
    Ok(unsafe { slice::from_raw_parts(pointer, count) })
}

/// An open directory of the caller's, which stays his.
///
/// # Safety
/// `fd` is not closed during `'a`.
pub(super) unsafe fn directory<'a>(fd: c_int, parameter: &'static str) -> Result<BorrowedFd<'a>> {
    if fd == libc::AT_FDCWD {
        return Ok(rustix::fs::CWD);
    }
    // SAFETY: by the contract of this function.
    unsafe { file(fd, parameter) }
}

/// An open file of the caller's, which stays his.
///
/// # Safety
/// `fd` is not closed during `'a`.
pub(super) unsafe fn file<'a>(fd: c_int, parameter: &'static str) -> Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(Error::invalid(parameter, "an open file descriptor", &fd.to_string()));
    }
    // SAFETY: not -1, and open by the contract of this function.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Refuses bits that mean nothing yet.
pub(super) fn check_flags(flags: u64, known: u64) -> Result<()> {
    let unknown = flags & !known;
    if unknown == 0 {
        return Ok(());
    }
    Err(Error::invalid("flags", "only the bits that the header names", &format!("{unknown:#x}")))
}
