//! The fence that every exported function runs behind.

use super::error::{OCILAYOUT_OK, ocilayout_error, ocilayout_status};
use super::handle::free;
use crate::words::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Runs `body` and turns its error, or a panic, into a status and `*err`.
///
/// # Safety
/// `err` is NULL or valid for one write.
pub(super) unsafe fn guard(
    err: *mut *mut ocilayout_error,
    body: impl FnOnce() -> Result<()>,
) -> ocilayout_status {
    let outcome = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|payload| Err(Error::Internal(text_of(payload))));
    let (status, error) = match outcome {
        Ok(()) => (OCILAYOUT_OK, ptr::null_mut()),
        Err(error) => {
            let error = Box::new(ocilayout_error::new(&error));
            (error.status, Box::into_raw(error))
        }
    };
    if err.is_null() {
        // SAFETY: made by `into_raw` above, or NULL, and given to nobody.
        unsafe { free(error) };
    } else {
        // SAFETY: by the contract of this function.
        unsafe { err.write(error) };
    }
    status
}

fn text_of(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(unknown) => {
                // Its destructor could panic again.
                std::mem::forget(unknown);
                "a panic without a text".to_owned()
            }
        },
    }
}

/// As [`guard`], for a function that hands out a new object.
///
/// # Safety
/// `out` and `err` are each NULL or valid for one write.
pub(super) unsafe fn create<T>(
    out: *mut *mut T,
    err: *mut *mut ocilayout_error,
    body: impl FnOnce() -> Result<T>,
) -> ocilayout_status {
    let make = || body().map(|object| Box::into_raw(Box::new(object)));
    // SAFETY: by the contract of this function.
    unsafe { fill(out, "out", ptr::null_mut(), err, make) }
}

/// As [`guard`], for a function that hands out a value: `empty` at first, and
/// what `body` makes if it succeeds. `parameter` is the name of `out`.
///
/// # Safety
/// `out` and `err` are each NULL or valid for one write.
pub(super) unsafe fn fill<T: Copy>(
    out: *mut T,
    parameter: &'static str,
    empty: T,
    err: *mut *mut ocilayout_error,
    body: impl FnOnce() -> Result<T>,
) -> ocilayout_status {
    if !out.is_null() {
        // SAFETY: not NULL, and so valid for a write.
        unsafe { out.write(empty) };
    }
    let checked = || {
        if out.is_null() {
            return Err(super::argument::null(parameter));
        }
        let value = body()?;
        // SAFETY: not NULL, and so valid for a write.
        unsafe { out.write(value) };
        Ok(())
    };
    // SAFETY: by the contract of this function.
    unsafe { guard(err, checked) }
}
