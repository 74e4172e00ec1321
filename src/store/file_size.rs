//! The limit that a host has set for the size of files.
//!
//! The kernel ends a process that would exceed it, unless that handles a signal.
//! A library must not leave it to that, nor touch signals: it asks first.

use rustix::io::Errno;
use rustix::process::Resource;
use std::fs::File;
use std::io::{self, Write};

/// Adds to the end of a file that is `size` bytes long.
pub(super) fn append(file: &mut File, size: u64, bytes: &[u8]) -> io::Result<()> {
    check(size + bytes.len() as u64)?;
    file.write_all(bytes)
}

/// Refuses a file of so many bytes if it would be too large.
pub(super) fn check(size: u64) -> io::Result<()> {
    match rustix::process::getrlimit(Resource::Fsize).current {
        Some(limit) if size > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}
