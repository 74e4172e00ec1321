//! What C holds in its hand: objects that see when they are misused.

use crate::layout::Layout;
use crate::words::error::{Error, Result};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

/// An object for one thread at a time, or for several that only look at it.
///
/// Nobody ever waits for it: a use that overlaps is the caller's error. After a
/// panic while it was changed it can only be freed.
#[derive(Debug)]
pub(super) struct Guarded<T>(RwLock<T>);

impl<T> Guarded<T> {
    pub(super) fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    pub(super) fn read(&self, parameter: &str) -> Result<RwLockReadGuard<'_, T>> {
        self.0.try_read().map_err(|error| misuse(parameter, &error))
    }

    pub(super) fn write(&self, parameter: &str) -> Result<RwLockWriteGuard<'_, T>> {
        self.0.try_write().map_err(|error| misuse(parameter, &error))
    }
}

fn misuse<T>(parameter: &str, error: &TryLockError<T>) -> Error {
    match error {
        TryLockError::WouldBlock => Error::State(format!(
            "{parameter}: expected an object that is free to use, found it in use by another \
             thread or by the callback that is running"
        )),
        TryLockError::Poisoned(_) => broken(parameter),
    }
}

fn broken(parameter: &str) -> Error {
    Error::State(format!(
        "{parameter}: expected an object in order, found one that an internal error broke: free it"
    ))
}

/// The error for an object that has done its work.
pub(super) fn finished(parameter: &str) -> Error {
    Error::State(format!("{parameter}: expected an unfinished object, found it finished: free it"))
}

/// A layout for any number of threads at once.
#[derive(Debug)]
pub(super) struct Shared {
    layout: Layout,
    broken: AtomicBool,
}

impl Shared {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, broken: AtomicBool::new(false) }
    }

    pub(super) fn get(&self, parameter: &str) -> Result<InUse<'_>> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(broken(parameter));
        }
        Ok(InUse { shared: self, panicking_before: std::thread::panicking() })
    }
}

/// Sees a panic that passes by.
pub(super) struct InUse<'a> {
    shared: &'a Shared,
    /// A host in Rust may call from a destructor while it panics itself.
    panicking_before: bool,
}

impl Deref for InUse<'_> {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        &self.shared.layout
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.panicking_before {
            self.shared.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// Frees what the library handed out.
///
/// # Safety
/// `object` is NULL, or was handed out by this library and not yet freed.
pub(super) unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: by the contract of this function it came from `into_raw`.
        let object = unsafe { Box::from_raw(object) };
        // A destructor that panics leaks at worst.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
}
