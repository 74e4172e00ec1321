//! A walk over a directory, and over what it was before, name by name.
//!
//! Paths come in the order of their bytes, a directory before what is in it, and
//! what is gone from a directory before what is there. Nothing recurses: what
//! grows with the depth is a list.

use super::descent::{Descent, WHITEOUT};
use super::listing::{Listing, bare};
use super::options::DirectoryOptions;
use super::patterns::Patterns;
use crate::words::error::Result;
use crate::words::memory;
use rustix::fs::FileType;
use std::path::{Path, PathBuf};

pub(super) struct Walk<'a> {
    upper: Descent,
    lower: Option<Descent>,
    patterns: &'a Patterns,
    frames: Vec<Frame>,
    path: Vec<u8>,
    /// What stood at the path before.
    before: Option<FileType>,
    begun: bool,
}

/// What the walk came to.
pub(super) enum Step {
    /// A directory, which it is in now.
    Directory,
    /// Anything else that is there.
    File(FileType),
    /// What is there no more: the path is that of its whiteout.
    Gone,
}

/// A directory of which some names are still to come.
struct Frame {
    /// How much of the path is that of the directory.
    length: usize,
    names: Listing,
    next: usize,
    /// What was in the directory before, if it was one, and what of that is gone.
    before: Option<Listing>,
    gone: Listing,
    next_gone: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        lower: Option<&Path>,
        upper: &Path,
        options: &'a DirectoryOptions,
    ) -> Result<Self> {
        Ok(Self {
            lower: lower.map(Descent::open).transpose()?,
            upper: Descent::open(upper)?,
            patterns: &options.patterns,
            frames: Vec::new(),
            path: Vec::new(),
            before: None,
            begun: false,
        })
    }

    /// Goes on to the next path, in the end to none.
    pub(super) fn step(&mut self) -> Result<Option<Step>> {
        if !self.begun {
            self.begun = true;
            self.before = self.lower.as_ref().map(|_| FileType::Directory);
            self.list(self.lower.is_some())?;
            return Ok(Some(Step::Directory));
        }
        while let Some(frame) = self.frames.last_mut() {
            self.path.truncate(frame.length);
            if let Some((name, _)) = frame.gone.at(frame.next_gone) {
                frame.next_gone += 1;
                append(&mut self.path, WHITEOUT)?;
                append(&mut self.path, bare(name))?;
                return Ok(Some(Step::Gone));
            }
            if let Some((name, kind)) = frame.names.at(frame.next) {
                frame.next += 1;
                append(&mut self.path, name)?;
                self.before = frame.before.as_ref().and_then(|before| before.kind_of(bare(name)));
                if kind == FileType::Directory {
                    self.enter()?;
                    return Ok(Some(Step::Directory));
                }
                return Ok(Some(Step::File(kind)));
            }
            self.leave()?;
        }
        Ok(None)
    }

    fn enter(&mut self) -> Result<()> {
        let name = name_of(&self.path);
        self.upper.enter(name, &self.path)?;
        let was_one = self.before == Some(FileType::Directory);
        if let Some(lower) = self.lower.as_mut().filter(|_| was_one) {
            lower.enter(name, &self.path)?;
        }
        self.list(was_one)
    }

    fn list(&mut self, was_one: bool) -> Result<()> {
        let Self { upper, lower, patterns, path, .. } = self;
        let mut keeps = |path: &[u8]| patterns.keep(path);
        let mut names = upper.list(path, &mut keeps)?;
        names.sort_by_path();
        let (mut before, mut gone) = (None, Listing::default());
        if let Some(lower) = lower.as_mut().filter(|_| was_one) {
            let mut listed = lower.list(path, &mut keeps)?;
            listed.sort_by_name();
            gone = gone_from(&listed, &names)?;
            before = Some(listed);
        }
        let length = path.len();
        let frame = Frame { length, names, next: 0, before, gone, next_gone: 0 };
        memory::push(&mut self.frames, frame)
    }

    fn leave(&mut self) -> Result<()> {
        let was_one = self.frames.pop().is_some_and(|frame| frame.before.is_some());
        self.upper.leave(&self.path)?;
        match self.lower.as_mut().filter(|_| was_one) {
            Some(lower) => lower.leave(&self.path),
            None => Ok(()),
        }
    }

    /// The path that the walk came to: in the archive, with the slash of a
    /// directory, and empty for the root.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &[u8] {
        name_of(&self.path)
    }

    /// How many directories the walk is in.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn upper(&self) -> &Descent {
        &self.upper
    }

    /// What was there before, if it was of this kind.
    pub(super) fn before(&self, kind: FileType) -> Option<&Descent> {
        self.lower.as_ref().filter(|_| self.before == Some(kind))
    }

    /// Where the path stands on this machine, for error messages.
    pub(super) fn place(&self) -> PathBuf {
        self.upper.place(&self.path)
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    let path = bare(path);
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn append(path: &mut Vec<u8>, more: &[u8]) -> Result<()> {
    path.try_reserve(more.len())?;
    path.extend_from_slice(more);
    Ok(())
}

/// What is in one listing, which is sorted by name, and not in the other.
fn gone_from(before: &Listing, names: &Listing) -> Result<Listing> {
    let mut gone = memory::list((0..before.len()).map(|_| true))?;
    for position in 0..names.len() {
        let found = names.at(position).and_then(|(name, _)| before.find(bare(name)));
        if let Some(gone) = found.and_then(|found| gone.get_mut(found)) {
            *gone = false;
        }
    }
    let mut listing = Listing::default();
    for position in 0..before.len() {
        if let (Some(true), Some((name, kind))) = (gone.get(position), before.at(position)) {
            listing.add(bare(name), kind)?;
        }
    }
    Ok(listing)
}
