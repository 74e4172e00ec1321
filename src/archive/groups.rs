//! Which files with several names are linked as they were before.
//!
//! If one name of such a file is told, all have to be: what is written in a layer
//! is a new file, and the names that were left out would stay with the old one.
//! The first of them may come long before the one that has changed, so a
//! difference is walked once for this alone.

use super::compare::Comparer;
use super::node::Held;
use super::options::DirectoryOptions;
use super::walk::{Step, Walk};
use super::xattrs::Reader;
use super::{Identity, identity};
use crate::words::error::Result;
use crate::words::memory;
use rustix::fs::FileType;
use std::collections::HashMap;
use std::path::Path;

#[derive(Default)]
pub(super) struct Groups {
    uppers: HashMap<Identity, Group>,
    /// What became of each file of before: one file, or several.
    lowers: HashMap<Identity, Option<Identity>>,
}

/// A file, and what all its names stood for before.
struct Group {
    before: Option<Identity>,
    changed: bool,
}

impl Groups {
    pub(super) fn find(
        lower: &Path,
        upper: &Path,
        options: &DirectoryOptions,
        reader: &mut Reader,
        comparer: &mut Comparer<'_>,
    ) -> Result<Self> {
        let mut walk = Walk::new(Some(lower), upper, options)?;
        let mut groups = Self::default();
        while let Some(step) = walk.step()? {
            if let Step::File(kind) = step {
                groups.look(&walk, kind, options, reader, comparer)?;
            }
        }
        Ok(groups)
    }

    fn look(
        &mut self,
        walk: &Walk,
        kind: FileType,
        options: &DirectoryOptions,
        reader: &mut Reader,
        comparer: &mut Comparer<'_>,
    ) -> Result<()> {
        let (name, path) = (walk.name(), walk.path());
        let upper = walk.upper().look(name, path)?;
        let lower = walk.before(kind).map(|lower| lower.look(name, path)).transpose()?;
        if upper.st_nlink < 2 && lower.is_none_or(|lower| lower.st_nlink < 2) {
            return Ok(());
        }
        let (upper, lower) = (identity(&upper), lower.as_ref().map(identity));
        if let Some(lower) = lower {
            self.lowers.try_reserve(1)?;
            let now = self.lowers.entry(lower).or_insert(Some(upper));
            *now = now.filter(|now| *now == upper);
        }
        match self.uppers.get_mut(&upper) {
            Some(group) => group.changed |= group.before != lower,
            None => {
                let changed = match walk.before(kind) {
                    Some(before) => {
                        let upper = Held::open(walk.upper(), name, kind, path, reader)?;
                        let lower = Held::open(before, name, kind, path, reader)?;
                        let (here, there) = (walk.place(), before.place(path));
                        !comparer.same((&upper, &here), (&lower, &there), options)?
                    }
                    None => true,
                };
                memory::note(&mut self.uppers, upper, Group { before: lower, changed })?;
            }
        }
        Ok(())
    }

    /// Whether a file and all its names are as before; `None` where it never had
    /// more names than one.
    pub(super) fn stands(&self, upper: Identity, lower: Identity) -> Option<bool> {
        let group = self.uppers.get(&upper)?;
        Some(!group.changed && self.lowers.get(&lower) == Some(&Some(upper)))
    }
}
