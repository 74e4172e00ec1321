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
    let limit = rustix::process::getrlimit(Resource::Fsize).current;
    if limit.is_some_and(|limit| size + bytes.len() as u64 > limit) {
        return Err(Errno::FBIG.into());
    }
    file.write_all(bytes)
}
