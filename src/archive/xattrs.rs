//! Extended attributes.
//!
//! Told are those of users (`user.`), of administrators (`trusted.`),
//! capabilities and access lists. The rest of `security.` are labels and
//! measurements that a machine's security modules made for themselves; the rest
//! of `system.`, and what other names there are, belong to a file system.

use super::{refused, untellable};
use crate::words::error::Result;
use crate::words::memory;
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

/// Linux has no longer list of names, and no larger value.
const LARGEST: usize = 64 * 1024;

/// Names and values, sorted by name.
pub(super) type Xattrs = Vec<(String, Vec<u8>)>;

fn is_told(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name.starts_with(b"trusted.")
        || name == b"security.capability"
        || is_access_list(name)
}

fn is_access_list(name: &[u8]) -> bool {
    matches!(name, b"system.posix_acl_access" | b"system.posix_acl_default")
}

/// Reads attributes into memory that is used again and again.
pub(super) struct Reader {
    list: Vec<u8>,
    value: Vec<u8>,
}

/// How a file is asked for its attributes.
pub(super) enum Handle<'a> {
    Open(BorrowedFd<'a>),
    /// Of a descriptor that is a mere path the kernel tells nothing: what it stands
    /// for is reached through this name.
    Name(String),
}

impl<'a> Handle<'a> {
    pub(super) fn of_path(fd: BorrowedFd<'a>) -> Self {
        Self::Name(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    fn list(&self, room: &mut [u8]) -> rustix::io::Result<usize> {
        retry_on_intr(|| match self {
            Self::Open(fd) => rustix::fs::flistxattr(fd, &mut *room),
            Self::Name(name) => rustix::fs::listxattr(name, &mut *room),
        })
    }

    fn value(&self, attribute: &str, room: &mut [u8]) -> rustix::io::Result<usize> {
        retry_on_intr(|| match self {
            Self::Open(fd) => rustix::fs::fgetxattr(fd, attribute, &mut *room),
            Self::Name(name) => rustix::fs::getxattr(name, attribute, &mut *room),
        })
    }
}

impl Reader {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { list: memory::bytes(LARGEST)?, value: memory::bytes(LARGEST)? })
    }

    /// The attributes of a file that a layer tells.
    pub(super) fn read(&mut self, handle: &Handle<'_>, place: &Path) -> Result<Xattrs> {
        let length = match handle.list(&mut self.list) {
            Ok(0) | Err(Errno::NOTSUP) => return Ok(Xattrs::new()),
            Ok(length) => length,
            Err(Errno::NOENT) if matches!(handle, Handle::Name(_)) => {
                let expected = "a mounted /proc, through which the attributes of links, devices \
                                and pipes are read";
                return Err(untellable(place, expected, "none"));
            }
            Err(error) => return Err(refused("list the attributes of", place, error)),
        };
        let mut told = Xattrs::new();
        let names = self.list.get(..length).unwrap_or_default();
        for name in names.split(|byte| *byte == 0).filter(|name| is_told(name)) {
            let name = match str::from_utf8(name) {
                Ok(name) if !name.contains('=') => memory::owned(name)?,
                _ => {
                    let name = String::from_utf8_lossy(name);
                    let expected = "attributes with names in UTF-8, without an equals sign";
                    return Err(untellable(place, expected, &name));
                }
            };
            let length = match handle.value(&name, &mut self.value) {
                Ok(length) => length,
                Err(error) => return Err(refused("read the attributes of", place, error)),
            };
            let value = self.value.get(..length).unwrap_or_default();
            memory::push(&mut told, (name, memory::list(value.iter().copied())?))?;
        }
        told.sort_unstable();
        Ok(told)
    }
}

/// Whether an access list among these names users or groups, by the numbers that
/// they have on this machine.
pub(super) fn name_others(xattrs: &Xattrs) -> bool {
    // linux/posix_acl_xattr.h: a version of four bytes, then eight for each entry,
    // of which the first two say whether it is for a user (2) or a group (8).
    let names_one = |list: &[u8]| {
        let entries = list.get(4..).unwrap_or_default().chunks_exact(8);
        entries.into_iter().any(|entry| matches!(entry, [0x02 | 0x08, 0, ..]))
    };
    xattrs.iter().any(|(name, value)| is_access_list(name.as_bytes()) && names_one(value))
}
