//! The blobs that calls are reading from their callers right now.
//!
//! A callback can leave a call without returning to it: `longjmp`, a Go panic,
//! the end of its thread. The frames of the call are then lost, with all that
//! they own. So a call owns no file: it keeps its writer here, from where the
//! layout closes it when it is closed itself.

use super::pieces::Blank;
use super::writer::BlobWriter;
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct InProgress(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    writers: HashMap<u64, Slot>,
    next: u64,
}

type Slot = Arc<Mutex<Option<BlobWriter>>>;

/// One call's place. Never locked while a callback runs.
pub(crate) struct Call<'a> {
    calls: &'a InProgress,
    number: u64,
    slot: Slot,
}

impl InProgress {
    pub(crate) fn begin(&self, writer: BlobWriter) -> Call<'_> {
        let slot: Slot = Arc::new(Mutex::new(Some(writer)));
        let mut calls = self.0.lock();
        let number = calls.next;
        calls.next += 1;
        calls.writers.insert(number, Arc::clone(&slot));
        Call { calls: self, number, slot }
    }
}

impl Call<'_> {
    /// The piece that is to be filled; it is not kept where a callback that leaves could
    /// leave it locked.
    pub(crate) fn blank(&self) -> Result<Blank> {
        self.slot.lock().as_mut().ok_or_else(closed)?.blank()
    }

    pub(crate) fn filled(&self, blank: Blank) -> Result<()> {
        self.slot.lock().as_mut().ok_or_else(closed)?.filled(blank)
    }

    /// Adds bytes that stand elsewhere.
    pub(crate) fn push(&self, bytes: &[u8]) -> Result<()> {
        let mut slot = self.slot.lock();
        slot.as_mut().ok_or_else(closed)?.write_all(bytes).map_err(Error::from_writer)
    }

    /// Shares the blocks of a regular file with the blob, where that can be. Gives what is
    /// to be read in the file's place: the blob itself, or nothing if it is trusted.
    pub(crate) fn share(&self, file: BorrowedFd<'_>) -> Result<Option<Box<dyn Read>>> {
        self.slot.lock().as_mut().ok_or_else(closed)?.share(file)
    }

    /// Copies up to so many bytes of a regular file within the kernel, if the blob is
    /// trusted; says how many, and nothing at the end or where that cannot be.
    pub(crate) fn copy(&self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        self.slot.lock().as_mut().ok_or_else(closed)?.copy(file, most)
    }

    pub(crate) fn finish(self) -> Result<Descriptor> {
        let writer = self.slot.lock().take().ok_or_else(closed)?;
        writer.finish()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.0.lock().writers.remove(&self.number);
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        // A lost call still counts as an owner of its slot, so the slots are
        // emptied, not just let go.
        for slot in self.0.lock().writers.values() {
            drop(slot.lock().take());
        }
    }
}

fn closed() -> Error {
    Error::State("the layout was closed while a blob was read into it".to_owned())
}
