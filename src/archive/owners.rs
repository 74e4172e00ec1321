//! Whose the files of an archive are.

use crate::words::error::{Error, Result};
use crate::words::memory;

/// Whose the files of a layer are.
#[derive(Clone, Debug, Default)]
pub enum Owners {
    /// Those who own them here.
    #[default]
    Kept,
    /// User 0 and group 0.
    Root,
    /// Those whom a map says; a file of any other is an error.
    Mapped(OwnerMap),
}

/// Ranges of users and groups and what becomes of them, as for a user namespace.
#[derive(Clone, Debug, Default)]
pub struct OwnerMap {
    users: Vec<Range>,
    groups: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    from: u32,
    to: u32,
    length: u32,
}

impl OwnerMap {
    /// A map of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The `length` users from `from` on here become those from `to` on.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the range is empty, ends after 4294967295, or has
    /// users of an earlier one.
    pub fn users(mut self, from: u32, to: u32, length: u32) -> Result<Self> {
        add(&mut self.users, Range { from, to, length })?;
        Ok(self)
    }

    /// The same for groups.
    ///
    /// # Errors
    /// Those of [`users`](Self::users).
    pub fn groups(mut self, from: u32, to: u32, length: u32) -> Result<Self> {
        add(&mut self.groups, Range { from, to, length })?;
        Ok(self)
    }
}

impl Range {
    fn last(self) -> u32 {
        self.from + (self.length - 1)
    }
}

fn add(ranges: &mut Vec<Range>, new: Range) -> Result<()> {
    let fits = |start: u32| new.length > 0 && start.checked_add(new.length - 1).is_some();
    let found = || format!("{} to {}, {} of them", new.from, new.to, new.length);
    if !fits(new.from) || !fits(new.to) {
        return Err(Error::invalid("range", "1 or more ids up to 4294967295", &found()));
    }
    if ranges.iter().any(|range| range.from <= new.last() && new.from <= range.last()) {
        return Err(Error::invalid("range", "ids that are not mapped yet", &found()));
    }
    memory::push(ranges, new)
}

fn mapped(ranges: &[Range], id: u32) -> Option<u32> {
    let range = ranges.iter().find(|range| (range.from..=range.last()).contains(&id))?;
    Some(range.to + (id - range.from))
}

impl Owners {
    pub(super) fn are_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }

    /// Who a user is in the archive, if that is said.
    pub(super) fn user(&self, id: u32) -> Option<u32> {
        match self {
            Self::Kept => Some(id),
            Self::Root => Some(0),
            Self::Mapped(map) => mapped(&map.users, id),
        }
    }

    /// Who a group is in the archive, if that is said.
    pub(super) fn group(&self, id: u32) -> Option<u32> {
        match self {
            Self::Kept => Some(id),
            Self::Root => Some(0),
            Self::Mapped(map) => mapped(&map.groups, id),
        }
    }
}
