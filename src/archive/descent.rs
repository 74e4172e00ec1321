//! The way from a directory down to where a walk is.
//!
//! Each name is looked up in the open directory above it and never through a
//! symbolic link, so nobody who moves things about meanwhile can lead the walk
//! out. Of a deep tree only the last directories are held open: on the way back
//! the others are opened by `..` and must still be the same.

use super::listing::Listing;
use super::{changed, identity, place, refused, same_state, untellable};
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// So many directories are held open.
const HELD: usize = 32;

/// The kernel is asked for so many bytes of names at a time.
const ROOM: usize = 64 * 1024;

/// A name that begins so tells of something that is gone.
pub(super) const WHITEOUT: &[u8] = b".wh.";

const FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

pub(super) struct Descent {
    root: PathBuf,
    levels: Vec<Level>,
    room: Vec<u8>,
}

struct Level {
    fd: Option<OwnedFd>,
    stat: Stat,
}

impl Descent {
    /// Opens a directory by a path of the caller's, through any links that he put
    /// on the way.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = match retry_on_intr(|| rustix::fs::openat(CWD, root, flags, Mode::empty())) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => {
                let path = root.display();
                return Err(Error::NotFound(format!(
                    "{path}: expected a directory, found nothing"
                )));
            }
            Err(error) => return Err(refused("open the directory", root, error)),
        };
        let mut descent =
            Self { root: root.to_owned(), levels: Vec::new(), room: memory::room(ROOM)? };
        descent.push(fd, root)?;
        Ok(descent)
    }

    /// Where a path of the archive stands on this machine, for error messages.
    pub(super) fn place(&self, path: &[u8]) -> PathBuf {
        place(&self.root, path)
    }

    /// The directory that the walk is in.
    pub(super) fn here(&self) -> Result<(BorrowedFd<'_>, &Stat)> {
        let level = self.levels.last();
        level.and_then(|level| Some((level.fd.as_ref()?.as_fd(), &level.stat))).ok_or_else(astray)
    }

    /// Goes down into a directory; `path` is its path in the archive.
    pub(super) fn enter(&mut self, name: &[u8], path: &[u8]) -> Result<()> {
        let (here, _) = self.here()?;
        let fd = retry_on_intr(|| rustix::fs::openat(here, name, FLAGS, Mode::empty()));
        let fd = fd.map_err(|error| opening(&self.place(path), error))?;
        let place = self.place(path);
        self.push(fd, &place)
    }

    fn push(&mut self, fd: OwnedFd, place: &Path) -> Result<()> {
        let stat = retry_on_intr(|| rustix::fs::fstat(&fd));
        let stat = stat.map_err(|error| refused("look at", place, error))?;
        memory::push(&mut self.levels, Level { fd: Some(fd), stat })?;
        let far = self.levels.len().checked_sub(HELD + 1);
        if let Some(level) = far.and_then(|far| self.levels.get_mut(far)) {
            level.fd = None;
        }
        Ok(())
    }

    /// Goes back up, if the directory has stood still.
    pub(super) fn leave(&mut self, path: &[u8]) -> Result<()> {
        let (here, stat) = self.here()?;
        let now = retry_on_intr(|| rustix::fs::fstat(here));
        let now = now.map_err(|error| refused("look at", &self.place(path), error))?;
        if !same_state(stat, &now) {
            return Err(changed(&self.place(path)));
        }
        let left = self.levels.pop();
        let fd = left.and_then(|left| left.fd).ok_or_else(astray)?;
        match self.levels.last() {
            Some(Level { fd: None, .. }) => self.reopen(&fd, path),
            _ => Ok(()),
        }
    }

    fn reopen(&mut self, below: &OwnedFd, path: &[u8]) -> Result<()> {
        let place = self.place(path);
        let fd = retry_on_intr(|| rustix::fs::openat(below, "..", FLAGS, Mode::empty()));
        let fd = fd.map_err(|error| refused("open the directory above", &place, error))?;
        let stat = retry_on_intr(|| rustix::fs::fstat(&fd));
        let stat = stat.map_err(|error| refused("look above", &place, error))?;
        let level = self.levels.last_mut().ok_or_else(astray)?;
        if identity(&stat) != identity(&level.stat) {
            return Err(changed(&place));
        }
        level.fd = Some(fd);
        Ok(())
    }

    /// The names in the directory that the walk is in, in no order, without those
    /// that `keeps` refuses, and without sockets: they mean nothing without the
    /// process that listens. `path` is that of the directory, and comes back as it
    /// was.
    pub(super) fn list(
        &mut self,
        path: &mut Vec<u8>,
        mut keeps: impl FnMut(&[u8]) -> bool,
    ) -> Result<Listing> {
        let mut room = std::mem::take(&mut self.room);
        let listed = self.list_into(room.spare_capacity_mut(), path, &mut keeps);
        self.room = room;
        listed
    }

    fn list_into(
        &self,
        room: &mut [MaybeUninit<u8>],
        path: &mut Vec<u8>,
        keeps: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<Listing> {
        let (here, _) = self.here()?;
        let mut listing = Listing::default();
        let mut entries = RawDir::new(here, room);
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(refused("list", &self.place(path), error)),
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let length = path.len();
            path.try_reserve(name.len())?;
            path.extend_from_slice(name);
            let kind = if keeps(path) { self.kind(name, entry.file_type(), path)? } else { None };
            if let Some(kind) = kind {
                listing.add(name, kind)?;
            }
            path.truncate(length);
        }
        Ok(listing)
    }

    /// Looks at a name in the directory that the walk is in.
    pub(super) fn look(&self, name: &[u8], path: &[u8]) -> Result<Stat> {
        let (here, _) = self.here()?;
        retry_on_intr(|| rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|error| opening(&self.place(path), error))
    }

    /// What stands at a name, unless it is a socket.
    fn kind(&self, name: &[u8], told: FileType, path: &[u8]) -> Result<Option<FileType>> {
        if name.starts_with(WHITEOUT) {
            let expected = "a name that does not begin with .wh., which in a layer says that \
                            something is gone";
            return Err(untellable(&self.place(path), expected, "one that does"));
        }
        // Some file systems do not say it beside the name.
        let kind = if told == FileType::Unknown {
            FileType::from_raw_mode(self.look(name, path)?.st_mode)
        } else {
            told
        };
        Ok((kind != FileType::Socket).then_some(kind))
    }
}

/// The error for what was just listed and cannot be opened.
pub(super) fn opening(place: &Path, error: Errno) -> Error {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => changed(place),
        error => refused("open", place, error),
    }
}

fn astray() -> Error {
    Error::Internal("a walk left the directory that it began in".to_owned())
}
