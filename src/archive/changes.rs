//! What an archive tells of a directory: all of it, or what is not as before.
//!
//! The directories above a change are told too, even if nothing about them has
//! changed: a layer is often unpacked by itself, and laid over the others later.

use super::compare::{Comparer, same_metadata};
use super::entry::{Archive, Source};
use super::groups::Groups;
use super::node::{Held, Node};
use super::options::DirectoryOptions;
use super::walk::{Step, Walk};
use super::xattrs::Reader;
use super::{Identity, identity};
use crate::words::error::Result;
use crate::words::memory;
use rustix::fs::FileType;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// Writes a directory as an archive, and counts its entries while it does.
pub(crate) fn write_directory(
    path: &Path,
    options: &DirectoryOptions,
    out: &mut impl Write,
    entries: &Cell<u64>,
) -> Result<()> {
    let walk = Walk::new(None, path, options)?;
    let archive = Archive::new(out, options, entries)?;
    Changes::new(walk, archive, options, None)?.write()
}

/// Writes what makes one directory of another, as an archive, and counts its
/// entries while it does. While it compares, `go_on` can end it.
pub(crate) fn write_difference(
    lower: &Path,
    upper: &Path,
    options: &DirectoryOptions,
    out: &mut impl Write,
    entries: &Cell<u64>,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let mut comparer = Comparer::new(go_on)?;
    let groups = Groups::find(lower, upper, options, &mut Reader::new()?, &mut comparer)?;
    let walk = Walk::new(Some(lower), upper, options)?;
    let archive = Archive::new(out, options, entries)?;
    Changes::new(walk, archive, options, Some((comparer, groups)))?.write()
}

struct Changes<'a, W: Write> {
    walk: Walk<'a>,
    archive: Archive<'a, W>,
    options: &'a DirectoryOptions,
    /// What is needed where there was something before.
    before: Option<(Comparer<'a>, Groups)>,
    reader: Reader,
    links: HashMap<Identity, Link>,
    /// The directories that the walk is in, as long as they are not told.
    untold: Vec<Option<Directory>>,
}

/// A file of which there are names to come.
struct Link {
    first: Vec<u8>,
    to_come: u64,
}

struct Directory {
    /// How much of the path is that of the directory.
    length: usize,
    node: Node,
}

impl<'a, W: Write> Changes<'a, W> {
    fn new(
        walk: Walk<'a>,
        archive: Archive<'a, W>,
        options: &'a DirectoryOptions,
        before: Option<(Comparer<'a>, Groups)>,
    ) -> Result<Self> {
        let reader = Reader::new()?;
        let (links, untold) = (HashMap::new(), Vec::new());
        Ok(Self { walk, archive, options, before, reader, links, untold })
    }

    fn write(mut self) -> Result<()> {
        while let Some(step) = self.walk.step()? {
            // Of what the walk has left nothing more is told.
            self.untold.truncate(self.walk.depth());
            match step {
                Step::Directory => self.directory()?,
                Step::File(kind) => self.file(kind)?,
                Step::Gone => {
                    self.tell_directories()?;
                    self.archive.whiteout(self.walk.path())?;
                }
            }
        }
        self.archive.finish()
    }

    fn directory(&mut self) -> Result<()> {
        let path = self.walk.path();
        let node = Node::of_directory(self.walk.upper(), path, &mut self.reader)?;
        let stands = match self.walk.before(FileType::Directory) {
            Some(lower) => {
                let before = Node::of_directory(lower, path, &mut self.reader)?;
                same_metadata(&node, &before, self.options)
            }
            None => false,
        };
        self.untold.truncate(self.walk.depth() - 1);
        memory::push(&mut self.untold, Some(Directory { length: path.len(), node }))?;
        if stands { Ok(()) } else { self.tell_directories() }
    }

    fn tell_directories(&mut self) -> Result<()> {
        for directory in self.untold.iter_mut().filter_map(Option::take) {
            let path = self.walk.path().get(..directory.length).unwrap_or_default();
            let place = self.walk.upper().place(path);
            let path = if path.is_empty() { b"./" } else { path };
            self.archive.directory(Source { path, place: &place }, &directory.node)?;
        }
        Ok(())
    }

    fn file(&mut self, kind: FileType) -> Result<()> {
        let (name, path) = (self.walk.name(), self.walk.path());
        let held = Held::open(self.walk.upper(), name, kind, path, &mut self.reader)?;
        let place = self.walk.place();
        if self.stands(&held, kind, &place)? {
            return Ok(());
        }
        self.tell_directories()?;
        let path = self.walk.path();
        let source = Source { path, place: &place };
        #[allow(clippy::useless_conversion, reason = "it is a u32 on other machines")]
        let links = u64::from(held.node.stat.st_nlink);
        if links < 2 {
            return self.archive.file(source, &held);
        }
        let file = identity(&held.node.stat);
        if let Some(link) = self.links.get_mut(&file) {
            self.archive.link(source, &held.node, &link.first)?;
            link.to_come = link.to_come.saturating_sub(1);
            if link.to_come == 0 {
                self.links.remove(&file);
            }
            return Ok(());
        }
        self.archive.file(source, &held)?;
        let first = memory::list(path.iter().copied())?;
        memory::note(&mut self.links, file, Link { first, to_come: links - 1 })
    }

    /// Whether a file is as it was before.
    fn stands(&mut self, upper: &Held, kind: FileType, place: &Path) -> Result<bool> {
        let (Some((comparer, groups)), Some(before)) = (&mut self.before, self.walk.before(kind))
        else {
            return Ok(false);
        };
        let (name, path) = (self.walk.name(), self.walk.path());
        let lower = Held::open(before, name, kind, path, &mut self.reader)?;
        match groups.stands(identity(&upper.node.stat), identity(&lower.node.stat)) {
            Some(stands) => Ok(stands),
            None => comparer.same((upper, place), (&lower, &before.place(path)), self.options),
        }
    }
}
