//! The names in a directory.

use crate::words::error::Result;
use crate::words::memory;
use rustix::fs::FileType;

/// Names and kinds, held in one piece: a directory may have a million.
#[derive(Default)]
pub(super) struct Listing {
    /// The names one after another, those of directories with a slash behind them.
    text: Vec<u8>,
    names: Vec<Place>,
}

struct Place {
    start: usize,
    end: usize,
    kind: FileType,
}

impl Listing {
    pub(super) fn add(&mut self, name: &[u8], kind: FileType) -> Result<()> {
        let start = self.text.len();
        self.text.try_reserve(name.len() + 1)?;
        self.text.extend_from_slice(name);
        if kind == FileType::Directory {
            self.text.push(b'/');
        }
        memory::push(&mut self.names, Place { start, end: self.text.len(), kind })
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The entry at a position: its name as the archive has it, and its kind.
    pub(super) fn at(&self, position: usize) -> Option<(&[u8], FileType)> {
        let place = self.names.get(position)?;
        Some((self.text.get(place.start..place.end)?, place.kind))
    }

    /// Sorts as the bytes of the paths in the archive are sorted, where those in a
    /// directory come right behind it.
    pub(super) fn sort_by_path(&mut self) {
        let text = &self.text;
        self.names.sort_unstable_by_key(|place| text.get(place.start..place.end));
    }

    /// Sorts so that names can be found whatever stands there.
    pub(super) fn sort_by_name(&mut self) {
        let text = &self.text;
        self.names.sort_unstable_by_key(|place| text.get(place.start..place.end).map(bare));
    }

    /// What stands at a name, in a listing that is sorted by name.
    pub(super) fn kind_of(&self, name: &[u8]) -> Option<FileType> {
        self.at(self.find(name)?).map(|(_, kind)| kind)
    }

    /// Where a name stands, in a listing that is sorted by name.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let text = |place: &Place| self.text.get(place.start..place.end).map(bare);
        self.names.binary_search_by(|place| text(place).cmp(&Some(name))).ok()
    }
}

/// A name without the slash of a directory.
pub(super) fn bare(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"/").unwrap_or(name)
}
