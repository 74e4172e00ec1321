//! The entries of an archive: what each kind of file is told as.
//!
//! Times are told in whole seconds: that is what all readers of layers agree on,
//! and how fine the rest is depends on the file system.

use super::content::{self, BLOCK};
use super::draft::Draft;
use super::node::{Held, Node};
use super::options::DirectoryOptions;
use super::output::Output;
use super::{untellable, xattrs};
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::FileType;
use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use tar::EntryType;

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
    out: Output<W>,
    options: &'a DirectoryOptions,
    entries: &'a Cell<u64>,
}

impl<'a, W: Write> Archive<'a, W> {
    pub(super) fn new(
        out: W,
        options: &'a DirectoryOptions,
        entries: &'a Cell<u64>,
    ) -> Result<Self> {
        Ok(Self { out: Output::new(out)?, options, entries })
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
        content::copy(held, source.place, &mut self.out)?;
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

        self.out.write_all(&text).map_err(Error::from_writer)?;
        for range in map {
            content::copy_range(held, range, source.place, &mut self.out)?;
        }
        self.pad(size)
    }

    fn special(&mut self, source: Source<'_>, held: &Held, kind: FileType) -> Result<()> {
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
        if matches!(kind, FileType::CharacterDevice | FileType::BlockDevice) {
            draft.device(held.node.stat.st_rdev)?;
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
        draft.mode(node.stat.st_mode);
        Ok(())
    }

    fn begin(&mut self, draft: Draft) -> Result<()> {
        draft.write(&mut self.out)?;
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        let padding = size.next_multiple_of(BLOCK) - size;
        self.out.zeros(padding).map_err(Error::from_writer)
    }

    /// Writes what ends an archive: two blocks of zeros.
    pub(super) fn finish(mut self) -> Result<()> {
        let ended = self.out.zeros(2 * BLOCK).and_then(|()| self.out.flush());
        ended.map_err(Error::from_writer)
    }
}

impl DirectoryOptions {
    /// The time that is told of a file that was modified then.
    pub(super) fn told_time(&self, seconds: i64) -> i64 {
        self.latest.map_or(seconds, |latest| seconds.min(latest))
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
