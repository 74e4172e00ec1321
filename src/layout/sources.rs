//! Where the bytes of a blob come from.

use super::Layout;
use crate::archive::{self, DirectoryOptions};
use crate::layer::{BlobOptions, Call, SOURCE};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use crate::words::watch::Watch;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the file that a layer is, for tools that write layers back to files.
/// image-spec, annotations.md.
const TITLE: &str = "org.opencontainers.image.title";

/// So much is copied in the kernel at once.
const COPIED_AT_ONCE: usize = 16 << 20;

/// Where the bytes of a blob come from.
#[non_exhaustive]
pub enum Source<'a> {
    /// What a reader gives until its end.
    Reader(Box<dyn Read + Send + 'a>),
    /// Bytes in memory.
    Memory(&'a [u8]),
    /// What an open file gives, from where it stands until its end: a regular file, a
    /// pipe, a socket, which must be a blocking one.
    File(BorrowedFd<'a>),
    /// A regular file, which becomes the layer of an artifact: the descriptor is annotated
    /// with its name as `org.opencontainers.image.title`.
    Path(PathBuf),
    /// A directory, see [`Layout::put_directory`].
    Directory {
        /// Where it is.
        path: PathBuf,
        /// How it becomes a layer.
        options: DirectoryOptions,
    },
    /// What makes one directory of another, see [`Layout::put_difference`].
    Difference {
        /// The directory before.
        lower: PathBuf,
        /// The directory after.
        upper: PathBuf,
        /// How they become a layer.
        options: DirectoryOptions,
    },
}

impl Layout {
    /// Stores what `source` gives until its end.
    ///
    /// If the blob is there already and `options` know its digest and size, the
    /// source is not read.
    ///
    /// # Errors
    /// Those of [`BlobWriter::finish`](crate::BlobWriter::finish), and
    /// [`Error::Source`] when the source fails, unless its error carries an [`Error`],
    /// which is then returned.
    pub fn put(&self, source: impl Read, options: &BlobOptions) -> Result<Descriptor> {
        self.put_read(source, options, &mut Watch::none())
    }

    /// Stores what `source` gives, and tells `watch` how far it has come.
    ///
    /// A regular file that is stored as it is given is shared with its blob where the
    /// file system can do that (reflink), and hashed all the same.
    ///
    /// # Errors
    /// As for [`put`](Self::put); [`Error::Cancelled`] when `watch` stops it;
    /// [`Error::NotFound`], [`Error::Format`] and [`Error::Io`] when there is no regular
    /// file at a path, or it cannot be read; [`Error::Conflict`] when it changes meanwhile.
    pub fn put_from(
        &self,
        source: Source<'_>,
        options: &BlobOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Descriptor> {
        self.heed(watch)?;
        watch.tally().expect(source.size(), source.items());
        let descriptor = self.put_one(source, options, watch)?;
        watch.end();
        Ok(descriptor)
    }

    pub(super) fn put_one(
        &self,
        source: Source<'_>,
        blob: &BlobOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Descriptor> {
        let (size, items) = (source.size(), source.items());
        let before = watch.advanced();
        let descriptor = match source {
            Source::Reader(reader) => self.put_read(reader, blob, watch)?,
            Source::Memory(bytes) => self.put_read(bytes, blob, watch)?,
            Source::File(fd) => self.put_file(OpenFile { fd, found: None }, blob, watch)?,
            Source::Path(path) => {
                let title = title(&path)?;
                let file = open(&path)?;
                let put = self.put_file(OpenFile::at(&path, &file)?, blob, watch);
                let mut descriptor = put.map_err(|error| named(error, &path))?;
                descriptor.set_annotation(TITLE, Some(title))?;
                descriptor
            }
            Source::Directory { path, options } => {
                self.put_archive(blob, watch, |out, files| {
                    archive::write_directory(&path, &options, out, files)
                })?
            }
            Source::Difference { lower, upper, options } => {
                let tally = Arc::clone(watch.tally());
                self.put_archive(blob, watch, |out, files| {
                    let go_on = || tally.check();
                    archive::write_difference(&lower, &upper, &options, out, files, &go_on)
                })?
            }
        };
        // What nobody had to read is done as well.
        let read = watch.advanced() - before;
        let unread = size.map_or(0, |size| size.saturating_sub(read));
        watch.tally().add(unread, items.unwrap_or_default());
        Ok(descriptor)
    }

    pub(super) fn put_read(
        &self,
        source: impl Read,
        options: &BlobOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Descriptor> {
        self.put_by(options, |call| fill(call, source, watch))
    }

    fn put_file(
        &self,
        mut file: OpenFile<'_>,
        options: &BlobOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Descriptor> {
        self.put_by(options, |call| {
            if let Some(own) = call.share(file.fd)? {
                // Nobody else can change what is ours by now.
                return fill(call, own, watch);
            }
            while let Some(copied) = call.copy(file.fd, COPIED_AT_ONCE)? {
                watch.advance(copied, 0)?;
            }
            fill(call, &mut file, watch)
        })
    }

    /// Stores what `fill` puts into the blob of its call, unless that is there already.
    pub(super) fn put_by(
        &self,
        options: &BlobOptions,
        fill: impl FnOnce(&Call<'_>) -> Result<()>,
    ) -> Result<Descriptor> {
        self.check_writable()?;
        if let Some(there) = options.already_in(&self.store)? {
            return Ok(there);
        }
        let call = self.in_progress.begin(self.writer(options)?);
        fill(&call)?;
        call.finish()
    }
}

/// Fills the blob of a call with what `source` gives.
fn fill(call: &Call<'_>, mut source: impl Read, watch: &mut Watch<'_>) -> Result<()> {
    loop {
        let mut blank = call.blank()?;
        let read = read_into(&mut source, blank.room()?)?;
        blank.advance(read);
        call.filled(blank)?;
        watch.advance(read as u64, 0)?;
        if read == 0 {
            return Ok(());
        }
    }
}

fn read_into(source: &mut impl Read, room: &mut [u8]) -> Result<usize> {
    loop {
        match source.read(room) {
            Ok(n) if n <= room.len() => return Ok(n),
            Ok(n) => {
                let problem = format!("expected at most {} bytes, found {n}", room.len());
                return Err(Error::Source(io::Error::other(problem)));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_source(error)),
        }
    }
}

impl Source<'_> {
    /// How many items it is: the files of a directory are counted as they come.
    pub(super) fn items(&self) -> Option<u64> {
        let many = matches!(self, Self::Directory { .. } | Self::Difference { .. });
        (!many).then_some(1)
    }

    /// How many bytes it will give, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        let of_file = |stat: Stat| is_regular(&stat).then_some(stat.st_size.unsigned_abs());
        match self {
            Self::Reader(_) | Self::Directory { .. } | Self::Difference { .. } => None,
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::File(file) => {
                let stands = rustix::fs::tell(file).ok()?;
                of_file(rustix::fs::fstat(file).ok()?)?.checked_sub(stands)
            }
            Self::Path(path) => of_file(rustix::fs::stat(path).ok()?),
        }
    }
}

/// An open file that is read without being owned.
struct OpenFile<'a> {
    fd: BorrowedFd<'a>,
    /// Where it was found, and how it was then.
    found: Option<(&'a Path, Stat)>,
}

impl<'a> OpenFile<'a> {
    fn at(path: &'a Path, file: &'a OwnedFd) -> Result<Self> {
        let stat = rustix::fs::fstat(file).map_err(|error| unreadable(path, error))?;
        if !is_regular(&stat) {
            return Err(not_regular(path));
        }
        Ok(Self { fd: file.as_fd(), found: Some((path, stat)) })
    }

    fn check_unchanged(&self) -> io::Result<()> {
        let Some((path, before)) = &self.found else { return Ok(()) };
        let now = rustix::fs::fstat(self.fd)?;
        let told = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        if told(&now) == told(before) {
            return Ok(());
        }
        Err(archive::changed(path).into())
    }
}

impl Read for OpenFile<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match (retry_on_intr(|| rustix::io::read(self.fd, &mut *buf)), &self.found) {
            (Ok(0), _) => self.check_unchanged().map(|()| 0),
            (Ok(n), _) => Ok(n),
            (Err(error), Some((path, _))) => Err(unreadable(path, error).into()),
            (Err(error), None) => Err(error.into()),
        }
    }
}

fn open(path: &Path) -> Result<OwnedFd> {
    // A pipe is not waited for: it is refused when it is open.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    match retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty())) {
        Ok(file) => Ok(file),
        Err(Errno::NOENT) => {
            let path = path.display();
            Err(Error::NotFound(format!("{path}: expected a file, found none")))
        }
        // A socket.
        Err(Errno::NXIO) => Err(not_regular(path)),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn not_regular(path: &Path) -> Error {
    let problem = "expected a regular file, found something else";
    Error::format(path.display().to_string(), problem)
}

fn unreadable(path: &Path, error: impl Into<io::Error>) -> Error {
    Error::Io { action: "read", path: path.display().to_string(), source: error.into() }
}

/// Calls the source by its path in what a decoder says of it.
fn named(error: Error, path: &Path) -> Error {
    match error {
        Error::Format { document, problem } if document == SOURCE => {
            Error::Format { document: path.display().to_string(), problem }
        }
        other => other,
    }
}

fn title(path: &Path) -> Result<&str> {
    let name = path.file_name().and_then(OsStr::to_str);
    let expected = "the path of a file whose name is UTF-8";
    name.ok_or_else(|| Error::invalid("path", expected, &path.to_string_lossy()))
}
