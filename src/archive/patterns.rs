//! Which paths are left out.

use crate::words::error::{Error, Result};
use crate::words::memory;
use fast_glob::{glob_match, validate};

/// Patterns in the order in which they were given, and whether each includes.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<(String, bool)>);

impl Patterns {
    pub(super) fn add(&mut self, pattern: &str, includes: bool) -> Result<()> {
        let outside = pattern.is_empty() || pattern.starts_with('/') || pattern.ends_with('/');
        if outside || validate(pattern).is_err() {
            let expected = "a pattern for paths below the directory, such as usr/**/*.o";
            return Err(Error::invalid("pattern", expected, pattern));
        }
        // At the beginning it would turn the pattern round, which is what including is for.
        let mut literal = memory::owned(if pattern.starts_with('!') { "\\" } else { "" })?;
        memory::append(&mut literal, pattern)?;
        memory::push(&mut self.0, (literal, includes))
    }

    /// Whether the last pattern that matches, if any does, is one that includes.
    pub(super) fn keep(&self, path: &[u8]) -> bool {
        let last = self.0.iter().rev().find(|(pattern, _)| glob_match(pattern, path));
        last.is_none_or(|(_, includes)| *includes)
    }
}
