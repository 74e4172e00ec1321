//! Which paths are left out.

use crate::words::error::{Error, Result};
use crate::words::memory;
use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Patterns in the order in which they were given, and whether each includes.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<(Glob, bool)>);

impl Patterns {
    pub(super) fn add(&mut self, pattern: &str, includes: bool) -> Result<()> {
        let outside = pattern.is_empty() || pattern.starts_with('/') || pattern.ends_with('/');
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) if !outside => memory::push(&mut self.0, (glob, includes)),
            _ => {
                let expected = "a pattern for paths below the directory, such as usr/**/*.o";
                Err(Error::invalid("pattern", expected, pattern))
            }
        }
    }
}

/// The patterns, ready to be asked.
pub(super) struct Filter {
    set: GlobSet,
    includes: Vec<bool>,
    matched: Vec<usize>,
}

impl Filter {
    pub(super) fn new(patterns: &Patterns) -> Result<Self> {
        let mut builder = GlobSetBuilder::new();
        for (glob, _) in &patterns.0 {
            builder.add(glob.clone());
        }
        let set = builder.build().map_err(|_| {
            let found = format!("{} patterns that are too large together", patterns.0.len());
            Error::invalid("pattern", "patterns that can be compiled", &found)
        })?;
        let includes = memory::list(patterns.0.iter().map(|(_, includes)| *includes))?;
        Ok(Self { set, includes, matched: Vec::new() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.includes.is_empty()
    }

    /// Whether the last pattern that matches, if any does, is one that includes.
    pub(super) fn keeps(&mut self, path: &[u8]) -> bool {
        let candidate = Candidate::new(OsStr::from_bytes(path));
        self.set.matches_candidate_into(&candidate, &mut self.matched);
        let last = self.matched.iter().max().and_then(|last| self.includes.get(*last));
        last.copied().unwrap_or(true)
    }
}
