//! How an entry is written: a ustar header, and extended records (PAX) for what
//! has no room in one.
//!
//! Times are told in whole seconds: that is what all readers of layers agree on,
//! and how fine the rest is depends on the file system.

use super::content::{self, BLOCK};
use super::node::{Held, Node};
use super::options::DirectoryOptions;
use super::output::Output;
use super::{untellable, xattrs};
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::FileType;
use std::cell::Cell;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// The largest numbers for which a ustar header has room: seven octal digits, and
/// eleven.
const LARGEST_ID: u32 = 0o7_777_777;
const LARGEST_NUMBER: u64 = 0o77_777_777_777;

/// What is read where it stands, and written as an entry.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The path in the archive.
    pub(super) path: &'a [u8],
    /// The path on this machine, for error messages.
    pub(super) place: &'a Path,
}

/// An archive that is being written.
pub(super) struct Archive<'a, W: Write> {
    tar: Builder<Output<W>>,
    options: &'a DirectoryOptions,
    entries: &'a Cell<u64>,
}

/// A header, and the records that go before it.
struct Draft {
    header: Header,
    records: Vec<(String, Vec<u8>)>,
}

impl<'a, W: Write> Archive<'a, W> {
    pub(super) fn new(
        out: W,
        options: &'a DirectoryOptions,
        entries: &'a Cell<u64>,
    ) -> Result<Self> {
        Ok(Self { tar: Builder::new(Output::new(out)?), options, entries })
    }

    /// A directory; its path ends with a slash.
    pub(super) fn directory(&mut self, source: Source<'_>, node: &Node) -> Result<()> {
        let mut draft = Draft::new(EntryType::Directory);
        draft.path(source.path)?;
        self.describe(&mut draft, source, node)?;
        self.begin(draft)
    }

    /// That something is gone.
    pub(super) fn whiteout(&mut self, path: &[u8]) -> Result<()> {
        let mut draft = Draft::new(EntryType::Regular);
        draft.path(path)?;
        self.begin(draft)
    }

    /// Anything but a directory, with its content.
    pub(super) fn file(&mut self, source: Source<'_>, held: &Held) -> Result<()> {
        match held.node.kind() {
            FileType::RegularFile if self.options.sparse && content::has_holes(held) => {
                self.sparse(source, held)?;
            }
            FileType::RegularFile => self.regular(source, held)?,
            kind => self.special(source, held, kind)?,
        }
        held.check_still(source.place)
    }

    /// Another name of a file that was told before.
    pub(super) fn link(&mut self, source: Source<'_>, node: &Node, first: &[u8]) -> Result<()> {
        let mut draft = Draft::new(EntryType::Link);
        draft.path(source.path)?;
        draft.target(first)?;
        self.describe_owner(&mut draft, source, node)?;
        self.begin(draft)
    }

    fn regular(&mut self, source: Source<'_>, held: &Held) -> Result<()> {
        let mut draft = Draft::new(EntryType::Regular);
        draft.path(source.path)?;
        draft.size(content::size(held))?;
        self.describe(&mut draft, source, &held.node)?;
        self.begin(draft)?;
        content::copy(held, source.place, self.tar.get_mut())?;
        self.pad(content::size(held))
    }

    /// The format that GNU tar calls PAX 1.0: a map of the data, then the data.
    fn sparse(&mut self, source: Source<'_>, held: &Held) -> Result<()> {
        let map = content::map(held, source.place)?;
        let text = map_text(&map, content::size(held))?;
        let data = map.iter().map(|range| range.end - range.start).sum::<u64>();
        let size = text.len() as u64 + data;

        let mut draft = Draft::new(EntryType::Regular);
        draft.path(&sparse_path(source.path)?)?;
        draft.size(size)?;
        draft.record("GNU.sparse.major", b"1")?;
        draft.record("GNU.sparse.minor", b"0")?;
        draft.name("GNU.sparse.name", source.path)?;
        draft.record("GNU.sparse.realsize", content::size(held).to_string().as_bytes())?;
        self.describe(&mut draft, source, &held.node)?;
        self.begin(draft)?;

        let out = self.tar.get_mut();
        out.write_all(&text).map_err(Error::from_writer)?;
        for range in map {
            content::copy_range(held, range, source.place, out)?;
        }
        self.pad(size)
    }

    fn special(&mut self, source: Source<'_>, held: &Held, kind: FileType) -> Result<()> {
        let device = held.node.stat.st_rdev;
        let mut draft = Draft::new(match kind {
            FileType::Symlink => EntryType::Symlink,
            FileType::Fifo => EntryType::Fifo,
            FileType::CharacterDevice => EntryType::Char,
            FileType::BlockDevice => EntryType::Block,
            other => {
                let expected = "a kind of file that a layer has";
                return Err(untellable(source.place, expected, &format!("{other:?}")));
            }
        });
        draft.path(source.path)?;
        draft.target(&held.node.target)?;
        if matches!(kind, FileType::CharacterDevice | FileType::BlockDevice)
            && let Some(ustar) = draft.header.as_ustar_mut()
        {
            ustar.set_device_major(rustix::fs::major(device));
            ustar.set_device_minor(rustix::fs::minor(device));
        }
        self.describe(&mut draft, source, &held.node)?;
        self.begin(draft)
    }

    fn describe(&self, draft: &mut Draft, source: Source<'_>, node: &Node) -> Result<()> {
        self.describe_owner(draft, source, node)?;
        for (name, value) in &node.xattrs {
            draft.record(&format!("SCHILY.xattr.{name}"), value)?;
        }
        if !self.options.owners.are_kept() && xattrs::name_others(&node.xattrs) {
            let expected = "an access list without users and groups, where owners are changed";
            return Err(untellable(source.place, expected, "one that names some"));
        }
        Ok(())
    }

    fn describe_owner(&self, draft: &mut Draft, source: Source<'_>, node: &Node) -> Result<()> {
        let (uid, gid) = (node.stat.st_uid, node.stat.st_gid);
        let owners = &self.options.owners;
        let unmapped = |what: &str, id: u32| {
            untellable(source.place, "an owner that is mapped", &format!("{what} {id}"))
        };
        draft.uid(owners.user(uid).ok_or_else(|| unmapped("user", uid))?)?;
        draft.gid(owners.group(gid).ok_or_else(|| unmapped("group", gid))?)?;
        draft.time(self.options.told_time(node.stat.st_mtime))?;
        draft.header.set_mode(node.stat.st_mode & 0o7777);
        Ok(())
    }

    fn begin(&mut self, mut draft: Draft) -> Result<()> {
        let records = draft.records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.tar.append_pax_extensions(records).map_err(Error::from_writer)?;
        draft.header.set_cksum();
        let header = draft.header.as_bytes();
        self.tar.get_mut().write_all(header).map_err(Error::from_writer)?;
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        let padding = size.next_multiple_of(BLOCK) - size;
        self.tar.get_mut().zeros(padding).map_err(Error::from_writer)
    }

    pub(super) fn finish(self) -> Result<()> {
        let finished = self.tar.into_inner().and_then(|mut out| out.flush());
        finished.map_err(Error::from_writer)
    }
}

impl DirectoryOptions {
    /// The time that is told of a file that was modified then.
    pub(super) fn told_time(&self, seconds: i64) -> i64 {
        self.latest.map_or(seconds, |latest| seconds.min(latest))
    }
}

impl Draft {
    fn new(kind: EntryType) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        Self { header, records: Vec::new() }
    }

    fn record(&mut self, key: &str, value: &[u8]) -> Result<()> {
        let value = memory::list(value.iter().copied())?;
        memory::push(&mut self.records, (memory::owned(key)?, value))
    }

    /// A record with a name. Records are UTF-8 unless the first says otherwise.
    fn name(&mut self, key: &str, name: &[u8]) -> Result<()> {
        const CHARSET: &str = "hdrcharset";
        let said = self.records.first().is_some_and(|(key, _)| key == CHARSET);
        if str::from_utf8(name).is_err() && !said {
            self.record(CHARSET, b"BINARY")?;
            self.records.rotate_right(1);
        }
        self.record(key, name)
    }

    /// A name that is no UTF-8 stands in the header, where bytes are bytes, as long
    /// as it has room there: not every reader knows records in other charsets.
    fn path(&mut self, path: &[u8]) -> Result<()> {
        let fits = self.header.set_path(OsStr::from_bytes(path)).is_ok();
        if fits && (path.is_ascii() || str::from_utf8(path).is_err()) {
            return Ok(());
        }
        let Some(ustar) = self.header.as_ustar_mut() else { return Ok(()) };
        ustar.prefix.fill(0);
        cut(&mut ustar.name, path);
        self.name("path", path)
    }

    fn target(&mut self, target: &[u8]) -> Result<()> {
        let Some(ustar) = self.header.as_ustar_mut() else { return Ok(()) };
        cut(&mut ustar.linkname, target);
        let fits = target.len() <= ustar.linkname.len();
        if fits && (target.is_ascii() || str::from_utf8(target).is_err()) {
            return Ok(());
        }
        self.name("linkpath", target)
    }

    fn size(&mut self, size: u64) -> Result<()> {
        if size <= LARGEST_NUMBER {
            self.header.set_size(size);
            return Ok(());
        }
        self.record("size", size.to_string().as_bytes())
    }

    fn uid(&mut self, id: u32) -> Result<()> {
        if id <= LARGEST_ID {
            self.header.set_uid(id.into());
            return Ok(());
        }
        self.record("uid", id.to_string().as_bytes())
    }

    fn gid(&mut self, id: u32) -> Result<()> {
        if id <= LARGEST_ID {
            self.header.set_gid(id.into());
            return Ok(());
        }
        self.record("gid", id.to_string().as_bytes())
    }

    fn time(&mut self, seconds: i64) -> Result<()> {
        match u64::try_from(seconds) {
            Ok(seconds) if seconds <= LARGEST_NUMBER => {
                self.header.set_mtime(seconds);
                Ok(())
            }
            _ => self.record("mtime", seconds.to_string().as_bytes()),
        }
    }
}

/// What of a name has room, for readers that know no records.
fn cut(field: &mut [u8], name: &[u8]) {
    field.fill(0);
    for (to, from) in field.iter_mut().zip(name) {
        *to = *from;
    }
}

/// The name under which a reader that knows no sparse files finds one.
fn sparse_path(path: &[u8]) -> Result<Vec<u8>> {
    let name = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (above, name) = path.split_at(name);
    memory::list([above, b"GNUSparseFile.0/", name].concat())
}

/// The map of a sparse file as text: how many parts there are, then of each where
/// it begins and how long it is; the last begins where the file ends.
fn map_text(map: &[Range<u64>], size: u64) -> Result<Vec<u8>> {
    let mut text = String::new();
    let ends_with_data = map.last().is_some_and(|last| last.end == size);
    let parts = map.len() + usize::from(!ends_with_data);
    let mut line = |number: u64| {
        text.try_reserve(21)?;
        writeln!(text, "{number}").map_err(|_| Error::Memory)
    };
    line(parts as u64)?;
    for range in map {
        line(range.start)?;
        line(range.end - range.start)?;
    }
    if !ends_with_data {
        line(size)?;
        line(0)?;
    }
    let mut text = text.into_bytes();
    let length = text.len().next_multiple_of(512);
    text.try_reserve(length - text.len())?;
    text.resize(length, 0);
    Ok(text)
}
