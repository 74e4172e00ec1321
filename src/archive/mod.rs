//! Archives: a directory as the tar of a layer, and the difference of two.
//!
//! image-spec, layer.md. A directory is the difference from nothing, so both go
//! the same way: `walk` finds the names, `node` what stands there, `changes`
//! says which of it is told, `entry` as what, and `draft` in which bytes.

mod changes;
mod compare;
mod content;
mod descent;
mod draft;
mod entry;
mod groups;
mod listing;
mod node;
mod options;
mod output;
mod owners;
mod patterns;
mod walk;
mod xattrs;

pub(crate) use changes::{write_difference, write_directory};
pub use options::DirectoryOptions;
pub use owners::{OwnerMap, Owners};

use crate::words::error::Error;
use crate::words::memory;
use rustix::fs::Stat;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The error for a file that the system does not let us look at or read.
fn refused(action: &'static str, path: &Path, error: Errno) -> Error {
    let source = error.into();
    if memory::was_refused(&source) {
        return Error::Memory;
    }
    Error::Io { action, path: path.display().to_string(), source }
}

/// The error for a file that did not stand still.
pub(crate) fn changed(path: &Path) -> Error {
    let path = path.display();
    Error::Conflict(format!("{path}: expected what stands still, found it changed meanwhile"))
}

/// The error for what a layer has no way to tell.
fn untellable(path: &Path, expected: &str, found: &str) -> Error {
    Error::Unsupported(format!("{}: expected {expected}, found {found}", path.display()))
}

/// Where a path of the archive stands on this machine, for error messages.
fn place(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// What tells a file from every other.
type Identity = (u64, u64);

fn identity(stat: &Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}

/// Whether nothing was done to a file between two looks at it.
fn same_state(one: &Stat, other: &Stat) -> bool {
    let state = |stat: &Stat| {
        let times = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        (identity(stat), stat.st_mode, stat.st_size, times)
    };
    state(one) == state(other)
}

#[cfg(test)]
mod tests;
