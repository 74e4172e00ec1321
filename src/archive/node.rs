//! What stands at a name: looked at once, through one descriptor.

use super::descent::{Descent, opening};
use super::xattrs::{Handle, Reader, Xattrs};
use super::{changed, refused, same_state};
use crate::words::error::Result;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// All that an archive tells of a file beside its name and content.
pub(super) struct Node {
    pub(super) stat: Stat,
    pub(super) xattrs: Xattrs,
    /// Where a symbolic link leads.
    pub(super) target: Vec<u8>,
}

impl Node {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// The directory that a descent is in.
    pub(super) fn of_directory(
        descent: &Descent,
        path: &[u8],
        reader: &mut Reader,
    ) -> Result<Self> {
        let (fd, stat) = descent.here()?;
        let xattrs = reader.read(&Handle::Open(fd), &descent.place(path))?;
        Ok(Self { stat: *stat, xattrs, target: Vec::new() })
    }
}

/// Something other than a directory, held open.
pub(super) struct Held {
    fd: OwnedFd,
    pub(super) node: Node,
}

impl Held {
    /// Looks at what was listed as this kind. A regular file is opened to be read,
    /// anything else not really, since that may block or have consequences.
    pub(super) fn open(
        descent: &Descent,
        name: &[u8],
        kind: FileType,
        path: &[u8],
        reader: &mut Reader,
    ) -> Result<Self> {
        let place = descent.place(path);
        let (above, _) = descent.here()?;
        let regular = kind == FileType::RegularFile;
        let how = if regular { OFlags::NONBLOCK | OFlags::NOCTTY } else { OFlags::PATH };
        let flags = how | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::openat(above, name, flags, Mode::empty()));
        let fd = fd.map_err(|error| opening(&place, error))?;
        let stat = stat(&fd, &place)?;
        if FileType::from_raw_mode(stat.st_mode) != kind {
            return Err(changed(&place));
        }
        let handle = if regular { Handle::Open(fd.as_fd()) } else { Handle::of_path(fd.as_fd()) };
        let xattrs = reader.read(&handle, &place)?;
        let target = if kind == FileType::Symlink { target(&fd, &place)? } else { Vec::new() };
        Ok(Self { fd, node: Node { stat, xattrs, target } })
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Checks that the file has stood still since it was opened.
    pub(super) fn check_still(&self, place: &Path) -> Result<()> {
        if same_state(&self.node.stat, &stat(&self.fd, place)?) {
            Ok(())
        } else {
            Err(changed(place))
        }
    }
}

fn stat(fd: &OwnedFd, place: &Path) -> Result<Stat> {
    retry_on_intr(|| rustix::fs::fstat(fd)).map_err(|error| refused("look at", place, error))
}

fn target(fd: &OwnedFd, place: &Path) -> Result<Vec<u8>> {
    match rustix::fs::readlinkat(fd, "", Vec::new()) {
        Ok(target) => Ok(target.into_bytes()),
        Err(error) => Err(refused("read the link", place, error)),
    }
}
