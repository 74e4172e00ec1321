//! What a verification finds.

use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::io::Errno;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wrong with a part of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// It is pointed at, or every layout has it, and it is not there.
    Missing,
    /// Something other than a regular file stands there, or the system refuses to
    /// read it.
    Unreadable,
    /// It is not as long as what points at it says.
    Size,
    /// Its content is not that of its digest.
    Digest,
    /// It is a document that breaks the image-spec.
    Malformed,
    /// Two places say of it what cannot both be so.
    Contradictory,
    /// It is no part of a layout, and nobody's work in progress.
    Leftover,
}

/// What is wrong, and how a person is told so.
pub(super) type Problem = (FindingKind, String);

impl FindingKind {
    /// What it says of a file that it could not be read for this reason. A reason
    /// that says nothing of it is given back.
    pub(super) fn of(error: Error) -> Result<Problem> {
        let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
        let kind = match &error {
            Error::Io { .. } if error.errno().is_some_and(|no| exhausted.contains(&no)) => {
                return Err(error);
            }
            Error::Io { .. } | Error::Format { .. } => Self::Unreadable,
            Error::NotFound(_) => Self::Missing,
            Error::Size { .. } => Self::Size,
            Error::Digest { .. } => Self::Digest,
            Error::Limit { .. } => Self::Malformed,
            _ => return Err(error),
        };
        Ok((kind, error.to_string()))
    }
}

/// One thing that is wrong with a layout.
///
/// As text it is one line: the whole path, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: PathBuf,
    kind: FindingKind,
    message: String,
    digest: Option<Digest>,
    referenced_from: Vec<Arc<str>>,
}

impl Finding {
    pub(super) fn new(path: impl Into<PathBuf>, (kind, message): &Problem) -> Self {
        // A path may have a newline in it.
        let printed = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        Self {
            path: path.into(),
            kind: *kind,
            message: message.chars().map(printed).collect(),
            digest: None,
            referenced_from: Vec::new(),
        }
    }

    /// The same about a blob that is referenced from these places.
    pub(super) fn of_blob(self, digest: &Digest, referenced_from: &[Arc<str>]) -> Result<Self> {
        let referenced_from = memory::list(referenced_from.iter().cloned())?;
        Ok(Self { digest: Some(digest.clone()), referenced_from, ..self })
    }

    /// What it has in common with what another look finds.
    pub(super) fn key(&self) -> (PathBuf, FindingKind) {
        (self.path.clone(), self.kind)
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// What it is wrong with, from the root of the layout on.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest by which the blob is named, if it is one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Everything that points at the blob, sorted: the digests of documents, and
    /// `index.json`. Nothing for a blob that is there and not pointed at.
    pub fn referenced_from(&self) -> impl ExactSizeIterator<Item = &str> {
        self.referenced_from.iter().map(AsRef::as_ref)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
