//! How a directory becomes a layer.

use super::owners::Owners;
use super::patterns::Patterns;
use crate::words::error::{Error, Result};

/// How a directory becomes a layer.
///
/// By default everything is told as it stands there: all files but sockets,
/// with their modes, owners, times and extended attributes, holes as zeros.
#[derive(Clone, Debug, Default)]
pub struct DirectoryOptions {
    pub(super) latest: Option<i64>,
    pub(super) owners: Owners,
    pub(super) patterns: Patterns,
    pub(super) sparse: bool,
}

impl DirectoryOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest time of modification that is told, in seconds since 1970: later
    /// ones become it, so that a tree that was just made is told as it was before.
    #[must_use]
    pub fn clamp(mut self, seconds: i64) -> Self {
        self.latest = Some(seconds);
        self
    }

    /// As [`clamp`](Self::clamp), with the time that the environment variable
    /// `SOURCE_DATE_EPOCH` says now. Nothing changes if it is not set.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no whole number of seconds.
    pub fn source_date_epoch(self) -> Result<Self> {
        const NAME: &str = "SOURCE_DATE_EPOCH";
        let Some(text) = std::env::var_os(NAME) else { return Ok(self) };
        match text.to_str().map(str::parse) {
            Some(Ok(seconds)) => Ok(self.clamp(seconds)),
            _ => Err(Error::invalid(NAME, "whole seconds since 1970", &text.to_string_lossy())),
        }
    }

    /// Whose the files are; kept by default. Names of users and groups are never
    /// written, since they mean something else on another machine.
    #[must_use]
    pub fn owners(mut self, owners: Owners) -> Self {
        self.owners = owners;
        self
    }

    /// Leaves out what matches, and a directory with all that is in it.
    ///
    /// A pattern is matched against the path below the directory, such as
    /// `usr/lib/x`: `*` and `?` stop at a slash, `**` does not, `{a,b}` and `[a-z]`
    /// choose, a backslash takes what follows as it is. Of several patterns that
    /// match, the last decides, whether it excludes or includes; what none matches
    /// is told. What is in a directory that is left out is not looked at, so
    /// including it does not bring it back. A difference takes what is left out for
    /// absent on both sides.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the pattern is malformed, empty, has more than ten
    /// pairs of braces, or begins or ends with a slash.
    pub fn exclude(mut self, pattern: &str) -> Result<Self> {
        self.patterns.add(pattern, false)?;
        Ok(self)
    }

    /// Tells what matches although an earlier [`exclude`](Self::exclude) leaves it
    /// out.
    ///
    /// # Errors
    /// Those of [`exclude`](Self::exclude).
    pub fn include(mut self, pattern: &str) -> Result<Self> {
        self.patterns.add(pattern, true)?;
        Ok(self)
    }

    /// Tells the holes of sparse files as holes, in the format of GNU tar (PAX, 1.0).
    /// Without it they are written as zeros, as image-spec, layer.md asks, since not
    /// every tool reads them.
    #[must_use]
    pub fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }
}
